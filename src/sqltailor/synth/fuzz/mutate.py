"""Mutants of a gold query: wrong answers that look right, each one small change away."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

from sqltailor.sql.dialect import needs_quotes, parse, write
from sqltailor.sql.schema import find_column, find_table
from sqltailor.types import Schema


class Mutant(NamedTuple):
    """A changed statement and the kind of change."""

    kind: str
    sql: str


def mutants(sql: str, dialect: str = "sqlite", schema: Schema | None = None) -> list[Mutant]:
    """Return every statement that differs from `sql` by one operator, column, aggregate, condition, DISTINCT, order
    or limit.

    Other columns are tried with `schema` only. Raises `SQLError` for a statement that cannot be read.

    >>> [mutant.sql for mutant in mutants("SELECT MAX(a) FROM t WHERE b > 1")][:2]
    ['SELECT MAX(a) FROM t WHERE b >= 1', 'SELECT MAX(a) FROM t WHERE b < 1']
    """
    from sqlglot import exp

    tree = parse(sql, dialect)
    original = write(tree, dialect)
    found: dict[str, Mutant] = {}
    nodes = list(tree.walk())
    for kind, types, change in _changes():
        for site, node in enumerate(nodes):
            if not isinstance(node, types):
                continue
            for variant in range(3):
                holder = exp.Paren(this=tree.copy())  # the statement itself may be replaced
                if not change(next(itertools.islice(holder.this.walk(), site, None)), variant, schema):
                    break
                text = write(holder.this, dialect)
                if text != original:
                    found.setdefault(text, Mutant(kind, text))
    return list(found.values())


def _operator(node: Any, variant: int, schema: Schema | None) -> bool:
    from sqlglot import exp

    swaps = {
        exp.GT: (exp.GTE, exp.LT), exp.GTE: (exp.GT, exp.LTE), exp.LT: (exp.LTE, exp.GT), exp.LTE: (exp.LT, exp.GTE),
        exp.EQ: (exp.NEQ,), exp.NEQ: (exp.EQ,),
    }.get(type(node), ())  # fmt: skip
    if variant >= len(swaps) or isinstance(node.parent, exp.Join):
        return False
    node.replace(swaps[variant](this=node.this, expression=node.expression))
    return True


def _negation(node: Any, variant: int, schema: Schema | None) -> bool:
    from sqlglot import exp

    if variant or not isinstance(node, exp.Not | exp.In | exp.Between | exp.Like | exp.Is | exp.Exists):
        return False
    if isinstance(node, exp.Like):
        node.set("negate", None if node.args.get("negate") else True)
    elif isinstance(node, exp.Not):
        node.replace(node.this)
    elif not isinstance(node.parent, exp.Not):
        node.replace(exp.not_(node.copy()))
    return True


def _aggregate(node: Any, variant: int, schema: Schema | None) -> bool:
    from sqlglot import exp

    others = {
        exp.Sum: (exp.Avg, exp.Max), exp.Avg: (exp.Sum, exp.Max), exp.Max: (exp.Min, exp.Avg), exp.Min: (exp.Max,),
    }.get(type(node), ())  # fmt: skip
    if isinstance(node, exp.Count):
        inner = node.this
        if variant == 0 and isinstance(inner, exp.Distinct):
            node.set("this", inner.expressions[0])
        elif variant == 0 and isinstance(inner, exp.Column):
            node.set("this", exp.Distinct(expressions=[inner]))
        return variant == 0
    if variant >= len(others):
        return False
    node.replace(others[variant](this=node.this))
    return True


def _condition(node: Any, variant: int, schema: Schema | None) -> bool:
    """Drop a condition: one side of AND or OR, or the whole of WHERE or HAVING."""
    from sqlglot import exp

    if isinstance(node, exp.And | exp.Or) and variant < 2 and not isinstance(node.parent, exp.Join):
        node.replace(node.left if variant else node.right)
        return True
    if isinstance(node, exp.Where | exp.Having) and variant == 0:
        node.pop()
        return True
    return False


def _distinct(node: Any, variant: int, schema: Schema | None) -> bool:
    from sqlglot import exp

    if not isinstance(node, exp.Select) or variant:
        return False
    is_inside = isinstance(node.parent, exp.In | exp.Exists | exp.Subquery | exp.SetOperation)
    if node.args.get("distinct"):
        node.set("distinct", None)
    elif not is_inside and not node.args.get("group") and not any(s.find(exp.AggFunc) for s in node.selects):
        node.set("distinct", exp.Distinct())
    return True


def _order(node: Any, variant: int, schema: Schema | None) -> bool:
    from sqlglot import exp

    if variant or not isinstance(node, exp.Ordered):
        return False
    descending = bool(node.args.get("desc"))
    node.set("desc", not descending)
    node.set("nulls_first", descending)
    return True


def _limit(node: Any, variant: int, schema: Schema | None) -> bool:
    from sqlglot import exp

    if variant or not isinstance(node, exp.Limit) or not isinstance(node.expression, exp.Literal):
        return False
    node.set("expression", exp.Literal.number(int(node.expression.this) + 1))
    return True


def _value(node: Any, variant: int, schema: Schema | None) -> bool:
    """Change a number by one."""
    from sqlglot import exp

    is_limit = isinstance(node.parent, exp.Limit)
    if variant or not isinstance(node, exp.Literal) or node.is_string or is_limit or not str(node.this).isdigit():
        return False
    if isinstance(node.parent, exp.Mul | exp.Div | exp.If):
        return False
    node.replace(exp.Literal.number(int(node.this) + 1))
    return True


def _column(node: Any, variant: int, schema: Schema | None) -> bool:
    """Put a neighbouring column of the same table in place of a column."""
    from sqlglot import exp

    if schema is None or variant > 1 or not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
        return False
    select = node.find_ancestor(exp.Select)
    if select is None or node.find_ancestor(exp.Join) is not None:
        return False
    tables = {t.alias_or_name.lower(): find_table(schema, t.name) for t in select.find_all(exp.Table)}
    owners = [t for name, t in tables.items() if t and node.table.lower() in ("", name) and find_column(t, node.name)]
    if not owners:
        return False
    columns = [c for c in owners[0].columns if c.name.lower() != node.name.lower()]
    here = next(i for i, c in enumerate(owners[0].columns) if c.name.lower() == node.name.lower())
    if variant >= len(columns):
        return False
    other = columns[(here + variant) % len(columns)]
    node.set("this", exp.to_identifier(other.name, quoted=needs_quotes(other.name)))
    return True


def _set_operation(node: Any, variant: int, schema: Schema | None) -> bool:
    from sqlglot import exp

    others = {exp.Union: exp.Intersect, exp.Intersect: exp.Union, exp.Except: exp.Union}
    if variant or type(node) not in others:
        return False
    node.replace(others[type(node)](**node.args))
    return True


Change = Callable[[Any, int, "Schema | None"], bool]


@functools.cache
def _changes() -> tuple[tuple[str, tuple[type, ...], Change], ...]:
    """Return each kind of change with the nodes that it can change."""
    from sqlglot import exp

    comparisons = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ)
    return (
        ("operator", comparisons, _operator),
        ("negation", (exp.Not, exp.In, exp.Between, exp.Like, exp.Is, exp.Exists), _negation),
        ("aggregate", (exp.Sum, exp.Avg, exp.Max, exp.Min, exp.Count), _aggregate),
        ("condition", (exp.And, exp.Or, exp.Where, exp.Having), _condition),
        ("distinct", (exp.Select,), _distinct),
        ("order", (exp.Ordered,), _order),
        ("limit", (exp.Limit,), _limit),
        ("value", (exp.Literal,), _value),
        ("column", (exp.Column,), _column),
        ("set operation", (exp.Union, exp.Intersect, exp.Except), _set_operation),
    )
