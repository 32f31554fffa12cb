"""CSV and TSV as rows: an unterminated quote spoils its own line only; blank rows at the end are none."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import BinaryIO, NamedTuple

from sqltailor.errors import counted

SEPARATOR_LINE = re.compile(r"\ufeff?\"?sep=([^\w\r\n\"])\"?\1*\s*", re.IGNORECASE)
"""A first line that tells Excel which character separates the cells; it is not a row, even if empty cells follow."""


class Record(NamedTuple):
    """One record of a table: its first line, its cells by column, or what is wrong with it and its text."""

    line: int
    cells: dict[str, str]
    fault: str = ""
    raw: str = ""


def table_records(
    file: BinaryIO, delimiter: str | None, limit: int, names: Sequence[str] | None = None
) -> Iterator[Record]:
    """Yield the records of a table whose first line names the columns, unless they are given as `names`.

    The delimiter is what a line `sep=;` before them says; None finds it out. A cell of more than `limit` characters is
    a fault. Bytes that are not UTF-8 become surrogates.
    """
    with io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        head, first = text.readline(), 1
        if (told := SEPARATOR_LINE.fullmatch(head)) is not None:
            delimiter, head, first = told[1], text.readline(), 2
        while names is None and head and not head.strip():
            head, first = text.readline(), first + 1
        if delimiter is None:
            delimiter = max(",;\t|", key=head.count) if head.count(",") == 0 else ","
        csv.field_size_limit(limit)
        yield from _records(_Lines(chain([head] if head else [], text), first), delimiter, names)


class _Lines:
    """Physical lines with their numbers: those of the record that is being read can be put back."""

    def __init__(self, text: Iterable[str], first: int) -> None:
        self._numbered = enumerate(text, first)
        self._back: deque[tuple[int, str]] = deque()
        self.taken: list[tuple[int, str]] = []
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        found = self._back.popleft() if self._back else next(self._numbered, None)
        if found is None:
            self.ended = True
            raise StopIteration
        self.taken.append(found)
        return found[1]

    def put_back(self) -> None:
        """Let all but the first line of this record be read again."""
        self._back.extendleft(reversed(self.taken[1:]))
        self.ended = False


def _records(lines: _Lines, delimiter: str, names: Sequence[str] | None) -> Iterator[Record]:
    reader = csv.reader(lines, delimiter=delimiter)
    names = names or _told_apart([name.strip().removeprefix("\ufeff") for name in next(reader, [])])
    blank: list[int] = []
    while True:
        lines.taken.clear()
        fault, cells = "", list[str]()
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as e:
            fault = str(e)
        if not fault and not any(cell.strip() for cell in cells):
            blank += [lines.taken[0][0]] if len(cells) > 1 else []
            continue
        for line in blank:  # that no row follows are the end of a sheet, not rows
            yield Record(line, dict.fromkeys(names, ""))
        blank.clear()
        if any('\\"' in text for _, text in lines.taken) and (escaped := _escaped(lines, delimiter, len(names))):
            fault, cells = "", escaped
        elif lines.ended:
            fault = "a quote in the line does not end"
        elif not fault and len(cells) != len(names):
            fault = f"{counted(len(cells), 'cell')} where the header names {len(names)}: {', '.join(names[:12])}"
        if fault:
            yield _broken(lines, fault, delimiter, len(names))
        else:
            yield Record(lines.taken[0][0], dict(zip(names, cells, strict=True)))


def _told_apart(names: list[str]) -> list[str]:
    """Return column names of which none comes twice: `sql`, `sql.1`."""
    return [f"{name}.{names[:i].count(name)}" if name and name in names[:i] else name for i, name in enumerate(names)]


def _escaped(lines: _Lines, delimiter: str, width: int) -> list[str] | None:
    """Return the cells of a record whose quotes are written `\\"`; None where it can be read in the usual way."""
    text = [line for _, line in lines.taken]
    try:
        list(csv.reader(text, delimiter=delimiter, strict=True))
    except csv.Error:
        try:
            found = list(csv.reader(text, delimiter=delimiter, escapechar="\\", doublequote=False, strict=True))
        except csv.Error:
            return None
        return found[0] if len(found) == 1 and len(found[0]) == width else None
    return None


def _broken(lines: _Lines, fault: str, delimiter: str, width: int) -> Record:
    """Return the fault of a record; lines that a quote has swallowed, and that are rows alone, are read again."""
    (line, first), *rest = lines.taken
    if not rest:
        return Record(line, {}, fault, first.rstrip("\r\n"))
    if lines.ended or any(_width(after, delimiter) == width for _, after in rest):
        lines.put_back()
        return Record(line, {}, f"{fault}; line {rest[0][0]} is read anew", first.rstrip("\r\n"))
    raw = "".join(text for _, text in lines.taken)
    return Record(line, {}, f"{fault}; the row covers lines {line} to {rest[-1][0]}", raw)


def _width(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:
        return 0
