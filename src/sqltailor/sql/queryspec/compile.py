"""A checked specification to a syntax tree, and to SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sqltailor.errors import DataError, unknown
from sqltailor.sql.dialect import load_dialect, needs_quotes, write
from sqltailor.sql.queryspec.literals import condition
from sqltailor.sql.queryspec.spec import Aggregate, Having, OrderBy, Spec, read_spec
from sqltailor.sql.schema import find_column, find_table
from sqltailor.types import Schema, Table

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.expressions import Expression


class _Side(NamedTuple):
    """A table of FROM as the specification writes it, and what the schema knows of it."""

    written: str
    table: Table | None


def compile_spec(spec: Mapping[str, Any] | Spec, dialect: str = "sqlite", schema: Schema | None = None) -> str:
    """Return the SQL of a specification, in canonical form.

    With `schema`, names must exist and take its spelling, and its types decide how values are written; without, a
    text value is a number iff it looks like one (`7`, `-0.5`; `007` stays text). Raises `DataError`.

    >>> compile_spec({"table": "t", "cols": ["a"], "filters": [{"column": "a", "operator": "IN", "value": "1,007"}]})
    "SELECT a FROM t WHERE a IN (1, '007')"
    """
    checked = spec if isinstance(spec, Spec) else read_spec(spec)
    return write(_Compiler(checked, dialect, schema).select(), dialect)


class _Compiler:
    """Builds the syntax tree of one specification."""

    def __init__(self, spec: Spec, dialect: str, schema: Schema | None) -> None:
        self.spec = spec
        self.dialect = load_dialect(dialect).base
        self.schema = schema
        self.sides = [self.side(name) for name in (spec.table, *(join.table for join in spec.joins))]
        self.aliases = {a.alias for a in spec.aggregates if a.alias}
        self.check()

    def check(self) -> None:
        spec = self.spec
        names = [side.written.lower() for side in self.sides]
        if len(set(names)) < len(names):
            raise DataError("A specification cannot join a table with itself.")
        grouped = {name.rpartition(".")[2].lower() for name in spec.group_by}
        if spec.aggregates and (loose := [c for c in spec.cols if c.rpartition(".")[2].lower() not in grouped]):
            raise DataError(f"`cols` beside `aggregates` must be in `group_by`: {', '.join(loose)}.")
        if spec.having and not (spec.aggregates or spec.group_by):
            raise DataError("`having` needs `group_by` or `aggregates`.")

    def side(self, name: str) -> _Side:
        if self.schema is None:
            return _Side(name, None)
        namespace, _, bare = name.rpartition(".")
        found = find_table(self.schema, name) or find_table(self.schema, bare, namespace or None)
        if found is None:
            raise DataError(unknown("table", name, [t.name for t in self.schema.tables]))
        return _Side(name, found)

    def select(self) -> Expression:
        from sqlglot import exp

        spec = self.spec
        shown: list[Expression] = [self.star_or_column(name) for name in spec.cols]
        shown += [self.aliased(aggregate) for aggregate in spec.aggregates]
        query = exp.select(*(shown or [exp.Star()])).from_(self.table(self.sides[0]))
        for join, side in zip(spec.joins, self.sides[1:], strict=True):
            pairs = join.on if isinstance(join.on, list) else [join.on]
            on = exp.and_(*(exp.EQ(this=self.column(p.left), expression=self.column(p.right)) for p in pairs))
            kind = "" if join.type == "INNER" else join.type
            query = query.join(self.table(side), on=on, join_type=kind)
        if spec.filters:
            query = query.where(*(condition(f, self.column(f.column), self.type_of(f.column)) for f in spec.filters))
        if spec.group_by:
            query = query.group_by(*(self.column(name) for name in spec.group_by))
        if spec.having:
            query = query.having(*(self.having(having) for having in spec.having))
        if spec.order_by:
            query = query.order_by(*(self.ordered(order) for order in spec.order_by))
        if spec.limit is not None:
            query = query.limit(spec.limit)
        return query.distinct() if spec.distinct else query

    def name(self, text: str) -> exp.Identifier:
        from sqlglot import exp

        return exp.to_identifier(text, quoted=needs_quotes(text, self.dialect))

    def table(self, side: _Side) -> exp.Table:
        from sqlglot import exp

        if side.table is not None:
            parts = [part for part in (side.table.namespace, side.table.name) if part]
        else:
            parts = side.written.split(".")
        if len(parts) > 3 or not all(parts):
            raise DataError(f"'{side.written}' is not a table name: write `table` or `namespace.table`.")
        keys = ("this", "db", "catalog")
        return exp.Table(**{key: self.name(part) for key, part in zip(keys, reversed(parts), strict=False)})

    def resolve(self, text: str) -> tuple[str | None, str, str]:
        """Return the qualifier, the name and the declared type of a column; the type is empty where not known."""
        if self.schema is None:
            qualifier, _, bare = text.rpartition(".")
            return (qualifier or None), bare, ""
        whole = [(s.table, c) for s in self.sides if s.table and (c := find_column(s.table, text))]
        if len(whole) == 1:
            return None, whole[0][1].name, whole[0][1].type
        if len(whole) > 1:
            options = ", ".join(f"{table.name}.{column.name}" for table, column in whole)
            raise DataError(f"The column '{text}' is in several tables: write one of {options}.")
        for dot in (i for i, character in enumerate(text) if character == "."):
            table = self.table_called(text[:dot])
            if table and (column := find_column(table, text[dot + 1 :])):
                return table.name, column.name, column.type
        raise DataError(self.not_found(text))

    def table_called(self, name: str) -> Table | None:
        """Return the table of this query that goes by a name, with or without its namespace."""
        tables = [s.table for s in self.sides if s.table and name.lower() in (s.written.lower(), s.table.name.lower())]
        return tables[0] if tables else None

    def not_found(self, text: str) -> str:
        qualifier, _, bare = text.rpartition(".")
        table = self.table_called(qualifier)
        if qualifier and table is None:
            return unknown("table", qualifier, [side.written for side in self.sides])
        tables = [table] if table else [side.table for side in self.sides if side.table]
        return unknown("column", bare, [column.name for table in tables for column in table.columns])

    def column(self, text: str) -> exp.Column:
        from sqlglot import exp

        qualifier, name, _ = self.resolve(text)
        parts = [self.name(part) for part in (qualifier.split(".") if qualifier else [])]
        keys = ("table", "db", "catalog")
        return exp.Column(this=self.name(name), **dict(zip(keys, reversed(parts), strict=False)))

    def type_of(self, text: str) -> str:
        return self.resolve(text)[2]

    def star_or_column(self, name: str) -> Expression:
        from sqlglot import exp

        return exp.Star() if name == "*" else self.column(name)

    def aggregate(self, function: str, column: str, distinct: bool) -> Expression:
        from sqlglot import exp

        if column == "*" and function != "COUNT":
            raise DataError(f"{function} needs a column, not '*'.")
        if column == "*" and distinct:
            raise DataError("COUNT with `distinct` needs a column, not '*'.")
        inner: Expression = self.star_or_column(column)
        if distinct:
            inner = exp.Distinct(expressions=[inner])
        return cast("Expression", getattr(exp, function.capitalize())(this=inner))

    def aliased(self, aggregate: Aggregate) -> Expression:
        from sqlglot import exp

        call = self.aggregate(aggregate.function, aggregate.column, aggregate.distinct)
        return exp.Alias(this=call, alias=self.name(aggregate.alias)) if aggregate.alias else call

    def ordered(self, order: OrderBy) -> Expression:
        """Return one sort key with the dialect's own place of NULLs, so that none is written."""
        from sqlglot import exp
        from sqlglot.dialects.dialect import Dialect

        descending = order.direction == "DESC"
        nulls = str(Dialect.get_or_raise(self.dialect).NULL_ORDERING)
        first = {"nulls_are_small": not descending, "nulls_are_large": descending}.get(nulls, False)
        return exp.Ordered(this=self.sort_key(order.column), desc=descending or None, nulls_first=first)

    def sort_key(self, text: str) -> Expression:
        from sqlglot import exp

        return exp.Column(this=self.name(text)) if text in self.aliases else self.column(text)

    def having(self, having: Having) -> Expression:
        is_number = having.function in ("COUNT", "SUM", "AVG")
        declared = "NUMERIC" if is_number else self.type_of(having.column)
        return condition(having, self.aggregate(having.function, having.column, False), declared)
