"""Seeded random draws for the sample database."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any, TypeVar

Row = tuple[Any, ...]
T = TypeVar("T")


def pick(rng: Random, weights: dict[T, float]) -> T:
    """Return one key, with a chance in proportion to its weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def day_between(rng: Random, first: date, last: date) -> date:
    """Return a day from `first` to `last`, both included."""
    return first + timedelta(days=int(rng.random() * ((last - first).days + 1)))


def quarters(amount: float) -> float:
    """Return the amount in whole quarters of a euro, at least one quarter.

    >>> quarters(12.7)
    12.75
    """
    return max(1, round(amount * 4)) / 4
