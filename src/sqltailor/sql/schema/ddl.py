"""A schema from DDL text: a file of CREATE TABLE statements, a dump, or the loose text of public sets, in any dialect.

Our own reader: only names, types, keys and comments count, and databases know more types and options than any parser.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from sqltailor.errors import DataError
from sqltailor.sql.dialect import load_dialect
from sqltailor.sql.dialect.lexer import Token, lex
from sqltailor.sql.schema.compare import find_table
from sqltailor.sql.schema.cursor import Words, split_commas
from sqltailor.sql.schema.loose_ddl import loose_tables
from sqltailor.sql.schema.table_body import Body, read_body, with_keys
from sqltailor.sql.schema.views import selected_columns, view_query
from sqltailor.types import Schema, Table


def from_ddl(ddl: str, dialect: str = "sqlite", *, loose: bool = False) -> Schema:
    """Return the schema that `CREATE TABLE`, `CREATE VIEW`, `COMMENT ON` and `ALTER TABLE … ADD` statements describe.

    Types keep their spelling; a column that has none has the type `""`. Other statements, and the rows of a dump, are
    passed over. A column's comment is `COMMENT 'x'`, `COMMENT ON`, or an SQL comment behind it or on the lines above
    it; a table's stands behind its name. `loose` accepts the style of sql-create-context: bare names such as
    `5th_place` or `order`, tables joined by `;` or `,`. Raises `DataError` when there is no table, or one cannot be
    read.
    """
    base = load_dialect(dialect).base
    tables = list(loose_tables(ddl, base)) if loose else _read(ddl, base)
    if not tables:
        raise DataError("The schema has no CREATE TABLE statement.")
    return Schema(tuple(tables))


# what psql reads and no lexer should: the rows behind COPY, and commands that begin with a backslash
_PSQL = re.compile(r"^COPY [^;\n]* FROM stdin[^;\n]*;\n(?s:.*?)^\\\.$|^\\\w.*$", re.MULTILINE | re.IGNORECASE)

_Tables = dict[tuple[str | None, str], Table]
"""Tables by namespace and name."""


def _read(ddl: str, base: str) -> list[Table]:
    tables: _Tables = {}
    for statement in _statements(_PSQL.sub("", ddl), base):
        words = Words(statement, base)
        if words.take("CREATE"):
            table = _create(words, tables, base)
            if table is not None:
                tables.setdefault((table.namespace, table.name), table)
        elif words.take("COMMENT", "ON"):
            _comment(words, tables)
        elif words.take("ALTER", "TABLE"):
            _alter(words, tables)
    return list(tables.values())


def _statements(ddl: str, base: str) -> Iterator[list[Token]]:
    statement: list[Token] = []
    for token in lex(ddl, base):
        if token.raw == ";":
            yield statement
            statement = []
        elif statement or not token.is_blank:
            statement.append(token)
    yield statement


_NO_TABLES = frozenset({"INDEX", "TRIGGER", "FUNCTION", "PROCEDURE", "SEQUENCE", "TYPE", "SCHEMA", "DATABASE", "ROLE",
                        "USER", "RULE", "POLICY", "DOMAIN", "EXTENSION", "AGGREGATE", "OPERATOR", "CAST", "SERVER",
                        "EVENT", "TABLESPACE", "MACRO", "SECRET", "(", "AS", "ON"})  # fmt: skip


def _create(words: Words, tables: _Tables, base: str) -> Table | None:
    while (word := words.next_word()) not in ("TABLE", "VIEW"):
        if word == "" or word in _NO_TABLES:
            return None
        words.skip()
    words.skip()
    words.take("IF", "NOT", "EXISTS")
    path = words.path()
    if not path:
        raise DataError(f"A CREATE {word} statement has no name: {words.rest()[:60]!r}")
    place = f"The {word.lower()} '{'.'.join(path)}'"
    notes = words.notes()
    body = _body(words, tables, base, place)
    comment = words.option("COMMENT") or " ".join(filter(None, [*notes, *body.notes]))
    columns = tuple(with_keys(body.columns, body.keys))
    if not columns:
        raise DataError(f"{place} has no columns that can be read. List them: CREATE {word} name (a INTEGER, b TEXT).")
    query = view_query(words.rest(), base) if word == "VIEW" else None
    return Table(path[-1], columns, path[-2] if len(path) > 1 else None, comment or None, word == "VIEW", query)


def _body(words: Words, tables: _Tables, base: str, place: str) -> Body:
    if words.take("PARTITION", "OF") or words.take("LIKE"):
        parent = _find(tables, words.path())
        return Body(list(parent.columns) if parent else [])
    if words.take("USING"):  # a virtual table: its module's arguments are columns, or settings
        words.skip()
    group = words.group(place)
    inner = Words(group or [], base)
    if base != "sqlite" and inner.take("LIKE"):
        parent = _find(tables, inner.path())
        return Body(list(parent.columns) if parent else [])
    body = read_body(group, base, place) if group is not None else Body([])
    query = words.after("AS")
    if query and not body.columns:
        body = Body(selected_columns(query, list(tables.values()), base))
    elif query:
        types = selected_columns(query, list(tables.values()), base)
        if len(types) == len(body.columns):
            paired = zip(body.columns, types, strict=True)
            body = body._replace(columns=[c if c.type else dataclasses.replace(c, type=t.type) for c, t in paired])
    return body


def _find(tables: _Tables, path: list[str]) -> Table | None:
    """Return the table that a path names: its own spelling first, then in any case and any namespace."""
    if not path:
        return None
    spelled = tables.get((path[-2] if len(path) > 1 else None, path[-1]))
    return spelled or find_table(Schema(tuple(tables.values())), path[-1], path[-2] if len(path) > 1 else None)


def _comment(words: Words, tables: _Tables) -> None:
    words.take("MATERIALIZED")
    kind = words.next_word()
    words.skip()
    path = words.path()
    if kind not in ("TABLE", "VIEW", "COLUMN") or not path or not words.take("IS"):
        return
    text = words.string()
    table = _find(tables, path if kind != "COLUMN" else path[:-1])
    if table is None:
        return
    if kind == "COLUMN":
        columns = [
            dataclasses.replace(c, comment=text) if c.name.lower() == path[-1].lower() else c for c in table.columns
        ]
        table = dataclasses.replace(table, columns=tuple(columns))
    else:
        table = dataclasses.replace(table, comment=text)
    tables[table.namespace, table.name] = table


def _alter(words: Words, tables: _Tables) -> None:
    words.take("IF", "EXISTS")
    words.take("ONLY")
    table = _find(tables, words.path())
    if table is None:
        return
    for action in split_commas(words.tokens[words.place :]):
        change = Words(action, words.base)
        if not change.take("ADD"):
            continue
        change.take("COLUMN")
        change.take("IF", "NOT", "EXISTS")
        body = read_body(change.tokens[change.place :], words.base, f"The table '{table.name}'")
        table = dataclasses.replace(table, columns=tuple(with_keys([*table.columns, *body.columns], body.keys)))
    tables[table.namespace, table.name] = table
