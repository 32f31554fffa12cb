"""How answers are scored: the settings that an evaluation hands to everything that compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from sqltailor.database import Database
from sqltailor.evaluate.audit.clock import pinned
from sqltailor.project import Project
from sqltailor.types import Grant, QueryResult


@dataclass(frozen=True, slots=True)
class Scoring:
    """How answers are scored: on which database, under which grant and limits, by which metrics (None: the usual).

    `database` is one for all examples, or opens the one that a `db_id` names. Without any, no statement runs and
    execution is absent. `max_rows` is the largest gold result that can be compared. `fuzz`: examples run also on so
    many databases that are made up for their schema, and are right where they are on all of them; one that brings its
    own schema and no `db_id` runs on these alone. `columns_in_order`: another order of columns is wrong.
    `quoted_text`: in SQLite's dialect a double-quoted word that names nothing is text, as SQLite itself reads it.
    `now` is what time it is for every statement: answers that depend on the date are then the same on any day.
    `stamp` changes with the content of the databases, as far as it is known: old scores are not mixed with new ones.
    """

    database: Database | Callable[[str], Database] | None = None
    grant: Grant = field(default_factory=Grant)
    timeout_s: float = 10.0
    max_rows: int = 100_000
    metrics: Sequence[str] | None = None
    fuzz: int = 0
    columns_in_order: bool = False
    quoted_text: bool = False
    now: datetime | None = None
    stamp: str | None = None

    def run(self, database: Database, sql: str, *, dialect: str, max_rows: int) -> QueryResult:
        """Return the result of a statement at `now`, to be compared. Raises `SQLError`."""
        text = sql if self.now is None else pinned(sql, self.now, dialect)
        return database.run(text, timeout_s=self.timeout_s, max_rows=max_rows, exact=True)

    @classmethod
    def of(cls, project: Project) -> Self:
        """Return how a project's recipe has answers scored, on its database."""
        settings = project.recipe.evaluate
        return cls(project.database, project.grant, settings.timeout_s, metrics=settings.metrics)
