"""Values that satisfy one condition, and near misses that do not."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from typing import Any

from sqltailor.types import Cell

Values = tuple[tuple[Cell, ...], tuple[Cell, ...]]


def passing(test: Any, type_: str) -> Values | None:
    """Return values that pass a condition and values that just fail it; None for what is not understood."""
    from sqlglot import exp

    if isinstance(test, exp.Is):
        something: Cell = 1 if _is_number(type_) else "x"
        return (None,), (something,)
    if isinstance(test, exp.In):
        items = [value for item in test.expressions if (value := literal(item)) is not None]
        return (tuple(items), tuple(_near(items[0]))) if items else None
    if isinstance(test, exp.Between):
        low, high = literal(test.args["low"]), literal(test.args["high"])
        if low is None or high is None:
            return None
        return (low, high), (step(low, -1), step(high, 1))
    if isinstance(test, exp.Like) and isinstance(test.this, exp.Column):
        pattern = literal(test.expression)
        if not isinstance(pattern, str):
            return None
        values = _like(pattern)
        return (values[1], values[0]) if test.args.get("negate") else values
    if isinstance(test, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE):
        return _compared(test)
    return None


def _compared(test: Any) -> Values | None:
    from sqlglot import exp

    value = literal(test.right)
    if value is None:
        return None
    if not isinstance(test.left, exp.Column):
        return _within(value) if isinstance(test, exp.EQ) and isinstance(value, str | int) else None
    below, above = step(value, -1), step(value, 1)
    if isinstance(test, exp.EQ):
        return (value,), tuple(_near(value))
    if isinstance(test, exp.NEQ):
        return tuple(_near(value)), (value,)
    if isinstance(test, exp.GT):
        return (above,), (value, below)
    if isinstance(test, exp.GTE):
        return (value, above), (below,)
    if isinstance(test, exp.LT):
        return (below,), (value, above)
    return (value, below), (above,)


def _within(value: str | int) -> Values | None:
    """Return dates inside and just outside a year, a month or a day that a function of a column is compared with."""
    text = str(value)
    if len(text) == 4 and text.isdigit():
        year = int(text)
        return (f"{text}-01-01", f"{text}-12-31", f"{text}-07-15"), (f"{year - 1}-12-31", f"{year + 1}-01-01")
    try:
        if len(text) == 7:
            first = datetime.date.fromisoformat(f"{text}-01")
            after = (first + datetime.timedelta(days=32)).replace(day=1)
            inside = (first, after - datetime.timedelta(days=1))
            outside = (first - datetime.timedelta(days=1), after, first.replace(year=first.year + 1))
            return tuple(map(str, inside)), tuple(map(str, outside))
        day = datetime.date.fromisoformat(text)
    except ValueError:
        return None
    return (text,), (str(day - datetime.timedelta(days=1)), str(day + datetime.timedelta(days=1)))


def literal(node: Any) -> Cell:
    """Return the value of a literal; None for anything else."""
    from sqlglot import exp

    if isinstance(node, exp.Neg):
        inner = literal(node.this)
        return -inner if isinstance(inner, int | float) else None
    if isinstance(node, exp.Boolean):
        return int(bool(node.this))
    if not isinstance(node, exp.Literal):
        return None
    if node.is_string:
        return str(node.this)
    number = float(node.this)
    return int(node.this) if str(node.this).isdigit() else number


def step(value: Cell, direction: int) -> Cell:
    """Return the value just before or after: the next whole number, the next day, the next text.

    >>> step(5, 1), step("2024-02-28", 1), step(2.5, -1)
    (6, '2024-02-29', 2.25)
    """
    if isinstance(value, int):
        return value + direction
    if isinstance(value, float):
        return value + direction / 4
    text = str(value)
    try:
        day = datetime.date.fromisoformat(text[:10])
        return str(day + datetime.timedelta(days=direction)) + text[10:]
    except (ValueError, OverflowError):
        return text + "a" if direction > 0 else text[:-1]


def _near(value: Cell) -> Iterator[Cell]:
    yield step(value, 1)
    yield step(value, -1)
    if isinstance(value, str):
        yield value.swapcase() if value.swapcase() != value else value + " "
        yield f"{value} too"


def matching(pattern: str, rng: random.Random) -> str:
    """Return text that a LIKE pattern lets through.

    >>> matching("a%c", random.Random(1)).startswith("a")
    True
    """
    letters = "abcdefghijklmnoprstuvw"
    filled = []
    for character in pattern:
        if character == "%":
            filled.append("".join(rng.choice(letters) for _ in range(rng.choice((0, 3, 5, 6)))))
        else:
            filled.append(rng.choice(letters) if character == "_" else character)
    return "".join(filled)


def _like(pattern: str) -> Values:
    rng = random.Random(pattern)
    hits = tuple(dict.fromkeys(matching(pattern, rng) for _ in range(4)))
    bare = pattern.strip("%").replace("%", "").replace("_", "a")
    misses = [bare[:-1] or "zz", bare[::-1] + "zz"]
    misses += [] if pattern.startswith("%") else [f"z{bare}"]
    misses += [] if pattern.endswith("%") else [f"{bare}z"]
    return hits, tuple(dict.fromkeys(misses))


def _is_number(type_: str) -> bool:
    return any(word in type_.lower() for word in ("int", "num", "real", "dec", "double", "float"))
