"""Files as rows: JSON Lines, JSON arrays, CSV and TSV, plain, gzip or zip, read as a stream in bounded memory.

One JSON document that holds rows in another way (`layouts`) is read as a whole, up to 64 MiB.

A row that cannot be read is a `Reject`, never an exception: only a file that cannot be read at all raises.
`line` is the physical line in JSON Lines, CSV and TSV, and the position (from 1) in a JSON array or Parquet file.
"""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

from sqltailor.data.file_kinds import check_encoding, container, open_bytes
from sqltailor.data.layouts import cells_named, rows_of
from sqltailor.data.tables import table_records
from sqltailor.errors import DataError

MAX_ROW_BYTES = 4 * 2**20
"""A longer line is rejected as `too_long`: the largest schemas known to us are a tenth of it."""

MAX_ELEMENT_CHARACTERS = 64 * 2**20
"""What of a JSON array is searched for the end of one element before the rest of the file is given up."""

RAW_SHOWN = 2000


class Row(NamedTuple):
    """One row of a file: where it stood, and its value (an object, for all formats but plain text)."""

    line: int
    value: Any


@dataclass(frozen=True, slots=True)
class Reject:
    """One row that was not taken: where it stood, a short stable reason, a sentence, and the row's beginning."""

    line: int
    reason: str
    detail: str
    raw: str
    source: str | None = None


class RowError(DataError):
    """A row that cannot become an example; `reason` is one of `sqltailor.data.checks.example.REASONS`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def shown(value: object) -> str:
    """Return the beginning of a row as text, for `Reject.raw`."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= RAW_SHOWN else text[:RAW_SHOWN] + f"... ({len(text)} characters)"


def read_rows(path: Path, kind: str | None = None, names: Sequence[str] | None = None) -> Iterator[Row | Reject]:
    """Yield the rows of a data file; `kind` is one of `container`, recognised when None.

    `names` are the columns of a table whose first line does not name them.
    Raises `DataError` when the file is empty or of no known kind.
    """
    kind = kind or container(path)
    if kind == "parquet":
        yield from _parquet_rows(path)
        return
    if kind in ("csv", "tsv"):
        check_encoding(path)
    with open_bytes(path) as file:
        if kind in ("csv", "tsv"):
            yield from _table_rows(file, "\t" if kind == "tsv" else None, names)
        elif kind == "array":
            yield from _laid_out(path, _array_rows(file))
        elif kind == "objects":
            with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape") as text:
                yield from _laid_out(path, _elements(text, of_array=False))
        else:
            yield from _laid_out(path, _json_lines(file))


def _laid_out(path: Path, rows: Iterator[Row | Reject]) -> Iterator[Row | Reject]:
    """Yield the rows, those that one document holds, or those that are arrays of named cells."""
    first, second = next(rows, None), next(rows, None)
    if first is None:
        return
    if second is None:
        whole = first.value if isinstance(first, Row) else _whole(path) if first.reason == "too_long" else None
        held = rows_of(whole) if isinstance(whole, Mapping) else None
        if held is not None:
            yield from (Row(position, value) for position, value in enumerate(held, 1))
            return
    rows = chain([first] if second is None else [first, second], rows)
    named = cells_named(first.value) if isinstance(first, Row) and isinstance(first.value, list) else None
    if named is None:
        yield from rows
        return
    names, is_header = named
    for row in islice(rows, is_header, None):
        if isinstance(row, Row) and isinstance(row.value, list) and len(row.value) == len(names):
            row = Row(row.line, dict(zip(names, row.value, strict=True)))
        yield row


def _whole(path: Path) -> Any:
    """Return the one JSON value of a file, None where it holds more or is too large."""
    with open_bytes(path) as file:
        text = file.read(MAX_ELEMENT_CHARACTERS)
        if file.read(1):
            return None
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None


def _json_lines(file: BinaryIO) -> Iterator[Row | Reject]:
    for line in read_lines(file):
        yield line if isinstance(line, Reject) else _json_row(*line)


