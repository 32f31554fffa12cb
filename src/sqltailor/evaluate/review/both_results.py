"""The results of both statements, run now where there is a database, to look at side by side."""

from __future__ import annotations

from typing import Any

from sqltailor.evaluate.grading import schema_of_guard
from sqltailor.evaluate.metrics.difference import Room, excerpt, shown_rows
from sqltailor.evaluate.metrics.execution import execution
from sqltailor.evaluate.metrics.outcome import outcome
from sqltailor.evaluate.review.reviews import Answered
from sqltailor.evaluate.scorer import Scorer
from sqltailor.evaluate.scoring import Scoring
from sqltailor.types import Completion, Schema

ROOM = Room(rows=100, columns=30, characters=300)


class BothResults:
    """Runs the statements of one question at a time, under the guard and the limits of an evaluation."""

    def __init__(self, scoring: Scoring, schema: Schema | None) -> None:
        self._scorer, self._schema = Scorer(scoring), schema
        self.golds = self._scorer.golds

    def schema(self, answered: Answered) -> Schema:
        """Return what the guard judges the statements of a question by."""
        return schema_of_guard(answered.example, self._scorer, self._schema)

    def of(self, answered: Answered) -> dict[str, Any]:
        """Return `gold` and `predicted`, the first rows of each, and `reason`, why one has none.

        Without a database they are what the evaluation kept: the first rows of results that differ.
        """
        example, row = answered.example, answered.row
        if self._scorer.scoring.database is None:
            return {"gold": None, "predicted": None, "reason": None} | (row.get("results") or {})
        attempt = self._scorer.attempt(example, Completion(row["predicted"]), self.schema(answered))
        if not attempt.answers:
            return {"gold": None, "predicted": None, "reason": attempt.gold_failure}
        gold = attempt.answers[0]
        if attempt.result is not None:
            both = excerpt(gold.result, attempt.result, ordered=gold.ordered, room=ROOM)
            if execution(attempt) == 1:  # columns in another order, or another accepted gold: nothing is wrong
                both = {side: shown | {"differing": 0} for side, shown in both.items()}
            return {**both, "reason": None}
        shown = shown_rows(gold.result, range(min(len(gold.result.rows), ROOM.rows)), ROOM)
        return {"gold": shown, "predicted": None, "reason": outcome(attempt)[1]}
