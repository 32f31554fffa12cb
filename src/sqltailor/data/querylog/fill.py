"""Placeholders of a logged statement (`$1`, `?`, `:name`) and the stored values that can replace them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from sqltailor.database.personal import looks_personal
from sqltailor.errors import SQLError
from sqltailor.naming.joins import key
from sqltailor.naming.values import Values
from sqltailor.sql.dialect import load_dialect, write
from sqltailor.sql.schema import find_column, find_table, qualified_name
from sqltailor.types import Cell, Schema, Table
from sqltailor.types import Column as ColumnOfTable

if TYPE_CHECKING:
    from sqlglot.expressions import Column, Expr, Expression

_TYPED = re.compile(r"\b(DATE|TIME|TIMESTAMP|TIMESTAMPTZ)\s+(\$\d+)", re.IGNORECASE)
_WRITTEN = re.compile(
    r"'(?:[^']|'')*+'|\"(?:[^\"]|\"\")*+\"|--[^\n]*+|/\*.*?\*/|(?P<list>\(\s*\.\.\.\s*\))|(?P<rest>\?\s*,\s*\.\.\.)|(?P<numbered>\?\d+\b)"
    r"|(?<![\w$])(?P<dollar>\$\d+\b)|(?<![\w%])(?P<percent>%s\b|%\(\w+\)s\b)",
    re.IGNORECASE | re.DOTALL,
)
_DECLARED = re.compile(r"\s*\(\s*(?=@)(?:[^()]|\([^()]*\))*\)")
_LIST = re.compile(r"\b(IN\s+)(%s\b|%\(\w+\)s\b)", re.IGNORECASE)
_INTERVAL = re.compile(r"\bINTERVAL\s+\$\d+", re.IGNORECASE)
_PART = re.compile(r"\bEXTRACT\s*\(\s*\$\d+\s+FROM\b", re.IGNORECASE)
LIMIT, OFFSET = "10", "0"
Fetch = Callable[[str], Sequence[Sequence[Cell]]]


class Place(NamedTuple):
    """Where a value stands: the comparison, and what it is compared with."""

    comparison: Expr
    other: Expr

    @property
    def columns(self) -> list[Column]:
        """The columns of what it is compared with."""
        from sqlglot import exp

        return list(self.other.find_all(exp.Column))


def readable(sql: str, dialect: str = "postgres") -> str:
    """Return a logged statement with what its placeholders broke made whole: typed literals, parts of dates, `?1`.

    `%s` and `%(name)s` become `?`, which all dialects read; `$1`, too, in those that have no such parameter. Lists that
    MySQL's digests shorten (`(...)`, `?, ...`) get one; the types of parameters before a statement (SQL Server) go.

    >>> readable("SELECT a FROM t WHERE d > date $1 - interval $2")
    "SELECT a FROM t WHERE d > CAST($1 AS date) - INTERVAL '30 days'"
    >>> readable("SELECT '%s' FROM t WHERE a = %(name)s AND b IN %s", "sqlite")
    "SELECT '%s' FROM t WHERE a = ? AND b IN (?)"
    """
    declared = _DECLARED.match(sql)
    sql = _PART.sub("EXTRACT(YEAR FROM", _TYPED.sub(r"CAST(\2 AS \1)", sql[declared.end() if declared else 0 :]))
    base = load_dialect(dialect).base

    def read(found: re.Match[str]) -> str:
        if found.lastgroup == "list":
            return "(?)"
        is_placeholder = found.lastgroup in ("rest", "numbered", "percent") or (
            found.lastgroup == "dollar" and base not in ("postgres", "redshift", "duckdb")
        )
        return "?" if is_placeholder else found[0]

    sql = _LIST.sub(r"\1(\2)", _INTERVAL.sub("INTERVAL '30 days'", sql))
    return _WRITTEN.sub(read, sql)


def placeholders(tree: Expr) -> list[Expr]:
    """Return the placeholders of a statement, in reading order."""
    from sqlglot import exp

    return [node for node in tree.dfs() if isinstance(node, (exp.Placeholder, exp.Parameter))]


def hide_personal(tree: Expression, dialect: str, schema: Schema | None, values: Values | None) -> None:
    """Put placeholders, in place, where a statement holds a value that looks personal."""
    from sqlglot import exp

    found = [node for node in tree.find_all(exp.Literal) if _is_personal(node, tree, schema, values)]
    numbered = load_dialect(dialect).base == "postgres"
    for number, node in enumerate(found, len(placeholders(tree)) + 1):
        node.replace(exp.Parameter(this=exp.Literal.number(number)) if numbered else exp.Placeholder())


def place_of(node: Expr) -> Place | None:
    """Return the comparison that a value stands in, or None."""
    from sqlglot import exp

    side, above = node, node.parent
    wraps = (exp.Paren, exp.Cast, exp.Lower, exp.Upper, exp.Any, exp.Neg, exp.Tuple, exp.Date)
    while isinstance(above, wraps) or (isinstance(above, (exp.Add, exp.Sub)) and above.find(exp.Interval)):
        side, above = above, above.parent
    compares = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Like, exp.ILike, exp.In, exp.Between)
    if above is None or not isinstance(above, compares):
        return None
    other = above.args.get("expression") if side.arg_key == "this" else above.this
    return Place(above, other.unnest()) if isinstance(other, exp.Expr) else None


def _is_personal(node: Expr, tree: Expression, schema: Schema | None, values: Values | None) -> bool:
    if node.args["is_string"] and looks_personal("value", [node.name.strip("%")]):
        return True
    place = place_of(node)
    for column in place.columns if place is not None else ():
        names = [source.name for source in _sources(tree, column)] or [""]
        if any(looks_personal(f"{name}.{column.name}") for name in names):
            return True
        stored = _stored(column, tree, schema) if schema is not None else None
        if stored and values is not None and _is_hidden(*stored, values):
            return True
    return False


def _is_hidden(table: Table, column: str, values: Values) -> bool:
    """Tell whether a column's values are kept back, though its table holds rows."""
    return bool(values.counts.get(key(table))) and not values.of(key(table), column)


