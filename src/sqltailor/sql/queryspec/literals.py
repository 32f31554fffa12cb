"""Conditions of a specification: which literals its values become."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from sqltailor.errors import DataError
from sqltailor.sql.queryspec.spec import COMPARISONS, LISTS, Filter, Scalar

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_ITEM = re.compile(r"""\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([^,]*?))\s*(,|\Z)""")
_NUMERIC_TYPE = re.compile(r"int|num|dec|real|double|float|money|serial", re.IGNORECASE)
_TEXT_TYPE = re.compile(r"char|text|string|clob|date|time|uuid", re.IGNORECASE)


def condition(part: Filter, left: Expression, declared: str) -> Expression:
    """Return one condition on `left`, whose declared type is `declared` (empty: not known)."""
    from sqlglot import exp

    operator, value = part.operator, part.value
    if operator in ("IS NULL", "IS NOT NULL"):
        if value is not None:
            raise DataError(f"{part.column}: {operator} takes no value.")
        test: Expression = exp.Is(this=left, expression=exp.Null())
        return exp.not_(test) if operator == "IS NOT NULL" else test
    if value is None:
        raise DataError(f"{part.column}: {operator} needs a value; to test for a missing value, use IS NULL.")
    negated, kind = operator.startswith("NOT "), operator.removeprefix("NOT ")
    if operator in LISTS:
        literals = [_literal(item, declared, part.column) for item in _items(part)]
        if kind == "BETWEEN" and len(literals) != 2:
            raise DataError(f"{part.column}: {operator} needs two values, found {len(literals)}.")
        test = (
            exp.Between(this=left, low=literals[0], high=literals[1])
            if kind == "BETWEEN"
            else exp.In(this=left, expressions=literals)
        )
    elif isinstance(value, list):
        raise DataError(f"{part.column}: {operator} takes one value, not a list; use IN.")
    elif kind == "LIKE":
        return exp.Like(this=left, expression=exp.Literal.string(str(value)), negate=negated or None)
    else:
        return cast("Expression", getattr(exp, COMPARISONS[operator])(
            this=left, expression=_literal(value, declared, part.column)
        ))  # fmt: skip
    return exp.not_(test) if negated else test


class _Quoted(str):
    """A text token that was in quotes: never a number."""

    __slots__ = ()


def _items(part: Filter) -> list[Scalar]:
    value = part.value
    items = value if isinstance(value, list) else _split(value) if isinstance(value, str) else [cast("Scalar", value)]
    if not items:
        raise DataError(f'{part.column}: {part.operator} needs values such as [1, 2] or "1,2", found {value!r}.')
    return items


def _split(text: str) -> list[Scalar]:
    """Cut `1, 'a,b', c` at the commas outside quotes; no items when one of them is missing."""
    items: list[Scalar] = []
    position = 0
    while match := _ITEM.match(text, position):
        single, double, bare, comma = match.groups()
        if single is not None:
            items.append(_Quoted(single.replace("''", "'")))
        else:
            items.append(_Quoted(double.replace('""', '"')) if double is not None else bare)
        if not items[-1] and bare is not None:
            return []
        position = match.end()
        if not comma:
            break
    return items


def _literal(value: Scalar, declared: str, column: str) -> Expression:
    from sqlglot import exp

    is_text, is_number = bool(_TEXT_TYPE.search(declared)), bool(_NUMERIC_TYPE.search(declared))
    if isinstance(value, bool):
        return exp.Literal.number(int(value)) if is_number else exp.Boolean(this=value)
    if is_text:
        return exp.Literal.string(str(value))
    if isinstance(value, int | float):
        return _number(repr(value), column)
    if is_number and not isinstance(value, _Quoted):
        return _number(value, column)
    if not declared and not isinstance(value, _Quoted) and _NUMBER.fullmatch(value):
        return _number(value, column)
    return exp.Literal.string(str(value))


def _number(text: str, column: str) -> Expression:
    from sqlglot import exp

    try:
        number = float(text)
    except ValueError:
        raise DataError(f"The column '{column}' is numeric; '{text}' is not a number.") from None
    if number in (float("inf"), float("-inf")) or number != number:
        raise DataError(f"{column}: {text} is not a finite number.")
    digits = text.strip() if _NUMBER.fullmatch(text.strip()) else repr(int(number) if number.is_integer() else number)
    literal = exp.Literal.number(digits.removeprefix("-"))
    return exp.Neg(this=literal) if digits.startswith("-") else literal
