"""How hard a statement is by Spider's rules: by the number of its parts, not by what models get wrong."""

from __future__ import annotations

from typing import Literal

from sqltailor.evaluate.metrics.spider.parts import Query

Hardness = Literal["easy", "medium", "hard", "extra"]
HARDNESS: tuple[Hardness, ...] = ("easy", "medium", "hard", "extra")
"""The levels, in the order of reports."""


def hardness(query: Query) -> Hardness:
    """Return how hard a statement is by the number of its parts, of its subqueries, and of parts that are several."""
    parts = sum(map(bool, (query.where.items, query.group, query.order, query.limited))) + len(query.tables) - 1
    parts += query.connectors.count("or") + sum(c.operator == "like" for c in query.conditions)
    nested = sum(isinstance(o, Query) for c in query.conditions for o in c.operands) + (query.combined is not None)
    counts = (_count_aggregates(query), len(query.selected), len(query.where.items), len(query.group))
    several = sum(n > 1 for n in counts)
    if nested == 0 and parts <= 1 and several == 0:
        return "easy"
    if nested == 0 and ((parts <= 1 and several <= 2) or (parts <= 2 and several < 2)):
        return "medium"
    if nested == 0 and ((parts <= 2 and several > 2) or (parts == 3 and several <= 2)):
        return "hard"
    return "hard" if nested == 1 and parts <= 1 and several == 0 else "extra"


def _count_aggregates(query: Query) -> int:
    """Count aggregates as the script does: a NOT is one, and each AND or OR in HAVING."""
    terms = [*query.group, *(value.left for value in query.order), *(v.right for v in query.order if v.right)]
    negated = [c for c in (*query.where.items, *query.having.items) if c.negated]
    return (
        sum(bool(item.aggregate) for item in query.selected)
        + sum(bool(term.aggregate) for term in terms)
        + len(negated)
        + len(query.having.connectors)
    )
