"""What the grammar needs to know of a dialect, and the words that are no names."""

from __future__ import annotations

from typing import NamedTuple

from sqltailor.sql.dialect.names import RESERVED, RESERVED_MYSQL
from sqltailor.sql.guard.allowed_nodes import DROPPED


class Syntax(NamedTuple):
    """Where dialects differ, of what the grammar lets a model write."""

    types: str
    joins: tuple[str, ...] = ("inner", "left", "left outer", "right", "right outer", "full", "full outer")
    sets: tuple[str, ...] = ("union", "union all", "intersect", "except")
    likes: tuple[str, ...] = ("like",)
    limit: str = "offset"
    """`offset`: LIMIT n OFFSET m; `comma`: LIMIT m, n, too; `only`: LIMIT n; `top`: SELECT TOP n."""
    interval: str = ""
    """`text`: INTERVAL '1 day'; `unit`: INTERVAL 1 DAY; `quoted`: INTERVAL '1' DAY."""
    concat: bool = True
    booleans: bool = True
    date_literals: bool = True
    extract: bool = True
    has_using: bool = True
    joins_need_on: bool = True
    derived_need_alias: bool = True
    nulls_order: bool = True
    doubled_quotes: bool = True
    casts_by_colons: bool = False
    filters: bool = False
    group_aliases: bool = True
    exact_tables: bool = False
    """Whether names of tables and their aliases, but not of columns, count in the case that they have."""
    quotes_keep_case: bool = False
    """Whether a bare name means its lower-case spelling, so that one with capitals is found in quotes only."""


SYNTAXES = {
    "sqlite": Syntax(
        "integer int real text numeric float blob date datetime",
        limit="comma", likes=("like", "glob"), date_literals=False, extract=False, joins_need_on=False,
        derived_need_alias=False, filters=True,
    ),
    "postgres": Syntax(
        "integer int bigint numeric decimal real text varchar date timestamp time boolean",
        likes=("like", "ilike"), interval="text", casts_by_colons=True, filters=True, quotes_keep_case=True,
    ),
    "mysql": Syntax(
        "signed unsigned char date datetime decimal time",
        joins=("inner", "left", "left outer", "right", "right outer"), limit="comma", interval="unit", concat=False,
        exact_tables=True, joins_need_on=False, nulls_order=False,
    ),
    "duckdb": Syntax(
        "integer int bigint double decimal varchar text date timestamp time boolean float",
        likes=("like", "ilike", "glob"), interval="text", casts_by_colons=True, filters=True, derived_need_alias=False,
    ),
    "bigquery": Syntax(
        "int64 float64 string date timestamp datetime numeric bool",
        sets=("union all", "union distinct", "intersect distinct", "except distinct"), interval="unit",
        doubled_quotes=False, derived_need_alias=False, exact_tables=True,
    ),
    "snowflake": Syntax(
        "integer int bigint float number decimal varchar text string date timestamp boolean", likes=("like", "ilike"),
        interval="text", casts_by_colons=True,
    ),
    "tsql": Syntax(
        "int bigint float decimal numeric varchar nvarchar date datetime bit", limit="top", concat=False,
        booleans=False, date_literals=False, extract=False, has_using=False, nulls_order=False, group_aliases=False,
    ),
    "trino": Syntax(
        "integer bigint double decimal varchar date timestamp boolean real", limit="only", interval="quoted",
        filters=True, group_aliases=False,
    ),
}  # fmt: skip
"""Dialect → its syntax. SQLite, PostgreSQL, MySQL and DuckDB are tested by running; of the others only parsing is."""

UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second")

VALUES = frozenset("null true false current_date current_time current_timestamp".split())  # noqa: SIM905
"""Words that are values by themselves."""
BEFORE_OPERANDS = frozenset(
    "not case when distinct all exists select with asc desc by partition order top".split()  # noqa: SIM905
)
"""Words that may stand where an operand begins, and are none."""
OPENERS = frozenset({"case", "exists", "cast"})
"""Words that an operand begins with anywhere."""
AFTER_OPERANDS = frozenset(
    """
    and or in is like ilike glob between not as asc desc nulls first last when then else end over filter from where
    group having order by limit offset union intersect except all distinct join inner left right full outer cross
    natural on using select null
    """.split()  # noqa: SIM905
)
"""Words that may follow an operand, or another such word, and are no aliases."""
_READ_OTHERWISE = frozenset(
    """
    qualify final prewhere format settings straight_join unpivot pivot connect start minus match_recognize version
    options option indexed cluster distribute sort use changes
    """.split()  # noqa: SIM905
)


def no_alias(base: str) -> frozenset[str]:
    """Return the words that are no name without quotes in a dialect."""
    return RESERVED | {"mysql": RESERVED_MYSQL, "tsql": frozenset({"top"})}.get(base, frozenset())


def no_bare_alias(base: str) -> frozenset[str]:
    """Return the words that are no alias where AS is left out: sqlglot or a server reads them as something else."""
    return no_alias(base) | DROPPED | _READ_OTHERWISE | AFTER_OPERANDS
