"""Data files of any kind, plain, gzip or zip: open them and recognise what they hold."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from sqltailor.data.tables import SEPARATOR_LINE
from sqltailor.errors import DataError

WRAPPERS = ("training_data", "data", "examples", "rows")
"""Keys under which a JSON object may hold the list of rows."""

ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".txt", ".sql", ".log")


TABLES_FILES = ("tables.json", "tables.json.gz", "dev_tables.json", "train_tables.json", "test_tables.json")
"""Where Spider and BIRD keep their schemas."""


_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@contextmanager
def open_bytes(path: Path, *, tables: bool = False) -> Iterator[BinaryIO]:
    """Open a plain, gzip or zip file for reading; the content decides, not the name.

    Of a zip file the one data file is read that it holds; with `tables` the tables file that lies beside that. Text in
    UTF-16 or UTF-32 that begins with its mark, as Excel writes it, is given as UTF-8.
    """
    if path.is_dir():
        files = sorted(f.name for f in path.iterdir() if f.suffix in ENDINGS)
        inside = f" Name a file in it: {', '.join(files[:8])}." if files else ""
        raise DataError(f"{path} is a directory, not a data file.{inside}")
    if not path.exists():
        if re.match(r"https?:/", str(path)):
            raise DataError(f"{path} is an address, not a file. Next: download it, and name the file.")
        hint = f" For a Hugging Face data set write hf:{path}." if re.fullmatch(r"[\w.-]+/[\w.-]+", str(path)) else ""
        raise DataError(f"No such file: {path}.{hint}")
    try:
        with path.open("rb") as plain:
            magic = plain.read(4)
            plain.seek(0)
            if magic[:2] == b"\x1f\x8b":
                with gzip.open(plain) as unpacked:
                    yield _as_utf8(path, cast(BinaryIO, unpacked))
            elif magic == b"PK\x03\x04":
                with zipfile.ZipFile(plain) as archive, archive.open(_only_member(path, archive, tables)) as member:
                    yield _as_utf8(path, cast(BinaryIO, member))
            else:
                yield _as_utf8(path, cast(BinaryIO, plain))
    except (EOFError, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError) as e:
        raise DataError(f"{path} is a broken compressed file: {e}") from e
    except PermissionError as e:
        raise DataError(f"{path} may not be read: {e.strerror}") from e


def _as_utf8(path: Path, file: BinaryIO) -> BinaryIO:
    """Return a file as it is, or in UTF-8 where a mark says that it is UTF-16 or UTF-32."""
    head = file.read(4)
    file.seek(0)
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if encoding is None:
        return file
    try:
        return io.BytesIO(file.read().decode(encoding).encode())
    except UnicodeDecodeError as e:
        raise DataError(f"{path} is not {encoding.upper()} throughout: byte {e.start} is none of it.") from e


def without_mark(path: Path) -> DataError:
    """Return the error about a file in UTF-16 that does not begin with its mark."""
    return DataError(
        f"{path} is UTF-16 without a mark. Next: iconv -f utf-16le -t utf-8 {path} > utf8-{path.name} (or utf-16be)"
    )


def _only_member(path: Path, archive: zipfile.ZipFile, tables: bool) -> str:
    held = [n for n in archive.namelist() if Path(n).suffix in ENDINGS and not n.startswith("__MACOSX")]
    schemas = [n for n in held if Path(n).name in TABLES_FILES]
    names = (schemas if tables else [n for n in held if n not in schemas]) or held
    if len(names) != 1:
        found = ", ".join(archive.namelist()[:8]) or "nothing"
        raise DataError(
            f"{path} must hold exactly one data file ({', '.join(ENDINGS)}); it holds: {found}. "
            "Next: unzip it, and name the file in it"
        )
    return names[0]


def has_tables(path: Path) -> bool:
    """Tell whether a file is a zip file that holds a tables file beside its data."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(Path(name).name in TABLES_FILES for name in archive.namelist())


def check_encoding(path: Path) -> None:
    """Raise `DataError` for text that is in another encoding than UTF-8 throughout, not by a broken row."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    odd: set[str] = set()
    with open_bytes(path) as file:
        while chunk := file.read(2**20):
            text = "" if chunk.isascii() else decoder.decode(chunk)
            if re.search("[^\0-\x7f\udc80-\udcff]", text):
                return
            odd.update(re.findall("[\udc80-\udcff]", text))
    if odd and "\udcff" not in odd:
        is_windows = any(character >= "\udcc0" for character in odd)
        likely = "cp1252 (Windows, Latin-1)" if is_windows else "cp850 (DOS) or macintosh"
        raise DataError(
            f"{path} is not UTF-8; it looks like {likely}. "
            f"Next: iconv -f {likely.split()[0]} -t utf-8 {path} > utf8-{path.name}"
        )


def beginning(path: Path) -> bytes:
    """Return the beginning of a file. Raises `DataError` for one that is empty, or in UTF-16 without its mark."""
    with open_bytes(path) as file:
        head = file.read(65536)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise DataError(f"{path} is empty.")
    if b"\0\0" in (head[0:3:2], head[1:4:2]):
        raise without_mark(path)
    return head


def named_table(path: Path) -> str | None:
    """Return `csv` or `tsv` where a file's name says that it is one."""
    suffixes = [s.lower() for s in path.suffixes]
    return next((s[1:] for s in (".csv", ".tsv") if s in suffixes), None)


_NO_TABLES = frozenset({".sql", ".ddl", ".md"})
"""Endings of files that are no tables, though there may be a comma in their first line."""
_KINDS = "Known: JSON, JSON Lines, CSV, TSV, Parquet."


def _what_instead(path: Path) -> str:
    if ".md" in path.suffixes:
        return _KINDS
    return f"{_KINDS} Statements without questions: sqltailor data log {path}"


def container(path: Path) -> str:
    """Return `csv`, `tsv`, `parquet`, `array` (JSON array or an object that wraps one), `objects` (JSON objects over
    several lines, or with commas between them) or `lines`.
    """
    head = beginning(path)
    if head[:4] == b"PAR1":
        return "parquet"
    if told := named_table(path):
        return told
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] == b"[" or re.match(rb'\{\s*"(%s)"\s*:\s*\[' % "|".join(WRAPPERS).encode(), start):
        return "array"
    if start[:1] == b"{" and re.search(rb"[{\[,]\s*\Z", start.split(b"\n", 1)[0]):
        return "objects"
    if start[:1] == b"{" or {s.lower() for s in path.suffixes} & {".jsonl", ".ndjson", ".json"}:
        return "lines"
    if {s.lower() for s in path.suffixes} & _NO_TABLES:
        raise DataError(f"{path} is not a file of questions with their SQL. {_what_instead(path)}")
    first = start.split(b"\n", 1)[0]
    is_told = SEPARATOR_LINE.fullmatch(first.decode("utf-8", "replace")) is not None
    if b"\0" in head or not (b"," in first or b"\t" in first or is_told):
        raise DataError(f"{path} is not a readable data file. {_KINDS}")
    return "tsv" if b"\t" in first and not is_told else "csv"
