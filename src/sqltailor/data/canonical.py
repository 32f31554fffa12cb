"""Gold SQL and schemas in the one form that models are trained, prompted and scored on."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

from sqltailor.data.rows import RowError
from sqltailor.dialect import canonical, relex
from sqltailor.errors import DataError, SQLError
from sqltailor.prompt import DECLINE
from sqltailor.schema import from_ddl, names, to_ddl
from sqltailor.types import Example, Schema


@lru_cache(maxsize=4096)
def read_schema_text(ddl: str, dialect: str = "sqlite", loose: bool = False) -> Schema:
    """Return the schema that DDL text describes (remembered); raises `RowError`.

    Text that is no proper DDL is read in the loose style of the public sets before it is given up.
    """
    try:
        return from_ddl(ddl, dialect, loose=loose)
    except DataError as e:
        if not loose:
            try:
                return from_ddl(ddl, dialect, loose=True)
            except DataError:
                pass
        raise RowError("broken_schema", str(e)) from e


@lru_cache(maxsize=4096)
def _loose_schema(ddl: str) -> tuple[str, frozenset[str]]:
    schema = read_schema_text(ddl, loose=True)
    return to_ddl(schema), frozenset(names(schema))


def from_loose(example: Example) -> Example:
    """Return an example of a public set with canonical SQL and DDL; raises `RowError` when it cannot be read."""
    ddl, known = _loose_schema(example.schema) if example.schema else (None, frozenset[str]())
    try:
        sql = tuple(relex(text, known, example.dialect) for text in example.sql)
    except SQLError as e:
        raise RowError("unparsed", str(e)) from e
    return dataclasses.replace(example, schema=ddl, sql=sql)


def canonical_gold(sql: str, dialect: str, known: frozenset[str] | None = None) -> str:
    """Return one gold statement in canonical form; raises `SQLError`.

    A declined answer stays as it is. With `known` names a double-quoted word that is none of them is a text value,
    as SQLite itself reads it.
    """
    if is_declined(sql):
        return sql.strip()
    return canonical(sql, dialect) if known is None or '"' not in sql else relex(sql, known, dialect)


def is_declined(sql: str) -> bool:
    """Tell whether a gold text says that the question cannot be answered."""
    return sql.lstrip().lower().startswith(DECLINE)
