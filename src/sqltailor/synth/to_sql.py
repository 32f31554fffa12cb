"""Query values to SQL text in the house style, without a detour through a syntax tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqltailor.sql.dialect import load_dialect, quote_name, transpile
from sqltailor.synth.query import (
    QUALIFIER,
    Agg,
    Between,
    Call,
    Case,
    Col,
    Compare,
    Cond,
    CountIf,
    Days,
    During,
    Either,
    Exists,
    Expr,
    In,
    Like,
    Measure,
    Null,
    Part,
    Product,
    Query,
    Recent,
    Share,
    Term,
    Use,
    Window,
)
from sqltailor.synth.spellings import BEFORE, DAYS, PARTS, RECENT, literal
from sqltailor.synth.table_aliases import Aliases, aliases
from sqltailor.types import Cell


def to_sql(query: Query, dialect: str = "sqlite", aliases: Aliases = "letters") -> str:
    """Return the statement in canonical form: one line, upper-case keywords, `<>`, no `;`.

    SQLite, PostgreSQL, MySQL and DuckDB are written directly; other dialects by way of DuckDB's text and sqlglot.
    """
    base = load_dialect(dialect).base
    if base in PARTS:
        return _Writer(base, aliases).query(query)
    writer = _Writer("duckdb", aliases)
    writer.nulls_first_in_totals = _has_nulls_first(base)
    return transpile(writer.query(query), "duckdb", dialect)


def _has_nulls_first(base: str) -> bool:
    """Whether a dialect sorts NULL before all values by itself."""
    from sqlglot.dialects.dialect import Dialect

    return str(Dialect.get_or_raise(base).NULL_ORDERING) == "nulls_are_small"


def template(query: Query) -> str:
    """Return the statement's text with values masked: what two queries that differ in values alone share."""
    writer = _Writer("sqlite", "names")
    writer.masked = True
    return writer.query(query)


class _Writer:
    """Writes one statement. `dialect` is one of the four that are written directly."""

    def __init__(self, dialect: str, style: Aliases) -> None:
        self.dialect = dialect
        self.style = style
        self.qualified = False
        self.names: dict[str, str] = {}
        self.masked = False
        # Some dialects cannot state another place of NULLs than their own in a running total.
        self.nulls_first_in_totals = False

    def query(self, query: Query) -> str:
        outer = self.qualified, self.names
        self.qualified = len(query.uses) > 1 or query.is_inner or any(isinstance(c, Exists) for c in query.where)
        self.names = (self.names if query.is_inner else {}) | self.aliases(query)
        sql = f"SELECT {'DISTINCT ' if query.distinct else ''}{self.select(query)} FROM {self.uses(query.uses)}"
        if query.where:
            sql += " WHERE " + self.all(query.where)
        if query.group_by:
            sql += " GROUP BY " + ", ".join([self.expr(e) for e in query.group_by])
        if query.having:
            sql += " HAVING " + self.all(query.having)
        if query.set_operation:
            sql += f" {query.set_operation[0]} {self.query(query.set_operation[1])}"
        if query.order_by:
            sql += " ORDER BY " + ", ".join([self.expr(o.by) + " DESC" * o.descending for o in query.order_by])
        if query.limit is not None:
            sql += f" LIMIT {'?' if self.masked else query.limit}"
        self.qualified, self.names = outer
        return sql

    def select(self, query: Query) -> str:
        if query.select:
            return ", ".join([self.expr(e) for e in query.select])
        return "*" if len(query.uses) == 1 else self.names[query.about or query.uses[0].binding] + ".*"

    def aliases(self, query: Query) -> dict[str, str]:
        """Return what to call each binding of a query; the tables around a correlated query keep their names."""
        if not self.qualified:
            return {use.binding: "" for use in query.uses}
        taken = set(self.names.values()) if query.is_inner else set()
        return aliases(query.uses, self.style, taken)

    def name(self, name: str) -> str:
        if "." not in name:
            return quote_name(name, self.dialect)
        return ".".join(quote_name(part, self.dialect) for part in name.split(".", 1))

    def uses(self, uses: tuple[Use, ...]) -> str:
        text = ""
        for use in uses:
            table, alias = self.name(use.table), self.names[use.binding]
            if alias and alias != use.table:
                table += f" AS {alias}"
            if use.on is None:
                text = table
            else:
                text += f" {use.kind} {table} ON {self.column(use.on[0])} = {self.column(use.on[1])}"
        return text

    def column(self, column: Col) -> str:
        return f"{self.name(self.names[column.binding])}.{quote_name(column.name, self.dialect)}"

    def literal(self, value: Cell) -> str:
        return "?" if self.masked else literal(value, self.dialect)

    def fragment(self, part: Term | Measure) -> str:
        alias = self.names[part.binding] if self.qualified else ""
        return part.sql.replace(QUALIFIER, f"{self.name(alias)}." if alias else "")

    def expr(self, expr: Expr) -> str:
        return _EXPRESSIONS[type(expr)](self, expr)

    def all(self, conditions: tuple[Cond, ...]) -> str:
        if len(conditions) == 1:
            return self.cond(conditions[0])
        return " AND ".join(f"({self.cond(c)})" if isinstance(c, Either) else self.cond(c) for c in conditions)

    def cond(self, cond: Cond) -> str:
        return _CONDITIONS[type(cond)](self, cond)

    def side(self, value: Any) -> str:
        if isinstance(value, Query):
            return f"({self.query(value)})"
        return self.expr(value) if isinstance(value, Col) else self.literal(value)


