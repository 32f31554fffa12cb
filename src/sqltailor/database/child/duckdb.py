"""DuckDB inside the child process. Only `program.py` loads it, by path; it must not import the package.

What holds a hostile statement: a read-only connection without access to files, network and extensions, whose settings
are locked; DuckDB's own parser (`json_serialize_sql`), which takes SELECT only and whose tree is searched for table
functions that are not in `TABLE_FUNCTIONS`, for system tables and for `DENIED_FUNCTIONS`; a memory limit, and the cap
of the process for what DuckDB does not count; `interrupt` from a timer for the time limit.
"""

from __future__ import annotations

import decimal
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

TABLE_FUNCTIONS = frozenset(("unnest", "range", "generate_series", "repeat", "json_each", "json_tree"))
DENIED_FUNCTIONS = frozenset(
    (
        *("nextval", "setval", "setseed", "sleep_ms", "pg_sleep", "write_log"),
        *(
            "currval",
            "current_query",
            "current_setting",
            "getvariable",
            "json_serialize_plan",
            "txid_current",
            "version",
        ),
    )
)
"""Scalar functions with effects or with news about the server; the others only compute."""

PLAIN_TYPE = re.compile(
    r'BOOLEAN|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)|VARCHAR|JSON|BLOB|"NULL"'
)
"""Types that become Python values; all others are cast to the text that DuckDB writes."""

CONFIG = {
    "allow_community_extensions": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "temp_directory": "",
    "threads": "1",
}
USER_TABLES = """
SELECT
    EXISTS (FROM duckdb_tables() WHERE NOT internal) OR EXISTS (FROM duckdb_views() WHERE NOT internal),
    (SELECT list(lower(view_name)) FROM duckdb_views() WHERE internal),
    (SELECT list(function_name) FROM duckdb_functions() WHERE function_type = 'table_macro' AND NOT internal)
"""


class Engine:
    """A read-only connection to one file."""

    def __init__(self, options: dict[str, Any]) -> None:
        import duckdb

        self.warnings: list[str] = []
        self._path: str = options["path"]
        config = CONFIG | {"memory_limit": f"{options['max_bytes']}B"}
        try:
            self._connection = duckdb.connect(self._path, read_only=True, config=config)
            self._connection.execute("SET lock_configuration = true")
            tables, system, macros = self._connection.execute(USER_TABLES).fetchall()[0]
        except duckdb.Error as e:
            raise OSError(_cannot_open(self._path, str(e))) from e
        if not tables:
            raise OSError(f"{self._path} has no tables. Next: duckdb {self._path} < schema.sql")
        self._alarm = Alarm(self._connection.interrupt)
        self._system_tables = frozenset(system)
        self._table_functions = TABLE_FUNCTIONS.union(macros or ())

    def run(self, sql: str, timeout_s: float, max_rows: int, catalog: bool) -> tuple[list[str], list[Any], bool]:
        """Run one SELECT. `catalog`: our own statement on system tables."""
        import duckdb

        self._alarm.set(timeout_s)
        try:
            names, text = self._checked(sql) if not catalog else (None, sql)
            cursor = self._connection.execute(text)
            rows = cursor.fetchmany(max_rows + 1)
            names = names or [c[0] for c in cursor.description]
            return names, [tuple(map(cell, row)) for row in rows[:max_rows]], len(rows) > max_rows
        except duckdb.Error as e:
            raise self._explain(e) from e
        finally:
            self._alarm.clear()

    def _checked(self, sql: str) -> tuple[list[str], str]:
        """Return the column names and the text to run, or raise unless `sql` is one SELECT on user tables only."""
        serialized = self._connection.execute("SELECT json_serialize_sql($1)", [sql]).fetchall()[0][0]
        tree = json.loads(serialized)
        if tree.get("error"):
            if tree.get("error_type") == "parser":
                raise ValueError(tree["error_message"])
            raise PermissionError("Only SELECT may run here.")
        if len(tree["statements"]) != 1:
            raise PermissionError("Exactly one statement may run.")
        for node in _nodes(tree["statements"][0]):
            if fault := self._fault(node):
                raise PermissionError(f"{fault} is not allowed.")
        columns = self._connection.execute(f"DESCRIBE {sql}").fetchall()
        names = [column[0] for column in columns]
        if all(PLAIN_TYPE.fullmatch(column[1]) for column in columns):
            return names, sql
        # the driver has no value for an infinite date, and needs further packages for time zones
        plain = self._connection.execute("SELECT json_deserialize_sql($1)", [serialized]).fetchall()[0][0]
        casts = (
            f"#{i}" if PLAIN_TYPE.fullmatch(column[1]) else f"CAST(#{i} AS VARCHAR)"
            for i, column in enumerate(columns, 1)
        )
        return names, f"SELECT {', '.join(casts)} FROM ({plain}) AS answer"

    def _fault(self, node: dict[str, Any]) -> str | None:
        kind = node.get("type")
        if kind == "TABLE_FUNCTION":
            name = str(node["function"].get("function_name", "")).lower()
            return None if name in self._table_functions else f"The table function {name}"
        if kind == "SHOW_REF":
            return "SHOW or DESCRIBE"
        if kind == "BASE_TABLE":
            name, space = str(node["table_name"]).lower(), str(node["schema_name"]).lower()
            is_system = name in self._system_tables or space in ("information_schema", "pg_catalog")
            return f"The system table {name}" if is_system else None
        if kind == "FUNCTION" and str(node.get("function_name", "")).lower() in DENIED_FUNCTIONS:
            return f"The function {node['function_name']}"
        return None

    def _explain(self, e: Exception) -> Exception:
        """Return the built-in exception that tells `program.py` whose fault it was."""
        kind, message = type(e).__name__, str(e).partition("\n")[0]
        if kind == "InterruptException":
            return TimeoutError(message)
        if kind == "PermissionException" or "read-only mode" in message or "data-modifying" in message:
            return PermissionError(message)
        if kind == "OutOfMemoryException" or "alloc" in message:
            return MemoryError(message)
        if kind in ("FatalException", "InternalException", "IOException", "ConnectionException"):
            return OSError(f"{self._path} cannot be read: {message} Next: duckdb -readonly {self._path}")
        return ValueError(message)


class Alarm:
    """Calls a function when the time set is over. One thread for all statements: starting one costs 0.7 ms."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._deadline: float | None = None
        self._lock = threading.Lock()
        self._is_set = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def set(self, seconds: float) -> None:
        """Ring in `seconds`, unless cleared before."""
        self._deadline = time.monotonic() + seconds
        self._is_set.set()

    def clear(self) -> None:
        """Do not ring any more."""
        with self._lock:
            self._deadline = None
            self._is_set.clear()

    def _watch(self) -> None:
        while self._is_set.wait():
            with self._lock:
                if self._deadline is not None and time.monotonic() > self._deadline:
                    self._ring()
            time.sleep(0.01)


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node


def _cannot_open(path: str, message: str) -> str:
    if "lock" in message:
        return f"{path} is locked by another program. Next: end it, or work on a copy: cp {path} copy.duckdb"
    return f"{path} cannot be opened: {message.partition(chr(10))[0]} Next: duckdb -readonly {path}"


def cell(value: Any) -> Any:
    """Return a decimal as int or float; other values as they are."""
    if not isinstance(value, decimal.Decimal):
        return value
    return int(value) if value.as_tuple().exponent == 0 else float(value)
