"""The gold statements of examples, each run once on every database that the example is about."""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

from sqltailor.data.canonical import read_schema_text
from sqltailor.data.rows import RowError
from sqltailor.database import Database
from sqltailor.errors import SQLError, Timeout
from sqltailor.evaluate.fuzzed import FuzzedDatabases
from sqltailor.evaluate.metrics.gold import GoldAnswer
from sqltailor.evaluate.scoring import Scoring
from sqltailor.prompt.extract import is_declined
from sqltailor.sql.dialect import as_sqlite_reads, load_dialect
from sqltailor.sql.schema.unknown_names import known_names
from sqltailor.types import Example, Schema

MAX_REMEMBERED_CELLS = 20_000
"""A gold result is kept for the next model up to this size; of larger ones only the last."""

Key = tuple[str | None, str | None, int, tuple[str, ...]]
"""What a gold result depends on: `db_id`, schema, which of the databases, and statements."""


class Gold(NamedTuple):
    """The results of the accepted gold statements that run; `failure` says why none of them does.

    `is_late`: one ran out of time, which may be the machine's fault.
    """

    answers: tuple[GoldAnswer, ...] = ()
    failure: str | None = None
    is_late: bool = False


class Golds:
    """Runs gold statements, and remembers their results between models."""

    def __init__(self, scoring: Scoring, fuzzed: FuzzedDatabases | None = None) -> None:
        self._scoring = scoring
        self._fuzzed = fuzzed
        self._schemas: dict[Database, Schema] = {}
        self._small: dict[Key, Gold] = {}
        self._large: tuple[Key, Gold] | None = None

    def key(self, example: Example, number: int = 0) -> Key:
        """Return what an example's gold on its database with this number is remembered by."""
        return example.db_id, example.schema if self._fuzzed is not None else None, number, example.sql

    def database(self, example: Example) -> Database | None:
        """Return the real database that an example is about, None when it has none; raises `RowError`, `DataError`."""
        if self._fuzzed is not None and example.schema is not None and example.db_id is None:
            return None
        database = self._scoring.database
        if database is None or isinstance(database, Database):
            return database
        return database(example.db_id) if example.db_id is not None else None

    def schema(self, example: Example) -> Schema | None:
        """Return the schema of an example's real database, None when it has none."""
        database = self.database(example)
        if database is None:
            return None
        if database not in self._schemas:
            self._schemas[database] = database.read_schema()
        return self._schemas[database]

    def databases(self, example: Example) -> list[Database]:
        """Return the databases on which an example's statements run: the real one first, then those made up for it."""
        database = self.database(example)
        made = self._fuzzed.of(example, self.schema(example)) if self._fuzzed is not None else []
        return [*([] if database is None else [database]), *made]

    def of(self, example: Example) -> Gold:
        """Return what an example's gold statements return on the first database where one runs.

        Empty without a database or where declining is right.
        """
        try:
            golds = [self.on(example, *numbered) for numbered in enumerate(self.databases(example))]
        except RowError as e:
            return Gold(failure=str(e))
        return next((gold for gold in golds if gold.answers), golds[0] if golds else Gold())

    def on(self, example: Example, number: int, database: Database) -> Gold:
        """Return what an example's gold statements return on one of its databases."""
        if is_declined(example.sql[0]):
            return Gold()
        key = self.key(example, number)
        if self._large is not None and self._large[0] == key:
            return self._large[1]
        if key not in self._small:
            gold = self._run(example, database)
            if sum(len(a.result.rows) * len(a.result.columns) for a in gold.answers) > MAX_REMEMBERED_CELLS:
                self._large = key, gold
                return gold
            self._small[key] = gold
        return self._small[key]

    def referee(self, example: Example, compiled: str, database: Database, gold: Gold) -> GoldAnswer | None:
        """Return what a specification's compiled statement returns; None where it does not run."""
        same = next((answer for answer in gold.answers if answer.sql == compiled), None)
        if same is not None:
            return same
        return next(iter(self._run(dataclasses.replace(example, sql=(compiled,)), database).answers), None)

    def _run(self, example: Example, database: Database) -> Gold:
        scoring = self._scoring
        run = functools.partial(scoring.run, database, dialect=example.dialect, max_rows=scoring.max_rows)
        strict = scoring.columns_in_order
        answers, failures = [], []
        for written in example.sql:
            sql = self.read(written, example)
            try:
                answers.append(GoldAnswer(sql, dialect=example.dialect, run=run, columns_in_order=strict))
            except SQLError as e:
                failures.append(e)
        late = any(isinstance(e, Timeout) for e in failures)
        return Gold(tuple(answers), None if answers else str(failures[0]), late)

    def read(self, sql: str, example: Example) -> str:
        """Return a gold statement as it is read: where `quoted_text` says so, with text that SQLite sees as text."""
        if not self._scoring.quoted_text or '"' not in sql or load_dialect(example.dialect).base != "sqlite":
            return sql
        try:
            schema = read_schema_text(example.schema) if example.schema is not None else self.schema(example)
        except RowError:  # there is no such database, which the gold's failure says
            return sql
        return as_sqlite_reads(sql, known_names(schema).all) if schema is not None else sql

    def close(self) -> None:
        """Remove the databases that were made up."""
        if self._fuzzed is not None:
            self._fuzzed.close()