def _sources(tree: Expression, column: Column) -> list[Expr]:
    """Return the tables of a statement that a column may belong to, by its alias if it has one."""
    from sqlglot import exp

    tables: list[Expr] = list(tree.find_all(exp.Table))
    named = [table for table in tables if table.alias_or_name.lower() == column.table.lower()]
    return named if column.table else tables


def _stored(column: Column, tree: Expression, schema: Schema) -> tuple[Table, str] | None:
    for source in _sources(tree, column):
        table = find_table(schema, source.name, source.args["db"].name if source.args.get("db") else None)
        if table is not None and (found := find_column(table, column.name)):
            return table, found.name
    return None


class Filler:
    """Puts stored values in place of placeholders: drawn from the column, or expression, that each is compared with.

    LIMIT, OFFSET, counts, the unit of a date and what an aggregate adds up get usual ones. Columns whose values are
    kept back, because they look personal, have none. `fetch` runs one statement and returns its rows.
    """

    def __init__(self, schema: Schema, values: Values, dialect: str, fetch: Fetch) -> None:
        self.schema, self.values, self.dialect, self.fetch = schema, values, dialect, fetch
        self._expressions: dict[str, list[Cell]] = {}

    def fill(self, tree: Expression, rng: random.Random) -> Expression | None:
        """Return a copy of a statement without placeholders, or None where one has no value."""
        tree = tree.copy()
        spans: dict[int, list[Cell]] = {}
        for node in placeholders(tree):
            value = _usual(node) or self._drawn(node, tree, rng, spans)
            if value is None:
                return None
            node.replace(value)
        return tree

    def _drawn(self, node: Expr, tree: Expression, rng: random.Random, spans: dict[int, list[Cell]]) -> Expr | None:
        from sqlglot import exp

        place = place_of(node)
        known = self.known(place.other, tree) if place is not None else []
        if place is None or not known:
            return None
        literal = literal_of(_choice(node, place.comparison, known, rng, spans))
        return exp.Array(expressions=[literal]) if isinstance(node.find_ancestor(exp.Predicate), exp.Any) else literal

    def known(self, other: Expr, tree: Expression) -> list[Cell]:
        """Return the values that an expression over the columns of one table takes."""
        from sqlglot import exp

        if isinstance(other, exp.Count):
            return [1]
        if isinstance(other, (exp.Min, exp.Max, exp.Avg, exp.Sum)):
            other = other.this
        stored = [_stored(column, tree, self.schema) for column in other.find_all(exp.Column)]
        if not stored or None in stored or len({key(place[0]) for place in stored if place}) > 1:
            return []
        places = [place for place in stored if place]
        if any(_is_hidden(*place, self.values) for place in places):
            return []
        table, column = places[0]
        if isinstance(other, exp.Column):
            return [cell for cell in self.values.of(key(table), column) if not isinstance(cell, bytes)]
        return self._taken(other, table) if not placeholders(other) and not other.find(exp.Query, exp.AggFunc) else []

    def column(self, named: Column, tree: Expression) -> ColumnOfTable | None:
        """Return the column of the schema that a statement names."""
        stored = _stored(named, tree, self.schema)
        return find_column(*stored) if stored else None

    def _taken(self, expression: Expr, table: Table) -> list[Cell]:
        from sqlglot import exp

        bare = expression.copy()
        for column in bare.find_all(exp.Column):
            column.set("table", None)
            column.set("db", None)
        written = write(cast("Expression", bare), self.dialect)
        sql = f"SELECT DISTINCT {written} FROM {qualified_name(table, self.dialect)} LIMIT 200"
        if sql not in self._expressions:
            try:
                rows = self.fetch(sql)
            except SQLError:
                rows = []
            self._expressions[sql] = [row[0] for row in rows if row[0] is not None and not isinstance(row[0], bytes)]
        return self._expressions[sql]


