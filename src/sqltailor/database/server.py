"""Database servers: how a URL becomes connection arguments, and their schemas from their own catalogs.

Catalogs rather than a reflection library: they say which tables and columns the role may read, spell types as the
database does, and work for a role that may only SELECT (reflecting a MySQL view needs SHOW VIEW).
"""

from __future__ import annotations

import importlib.util
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sqltailor.database.catalog_rows import read_catalog
from sqltailor.database.process import Child
from sqltailor.database.table_states import TableState, of_catalog, unknown_state
from sqltailor.database.url import Location
from sqltailor.errors import DataError, require, unknown
from sqltailor.types import Schema

POSTGRES_COLUMNS = r"""
SELECT CASE WHEN NOT pg_catalog.pg_table_is_visible(c.oid) THEN n.nspname END, c.relname, n.nspname,
    c.relkind IN ('v', 'm'), pg_catalog.obj_description(c.oid, 'pg_class'), a.attname,
    pg_catalog.format_type(a.atttypid, a.atttypmod), coalesce(a.attnum = ANY (p.conkey), false),
    nullif(concat_ws('; ', pg_catalog.col_description(c.oid, a.attnum), (
        SELECT 'one of ' || string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
        FROM pg_catalog.pg_enum e WHERE e.enumtypid = a.atttypid HAVING count(*) BETWEEN 1 AND 30
    )), ''),
    CASE WHEN c.relkind IN ('v', 'm') THEN rtrim(pg_catalog.pg_get_viewdef(c.oid), '; ') END
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
SELECT n.nspname, c.relname, a.attname,
    CASE WHEN NOT pg_catalog.pg_table_is_visible(f.oid) OR EXISTS (
        SELECT FROM pg_catalog.pg_class o
        WHERE o.relnamespace = c.relnamespace AND o.relname = f.relname AND o.oid <> f.oid
    ) THEN m.nspname END,
    f.relname, b.attname
FROM pg_catalog.pg_constraint k
CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS pair (source, target)
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class f ON f.oid = k.confrelid
JOIN pg_catalog.pg_namespace m ON m.oid = f.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = pair.source
JOIN pg_catalog.pg_attribute b ON b.attrelid = f.oid AND b.attnum = pair.target
WHERE k.contype = 'f' ORDER BY k.oid
"""

POSTGRES_STATES = r"""
SELECT n.nspname, c.relname, concat_ws(' ', c.oid, c.relfilenode, pg_catalog.pg_stat_get_tuples_inserted(c.oid),
    pg_catalog.pg_stat_get_tuples_updated(c.oid), pg_catalog.pg_stat_get_tuples_deleted(c.oid),
    pg_catalog.pg_stat_get_db_stat_reset_time(d.oid), b.stats_reset, pg_catalog.pg_postmaster_start_time())
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_database d ON d.datname = current_database()
CROSS JOIN pg_catalog.pg_stat_bgwriter b
WHERE c.relkind IN ('r', 'm') AND NOT c.relhassubclass AND NOT c.relrowsecurity
    AND current_setting('track_counts') = 'on' AND NOT pg_catalog.pg_is_in_recovery()
"""
"""Counts of changed rows are of all since the server's statistics began. Left out: what other tables hold (views,
partitions), what depends on the role, and copies of a server, which do not count."""


def postgres_options(location: Location) -> dict[str, Any]:
    """Return what the engine in the child process needs to connect to PostgreSQL.

    libpq's own settings work as usual: PG* variables, ~/.pgpass, and its options in the URL's query.
    """
    _require("psycopg", "postgres", "PostgreSQL")
    parts = _connection_parts(location.url, database="dbname")
    return {"engine": "postgres", "connect": parts, "environment": ["HOME", "PG*"]}


def read_postgres_tables(child: Child) -> Schema:
    """Return what the role may read, its search path first, otherwise in the order of creation.

    A table outside the search path has its namespace. Partitions and the tables of extensions are left out. A column
    of an enum has its values in its comment.
    """
    return read_catalog(child, POSTGRES_COLUMNS, POSTGRES_REFERENCES)


def postgres_table_states(child: Child, location: Location) -> TableState:
    """Return the states of tables that hold their rows themselves; a change counts some seconds after its commit."""
    return of_catalog(child, POSTGRES_STATES)


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


MYSQL_COLUMNS = """
SELECT NULL, t.table_name, t.table_schema, t.table_type LIKE '%VIEW%',
    CASE WHEN t.table_type NOT LIKE '%VIEW%' THEN t.table_comment END,
    c.column_name, c.column_type, c.column_key = 'PRI', c.column_comment,
    REPLACE(v.view_definition, CONCAT('`', DATABASE(), '`.'), '')
FROM information_schema.tables t
JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
LEFT JOIN information_schema.views v ON v.table_schema = t.table_schema AND v.table_name = t.table_name
WHERE t.table_schema = DATABASE() AND c.privileges LIKE '%select%'
ORDER BY t.table_type LIKE '%VIEW%', t.table_name, c.ordinal_position
"""
MYSQL_REFERENCES = """
SELECT table_schema, table_name, column_name, NULL, referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage
WHERE table_schema = DATABASE() AND referenced_table_schema = DATABASE() AND referenced_column_name IS NOT NULL
ORDER BY constraint_name, ordinal_position
"""
MYSQL_OPTIONS = (
    *("charset", "connect_timeout", "unix_socket", "ssl_ca", "ssl_cert", "ssl_disabled", "ssl_key", "ssl_key_password"),
    *("ssl_verify_cert", "ssl_verify_identity"),
)
_SWITCHES: dict[str, Any] = {"true": True, "false": False}


def mysql_options(location: Location) -> dict[str, Any]:
    """Return what the engine in the child process needs to connect to MySQL or MariaDB.

    Of the URL's query, `MYSQL_OPTIONS` are known; others could run statements or send files.
    """
    _require("pymysql", "mysql", "MySQL")
    parts = _connection_parts(location.url, database="database")
    query = dict(parse_qsl(urlsplit(location.url).query))
    for name in query:
        if name not in MYSQL_OPTIONS:
            raise DataError(unknown("URL option", name, MYSQL_OPTIONS))
    typed = {name: _SWITCHES.get(value.lower(), value) for name, value in query.items()}
    if "connect_timeout" in query:
        try:
            typed["connect_timeout"] = int(query["connect_timeout"])
        except ValueError:
            raise DataError(f"connect_timeout is '{query['connect_timeout']}', not a number of seconds.") from None
    return {"engine": "mysql", "connect": parts | typed}


def read_mysql_tables(child: Child) -> Schema:
    """Return the tables, then the views, of the URL's database that the role may read, by name."""
    return read_catalog(child, MYSQL_COLUMNS, MYSQL_REFERENCES)


def mysql_table_states(child: Child, location: Location) -> TableState:
    """Return no states: the server's time of a table's last change does not tell TRUNCATE, and is lost at its end."""
    return unknown_state
