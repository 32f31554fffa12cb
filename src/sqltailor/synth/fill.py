"""Placeholders of a logged statement (`$1`, `?`, `:name`) and the stored values that may stand in their place."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqltailor.database.personal import looks_personal
from sqltailor.dialect import load_dialect
from sqltailor.schema import find_column, find_table
from sqltailor.synth.joins import key
from sqltailor.synth.values import Values
from sqltailor.types import Cell, Schema, Table

if TYPE_CHECKING:
    from sqlglot.expressions import Column, Expr, Expression

_TYPED = re.compile(r"\b(DATE|TIME|TIMESTAMP|TIMESTAMPTZ)\s+(\$\d+)", re.IGNORECASE)
_INTERVAL = re.compile(r"\bINTERVAL\s+\$\d+", re.IGNORECASE)
_PART = re.compile(r"\bEXTRACT\s*\(\s*\$\d+\s+FROM\b", re.IGNORECASE)
LIMIT, OFFSET = "10", "0"


class Place(NamedTuple):
    """Where a value stands: the comparison, and the column that it is compared with."""

    comparison: Expr
    column: Column | None


def readable(sql: str) -> str:
    """Return a statement of pg_stat_statements with literals that its placeholders broke made whole.

    >>> readable("SELECT a FROM t WHERE d > date $1 - interval $2")
    "SELECT a FROM t WHERE d > CAST($1 AS date) - INTERVAL '30 days'"
    """
    sql = _PART.sub("EXTRACT(YEAR FROM", _TYPED.sub(r"CAST(\2 AS \1)", sql))
    return _INTERVAL.sub("INTERVAL '30 days'", sql)


def placeholders(tree: Expression) -> list[Expr]:
    """Return the placeholders of a statement, in reading order."""
    from sqlglot import exp

    return [node for node in tree.dfs() if isinstance(node, (exp.Placeholder, exp.Parameter))]


def fill(tree: Expression, schema: Schema, values: Values, rng: random.Random) -> Expression | None:
    """Return a copy of a statement with stored values in place of its placeholders, or None where one has none.

    A value is drawn from the column that it is compared with; LIMIT, OFFSET, counts and the unit of a date get usual
    ones. Columns whose values are kept back, because they look personal, have none.
    """
    tree = tree.copy()
    spans: dict[int, list[Cell]] = {}
    for node in placeholders(tree):
        value = _value(node, tree, schema, values, rng, spans)
        if value is None:
            return None
        node.replace(value)
    return tree


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
    other = above.args["expression"] if side.arg_key == "this" else above.this
    while isinstance(other, (exp.Paren, exp.Cast, exp.Lower, exp.Upper, exp.Date, exp.Min, exp.Max, exp.Avg)):
        other = other.this
    return Place(above, other if isinstance(other, exp.Column) else None)


def _is_personal(node: Expr, tree: Expression, schema: Schema | None, values: Values | None) -> bool:
    place = place_of(node)
    column = place.column if place is not None else None
    names = [source.name for source in _sources(tree, column)] if column is not None else []
    if column is not None and any(looks_personal(f"{name}.{column.name}") for name in names or [""]):
        return True
    if looks_personal("value", [node.name.strip("%")] if node.args["is_string"] else []):
        return True
    if column is None or schema is None or values is None or not (stored := _stored(column, tree, schema)):
        return False
    table, name = stored
    return bool(values.counts.get(key(table))) and not values.of(key(table), name)


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


def _value(
    node: Expr, tree: Expression, schema: Schema, values: Values, rng: random.Random, spans: dict[int, list[Cell]]
) -> Expr | None:
    from sqlglot import exp

    above = node.parent
    if isinstance(above, (exp.Limit, exp.Offset)):
        return exp.Literal.number(LIMIT if isinstance(above, exp.Limit) else OFFSET)
    if isinstance(above, exp.TimestampTrunc) and node.arg_key == "unit":
        return exp.var("MONTH")
    if isinstance(above, exp.Coalesce):
        return exp.Literal.number(0)
    if isinstance(above, exp.Round):
        return exp.Literal.number(2)
    place = place_of(node)
    if place is None:
        return None
    if place.column is None:
        return exp.Literal.number(1) if isinstance(place.comparison.this, exp.Count) else None
    stored = _stored(place.column, tree, schema)
    known = [cell for cell in values.of(key(stored[0]), stored[1]) if not isinstance(cell, bytes)] if stored else []
    if not known:
        return None
    literal = _literal(_drawn(node, place.comparison, known, rng, spans))
    return exp.Array(expressions=[literal]) if isinstance(node.find_ancestor(exp.Predicate), exp.Any) else literal


def _drawn(
    node: Expr, comparison: Expr, known: Sequence[Cell], rng: random.Random, spans: dict[int, list[Cell]]
) -> Cell:
    from sqlglot import exp

    if isinstance(comparison, exp.Between):
        if id(comparison) not in spans:
            spans[id(comparison)] = sorted(rng.choices(known, k=2), key=lambda cell: (str(type(cell)), cell))
        is_low = comparison.args["low"] is node or node in comparison.args["low"].find_all(type(node))
        return spans[id(comparison)][0 if is_low else 1]
    value = rng.choice(known)
    if isinstance(comparison, (exp.Like, exp.ILike)):
        words = re.findall(r"\w{3,}", str(value))
        return f"%{rng.choice(words)}%" if words else str(value)
    return value


def _literal(value: Cell) -> Expr:
    from sqlglot import exp

    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, (int, float)):
        literal = exp.Literal.number(abs(value))
        return exp.Neg(this=literal) if value < 0 else literal
    return exp.Literal.string(str(value))
