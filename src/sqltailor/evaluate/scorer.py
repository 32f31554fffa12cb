"""Score an answer: extract the SQL, guard it, run it beside the gold, compare.

Every predicted statement passes the guard before it runs; gold statements run under the database's own protection.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

from sqltailor.data.canonical import is_declined
from sqltailor.database import Database
from sqltailor.errors import SQLError
from sqltailor.evaluate.fuzzed import FuzzedDatabases
from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.evaluate.metrics.by_name import metrics_called
from sqltailor.evaluate.metrics.execution import execution
from sqltailor.evaluate.metrics.gold import GoldAnswer
from sqltailor.evaluate.metrics.outcome import outcome
from sqltailor.project import Project
from sqltailor.prompt.extract import extract
from sqltailor.sql.guard import examine
from sqltailor.types import Completion, Example, Grant, Prediction, QueryResult, Schema, Verdict

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

MAX_REMEMBERED_CELLS = 20_000
"""A gold result is kept for the next model up to this size; larger ones run again."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """How answers are scored: on which database, under which grant and limits, by which metrics (None: the usual).

    `database` is one for all examples, or opens the one that a `db_id` names. Without any, no statement runs and
    execution is absent. `max_rows` is the largest gold result that can be compared. `fuzz`: examples that bring their
    own schema run on so many databases that are made up for it, and are right where they are on all of them.
    """

    database: Database | Callable[[str], Database] | None = None
    grant: Grant = field(default_factory=Grant)
    timeout_s: float = 10.0
    max_rows: int = 100_000
    metrics: Sequence[str] | None = None
    fuzz: int = 0

    @classmethod
    def of(cls, project: Project) -> Self:
        """Return how a project's recipe has answers scored, on its database."""
        settings = project.recipe.evaluate
        return cls(project.database, project.grant, settings.timeout_s, metrics=settings.metrics)


class Gold(NamedTuple):
    """The results of the accepted gold statements that run; `failure` says why none of them does."""

    answers: tuple[GoldAnswer, ...] = ()
    failure: str | None = None


class Scorer:
    """Scores answers one at a time. Gold results are remembered between models."""

    def __init__(self, scoring: Scoring, fuzzed: FuzzedDatabases | None = None) -> None:
        self.scoring = scoring
        self.metrics = metrics_called(scoring.metrics)
        self._fuzzed = fuzzed
        self._golds: dict[tuple[str | None, str | None, int, tuple[str, ...]], Gold] = {}

    def database(self, example: Example) -> Database | None:
        """Return the database of an example, or None when it has none."""
        database = self.scoring.database
        if database is None or isinstance(database, Database):
            return database
        return database(example.db_id) if example.db_id is not None else None

    def databases(self, example: Example) -> list[Database]:
        """Return the databases on which an example's statements run."""
        if self._fuzzed is not None and (made := self._fuzzed.of(example)):
            return made
        database = self.database(example)
        return [] if database is None else [database]

    def gold(self, example: Example) -> Gold:
        """Return what the example's gold statements return on the first database where one runs.

        Empty without a database or where declining is right.
        """
        golds = [self._gold(example, *numbered) for numbered in enumerate(self.databases(example))]
        return next((gold for gold in golds if gold.answers), golds[0] if golds else Gold())

    def close(self) -> None:
        """Remove the databases that were made up."""
        if self._fuzzed is not None:
            self._fuzzed.close()

    def _gold(self, example: Example, number: int, database: Database) -> Gold:
        if is_declined(example.sql[0]):
            return Gold()
        key = (example.db_id, example.schema if self._fuzzed is not None else None, number, example.sql)
        if key not in self._golds:
            gold = self._run_gold(example, database)
            if sum(len(a.result.rows) * len(a.result.columns) for a in gold.answers) > MAX_REMEMBERED_CELLS:
                return gold
            self._golds[key] = gold
        return self._golds[key]

    def _run_gold(self, example: Example, database: Database) -> Gold:
        run = functools.partial(database.run, timeout_s=self.scoring.timeout_s, max_rows=self.scoring.max_rows)
        answers, failures = [], []
        for sql in example.sql:
            try:
                answers.append(GoldAnswer(sql, dialect=example.dialect, run=run))
            except SQLError as e:
                failures.append(str(e))
        return Gold(tuple(answers), None if answers else failures[0])

    def score(self, example: Example, completion: Completion, *, schema: Schema, model: str) -> Prediction:
        """Return the prediction that a completion is: its SQL, outcome and scores."""
        attempt = self.attempt(example, completion, schema)
        word, reason = outcome(attempt)
        scores = {name: score for name, metric in self.metrics.items() if (score := metric(attempt)) is not None}
        return Prediction(
            id=example.id,
            model=model,
            predicted=completion.text if attempt.predicted is None else attempt.predicted,
            outcome=word,
            reason=reason,
            scores=scores,
            stop=completion.stop,
            tokens_in=completion.tokens_in,
            tokens_out=completion.tokens_out,
            first_token_ms=completion.first_token_ms,
            total_ms=completion.total_ms,
            confidence=completion.confidence,
            led=completion.led,
        )

    def attempt(self, example: Example, completion: Completion, schema: Schema) -> Attempt:
        """Return the answer with everything that metrics look at; its statement runs here if it may."""
        sql, declined = extract(completion.text, example.dialect)
        verdict, tree = self._examined(sql, example, schema)
        attempt = Attempt(
            gold=example.sql,
            predicted=sql,
            declined=declined,
            gold_declined=is_declined(example.sql[0]),
            was_cut=completion.stop == "length",
            dialect=example.dialect,
            schema=schema,
            verdict=verdict,
            gold_failure=self.gold(example).failure,
            examined=tree,
        )
        return self._tried(attempt, example)

    def _tried(self, attempt: Attempt, example: Example) -> Attempt:
        """Return the attempt on the database that shows a difference; where none does, on one where rows come back."""
        may_run = attempt.verdict is not None and attempt.verdict.allowed
        right = None
        for number, database in enumerate(self.databases(example)):
            gold = self._gold(example, number, database)
            if not gold.answers:
                continue
            result, failure = None, None
            if attempt.predicted is not None and may_run:
                rows = max(len(answer.result.rows) for answer in gold.answers)
                result, failure = self._run(attempt.predicted, database, rows=rows)
            tried = dataclasses.replace(attempt, answers=gold.answers, result=result, failure=failure)
            if execution(tried) != 1:
                return tried
            right = tried if right is None or (result is not None and result.rows) else right
        return right or attempt

    def _examined(self, sql: str | None, example: Example, schema: Schema) -> tuple[Verdict | None, Expression | None]:
        if sql is None or not schema.tables:
            return None, None
        return examine(sql, dialect=example.dialect, schema=schema, grant=self.scoring.grant)

    def _run(self, sql: str, database: Database, *, rows: int) -> tuple[QueryResult | None, SQLError | None]:
        try:
            # one row more than the gold has is enough to know better
            return database.run(sql, timeout_s=self.scoring.timeout_s, max_rows=rows + 1), None
        except SQLError as e:
            return None, e
