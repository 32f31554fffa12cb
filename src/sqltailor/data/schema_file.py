"""Schemas in files: one script of CREATE TABLE statements, or a folder of them that are run one after the other."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from sqltailor.data.file_kinds import check_encoding, open_bytes, without_mark
from sqltailor.errors import DataError
from sqltailor.sql.schema.ddl import read_ddl
from sqltailor.types import Schema

logger = logging.getLogger(__name__)

_ENDINGS = (".sql", ".ddl", ".hql", ".sql.gz")
_BACK = re.compile(r"(?:.*[._-])?(?:down|undo|rollback|revert)\.sql|U\d[\w.]*__.*", re.IGNORECASE)
"""Names of scripts that take a migration back: `0002_add.down.sql`, `U2__add.sql`."""
_BACK_FOLDERS = frozenset({"down", "undo", "rollback", "revert", "verify"})


def is_schema_file(place: str) -> bool:
    """Tell whether a place names a schema file, or a folder of them, rather than a database."""
    if "://" in place:
        return False
    return place.lower().endswith(_ENDINGS) or (Path(place).is_dir() and any(Path(place).rglob("*.sql")))


def read_schema_file(path: str | Path, dialect: str = "sqlite") -> Schema:
    """Return the schema in a file of CREATE TABLE statements, or in a folder of such files; raises `DataError`.

    What is not understood in it is told as a warning, with its line.
    """
    reading = read_ddl(schema_scripts(path), dialect)
    if note := reading.note():
        logger.warning("%s: %s", path, note)
    return reading.schema


def schema_scripts(path: str | Path) -> list[tuple[str, str]]:
    """Return the scripts of a schema: name (`""` for a single file) and text, a folder's in the order of their names.

    Numbers in names count as numbers: `V10__b.sql` comes after `V2__a.sql`. Scripts that take a migration back are
    left out. Raises `DataError`.
    """
    path = Path(path)
    if not path.is_dir():
        return [("", _text(path))]
    files = [file for file in path.rglob("*") if file.is_file() and file.name.lower().endswith(_ENDINGS)]
    files = [
        file for file in files
        if not _BACK.fullmatch(file.name) and _BACK_FOLDERS.isdisjoint(file.relative_to(path).parts[:-1])
    ]  # fmt: skip
    if not files:
        raise DataError(f"The folder '{path}' has no .sql file. Name a file of CREATE TABLE statements.")
    return [(str(file.relative_to(path)), _text(file)) for file in sorted(files, key=_by_number)]


def _by_number(path: Path) -> list[tuple[int, int, str]]:
    pieces = re.findall(r"\d+|\D+", str(path).lower())
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces]


def _text(path: Path) -> str:
    try:
        with open_bytes(path) as file:
            content = file.read()
    except OSError as e:
        raise DataError(f"The schema file '{path}' cannot be read: {e.strerror}.") from e
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        if b"\0" in content:
            raise _no_text(path, content) from e
        check_encoding(path)
        line = content.count(b"\n", 0, e.start) + 1
        raise DataError(f"{path} is not UTF-8 throughout: line {line} holds other bytes. Save it as UTF-8.") from e
    if "\0" in text:
        raise _no_text(path, content)
    if "\n" not in text:
        text = text.replace("\r", "\n")
    return re.sub("^\ufeff", "", text, flags=re.MULTILINE)  # between files that were joined


def _no_text(path: Path, content: bytes) -> DataError:
    if b"\0" in content[:2]:
        return without_mark(path)
    return DataError(f"{path} is not a text file. A schema file holds CREATE TABLE statements.")
