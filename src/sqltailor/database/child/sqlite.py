"""SQLite inside the child process. Only `program.py` loads it, by path; it must not import the package.

What holds a hostile statement, each sufficient alone for its part: a read-only connection with `query_only`; an
authorizer that allows reading user tables and the functions of `FUNCTIONS`, nothing else; SQLite's own limits;
a heap limit, temporary data in memory only; a progress handler for the time limit.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sqlite3
import time
from typing import Any

_FUNCTION_NAMES = """
    -> ->> abs acos acosh asin asinh atan atan2 atanh avg bm25 ceil ceiling char coalesce concat concat_ws cos cosh
    count cume_dist current_date current_time current_timestamp date datetime degrees dense_rank exp first_value floor
    format glob group_concat hex highlight if ifnull iif instr json json_array json_array_length json_each
    json_error_position json_extract json_group_array json_group_object json_insert json_object json_patch json_pretty
    json_quote json_remove json_replace json_set json_tree json_type json_valid jsonb jsonb_array jsonb_extract
    jsonb_group_array jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set
    julianday lag last_value lead length like likelihood likely ln log log10 log2 lower ltrim match matchinfo max median
    min mod nth_value ntile nullif octet_length offsets percent_rank percentile percentile_cont percentile_disc pi pow
    power printf quote radians random rank replace round row_number rtrim sign sin sinh snippet soundex sqrt strftime
    string_agg substr substring sum tan tanh time timediff total trim trunc typeof unhex unicode unistr unistr_quote
    unixepoch unlikely upper
"""
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
"""The functions that statements may call: no effects, no access to files, no news about the server."""

OPCODES_BETWEEN_CHECKS = 10_000
MAX_COPIED_BYTES = 16 << 20
"""A larger file is not copied: with its indexes the copy takes about three times as much memory."""
BUSY_TIMEOUT_S = 1.0
DATA_FAULTS = {
    sqlite3.SQLITE_NOTADB: "is not a SQLite database. Next: file {path}",
    sqlite3.SQLITE_CORRUPT: "is damaged ({error}). Next: sqlite3 {path} .recover | sqlite3 recovered.db",
    sqlite3.SQLITE_BUSY: "is locked by another program. Next: wait for it, or work on a copy: cp {path} copy.db",
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened ({error}): its folder must be writable when the file is in WAL mode. "
        "Next: sqlite3 {path} 'PRAGMA journal_mode=DELETE'"
    ),
    sqlite3.SQLITE_READONLY: (
        "holds an unfinished transaction, which only a writer can roll back. Next: sqlite3 {path} 'PRAGMA user_version'"
    ),
    sqlite3.SQLITE_IOERR: "cannot be read ({error}). Next: ls -l {path}",
}
"""Faults of the file rather than of the statement, by primary error code."""

_HEAD = re.compile(r"(?>(?:[\s(]+|--[^\n]*|/\*.*?\*/)*)(?:select|with|values)\b", re.IGNORECASE | re.DOTALL)
_TOKEN = re.compile(r"""'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|"(?:[^"]|"")*\"""", re.DOTALL)


def strict_quotes(sql: str) -> str:
    """Return `sql` with "names" written as `names`, which SQLite never takes for string literals.

    >>> strict_quotes('SELECT "a b", \\'"c"\\' FROM t -- "d"')
    'SELECT `a b`, \\'"c"\\' FROM t -- "d"'
    """
    if '"' not in sql:
        return sql
    return _TOKEN.sub(lambda m: _backticks(m[0]) if m[0][0] == '"' else m[0], sql)


def _backticks(token: str) -> str:
    return "`" + token[1:-1].replace('""', '"').replace("`", "``") + "`"


def authorize(action: int, first: str | None, second: str | None, database: str | None, via: str | None) -> int:
    """Allow what a SELECT on user tables needs; everything else is denied."""
    if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
        allowed = True
    elif action == sqlite3.SQLITE_READ:
        allowed = not (first or "").lower().startswith("sqlite_")
    elif action == sqlite3.SQLITE_FUNCTION:
        allowed = (second or "").lower() in FUNCTIONS
    else:
        # FTS5 asks for the data version by itself
        allowed = action == sqlite3.SQLITE_PRAGMA and first == "data_version" and second is None
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def reads_denied(entries: list[list[str]], table: str, column: str) -> bool:
    """Tell whether a read is of a denied table or column; SQLite calls a row id that is a key by the key's name."""
    place = [table.lower(), column.lower()]
    return any(place[: len(entry)] == entry for entry in entries)


