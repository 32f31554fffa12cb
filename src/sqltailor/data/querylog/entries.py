"""Query logs: statements with how often they ran, from text, from an export of a query history, or from a view.

- Text (`.sql`, `.log`, `.txt`): one statement a line; where others only go on, `;` ends one, a line `GO` or `/`, or,
  where nothing else does, an empty line.
  What PostgreSQL's and MySQL's own logs put before a statement is taken away, and the plans of auto_explain behind it;
  a report of pt-query-digest says how often each ran.
- A table (CSV, TSV, Parquet, JSON Lines): the columns of `exports.QUERY_NAMES` and `CALLS_NAMES`, or those of a
  mapping; also what servers write as CSV without a header (`servers`).
- `postgresql://…`: the view pg_stat_statements of that database.

A log has no questions, so its rows are no examples: they are read by continued pretraining and by back-translation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from sqltailor.data.file_kinds import check_encoding, open_bytes
from sqltailor.data.querylog.digest import digested, is_digest
from sqltailor.data.querylog.exports import Entry, entries, entry
from sqltailor.data.querylog.servers import (
    columns_without_header,
    goes_on_bare,
    tells_no_statement,
    unprefixed,
    without_plan,
)
from sqltailor.data.rows import Reject, Row, read_lines, read_rows, shown
from sqltailor.database import open_database
from sqltailor.errors import DataError, SQLError
from sqltailor.sql.dialect import MAX_SQL_CHARACTERS
from sqltailor.sql.dialect.lexer import lex

LOG_REASONS: Mapping[str, str] = {
    "broken_text": "the text is not UTF-8, or holds NUL",
    "broken_csv": "the line has more or fewer cells than the header, or a cell that does not end",
    "broken_json": "the line is not JSON",
    "wrong_type": "the number of calls is not a number",
    "missing_field": "the row has no statement",
    "no_statement": "the line of a server's log is about something else: a connection, a checkpoint",
    "failed": "the statement failed, or was ended, where it was logged",
    "too_long": "the statement is longer than any real one",
    "hidden": "the role may not see the statement of another (`<insufficient privilege>`)",
    "unparsed": "the statement does not parse in the dialect",
    "not_select": "the statement is not a query",
    "no_table": "the query reads no table: SELECT 1, SELECT version()",
    "unknown_table": "the query names a table that the schema does not have, such as one of the catalog",
    "unknown_column": "the query names a column that the schema does not have",
    "refused": "the guard refuses the query",
    "fails": "the database cannot run the query",
    "enough": "other queries that differ from it only in their values are kept already (--per-template)",
}
"""Why a row of a log is not taken."""

MOST = 1_000_000
VIEW = (
    "SELECT s.query, s.calls FROM pg_stat_statements AS s JOIN pg_catalog.pg_database AS d ON d.oid = s.dbid "
    "WHERE d.datname = current_database() ORDER BY s.calls DESC"
)

_TEXT = (".sql", ".log", ".txt")
_GOES_ON = re.compile(
    r"\s+\S|[),]|(?:FROM|WHERE|(?:LEFT|RIGHT|FULL|INNER|CROSS|OUTER|NATURAL)?\s*JOIN|ON|AND|OR|GROUP\s+BY|ORDER\s+BY|"
    r"HAVING|LIMIT|UNION|EXCEPT|INTERSECT)\b",
    re.IGNORECASE,
)


def read_log(source: str, mapping: Mapping[str, str] | None = None) -> Iterator[Entry | Reject]:
    """Yield the statements of a log in order, each row that is none as a `Reject`.

    `mapping` names the columns of a table: `{"sql": "QUERY_TEXT", "calls": "RUNS"}`. Raises `DataError` for a file or
    database that cannot be read, and for a table without statements.
    """
    if "://" in source and not source.startswith(("http://", "https://")):
        yield from _view(source)
    elif {".gz", ".zip", *_TEXT}.issuperset(suffixes := Path(source).suffixes[-2:]) and set(suffixes) & set(_TEXT):
        yield from _text(Path(source))
    else:
        path = Path(source)
        yield from entries(source, read_rows(path, names=columns_without_header(path)), mapping or {})


def is_log(path: Path) -> bool:
    """Tell whether a file is a log that `import_log` wrote; an empty one may be."""
    with path.open("rb") as file:
        first = file.readline(1 << 20)
    try:
        row = json.loads(first) if first else {"calls": 0}
    except ValueError:
        return False
    return isinstance(row, dict) and "calls" in row


def log_text(path: Path) -> str:
    """Return the statements of a log that `import_log` wrote as a document: a paragraph each."""
    return "\n\n".join(entry.sql for entry in read_log(str(path)) if isinstance(entry, Entry))


def _view(url: str) -> Iterator[Entry | Reject]:
    with open_database(url, timeout_s=60, max_rows=MOST) as database:
        if database.dialect != "postgres":
            raise DataError(f"{database.url_shown} keeps no log that can be read: only PostgreSQL has such a view.")
        try:
            rows = database.run(VIEW).rows
        except SQLError as e:
            raise DataError(
                f"{database.url_shown} shows no pg_stat_statements: {e} Next: CREATE EXTENSION pg_stat_statements"
            ) from e
    yield from (entry(Row(i, {"query": query, "calls": calls}), {}) for i, (query, calls) in enumerate(rows, 1))


def _text(path: Path) -> Iterator[Entry | Reject]:
    check_encoding(path)
    with open_bytes(path) as file:
        head = file.read(65536).decode("utf-8-sig", "replace")
    if head.lstrip()[:1] == "{":  # PostgreSQL's jsonlog
        yield from entries(str(path), read_rows(path, "lines"), {})
        return
    if _PRINTED.search(head):
        raise DataError(
            f"{path} is a table as psql prints it. Next: psql --csv -c 'SELECT query, calls FROM …' > {path.stem}.csv"
        )
    lines = [line.rstrip() for line in head.splitlines() if line.strip()]
    spans = any(map(_GOES_ON.match, lines)) and not any(unprefixed(line) != line for line in lines)
    by_blank = not any(_ends(line) or _ENDS_ONE.fullmatch(line) for line in lines)
    spans = spans and (not by_blank or re.search(r"\S\s*\n[ \t\r]*\n\s*\S", head) is not None)
    with open_bytes(path) as file:
        decoded = (_decoded(line) for line in read_lines(file))
        if is_digest(head):
            yield from digested(decoded)
            return
        for entry in _spanning(decoded, by_blank=by_blank) if spans else _one_a_line(decoded):
            yield entry._replace(sql=without_plan(entry.sql)) if isinstance(entry, Entry) else entry


_PRINTED = re.compile(r"\A\s*[^\n]*\|[^\n]*\n-+(?:\+-+)+\s*$|\A(?:[^\n]*[^|\n]\|\d+\r?\n)+(?:[^\n]*\Z)", re.MULTILINE)
"""What psql writes: with a line under the header, or (`-At`) with a number of calls behind each statement."""
_ENDS_ONE = re.compile(r"\s*(?:GO(?:\s+\d+)?|/|\\g)\s*;?\s*", re.IGNORECASE)


def _ends(sql: str) -> bool:
    """Tell whether a `;` ends the text, perhaps with a comment behind it; nobody knows the dialect here."""
    return any(
        next((t.raw for t in reversed(list(lex(sql, b))) if not t.is_blank), "") == ";" for b in ("sqlite", "mysql")
    )


def _is_remark(line: str) -> bool:
    """Tell whether a line is nothing but a comment."""
    return _ENDS_ONE.fullmatch(line) is not None or all(token.is_blank for token in lex(line, "mysql"))


def _decoded(line: tuple[int, bytes] | Reject) -> Entry | Reject:
    if isinstance(line, Reject):
        return line
    number, raw = line
    try:
        return Entry(number, raw.decode("utf-8").rstrip())
    except UnicodeDecodeError as e:
        return Reject(number, "broken_text", f"not UTF-8 at byte {e.start}", shown(raw.decode("utf-8", "replace")))


def _one_a_line(lines: Iterator[Entry | Reject]) -> Iterator[Entry | Reject]:
    held: Entry | None = (
        None  # the statement that is read, and whether it is a server's whose further lines look like any
    )
    is_bare = is_other = False
    for line in lines:
        text = unprefixed(line.sql) if isinstance(line, Entry) else ""
        begins = isinstance(line, Entry) and (text != line.sql or tells_no_statement(line.sql))
        if isinstance(line, Entry) and not begins and (is_bare or _goes_on(line.sql, held)):
            if held is not None:
                held = held._replace(sql=f"{held.sql}\n{line.sql}"[: MAX_SQL_CHARACTERS + 1])
                continue
            if is_other:
                continue
        if held is not None:
            yield held
            held = None
        is_other = is_bare = False
        if isinstance(line, Reject):
            yield line
        elif text != line.sql:
            held, is_bare = line._replace(sql=text), goes_on_bare(line.sql)
        elif begins:
            is_other = True
            yield Reject(
                line.line, "no_statement", "the line of a server's log is about something else", shown(line.sql)
            )
        elif not _is_remark(line.sql):
            held = line
    if held is not None:
        yield held


def _goes_on(line: str, before: Entry | None) -> bool:
    """Tell whether a line belongs to the statement before it; an indented SELECT only where that one is not whole."""
    if before is not None and not line.startswith("\t") and _SELECTS.match(line):
        return _IS_OPEN.search(before.sql) is not None
    return _GOES_ON.match(line) is not None


_SELECTS = re.compile(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_IS_OPEN = re.compile(r"(?:[(,]|\b(?:UNION|ALL|EXCEPT|INTERSECT|DISTINCT|IN|AS|EXISTS|AND|OR))\s*\Z", re.IGNORECASE)


def _spanning(lines: Iterator[Entry | Reject], *, by_blank: bool) -> Iterator[Entry | Reject]:
    begun: Entry | None = None
    before = 0
    for line in lines:
        is_apart, before = line.line > before + 1, line.line
        if begun is not None and (
            (by_blank and is_apart) or (isinstance(line, Entry) and _ENDS_ONE.fullmatch(line.sql))
        ):
            yield begun
            begun = None
        if isinstance(line, Reject):
            yield line
            continue
        text = unprefixed(line.sql)
        if begun is None and (_is_remark(text) or tells_no_statement(line.sql)):
            continue
        if begun is None:
            begun = line._replace(sql=text)
        elif len(begun.sql) <= MAX_SQL_CHARACTERS:  # of one that is too long the rest does not matter
            begun = begun._replace(sql=f"{begun.sql}\n{text}")
        if ";" in text and _ends(begun.sql):
            yield begun
            begun = None
    if begun is not None:
        yield begun
