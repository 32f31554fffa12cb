"""Is the tuned model really better? The same rows, answered by two models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


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
