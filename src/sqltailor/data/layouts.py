"""One JSON document as the rows that it holds, however pandas, an API or an export lays them out.

| layout | looks like |
|---|---|
| pandas `split` | `{"columns": [names], "data": [[cells]]}` |
| ClickHouse's JSONCompact | `{"meta": [{"name": …}], "data": [[cells]]}` |
| pandas `columns` | `{"sql": {"0": cell, "1": cell}, …}` |
| columns as lists | `{"question": [cells], "sql": [cells]}` |
| pandas `index`, rows by id | `{"17": {"question": …, "sql": …}, …}` |
| statements by question | `{"How many cats are there?": "SELECT …", …}` |
| pandas `table`, ClickHouse's JSON | `{"schema": {"fields": […]}, "data": [{…}, {…}]}` |
| a list under any key, at any depth | `{"count": 2, "result": {"items": [{…}, {…}]}}` |
| a manifest of dbt | its nodes that have compiled SQL |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
Rows = list[Any]

SELECTS = re.compile(r"\s*\(*\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_OF_A_ROW = frozenset(
    {"question", "spec", "sql", "query", "prompt", "instruction", "input", "text"}
    | {"messages", "conversation", "conversations"}
)
"""A document with one of these keys is a row, whatever lists are in it."""
_OF_A_MESSAGE = frozenset({"role", "from", "parts"})
_MAX_DEPTH = 12
"""Audit logs of BigQuery have statements in the seventh object within objects."""


def rows_of(document: Document) -> Rows | None:
    """Return the rows of a document; None where it has none or is a row itself.

    >>> rows_of({"res": [{"sql": "SELECT 1"}]}), rows_of({"a": {"0": 1, "1": 2}}), rows_of({"sql": "SELECT 1"})
    ([{'sql': 'SELECT 1'}], [{'a': 1}, {'a': 2}], None)
    """
    return next((rows for layout in _LAYOUTS if (rows := layout(document))), None)


def cells_named(first: list[Any]) -> tuple[list[str], bool] | None:
    """Return the names of the cells of an array of arrays, and whether its first one is only them; None if unknown."""
    if not first or not all(isinstance(cell, str) for cell in first):
        return None
    if not any(map(SELECTS.match, first)):
        return first, True
    return (["question", "sql"], False) if len(first) == 2 and SELECTS.match(first[1]) else None


def _split(document: Document) -> Rows | None:
    names, data = document.get("columns", document.get("meta")), document.get("data")
    if not isinstance(names, list) or not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        return None
    called = [str(name.get("name")) if isinstance(name, Mapping) else str(name) for name in names]
    # a row of another length is left as it is, and refused where it is read: no cell is lost without a word
    return [dict(zip(called, row, strict=True)) if len(row) == len(called) else row for row in data]


def _table(document: Document) -> Rows | None:
    schema, data = document.get("schema"), document.get("data")
    is_told = "meta" in document or (isinstance(schema, Mapping) and "fields" in schema)
    return data if is_told and isinstance(data, list) else None


def _by_column(document: Document) -> Rows | None:
    columns = list(document.values())
    if all(isinstance(column, list) for column in columns):
        are_cells = not any(isinstance(cell, (Mapping, list)) for column in columns for cell in column)
        return _turned(document) if are_cells and len(columns) > 1 and len(set(map(len, columns))) == 1 else None
    if not all(isinstance(column, Mapping) and all(map(str.isdecimal, column)) for column in columns):
        return None
    is_even = len({tuple(column) for column in columns}) == 1
    return _turned({name: list(column.values()) for name, column in document.items()}) if is_even else None


def _turned(columns: Document) -> Rows:
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _by_id(document: Document) -> Rows | None:
    rows = list(document.values())
    if not all(isinstance(row, Mapping) and any(isinstance(cell, str) for cell in row.values()) for row in rows):
        return None
    is_keyed = len(rows) > 1 or all(map(str.isdecimal, document))
    return rows if is_keyed and rows and set.intersection(*map(set, rows)) else None


def _by_question(document: Document) -> Rows | None:
    are_pairs = all(isinstance(sql, str) and SELECTS.match(sql) for sql in document.values())
    if not are_pairs or not any(" " in question for question in document):
        return None
    return [{"question": question, "sql": sql} for question, sql in document.items()]


def _dbt(document: Document) -> Rows | None:
    metadata, nodes = document.get("metadata"), document.get("nodes")
    if not isinstance(metadata, Mapping) or "dbt_schema_version" not in metadata or not isinstance(nodes, Mapping):
        return None
    kept = ("unique_id", "name", "description", "compiled_code", "compiled_sql")
    rows = [{"unique_id": name, **node} for name, node in nodes.items() if isinstance(node, Mapping)]
    return [
        {key: row[key] for key in kept if key in row}
        for row in rows
        if row.get("compiled_code", row.get("compiled_sql"))
    ]


def _listed(document: Document) -> Rows | None:
    """Return the longest list of objects, if any of those with statements, and lists of about the same keys, such as
    `train` beside `test`.
    """
    holds_statement = any(SELECTS.match(text) or text.startswith("{") for text in _texts(document, 0))
    if holds_statement or not _OF_A_ROW.isdisjoint(document):
        return None
    lists = list(_lists(document, 0))
    if not lists or any(not _OF_A_MESSAGE.isdisjoint(row) for rows in lists for row in rows[:1]):
        return None
    longest = set(max(lists, key=lambda rows: (_has_statements(rows), len(rows)))[0])
    rows = [row for rows in lists if 2 * len(longest.intersection(rows[0])) >= len(longest) for row in rows]
    return [row["row"] if isinstance(row, Mapping) and isinstance(row.get("row"), Mapping) else row for row in rows]


def _has_statements(rows: Rows) -> bool:
    return any(SELECTS.match(text) for row in rows[:5] if isinstance(row, Mapping) for text in _texts(row, 0))


def _lists(value: Document, depth: int) -> Iterator[Rows]:
    for inside in value.values():
        if isinstance(inside, list) and inside and isinstance(inside[0], Mapping):
            yield inside
        elif isinstance(inside, Mapping) and depth < _MAX_DEPTH:
            yield from _lists(inside, depth + 1)


def _texts(value: Document, depth: int) -> Iterator[str]:
    for inside in value.values():
        if isinstance(inside, str):
            yield inside
        elif isinstance(inside, Mapping) and depth < _MAX_DEPTH:
            yield from _texts(inside, depth + 1)


_LAYOUTS: tuple[Callable[[Document], Rows | None], ...] = (
    _split,
    _table,
    _by_column,
    _by_question,
    _by_id,
    _dbt,
    _listed,
)
