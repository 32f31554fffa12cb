"""The verdicts of Spider: exact-set match and execution, on one database each or on a test suite of them."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.data.canonical import read_schema_text
from sqltailor.data.dataset.pool import map_ordered
from sqltailor.data.file_kinds import open_bytes
from sqltailor.database import open_database
from sqltailor.errors import DataError
from sqltailor.evaluate.compat.raw_runs import Case, RawRuns, Verdicts, by_database
from sqltailor.evaluate.compat.spider_execution import executed_matches
from sqltailor.evaluate.compat.spider_match import Gold, Match, groups_of, read_gold, spider_match, totals
from sqltailor.evaluate.compat.spider_terms import Columns
from sqltailor.evaluate.metrics.spider.exact_set import key_groups
from sqltailor.types import Example, Schema

MOST_OF_A_UNIT = 200
"""Cases of one database that a process takes at a time; a gold statement runs once for each such unit."""
FEW = 500
"""So many cases are done here before processes would have started."""


class _Unit(NamedTuple):
    """Cases of one database."""

    file: str
    cases: list[Case]


class _Verdict(NamedTuple):
    """What is said of one case: None where the script would stop."""

    execution: bool | None
    match: Match | None


def spider_verdicts(
    cases: Sequence[Case],
    location: str | None,
    *,
    suite: bool = False,
    tables: Path | None = None,
    workers: int | None = 1,
) -> Verdicts:
    """Return `spider_match`, and `spider_execution` or, on every file beside a database, `test_suite`.

    `location` is the folder of databases; without it there is no execution, and examples need their own schemas.
    `tables` is Spider's tables.json, whose foreign keys count then. `workers` None takes one process a core.
    """
    metric = "test_suite" if suite else "spider_execution"
    found: list[_Verdict] = [_Verdict(None, None)] * len(cases)
    if location:
        databases = [(file, places[at : at + MOST_OF_A_UNIT]) for file, places in by_database(cases, location)
                     for at in range(0, len(places), MOST_OF_A_UNIT)]  # fmt: skip
        units = [_Unit(file, [cases[place] for place in places]) for file, places in databases]
        work = functools.partial(_VerdictsOfDatabase, tables, suite)
        verdicts = map_ordered(work, units, workers=workers if len(cases) > FEW else 1, first=0, batch=1)
        for (_, places), given in zip(databases, verdicts, strict=True):
            for place, verdict in zip(places, given, strict=True):
                found[place] = verdict
    else:
        readers = _Readers(tables)
        columns = [_columns(_written(case.example)) for case in cases]
        found = [_Verdict(None, readers.match(*pair, None)) for pair in zip(cases, columns, strict=True)]
    scores = [_scores(verdict, metric) for verdict in found]
    read = [(verdict.match, score) for verdict, score in zip(found, scores, strict=True) if verdict.match is not None]
    notes = [{} if verdict.match is None else _note(verdict.match) for verdict in found]
    return Verdicts(scores, notes, {"hardness": totals(read), "unread_golds": len(cases) - len(read)})


class _VerdictsOfDatabase:
    """Gives the verdicts on cases of one database at a call."""

    def __init__(self, tables: Path | None, suite: bool) -> None:
        self._readers, self._suite, self._runs = _Readers(tables), suite, RawRuns()

    def __call__(self, unit: _Unit) -> list[_Verdict]:
        columns = self._runs.columns(unit.file)
        files = sorted(map(str, Path(unit.file).parent.glob("*.sqlite"))) if self._suite else [unit.file]
        executed = executed_matches(unit.cases, files, self._runs)
        matches = [self._readers.match(case, columns, unit.file) for case in unit.cases]
        return list(map(_Verdict, executed, matches))

    def close(self) -> None:
        """End the processes of the databases."""
        self._runs.close()


def _scores(verdict: _Verdict, metric: str) -> dict[str, float]:
    found = {} if verdict.execution is None else {metric: float(verdict.execution)}
    return found if verdict.match is None else found | {"spider_match": float(verdict.match.is_match)}


def _note(match: Match) -> dict[str, Any]:
    """Return hardness, and of each part whether it is the same, with its size in the prediction and the gold."""
    return {"hardness": match.hardness, "components": {name: [*part] for name, part in match.components.items()}}


class _Readers:
    """What exact-set match needs to know of each database, and its verdicts, each worked out once."""

    def __init__(self, tables: Path | None) -> None:
        self._entries = _entries(tables)
        self._groups: dict[str | None, Mapping[str, str]] = {}
        self._golds: dict[tuple[str | None, str], Gold | None] = {}
        self._matches: dict[tuple[str | None, str, str], Match | None] = {}

    def match(self, case: Case, columns: Columns, file: str | None) -> Match | None:
        database, sql, predicted = case.example.db_id or case.example.schema, case.example.sql[0], case.predicted
        if (database, sql, predicted) not in self._matches:
            if (database, sql) not in self._golds:
                if database not in self._groups:
                    self._groups[database] = self._grouped(case.example, file)
                self._golds[database, sql] = read_gold(sql, columns, self._groups[database])
            gold = self._golds[database, sql]
            self._matches[database, sql, predicted] = None if gold is None else spider_match(predicted, gold)
        return self._matches[database, sql, predicted]

    def _grouped(self, example: Example, file: str | None) -> Mapping[str, str]:
        if example.db_id in self._entries:
            return groups_of(self._entries[example.db_id])
        if file is None:
            return key_groups(_written(example))
        with open_database(file) as database:
            return key_groups(database.read_schema())


def _columns(schema: Schema) -> Columns:
    tables = [table for table in schema.tables if not table.is_view]
    return {table.name.lower(): [column.name.lower() for column in table.columns] for table in tables}


def _entries(tables: Path | None) -> dict[str, Any]:
    if tables is None:
        return {}
    with open_bytes(tables, tables=True) as file:
        return {str(entry["db_id"]): entry for entry in json.load(file)}


def _written(example: Example) -> Schema:
    if example.schema is None:
        raise DataError(f"Example '{example.id}' has no schema. Give the folder of its database: --database DIR")
    return read_schema_text(example.schema, example.dialect)
