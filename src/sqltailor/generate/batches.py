"""Batches of prompts to read together, and the prefix that each batch reads only once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sqltailor.generate.attention import Prefix

WORTH_SHARING = 16
"""Tokens: a shorter common beginning is not worth a pass of its own."""
KEPT = 4
"""How many earlier prompts are kept for later ones."""


class Batch(NamedTuple):
    """Rows by number, and how many tokens all of them begin with."""

    rows: list[int]
    shared: int


def common(a: Sequence[int], b: Sequence[int]) -> int:
    """Return how many tokens two rows begin with alike.

    >>> common([1, 2, 3], [1, 2, 4, 5])
    2
    """
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def plan(rows: Sequence[list[int]], size: int) -> list[Batch]:
    """Divide rows into batches of at most `size`: rows of one schema together, then rows of like length.

    A row keeps at least one token of its own.

    >>> a, b = list(range(100)), list(range(100, 200))
    >>> plan([a + [1], b + [2], a + [3]], 2)
    [Batch(rows=[0, 2], shared=100), Batch(rows=[1], shared=0)]
    """
    order = sorted(range(len(rows)), key=lambda i: rows[i])
    runs: list[list[int]] = [[i] for i in order[:1]]
    shares = [common(rows[a], rows[b]) for a, b in pairwise(order)]
    for row, before, share in zip(order[1:], order, shares, strict=False):
        if share >= WORTH_SHARING and 2 * share >= min(len(rows[row]), len(rows[before])):
            runs[-1].append(row)
        else:
            runs.append([row])
    batches = []
    for run in runs:
        # in sorted order the first and the last row differ the earliest
        shared = min(common(rows[run[0]], rows[run[-1]]), min(len(rows[i]) for i in run) - 1)
        if len(run) > 1:
            batches += [Batch(part, shared) for part in _parts(run, rows, size)]
    alone = [run[0] for run in runs if len(run) == 1]
    return batches + [Batch(part, 0) for part in _parts(alone, rows, size)]


def _parts(numbers: list[int], rows: Sequence[list[int]], size: int) -> list[list[int]]:
    by_length = sorted(numbers, key=lambda i: (len(rows[i]), i))
    return [by_length[i : i + size] for i in range(0, len(by_length), size)]


class PrefixCache:
    """The beginnings of recent prompts, as the model has read them; the least recently used are dropped first."""

    def __init__(self) -> None:
        self._kept: list[Prefix] = []

    def longest(self, ids: Sequence[int]) -> Prefix | None:
        """Return what is kept of the beginning of `ids`; never all of it, since the last token's logits are needed."""
        shares = [(min(common(prefix.ids, ids), len(ids) - 1), i) for i, prefix in enumerate(self._kept)]
        share, at = max(shares, default=(0, 0))
        if share < WORTH_SHARING:
            return None
        self._kept.append(self._kept.pop(at))
        return self._kept[-1].cut(share)

    def add(self, prefix: Prefix) -> None:
        """Keep a prefix, in place of those that it extends."""
        others = [kept for kept in self._kept if kept.ids != prefix.ids[: len(kept.ids)]]
        self._kept = [*others[1 - KEPT :], prefix]
