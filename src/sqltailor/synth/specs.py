"""A query as a JSON specification, where it can be one."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from sqltailor.synth.query import Agg, Between, Col, Compare, Cond, In, Like, Null, Order, Query, Use
from sqltailor.types import Cell

SPEC_SHAPES = frozenset(
    {
        "list", "all", "distinct", "ordered", "top", "count", "count_distinct", "aggregate", "per_group", "top_group",
        "having", "per_parent", "per_parent_all", "top_parent", "having_parent",
    }
)  # fmt: skip
_ALIASES = {"COUNT": ("n", "number", "total"), "SUM": ("total", "sum_{}"), "AVG": ("avg_{}", "mean_{}"),
            "MIN": ("min_{}", "lowest_{}"), "MAX": ("max_{}", "highest_{}")}  # fmt: skip


def to_spec(query: Query, rng: random.Random) -> dict[str, Any] | None:
    """Return the specification of a query, or None where it needs more than a specification can say.

    The same query is written in several ways: lists as JSON or as text, operators in either case.
    """
    if query.shape not in SPEC_SHAPES or query.set_operation or any(use.binding != use.table for use in query.uses):
        return None
    writer = _Writer(query, rng)
    try:
        return writer.spec()
    except _CannotSay:
        return None


class _CannotSay(Exception):
    """The query has a part that a specification has no key for."""


class _Writer:
    def __init__(self, query: Query, rng: random.Random) -> None:
        self.query = query
        self.rng = rng
        self.is_joined = len(query.uses) > 1
        self.is_upper = rng.random() < 0.6
        self.as_text = rng.random() < 0.4
        self.aliases: dict[Agg, str] = {}

    def spec(self) -> dict[str, Any]:
        query = self.query
        columns = query.columns
        aggregates = [expr for expr in query.select if isinstance(expr, Agg)]
        if len(columns) + len(aggregates) < len(query.select) or (not query.select and self.is_joined):
            raise _CannotSay
        groups = [self.column(group) for group in query.group_by if isinstance(group, Col)]
        if len(groups) < len(query.group_by):
            raise _CannotSay
        aggregates += [o.by for o in query.order_by if isinstance(o.by, Agg) and o.by not in aggregates]
        parts: dict[str, Any] = {
            "table": query.uses[0].table,
            "cols": [self.column(column) for column in columns],
            "distinct": query.distinct,
            "aggregates": [self.aggregate(aggregate) for aggregate in aggregates],
            "joins": [self.join(use) for use in query.uses[1:]],
            "filters": [self.filter(cond) for cond in query.where],
            "group_by": groups,
            "having": [self.having(cond) for cond in query.having],
            "order_by": [self.order(order) for order in query.order_by],
            "limit": query.limit,
        }
        return {name: value for name, value in parts.items() if value or name == "table"}

    def word(self, word: str) -> str:
        return word if self.is_upper else word.lower()

    def column(self, column: Col) -> str:
        if not column.name or column.name == "*":
            raise _CannotSay
        return f"{column.binding}.{column.name}" if self.is_joined else column.name

    def aggregate(self, aggregate: Agg) -> dict[str, Any]:
        if aggregate.argument is not None and not isinstance(aggregate.argument, Col):
            raise _CannotSay
        name = aggregate.argument.name if aggregate.argument else ""
        written: dict[str, Any] = {"function": self.word(aggregate.function)}
        written["column"] = self.column(aggregate.argument) if aggregate.argument else "*"
        if aggregate.distinct:
            written["distinct"] = True
        needs_alias = any(order.by == aggregate for order in self.query.order_by)
        if needs_alias or self.rng.random() < 0.5:
            alias = self.rng.choice(_ALIASES[aggregate.function]).format(name or "rows")
            taken = {column.name for column in self.query.select if isinstance(column, Col)} | set(
                self.aliases.values()
            )
            alias = next(a for a in (alias, f"{alias}_2", f"{alias}_3") if a not in taken)
            self.aliases[aggregate] = written["alias"] = alias
        return written

    def join(self, use: Use) -> dict[str, Any]:
        assert use.on
        on = {"left": self.column(use.on[0]), "right": self.column(use.on[1])}
        kind = "LEFT" if use.kind == "LEFT JOIN" else "INNER"
        written: dict[str, Any] = {"table": use.table, "on": on}
        if kind == "LEFT" or self.rng.random() < 0.5:
            written["type"] = self.word(kind)
        return written

    def filter(self, cond: Cond) -> dict[str, Any]:
        left = getattr(cond, "left", None)
        if not isinstance(left, Col):
            raise _CannotSay
        return {"column": self.column(left), **self.test(cond)}

    def test(self, cond: Cond) -> dict[str, Any]:
        if isinstance(cond, Null):
            return {"operator": self.word("IS NOT NULL" if cond.negated else "IS NULL")}
        negated = "NOT " if getattr(cond, "negated", False) else ""
        if isinstance(cond, Between):
            return {"operator": self.word("BETWEEN"), "value": self.several((cond.low, cond.high))}
        if isinstance(cond, In) and not isinstance(cond.values, Query):
            return {"operator": self.word(f"{negated}IN"), "value": self.several(cond.values)}
        if isinstance(cond, Like):
            pattern = {"contains": "%{}%", "starts": "{}%", "ends": "%{}"}[cond.place].format(cond.text)
            return {"operator": self.word(f"{negated}LIKE"), "value": pattern}
        if isinstance(cond, Compare) and not isinstance(cond.value, Query | Col):
            operator = self.rng.choice(("!=", "<>")) if cond.operator == "<>" else cond.operator
            return {"operator": operator, "value": self.one(cond.value)}
        raise _CannotSay

    def one(self, value: Cell) -> Any:
        if isinstance(value, bytes) or value is None:
            raise _CannotSay
        return str(value) if self.as_text and isinstance(value, int | float) and not isinstance(value, bool) else value

    def several(self, values: Sequence[Cell]) -> Any:
        items = [self.one(value) for value in values]
        plain = all(not isinstance(v, str) or (not set(v) & set(",'\"") and v == v.strip() and v) for v in items)
        if self.as_text and plain:
            return self.rng.choice((",", ", ")).join(str(item) for item in items)
        return items

    def having(self, cond: Cond) -> dict[str, Any]:
        if not isinstance(cond, Compare) or not isinstance(cond.left, Agg) or cond.left.distinct:
            raise _CannotSay
        argument = cond.left.argument
        if argument is not None and not isinstance(argument, Col):
            raise _CannotSay
        column = self.column(argument) if argument else "*"
        return {"function": self.word(cond.left.function), "column": column, **self.test(cond)}

    def order(self, order: Order) -> dict[str, Any]:
        if isinstance(order.by, Agg):
            name = self.aliases[order.by]
        elif isinstance(order.by, Col):
            name = self.column(order.by)
        else:
            raise _CannotSay
        direction = "DESC" if order.descending else "ASC"
        written = {"column": name}
        if order.descending or self.rng.random() < 0.5:
            written["direction"] = self.word(direction)
        return written
