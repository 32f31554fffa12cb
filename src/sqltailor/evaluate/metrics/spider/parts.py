"""The parts of a statement that Spider's exact-set match compares, and those that it ignores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Term(NamedTuple):
    """A column, `table.column` in lower case or `*`, perhaps inside an aggregate."""

    column: str
    aggregate: str = ""
    distinct: bool = False


class Value(NamedTuple):
    """A term, or two with an operator between them."""

    left: Term
    operator: str = ""
    right: Term | None = None


class Selected(NamedTuple):
    """A selected value. `aggregate` is around the whole of it; one inside parentheses is the term's."""

    value: Value
    aggregate: str = ""


class Condition(NamedTuple):
    """A value, an operator, and what the value is compared with: one operand, two for BETWEEN.

    An operand is a subquery, a column, a literal, or None where values are not compared.
    """

    value: Value
    operator: str
    operands: tuple[Query | Term | float | str | None, ...]
    negated: bool = False


class Conditions(NamedTuple):
    """Conditions and the words `and` and `or` between them, in the order of the text."""

    items: tuple[Condition, ...] = ()
    connectors: tuple[str, ...] = ()


class Query(NamedTuple):
    """One SELECT. `on` holds the conditions of all its joins; `combined` is a set operator and the query after it."""

    selected: tuple[Selected, ...]
    distinct: bool
    tables: tuple[str | Query, ...]
    on: Conditions
    where: Conditions
    group: tuple[Term, ...]
    having: Conditions
    order: tuple[Value, ...]
    descending: bool
    limited: bool
    combined: tuple[str, Query] | None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions, those of joins too."""
        return self.on.items + self.where.items + self.having.items

    @property
    def connectors(self) -> tuple[str, ...]:
        """All words between conditions, those of joins too."""
        return self.on.connectors + self.where.connectors + self.having.connectors


def without_values(query: Query) -> Query:
    """Return the query with what its conditions compare with left out, but for subqueries; those in FROM stay whole."""
    return query._replace(
        on=_bare(query.on),
        where=_bare(query.where),
        having=_bare(query.having),
        combined=query.combined and (query.combined[0], without_values(query.combined[1])),
    )


def _bare(conditions: Conditions) -> Conditions:
    items = (
        c._replace(operands=tuple(without_values(o) if isinstance(o, Query) else None for o in c.operands))
        for c in conditions.items
    )
    return conditions._replace(items=tuple(items))


def with_merged_columns(query: Query, firsts: Mapping[str, str]) -> Query:
    """Return the query without DISTINCT, each column replaced by the first of its group; subqueries stay as they are.

    `firsts`: column → the first of the columns that foreign keys connect it with. Join conditions, which are not
    compared, stay too.
    """

    def term(term: Term) -> Term:
        return Term(firsts.get(term.column, term.column), term.aggregate)

    def value(value: Value) -> Value:
        return Value(term(value.left), value.operator, value.right and term(value.right))

    def merged(conditions: Conditions) -> Conditions:
        return conditions._replace(items=tuple(c._replace(value=value(c.value)) for c in conditions.items))

    return query._replace(
        selected=tuple(Selected(value(item.value), item.aggregate) for item in query.selected),
        distinct=False,
        where=merged(query.where),
        group=tuple(map(term, query.group)),
        having=merged(query.having),
        order=tuple(map(value, query.order)),
        combined=query.combined and (query.combined[0], with_merged_columns(query.combined[1], firsts)),
    )
