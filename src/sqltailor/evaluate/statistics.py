"""Statistics of scores: means with confidence intervals, and the paired test between two models."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
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


class Paired(NamedTuple):
    """Rows that only the second model gets right (`fixed`), only the first (`broken`), and the p-value of the two."""

    fixed: int
    broken: int
    p: float
    n: int


def paired(a: Mapping[str, float], b: Mapping[str, float]) -> Paired | None:
    """Compare the scores of two models, by row id, or return None where no row has both scores.

    A row counts as right at score 1; fractions count as wrong. `p` is McNemar's test, exact and two-sided.

    >>> paired({"1": 0, "2": 0, "3": 1}, {"1": 1, "2": 1, "3": 1})
    Paired(fixed=2, broken=0, p=0.5, n=3)
    """
    common = a.keys() & b.keys()
    if not common:
        return None
    fixed = sum(a[row] < 1 <= b[row] for row in common)
    broken = sum(b[row] < 1 <= a[row] for row in common)
    return Paired(fixed, broken, mcnemar(fixed, broken), len(common))


def mcnemar(fixed: int, broken: int) -> float:
    """Return the exact two-sided p-value that `fixed` and `broken` come from a fair coin (McNemar 1947, binomial form).

    >>> mcnemar(0, 0), mcnemar(5, 5), round(mcnemar(10, 2), 4)
    (1.0, 1.0, 0.0386)
    """
    n = fixed + broken
    ways = total = 1
    for k in range(1, min(fixed, broken) + 1):
        ways = ways * (n - k + 1) // k
        total += ways
    return float(min(1.0, 2 * total / 2**n))
