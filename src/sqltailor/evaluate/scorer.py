"""Score an answer: extract the SQL, guard it, run it beside the gold, compare.

Every predicted statement passes the guard before it runs; gold statements run under the database's own protection.
A gold statement that is no right answer to itself, when it is scored as an answer is, tells nothing about answers.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.database import Database
from sqltailor.errors import DataError, SQLError, Timeout
from sqltailor.evaluate.fuzzed import FuzzedDatabases
from sqltailor.evaluate.golds import Gold, Golds, Key
from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.evaluate.metrics.by_name import metrics_called
from sqltailor.evaluate.metrics.difference import excerpt
from sqltailor.evaluate.metrics.execution import execution
from sqltailor.evaluate.metrics.outcome import how_it_differs, outcome
from sqltailor.evaluate.scoring import Scoring
from sqltailor.prompt.extract import extract, is_declined
from sqltailor.sql.dialect import as_sqlite_reads, load_dialect
from sqltailor.sql.guard import examine
from sqltailor.sql.queryspec import compile_spec
from sqltailor.sql.schema.unknown_names import known_names
from sqltailor.types import Completion, Example, Prediction, QueryResult, Schema, Verdict

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

ROWS_BEYOND = 100
"""A predicted result may have so many rows more than the gold before it is cut: enough to see what the others are."""


class _Examined(NamedTuple):
    """A statement as it is read, and what the guard made of it."""

    sql: str | None
    verdict: Verdict | None
    tree: Expression | None

    @property
    def is_allowed(self) -> bool:
        return self.verdict is not None and self.verdict.allowed


class Scorer:
    """Scores answers one at a time; `golds` are remembered between models."""

    def __init__(self, scoring: Scoring, fuzzed: FuzzedDatabases | None = None) -> None:
        self.scoring = scoring
        self.metrics = metrics_called(scoring.metrics)
        self.golds = Golds(scoring, fuzzed)
        self._certified: dict[Key, Gold] = {}

    def close(self) -> None:
        """Remove the databases that were made up."""
        self.golds.close()

    def certified(self, example: Example, schema: Schema) -> Gold:
        """Return an example's gold, which is scored against itself here, as if a model had given it.

        `failure` says why it is not right; from then on no answer to the example is judged.
        """
        key = self.golds.key(example)
        if key not in self._certified:
            gold = self.golds.of(example)
            checked = self._against_itself(example, schema, gold) if gold.answers else gold
            self._certified[key] = checked._replace(answers=())
        found = self._certified[key]
        return found if found.failure else self.golds.of(example)

    def _against_itself(self, example: Example, schema: Schema, gold: Gold) -> Gold:
        reasons = []
        for answer in gold.answers:
            attempt = self.attempt(example, Completion(answer.sql), schema)
            if execution(attempt) == 1:
                return gold
            word, reason = outcome(attempt)
            reasons.append(f"it is no right answer to itself ({word}): {reason}")
            gold = gold._replace(is_late=gold.is_late or isinstance(attempt.failure, Timeout))
        return gold._replace(failure=reasons[0])

    def score(self, example: Example, completion: Completion, *, schema: Schema, model: str) -> Prediction:
        """Return the prediction that a completion is: its SQL, outcome and scores."""
        attempt = self.attempt(example, completion, schema)
        word, reason = outcome(attempt)
        differs = how_it_differs(attempt) if word == "wrong" else None
        scores = {name: score for name, metric in self.metrics.items() if (score := metric(attempt)) is not None}
        return Prediction(
            id=example.id,
            model=model,
            predicted=completion.text if attempt.predicted is None else attempt.predicted,
            outcome=word,
            reason=reason,
            difference=differs.kind if differs else None,
            scores=scores,
            results=_excerpt(attempt) if differs else None,
            stop=completion.stop,
            tokens_in=completion.tokens_in,
            tokens_out=completion.tokens_out,
            first_token_ms=completion.first_token_ms,
            total_ms=completion.total_ms,
            confidence=completion.confidence,
            led=completion.led,
            repairs=completion.repairs,
        )

    def attempt(self, example: Example, completion: Completion, schema: Schema) -> Attempt:
        """Return the answer with everything that metrics look at; its statement runs here if it may."""
        known = self._certified.get(self.golds.key(example))
        fault = known.failure if known and known.failure else self.golds.of(example).failure
        sql, declined = extract(completion.text, example.dialect)
        sql, verdict, tree = self._examined(sql, example, schema)
        attempt = Attempt(
            gold=tuple(self.golds.read(gold, example) for gold in example.sql),
            predicted=sql,
            declined=declined,
            gold_declined=is_declined(example.sql[0]),
            was_cut=completion.stop == "length",
            refusal=completion.refused,
            dialect=example.dialect,
            schema=schema,
            verdict=verdict,
            gold_failure=fault,
            compiled=_compiled(example, schema),
            examined=tree,
        )
        return attempt if fault else self._tried(attempt, example)

    def _tried(self, attempt: Attempt, example: Example) -> Attempt:
        """Return the attempt on the database that shows a difference; where none does, on one where rows come back."""
        may_run = attempt.verdict is not None and attempt.verdict.allowed
        right = None
        for number, database in enumerate(self.golds.databases(example)):
            gold = self.golds.on(example, number, database)
            if not gold.answers:
                continue
            result, failure = None, None
            if attempt.predicted is not None and may_run:
                rows = max(len(answer.result.rows) for answer in gold.answers)
                result, failure = self._run(attempt, database, rows=rows)
            by = attempt.compiled
            referee = self.golds.referee(example, by, database, gold) if by is not None else None
            tried = dataclasses.replace(attempt, answers=gold.answers, result=result, failure=failure, referee=referee)
            if execution(tried) != 1:
                return tried
            right = tried if right is None or (result is not None and result.rows) else right
        return right or attempt

    def _examined(self, sql: str | None, example: Example, schema: Schema) -> _Examined:
        """Return the guard's verdict of a statement, and its text as it is read."""
        if sql is None or not schema.tables:
            return _Examined(sql, None, None)
        guard = functools.partial(examine, dialect=example.dialect, schema=schema, grant=self.scoring.grant)
        found = _Examined(sql, *guard(sql))
        if self.scoring.quoted_text and '"' in sql and load_dialect(example.dialect).base == "sqlite":
            read = as_sqlite_reads(sql, known_names(schema).all)
            if read != sql and (other := _Examined(read, *guard(read))).is_allowed:
                return other
        return found

    def _run(self, attempt: Attempt, database: Database, *, rows: int) -> tuple[QueryResult | None, SQLError | None]:
        assert attempt.predicted is not None
        try:
            max_rows = rows + ROWS_BEYOND
            return self.scoring.run(database, attempt.predicted, dialect=attempt.dialect, max_rows=max_rows), None
        except SQLError as e:
            return None, e


def _compiled(example: Example, schema: Schema) -> str | None:
    """Return what the compiler makes of an example's specification; None where it is beyond it, or there is none."""
    if example.spec is None:
        return None
    try:
        return compile_spec(example.spec, example.dialect, schema if schema.tables else None)
    except DataError:
        return None


def _excerpt(attempt: Attempt) -> dict[str, Any] | None:
    if attempt.result is None:
        return None
    answer = attempt.answers[0]
    return excerpt(answer.result, attempt.result, ordered=answer.ordered)
