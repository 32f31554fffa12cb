"""Validity: does a statement parse, and do all its tables and columns exist? Decided without running it."""

from __future__ import annotations

import re

from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.sql.schema.unknown_names import unknown_names

# What SQLite, PostgreSQL, MySQL and DuckDB say of a name that does not exist.
_NO_SUCH_NAME = re.compile(
    r"no such (column|table)|(column|relation|table) \S+ does not exist|unknown column|table '.*' doesn't exist"
    r"|missing from-clause entry|referenced (column|table) .* not found|table with name .* does not exist",
    re.IGNORECASE,
)


def parse_valid(attempt: Attempt) -> float | None:
    """Return 1 when the answer holds exactly one statement that the dialect can read, else 0.

    None where the model declined, rightly or not: there is no statement to judge.
    """
    if attempt.declined is not None:
        return None
    return float(attempt.tree is not None)


def schema_valid(attempt: Attempt) -> float | None:
    """Return 1 when the answer is a statement whose tables and columns all exist, else 0; None without a schema.

    What the database has run, exists. None, too, where the model declined.
    """
    if not attempt.schema.tables or attempt.declined is not None:
        return None
    if attempt.predicted is None:
        return 0.0
    try:
        return float(missing_name(attempt) is None)
    except SQLError:
        return 0.0


def missing_name(attempt: Attempt) -> str | None:
    """Return what is wrong with the first name that does not exist, or None when all do.

    What the database has run, exists; what it calls missing, does not; else the schema decides. Raises `SQLError` for
    a statement that cannot be parsed or resolved.
    """
    from sqlglot.errors import SqlglotError

    if attempt.result is not None or attempt.predicted is None:
        return None
    if attempt.failure is not None and _NO_SUCH_NAME.search(str(attempt.failure)):
        return str(attempt.failure)
    if attempt.tree is None:
        raise attempt.unparsed or SQLError("There is no statement.")
    try:
        unknown = unknown_names(attempt.tree, attempt.schema)
    except (SqlglotError, RecursionError) as e:
        raise SQLError(f"The names of the statement cannot be resolved: {e}") from e
    return unknown[0].detail if unknown else None


def names_exist(attempt: Attempt) -> float | None:
    """Return the share of a statement's tables and columns that exist, the rest being made up; None without a schema.

    What cannot be parsed has no names to look at.
    """
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    if not attempt.schema.tables or attempt.tree is None:
        return None
    written = {(type(node), node.name.lower()) for node in attempt.tree.find_all(exp.Table, exp.Column) if node.name}
    try:
        unknown = {(one.kind, one.name.lower()) for one in unknown_names(attempt.tree, attempt.schema)}
    except (SqlglotError, RecursionError):
        return None
    return 1 - min(len(unknown) / len(written), 1.0) if written else 1.0


def executable(attempt: Attempt) -> float | None:
    """Return 1 when the statement ran and returned a result, whatever is in it, else 0; None where no gold runs."""
    if not attempt.answers or (attempt.gold_declined and attempt.declined is not None):
        return None
    return float(attempt.result is not None)
