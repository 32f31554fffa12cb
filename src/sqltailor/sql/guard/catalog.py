"""The names that a statement may use: the schema's tables and columns under a grant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from sqltailor.errors import ConfigError, Refused, did_you_mean
from sqltailor.sql.dialect.names import DATABASES_FIRST, DEFAULT_NAMESPACES, split_name
from sqltailor.sql.guard.parsing import shown
from sqltailor.types import Grant, Schema, Table

if TYPE_CHECKING:
    from sqlglot import exp


class Stored(NamedTuple):
    """A table of the schema: its columns by lower-case name, whether each is granted, and why a view is closed.

    Not `is_whole` where the grant names only columns of it: the database may have more than the schema knows.
    """

    table: Table
    columns: Mapping[str, bool]
    reason: str = ""
    is_whole: bool = True

    @property
    def denied(self) -> list[str]:
        """The columns that are not granted."""
        return [name for name, granted in self.columns.items() if not granted]

    @property
    def has_row_ids(self) -> bool:
        """Whether row ids are granted: with the key that they are in SQLite; without a key they reveal nothing."""
        keys = [c for c in self.table.columns if c.primary_key]
        if len(keys) == 1 and keys[0].type.upper() in ("INTEGER", ""):
            return self.columns[keys[0].name.lower()]
        return True


# Here quoted names keep their case and bare ones are lower-cased: "T" is another table than T.
_FOLDS_LOWER = frozenset({"postgres", "redshift", "materialize", "risingwave"})
# Names of the servers' own catalogs: prefixes of tables, and namespaces, by dialect and for all.
_SYSTEM_PREFIXES = {
    "sqlite": ("sqlite_", "pragma_", "dbstat"),
    "duckdb": ("sqlite_", "pragma_", "duckdb_", "pg_"),
    "postgres": ("pg_",),
    "redshift": ("pg_", "stl_", "stv_", "svl_", "svv_", "svcs_"),
}
_SYSTEM_NAMESPACES = {
    "sqlite": {"temp"},
    "duckdb": {"temp", "system"},
    "mysql": {"mysql", "sys"},
    "tsql": {"sys", "master", "msdb", "tempdb"},
    "oracle": {"sys", "system"},
    "clickhouse": {"system"},
}
_SYSTEM_EVERYWHERE = {"information_schema", "performance_schema", "pg_catalog", "pg_toast", "pg_temp"}


class Catalog:
    """The tables that exist, and what of them is granted: not the views in `closed`, by number, with the reason."""

    def __init__(
        self, schema: Schema, grant: Grant, dialect: str = "sqlite", closed: Mapping[int, str] = MappingProxyType({})
    ) -> None:
        self.dialect = dialect
        self.granted = {(i, column) for i, column in _granted(schema, grant) if i not in closed}
        self._by_name: dict[str, list[Stored]] = {}
        allowed = [[part.lower() for part in split_name(entry)] for entry in grant.allow]
        for i, table in enumerate(schema.tables):
            if not is_system(table.name, table.namespace, dialect):
                columns = {name: (i, name) in self.granted for name in _columns(table)}
                is_whole = not allowed or any(_matches(parts, table, "*") for parts in allowed)
                stored = Stored(table, columns, closed.get(i, ""), is_whole)
                self._by_name.setdefault(table.name.lower(), []).append(stored)
        tables = [t for found in self._by_name.values() for t in found]
        self.restricted = [t for t in tables if t.denied]
        self.starless = [t.table for t in tables if t.denied or not t.is_whole]
        self.names = [_written(t.table) for t in tables if any(t.columns.values())]
        self._needs_namespace = any(self._is_here(t.table) for t in tables)

    def find(self, node: exp.Table) -> list[Stored]:
        """Return the granted tables that a name may mean, usually one, or raise `Refused`."""
        name, written = node.name, self.written(node)
        if is_system(name, ".".join(written), self.dialect):
            raise Refused(f"{shown(_dotted(node))} is a system catalog; statements may not read it.", "policy")
        found = [t for t in self._by_name.get(name.lower(), []) if self._is_meant(t.table, node, written)]
        if not written and self._needs_namespace:
            found = [t for t in found if self._is_here(t.table)]
        if not found:
            raise Refused(f"There is no table {shown(_dotted(node))}.{did_you_mean(name, self.names)}", "policy")
        if not all(any(t.columns.values()) for t in found):
            if reason := next((t.reason for t in found if t.reason), None):
                raise Refused(reason, "policy")
            raise Refused(f"The table {shown(_dotted(node))} is not granted.{_nearest(name, self.names)}", "policy")
        return found

    def written(self, node: exp.Table) -> list[str]:
        """Return what stands before a table's name, in lower case; `db..t` leaves the namespace to its default."""
        parts = [node.catalog, node.db or (self._default or "" if node.catalog else "")]
        return [part.lower() for part in parts if part]

    @property
    def _default(self) -> str | None:
        return DEFAULT_NAMESPACES.get(self.dialect)

    def _is_here(self, table: Table) -> bool:
        """Whether a statement may name a table without its namespace."""
        return table.namespace is None or table.namespace.lower() == self._default

    def _is_meant(self, table: Table, node: exp.Table, written: list[str]) -> bool:
        own = qualifiers(table, self.dialect)
        if written and own[-len(written) :] != written:
            return False
        is_exact = self.dialect in _FOLDS_LOWER and node.this.args.get("quoted")
        return not is_exact or node.name in (table.name, table.name.lower())


