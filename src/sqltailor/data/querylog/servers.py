"""Find the statement in an entry of a server's own log: text, a table without a header, or JSON."""

from __future__ import annotations

import csv
import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqltailor.data.file_kinds import open_bytes
from sqltailor.data.rows import RowError

_SAID = r"(?:(?:duration: [\d.]+ ms\s{1,4})?(?:statement|execute [^:]{1,80}): |duration: [\d.]+ ms\s{1,4}plan:)"
_POSTGRES = re.compile(rf".{{0,300}}?\b(?:LOG|DETAIL):\s{{1,4}}{_SAID}")
_AUDITED = re.compile(rf".{{0,300}}?\bLOG:\s{{1,4}}AUDIT: [A-Z]+,\d+,\d+,[A-Z]+,{'[^,]*,' * 3}")
_AUDITED_TEXT = re.compile(r'"((?:[^"]|"")*)",|(.*?),(?:<|"|[^,]*\Z)')
_REDSHIFT = re.compile(r"'[^']{0,300} \]' LOG: ")
_MYSQL_LINE = r"(?:\S{10,40}|\d{6}\s{1,4}\d{1,2}:\d\d:\d\d|\t)\s+\d+ "
_MYSQL = re.compile(rf"{_MYSQL_LINE}(?:Query|Execute)\t")
_NO_STATEMENT = re.compile(
    r"'?\d{4}-\d\d-\d\d[ T].{0,300}?\b(?:LOG|DETAIL|HINT|CONTEXT|STATEMENT|ERROR|FATAL|PANIC|WARNING|NOTICE):\s"
    rf"|{_MYSQL_LINE}[A-Z]\w+(?: \w+)?(?:\t|\s*$)"
    r"|\S+, Version: .*started with:|Tcp port: |Time\s+Id\s+Command"
)
_MESSAGE = re.compile(_SAID)
# what auto_explain writes, in its four formats: postgresql.org/docs/current/auto-explain.html
_PLAN = re.compile(r"\s*(?:Query Text: |\{\s*\"Query Text\"|<explain\b)")
_PLANNED = re.compile(r"\s*Query Text: (.*?)\n\s*(?:Query Parameters: |[A-Z][^\n]*\(cost=)", re.DOTALL)
_PLANNED_QUOTED = re.compile(r"\s*(?:\{\s*\"Query Text\"|Query Text): (\"(?:[^\"\\]|\\.)*\")", re.DOTALL)
_PLANNED_XML = re.compile(r"\s*<explain\b.*?<Query-Text>(.*?)</Query-Text>", re.DOTALL)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")

# postgresql.org/docs/current/runtime-config-logging.html, "Using CSV-Format Log Output": columns were added at the end
_POSTGRES_COLUMNS = (
    "log_time", "user_name", "database_name", "process_id", "connection_from", "session_id", "session_line_num",
    "command_tag", "session_start_time", "virtual_transaction_id", "transaction_id", "error_severity", "sql_state_code",
    "message", "detail", "hint", "internal_query", "internal_query_pos", "context", "query", "query_pos", "location",
    "application_name", "backend_type", "leader_pid", "query_id",
)  # fmt: skip
# the tables mysql.general_log and mysql.slow_log, which are CSV files
_MYSQL_GENERAL = ("event_time", "user_host", "thread_id", "server_id", "command_type", "argument")
_MYSQL_SLOW = (
    "start_time", "user_host", "query_time", "lock_time", "rows_sent", "rows_examined", "db", "last_insert_id",
    "insert_id", "server_id", "sql_text", "thread_id",
)  # fmt: skip
_SEVERITY = 11


def unprefixed(line: str) -> str:
    """Return a line without what a server's log puts before a statement, or pgaudit around it."""
    if audited := _AUDITED.match(line):
        inside = _AUDITED_TEXT.match(line, audited.end())
        return (inside[1] or "").replace('""', '"') or inside[2] if inside else line
    found = _POSTGRES.match(line) or _MYSQL.match(line) or _REDSHIFT.match(line)
    return line[found.end() :] if found else line


def without_plan(text: str) -> str:
    """Return the statement of an entry with a plan behind it, as auto_explain writes it; any other text as it is."""
    if _PLAN.match(text) is None:
        return text
    if found := _PLANNED_QUOTED.match(text):
        return str(json.loads(found[1], strict=False))
    if found := _PLANNED_XML.match(text):
        return html.unescape(found[1])
    found = _PLANNED.match(text)
    return found[1] if found else text


def tells_no_statement(line: str) -> bool:
    """Tell whether a line of a server's log, which holds no statement, begins an entry."""
    return _NO_STATEMENT.match(line) is not None


def goes_on_bare(line: str) -> bool:
    """Tell whether a server's further lines of a statement bear no mark: PostgreSQL begins them with a tab."""
    return bool(_MYSQL.match(line) or _REDSHIFT.match(line))


def columns_without_header(path: Path) -> Sequence[str] | None:
    """Return the columns of a server's table of log lines, which begins with a line; None for any other file."""
    with open_bytes(path) as file:
        first = file.read(1 << 16).decode("utf-8-sig", "replace")
    try:
        cells = next(csv.reader(first.splitlines(keepends=True)), [])
    except csv.Error:
        return None
    if not cells or not _TIME.match(cells[0]):
        return None
    if 23 <= len(cells) <= len(_POSTGRES_COLUMNS) and cells[_SEVERITY].isupper():
        return _POSTGRES_COLUMNS[: len(cells)]
    if len(cells) == len(_MYSQL_GENERAL):
        return _MYSQL_GENERAL
    return _MYSQL_SLOW[: len(cells)] if len(cells) in (11, 12) else None


def said_by_server(row: Mapping[str, Any]) -> str | None:
    """Return the statement in a row of a server's log, with the names of its columns in lower case.

    None where the row is of no such log; raises `RowError` where it tells of something else, or of a failure.
    """
    if "error_severity" in row and "message" in row:
        found = _MESSAGE.match(message := str(row["message"] or ""))
        if found is not None:
            return without_plan(message[found.end() :])
        if row["error_severity"] in ("ERROR", "FATAL", "PANIC") and (row.get("query") or row.get("statement")):
            raise RowError("failed", f"the statement failed where it was logged: {message[:200]}")
        raise RowError("no_statement", f"the line is about something else: {message[:200]}")
    if "command_type" in row and "argument" in row:
        if row["command_type"] not in ("Query", "Execute"):
            raise RowError("no_statement", f"the line is about something else: {row['command_type']}")
        return str(row["argument"])
    return None
