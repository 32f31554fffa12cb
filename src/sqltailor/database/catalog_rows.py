"""A schema from the rows of a database's own catalog."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from sqltailor.database.process import Child
from sqltailor.types import Column, Reference, Schema, Table

TIMEOUT_S = 60.0
MOST_COLUMNS = 200_000


def read_catalog(child: Child, columns_sql: str, references_sql: str) -> Schema:
    """Return the schema that two statements list.

    `columns_sql`: the namespace that statements write (null for none), table, its true namespace, is it a view, its
    comment, column, type, is it a primary key, its comment, a view's query. `references_sql`: true namespace,
    table, column, and what the foreign key points to: the namespace that a statement must write (null for none), table,
    column.
    """
    references = {
        (r[0], r[1], r[2]): Reference(str(r[4]), str(r[5]), _text(r[3])) for r in reversed(_ask(child, references_sql))
    }
    columns: dict[Any, list[Column]] = defaultdict(list)
    tables: dict[Any, Table] = {}
    for row in _ask(child, columns_sql):
        written, name, namespace, is_view, table_comment, column, kind, key, comment, query = row
        place = (namespace, name)
        columns[place].append(
            Column(str(column), str(kind), bool(key), references.get((*place, column)), _text(comment))
        )
        home = () if written or not namespace else (str(namespace),)  # which a statement may write all the same
        table = Table(str(name), (), _text(written), _text(table_comment), bool(is_view), _text(query), home=home)
        tables[place] = table
    return Schema(tuple(replace(table, columns=tuple(columns[place])) for place, table in tables.items()))


def _ask(child: Child, sql: str) -> list[Any]:
    return child.request(sql, timeout_s=TIMEOUT_S, max_rows=MOST_COLUMNS, catalog=True).rows


def _text(value: Any) -> str | None:
    return str(value) if value else None
