"""Read and check every row of the files: kept rows go to disk, their keys and counts stay in memory."""

from __future__ import annotations

import functools
import json
import mmap
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TextIO

from sqltailor.data.canonical import is_declined
from sqltailor.data.checks.example import Statements, check_example
from sqltailor.data.checks.execute import Databases, compare_sides, run_gold
from sqltailor.data.dataset.deduplicate import Ledger
from sqltailor.data.dataset.pool import map_ordered
from sqltailor.data.dataset.tally import Tally
from sqltailor.data.examples import from_json, json_line, to_line
from sqltailor.data.facts import Facts, asked_text
from sqltailor.data.readers import Source, converter
from sqltailor.data.rows import Reject, Row, RowError, shown
from sqltailor.database import Database
from sqltailor.types import Example, Grant, Schema


class Probed(NamedTuple):
    """What asking the database told of a row: the names of its smells, and what is written of each."""

    warnings: tuple[str, ...] = ()
    smells: tuple[Mapping[str, str], ...] = ()


Probe = Callable[[Example, Database, Schema], Probed]
"""Reruns a gold statement in other ways. It takes the place of the smells in `PROBED`, which text alone suggests."""
PROBED = frozenset({"limit_ties", "text_order", "null_order"})


@dataclass(frozen=True)
class Settings:
    """What rows are checked against. `database` is a URL, a file, or a folder with one database a `db_id`."""

    database: str | None = None
    schema: Schema | None = None
    grant: Grant = field(default_factory=Grant)
    statements: Statements = "select"
    timeout_s: float = 10.0
    max_rows: int = 10_000
    run: bool = True
    from_dialect: str | None = None
    from_database: str | None = None
    probe: Probe | None = None


class Kept(NamedTuple):
    """A row that is taken: its example as a line of JSON, its facts, the names of its warnings, its probed smells."""

    line: str
    facts: Facts
    warnings: tuple[str, ...]
    smells: tuple[Mapping[str, str], ...] = ()


Item = tuple[Source, Row | Reject]


class Checker:
    """Reads and checks one row a call; opens databases when it first needs them, until it is closed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._converters: dict[str, Callable[[Row], Example]] = {}
        limits = settings.timeout_s, settings.max_rows
        self._databases = Databases(settings.database, *limits, settings.grant) if settings.database else None
        self._origin = Databases(settings.from_database, *limits) if settings.from_database else None

    def __call__(self, item: Item) -> Kept | Reject:
        source, row = item
        if isinstance(row, Reject):
            return row
        try:
            convert = self._converters.get(source.name) or self._converters.setdefault(source.name, converter(source))
            return self._check(convert(row), loose=source.is_loose)
        except RowError as e:
            return Reject(row.line, e.reason, str(e), shown(row.value), source.name)

    def close(self) -> None:
        """Close the databases."""
        for databases in (self._databases, self._origin):
            if databases is not None:
                databases.close()

    def _check(self, written: Example, *, loose: bool) -> Kept:
        settings, databases = self._settings, self._databases
        schema = databases.find(written.db_id)[1] if databases is not None else settings.schema
        example, facts, warnings = check_example(
            written,
            schema=schema,
            statements=settings.statements,
            loose=loose,
            from_dialect=settings.from_dialect,
        )
        can_run = settings.run and settings.statements == "select" and not is_declined(example.sql[0])
        if databases is not None and can_run:
            warnings += tuple(run_gold(example, databases))
            if self._origin is not None:
                compare_sides(written, example, self._origin, databases)
            if settings.probe is not None:
                found = settings.probe(example, *databases.find(example.db_id))
                warnings = (*(name for name in warnings if name not in PROBED), *found.warnings)
                return Kept(to_line(example), facts, warnings, found.smells)
        return Kept(to_line(example), facts, warnings)


class FirstPass:
    """What the first pass found. A context manager; its files live in `folder`, which the caller removes."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder)
        self.tally = Tally()
        self.path = folder / "kept.jsonl"
        self._kept = self.path.open("w", encoding="utf-8", newline="\n")
        self._rejects: TextIO = (folder / "rejects.jsonl").open("w", encoding="utf-8", newline="\n")
        self._smells: TextIO = (folder / "smells.jsonl").open("w", encoding="utf-8", newline="\n")
        self._starts = array("Q")
        self._size = 0
        self._map: mmap.mmap | None = None

    def take(self, items: Iterable[Item], settings: Settings, *, workers: int | None = None) -> None:
        """Read and check all rows."""
        for result in map_ordered(functools.partial(Checker, settings), items, workers=workers):
            self.tally.read += 1
            if isinstance(result, Reject):
                self.reject(result)
            else:
                self._keep(result)
        self._kept.flush()

    def reject(self, reject: Reject) -> None:
        """Write a row that is not taken to `rejects.jsonl`."""
        self.tally.reject(reject)
        where = {"source": reject.source, "line": reject.line, "reason": reject.reason}
        self._rejects.write(json_line({**where, "detail": reject.detail, "raw": reject.raw}))

    def _keep(self, kept: Kept) -> None:
        self.ledger.add(kept.facts)
        self.tally.keep(kept.facts)
        for name in kept.warnings:
            self.tally.warn(name, kept.line)
        for smell in kept.smells:
            self._smells.write(json_line(smell))
        self._starts.append(self._size)
        self._size += len(kept.line.encode())
        self._kept.write(kept.line)

    def line(self, row: int) -> str:
        """Return the JSON line of a kept row."""
        if self._map is None:
            with self.path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        end = self._starts[row + 1] if row + 1 < len(self._starts) else self._size
        return self._map[self._starts[row] : end].decode()

    def question(self, row: int) -> str:
        """Return what a kept row asks."""
        return asked_text(from_json(json.loads(self.line(row))))

    def lines(self) -> Iterator[str]:
        """Yield the JSON lines of all kept rows, in order."""
        with self.path.open(encoding="utf-8", newline="\n") as file:
            yield from file

    def close(self) -> None:
        """Close all files."""
        self._kept.close()
        self._rejects.close()
        self._smells.close()
        self.ledger.close()
        if self._map is not None:
            self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
