"""The constants and structure of gold queries: tables, joins, groups, and values on either side of conditions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqltailor.errors import SQLError
from sqltailor.sql.dialect import parse
from sqltailor.sql.schema import find_column, find_table
from sqltailor.synth.fuzz.near_misses import literal, passing, step
from sqltailor.types import Cell, Schema, Table

if TYPE_CHECKING:
    from sqlglot.expressions import Expression


@dataclass(frozen=True)
class Test:
    """One condition on a column of one table of a pattern: values that pass, and near misses.

    `like` is the pattern of a LIKE, for more text that passes.
    """

    __test__ = False

    table: str
    column: str
    hits: tuple[Cell, ...]
    misses: tuple[Cell, ...]
    like: str | None = None


@dataclass
class Pattern:
    """Rows that one SELECT lets through: its tables by a name of their own, conditions, and columns that are equal.

    `groups` are the columns that rows are grouped by; HAVING asks for groups of about `sizes` rows, and for values of
    `totals`.
    """

    tables: dict[str, Table] = field(default_factory=dict)
    tests: list[Test] = field(default_factory=list)
    joins: list[tuple[tuple[str, str], tuple[str, str]]] = field(default_factory=list)
    groups: list[tuple[str, str]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    totals: list[Test] = field(default_factory=list)


def patterns(sql: str, schema: Schema, dialect: str = "sqlite") -> list[Pattern]:
    """Return the patterns of every SELECT in a statement; none for one that cannot be read.

    Of a condition NOT IN (SELECT …) or NOT EXISTS there are two: with the rows that it excludes, and without.
    """
    from sqlglot import exp

    try:
        tree = parse(sql, dialect)
    except SQLError:
        return []
    found = []
    for select in tree.find_all(exp.Select):
        reader = _Reader(schema, with_excluded=False)
        found.append(reader.read(select))
        if reader.excludes:
            found.append(_Reader(schema, with_excluded=True).read(select))
    return found


class _Reader:
    def __init__(self, schema: Schema, *, with_excluded: bool) -> None:
        self.schema = schema
        self.with_excluded = with_excluded
        self.excludes = False
        self.pattern = Pattern()

    def read(self, select: Expression) -> Pattern:
        self.select(select, {})
        return self.pattern

    def select(self, select: Expression, outer: dict[str, str]) -> dict[str, str]:
        """Add the tables and conditions of a SELECT; return its tables' names by alias."""
        from sqlglot import exp

        own: dict[str, str] = {}
        joins = select.args.get("joins") or []
        start = select.args.get("from_") or select.args.get("from")
        for source in [start.this if start else None, *(join.this for join in joins)]:
            if not isinstance(source, exp.Table):
                continue
            table = find_table(self.schema, source.name, source.db or None)
            if table is not None:
                name = f"{source.alias_or_name}#{len(self.pattern.tables)}"
                self.pattern.tables[name] = table
                own[source.alias_or_name.lower()] = name
        scope = outer | own
        for join in joins:
            if join.args.get("on"):
                self.conditions(join.args["on"], scope, own)
        if where := select.args.get("where"):
            self.conditions(where.this, scope, own)
        self.grouped(select, scope, own)
        return own

    def grouped(self, select: Expression, scope: dict[str, str], own: dict[str, str]) -> None:
        """Read GROUP BY and HAVING."""
        from sqlglot import exp

        group = select.args.get("group")
        for node in group.expressions if group else ():
            column = next(iter(node.find_all(exp.Column)), None)
            found = self.column(column, scope, own) if column is not None else None
            if found:
                self.pattern.groups.append(found)
        having = select.args.get("having")
        for test in having.find_all(exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE) if having else ():
            value = literal(test.right)
            if isinstance(test.left, exp.Count) and isinstance(value, int) and 0 <= value <= 400:
                self.pattern.sizes.append(value)
            column = next(iter(test.left.find_all(exp.Column)), None)
            found = self.column(column, scope, own) if column is not None else None
            if found and value is not None and not isinstance(test.left, exp.Count):
                near = (step(value, -1), value, step(value, 1))
                self.pattern.totals.append(Test(found[0], found[1], near, ()))

    def conditions(self, node: Any, scope: dict[str, str], own: dict[str, str]) -> None:
        from sqlglot import exp

        if isinstance(node, exp.Paren):
            self.conditions(node.this, scope, own)
        elif isinstance(node, exp.And):
            self.conditions(node.left, scope, own)
            self.conditions(node.right, scope, own)
        elif isinstance(node, exp.Or):
            self.conditions(node.left, scope, own)
        else:
            self.condition(node, scope, own)

    def condition(self, node: Any, scope: dict[str, str], own: dict[str, str]) -> None:
        from sqlglot import exp

        if isinstance(node, exp.EQ) and isinstance(node.left, exp.Column) and isinstance(node.right, exp.Column):
            left, right = self.column(node.left, scope, own), self.column(node.right, scope, own)
            if left and right:
                self.pattern.joins.append((left, right))
            return
        negated = isinstance(node, exp.Not)
        test = node.this.unnest() if isinstance(node, exp.Not) else node
        if isinstance(test, exp.Exists) or (isinstance(test, exp.In) and test.args.get("query")):
            self.excludes = self.excludes or negated
            if self.with_excluded or not negated:
                self.linked(test, scope)
            return
        column = next(iter(test.find_all(exp.Column)), None) if isinstance(test, exp.Expression) else None
        found = self.column(column, scope, own) if column is not None else None
        if found is None:
            return
        table = self.pattern.tables[found[0]]
        known = find_column(table, found[1])
        values = passing(test, known.type if known else "")
        if values:
            hits, misses = values if not negated else (values[1], values[0])
            pattern = literal(test.expression) if isinstance(test, exp.Like) and not negated else None
            like = str(pattern) if pattern is not None and not test.args.get("negate") else None
            self.pattern.tests.append(Test(found[0], found[1], hits, misses, like))

    def linked(self, node: Any, scope: dict[str, str]) -> None:
        """`column IN (SELECT …)` or EXISTS: the rows of both queries belong together."""
        from sqlglot import exp

        if isinstance(node, exp.Exists):
            inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
            if isinstance(inner, exp.Select):
                self.select(inner, scope)
            return
        inner = node.args["query"].unnest()
        if not isinstance(inner, exp.Select) or not isinstance(node.this, exp.Column):
            return
        left = self.column(node.this, scope, scope)
        tables = self.select(inner, {})
        shown = inner.selects[0].unalias() if inner.selects else None
        if isinstance(shown, exp.Column) and left and (right := self.column(shown, tables, tables)):
            self.pattern.joins.append((left, right))

    def column(self, column: Any, scope: dict[str, str], own: dict[str, str]) -> tuple[str, str] | None:
        names = [scope[column.table.lower()]] if column.table.lower() in scope else []
        if not column.table:
            names = [*own.values(), *scope.values()]
        for name in names:
            if found := find_column(self.pattern.tables[name], column.name):
                return name, found.name
        return None
