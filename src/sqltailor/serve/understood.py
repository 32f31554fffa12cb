"""What was understood of a question, and questions to start with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqltailor.data.facts import tables_of
from sqltailor.project import Project
from sqltailor.prompt.text import used_terms
from sqltailor.sql.dialect import shape
from sqltailor.sql.guard import check
from sqltailor.types import Example

STARTERS = 6
LOOKED_AT = 50
"""Known pairs that starters are chosen from: so many first ones, and so many of the rest."""
LONGEST_STARTER = 90
VALUES_SHOWN = 12


def understood(project: Project, question: str, sql: str | None, *, with_values: bool) -> dict[str, Any]:
    """Return the terms, the stored values and the tables that stand behind an answer."""
    found = project.values_named(question) if with_values and project.has_database else []
    used = tables_of(sql, project.dialect) if sql else ()
    return {
        "terms": used_terms(question, project.recipe.glossary),
        "values": [
            {"table": s.table.name, "column": s.column, "value": s.value}
            for s in found[:VALUES_SHOWN]
            if not isinstance(s.value, bytes)
        ],
        "tables": [table.name for table in project.granted.tables if table.name.lower() in used],
    }


def starters(project: Project) -> list[str]:
    """Return questions to start with: known ones that are granted, of many kinds, else one a table."""
    known = list(project.known.examples()) if project.has_database else []
    granted = {
        example.question: example.sql[0]
        for example in _sample(known)
        if example.question is not None
        and len(example.question) <= LONGEST_STARTER
        and check(example.sql[0], dialect=project.dialect, schema=project.schema, grant=project.grant).allowed
    }
    found = _of_many_kinds(granted, project.dialect)
    return found or [f"How many rows are in {table.name}?" for table in project.granted.tables[:STARTERS]]


def _sample(known: Sequence[Example]) -> list[Example]:
    return [*known[:LOOKED_AT], *known[LOOKED_AT :: max(len(known) // LOOKED_AT, 1)]]


def _of_many_kinds(statements: Mapping[str, str], dialect: str) -> list[str]:
    """Return a few questions: each time the one whose shape of statement, then whose tables, were taken least often."""
    kinds = {question: (shape(sql, dialect), tables_of(sql, dialect)) for question, sql in statements.items()}
    taken: list[str] = []
    shapes: Counter[str] = Counter()
    tables: Counter[frozenset[str]] = Counter()
    while kinds and len(taken) < STARTERS:
        best = min(kinds, key=lambda question: (shapes[kinds[question][0]], tables[kinds[question][1]]))
        its_shape, its_tables = kinds.pop(best)
        shapes[its_shape] += 1
        tables[its_tables] += 1
        taken.append(best)
    return taken
