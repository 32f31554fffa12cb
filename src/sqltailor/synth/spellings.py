"""Dialect spellings: parts of dates, days between, the previous month or year, literals."""

from __future__ import annotations

from sqltailor.types import Cell

PARTS: dict[str, dict[str, str]] = {
    "sqlite": {"year": "STRFTIME('%Y', {})", "month": "STRFTIME('%Y-%m', {})", "day": "DATE({})"},
    "postgres": {"year": "EXTRACT(YEAR FROM {})", "month": "TO_CHAR({}, 'YYYY-MM')", "day": "CAST({} AS DATE)"},
    "mysql": {"year": "YEAR({})", "month": "DATE_FORMAT({}, '%Y-%m')", "day": "DATE({})"},
    "duckdb": {"year": "EXTRACT(YEAR FROM {})", "month": "STRFTIME({}, '%Y-%m')", "day": "CAST({} AS DATE)"},
}
DAYS: dict[str, str] = {
    "sqlite": "JULIANDAY({0}) - JULIANDAY({1})",
    "postgres": "CAST({0} AS DATE) - CAST({1} AS DATE)",
    "mysql": "DATEDIFF({0}, {1})",
    "duckdb": "DATE_DIFF('DAY', {1}, {0})",
}
BEFORE: dict[str, str] = {
    "sqlite": "DATE(MAX({0}), '-{1} {2}')",
    "postgres": "MAX({0}) - INTERVAL '{1} {3}'",
    "mysql": "MAX({0}) - INTERVAL '{1}' {3}",
    "duckdb": "MAX({0}) - INTERVAL '{1}' {3}",
}
RECENT: dict[str, str] = {
    "sqlite": "{0} >= DATE('now', '-{1} {2}')",
    "postgres": "{0} >= CURRENT_DATE - INTERVAL '{1} {3}'",
    "mysql": "{0} >= CURRENT_DATE - INTERVAL '{1}' {3}",
    "duckdb": "{0} >= CURRENT_DATE - INTERVAL '{1}' {3}",
}


def literal(value: Cell, dialect: str = "sqlite") -> str:
    """Return a value as a SQL literal, quotes doubled, and in MySQL backslashes.

    >>> literal("O'Brien"), literal(3), literal(True)
    ("'O''Brien'", '3', 'TRUE')
    """
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        if dialect == "mysql":
            value = value.replace("\\", "\\\\")
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return "NULL" if value is None else repr(value)
