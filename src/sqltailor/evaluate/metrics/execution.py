"""Execution accuracy: does the predicted statement return what the gold statement returns?

Safer than the usual definitions: rows are a bag (duplicates count), order matters only where the gold has an
outermost ORDER BY, rows that tie may take each other's places, fractions have a tolerance. The rules are in
`results` and `gold`. Whether both results are empty, which proves little, is told apart by the outcome.
"""

from __future__ import annotations

from sqltailor.evaluate.metrics.attempt import Attempt


def execution(attempt: Attempt) -> float | None:
    """Return 1 when the result is one that an accepted gold statement allows, else 0; None where no gold runs."""
    if attempt.gold_declined:
        return float(attempt.declined is not None)
    if not attempt.answers:
        return None
    result = attempt.result
    return float(result is not None and any(answer.matches(result) for answer in attempt.answers))
