"""Validity: does a statement parse, and does it name only tables and columns that exist? Judged without running it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqltailor.dialect import load_dialect, parse
from sqltailor.errors import SQLError
from sqltailor.metrics.attempt import Attempt
from sqltailor.schema import find_table
from sqltailor.types import Schema

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.schema import MappingSchema

# Columns that every table has although no schema lists them.
HIDDEN_COLUMNS = {
    "sqlite": ("rowid", "oid", "_rowid_"),
    "postgres": ("ctid", "xmin", "xmax", "tableoid"),
    "duckdb": ("rowid",),
}
DEFAULT_NAMESPACES = frozenset({"main", "public"})
"""What a statement may write before a table whose schema names no namespace."""


def parse_valid(attempt: Attempt) -> float | None:
    """Return 1 when the answer holds exactly one statement that the dialect can read, else 0.

    None where declining is right and the model did: there is no statement to judge.
    """
    if attempt.gold_declined and attempt.declined is not None:
        return None
    if attempt.predicted is None:
        return 0.0
    try:
        parse(attempt.predicted, attempt.dialect)
    except SQLError:
        return 0.0
    return 1.0


def schema_valid(attempt: Attempt) -> float | None:
    """Return 1 when the answer is a statement whose tables and columns all exist, else 0; None without a schema.

    What the database has run, exists.
    """
    if not attempt.schema.tables or (attempt.gold_declined and attempt.declined is not None):
        return None
    if attempt.predicted is None:
        return 0.0
    try:
        return float(missing_name(attempt) is None)
    except SQLError:
        return 0.0


# What SQLite, PostgreSQL, MySQL and DuckDB say of a name that does not exist.
_NO_SUCH_NAME = re.compile(
    r"no such (column|table)|(column|relation|table) \S+ does not exist|unknown column|table '.*' doesn't exist"
    r"|missing from-clause entry|referenced (column|table) .* not found|table with name .* does not exist",
    re.IGNORECASE,
)


def missing_name(attempt: Attempt) -> str | None:
    """Return what is wrong with the first name that does not exist, or None when all do.

    What the database has run, exists; what it calls missing, does not; else the schema decides. Raises `SQLError` for
    a statement that cannot be parsed or resolved.
    """
    if attempt.result is not None or attempt.predicted is None:
        return None
    if attempt.failure is not None and _NO_SUCH_NAME.search(str(attempt.failure)):
        return str(attempt.failure)
    return unknown_name(attempt.predicted, attempt.schema, attempt.dialect)


def unknown_name(sql: str, schema: Schema, dialect: str = "sqlite") -> str | None:
    """Return what is wrong with the first name that does not exist, or None when all do.

    Names are resolved with scopes: common table expressions, subqueries, aliases and outer columns count. Tables of
    equal name in several namespaces are taken together. Raises `SQLError` for what cannot be parsed or resolved.

    >>> from sqltailor.schema import from_ddl
    >>> unknown_name("SELECT nme FROM t", from_ddl("CREATE TABLE t (name TEXT)"))
    "Column 'nme' does not exist."
    """
    base = load_dialect(dialect).base
    tree = parse(sql, dialect).copy()
    return _unknown_table(tree, schema, base) or _unknown_column(tree, schema, base, sql)


def _unknown_table(tree: exp.Expression, schema: Schema, base: str) -> str | None:
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    own = {
        id(source): source for scope in traverse_scope(tree) for source in scope.sources.values()
        if isinstance(source, exp.Table)
    }  # fmt: skip
    for table in own.values():
        if not isinstance(table.this, exp.Identifier):  # a function that returns a table
            continue
        found = find_table(schema, table.name, table.db or None)
        if found is None and table.db.lower() in DEFAULT_NAMESPACES:
            found = find_table(schema, table.name, "")
        exact = base != "postgres" or found is None or found.name == _folded(table.this)
        if found is None or not exact:
            return f"Table '{table.db + '.' if table.db else ''}{table.name}' does not exist."
    return None


def _folded(identifier: exp.Identifier) -> str:
    return identifier.name if identifier.args.get("quoted") else identifier.name.lower()


def _unknown_column(tree: exp.Expression, schema: Schema, base: str, sql: str) -> str | None:
    """Let sqlglot give every column its table, as its optimizer needs; a column without one does not exist."""
    from sqlglot import exp
    from sqlglot.errors import OptimizeError, SqlglotError
    from sqlglot.optimizer.qualify import qualify

    exact = base == "postgres"
    for identifier in () if exact else tree.find_all(exp.Identifier):
        identifier.set("this", identifier.this.lower())
    for table in tree.find_all(exp.Table):
        table.set("db", None)
        table.set("catalog", None)
    try:
        qualify(tree, schema=_mapping(schema, base, exact=exact), dialect=base, identify=False)
    except OptimizeError as e:
        return _sentence(str(e), sql)
    except (SqlglotError, RecursionError, AttributeError, TypeError, ValueError, KeyError, IndexError) as e:
        # sqlglot lets a few plain exceptions escape on odd statements; all of them mean "cannot be resolved".
        raise SQLError(f"The names of the statement cannot be resolved: {type(e).__name__}.") from e
    return None


def _mapping(schema: Schema, base: str, *, exact: bool) -> MappingSchema:
    from sqlglot.schema import MappingSchema

    tables: dict[str, Any] = {}
    for table in schema.tables:
        columns = [*(c.name for c in table.columns), *HIDDEN_COLUMNS.get(base, ())]
        name = table.name if exact else table.name.lower()
        # The types only tell columns apart from stars; TEXT is one that every dialect can read.
        tables.setdefault(name, {}).update({c if exact else c.lower(): "TEXT" for c in columns})
    return MappingSchema(tables, dialect=base, normalize=not exact)


def _sentence(message: str, sql: str) -> str:
    """Return sqlglot's message as ours, with the name as the statement writes it."""
    first = message.split(" Line: ")[0].split("\n")[0]
    found = re.match(r"Column '(?:.*\.)?(.+)' could not be resolved|Unknown (column|table): (.+)", first)
    if found is None:
        return first if first.endswith(".") else f"{first}."
    kind, name = (found[2] or "column").capitalize(), (found[1] or found[3]).strip("'\". ")
    written = re.search(re.escape(name), sql, re.IGNORECASE)
    return f"{kind} '{written.group() if written else name}' does not exist."
