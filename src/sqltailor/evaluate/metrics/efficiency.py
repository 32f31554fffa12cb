"""Efficiency: does a right statement take longer than the gold one?"""

from __future__ import annotations

from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.evaluate.metrics.execution import execution

LEAST_MS = 1.0
"""Shorter times are noise: both count as this long."""


def efficiency(attempt: Attempt) -> float | None:
    """Return the time of the gold statement over that of a right answer, at most 1; None for a wrong one.

    Each ran once: one answer says little, the mean over many shows what is slow. BIRD's time rewards, with a hundred
    runs each, are in `eval --compat bird-ves`.
    """
    if attempt.result is None or not attempt.answers or execution(attempt) != 1:
        return None
    gold = min(answer.result.elapsed_ms for answer in attempt.answers)
    return min(1.0, max(gold, LEAST_MS) / max(attempt.result.elapsed_ms, LEAST_MS))
