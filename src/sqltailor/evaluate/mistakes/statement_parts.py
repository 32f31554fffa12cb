"""The parts of a statement that a mistake can be in, read from its tree, so that two statements can be compared.

Names are in lower case without aliases: `T1.name` is the column `name` of the table that T1 stands for. Subqueries and
the operands of set operations count with the statement that they are in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlglot.expressions import Expr, Expression

Bag = Counter[Any]


@dataclass(frozen=True, slots=True)
class StatementParts:
    """What a statement reads and does. `conditions` are columns with an operator, `values` what they are held to."""

    tables: Bag
    joins: Bag
    columns: Bag
    aggregates: Bag
    conditions: Bag
    values: Bag
    grouping: Bag
    order: tuple[Any, ...]
    limit: Any
    distinct: int
    set_operations: Bag
    owned: Bag
    """All columns with their tables, where these are written."""


def parts_of(tree: Expression) -> StatementParts:
    """Return the parts of a statement."""
    from sqlglot import exp

    nodes = list(tree.walk())
    local = {node.alias.lower() for node in nodes if isinstance(node, exp.CTE)}
    tables = [node for node in nodes if isinstance(node, exp.Table) and node.name.lower() not in local]
    owners = {(table.alias or table.name).lower(): table.name.lower() for table in tables}
    selects = [node for node in nodes if isinstance(node, exp.Select)]
    tests = [node for node in _tests(nodes) if not _is_join(node)]
    limit = tree.args.get("limit") or tree.args.get("fetch")
    order = tree.args.get("order")
    return StatementParts(
        tables=Counter(table.name.lower() for table in tables),
        joins=Counter(_joins(nodes, owners)),
        columns=Counter(name for select in selects for item in select.selects for name in _names(item)),
        aggregates=Counter(_aggregate(node) for node in nodes if isinstance(node, exp.AggFunc)),
        conditions=Counter(_tested(node) for node in tests) + Counter(n.key for n in nodes if isinstance(n, exp.Or)),
        values=Counter(value for node in tests for value in _values(node)),
        grouping=Counter(name for node in nodes if isinstance(node, exp.Group) for name in _names(node)),
        order=tuple((tuple(_names(o.this)), bool(o.args.get("desc"))) for o in order.expressions) if order else (),
        limit=(limit.expression or limit.args.get("count") or limit).sql().lower() if limit else None,
        distinct=sum(isinstance(node, exp.Distinct) for node in nodes),
        set_operations=Counter(node.key for node in nodes if isinstance(node, exp.SetOperation)),
        owned=Counter(_owned(node, owners) for node in nodes if isinstance(node, exp.Column)),
    )


def _names(tree: Expr) -> Iterator[str]:
    """Yield the columns under a node, `*` and, where there is neither, the whole text."""
    from sqlglot import exp

    found = [n.name.lower() if isinstance(n, exp.Column) else "*" for n in tree.find_all(exp.Column, exp.Star)]
    yield from found or [tree.sql().lower()]


def _tests(nodes: Iterable[Expr]) -> Iterator[Expr]:
    """Yield the comparisons that decide about rows."""
    from sqlglot import exp

    for node in nodes:
        if isinstance(node, exp.Predicate) and node.find_ancestor(exp.Where, exp.Having, exp.Join, exp.Qualify):
            yield node


def _is_join(node: Expr) -> bool:
    from sqlglot import exp

    return isinstance(node, exp.EQ) and isinstance(node.this, exp.Column) and isinstance(node.expression, exp.Column)


def _joins(nodes: Iterable[Expr], owners: Mapping[str, str]) -> Iterator[Any]:
    """Yield the pairs of columns that are held to be equal, and the kinds of joins that keep rows without a partner."""
    from sqlglot import exp

    for node in nodes:
        if _is_join(node):
            yield tuple(sorted(_owned(side, owners) for side in (node.this, node.args["expression"])))
        elif isinstance(node, exp.Join):
            yield from (str(node.args[part]) for part in ("side", "method") if node.args.get(part))
            yield from (("using", name.name.lower()) for name in node.args.get("using") or ())


def _owned(column: Expr, owners: Mapping[str, str]) -> tuple[str, str]:
    table = column.text("table").lower()
    return owners.get(table, table), column.name.lower()


def _aggregate(node: Expr) -> tuple[str, bool]:
    from sqlglot import exp

    return node.key, isinstance(node.this, exp.Distinct)


def _tested(node: Expr) -> tuple[str, bool, tuple[str, ...]]:
    """Return an operator, whether it is negated, and the columns that it is about; what it is held to is left out."""
    from sqlglot import exp

    columns = [child.name.lower() for child in node.find_all(exp.Column) if _is_own(child, node)]
    aggregates = [child.key for child in node.find_all(exp.AggFunc) if _is_own(child, node)]
    return node.key, isinstance(node.parent, exp.Not), tuple(sorted([*columns, *aggregates]))


def _values(node: Expr) -> Iterator[Any]:
    from sqlglot import exp

    for literal in node.find_all(exp.Literal, exp.Boolean, exp.Null):
        if _is_own(literal, node) and literal.find_ancestor(exp.Predicate) is node:
            is_number = isinstance(literal, exp.Literal) and not literal.is_string
            yield float(literal.this) if is_number else literal.name


def _is_own(child: Expr, node: Expr) -> bool:
    """Tell whether a node belongs to this comparison and not to a subquery in it."""
    from sqlglot import exp

    inside = child.find_ancestor(exp.Select)
    return inside is node.find_ancestor(exp.Select)
