"""Classify one answer: an outcome and a one-sentence reason. The only place that decides it."""

from __future__ import annotations

from collections import Counter

from sqltailor.errors import Refused, SQLError, Timeout, counted
from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.evaluate.metrics.exact import exact_match
from sqltailor.evaluate.metrics.execution import execution
from sqltailor.evaluate.metrics.results import same_result
from sqltailor.evaluate.metrics.validity import missing_name
from sqltailor.types import Cell, Outcome, QueryResult


def outcome(attempt: Attempt) -> tuple[Outcome, str | None]:
    """Return the outcome of an answer and, where it is not simply right, the reason.

    The first that holds counts:

    1. `gold_error`: no accepted gold statement runs, so nothing is known about the answer
    2. `correct`, `empty_match`: by execution, or by exact match where there is no database
    3. `declined`: the model says that it cannot answer
    4. `truncated`: the answer was cut at its longest length (one that is right all the same is `correct`)
    5. `no_sql`, `unparsed`, `schema_error`, `refused`, `timeout`, `sql_error`: as far as the statement came
    6. `wrong`
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
    if attempt.predicted is None:
        return "no_sql", "the answer holds no SQL"
    return _failed(attempt) or ("wrong", _difference(attempt))


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


def _difference(attempt: Attempt) -> str:
    """Return how a result differs from the preferred gold result, in one sentence."""
    if attempt.gold_declined:
        return "the question cannot be answered, and the model answered"
    if not attempt.answers or attempt.result is None:
        return "not the gold statement (there is no database to run it on)"
    answer = attempt.answers[0]
    return difference(answer.result, attempt.result, ordered=answer.ordered)


def difference(gold: QueryResult, predicted: QueryResult, *, ordered: bool) -> str:
    """Return how two results differ, in one sentence; they are known to.

    `predicted` may be cut at one row more than the gold has.

    >>> one, two = QueryResult(("a",), [(1,)]), QueryResult(("a",), [(1,), (2,)])
    >>> difference(one, two, ordered=False)
    'more rows than the 1 of the gold result'
    """
    if len(gold.columns) != len(predicted.columns):
        return f"{counted(len(predicted.columns), 'column')}, the gold result has {len(gold.columns)}"
    if len(predicted.rows) > len(gold.rows):
        return f"more rows than the {len(gold.rows)} of the gold result"
    if len(predicted.rows) < len(gold.rows):
        return f"{counted(len(predicted.rows), 'row')}, the gold result has {len(gold.rows)}"
    if ordered and same_result(gold, predicted, ordered=False):
        return "the right rows in another order"
    if len(gold.columns) == len(gold.rows) == 1:
        return f"{_shown(predicted.rows[0][0])}, the gold result is {_shown(gold.rows[0][0])}"
    differing = sum((Counter(map(repr, gold.rows)) - Counter(map(repr, predicted.rows))).values())
    return f"{differing} of {counted(len(gold.rows), 'row')} {'differs' if len(gold.rows) == 1 else 'differ'}"


def _shown(cell: Cell) -> str:
    text = "NULL" if cell is None else repr(cell)
    return text if len(text) <= 60 else f"{text[:57]}..."
