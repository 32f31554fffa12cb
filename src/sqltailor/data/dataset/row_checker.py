"""Check one row of a file: its SQL parsed, its names looked up, its gold SQL run; the result is kept or a reject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sqltailor.data.checks.example import Statements, check_example
from sqltailor.data.checks.execute import Databases, compare_sides, run_gold
from sqltailor.data.checks.what_helps import other_dialect
from sqltailor.data.examples import to_line
from sqltailor.data.facts import Facts
from sqltailor.data.readers import CONVERSATIONS, Source, converter
from sqltailor.data.rows import Reject, Row, RowError, shown
from sqltailor.database import Database
from sqltailor.prompt.extract import extract, is_declined
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


def _has_earlier_answers(example: Example) -> bool:
    said = (message.content for message in example.history if message.role == "assistant")
    return any(extract(text, example.dialect).sql is not None for text in said)


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
            kept = self._check(written := convert(row), loose=source.is_loose)
            more = ("earlier_turns",) if source.format in CONVERSATIONS and _has_earlier_answers(written) else ()
            return kept._replace(warnings=(*kept.warnings, *more))
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
        try:
            example, facts, warnings = check_example(
                written,
                schema=schema,
                statements=settings.statements,
                loose=loose,
                from_dialect=settings.from_dialect,
            )
        except RowError as e:
            raise RowError(e.reason, f"{e}{other_dialect(written, settings.from_dialect or written.dialect)}") from e
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
