"""Rows of query histories as statements, whatever the warehouse calls its columns, or by a mapping of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sqltailor.data.querylog.servers import said_by_server
from sqltailor.data.readers.recognise import columns_of
from sqltailor.data.rows import Reject, Row, RowError, shown
from sqltailor.errors import ConfigError, DataError, unknown

QUERY_NAMES = (
    "query", "sql", "statement", "query_text", "sql_fulltext", "sql_text", "statement_text", "query_sql_text",
    "querytxt", "digest_text", "querytext", "sqltext", "query_string", "query_statement", "sql_statement",
    "sqltextinfo", "batch_text", "argument", "command", "text", "compiled_code", "compiled_sql",
)  # fmt: skip
"""Columns that hold statements: of pg_stat_statements, Trino, BigQuery; Snowflake, Redshift; Databricks; SQL Server's
Query Store; stl_query; MySQL's digests; ClickHouse, Oracle, Teradata, Athena, dbt and others. A number there is an id.
Oracle's SQL_TEXT is cut off, so SQL_FULLTEXT comes first."""
CALLS_NAMES = (
    "calls", "count", "executions", "count_executions", "count_star", "execution_count", "exec_count", "num_executions",
    "total_executions", "query_count",
)  # fmt: skip
FIELDS = ("sql", "calls")
"""What a mapping of a log can name."""

_STATE_NAMES = (
    "execution_status", "status", "state", "query_state", "execution_state", "query_status", "execution_type_desc",
    "severity", "type",
)  # fmt: skip
_ENDED = re.compile(r"FAIL|INCIDENT|ERROR|CANCEL|ABORT|EXCEPTION|TIMED? ?OUT|KILLED", re.IGNORECASE)
_ERROR_NAMES = ("error_message", "error_code", "error_result", "errorresult", "error", "failure_message", "exception")
_NOTHING = ("", "0", "nan", "null", "none", "\\n", "[]", "{}")
_MAX_DEPTH = 12


class Entry(NamedTuple):
    """One row of a log: where it stood, its statement as written, and how often it ran."""

    line: int
    sql: str
    calls: int = 1


def entries(source: str, rows: Iterator[Row | Reject], mapping: Mapping[str, str]) -> Iterator[Entry | Reject]:
    """Yield the statements of a table's rows in order.

    Raises `DataError` when none of the first rows has a statement that can be found, `ConfigError` for a mapped column
    that is not there.
    """
    first: list[Row | Reject] = []
    for row in rows:
        first.append(row)
        if len(first) == 50:
            break
    _check(source, first, mapping)
    yield from _joined(source, ((row, entry(row, mapping)) for row in chain(first, rows)))


def _joined(source: str, read: Iterator[tuple[Row | Reject, Entry | Reject]]) -> Iterator[Entry | Reject]:
    """Yield the statements whole of which Redshift keeps pieces: rows numbered by `sequence`, one after the other.

    Raises `DataError` where they are in another order: the pieces would pass for statements.
    """
    held: Entry | Reject | None = None
    before: tuple[Any, ...] = ()
    for row, found in read:
        values = _flat(row.value) if isinstance(row, Row) and isinstance(row.value, Mapping) else {}
        number = str(values.get("sequence", "0")).strip()
        piece = (*(values.get(name) for name in ("xid", "query", "starttime")), number)
        if number.isdecimal() and int(number):
            if before != (*piece[:-1], str(int(number) - 1)):
                raise DataError(
                    f"Row {row.line} of {source} is piece {number} of a statement and does not follow piece "
                    f"{int(number) - 1}. Next: ORDER BY xid, query, sequence"
                )
            if isinstance(held, Entry) and isinstance(found, Entry):
                held, before = held._replace(sql=held.sql + found.sql), piece
                continue
        if held is not None:
            yield held
        held, before = found, piece
    if held is not None:
        yield held


def entry(row: Row | Reject, mapping: Mapping[str, str]) -> Entry | Reject:
    """Return the statement of a row, or the row as a `Reject`."""
    if isinstance(row, Reject):
        return row
    try:
        return _read(row, mapping)
    except RowError as e:
        return Reject(row.line, e.reason, str(e), shown(row.value))


