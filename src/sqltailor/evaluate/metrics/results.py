"""Compare two results: do they hold the same rows? Pure comparison: nothing here runs SQL.

The rules, for every row and cell:

- Rows are a bag: order is ignored, duplicates count. Where order matters, rows are compared place by place.
- Column names are ignored. The number of columns must be equal; their order may differ, the same way for all rows,
  unless `columns_in_order`.
- NULL equals NULL. 1 equals 1.0 and true; 1 does not equal '1'; text is compared exactly, and is never bytes.
- Numbers with a fraction are equal within a relative 1e-9 (an absolute 1e-12 around zero): room for another order of
  summation, not for another rounding. Whole numbers are compared exactly. NaN equals NaN.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from sqltailor.types import QueryResult

RELATIVE_TOLERANCE = 1e-9
ABSOLUTE_TOLERANCE = 1e-12
MAX_COLUMN_ORDERS = 500
"""Column orders tried for one pair of results. Hardly any need more than a few; past it they count as different."""

Row = tuple[Hashable, ...]
NAN = ("NaN",)


class Segment(NamedTuple):
    """Rows that may stand, in any order, in the next `take` places of a result."""

    rows: Sequence[Sequence[Any]]
    take: int


def same_result(gold: QueryResult, predicted: QueryResult, *, ordered: bool, columns_in_order: bool = False) -> bool:
    """Tell whether two results hold the same rows; `ordered` compares them place by place.

    With `columns_in_order`, the same values in another order of columns are not the same.
    `gold` must be whole: a cut gold result raises `ValueError`. A cut predicted result is never the same.
    """
    if gold.truncated:
        raise ValueError("A gold result that was cut at the row limit cannot be compared.")
    if not predicted.truncated and len(gold.columns) == len(predicted.columns) and gold.rows == predicted.rows:
        return True
    segments = [Segment([row], 1) for row in gold.rows] if ordered else [Segment(gold.rows, len(gold.rows))]
    return fits(segments, predicted, columns=len(gold.columns), columns_in_order=columns_in_order)


def fits(segments: Sequence[Segment], predicted: QueryResult, *, columns: int, columns_in_order: bool = False) -> bool:
    """Tell whether a result is one that the segments allow, under some order of its columns or the given one."""
    if predicted.truncated or len(predicted.columns) != columns:
        return False
    if sum(segment.take for segment in segments) != len(predicted.rows):
        return False
    equal = _Cells(row for rows in (*(s.rows for s in segments), predicted.rows) for row in rows)
    gold = [Segment([equal.row(row) for row in segment.rows], segment.take) for segment in segments]
    rows = [equal.row(row) for row in predicted.rows]
    return _fit_rows(gold, rows) if columns_in_order else _fit_columns(gold, rows, columns)


def _fit_columns(gold: Sequence[Segment], rows: list[Row], columns: int) -> bool:
    if _fit_rows(gold, rows):
        return True
    if columns == 1:
        return False
    gold_columns = [Counter(row[i] for segment in gold for row in segment.rows) for i in range(columns)]
    row_columns = [tuple(row[i] for row in rows) for i in range(columns)]
    candidates = [[j for j, cells in enumerate(row_columns) if Counter(cells) <= column] for column in gold_columns]
    by_choice = sorted(range(columns), key=lambda i: len(candidates[i]))
    tries = iter(range(MAX_COLUMN_ORDERS))

    def assign(chosen: tuple[int, ...]) -> bool:
        if len(chosen) == columns:
            return True
        seen = set()
        for j in candidates[by_choice[len(chosen)]]:
            # Equal columns are interchangeable: trying one of them is enough.
            if j in chosen or row_columns[j] in seen or next(tries, None) is None:
                continue
            seen.add(row_columns[j])
            order = (*chosen, j)
            if _fit_rows(_project(gold, by_choice[: len(order)]), _pick(rows, order)) and assign(order):
                return True
        return False

    return assign(())


def _pick(rows: Iterable[Sequence[Any]], columns: Sequence[int]) -> list[Row]:
    return [tuple(row[i] for i in columns) for row in rows]


def _project(segments: Sequence[Segment], columns: Sequence[int]) -> list[Segment]:
    return [Segment(_pick(segment.rows, columns), segment.take) for segment in segments]


def _fit_rows(segments: Sequence[Segment], rows: Sequence[Row]) -> bool:
    start = 0
    for allowed, take in segments:
        chunk = rows[start : start + take]
        start += take
        if len(allowed) == take == 1:
            if chunk[0] != allowed[0]:
                return False
        elif not Counter(chunk) <= Counter(allowed):
            return False
    return True


class _Cells:
    """Turns cells into values that are equal exactly when the rules above say so.

    Fractions are put into clusters, over both results together: a value within the tolerance of the smallest of its
    cluster is that smallest value. So equal rows are equal tuples, and bags are counted in linear time.
    """

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        fractions = {cell for row in rows for cell in map(plain, row) if isinstance(cell, float)}
        self._starts: list[float] = []
        for value in sorted(fractions):
            if not self._starts or not _close(self._starts[-1], value):
                self._starts.append(value)

    def row(self, row: Sequence[Any]) -> Row:
        return tuple(self._cell(plain(cell)) for cell in row)

    def _cell(self, cell: Hashable) -> Hashable:
        return self._starts[bisect_right(self._starts, cell) - 1] if isinstance(cell, float) else cell


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=RELATIVE_TOLERANCE, abs_tol=ABSOLUTE_TOLERANCE)


def plain(cell: Any) -> Hashable:
    """Return a cell as a value to compare: whole numbers as int, a float only where there is a fraction, dates as text.

    >>> plain(2.0), plain(0.1 + 0.2), plain(Decimal("7.50")), plain(date(2024, 2, 29))
    (2, 0.30000000000000004, 7.5, '2024-02-29')
    """
    if cell is None or isinstance(cell, (str, int, bytes)):
        return cell
    if isinstance(cell, (float, Decimal)):
        return _number(float(cell), cell)
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, (bytearray, memoryview)):
        return bytes(cell)
    return str(cell)


def _number(value: float, exact: float | Decimal) -> Hashable:
    if math.isnan(value):
        return NAN
    if math.isinf(value):
        return value
    if exact == int(exact):
        return int(exact)
    nearest = round(value)
    return nearest if _close(value, nearest) else value