def _col(w: _Writer, e: Col) -> str:
    return w.column(e) if w.qualified else quote_name(e.name, w.dialect)


def _agg(w: _Writer, e: Agg) -> str:
    if e.argument is None:
        return "COUNT(*)"
    if isinstance(e.argument, Measure):
        return w.fragment(e.argument)
    return f"{e.function}({'DISTINCT ' if e.distinct else ''}{w.expr(e.argument)})"


def _product(w: _Writer, e: Product) -> str:
    return f"{w.expr(e.left)} {e.operator} {w.expr(e.right)}"


def _days(w: _Writer, e: Days) -> str:
    end, start = w.expr(e.end), w.expr(e.start)
    return DAYS[w.dialect].format(end, start)


def _part(w: _Writer, e: Part) -> str:
    return PARTS[w.dialect][e.unit].format(_col(w, e.column))


def _share(w: _Writer, e: Share) -> str:
    return f"SUM(CASE WHEN {w.cond(e.condition)} THEN 1 ELSE 0 END) * 100.0 / COUNT(*)"


def _count_if(w: _Writer, e: CountIf) -> str:
    return f"SUM(CASE WHEN {w.cond(e.condition)} THEN 1 ELSE 0 END)"


def _case(w: _Writer, e: Case) -> str:
    whens = " ".join(f"WHEN {w.cond(when)} THEN {w.literal(label)}" for when, label in e.whens)
    return f"CASE {whens} ELSE {w.literal(e.otherwise)} END"


def _window(w: _Writer, e: Window) -> str:
    partition = f"PARTITION BY {_col(w, e.partition)}" if e.partition else ""
    order = f"ORDER BY {_col(w, e.order)}{' DESC' * e.descending}" if e.order else ""
    if e.argument and e.order and not e.descending and w.nulls_first_in_totals:
        order += " NULLS FIRST"
    inside = f"{partition} {order}".strip()
    return f"{e.function}({_col(w, e.argument) if e.argument else ''}) OVER ({inside})"


def _call(w: _Writer, e: Call) -> str:
    return f"{e.name}({', '.join(w.side(argument) for argument in e.arguments)})"


def _compare(w: _Writer, c: Compare) -> str:
    return f"{w.expr(c.left)} {c.operator} {w.side(c.value)}"


def _between(w: _Writer, c: Between) -> str:
    return f"{w.expr(c.left)} BETWEEN {w.literal(c.low)} AND {w.literal(c.high)}"


def _in(w: _Writer, c: In) -> str:
    if isinstance(c.values, Query):
        inner = w.query(c.values)
    else:
        inner = ", ".join([w.literal(value) for value in c.values])
    return f"{'NOT ' * c.negated}{w.expr(c.left)} IN ({inner})"


def _like(w: _Writer, c: Like) -> str:
    pattern = {"contains": "%{}%", "starts": "{}%", "ends": "%{}"}[c.place].format(c.text)
    return f"{w.expr(c.left)} {'NOT ' * c.negated}LIKE {w.literal(pattern)}"


def _null(w: _Writer, c: Null) -> str:
    return f"{'NOT ' * c.negated}{w.expr(c.left)} IS NULL"


def _during(w: _Writer, c: During) -> str:
    value = c.value if c.unit == "year" and w.dialect != "sqlite" else w.literal(c.value)
    return f"{PARTS[w.dialect][c.unit].format(_col(w, c.left))} = {value}"


def _recent(w: _Writer, c: Recent) -> str:
    plural = f"{c.unit}s" if c.count != 1 else c.unit
    if c.table is None:
        return RECENT[w.dialect].format(_col(w, c.left), c.count, plural, c.unit.upper())
    name = quote_name(c.left.name, w.dialect)
    start = BEFORE[w.dialect].format(name, c.count, plural, c.unit.upper())
    return f"{_col(w, c.left)} > (SELECT {start} FROM {w.name(c.table)})"


def _exists(w: _Writer, c: Exists) -> str:
    return f"{'NOT ' * c.negated}EXISTS(SELECT 1 FROM {w.query(c.query).split(' FROM ', 1)[1]})"


def _either(w: _Writer, c: Either) -> str:
    return " OR ".join(w.cond(condition) for condition in c.conditions)


_EXPRESSIONS: dict[type, Callable[[_Writer, Any], str]] = {
    Col: _col, Agg: _agg, Product: _product, Part: _part, Share: _share, CountIf: _count_if, Case: _case,
    Window: _window, Call: _call, Days: _days,
}  # fmt: skip
_CONDITIONS: dict[type, Callable[[_Writer, Any], str]] = {
    Compare: _compare, Between: _between, In: _in, Like: _like, Null: _null, During: _during, Recent: _recent,
    Exists: _exists, Either: _either, Term: _Writer.fragment,
}  # fmt: skip
