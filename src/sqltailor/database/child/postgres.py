"""PostgreSQL inside the child process. Only `program.py` loads it, by path; it must not import the package.

What holds a hostile statement: it is the query of a cursor, which PostgreSQL allows for SELECT and VALUES only, without
INTO and without data-modifying WITH; it goes through the extended protocol, which takes one statement; its transaction
is READ ONLY with a statement timeout, and is rolled back. What its role may call, it can call: use a role that may only
SELECT.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

CONNECT_TIMEOUT_S = 10
PLAIN_TYPES = frozenset(
    ("bool", "bytea", "float4", "float8", "int2", "int4", "int8", "name", "numeric", "oid", "bpchar", "text", "varchar")
)
"""Types that become Python values; all others stay the text that PostgreSQL writes."""

FORBIDDEN = ("42501", "25006", "25001")
"""States of what the role or the read-only transaction forbids: privilege, writing, leaving the read-only mode."""

ROLE_SQL = """
SELECT
    (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
    (SELECT rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls
        FROM pg_catalog.pg_roles WHERE rolname = current_user),
    EXISTS (
        SELECT FROM pg_catalog.pg_roles
        WHERE rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program')
        AND pg_catalog.pg_has_role(oid, 'MEMBER')
    ),
    coalesce(bool_or(pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')), false),
    coalesce(bool_or(pg_catalog.has_any_column_privilege(c.oid, 'SELECT')), false),
    current_user
FROM pg_catalog.pg_class c
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relnamespace NOT IN (
    SELECT oid FROM pg_catalog.pg_namespace WHERE nspname LIKE 'pg\\_%' OR nspname = 'information_schema'
)
"""

# PostgreSQL's grammar decides; this only gives the plainer message
_HEAD = re.compile(r"(?>(?:[\s(]+|--[^\n]*|/\*.*?\*/)*)(?:select|with|values|table)\b", re.IGNORECASE | re.DOTALL)


def _sentences(text: str) -> str:
    """Return the driver's lines as sentences, each with its full stop.

    >>> _sentences("Connection refused\\n\\tIs the server running there?")
    'Connection refused. Is the server running there?'
    """
    lines = (" ".join(line.split()) for line in text.splitlines() if line.strip())
    return " ".join(line if line[-1] in ".?!" else f"{line}." for line in lines)


class Engine:
    """A read-only session, opened again when it was lost."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._shown: str = options["shown"]
        self._arguments = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "sqltailor",
            "client_encoding": "UTF8",
        } | options["connect"]
        self._connect()
        [superuser, manages, files, writes, reads, user] = self.run(ROLE_SQL, options["timeout_s"], 1, True)[1][0]
        if not reads:
            raise OSError(f"{self._shown} has no tables that {user} may read. Next: GRANT SELECT ON … TO {user}")
        advice = "use a role that may only SELECT"
        faults = {
            "may use files of the server": files,
            "may manage roles, databases, replication or row security": manages,
            "may write": writes,
        }
        found = ["is a superuser"] if superuser else [fault for fault, is_so in faults.items() if is_so]
        self.warnings = [f"The role {user} {' and '.join(found)}: {advice}."] if found else []

    def _connect(self) -> None:
        import psycopg
        from psycopg.types.string import TextLoader

        try:
            self._connection = psycopg.connect(autocommit=True, prepare_threshold=None, **self._arguments)
        except psycopg.Error as e:
            raise OSError(
                f"{self._shown} cannot be reached: {_sentences(str(e))} Next: psql '{self._shown}' -c 'SELECT 1'"
            ) from e
        for info in psycopg.postgres.types:
            for oid, name in ((info.oid, info.name), (info.array_oid, f"{info.name}[]")):
                if oid and name not in PLAIN_TYPES:
                    self._connection.adapters.register_loader(oid, TextLoader)

    def run(self, sql: str, timeout_s: float, max_rows: int, catalog: bool) -> tuple[list[str], list[Any], bool]:
        """Run one query as the cursor of a read-only transaction that is rolled back."""
        import psycopg

        if not catalog and not _HEAD.match(sql):
            raise PermissionError("Only SELECT may run here.")
        self._connect_if_lost()
        try:
            cursor = self._fetch(sql, timeout_s, max_rows + 1)
            rows = [tuple(map(cell, row)) for row in cursor.fetchall()]
            return [c.name for c in cursor.description or ()], rows[:max_rows], len(rows) > max_rows
        except psycopg.Error as e:
            raise self._explain(e) from e
        finally:
            with contextlib.suppress(psycopg.Error):
                # the locks are the only trace in the session that a rollback leaves
                self._connection.execute("ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()")

    def _connect_if_lost(self) -> None:
        import psycopg

        try:
            self._connection.execute("BEGIN READ ONLY")
        except psycopg.OperationalError:
            self._connection.close()
            self._connect()
            self._connection.execute("BEGIN READ ONLY")

    def _fetch(self, sql: str, timeout_s: float, rows: int) -> Any:
        # in a pipeline psycopg speaks the extended protocol only, and everything takes one round trip
        with self._connection.pipeline():
            self._connection.execute(f"SET LOCAL statement_timeout = {max(round(timeout_s * 1000), 1)}")
            self._connection.execute("SET LOCAL cursor_tuple_fraction = 1")
            # the guard read the statement with backslashes as plain characters of a string
            self._connection.execute("SET LOCAL standard_conforming_strings = on")
            self._connection.execute(f"DECLARE answer NO SCROLL CURSOR FOR {sql}".encode())
            return self._connection.execute(f"FETCH FORWARD {rows} FROM answer")

    def _explain(self, e: Any) -> Exception:
        """Return the built-in exception that tells `program.py` whose fault it was."""
        state = e.sqlstate or ""
        message = "; ".join(filter(None, (e.diag.message_primary, e.diag.message_hint))) or str(e).strip()
        if state == "57014":
            return TimeoutError(message)
        if "multiple commands" in message:
            return PermissionError("Only one statement may run at a time.")
        if state in FORBIDDEN or message.startswith(("SELECT ... INTO", "DECLARE CURSOR must not")):
            return PermissionError(message)
        if state.startswith(("53", "54")) or ("memory" in message and not state):
            return MemoryError(message)
        if state.startswith(("08", "57P")) or self._connection.closed:
            return OSError(f"{self._shown} was lost: {message}. Next: run it again; the connection is opened anew.")
        return ValueError(message)


def cell(value: Any) -> Any:
    """Return a numeric as int or float; other values as they are."""
    if value.__class__.__name__ != "Decimal":
        return value
    return int(value) if value.is_finite() and value.as_tuple().exponent >= 0 else float(value)
