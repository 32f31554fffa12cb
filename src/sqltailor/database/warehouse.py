"""Warehouses through SQLAlchemy: the schema by its inspector."""

from __future__ import annotations

import importlib.util
from typing import Any

from sqltailor.database.catalog_rows import read_catalog
from sqltailor.database.process import Child
from sqltailor.database.table_states import TableState, unknown_state
from sqltailor.database.url import Location
from sqltailor.errors import require
from sqltailor.types import Schema

ENVIRONMENT = ["HOME", "GOOGLE_*", "AWS_*", "SNOWFLAKE_*", "DATABRICKS_*", "ODBC*", "HTTPS_PROXY", "SSL_CERT_*"]
"""Variables in which drivers look for credentials and settings."""


def options(location: Location) -> dict[str, Any]:
    """Return what the engine in the child process needs to connect."""
    if importlib.util.find_spec("sqlalchemy") is None:
        # only the child process imports it
        require("sqlalchemy", extra="warehouse", feature=f"A {location.kind} database")
    return {"engine": "warehouse", "url": location.url, "kind": location.kind, "environment": ENVIRONMENT}


def read_tables(child: Child) -> Schema:
    """Return the tables and views of the schema that the URL chooses, by name."""
    return read_catalog(child, "columns", "references")


def table_states(child: Child, location: Location) -> TableState:
    """Return no states: warehouses have no common way to tell whether a table has changed."""
    return unknown_state
