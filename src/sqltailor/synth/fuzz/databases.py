"""Made-up databases on which different queries give different results: execution accuracy without production data.

Rows are key-consistent and random, and seeded with what the gold queries ask for: for each of them, rows that it lets
through and rows that fail one of its conditions by a hair.
"""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqltailor.errors import DataError, SQLError
from sqltailor.naming.joins import key
from sqltailor.sql.dialect.names import always_quoted
from sqltailor.sql.schema import find_target, qualified_name
from sqltailor.synth.fuzz.constants import Pattern, patterns
from sqltailor.synth.fuzz.mutate import Mutant, mutants
from sqltailor.synth.fuzz.random_rows import Constraints, Rows
from sqltailor.synth.fuzz.witnesses import add_witnesses
from sqltailor.types import Schema, Table

if TYPE_CHECKING:
    from sqltailor.types import Cell

MAX_MUTANTS = 5_000
Run = Callable[[str], "Sequence[tuple[Cell, ...]]"]


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """The databases made, and how well they tell gold queries from mutants.

    `gold_failed` counts gold queries that do not run on them. A mutant is distinguishable when these databases or
    the reference ones give it another result than its gold query; `missed` are those that only the latter told apart.
    """

    paths: tuple[Path, ...]
    rows: int
    gold: int
    gold_failed: int
    mutants: int
    distinguishable: int
    told_apart: int
    missed: tuple[tuple[str, Mutant], ...]

    @property
    def share(self) -> float | None:
        """The share of distinguishable mutants that the databases tell apart; None without any."""
        return self.told_apart / self.distinguishable if self.distinguishable else None

    def to_json(self) -> dict[str, object]:
        """Return the numbers as plain values."""
        return {
            "databases": [str(path) for path in self.paths], "rows": self.rows, "gold": self.gold,
            "gold_failed": self.gold_failed, "mutants": self.mutants, "distinguishable": self.distinguishable,
            "told_apart": self.told_apart, "share": self.share,
        }  # fmt: skip


def fuzz_database(
    schema: Schema,
    gold: Sequence[str],
    out: str | os.PathLike[str],
    *,
    dialect: str = "sqlite",
    constraints: Constraints = Constraints(),  # noqa: B008
    databases: int = 3,
    rows: int = 120,
    seed: int = 0,
    reference: Sequence[Run] = (),
) -> Fuzzed:
    """Write `databases` SQLite files `fuzz-1.db`, … into the folder `out` and return how well they tell queries apart.

    `rows` is about how many random rows each table gets besides those that the gold queries ask for. `constraints`
    (see `read_constraints`) keep columns filled or unique. `reference` run statements on other databases, such as the
    real one; besides them, two larger databases of other seeds show which mutants can be told apart at all.
    Views become tables, and namespaces are dropped: SQLite has none. Raises `DataError` when no gold query can be
    read, or two tables have one name.
    """
    paths, total, found = make_databases(
        schema, gold, out, dialect=dialect, constraints=constraints, databases=databases, rows=rows, seed=seed
    )
    if gold and not found:
        raise DataError("None of the gold queries can be read in this dialect.")
    with tempfile.TemporaryDirectory() as scratch:
        others = []
        for number in range(2):
            made = make_rows(schema, found, constraints, seed=seed * 1000 + 500 + number, rows=rows * 4)
            write_database(Path(scratch) / f"{number}.db", schema, made, constraints)
            others.append(Path(scratch) / f"{number}.db")
        return _report(schema, gold, dialect, paths, others, reference, total)


def _check_names(schema: Schema) -> None:
    seen: dict[str, str] = {}
    for table in schema.tables:
        name = qualified_name(table)
        other = seen.setdefault(table.name.lower(), name)
        if other != name:
            raise DataError(
                f"'{other}' and '{name}' cannot stand side by side in a made-up database: SQLite has no namespaces. "
                "Leave one of them out of the schema."
            )


class Made(NamedTuple):
    """Databases, how many rows they hold, and what was read from the gold queries."""

    paths: tuple[Path, ...]
    rows: int
    patterns: list[Pattern]


def make_databases(
    schema: Schema,
    gold: Sequence[str],
    out: str | os.PathLike[str],
    *,
    dialect: str,
    constraints: Constraints,
    databases: int,
    rows: int,
    seed: int = 0,
) -> Made:
    """Write the databases of `fuzz_database`, without a report."""
    _check_names(schema)
    found = [pattern for sql in gold for pattern in patterns(sql, schema, dialect)]
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    total, paths = 0, []
    for number in range(1, databases + 1):
        made = make_rows(schema, found, constraints, seed=seed * 1000 + number, rows=rows)
        total += sum(len(table) for table in made.tables.values())
        path = folder / f"fuzz-{number}.db"
        write_database(path, schema, made, constraints)
        paths.append(path)
    return Made(tuple(paths), total, found)


