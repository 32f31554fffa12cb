"""One timed call, and the figures of many."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqltailor.evaluate.statistics import Rate, percentile
from sqltailor.generate.remote import since
from sqltailor.types import Completion, Example

PERCENTILES = (50, 95, 99)
Ask = Callable[[Example], Completion]
"""Asks one question."""


@dataclass(frozen=True, slots=True)
class Call:
    """One question and its answer. Times are milliseconds since it was asked; what is not measured is None."""

    example: Example
    completion: Completion
    total_ms: float
    first_token_ms: float | None

    @classmethod
    def of(cls, example: Example, completion: Completion, total_ms: float) -> Call:
        """Return the call, where all that the model did not time itself came before its first token."""
        first, own = completion.first_token_ms, completion.total_ms
        return cls(example, completion, total_ms, None if first is None or own is None else total_ms - own + first)


@dataclass(frozen=True, slots=True)
class Ops:
    """What was measured of one model. `figures`: name → number, None where it is not known.

    `right` are the warm answers by execution, None where nothing could be judged.
    """

    model: str
    calls: int
    cold_calls: int
    questions: int
    right: Rate | None
    figures: Mapping[str, float | None]

    def to_json(self) -> dict[str, Any]:
        """Return the shape of `bench ops --json`."""
        counts = {"calls": self.calls, "cold_calls": self.cold_calls, "questions": self.questions}
        return counts | dict(self.figures) | {"right": self.right.to_json() if self.right else None}


def timed(ask: Ask, example: Example) -> Call:
    """Return a call with the time that it took here."""
    began = time.perf_counter()
    completion = ask(example)
    return Call.of(example, completion, since(began))


def times(calls: Sequence[Call], prefix: str = "") -> dict[str, float | None]:
    """Return the percentiles of both times; None where a call did not measure one, or there is no call."""
    found: dict[str, float | None] = {}
    for name in ("first_token_ms", "total_ms"):
        values = [value for call in calls if (value := getattr(call, name)) is not None]
        for percent in PERCENTILES:
            is_known = calls and len(values) == len(calls)
            found[f"{prefix}{name}_p{percent}"] = round(percentile(values, percent), 2) if is_known else None
    return found


def tokens(calls: Sequence[Call], name: str) -> int | None:
    """Return the sum of `tokens_in` or `tokens_out`; None where a call does not tell."""
    counts = [getattr(call.completion, name) for call in calls]
    return None if not counts or None in counts else sum(counts)


def difference(before: Ops, after: Ops) -> dict[str, float]:
    """Return by how many percent each figure that both have, and that was not 0, is more.

    >>> slow, fast = (Ops("", 1, 0, 1, None, {"total_ms_p50": ms}) for ms in (200.0, 150.0))
    >>> difference(slow, fast)
    {'total_ms_p50': -25.0}
    """
    pairs = {name: (value, after.figures.get(name)) for name, value in before.figures.items()}
    return {name: round(100 * (b - a) / a, 1) for name, (a, b) in pairs.items() if a and b is not None}