class Engine:
    """A read-only connection to one file.

    With the option `lenient` it reads as SQLite by itself and the scripts of benchmarks do: a "name" that nothing has
    is a text value, and bytes that are not UTF-8 are left out of a text.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.warnings: list[str] = []
        self._path: str = options["path"]
        self._uri: str = options["uri"]
        self._max_bytes: int = options["max_bytes"]
        self._lenient: bool = options.get("lenient", False)
        self._denied = [_place(entry) for entry in options.get("deny", ())]
        self._allowed = {_place(entry)[0] for entry in options.get("allow", ())}
        self._deadline = time.monotonic() + options["timeout_s"]
        self._parent = os.getppid()
        try:
            self._open()
        except sqlite3.Error as e:
            raise self._explain(e) from e

    def _open(self) -> None:
        db = sqlite3.connect(self._uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        self._connection = db
        self._copy: sqlite3.Connection | None = None
        self._limit(db)
        if db.execute("SELECT count(*) FROM sqlite_master WHERE type IN ('table', 'view')").fetchone()[0] == 0:
            raise FileNotFoundError(f"{self._path} has no tables. Next: sqlite3 {self._path} < schema.sql")
        views = dict(db.execute("SELECT lower(name), lower(sql) FROM sqlite_master WHERE type = 'view'").fetchall())
        # SQLite asks of every column of every statement, and about few different ones
        self._authorizer = functools.lru_cache(maxsize=4096)(self._authorize)
        self._opened = self._allowed & views.keys()
        while inner := {v for v in views.keys() - self._opened if any(v in views[o] for o in self._opened)}:
            self._opened |= inner
        self._guard(db)

    def _move_to(self, path: str) -> None:
        from pathlib import Path  # most processes have one file, and start a fifth sooner without it

        self._connection.close()
        self._path, self._uri = path, f"{Path(path).as_uri()}?mode=ro"
        try:
            self._open()
        except sqlite3.Error as e:
            raise self._explain(e) from e

    def _copied(self) -> sqlite3.Connection:
        """Return a copy in memory with an index on every column, where the file is small, else the file itself."""
        if self._copy is None:
            self._copy = self._connection
            if os.path.getsize(self._path) <= MAX_COPIED_BYTES:
                copy = sqlite3.connect(":memory:", isolation_level=None)
                try:
                    self._connection.backup(copy)
                    _index(copy)
                    self._limit(copy)
                    self._guard(copy)
                except (sqlite3.Error, MemoryError):
                    copy.close()
                else:
                    self._copy = copy
        return self._copy

    def _limit(self, db: sqlite3.Connection) -> None:
        """Set what holds every statement but the authorizer."""
        db.set_progress_handler(self._out_of_time, OPCODES_BETWEEN_CHECKS)
        for pragma in (
            f"hard_heap_limit={self._max_bytes}",
            "query_only=1",
            "trusted_schema=0",
            "cell_size_check=1",
            "temp_store=MEMORY",
            "cache_size=-32768",
        ):
            db.execute(f"PRAGMA {pragma}").fetchall()
        for limit, value in (
            (sqlite3.SQLITE_LIMIT_LENGTH, max(self._max_bytes // 16, 1_000_000)),
            (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 500),
            (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 200),
            (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
            (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
            (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
            (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        ):
            db.setlimit(limit, value)

    def _guard(self, db: sqlite3.Connection) -> None:
        _open_virtual_tables(db)
        db.set_authorizer(self._authorizer)

    def _authorize(self, action: int, *about: str | None) -> int:
        """Deny what `authorize` does, and the denied columns, unless a view reads them that is allowed by its name.

        SQLite also names a common table expression here: that one is called like such a view is the guard's to see.
        """
        first, second, _, via = about
        is_held = action == sqlite3.SQLITE_READ and (via or "").lower() not in self._opened
        if is_held and reads_denied(self._denied, first or "", second or ""):
            return sqlite3.SQLITE_DENY
        return authorize(action, *about)

    def _out_of_time(self) -> bool:
        return time.monotonic() > self._deadline or os.getppid() != self._parent

    def run(
        self,
        sql: str,
        timeout_s: float,
        max_rows: int,
        catalog: bool,
        indexed: bool = False,
        exact: bool = False,
        path: str = "",
        only_full: bool = False,
    ) -> tuple[list[str], list[Any], bool]:
        """Run one SELECT. `catalog`: without the authorizer, for our own statements on the schema. `indexed`: on a
        copy of the file as it was when this was first asked. `exact`: bytes that are not UTF-8 as lone surrogates.
        `path`: another file, which takes this one's place. `only_full`: the rows only if they are `max_rows`, no more
        and no fewer.
        """
        if path and path != self._path:
            self._move_to(path)
        self._deadline = time.monotonic() + timeout_s
        if catalog:
            self._connection.set_authorizer(None)
        elif not _HEAD.match(sql):
            raise PermissionError("Only SELECT may run here.")
        try:
            db = self._copied() if indexed else self._connection
            errors = "surrogateescape" if exact else "ignore" if self._lenient else "replace"
            names, rows, is_cut = self._run(
                db, sql if catalog or self._lenient else strict_quotes(sql), max_rows, errors
            )
            is_full = len(rows) == max_rows and not is_cut
            return (names, rows, is_cut) if is_full or not only_full else (names, [], True)
        except (sqlite3.Error, sqlite3.Warning) as e:
            raise self._explain(e) from e
        finally:
            if catalog:
                self._connection.set_authorizer(self._authorizer)

    def _run(self, db: sqlite3.Connection, sql: str, max_rows: int, errors: str) -> tuple[list[str], list[Any], bool]:
        try:
            return _fetch(db, sql, max_rows)
        except sqlite3.OperationalError as e:
            if str(e).startswith("vtable constructor failed"):
                # another program changed the schema; virtual tables must be opened before the authorizer is there
                self._connection.close()
                self._open()
            elif str(e).startswith("Could not decode to UTF-8"):
                self._connection.text_factory = lambda raw: raw.decode(errors=errors)
            else:
                raise
        try:
            return _fetch(self._connection, sql, max_rows)
        finally:
            self._connection.text_factory = str

    def _explain(self, e: Exception) -> Exception:
        """Return the built-in exception that tells `program.py` whose fault it was."""
        code = getattr(e, "sqlite_errorcode", 0) & 0xFF
        if code in DATA_FAULTS:
            return OSError(f"{self._path} {DATA_FAULTS[code].format(path=self._path, error=e)}")
        if code == sqlite3.SQLITE_INTERRUPT:
            return TimeoutError("interrupted")
        if code in (sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_NOMEM):
            return MemoryError(f"{e}: the statement needs more memory than it may take.")
        if code == sqlite3.SQLITE_AUTH or str(e).startswith(("not authorized", "vtable constructor failed")):
            return PermissionError(f"{e}: only reading user tables, without what is denied of them, is allowed.")
        if "one statement at a time" in str(e):
            return PermissionError("Only one statement may run at a time.")
        return ValueError(str(e))


def _fetch(db: sqlite3.Connection, sql: str, max_rows: int) -> tuple[list[str], list[Any], bool]:
    with contextlib.closing(db.execute(sql)) as cursor:
        rows = cursor.fetchmany(max_rows + 1)
        return [c[0] for c in cursor.description or ()], rows[:max_rows], len(rows) > max_rows


def _index(db: sqlite3.Connection) -> None:
    """Put an index on every column of every table: keys are seldom indexed where they are declared or guessed."""
    columns = (
        "SELECT t.name, c.name FROM pragma_table_list AS t, pragma_table_xinfo(t.name) AS c "
        "WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT GLOB 'sqlite_*' AND c.hidden = 0"
    )
    for number, names in enumerate(db.execute(columns).fetchall()):
        table, column = (name.replace('"', '""') for name in names)
        db.execute(f'CREATE INDEX "sqltailor {number}" ON "{table}" ("{column}")')
    db.execute("ANALYZE")


def _place(parts: list[str]) -> list[str]:
    """Return a grant entry as lower-case table and, unless it is of all of them, column."""
    lower = [part.lower() for part in parts]
    return [part for part in (lower[1:] if lower[:1] == ["main"] and lower[1:] else lower) if part != "*"]


def _open_virtual_tables(db: sqlite3.Connection) -> None:
    """Touch the virtual tables once: their constructors do what the authorizer denies."""
    db.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").fetchall()
    virtual = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'create virtual %'"
    for (name,) in db.execute(virtual).fetchall():
        quoted = name.replace('"', '""')
        # a module that this SQLite lacks is told when a statement names the table
        with contextlib.suppress(sqlite3.DatabaseError):
            db.execute(f'SELECT 1 FROM "{quoted}" LIMIT 1').fetchall()