def _usual(node: Expr) -> Expr | None:
    """Return the value that stands in such a place as a rule, or None."""
    from sqlglot import exp

    above = node.parent
    if isinstance(above, (exp.Limit, exp.Offset)):
        return exp.Literal.number(LIMIT if isinstance(above, exp.Limit) else OFFSET)
    if isinstance(above, exp.TimestampTrunc) and node.arg_key == "unit":
        return exp.var("MONTH")
    if isinstance(above, (exp.Coalesce, exp.Round)):
        return exp.Literal.number(0 if isinstance(above, exp.Coalesce) else 2)
    if isinstance(above, (exp.If, exp.Case)) and node.find_ancestor(exp.AggFunc) is not None:
        counts = {"true": 1, "default": 0}
        return exp.Literal.number(counts[node.arg_key]) if node.arg_key in counts else None
    return None


def _choice(
    node: Expr, comparison: Expr, known: Sequence[Cell], rng: random.Random, spans: dict[int, list[Cell]]
) -> Cell:
    from sqlglot import exp

    if isinstance(comparison, exp.Between):
        if id(comparison) not in spans:
            spans[id(comparison)] = sorted(rng.choices(known, k=2), key=lambda cell: (str(type(cell)), cell))
        is_low = any(node is inner for inner in comparison.args["low"].walk())
        return spans[id(comparison)][0 if is_low else 1]
    value = rng.choice(known)
    if isinstance(comparison, (exp.Like, exp.ILike)):
        words = re.findall(r"\w{3,}", str(value))
        return f"%{rng.choice(words)}%" if words else str(value)
    return value


def literal_of(value: Cell) -> Expr:
    """Return a value as a literal of a syntax tree."""
    from sqlglot import exp

    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, (int, float)):
        literal = exp.Literal.number(abs(value))
        return exp.Neg(this=literal) if value < 0 else literal
    return exp.Literal.string(str(value))
