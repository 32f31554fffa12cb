"""What was understood of a question, and questions to start with."""

from __future__ import annotations

from itertools import islice
from typing import Any

from sqltailor.data.facts import tables_of
from sqltailor.project import Project
from sqltailor.prompt.text import used_terms
from sqltailor.sql.guard import check

STARTERS = 6
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
    """Return questions to start with: known ones that are granted, else one a table."""
    known = project.known.examples() if project.has_database else ()
    granted = (
        example.question
        for example in known
        if example.question is not None
        and len(example.question) <= LONGEST_STARTER
        and check(example.sql[0], dialect=project.dialect, schema=project.schema, grant=project.grant).allowed
    )
    found = list(dict.fromkeys(islice(granted, STARTERS)))
    return found or [f"How many rows are in {table.name}?" for table in project.granted.tables[:STARTERS]]
