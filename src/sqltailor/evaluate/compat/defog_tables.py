"""Results as tables with named columns, compared as pandas does it for Defog's script.

Only what that script asks of pandas (defog-ai/sql-eval@b833324, eval/eval.py), for cells of numbers, text and NULL.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqltailor.types import QueryResult

RELATIVE, ABSOLUTE = 1e-5, 1e-8
"""Tolerances of pandas' assertions."""

FILLED = -99999
_NAN = math.nan

Equal = Callable[[Any, Any], bool]


class Table(NamedTuple):
    """Column names, which may repeat, and rows."""

    names: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def column(self, place: int) -> list[Any]:
        return [row[place] for row in self.rows]

    def chosen(self, places: Sequence[int]) -> Table:
        """Return some of the columns, in this order."""
        return Table(tuple(self.names[i] for i in places), [tuple(row[i] for i in places) for row in self.rows])


def table_of(result: QueryResult) -> Table:
    """Return a result as a table. NULL is NaN in a column of numbers, where it is not equal to itself, else None."""
    columns = list(zip(*result.rows, strict=True))
    numeric = [
        any(cell is not None for cell in column) and all(isinstance(cell, (int, float, type(None))) for cell in column)
        for column in columns
    ]
    rows = [tuple(_NAN if c is None and n else c for c, n in zip(row, numeric, strict=True)) for row in result.rows]
    return Table(result.columns, rows)


def is_missing(cell: Any) -> bool:
    """Tell whether a cell is NULL."""
    return cell is None or cell != cell


def numbered(table: Table) -> Table:
    """Return the table with the places of its columns behind names that occur more than once."""
    counts = Counter(table.names)
    return table._replace(names=tuple(f"{n}_{i}" if counts[n] > 1 else n for i, n in enumerate(table.names)))


def without_duplicates(table: Table) -> Table:
    """Return the table with each row once, where it is first."""
    return table._replace(rows=list(dict.fromkeys(table.rows)))


def ordered_by(table: Table, places: Sequence[int], *, descending: bool = False) -> Table:
    """Return the table sorted by columns, NULL last either way.

    By several columns, numbers stand before text; by one that has both, this raises `TypeError`, as pandas does.
    """
    rows = table.rows
    for place in reversed(places):
        key = partial(_mixed if len(places) > 1 else _cell, place)
        filled = sorted((row for row in rows if not is_missing(row[place])), key=key, reverse=descending)
        rows = filled + [row for row in rows if is_missing(row[place])]
    return table._replace(rows=rows)


def _cell(place: int, row: tuple[Any, ...]) -> Any:
    return row[place]


def _mixed(place: int, row: tuple[Any, ...]) -> tuple[bool, Any]:
    return isinstance(row[place], str), row[place]


def broadcast_equal(a: Table, b: Table) -> bool:
    """Tell whether two tables are equal cell by cell, as numpy compares: one row, or one column, fits any number."""
    height, width = _common(len(a.rows), len(b.rows)), _common(len(a.names), len(b.names))
    if height is None or width is None:
        return False
    return all(_at(a, i, j) == _at(b, i, j) for i in range(height) for j in range(width))


def equal(a: Any, b: Any) -> bool:
    """Tell whether two cells are equal once NULL is a number that nobody uses."""
    return bool((FILLED if is_missing(a) else a) == (FILLED if is_missing(b) else b))


def same_cells(a: Table, b: Table, equal: Equal) -> bool:
    """Tell whether two tables of one shape are equal cell by cell."""
    pairs = zip(a.rows, b.rows, strict=True)
    return all(equal(x, y) for left, right in pairs for x, y in zip(left, right, strict=True))


def same_values(a: Sequence[Any], b: Sequence[Any]) -> bool:
    """Tell whether two columns hold the same once they are sorted, numbers within a tolerance."""
    if len(a) != len(b):
        return False
    ours, theirs = (ordered_by(Table(("",), [(cell,) for cell in cells]), [0]) for cells in (a, b))
    return same_cells(ours, theirs, close)


def close(a: Any, b: Any) -> bool:
    """Tell whether two cells are equal to pandas' assertions."""
    if is_missing(a) or is_missing(b):
        return is_missing(a) and is_missing(b)
    if isinstance(a, float) or isinstance(b, float):
        is_number = all(isinstance(cell, (int, float)) for cell in (a, b))
        return is_number and math.isclose(a, b, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return bool(a == b)


def _common(a: int, b: int) -> int | None:
    return max(a, b) if a == b else (a + b - 1 if 1 in (a, b) else None)


def _at(table: Table, row: int, column: int) -> Any:
    return table.rows[row if len(table.rows) > 1 else 0][column if len(table.names) > 1 else 0]
