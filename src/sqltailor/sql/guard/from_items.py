"""The items of FROM, as sources of columns: tables, results of queries, functions, and what PIVOT makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqltailor.errors import Refused
from sqltailor.sql.guard.catalog import Stored, qualifiers
from sqltailor.sql.guard.functions import TABLE_FUNCTIONS
from sqltailor.sql.guard.parsing import FUNCTIONS_OF, in_sql, shown
from sqltailor.sql.guard.scope import Output, Source

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.expressions import Expr

_TABLE_PARTS = frozenset({"this", "db", "catalog", "alias", "joins", "pivots", "sample", "hints", "ordinality", "only"})
_AFTER_TABLES = {"indexed": "INDEXED BY", "version": "Time travel (AS OF …)", "when": "Time travel (AT or BEFORE …)"}
COLUMN_LIST = "Column lists after a table alias are not allowed; rename columns in the SELECT list."
_FUNCTION_COLUMNS = {
    "json_each": "key value type atom id parent fullkey path json root",
    "json_tree": "key value type atom id parent fullkey path json root",
    "jsonb_tree": "key value type atom id parent fullkey path json root",
    "string_split": "value ordinal",
    "posexplode": "pos col key value",
    "explode": "col key value",
    "flatten": "seq key path index value this",
    "numbers": "number",
}

# Functions that sqlglot gives a class of their own, as names.
_TABLE_CLASSES = {
    "Unnest": ["unnest"],
    "Explode": ["unnest", "explode", "flatten"],
    "ExplodeOuter": ["explode_outer"],
    "_ExplodeOuter": ["explode_outer"],
    "Posexplode": ["posexplode"],
    "PosexplodeOuter": ["posexplode_outer"],
    "Inline": ["inline"],
    "GenerateSeries": ["generate_series", "range"],
    "ExplodingGenerateSeries": ["generate_series"],
    "JSONTable": ["json_table"],
    "SplitToTable": ["split_to_table"],
    "StrtokSplitToTable": ["strtok_split_to_table"],
    "Stack": ["stack"],
    "RegexpSplit": ["regexp_split_to_table"],
}


def stored(node: exp.Table, found: list[Stored], dialect: str) -> Source:
    """Return the source of a table of the database; `found` has several where a name is ambiguous."""
    if node.args.get("alias") and node.args["alias"].args.get("columns"):
        raise Refused(COLUMN_LIST, "policy")
    before = () if node.alias else tuple(qualifiers(found[0].table, dialect))
    columns = merged(table.columns for table in found)
    has_row_ids = all(table.has_row_ids for table in found)
    return Source(
        node.alias_or_name.lower(),
        columns,
        is_stored=True,
        qualifiers=before,
        has_row_ids=has_row_ids,
        is_whole=all(table.is_whole for table in found),
    )


def merged(several: Iterable[Mapping[str, bool]]) -> dict[str, bool]:
    """Return the columns of several sources together; one is granted when it is granted in each."""
    columns: dict[str, bool] = {}
    for mapping in several:
        columns |= {column: granted and columns.get(column, True) for column, granted in mapping.items()}
    return columns


def check_parts(node: exp.Table) -> None:
    """Refuse what may follow a table but is of no use to a query: PARTITION, INDEXED BY, time travel."""
    if unexpected := [part for part, value in node.args.items() if value and part not in _TABLE_PARTS]:
        what = _AFTER_TABLES.get(unexpected[0], unexpected[0].upper())
        raise Refused(f"{what} is not allowed after a table.", "policy")


def derived(node: Expr, output: Output) -> Source:
    """Return the source of a query in brackets or of a common table expression."""
    alias = node.args.get("alias")
    declared = [c.name.lower() for c in alias.args.get("columns") or ()] if alias else []
    output = output.renamed(declared)
    is_complete = output.is_complete or bool(declared)
    return Source(node.alias_or_name.lower(), dict.fromkeys(output.names, True), is_complete=is_complete)


def function(node: Expr) -> Source:
    """Return the source of a function in FROM: `json_each(…)`, `unnest(…)`, LATERAL VIEW."""
    from sqlglot import exp

    if isinstance(node, exp.Table):
        check_parts(node)
        if node.text("db").lower() not in ("", "pg_catalog"):
            raise Refused(FUNCTIONS_OF.format(shown(node.text("db"))), "policy")
    call: Any = node if isinstance(node, exp.Unnest) else node.this
    names = [call.name.lower()] if isinstance(call, exp.Anonymous) else _TABLE_CLASSES.get(type(call).__name__, [])
    if not TABLE_FUNCTIONS.issuperset(names) or not names:
        what = shown(call.name) if isinstance(call, exp.Anonymous) else in_sql(call)
        raise Refused(f"The function {what} cannot be used as a table.", "policy")
    alias = node.args.get("alias")
    columns = [c.name.lower() for c in alias.args.get("columns") or ()] if alias else []
    columns += [c.name.lower() for c in call.find_all(exp.JSONColumnDef) if c.name]
    columns += [call.args["offset"].name.lower()] if isinstance(call.args.get("offset"), exp.Identifier) else []
    if not columns:
        columns = " ".join(_FUNCTION_COLUMNS.get(name, "key value") for name in names).split()
    name = node.alias.lower() or names[0]
    return Source(name, dict.fromkeys([*columns, name, *names, "ordinality"], True))


def pivoted(node: Expr, source: Source) -> Source:
    """Return the source after PIVOT, whose columns depend on the data; only of tables whose columns are all known."""
    from sqlglot import exp

    pivots = node.args["pivots"]
    if source.is_stored or any(pivot.find(exp.Query) for pivot in pivots):
        raise Refused("PIVOT works only on a subquery that lists its columns, not directly on a table.", "policy")
    return Source((pivots[-1].alias or source.name).lower(), {}, is_complete=False, is_pivot=True)