def read_lines(file: BinaryIO) -> Iterator[tuple[int, bytes] | Reject]:
    """Yield the lines that are not blank with their numbers; a byte order mark is dropped, a longer line rejected."""
    number = 0
    while line := file.readline(MAX_ROW_BYTES):
        number += 1
        if len(line) == MAX_ROW_BYTES and not line.endswith(b"\n"):
            yield Reject(
                number, "too_long", f"a line of more than {MAX_ROW_BYTES} bytes", shown(_text(line[:RAW_SHOWN]))
            )
            while line and not line.endswith(b"\n"):
                line = file.readline(MAX_ROW_BYTES)
            continue
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield number, line


def _json_row(number: int, line: bytes) -> Row | Reject:
    try:
        return Row(number, json.loads(line.decode("utf-8")))
    except UnicodeDecodeError as e:
        return Reject(number, "broken_text", f"not UTF-8 at byte {e.start}", shown(_text(line)))
    except (ValueError, RecursionError) as e:
        if b"\0" in line:
            return Reject(number, "broken_text", "the line holds NUL", shown(_text(line)))
        return Reject(number, "broken_json", f"not JSON: {str(e)[:200]}", shown(_text(line)))


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace").rstrip("\r\n")


def _array_rows(file: BinaryIO) -> Iterator[Row | Reject]:
    """Stream the elements of a JSON array; what follows a syntax error is one `broken_json` reject."""
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape") as text:
        yield from _elements(text)


def _elements(text: TextIO, *, of_array: bool = True) -> Iterator[Row | Reject]:
    """Yield the elements of a JSON array, or the JSON values of a text one after the other."""
    decode = json.JSONDecoder().raw_decode
    buffer = text.read(2**20)
    at = buffer.index("[") + 1 if of_array else 0
    position = 0
    while True:
        at = _skip(buffer, at, " \t\r\n,")
        if at == len(buffer) and not of_array:
            buffer, at = text.read(2**20), 0
            if buffer:
                continue
            break
        if at < len(buffer) and buffer[at] == "]":
            break
        position += 1
        try:
            value, end = decode(buffer, at)
            if end == len(buffer) and isinstance(value, (int, float)):
                raise ValueError("the number may go on")
        except (ValueError, RecursionError) as e:
            more = text.read(max(2**20, len(buffer))) if len(buffer) - at < MAX_ELEMENT_CHARACTERS else ""
            if not more:
                yield Reject(position, "broken_json", f"not JSON from here on: {e}", shown(buffer[at : at + RAW_SHOWN]))
                break
            buffer, at, position = buffer[at:] + more, 0, position - 1
            continue
        yield _element(position, value, buffer[at:end])
        at = end


def _element(position: int, value: Any, text: str) -> Row | Reject:
    if len(text) > MAX_ROW_BYTES:
        return Reject(position, "too_long", f"an element of more than {MAX_ROW_BYTES} characters", shown(text))
    return Row(position, value) if _is_utf8(text) else Reject(position, "broken_text", "not UTF-8", shown(text))


def _is_utf8(text: str) -> bool:
    """Tell whether text that was decoded with `surrogateescape` had no byte that is not UTF-8."""
    return text.isascii() or not _ESCAPED.search(text)


_ESCAPED = re.compile("[\udc80-\udcff]")


def _skip(text: str, at: int, characters: str) -> int:
    while at < len(text) and text[at] in characters:
        at += 1
    return at


def _table_rows(file: BinaryIO, delimiter: str | None, names: Sequence[str] | None) -> Iterator[Row | Reject]:
    for line, cells, fault, raw in table_records(file, delimiter, MAX_ROW_BYTES, names):
        if fault:
            yield Reject(line, "broken_csv", fault, shown(raw))
        elif not all(map(_is_utf8, cells.values())):
            yield Reject(line, "broken_text", "not UTF-8", shown(list(cells.values())))
        else:
            yield Row(line, cells)


def _parquet_rows(path: Path) -> Iterator[Row | Reject]:
    from sqltailor.errors import require

    parquet = require("pyarrow.parquet", extra="files", feature="Reading Parquet")
    position = 0
    with parquet.ParquetFile(os.fspath(path)) as file:
        for batch in file.iter_batches(batch_size=2000):
            for value in batch.to_pylist():
                position += 1
                yield Row(position, value)
