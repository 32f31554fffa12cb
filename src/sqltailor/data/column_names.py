"""Names of columns, compared as people write them: `SQL Query`, `sql-query` and `sqlQuery` are all `sql_query`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

_APART = re.compile(r"[\s_-]+")


@lru_cache(4096)
def folded(name: str) -> str:
    """Return a name without case, spaces, hyphens and underscores.

    >>> folded("SQL Query") == folded("sql_query") == folded("sqlQuery")
    True
    """
    return _APART.sub("", name.casefold())


def column_called(names: Sequence[str], columns: Iterable[str]) -> str | None:
    """Return the column that has the first of these names that any has; of several, the one written exactly so.

    >>> column_called(("question", "ask"), ["Ask", "Question"])
    'Question'
    """
    return _called(tuple(names), tuple(map(str, columns)))


@lru_cache(1024)
def _called(names: tuple[str, ...], columns: tuple[str, ...]) -> str | None:
    by_name = {folded(column): column for column in reversed(columns)}
    found = (name if name in columns else by_name.get(folded(name)) for name in names)
    return next((column for column in found if column is not None), None)


def cell_called(names: Sequence[str], row: Mapping[str, Any]) -> Any | None:
    """Return the first value of a row under one of these names that is not None."""
    columns = (column_called((name,), row) for name in names)
    return next((row[column] for column in columns if column is not None and row[column] is not None), None)
