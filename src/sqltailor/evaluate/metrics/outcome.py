"""Classify one answer: an outcome and a one-sentence reason. The only place that decides it."""

from __future__ import annotations

from sqltailor.errors import Refused, SQLError, Timeout
from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.evaluate.metrics.difference import Differs, difference
from sqltailor.evaluate.metrics.exact import exact_match
from sqltailor.evaluate.metrics.execution import execution
from sqltailor.evaluate.metrics.validity import missing_name
from sqltailor.types import Outcome


def outcome(attempt: Attempt) -> tuple[Outcome, str | None]:
    """Return the outcome of an answer and, where it is not simply right, the reason.

    The first that holds counts:

    1. `gold_error`: no accepted gold statement runs, so nothing is known about the answer
    2. `correct`, `empty_match`: by execution, or by exact match where there is no database
    3. `declined`: the model says that it cannot answer
    4. `truncated`: the answer was cut at its longest length (one that is right all the same is `correct`)
    5. `refused`, too, where a guardrail stood in the answer's place
    6. `no_sql`, `unparsed`, `schema_error`, `refused`, `timeout`, `sql_error`: as far as the statement came
    7. `wrong`
    """
    if attempt.gold_failure is not None:
        return "gold_error", attempt.gold_failure
    score = execution(attempt)
    if score == 1 or (score is None and exact_match(attempt) == 1):
        is_empty = attempt.result is not None and not attempt.result.rows
        return ("empty_match", "both results are empty") if is_empty else ("correct", None)
    if attempt.declined is not None:
        return "declined", attempt.declined
    if attempt.was_cut:
        return "truncated", "the answer was cut at its longest length"
    if attempt.refusal is not None:
        return "refused", attempt.refusal
    if attempt.predicted is None:
        return "no_sql", "the answer holds no SQL"
    return _failed(attempt) or ("wrong", _why_wrong(attempt))


def _failed(attempt: Attempt) -> tuple[Outcome, str] | None:
    """Return how far a statement came that did not return a result."""
    if attempt.result is not None:
        return None
    if attempt.unparsed is not None:
        return "unparsed", str(attempt.unparsed)
    if (name := _missing_name(attempt)) is not None:
        return "schema_error", name
    if attempt.verdict is not None and not attempt.verdict.allowed:
        return "refused", attempt.verdict.reason or "refused by the guard"
    if isinstance(attempt.failure, Refused):
        return "refused", str(attempt.failure)
    if isinstance(attempt.failure, Timeout):
        return "timeout", str(attempt.failure)
    return ("sql_error", str(attempt.failure)) if attempt.failure is not None else None


def _missing_name(attempt: Attempt) -> str | None:
    if not attempt.schema.tables:
        return None
    try:
        return missing_name(attempt)
    except SQLError:
        return None


def how_it_differs(attempt: Attempt) -> Differs | None:
    """Return how the result of a wrong answer differs from the preferred gold result; None where nothing ran."""
    if attempt.gold_declined or not attempt.answers or attempt.result is None:
        return None
    answer = attempt.answers[0]
    return difference(answer.result, attempt.result, ordered=answer.ordered, columns_in_order=answer.columns_in_order)


def _why_wrong(attempt: Attempt) -> str:
    if attempt.gold_declined:
        return "the question cannot be answered, and the model answered"
    differs = how_it_differs(attempt)
    return differs.says if differs else "not the gold statement (there is no database to run it on)"
