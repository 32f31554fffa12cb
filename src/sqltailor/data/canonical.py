"""Gold SQL and schemas in the one form that models are trained, prompted and scored on."""

from __future__ import annotations

import dataclasses
import re
from functools import lru_cache

from sqltailor.data.rows import RowError
from sqltailor.dialect import canonical, relex
from sqltailor.errors import DataError, SQLError
from sqltailor.prompt import DECLINE
from sqltailor.schema import from_ddl, names, to_ddl
from sqltailor.types import Example, Schema

_NAME = r'(?:\w+|"[^"]+")'
_BARE = re.compile(
    rf"\s*(?:CREATE TABLE {_NAME} ?\({_NAME} [A-Za-z]+(?:, ?{_NAME} [A-Za-z]+)*\)\s*[;,]?\s*)+", re.IGNORECASE
)
"""DDL of nothing but names and one-word types: read twenty times faster without a parser."""


@lru_cache(maxsize=4096)
def read_schema_text(ddl: str, dialect: str = "sqlite") -> Schema:
    """Return the schema that DDL text describes (remembered); raises `RowError`.

    Text that is no proper DDL is read in the loose style of the public sets before it is given up.
    """
    try:
        return from_ddl(ddl, dialect, loose=_BARE.fullmatch(ddl) is not None)
    except DataError as e:
        try:
            return from_ddl(ddl, dialect, loose=True)
        except DataError:
            raise RowError("broken_schema", str(e)) from e


@lru_cache(maxsize=4096)
def _canonical_schema(ddl: str, dialect: str) -> tuple[str, frozenset[str]]:
    schema = read_schema_text(ddl, dialect)
    return to_ddl(schema, dialect), frozenset(names(schema))


def from_loose(example: Example, *, loose_schema: bool = False) -> Example:
    """Return an example of a public set with canonical SQL, and canonical DDL where its own is loose.

    Raises `RowError` when either cannot be read.
    """
    ddl, known = _canonical_schema(example.schema, example.dialect) if example.schema else (None, frozenset[str]())
    try:
        sql = tuple(relex(text, known, example.dialect) for text in example.sql)
    except SQLError as e:
        raise RowError("unparsed", str(e)) from e
    return dataclasses.replace(example, schema=ddl if loose_schema else example.schema, sql=sql)


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
