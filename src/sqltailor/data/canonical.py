"""Gold SQL and schemas in the one form that models are trained, prompted and scored on."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from sqltailor.data.rows import RowError
from sqltailor.errors import DataError, SQLError
from sqltailor.prompt.ending import BEGINS, COMMANDS, plain_statement
from sqltailor.prompt.extract import declined, extract, is_declined
from sqltailor.sql.dialect import as_sqlite_reads, load_dialect, parse, parse_loose, relex, write
from sqltailor.sql.dialect.lexer import trimmed
from sqltailor.sql.dialect.names import is_odd
from sqltailor.sql.schema import from_ddl, to_ddl
from sqltailor.sql.schema.ddl import Reading, read_ddl
from sqltailor.sql.schema.remember import remembered
from sqltailor.sql.schema.unknown_names import known_names
from sqltailor.types import Example, Schema

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

_NAME = r'(?:\w+|"[^"]+")'
_BARE = re.compile(
    rf"\s*+(?:CREATE TABLE {_NAME} ?\({_NAME} [A-Za-z]+(?:, ?{_NAME} [A-Za-z]+)*\)\s*+[;,]?\s*+)+", re.IGNORECASE
)
"""DDL of nothing but names and one-word types: read twenty times faster without a parser."""

_LONG_SPACE = re.compile(r"\s{9,}")
"""Other patterns would take quadratic time on it."""


_written: dict[tuple[str, str], Schema] = {}
"""What was written from which schema: it need not be read again."""


def read_schema_text(ddl: str, dialect: str = "sqlite") -> Schema:
    """Return the schema that DDL text describes (remembered); raises `RowError`.

    Text that is no proper DDL is read in the loose style of the public sets before it is given up.
    """
    return _written.get((ddl, dialect)) or _read(ddl, dialect).schema


def is_read_in_part(ddl: str, dialect: str = "sqlite") -> bool:
    """Tell whether DDL text has something that is not understood, beside tables that are."""
    return (ddl, dialect) not in _written and bool(_read(ddl, dialect).unread)


@lru_cache(maxsize=4096)
def _read(ddl: str, dialect: str) -> Reading:
    ddl = _LONG_SPACE.sub(lambda found: "\n" if "\n" in found[0] else " ", ddl)
    try:
        if _BARE.fullmatch(ddl) is not None:
            return _read_loosely(ddl, dialect)
        reading = read_ddl([("", ddl)], dialect)
    except DataError as e:
        try:
            return _read_loosely(ddl, dialect)
        except DataError:
            raise RowError("broken_schema", str(e)) from e
    if reading.lost_tables:
        with contextlib.suppress(DataError):
            return _read_loosely(ddl, dialect)
    return reading


def _read_loosely(ddl: str, dialect: str) -> Reading:
    schema = from_ddl(ddl, dialect, loose=True)
    return Reading(schema, len(schema.tables))


@lru_cache(maxsize=4096)
def canonical_ddl(ddl: str, dialect: str = "sqlite") -> str:
    """Return DDL text as SQLTailor writes it, or as it is where a part of it is not understood; raises `RowError`."""
    schema = read_schema_text(ddl, dialect)
    if is_read_in_part(ddl, dialect):
        return ddl
    text = to_ddl(schema, dialect)
    if len(_written) >= 4096:
        _written.clear()
    _written[text, dialect] = schema
    return text


def from_loose(example: Example) -> Example:
    """Return an example of a public set with canonical SQL; raises `RowError` when it cannot be read."""
    known = known_names(read_schema_text(example.schema, example.dialect)).all if example.schema else frozenset[str]()
    try:
        sql = tuple(relex(text, known, example.dialect) for text in example.sql)
    except SQLError as e:
        raise RowError("unparsed", str(e)) from e
    return dataclasses.replace(example, sql=sql)


def as_meant(example: Example, schema: Schema | None = None) -> Example:
    """Return an example of SQLite's dialect whose gold SQL says what SQLite takes it for.

    A double-quoted word that names nothing is text. An example that brings its own schema, with names that no database
    takes bare, is read by the public sets' rule, if it can be. `schema` is that of the others.
    """
    if load_dialect(example.dialect).base != "sqlite":
        return example
    try:
        own = read_schema_text(example.schema, example.dialect) if example.schema is not None else schema
    except RowError:  # which whoever needs the schema says
        return example
    if own is None:
        return example
    names = known_names(own).all
    is_loose = example.schema is not None and has_odd_names(own)

    def read(sql: str) -> str:
        text = as_sqlite_reads(sql, names) if '"' in sql else sql
        if not is_loose or is_declined(sql):
            return text
        try:
            loose = relex(sql, names, example.dialect)
        except SQLError:
            return text
        with contextlib.suppress(SQLError):
            return text if write(parse(text, example.dialect), example.dialect, keep=False) == loose else loose
        return loose

    return dataclasses.replace(example, sql=tuple(map(read, example.sql)))


@remembered(4096)
def has_odd_names(schema: Schema) -> bool:
    """Tell whether a schema has names that no database takes bare, such as `5th_place` or `order`."""
    return any(is_odd(name) for name in known_names(schema).all)


def parse_gold(
    sql: str, dialect: str, schema: Schema | None, *, loose: bool = False, from_dialect: str | None = None
) -> Expression:
    """Return the tree of one gold statement, moved from `from_dialect` to `dialect`; raises `RowError`.

    `loose` text is that of a public set. Elsewhere in SQLite, too, a double-quoted word that is no name of the schema
    is a text value: SQLite itself reads it so.
    """
    written = from_dialect or dialect
    try:
        if loose or (schema is not None and '"' in sql and load_dialect(written).base == "sqlite"):
            tree = parse_loose(sql, known_names(schema).all if schema is not None else (), written)
        else:
            tree = parse(sql, written)
        return parse(write(tree, dialect, keep=False), dialect) if from_dialect else tree
    except SQLError as e:
        raise RowError("unparsed", str(e)) from e


def gold_text(text: str, dialect: str) -> str | None:
    """Return the gold statement in a text as `extract` reads answers, or what declines; None when it holds none.

    Several statements, and those that are no queries, stay as they are: what learns from them must see them whole.
    """
    if is_declined(text):
        return declined(extract(text, dialect).declined or "")
    if (plain := plain_statement(text)) is not None:
        return plain
    bare = trimmed(text, load_dialect(dialect).base)
    first = re.match(r"\w*", bare)
    if first is not None and first[0].upper() in COMMANDS and not BEGINS.match(bare):
        return bare
    return extract(text, dialect).sql
