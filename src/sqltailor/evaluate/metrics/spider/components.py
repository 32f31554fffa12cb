"""The ten parts by which Spider's official script compares two statements, each the same or not.

The rules are those of taoyds/test-suite-sql-eval@e97acc5, evaluation.py; what is compared must have been made
comparable before (`exact_set.compared`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sqltailor.evaluate.metrics.spider.parts import Conditions, Query, Term, Value

COMPONENTS = ("select", "select(no AGG)", "where", "where(no OP)", "group(no Having)", "group", "order", "and/or",
              "IUEN", "keywords")  # fmt: skip
"""The parts by the script's names, in its order."""


class Component(NamedTuple):
    """Whether a part is the same; how many elements of it the prediction and the gold statement have."""

    is_same: bool
    predicted: int
    gold: int


def is_same(predicted: Query, gold: Query) -> bool:
    """Tell whether two statements are an exact-set match: all parts are the same, and the tables."""
    return all(c.is_same for c in components(predicted, gold).values()) and has_same_tables(predicted, gold)


def has_same_tables(predicted: Query, gold: Query) -> bool:
    """Tell whether two statements have the same tables; a gold statement without any is content with all."""
    return not gold.tables or Counter(predicted.tables) == Counter(gold.tables)


def components(predicted: Query, gold: Query) -> dict[str, Component]:
    """Return each part by its name."""
    found = (
        _bags(predicted.selected, gold.selected),
        _bags([s.value for s in predicted.selected], [s.value for s in gold.selected]),
        _bags(predicted.where.items, gold.where.items),
        _bags([c.value for c in predicted.where.items], [c.value for c in gold.where.items]),
        _bags(_names(predicted.group), _names(gold.group)),
        _whole(_grouping(predicted), _grouping(gold)),
        _whole(_ordering(predicted), _ordering(gold)),
        _connectors(predicted.where, gold.where),
        _combined(predicted, gold),
        _bags(_keywords(predicted), _keywords(gold)),
    )
    return dict(zip(COMPONENTS, found, strict=True))


def _bags(predicted: Sequence[object], gold: Sequence[object]) -> Component:
    a, b = len(predicted), len(gold)
    return Component(a == b and (predicted == gold or Counter(predicted) == Counter(gold)), a, b)


def _whole(predicted: object, gold: object) -> Component:
    return Component(predicted == gold, int(predicted is not None), int(gold is not None))


def _names(terms: Sequence[Term]) -> list[str]:
    """Return the columns without their tables, which the part is blind to."""
    return [term.column.rpartition(".")[2] for term in terms]


def _grouping(query: Query) -> tuple[list[str], Conditions] | None:
    """Return GROUP BY, without aggregates, and HAVING, which is not compared where there is no GROUP BY."""
    return ([term.column for term in query.group], query.having) if query.group else None


def _ordering(query: Query) -> tuple[tuple[Value, ...], bool, bool] | None:
    return (query.order, query.descending, query.limited) if query.order else None


def _connectors(predicted: Conditions, gold: Conditions) -> Component:
    a, b = set(predicted.connectors), set(gold.connectors)
    if a == b:
        return Component(True, 1, 1)
    return Component(False, len(b), len(a))  # the script takes one number for the other


def _combined(predicted: Query, gold: Query) -> Component:
    a, b = predicted.combined, gold.combined
    if a is None or b is None:
        return Component(a is b, int(a is not None), int(b is not None))
    return Component(a[0] == b[0] and is_same(a[1], b[1]), 1, 1)


def _keywords(query: Query) -> list[str]:
    """Return the keywords that the script compares, each once."""
    operators = {c.operator for c in query.conditions} | set(query.connectors)
    has = {
        "where": query.where.items,
        "group": query.group,
        "having": query.having.items,
        "desc" if query.descending else "asc": query.order,
        "order": query.order,
        "limit": query.limited,
        query.combined[0] if query.combined else "": query.combined,
        "or": "or" in operators,
        "not": any(c.negated for c in query.conditions),
        "in": "in" in operators,
        "like": "like" in operators,
    }
    return [word for word, is_there in has.items() if is_there]
