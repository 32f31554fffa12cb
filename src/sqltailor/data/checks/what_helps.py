"""What to try with a row that is rejected: another dialect, or a list of functions."""

from __future__ import annotations

import re

from sqltailor.sql.dialect import load_dialect
from sqltailor.sql.dialect.syntax_faults import dialect_name
from sqltailor.types import Example, Verdict

_SIGNS = {
    "mysql": re.compile("`"),
    "tsql": re.compile(r"\bSELECT\s+(?:DISTINCT\s+)?TOP\s*\(?\s*\d", re.IGNORECASE),
}
"""Dialect → what in a statement suggests that it is written in it."""
_LACK = {
    "mysql": frozenset(
        "postgres redshift materialize risingwave duckdb oracle tsql snowflake trino presto".split()  # noqa: SIM905
    ),
    "tsql": frozenset(
        "postgres materialize risingwave duckdb sqlite mysql oracle bigquery trino presto".split()  # noqa: SIM905
    ),
}
"""Dialect → the dialects that do not know its sign."""


def other_dialect(example: Example, read_as: str) -> str:
    """Return a hint at the dialect that an example's SQL seems to be in, where that is not what it was read as.

    >>> other_dialect(Example(sql=("SELECT TOP 3 name FROM t",)), "postgres")
    " It looks like T-SQL's: --from-dialect tsql translates it."
    """
    base = load_dialect(read_as).base
    for name, sign in _SIGNS.items():
        if base in _LACK[name] and any(map(sign.search, example.sql)):
            return f" It looks like {dialect_name(name)}'s: --from-dialect {name} translates it."
    return ""


def own_function(verdict: Verdict) -> str:
    """Return how a function of the user's own is allowed, where a statement was refused for one."""
    if "is not on the list of functions" not in (verdict.reason or ""):
        return ""
    return " One of your own is allowed by `functions` in a dialect file: docs/dialects.md."
