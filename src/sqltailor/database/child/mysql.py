"""MySQL and MariaDB inside the child process. Only `program.py` loads it, by path; it must not import the package.

What holds a hostile statement: it begins with SELECT, WITH, VALUES or TABLE and holds no executable comment and none of
the words that read or write files of the server; the protocol takes one statement; its transaction is READ ONLY and is
rolled back; the server ends it when its time is up. What its role may call, it can call: use a role that may only
SELECT.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

CONNECT_TIMEOUT_S = 10
FILE_WORDS = re.compile(r"\b(outfile|dumpfile|load_file)\b", re.IGNORECASE)
"""A read-only transaction does not forbid `INTO OUTFILE`. The words are refused in strings and names too."""

SESSION_STATE = re.compile(r"@|\block|_lock", re.IGNORECASE)
"""Variables and named locks outlive a rollback: after such a statement the session is given up."""

TIMEOUTS = (1028, 1317, 1969, 3024)
FORBIDDEN = (1044, 1045, 1142, 1143, 1223, 1227, 1290, 1370, 1792)
TOO_LARGE = (5, 1037, 1038, 1041, 1114, 1153, 1301)
LOST = (1053, 1158, 1159, 1160, 1161, 1927, 2002, 2003, 2006, 2013, 2055)

# -- begins a comment only before a space, and /*! no comment at all
_HEAD = re.compile(
    r"(?>(?:[\s(]+|--(?=\s)[^\n]*|#[^\n]*|/\*.*?\*/)*)(?:select|with|values|table)\b", re.IGNORECASE | re.DOTALL
)
LEXICAL_MODES = (
    *("ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "IGNORE_SPACE"),
    *("ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"),
)
"""Modes of the server that change how a statement is read; the guard read it without them."""

_MORE_THAN_READING = re.compile(
    r"\b(ALL PRIVILEGES|INSERT|UPDATE|DELETE|CREATE|DROP|ALTER|FILE|SUPER|EXECUTE|GRANT OPTION|TRIGGER|EVENT|"
    r"LOCK TABLES|PROCESS|RELOAD|SHUTDOWN)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"`(?:[^`]|``)*`|'(?:[^'\\]|\\.)*'", re.DOTALL)


class Engine:
    """A read-only session, opened again when it was lost."""

    _connection: Any

    def __init__(self, options: dict[str, Any]) -> None:
        self._shown: str = options["shown"]
        self._arguments = {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "charset": "utf8mb4",
            "program_name": "sqltailor",
        } | options["connect"]
        self._limits: tuple[float, int] | None = None
        self._connect()
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE()"
        if not self.run(tables, options["timeout_s"], 1, True)[1][0][0]:
            raise OSError(f"{self._shown} has no tables that its role may read. Next: GRANT SELECT ON … TO …")
        with self._connection.cursor() as cursor:
            cursor.execute("SHOW GRANTS FOR CURRENT_USER")
            # a column may be called `file`
            grants = ", ".join(_QUOTED.sub("", row[0]) for row in cursor.fetchall())
        may = ", ".join(dict.fromkeys(_MORE_THAN_READING.findall(grants)))
        self.warnings = [f"The role may {may}: use a role that may only SELECT."] if may else []

    def _connect(self) -> None:
        import pymysql

        try:
            self._connection = pymysql.connect(autocommit=True, conv=_converters(), **self._arguments)
        except pymysql.MySQLError as e:
            ping = f"mysqladmin --host={self._arguments.get('host', 'localhost')} ping"
            raise OSError(f"{self._shown} cannot be reached: {e.args[-1]}. Next: {ping}") from e
        with self._connection.cursor() as cursor:
            cursor.execute("SELECT @@SESSION.sql_mode")
            modes = [m for m in cursor.fetchall()[0][0].split(",") if m not in LEXICAL_MODES]
            cursor.execute("SET SESSION sql_mode = %s", ",".join(modes))
        self._is_mariadb = "mariadb" in self._connection.get_server_info().lower()
        self._limits = None

    def run(self, sql: str, timeout_s: float, max_rows: int, catalog: bool) -> tuple[list[str], list[Any], bool]:
        """Run one query in a read-only transaction that is rolled back."""
        import pymysql

        if not catalog:
            _check(sql)
        try:
            self._begin(timeout_s, max_rows + 1)
            return self._fetch(sql, max_rows)
        except pymysql.MySQLError as e:
            raise self._explain(e) from e
        finally:
            if SESSION_STATE.search(sql):
                self._connection.close()
            with contextlib.suppress(pymysql.MySQLError):
                if self._connection.open:
                    self._connection.rollback()

    def _begin(self, timeout_s: float, rows: int) -> None:
        import pymysql

        try:
            self._prepare(timeout_s, rows)
        except pymysql.MySQLError:
            self._connect()
            self._prepare(timeout_s, rows)

    def _prepare(self, timeout_s: float, rows: int) -> None:
        with self._connection.cursor() as cursor:
            if self._limits != (timeout_s, rows):
                time_limit = (
                    f"max_statement_time = {timeout_s:f}"
                    if self._is_mariadb
                    else f"max_execution_time = {max(round(timeout_s * 1000), 1)}"
                )
                # the row limit spares the server work; a LIMIT in the statement overrides it
                cursor.execute(f"SET SESSION {time_limit}, SESSION sql_select_limit = {rows}")
                self._limits = (timeout_s, rows)
            cursor.execute("START TRANSACTION READ ONLY")

    def _fetch(self, sql: str, max_rows: int) -> tuple[list[str], list[Any], bool]:
        from pymysql.cursors import SSCursor

        cursor = self._connection.cursor(SSCursor)
        cursor.execute(sql)
        if cursor.description is None:
            raise PermissionError("Only a SELECT that returns rows may run here.")  # SELECT … INTO @variable
        rows = cursor.fetchmany(max_rows + 1)
        names = [c[0] for c in cursor.description]
        if len(rows) <= max_rows:
            cursor.close()
        else:
            # closing the cursor would read all the other rows
            self._connection.close()
        return names, list(rows[:max_rows]), len(rows) > max_rows

    def _explain(self, e: Any) -> Exception:
        """Return the built-in exception that tells `program.py` whose fault it was."""
        code, message = e.args[0], str(e.args[-1])
        if code in TIMEOUTS:
            return TimeoutError(message)
        if code in FORBIDDEN:
            return PermissionError(message)
        if code in TOO_LARGE:
            return MemoryError(message)
        if code in LOST or not self._connection.open:
            return OSError(f"{self._shown} was lost: {message}. Next: run it again; the connection is opened anew.")
        return ValueError(message)


def _check(sql: str) -> None:
    if not _HEAD.match(sql):
        raise PermissionError("Only SELECT may run here.")
    if "/*!" in sql or "/*M!" in sql.upper():
        raise PermissionError("Comments that are executed (/*! … */) are not allowed.")
    if word := FILE_WORDS.search(sql):
        raise PermissionError(f"{word[0]} is not allowed.")


def _converters() -> dict[int, Any]:
    """Return what becomes a Python value; dates and all others stay the text that the server writes."""
    from pymysql.constants import FIELD_TYPE

    integers = (
        FIELD_TYPE.TINY,
        FIELD_TYPE.SHORT,
        FIELD_TYPE.LONG,
        FIELD_TYPE.LONGLONG,
        FIELD_TYPE.INT24,
        FIELD_TYPE.YEAR,
    )
    decimals = (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL)
    return (
        dict.fromkeys(integers, int)
        | dict.fromkeys((FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE), float)
        | dict.fromkeys(decimals, lambda text: float(text) if "." in text else int(text))
        | {FIELD_TYPE.BIT: int.from_bytes}
    )
