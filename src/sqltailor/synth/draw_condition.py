"""Random conditions on one column: stored values and round numbers."""

from __future__ import annotations

import random
from collections.abc import Callable

from sqltailor.naming.columns import ColumnInfo, Kind
from sqltailor.synth.query import Between, Col, Compare, During, In, Like, Null, Recent, Term, Unit
from sqltailor.types import Cell

STARTS = ("01-01", "04-01", "07-01", "10-01")
ENDS = ("03-31", "06-30", "09-30", "12-31")
Condition = Compare | Between | In | Like | Null | During | Recent | Term


def _equal(rng: random.Random, left: Col, seen: tuple[Cell, ...]) -> Condition | None:
    return Compare(left, "=", rng.choice(seen))


def _category(rng: random.Random, left: Col, seen: tuple[Cell, ...]) -> Condition | None:
    roll = rng.random()
    if roll < 0.72 or len(seen) < 3:
        return Compare(left, "=", rng.choice(seen))
    if roll < 0.82:
        return Compare(left, "<>", rng.choice(seen))
    chosen = tuple(dict.fromkeys(rng.choice(seen) for _ in range(rng.choice((2, 2, 2, 3)))))
    return In(left, chosen, negated=rng.random() < 0.2) if len(chosen) > 1 else Compare(left, "=", chosen[0])


def _text(rng: random.Random, left: Col, seen: tuple[Cell, ...]) -> Condition | None:
    value = rng.choice(seen)
    if not isinstance(value, str) or (rng.random() < 0.7 and len(value) <= 30):
        return Compare(left, "=", value)
    return _like(rng, left, value)


def _like(rng: random.Random, left: Col, value: str) -> Condition | None:
    words = [word for word in value.split() if len(word) > 2 and word.isalnum()]
    roll = rng.random()
    if roll < 0.6 and words:
        return Like(left, "contains", rng.choice(words), negated=rng.random() < 0.08)
    if roll < 0.85 and value[:1].isalnum():
        return Like(left, "starts", value[: rng.choice((1, 1, 2, 3))].rstrip())
    return Like(left, "ends", value[-rng.choice((1, 2, 3)) :].lstrip()) if value[-1:].isalnum() else None


def _number(rng: random.Random, left: Col, seen: tuple[Cell, ...]) -> Condition | None:
    numbers = [value for value in seen if isinstance(value, int | float)]
    if not numbers:
        return Compare(left, "=", rng.choice(seen))
    value, roll = rng.choice(numbers), rng.random()
    if roll < 0.14:
        return Compare(left, "=", int(value) if float(value).is_integer() else value)
    if roll < 0.24:
        low, high = sorted((round_number(value), round_number(rng.choice(numbers))))
        return Between(left, low, high) if low < high else None
    return Compare(left, rng.choice((">", ">", ">", "<", "<", ">=", ">=", "<=")), round_number(value))


def round_number(value: int | float) -> int | float:
    """Return a number as people would say it in a question: two or three leading digits.

    >>> round_number(18437), round_number(12.3456), round_number(7)
    (18000, 12.3, 7)
    """
    if isinstance(value, float) and not value.is_integer() and abs(value) < 1000:
        short = float(f"{value:.3g}")
        return int(short) if short.is_integer() else short
    whole = int(value)
    return whole if abs(whole) < 1000 else int(float(f"{whole:.2g}"))


def _year(rng: random.Random, left: Col, seen: tuple[Cell, ...]) -> Condition | None:
    value = rng.choice(seen)
    if rng.random() < 0.4:
        return Compare(left, "=", value)
    if rng.random() < 0.2:
        pair = sorted({str(rng.choice(seen)), str(value)})
        if len(pair) == 2:
            typed = [int(p) if isinstance(value, int) else p for p in pair]
            return Between(left, typed[0], typed[1])
    return Compare(left, rng.choice((">", ">", "<", "<", ">=", "<=")), value)


def _date(
    rng: random.Random, left: Col, seen: tuple[Cell, ...], column: ColumnInfo, is_history: Callable[[ColumnInfo], bool]
) -> Condition | None:
    value = str(rng.choice(seen))
    day, roll = value[:10], rng.random()
    if roll < 0.32:
        return During(left, "year", day[:4])
    if roll < 0.5:
        return During(left, "month", day[:7])
    if roll < 0.58:
        return Compare(left, "=", day) if len(value) == 10 else During(left, "day", day)
    if roll < 0.66:
        units: tuple[Unit, ...] = ("day", "day", "month", "month", "year")
        unit = rng.choice(units)
        count = rng.choice({"day": (7, 30, 90, 14), "month": (1, 3, 6, 12), "year": (1, 2, 5)}[unit])
        return Recent(left, count, unit, column.table if is_history(column) else None)
    if roll < 0.7:
        quarter = min(3, (int(day[5:7]) - 1) // 3)
        return Between(left, f"{day[:4]}-{STARTS[quarter]}", f"{day[:4]}-{ENDS[quarter]}")
    if roll < 0.78:
        low, high = sorted((day, str(rng.choice(seen))[:10]))
        return Between(left, low, high) if low < high else None
    boundary = rng.choice((day, day, day[:7] + "-01", day[:4] + "-01-01"))
    return Compare(left, rng.choice((">", ">=", "<", "<")), boundary)


_MAKERS: dict[Kind, Callable[[random.Random, Col, tuple[Cell, ...]], Condition | None]] = {
    "key": _equal, "flag": _equal, "category": _category, "name": _text, "text": _text, "number": _number,
    "year": _year,
}  # fmt: skip


def draw_condition(
    rng: random.Random, left: Col, column: ColumnInfo, seen: tuple[Cell, ...], is_history: Callable[[ColumnInfo], bool]
) -> Condition | None:
    """Return a condition on a column that holds the values `seen`, or None when none comes out this time.

    `is_history` tells whether all dates of a column lie before this year.
    """
    if column.kind == "date":
        return _date(rng, left, seen, column, is_history)
    return _MAKERS[column.kind](rng, left, seen)
