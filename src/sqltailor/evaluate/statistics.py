"""Statistics of scores: means with intervals, the paired test, what a test set can show, and how far judges agree.

Questions about one database tend to be right or wrong together, so that they say less than as many independent ones:
where there are databases enough, intervals are also given for a draw of whole databases.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

Z95 = 1.959963984540054
"""97.5 % point of the normal distribution: the interval covers 95 %."""
Z80 = 0.8416212335729143
"""80 % point of the normal distribution: so often a difference of the detectable size is found."""
FEWEST_CLUSTERS = 5
"""With fewer databases, drawing whole databases says nothing of others."""
FEWEST_DISCORDANT = 6
"""So many rows must change, all in one direction, before the paired test can tell them from chance: 2 / 2**6 < 0.05."""
DRAWS = 1_000


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
    return _wilson(math.fsum(values) / len(values), len(values), len(values)) if values else None


def percentile(values: Iterable[float], percent: int) -> float:
    """Return the smallest value that at least so many percent of the values do not exceed: one that was measured.

    This is the nearest rank: of n sorted values, the one in place ⌈percent · n / 100⌉, counted from 1. With few values
    p95 and p99 are the largest.

    >>> percentile(range(1, 101), 95), percentile([3.0, 1.0, 2.0], 50), percentile([7.0], 99)
    (95, 2.0, 7.0)
    """
    ranked = sorted(values)
    return ranked[max(math.ceil(percent * len(ranked) / 100), 1) - 1]


def clustered_rate(scores: Mapping[str, Sequence[float]]) -> Rate | None:
    """Return the mean of scores by cluster, with Wilson's interval for as many scores as they are worth.

    That is n over the design effect: the variance of a draw of clusters over that of a draw of scores (Kish 1965).
    None for fewer than `FEWEST_CLUSTERS`.
    """
    sums = [(math.fsum(values), len(values)) for values in scores.values() if values]
    n = sum(size for _, size in sums)
    if len(sums) < FEWEST_CLUSTERS:
        return None
    p = math.fsum(total for total, _ in sums) / n
    between = len(sums) / (len(sums) - 1) * math.fsum((total - p * size) ** 2 for total, size in sums) / n**2
    effect = between / (p * (1 - p) / n) if 0 < p < 1 else 1.0
    return _wilson(p, n, n / max(effect, 1.0))


def _wilson(p: float, count: int, n: float) -> Rate:
    z2 = Z95 * Z95
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 * math.sqrt(max(p * (1 - p) / n + z2 / (4 * n * n), 0.0)) / (1 + z2 / n)
    # The two clamps are exact at p = 0 and p = 1, where rounding would leave 1e-17 on the wrong side.
    return Rate(p, min(max(centre - half, 0.0), p), max(min(centre + half, 1.0), p), count)


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


class Interval(NamedTuple):
    """A difference of means, and its 95 % interval."""

    value: float
    low: float
    high: float


def bootstrap(differences: Mapping[str, float], clusters: Mapping[str, str], *, seed: int = 0) -> Interval:
    """Return the mean of paired differences, by row id, with its percentile bootstrap interval (Efron 1979).

    Whole `clusters` (row id → its database) are drawn where there are `FEWEST_CLUSTERS` or more, else rows. Where all
    differ equally there is nothing to draw from: others may still be, as many as Wilson's interval of 0 of n has room.

    >>> [round(end, 2) for end in bootstrap({"1": 0.0, "2": 0.0, "3": 0.0}, {})]
    [0.0, -0.56, 0.56]
    """
    by_cluster: dict[str, list[float]] = {}
    for row, value in differences.items():
        by_cluster.setdefault(clusters.get(row, ""), []).append(value)
    mean = math.fsum(differences.values()) / len(differences)
    if len(set(differences.values())) == 1:
        drawn_of = len(by_cluster) if len(by_cluster) >= FEWEST_CLUSTERS else len(differences)
        unseen = _wilson(0.0, drawn_of, drawn_of).high
        return Interval(mean, max(-1.0, mean - unseen), min(1.0, mean + unseen))
    drawn = random.Random(seed)
    if len(by_cluster) >= FEWEST_CLUSTERS:
        sums = [(math.fsum(values), len(values)) for values in by_cluster.values()]
        draws = (drawn.choices(sums, k=len(sums)) for _ in range(DRAWS))
        means = sorted(sum(total for total, _ in draw) / sum(size for _, size in draw) for draw in draws)
    else:
        values = list(differences.values())
        means = sorted(math.fsum(drawn.choices(values, k=len(values))) / len(values) for _ in range(DRAWS))
    return Interval(mean, means[int(0.025 * DRAWS)], means[int(0.975 * DRAWS) - 1])


def detectable(n: int, changed: float) -> float:
    """Return the smallest difference of two rates on the same n rows that the paired test finds four times in five.

    `changed` is the share of rows that only one of the two gets right (Connor 1987, solved for the difference).

    >>> round(detectable(100, 0.2), 3), round(detectable(1000, 0.2), 3), detectable(4, 0.0)
    (0.124, 0.04, 1.0)
    """
    least = FEWEST_DISCORDANT / n
    difference = 0.0
    for _ in range(50):
        spread = math.sqrt(max(changed - difference**2, 0.0))
        difference = (Z95 * math.sqrt(changed) + Z80 * spread) / math.sqrt(n)
    return min(max(difference, least), 1.0)


def kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Return Cohen's kappa of two judges' marks: agreement beyond chance, 1 for full, 0 for none beyond it.

    None where both give everything the same mark, and for no pairs: there is nothing to agree about (Cohen 1960).

    >>> round(kappa([(True, True)] * 20 + [(True, False)] * 5 + [(False, True)] * 10 + [(False, False)] * 15), 3)
    0.4
    """
    if not pairs:
        return None
    first, second = (Counter(marks) for marks in zip(*pairs, strict=True))
    by_chance = sum(count * second[mark] for mark, count in first.items()) / len(pairs) ** 2
    return _beyond_chance(sum(a == b for a, b in pairs) / len(pairs), by_chance)


def fleiss_kappa(rows: Sequence[Sequence[Hashable]]) -> float | None:
    """Return Fleiss' kappa of the marks that equally many judges, two or more, gave each row (Fleiss 1971).

    None where all marks are the same, and for no rows.

    >>> round(fleiss_kappa(["aab", "bbb", "aaa", "abb"]), 3)
    0.333
    """
    if not rows:
        return None
    judges = len(rows[0])
    counts = [Counter(marks) for marks in rows]
    pairs_alike = sum(n * (n - 1) for marks in counts for n in marks.values())
    shares = (n / (judges * len(rows)) for n in sum(counts, Counter()).values())
    return _beyond_chance(pairs_alike / (judges * (judges - 1) * len(rows)), sum(share**2 for share in shares))


def _beyond_chance(agreed: float, by_chance: float) -> float | None:
    return None if by_chance == 1 else (agreed - by_chance) / (1 - by_chance)
