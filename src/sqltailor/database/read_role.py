"""The SQL that makes a role of a database server which may read what is granted, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from sqltailor.sql.dialect.names import DEFAULT_NAMESPACES, always_quoted, quote_name
from sqltailor.types import Schema, Table

ROLE = "sqltailor_reader"
PASSWORD = "choose-a-password"


def read_role(schema: Schema, granted: Schema, dialect: str, *, database: str) -> list[str]:
    """Return statements for an administrator of PostgreSQL, MySQL or MariaDB; none for other dialects.

    `granted` is the part of `schema` that the role may read: of a table with fewer columns there, only these columns.
    The password is a placeholder.
    """
    if dialect == "postgres":
        return list(_postgres(schema, granted, database))
    if dialect == "mysql":
        return list(_mysql(schema, granted, database))
    return []


def _postgres(schema: Schema, granted: Schema, database: str) -> Iterator[str]:
    namespaces = dict.fromkeys(table.namespace or DEFAULT_NAMESPACES["postgres"] for table in granted.tables)
    yield (
        f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
    )
    yield f"ALTER ROLE {ROLE} SET default_transaction_read_only = on"
    yield f"GRANT CONNECT ON DATABASE {always_quoted(database, 'postgres')} TO {ROLE}"
    for namespace in namespaces:
        yield f"GRANT USAGE ON SCHEMA {quote_name(namespace, 'postgres')} TO {ROLE}"
    for table in granted.tables:
        columns = _columns(schema, table, "postgres")
        yield f"GRANT SELECT{columns} ON {_place(table.namespace, table.name, 'postgres')} TO {ROLE}"


def _mysql(schema: Schema, granted: Schema, database: str) -> Iterator[str]:
    account = f"'{ROLE}'@'%'"
    yield f"CREATE USER {account} IDENTIFIED BY '{PASSWORD}'"
    for table in granted.tables:
        columns = _columns(schema, table, "mysql")
        # the guard judges a view by its query
        more = ", SHOW VIEW" if table.is_view else ""
        place = f"{always_quoted(database, 'mysql')}.{always_quoted(table.name, 'mysql')}"
        yield f"GRANT SELECT{columns}{more} ON {place} TO {account}"


def _place(namespace: str | None, name: str, dialect: str) -> str:
    parts = (namespace, name) if namespace else (name,)
    return ".".join(quote_name(part, dialect) for part in parts)


def _columns(schema: Schema, table: Table, dialect: str) -> str:
    """Return the columns in brackets where not the whole table is granted."""
    whole = next(t for t in schema.tables if (t.namespace, t.name) == (table.namespace, table.name))
    if len(whole.columns) == len(table.columns):
        return ""
    return f" ({', '.join(quote_name(column.name, dialect) for column in table.columns)})"