def _check(source: str, rows: Sequence[Row | Reject], mapping: Mapping[str, str]) -> None:
    columns = columns_of(rows)
    if not columns:
        return
    for field, column in mapping.items():
        if field not in FIELDS:
            raise ConfigError(unknown("field in the mapping", field, FIELDS))
        if column.partition(".")[0] not in columns and column not in columns:
            raise ConfigError(unknown(f"column for '{field}' in {source}", column, columns))
    objects = [row.value for row in rows if isinstance(row, Row) and isinstance(row.value, Mapping)]
    if "sql" not in mapping and not any(_has_statement(value) for value in objects):
        raise DataError(
            f"No column of {source} holds statements. Its columns: {', '.join(columns)[:300]}. Name them: "
            f"--map sql=COL,calls=COL (or call them {', '.join(QUERY_NAMES[:4])} … and {', '.join(CALLS_NAMES[:2])} …)."
        )


def _has_statement(value: Mapping[str, Any]) -> bool:
    """Tell whether a row has a place for a statement, even if it is empty here."""
    try:
        return said_by_server(flat := _flat(value)) is not None or any(name in flat for name in QUERY_NAMES)
    except RowError:
        return True


def _read(row: Row, mapping: Mapping[str, str]) -> Entry:
    if not isinstance(row.value, Mapping):
        raise RowError("missing_field", "the row has no columns")
    values = _flat(row.value)
    sql = _at(row.value, mapping["sql"]) if "sql" in mapping else said_by_server(values)
    if sql is None and "sql" not in mapping:
        sql = next((text for name in QUERY_NAMES if (text := _statement(values.get(name)))), None)
    if not isinstance(sql, str) or not sql.strip():
        named = mapping.get("sql") or ", ".join(name for name in QUERY_NAMES if name in values) or "any known name"
        raise RowError("missing_field", f"no statement under {named}")
    if fault := _fault(values):
        raise RowError("failed", f"the statement failed where it was logged: {fault}")
    calls = _at(row.value, mapping["calls"]) if "calls" in mapping else _first(values, CALLS_NAMES)
    return Entry(row.line, sql, _number(1 if calls is None else calls))


def _first(values: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((values[name] for name in names if name in values), None)


def _statement(value: Any) -> str | None:
    value = value[0] if isinstance(value, list) and value else value  # a file of examples
    return value if isinstance(value, str) and value.strip() and not value.strip().isdecimal() else None


def _number(calls: Any) -> int:
    """Return how often a statement ran, also from `1,234` and `12.0`."""
    written = calls.replace(",", "") if isinstance(calls, str) and re.fullmatch(r"\d{1,3}(,\d{3})+", calls) else calls
    try:
        return max(int(float(written)), 1)
    except (TypeError, ValueError, OverflowError) as e:
        raise RowError("wrong_type", f"{str(calls)[:60]!r} is not a number of calls") from e


def _fault(values: Mapping[str, Any]) -> str | None:
    """Return what a history says of a statement that failed or was ended."""
    states = [str(values[name]) for name in _STATE_NAMES if values.get(name) is not None]
    if ended := [state for state in states if _ENDED.match(state)]:
        return ended[0][:200]
    if str(values.get("aborted", "")).lower() in ("1", "true", "t"):
        return "aborted"
    told = (str(values[name]) for name in _ERROR_NAMES if values.get(name) is not None)
    return next((text[:200] for text in told if text.strip().lower() not in _NOTHING), None)


def _flat(value: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return column → value with names in lower case, those within nested objects (audit logs) too, the outer first.

    Of a dotted name the last part counts, and JSON in a text is read where an audit log has it.
    """
    found: dict[str, Any] = {}
    inner: list[Mapping[str, Any]] = []
    for name, inside in value.items():
        parts = [re.sub(r"\s+", "_", part.strip().lower()) for part in str(name).split(".")]
        short = next((part for part in parts if part in _ERROR_NAMES), parts[-1])
        if short == "metadatajson" and isinstance(inside, str):
            inside = _json(inside)
        if isinstance(inside, Mapping) and short not in _ERROR_NAMES and depth < _MAX_DEPTH:
            inner.append(inside)
        else:
            found.setdefault(short, inside)
    for mapping in inner:
        found = _flat(mapping, depth + 1) | found
    return found


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _at(value: Mapping[str, Any], column: str) -> Any:
    """Return what stands in a column, or in a nested one that dots lead to."""
    if column in value:
        return value[column]
    outer, _, rest = column.partition(".")
    inside = value.get(outer)
    return _at(inside, rest) if rest and isinstance(inside, Mapping) else None