def qualifiers(table: Table, dialect: str) -> list[str]:
    """Return all that may stand before a table's name, in lower case: `["catalog", "namespace"]`."""
    is_namespaced = bool(table.home) and not (dialect in DATABASES_FIRST and len(table.home) == 1)
    default = None if is_namespaced else DEFAULT_NAMESPACES.get(dialect)
    parts = [*table.home, *(table.catalog or "").split("."), table.namespace or default or ""]
    return [part.lower() for part in parts if part]


def is_system(name: str, namespace: str | None, dialect: str) -> bool:
    """Tell whether a name belongs to the server's own catalogs rather than to anyone's data."""
    if name.lower().startswith(_SYSTEM_PREFIXES.get(dialect, ())):
        return True
    system = _SYSTEM_EVERYWHERE | _SYSTEM_NAMESPACES.get(dialect, set())
    return any(part in system or part.startswith("pg_temp") for part in (namespace or "").lower().split("."))


def _columns(table: Table) -> list[str]:
    return [c.name.lower() for c in table.columns] or [""]  # a view may come without its columns


def _granted(schema: Schema, grant: Grant) -> set[tuple[int, str]]:
    everything = {(i, column) for i, table in enumerate(schema.tables) for column in _columns(table)}
    allowed = _named(schema, grant.allow) if grant.allow else everything
    return allowed - _named(schema, grant.deny)


def _named(schema: Schema, entries: Iterable[str]) -> set[tuple[int, str]]:
    """The columns that grant entries name, as (number of the table, lower-case column)."""
    named: set[tuple[int, str]] = set()
    for entry in entries:
        parts = [part.lower() for part in split_name(entry)]
        found = {
            (i, column)
            for i, table in enumerate(schema.tables)
            for column in _columns(table)
            if _matches(parts, table, column)
        }
        if not found:
            known = [n for t in schema.tables for n in (t.name, *(f"{t.name}.{c.name}" for c in t.columns))]
            raise ConfigError(
                f"The grant names '{entry}', which is not in the schema.{did_you_mean(entry, known)} "
                "Write table, table.column, namespace.table or namespace.table.column. "
                "What the database's role may not read needs no entry."
            )
        named |= found
    return named


def _matches(parts: list[str], table: Table, column: str) -> bool:
    name = table.name.lower()
    forms = [[name], [name, "*"], [name, column]]
    before: list[str] = []
    for qualifier in reversed([*table.home, *(table.catalog or "").split("."), table.namespace or ""]):
        if qualifier:
            before = [qualifier.lower(), *before]
            forms += [[*before, *form] for form in forms[:3]]
    return parts in forms


def _written(table: Table) -> str:
    return ".".join(part for part in (table.catalog, table.namespace, table.name) if part)


def _dotted(node: exp.Table) -> str:
    return ".".join(part for part in (node.catalog, node.db, node.name) if part)


def _nearest(name: str, known: list[str]) -> str:
    return did_you_mean(name, known) or (f" Granted: {', '.join(known[:10])}." if known else "")
