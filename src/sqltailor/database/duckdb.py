"""DuckDB files: how they are opened, and their schema."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import Any

from sqltailor.database.catalog_rows import read_catalog
from sqltailor.database.process import Child
from sqltailor.database.table_states import TableState, of_files
from sqltailor.database.url import Location
from sqltailor.errors import require
from sqltailor.sql.schema.views import view_query
from sqltailor.types import Schema

COLUMNS = """
WITH keys AS (
    SELECT schema_name, table_name, unnest(constraint_column_names) AS column_name
    FROM duckdb_constraints() WHERE constraint_type = 'PRIMARY KEY' AND database_name = current_database()
), objects AS (
    SELECT schema_name, table_name, table_oid, false AS is_view, comment, NULL AS query
    FROM duckdb_tables() WHERE NOT internal AND database_name = current_database()
    UNION ALL
    SELECT schema_name, view_name, view_oid, true, comment, sql
    FROM duckdb_views() WHERE NOT internal AND database_name = current_database()
)
SELECT CASE WHEN o.schema_name <> current_schema() THEN o.schema_name END, o.table_name, o.schema_name, o.is_view,
    o.comment, c.column_name, c.data_type, k.column_name IS NOT NULL, c.comment, o.query
FROM objects o
JOIN duckdb_columns() c USING (schema_name, table_name)
LEFT JOIN keys k USING (schema_name, table_name, column_name)
WHERE c.database_name = current_database()
ORDER BY o.schema_name <> current_schema(), o.schema_name, o.is_view, o.table_oid, c.column_index
"""
REFERENCES = """
SELECT schema_name, table_name, unnest(constraint_column_names),
    CASE WHEN schema_name <> current_schema() THEN schema_name END, referenced_table, unnest(referenced_column_names)
FROM duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY' AND database_name = current_database()
"""


def options(location: Location) -> dict[str, Any]:
    """Return what the engine in the child process needs to open the file."""
    if importlib.util.find_spec("duckdb") is None:
        # only the child process imports the driver
        require("duckdb", extra="duckdb", feature="DuckDB")
    return {"engine": "duckdb", "path": str(location.path)}


def table_states(child: Child, location: Location) -> TableState:
    """Return the state of the file: DuckDB does not know which of its tables changed."""
    assert location.path is not None
    return of_files(location.path, location.path.with_name(f"{location.path.name}.wal"))


def read_tables(child: Child) -> Schema:
    """Return the tables, then the views; those outside the schema `main` have a namespace."""
    schema = read_catalog(child, COLUMNS, REFERENCES)
    return Schema(tuple(replace(t, query=view_query(t.query, "duckdb") if t.query else None) for t in schema.tables))
