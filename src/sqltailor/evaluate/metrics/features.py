"""Features of a gold statement, to see where a model is weak."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqltailor.errors import SQLError
from sqltailor.sql.dialect import parse

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

FEATURES = (
    "one table",
    "join",
    "condition",
    "aggregate",
    "group by",
    "having",
    "order by",
    "limit",
    "distinct",
    "subquery",
    "set operation",
    "window",
    "case",
)
"""The features, in the order of reports. `one table` is a statement with no other table in it."""


def features(sql: str, dialect: str = "sqlite") -> tuple[str, ...]:
    """Return the features of a statement; none for one that cannot be parsed.

    >>> features("SELECT city, COUNT(*) FROM t GROUP BY city ORDER BY 2 DESC LIMIT 1")
    ('one table', 'aggregate', 'group by', 'order by', 'limit')
    """
    try:
        return features_of(parse(sql, dialect))
    except SQLError:
        return ()


def features_of(tree: Expression) -> tuple[str, ...]:
    """Return the features of a statement that is parsed already."""
    from sqlglot import exp

    nodes: dict[str, tuple[type[object], ...]] = {
        "join": (exp.Join,),
        "condition": (exp.Where,),
        "aggregate": (exp.AggFunc,),
        "group by": (exp.Group,),
        "having": (exp.Having,),
        "order by": (exp.Order,),
        "limit": (exp.Limit, exp.Fetch),
        "distinct": (exp.Distinct,),
        "subquery": (exp.Subquery, exp.CTE, exp.Exists),
        "set operation": (exp.SetOperation,),
        "window": (exp.Window,),
        "case": (exp.Case,),
    }
    # RANK() and ORDER BY that belong to a window are the window's
    whole = [node for node in tree.walk() if not isinstance(node.parent, exp.Window)]
    found = {name for name, kinds in nodes.items() if any(isinstance(node, kinds) for node in whole)}
    if any(isinstance(node, exp.In) and node.args.get("query") for node in whole):
        found.add("subquery")
    if sum(isinstance(node, exp.Table) for node in whole) == 1:
        found.add("one table")
    return tuple(name for name in FEATURES if name in found)
