"""Database servers: how a URL becomes connection arguments, and their schemas from their own catalogs.

Catalogs rather than a reflection library: they say which tables and columns the role may read, spell types as the
database does, and work for a role that may only SELECT (reflecting a MySQL view needs SHOW VIEW).
"""

from __future__ import annotations

import importlib.util
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sqltailor.database.catalog import read_catalog
from sqltailor.database.process import Child
from sqltailor.database.url import Location
from sqltailor.errors import require
from sqltailor.types import Schema

POSTGRES_COLUMNS = r"""
SELECT CASE WHEN NOT pg_catalog.pg_table_is_visible(c.oid) THEN n.nspname END, c.relname, n.nspname,
    c.relkind IN ('v', 'm'), pg_catalog.obj_description(c.oid, 'pg_class'), a.attname,
    pg_catalog.format_type(a.atttypid, a.atttypmod), coalesce(a.attnum = ANY (p.conkey), false),
    pg_catalog.col_description(c.oid, a.attnum)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_constraint p ON p.conrelid = c.oid AND p.contype = 'p'
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema'
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY NOT pg_catalog.pg_table_is_visible(c.oid), n.nspname, c.oid, a.attnum
"""
POSTGRES_REFERENCES = """
SELECT n.nspname, c.relname, a.attname, f.relname, b.attname
FROM pg_catalog.pg_constraint k
CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS pair (source, target)
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = pair.source
JOIN pg_catalog.pg_attribute b ON b.attrelid = f.oid AND b.attnum = pair.target
WHERE k.contype = 'f' ORDER BY k.oid
"""


def postgres_options(location: Location) -> dict[str, Any]:
    """Return what the engine in the child process needs to connect to PostgreSQL.

    libpq's own settings work as usual: PG* variables, ~/.pgpass, and its options in the URL's query.
    """
    _require("psycopg", "postgres", "PostgreSQL")
    parts = _connection_parts(location.url, database="dbname")
    return {"engine": "postgres", "connect": parts, "environment": ["HOME", "PG*"]}


def read_postgres_tables(child: Child) -> Schema:
    """Return what the role may read, its search path first, otherwise in the order of creation.

    A table outside the search path has its namespace. Partitions and the tables of extensions are left out.
    """
    return read_catalog(child, POSTGRES_COLUMNS, POSTGRES_REFERENCES)


def _require(package: str, extra: str, feature: str) -> None:
    # only the child process imports the driver
    if importlib.util.find_spec(package) is None:
        require(package, extra=extra, feature=feature)


def _connection_parts(url: str, *, database: str) -> dict[str, Any]:
    parts = urlsplit(url)
    found = {
        "host": unquote(parts.hostname or ""),
        "port": parts.port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        database: unquote(parts.path.lstrip("/")),
    }
    return {name: value for name, value in found.items() if value} | dict(parse_qsl(parts.query))