def make_rows(schema: Schema, found: Iterable[Pattern], constraints: Constraints, *, seed: int, rows: int) -> Rows:
    """Return random rows of every table, then rows for each pattern and its near misses."""
    made = Rows(schema, constraints, random.Random(f"fuzz {seed}"))
    made.learn(found)
    made.fill(rows)
    for pattern in found:
        add_witnesses(made, pattern)
    return made


def write_database(path: Path, schema: Schema, made: Rows, constraints: Constraints) -> None:
    """Write the rows as a SQLite file, replacing what is there once it is complete."""
    draft = path.with_suffix(".part")
    draft.unlink(missing_ok=True)
    connection = sqlite3.connect(draft)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        for table in schema.tables:
            if table.name.lower().startswith("sqlite_"):
                continue  # such names are SQLite's own, though Spider's tables.json lists one
            connection.execute(_create(table, schema, constraints))
            marks = ", ".join("?" * len(table.columns))
            records = [tuple(row[column.name] for column in table.columns) for row in made.tables[key(table)]]
            connection.executemany(f"INSERT INTO {always_quoted(table.name)} VALUES ({marks})", records)
        connection.commit()
    finally:
        connection.close()
    draft.replace(path)


def _create(table: Table, schema: Schema, constraints: Constraints) -> str:
    keys = [column for column in table.columns if column.primary_key]
    parts = []
    for column in table.columns:
        text = f"{always_quoted(column.name)} {column.type}"
        if column.primary_key and len(keys) == 1:
            text += " PRIMARY KEY"
        if constraints.is_required(table, column):
            text += " NOT NULL"
        if column.references and (parent := find_target(schema, table, column.references)):
            target = f" ({always_quoted(column.references.column)})" if column.references.column else ""
            text += f" REFERENCES {always_quoted(parent.name)}{target}"
        parts.append(text)
    if len(keys) > 1:
        parts.append(f"PRIMARY KEY ({', '.join(always_quoted(column.name) for column in keys)})")
    return f"CREATE TABLE {always_quoted(table.name)} ({', '.join(parts)})"


def _report(
    schema: Schema,
    gold: Sequence[str],
    dialect: str,
    paths: tuple[Path, ...],
    others: Sequence[Path],
    reference: Sequence[Run],
    total: int,
) -> Fuzzed:
    from sqltailor.database import open_database

    statements = list(dict.fromkeys(gold))
    limit = max(1, MAX_MUTANTS // max(1, len(statements)))
    count = distinguishable = told = failed = 0
    missed = []
    opened = [open_database(f"sqlite:///{path}", timeout_s=10) for path in (*paths, *others)]
    try:
        runs: list[Run] = [lambda sql, database=database: database.run(sql).rows for database in opened]  # type: ignore[misc]
        ours, theirs = runs[: len(paths)], [*reference, *runs[len(paths) :]]
        for sql in statements:
            truth = [_result(run, sql) for run in ours]
            if any(result is None for result in truth):
                failed += 1
                continue
            further = [_result(run, sql) for run in theirs]
            for mutant in _spread(mutants(sql, dialect, schema), limit):
                count += 1
                if any(_result(run, mutant.sql) != result for run, result in zip(ours, truth, strict=True)):
                    told += 1
                    distinguishable += 1
                elif any(_result(run, mutant.sql) != result for run, result in zip(theirs, further, strict=True)):
                    distinguishable += 1
                    missed.append((sql, mutant))
    finally:
        for database in opened:
            database.close()
    return Fuzzed(paths, total, len(statements), failed, count, distinguishable, told, tuple(missed))


def _spread(found: list[Mutant], limit: int) -> list[Mutant]:
    """Return at most `limit` mutants, evenly over the list and so over the kinds."""
    if len(found) <= limit:
        return found
    return [found[i * len(found) // limit] for i in range(limit)]


def _result(run: Run, sql: str) -> object:
    """Return a result in a form to compare: in order where the statement orders, as a bag where it does not.

    None when it does not run.
    """
    try:
        rows = [tuple(_cell(cell) for cell in row) for row in run(sql)]
    except SQLError:
        return None
    if " ORDER BY " in sql.rpartition(")")[2].upper():
        return rows
    return sorted(rows, key=repr)


def _cell(cell: Cell) -> object:
    return round(cell, 6) if isinstance(cell, float) else cell
