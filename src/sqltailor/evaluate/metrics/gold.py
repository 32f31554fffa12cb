"""The results that a gold statement allows: its own, and those that ties leave open.

`ORDER BY price DESC LIMIT 3` has several right answers where the third and fourth price are equal; so has
`ORDER BY price` wherever two prices are, and `LIMIT 3` alone. Such a gold statement is run once more, without its
limit and with its sort keys as extra columns; rows with equal keys may then take each other's places.

Limits: only ties of the outermost statement are known, not those inside a subquery. Sort keys are equal when the
database returns equal values: under a collation that ignores case, 'a' and 'A' are not seen as a tie. Keys that
DISTINCT or a set operation hides, and OFFSET with an expression, leave the strict comparison.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import SQLError, Timeout
from sqltailor.evaluate.metrics.results import Segment, fits, same_result
from sqltailor.sql.dialect import parse, write
from sqltailor.types import QueryResult

if TYPE_CHECKING:
    from sqlglot import exp

Run = Callable[[str], QueryResult]
"""Runs one statement with limits; raises `SQLError`."""


class GoldAnswer:
    """The result of one accepted gold statement, ready to be compared with.

    `is_late`: its ties are not known because the statement that shows them ran out of time.
    `run` is called again, once, only when a predicted result differs and the gold leaves a choice. Raises `SQLError`
    when the gold statement fails, or returns more rows than the limit of `run`: it cannot be compared then.
    """

    def __init__(self, sql: str, *, dialect: str, run: Run, columns_in_order: bool = False) -> None:
        self.sql, self._dialect, self._run = sql, dialect, run
        self.columns_in_order = columns_in_order
        self.is_late = False
        self.result = run(sql)
        if self.result.truncated:
            raise SQLError(f"The gold statement returns more than {len(self.result.rows):,} rows, the row limit.")
        self.ordered = is_ordered(sql, dialect)

    def matches(self, predicted: QueryResult) -> bool:
        """Tell whether a predicted result is one that the gold statement allows."""
        if same_result(self.result, predicted, ordered=self.ordered, columns_in_order=self.columns_in_order):
            return True
        if len(predicted.rows) != len(self.result.rows) or self.segments is None:
            return False
        return self._allows(self.segments, predicted)

    def _allows(self, segments: list[Segment], predicted: QueryResult) -> bool:
        width = len(self.result.columns)
        return fits(segments, predicted, columns=width, columns_in_order=self.columns_in_order)

    @cached_property
    def segments(self) -> list[Segment] | None:
        """The groups of tied rows and the places they share, or None where no choice is known."""
        try:
            query = keyed(self.sql, self.result.columns, self._dialect)
            if query is None:
                return None
            whole = self._run(query.sql)
        except SQLError as e:
            self.is_late = isinstance(e, Timeout)
            return None
        segments = _segments(query, whole, len(self.result.columns), len(self.result.rows))
        # The check that makes this safe: the gold's own result must be one of those allowed.
        return segments if segments is not None and self._allows(segments, self.result) else None


class Keyed(NamedTuple):
    """A gold statement without its limit; `keys` are the places of its sort keys in its result."""

    sql: str
    keys: tuple[int, ...]
    offset: int


def is_ordered(sql: str, dialect: str = "sqlite") -> bool:
    """Tell whether the outermost statement has an ORDER BY.

    >>> is_ordered("SELECT a FROM t ORDER BY a"), is_ordered("SELECT a FROM (SELECT a FROM t ORDER BY a)")
    (True, False)
    """
    try:
        return parse(sql, dialect).args.get("order") is not None
    except SQLError:
        outermost, inner = re.sub(r"'[^']*'", "''", sql), None
        while inner != outermost:
            inner, outermost = outermost, re.sub(r"\([^()]*\)", " ", outermost)
        return re.search(r"\border\s+by\b", outermost, re.IGNORECASE) is not None


def keyed(sql: str, columns: Sequence[str], dialect: str = "sqlite") -> Keyed | None:
    """Return the statement that shows the ties of `sql`, whose result has `columns`; None where there is no way.

    >>> keyed("SELECT name FROM t ORDER BY age DESC LIMIT 3", ["name"])
    Keyed(sql='SELECT name, age AS _key_1 FROM t ORDER BY age DESC', keys=(1,), offset=0)
    """
    from sqlglot import exp

    tree = parse(sql, dialect).copy()
    if not isinstance(tree, (exp.Select, exp.SetOperation)):
        return None
    order, limit, offset = tree.args.get("order"), tree.args.pop("limit", None), tree.args.pop("offset", None)
    if order is None and limit is None:
        return None
    skipped = 0 if offset is None else _whole_number(offset.expression)
    if skipped is None:
        return None
    keys: list[int] = []
    for term in order.expressions if order else ():
        key = _key(term.this, tree, columns)
        if key is None:
            return None
        if isinstance(key, exp.Expression):
            tree.select(exp.alias_(key.copy(), f"_key_{len(keys) + 1}"), copy=False)
            key = len(columns) + sum(place >= len(columns) for place in keys)
        keys.append(key)
    return Keyed(write(tree, dialect), tuple(keys), skipped)


def _key(key: exp.Expression, tree: exp.Query, columns: Sequence[str]) -> int | exp.Expression | None:
    """Return the place of a sort key among the result's columns, or an expression to add, or None."""
    from sqlglot import exp

    place = _whole_number(key)
    if place is not None:
        return place - 1 if 1 <= place <= len(columns) else None
    bare = key.name.lower() if isinstance(key, exp.Column) and not key.table else None
    if isinstance(tree, exp.Select) and not tree.args.get("distinct"):
        named = [p for p in tree.selects if isinstance(p, exp.Alias) and p.alias.lower() == bare]
        return named[0].this if named else key
    if isinstance(tree, exp.Select) and not tree.is_star:
        same = [i for i, p in enumerate(tree.selects) if key in (p, p.unalias())]
        if len(same) == 1:
            return same[0]
    same = [i for i, name in enumerate(columns) if name.lower() == bare]
    return same[0] if len(same) == 1 else None


def _whole_number(expression: exp.Expression | None) -> int | None:
    from sqlglot import exp

    is_number = isinstance(expression, exp.Literal) and not expression.is_string and str(expression.this).isdigit()
    return int(str(expression.this)) if is_number and expression is not None else None


def _segments(query: Keyed, whole: QueryResult, columns: int, n: int) -> list[Segment] | None:
    if whole.truncated and query.offset + n > len(whole.rows):
        return None
    keys = [tuple(row[i] for i in query.keys) for row in whole.rows]
    segments = []
    for start, end in equal_runs(keys):
        take = min(end, query.offset + n) - max(start, query.offset)
        if take > 0:
            segments.append(Segment([row[:columns] for row in whole.rows[start:end]], take))
    return segments


def equal_runs(values: Sequence[Any]) -> list[tuple[int, int]]:
    """Return (start, end) of each run of equal neighbours.

    >>> equal_runs("aabccc")
    [(0, 2), (2, 3), (3, 6)]
    """
    starts = [i for i in range(len(values)) if i == 0 or values[i] != values[i - 1]]
    return list(zip(starts, [*starts[1:], len(values)], strict=True))
