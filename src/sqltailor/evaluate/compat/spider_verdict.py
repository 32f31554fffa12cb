"""The verdicts of Spider: exact-set match and execution, on one database each or on a test suite of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqltailor.data.canonical import read_schema_text
from sqltailor.data.file_kinds import open_bytes
from sqltailor.database import open_database
from sqltailor.errors import DataError
from sqltailor.evaluate.compat.raw_runs import Case, Judged, RawRuns, by_database
from sqltailor.evaluate.compat.spider_execution import executed_matches
from sqltailor.evaluate.compat.spider_match import Gold, Match, groups_of, read_gold, spider_match, totals
from sqltailor.evaluate.compat.spider_terms import Columns
from sqltailor.evaluate.metrics.spider.exact_set import key_groups
from sqltailor.types import Example, Schema


def judge_spider(
    cases: Sequence[Case], location: str | None, *, suite: bool = False, tables: Path | None = None
) -> Judged:
    """Return `spider_match`, and `spider_execution` or, on every file beside a database, `test_suite`.

    `location` is the folder of databases; without it there is no execution, and examples need their own schemas.
    `tables` is Spider's tables.json, whose foreign keys count then.
    """
    readers = _Readers(tables)
    scores: list[dict[str, float]] = [{} for _ in cases]
    matches: list[Match | None] = [None] * len(cases)
    metric = "test_suite" if suite else "spider_execution"
    with RawRuns() as runs:
        for file, places in by_database(cases, location) if location else ():
            columns = runs.columns(file)
            files = sorted(map(str, Path(file).parent.glob("*.sqlite"))) if suite else [file]
            verdicts = executed_matches([cases[place] for place in places], files, runs)
            for place, verdict in zip(places, verdicts, strict=True):
                scores[place] |= {} if verdict is None else {metric: float(verdict)}
                matches[place] = readers.match(cases[place], columns, file)
    if not location:
        matches = [readers.match(case, _columns(_written(case.example)), None) for case in cases]
    for found, match in zip(scores, matches, strict=True):
        found |= {} if match is None else {"spider_match": float(match.is_match)}
    read = [(match, found) for match, found in zip(matches, scores, strict=True) if match is not None]
    notes = [{} if match is None else _note(match) for match in matches]
    return Judged(scores, notes, {"hardness": totals(read), "unread_golds": len(cases) - len(read)})


def _note(match: Match) -> dict[str, Any]:
    """Return hardness, and of each part whether it is the same, with its size in the prediction and the gold."""
    return {"hardness": match.hardness, "components": {name: [*part] for name, part in match.components.items()}}


class _Readers:
    """What exact-set match needs to know of each database, worked out once."""

    def __init__(self, tables: Path | None) -> None:
        self._entries = _entries(tables)
        self._groups: dict[str | None, Mapping[str, str]] = {}
        self._golds: dict[tuple[str | None, str], Gold | None] = {}

    def match(self, case: Case, columns: Columns, file: str | None) -> Match | None:
        key, sql = case.example.db_id or case.example.schema, case.example.sql[0]
        if (key, sql) not in self._golds:
            if key not in self._groups:
                self._groups[key] = self._grouped(case.example, file)
            self._golds[key, sql] = read_gold(sql, columns, self._groups[key])
        gold = self._golds[key, sql]
        return None if gold is None else spider_match(case.predicted, gold)

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
