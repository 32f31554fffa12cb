"""The columns that a view's query gives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqltailor.errors import SQLError
from sqltailor.sql.dialect import parse
from sqltailor.sql.dialect.lexer import lex
from sqltailor.sql.schema.cursor import Words
from sqltailor.types import Column, Table

if TYPE_CHECKING:
    from sqlglot import exp

_TRAILER = re.compile(r"\bWITH\s+(?:(?:LOCAL|CASCADED)\s+)?(?:CHECK\s+OPTION|(?:NO\s+)?DATA)\s*\Z", re.IGNORECASE)


def view_query(create: str, base: str) -> str | None:
    """Return the SELECT of a CREATE VIEW statement, without comments; None when there is none.

    >>> view_query("CREATE VIEW v (x) AS SELECT a /* the a */ FROM t WITH CHECK OPTION", "postgres")
    'SELECT a  FROM t'
    """
    query = Words(list(lex(create, base)), base).after("AS")
    bare = "".join("" if token.kind == "comment" else token.raw for token in lex(query, base))
    return _TRAILER.sub("", bare).strip(" \t\r\n;") or None


def selected_columns(query: str, tables: list[Table], base: str) -> list[Column]:
    """Return the columns of a query on known tables, with their types where they are plain columns of those.

    `*` is written out. What has no name is left out, and so is everything of a query that cannot be read.
    """
    from sqlglot import exp

    try:
        tree = parse(_TRAILER.sub("", query), base)
    except SQLError:
        return []
    if not isinstance(tree, exp.Query):
        return []
    sources = _sources(tree, tables)
    columns: list[Column] = []
    for item in tree.selects:
        column = item.unalias()
        if isinstance(column, exp.Star) or (isinstance(column, exp.Column) and isinstance(column.this, exp.Star)):
            of = column.table.lower() if isinstance(column, exp.Column) else None
            columns += [Column(c.name, c.type) for name, t in sources.items() if of in (None, name) for c in t.columns]
        elif item.alias_or_name:
            columns.append(Column(item.alias_or_name, _type(column, sources)))
    return columns


def _sources(tree: exp.Query, tables: list[Table]) -> dict[str, Table]:
    from sqlglot import exp

    select = tree.find(exp.Select)
    by_name = {t.name.lower(): t for t in reversed(tables)}
    found = {}
    for table in select.find_all(exp.Table) if select else ():
        if table.find_ancestor(exp.Select) is select and table.name.lower() in by_name:
            found[table.alias_or_name.lower()] = by_name[table.name.lower()]
    return found


def _type(item: object, sources: dict[str, Table]) -> str:
    from sqlglot import exp

    if not isinstance(item, exp.Column):
        return ""
    of = item.table.lower()
    named = (c for name, t in sources.items() if of in ("", name) for c in t.columns)
    return next((c.type for c in named if c.name.lower() == item.name.lower()), "")
