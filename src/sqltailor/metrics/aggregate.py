"""Means with their uncertainty: what a list of scores says, and how surely."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

Z95 = 1.959963984540054
"""97.5 % point of the normal distribution: the interval covers 95 %."""


class Rate(NamedTuple):
    """A mean of scores between 0 and 1, its 95 % interval, and how many scores it is the mean of."""

    value: float
    low: float
    high: float
    n: int

    def to_json(self) -> dict[str, float | int]:
        """Return the rate as `--json` shows it."""
        return {"value": round(self.value, 6), "low": round(self.low, 6), "high": round(self.high, 6), "n": self.n}


def rate(scores: Iterable[float]) -> Rate | None:
    """Return the mean of scores in 0..1 with its Wilson interval, or None for no scores: absent is not 0.

    Wilson's interval stays inside 0..1 and is honest for small n and for 0 or n successes (Wilson 1927, eq. 1). It is
    exact in kind for yes/no scores; for fractional ones it is a little too wide.

    >>> [round(x, 3) for x in rate([1] * 83 + [0] * 17)]
    [0.83, 0.745, 0.891, 100]
    """
    values = list(scores)
    n = len(values)
    if n == 0:
        return None
    p = math.fsum(values) / n
    z2 = Z95 * Z95
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(max(p * (1 - p) / n + z2 / (4 * n * n), 0.0)) / (1 + z2 / n)
    # The two clamps are exact at p = 0 and p = 1, where rounding would leave 1e-17 on the wrong side.
    return Rate(p, min(max(centre - half, 0.0), p), max(min(centre + half, 1.0), p), n)
