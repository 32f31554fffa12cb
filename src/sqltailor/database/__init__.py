"""One way to open any database read-only, read its schema, and run one statement with limits.

    with open_database("sqlite:///shop.db") as database:
        schema = database.read_schema(samples=3)
        result = database.run("SELECT count(*) FROM customer")

Every statement runs in a child process (`child/program.py`) with capped memory, is ended when its time is up, and
returns a capped number of rows. The statement's text is not judged here: that is `sql.guard.check`, and both are
meant to be used.

What each database enforces by itself:

- SQLite: reading user tables and known functions, nothing else (`child/sqlite.py`).
- DuckDB: one SELECT on user tables, without files, network and extensions (`child/duckdb.py`).
- PostgreSQL: one query without effects, in a read-only transaction that is rolled back (`child/postgres.py`).
- MySQL and MariaDB: the same, with less help of the server: text rules for files and comments (`child/mysql.py`).
- Warehouses: nothing; their schema is read, and statements run only where that is accepted (`child/warehouse.py`).

Not protected: a database server's own functions with side effects, where its role may call them (use a role that may
only SELECT; `Database.warnings` tells), and faults of the driver's or the database's own code. Linux and macOS; the
memory cap of the process needs Linux.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from sqltailor.database.personal import looks_personal
from sqltailor.database.process import Child
from sqltailor.database.samples import with_samples
from sqltailor.database.table_states import TableState
from sqltailor.database.url import DIALECTS, WAREHOUSES, Kind, Location, dialect_of, is_warehouse, locate
from sqltailor.errors import DataError, SQLError
from sqltailor.sql.dialect.names import split_name
from sqltailor.types import Grant, QueryResult, Schema

__all__ = ["Database", "dialect_of", "is_warehouse", "looks_personal", "open_database"]

MIB = 1 << 20


class Backend(NamedTuple):
    """What a kind of database offers: options for its engine in the child process, its tables, and their states."""

    options: Callable[[Location], dict[str, Any]]
    read_tables: Callable[[Child], Schema]
    table_states: Callable[[Child, Location], TableState]


def _sqlite() -> Backend:
    from sqltailor.database import sqlite

    return Backend(sqlite.options, sqlite.read_tables, sqlite.table_states)


def _duckdb() -> Backend:
    from sqltailor.database import duckdb

    return Backend(duckdb.options, duckdb.read_tables, duckdb.table_states)


def _postgres() -> Backend:
    from sqltailor.database import server

    return Backend(server.postgres_options, server.read_postgres_tables, server.postgres_table_states)


def _mysql() -> Backend:
    from sqltailor.database import server

    return Backend(server.mysql_options, server.read_mysql_tables, server.mysql_table_states)


def _warehouse() -> Backend:
    from sqltailor.database import warehouse

    return Backend(warehouse.options, warehouse.read_tables, warehouse.table_states)


BACKENDS: dict[Kind, Callable[[], Backend]] = {
    "sqlite": _sqlite,
    "duckdb": _duckdb,
    "postgresql": _postgres,
    "mysql": _mysql,
    "mariadb": _mysql,
    **dict.fromkeys(WAREHOUSES, _warehouse),
}


class Database:
    """An open database. A context manager; calls from several threads wait for each other.

    `url_shown` is its URL without the password, `place` the same or a file's whole path; `warnings` says what its role
    may do that it should not.
    """

    def __init__(self, location: Location, backend: Backend, child: Child, *, timeout_s: float, max_rows: int) -> None:
        self.dialect = DIALECTS[location.kind]
        self.url_shown = location.shown
        self.place = str(location.path or location.shown)
        self._location = location
        self._backend = backend
        self._child = child
        self._timeout_s = timeout_s
        self._max_rows = max_rows

    @property
    def warnings(self) -> tuple[str, ...]:
        return self._child.warnings

    def run(
        self,
        sql: str,
        *,
        timeout_s: float | None = None,
        max_rows: int | None = None,
        indexed: bool = False,
        exact: bool = False,
    ) -> QueryResult:
        """Run one SELECT and return its first `max_rows` rows.

        `indexed` is for many statements whose tables lack indexes: of a small SQLite file a copy in memory is read,
        indexed and as old as the first such call; other databases run it as always.

        Text that is not UTF-8 is decoded with replacement characters; with `exact`, for comparisons, each such byte
        is a lone surrogate, so that different texts stay different. Raises `SQLError` with the database's message,
        `Timeout`, `Refused` (layer `role` for what may not be done, `limits` for memory and size), and `DataError`
        when the database itself cannot be read.
        """
        return self._child.request(
            sql,
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
            max_rows=self._max_rows if max_rows is None else max_rows,
            **self._asked(indexed=indexed, exact=exact),
        )

    def run_all(
        self, statements: Sequence[str], *, timeout_s: float, max_rows: int, indexed: bool = False
    ) -> list[QueryResult | SQLError]:
        """Return for each statement what `run` returns, or the `SQLError` that it raises; faster than one by one.

        Each has the whole time limit. Raises `DataError`.
        """
        asked = [(sql, max_rows) for sql in statements]
        found = self._child.request_all(asked, timeout_s=timeout_s, **self._asked(indexed=indexed))
        return [came if isinstance(came, SQLError) else came.result() for came in found]

    def _asked(self, **wanted: bool) -> dict[str, bool]:
        """Return what the engine is asked besides, where it knows that."""
        return {name: True for name, is_wanted in wanted.items() if is_wanted and self.dialect == "sqlite"}

    def read_schema(self, samples: int = 0, personal: bool = False, *, namespaces: Collection[str] = ()) -> Schema:
        """Return tables, views, columns, types, keys and comments that the role can see.

        With `samples`, up to that many stored values a column, most frequent first; columns that `looks_personal`
        recognises have none unless `personal`. With `namespaces`, only those beside the tables that need none.
        Raises `DataError` when there is no table.
        """
        schema = self._backend.read_tables(self._child)
        if namespaces:
            schema = Schema(tuple(t for t in schema.tables if t.namespace is None or t.namespace in namespaces))
        if not schema.tables:
            raise DataError(f"{self.url_shown} has no tables that its role may read.")
        if samples:
            return with_samples(schema, self.run, self.dialect, count=samples, personal=personal)
        return schema

    def table_states(self) -> TableState:
        """Return what says whether a table has changed: its state now, or None where that cannot be known."""
        return self._backend.table_states(self._child, self._location)

    def close(self) -> None:
        """End the connection and its process."""
        self._child.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_database(
    url: str,
    *,
    timeout_s: float = 30.0,
    max_rows: int = 10_000,
    max_bytes: int = 256 * MIB,
    grant: Grant = Grant(),  # noqa: B008
    unprotected: bool = False,
) -> Database:
    """Connect read-only to `sqlite:///…`, `duckdb:///…`, `postgresql://…`, `mysql://…`, or the path of a file.

    A warehouse (`snowflake://…` and others, `url.WAREHOUSES`) has no read-only session: `run` refuses every statement
    there unless `unprotected`.

    `timeout_s` and `max_rows` are the defaults of each statement. `max_bytes` is the memory that one statement may
    take; its result may take an eighth of it, as JSON. What `grant` denies, SQLite does not read either, except
    through views that it allows; other databases leave grants to the guard and their roles. Raises `DataError`
    when the database cannot be reached or read or has no tables, `MissingExtra` when its driver is not installed.
    """
    location = locate(url)
    backend = BACKENDS[location.kind]()
    limits = {"shown": location.shown, "secrets": location.secrets, "timeout_s": timeout_s, "max_bytes": max_bytes}
    limits |= {
        "unprotected": unprotected,
        "allow": [*map(split_name, grant.allow)],
        "deny": [*map(split_name, grant.deny)],
    }
    child = Child(backend.options(location) | limits)
    child.start()
    return Database(location, backend, child, timeout_s=timeout_s, max_rows=max_rows)
