"""A few stored values of each column, for prompts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqltailor.database.personal import looks_personal
from sqltailor.errors import SQLError, Timeout
from sqltailor.sql.dialect import quote_name
from sqltailor.sql.schema import qualified_name
from sqltailor.types import Cell, Column, QueryResult, Schema, Table

SCANNED_ROWS = 10_000
LONGEST_VALUE = 40
CHECKED_VALUES = 50
TIMEOUT_S = 1.0


def with_samples(
    schema: Schema, run: Callable[..., QueryResult], dialect: str, *, count: int, personal: bool
) -> Schema:
    """Return the schema with up to `count` sample values a column: the most frequent of the first 10,000 rows.

    Nulls, bytes and values longer than 40 characters are left out, and, unless `personal`, columns that look personal.
    A column that cannot be grouped has none; a table that is too slow (1 s a column) has none from there on.
    `run` is `Database.run`.
    """

    def frequent(table: Table, column: Column) -> list[Cell]:
        rows = run(_statement(table, column, dialect), timeout_s=TIMEOUT_S).rows
        return [row[0] for row in rows if not isinstance(row[0], bytes)]

    def sampled(table: Table) -> Table:
        columns = list(table.columns)
        for i, column in enumerate(columns):
            name = f"{table.name}.{column.name}"
            if not personal and looks_personal(name):
                continue
            try:
                values = frequent(table, column)
            except Timeout:
                break
            except SQLError:
                continue
            if personal or not looks_personal(name, values):
                columns[i] = replace(column, samples=tuple(values[:count]))
        return replace(table, columns=tuple(columns))

    return Schema(tuple(map(sampled, schema.tables)))


def _statement(table: Table, column: Column, dialect: str) -> str:
    text = "CHAR" if dialect == "mysql" else "VARCHAR"
    name, place = quote_name(column.name, dialect), qualified_name(table, dialect)
    return (
        f"SELECT v FROM (SELECT {name} AS v FROM {place} LIMIT {SCANNED_ROWS}) AS scanned "
        f"WHERE v IS NOT NULL AND length(CAST(v AS {text})) <= {LONGEST_VALUE} "
        f"GROUP BY v ORDER BY count(*) DESC, v LIMIT {CHECKED_VALUES}"
    )
