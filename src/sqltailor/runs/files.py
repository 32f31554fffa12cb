"""Atomic files (JSON, JSON Lines, text), and the hashes of data files."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqltailor.errors import DataError

logger = logging.getLogger(__name__)


def file_name(reference: str) -> str:
    """Return a model reference as part of a file name.

    >>> file_name("hf:Qwen/Qwen3-0.6B+runs/x")
    'hf-Qwen-Qwen3-0.6B-runs-x'
    """
    return re.sub(r"[^A-Za-z0-9._-]", "-", reference)


def hash_data(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Return path → sha256 and number of rows (lines that are not blank) of each file."""
    return {str(path): _hash_file(path) for path in paths}


def _hash_file(path: Path) -> dict[str, Any]:
    digest, rows = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            for line in file:
                digest.update(line)
                rows += bool(line.strip())
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror}.") from e
    return {"sha256": digest.hexdigest(), "rows": rows}


def data_hash(data: Mapping[str, Mapping[str, Any]]) -> str:
    """Return one hash for the contents of several files, in their order, whatever their names."""
    return hashlib.sha256("\n".join(str(entry["sha256"]) for entry in data.values()).encode()).hexdigest()[:16]


def write_text_atomic(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write a file whole or not at all, also through a power cut.

    It gets these permissions, or keeps those that it has; a new one is 0644.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with faults_name(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            os.fchmod(file.fileno(), mode or (path.stat().st_mode & 0o777 if path.exists() else 0o644))
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with faults_name(path):
            os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


@contextlib.contextmanager
def faults_name(path: Path) -> Iterator[None]:
    """Let errors about the temporary file `.NAME.…`, which stands beside a file while it is written, name the file."""
    try:
        yield
    except OSError as e:
        if Path(e.filename or "").name.startswith(f".{path.name}."):
            raise OSError(e.errno, e.strerror, os.fspath(path)) from e
        raise


def write_json_atomic(path: Path, value: Any) -> None:
    """Write readable JSON, whole or not at all."""
    write_text_atomic(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Return the value of a JSON file; DataError when it is missing or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror}.") from e
    except ValueError as e:
        raise DataError(f"{path} is not JSON: {e}.") from e


def append_jsonl(path: Path, row: Mapping[str, Any]) -> None:
    """Add one line to a JSON Lines file, closing a torn line first."""
    line = json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            line = line if file.read(1) == b"\n" else "\n" + line
        file.write(line.encode())


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSON Lines file that this program wrote.

    A last line that a crash tore is left out; a broken line elsewhere is left out with a warning when a later
    `append_jsonl` closed it. DataError when the file cannot be opened.
    """
    try:
        file = path.open("rb")
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror}.") from e
    with file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                logger.warning("%s:%d is torn and is skipped", path, number)
                continue
            yield row
