"""Where dialects differ in what names mean: aliases, recursion, lambdas, upper and lower case."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

_EVERYWHERE = frozenset({"expressions", "where", "group", "having", "qualify", "order", "distinct"})
ALIAS_CLAUSES = {
    "sqlite": frozenset({"where", "group", "having", "order"}),
    "mysql": frozenset({"group", "having", "order"}),
    "bigquery": frozenset({"group", "having", "order", "qualify"}),
    **dict.fromkeys(("duckdb", "snowflake", "redshift", "databricks", "spark", "clickhouse", "teradata"), _EVERYWHERE),
}
"""The clauses in whose expressions an alias of the select list counts.

As a whole item of ORDER BY or GROUP BY it counts in every dialect.
"""
RECURSIVE_UNASKED = frozenset({"sqlite", "tsql", "fabric", "oracle"})
"""Where a common table expression sees itself without the word RECURSIVE."""
RECURSIVE_ANYWHERE = frozenset({"sqlite", "mysql", "tsql", "fabric"})
"""Where it does so in every branch after the first, not only in the last."""
LATERAL_UNASKED = frozenset({"duckdb"})
"""Where a derived table sees the items of FROM before it without the word LATERAL."""
_LAMBDAS = frozenset({"spark", "databricks", "trino", "presto", "athena", "snowflake", "clickhouse", "bigquery"})
_LAMBDA_CALLS = frozenset(
    f"{kind}_{verb}" for kind in ("list", "array") for verb in ("transform", "apply", "filter", "reduce")
)
_CASE_MATTERS = frozenset({"mysql", "clickhouse"})
_FOLDS_LOWER = frozenset({"postgres", "redshift", "materialize", "risingwave"})
_FOLDS_UPPER = frozenset({"snowflake", "oracle"})


def folded(name: Expr, dialect: str) -> str:
    """Return the form in which the dialect compares names of common table expressions."""
    text: str = name.name
    if dialect in _CASE_MATTERS or (name.args.get("quoted") and dialect in _FOLDS_LOWER | _FOLDS_UPPER):
        return text
    return text.upper() if dialect in _FOLDS_UPPER else text.lower()


def makes_names(node: Expr, dialect: str) -> bool:
    """Tell whether `x -> …` is a function; in the other dialects, and elsewhere in DuckDB, it reads JSON of x."""
    from sqlglot import exp

    if dialect != "duckdb":
        return dialect in _LAMBDAS
    parent = node.parent
    if isinstance(parent, (exp.Transform, exp.ArrayFilter)):
        return node.arg_key != "this"
    return isinstance(parent, exp.Anonymous) and parent.name.lower() in _LAMBDA_CALLS and bool(node.index)


def is_whole_item(node: Expr, key: str) -> bool:
    """Tell whether a column is all of an item of ORDER BY, GROUP BY or DISTINCT ON; `key` is its clause."""
    if key not in ("order", "group", "distinct"):
        return False
    from sqlglot import exp

    parent = node.parent
    if key == "order":  # of the query, not of a window or an aggregate
        order = parent.parent if isinstance(parent, exp.Ordered) else None
        return isinstance(order, exp.Order) and isinstance(order.parent, exp.Query)
    groups = (exp.Group, exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple, exp.Paren)
    return isinstance(parent, groups)
