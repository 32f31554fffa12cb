"""One CREATE TABLE or CREATE VIEW statement, as a draft."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from sqltailor.errors import DataError
from sqltailor.sql.dialect.lexer import Token
from sqltailor.sql.schema.cursor import Words, split_commas
from sqltailor.sql.schema.drafts import Draft, Drafts
from sqltailor.sql.schema.namespaces import home_of
from sqltailor.sql.schema.script import MYSQL_LIKE, TSQL_LIKE
from sqltailor.sql.schema.table_body import Body, read_body
from sqltailor.sql.schema.views import QUERY_STARTS, query_at, selected_columns
from sqltailor.types import Column

_NO_TABLES = frozenset({"INDEX", "TRIGGER", "FUNCTION", "PROCEDURE", "PROC", "PACKAGE", "SEQUENCE", "TYPE", "SCHEMA",
                        "DATABASE", "ROLE", "USER", "LOGIN", "RULE", "POLICY", "DOMAIN", "EXTENSION", "AGGREGATE",
                        "OPERATOR", "CAST", "SERVER", "EVENT", "TABLESPACE", "MACRO", "SECRET", "PUBLICATION",
                        "SUBSCRIPTION", "SYNONYM", "STATISTICS", "STREAM", "TASK", "PIPE", "STAGE", "FILE", "DIRECTORY",
                        "CONTEXT", "PROFILE", "COLLATION", "SEMANTIC", "(", "AS", "ON", ","})  # fmt: skip
# What stands before parentheses that hold no columns.
_OF_SETTINGS = frozenset({"WITH", "OPTIONS", "PROPERTIES", "TBLPROPERTIES", "SERDEPROPERTIES", "DBPROPERTIES", "BY",
                          "ON", "KEY", "HASH", "RANGE", "LIST", "LINEAR", "BUCKETS", "VALUES", "IN", "FROM", "TO",
                          "POLICY", "TAG", "STORAGE", "OID", "IDENTIFIER"})  # fmt: skip


class Place(NamedTuple):
    """Where a statement stands: tables and object types before it, and the qualifiers that the session has chosen."""

    drafts: Drafts
    home: list[str]
    types: Drafts

    def columns_of(self, path: list[str]) -> list[Column] | None:
        """Return the columns of a table, with no keys; None when there is no such table."""
        found = self.drafts.find(path, self.home)
        return list(found.columns) if found is not None else None


class Named(NamedTuple):
    """A CREATE statement's kind (TABLE or VIEW), the words after it, and its name."""

    kind: str
    path: list[str]
    is_new: bool
    replaces: bool
    notes: list[str]

    @property
    def what(self) -> str:
        """The object in words, for messages."""
        return f"the {self.kind.lower()} '{'.'.join(self.path)}'"


def created(words: Words) -> Named | None:
    """Read up to the name of a table or view; None for a statement that makes something else."""
    replaces, before = words.tokens[words.place - 1].raw.upper() == "ALTER", ""
    while (word := words.next_word()) not in ("TABLE", "VIEW"):
        if word == "" or word in _NO_TABLES:
            return None
        replaces = replaces or (before, word) == ("OR", "REPLACE") or word == "ALTER"
        before = word
        words.skip()
    words.skip()
    if word == "TABLE" and words.next_word() == "FUNCTION":
        return None
    is_new = words.take("IF", "NOT", "EXISTS")
    start = words.place
    path = words.path()
    is_variable = "$" in path and any(token.raw == "$" for token in words.tokens[start : words.place])
    is_new = words.take("IF", "NOT", "EXISTS") or is_new
    if not path and words.base in TSQL_LIKE and words.next_word() == "#":  # temporary
        return None
    if not path:
        raise DataError(f"A CREATE {word} statement has no name: {words.rest()[:60]!r}")
    if is_variable or words.ahead().next_word() == "{":
        raise DataError(f"A CREATE {word} statement takes its name from a variable that the script never sets.")
    return Named(word, path, is_new, replaces, words.notes())


def read_create(words: Words, named: Named, place: Place) -> Draft:
    """Return the draft of a table or view, read from behind its name; raises `DataError`."""
    what = named.what[0].upper() + named.what[1:]
    is_view = named.kind == "VIEW"
    found, body = _body(words, place, what, is_view=is_view)
    if not body.columns:
        raise DataError(
            f"{what} has no columns that can be read. List them: CREATE {named.kind} name (a INTEGER, b TEXT)."
        )
    comment = words.option("COMMENT") or _description(words) or " ".join(filter(None, [*named.notes, *body.notes]))
    home = home_of(named.path, place.home, words.base)
    query = found.query or None if is_view else None
    apart = frozenset(c.name.lower() for group in found.partitions for c in read_body(group, words.base, what).columns)
    draft = Draft(named.path, home, body.columns, list(body.keys), comment or None, is_view, query, apart)
    for path in found.parents:
        if parent := place.drafts.find(path, place.home):
            place.drafts.adopt(parent, draft)
    return draft


def read_select_into(words: Words, place: Place) -> Draft | None:
    """Return the table that SELECT … INTO t makes; None where a statement makes none. Raises `DataError`."""
    if words.base not in TSQL_LIKE and words.base not in ("postgres", "redshift"):
        return None
    ahead = words.ahead()
    while ahead.next() is not None and ahead.next_word() not in ("INTO", "FROM"):
        if ahead.group("A SELECT") is None:
            ahead.skip()
    if not ahead.take("INTO"):
        return None
    while ahead.next_word() in ("TEMPORARY", "TEMP", "UNLOGGED", "TABLE"):
        ahead.skip()
    path = ahead.path()
    if not path:  # a variable, or a temporary table: #t
        return None
    columns = selected_columns(query_at(words), place.columns_of, words.base)
    if not columns:
        raise DataError(f"The table '{'.'.join(path)}' is made by SELECT … INTO, and its columns cannot be read.")
    return Draft(path, home_of(path, place.home, words.base), columns)


def _description(words: Words) -> str | None:
    """Return BigQuery's OPTIONS (description = 'x')."""
    rest = Words(words.tokens[words.place :], words.base)
    while rest.next():
        if rest.take("OPTIONS"):
            return Words(rest.group("") or [], rest.base).option("DESCRIPTION")
        if rest.group("") is None:
            rest.skip()
    return None


class _Found(NamedTuple):
    group: list[Token] | None
    partitions: list[list[Token]]
    parents: list[list[str]]
    copied: list[str] | None
    of: list[str] | None
    query: str


def _body(words: Words, place: Place, what: str, *, is_view: bool) -> tuple[_Found, Body]:
    """Return what gives the columns, and columns and keys, with `words` behind the columns."""

    def parent_columns(path: list[str]) -> list[Column]:
        found = place.columns_of(path)
        if found is None:
            raise DataError(f"{what} takes its columns from '{'.'.join(path)}', which is not in the script.")
        return found

    found, behind = _clauses(words, what)
    body = Body([])
    if found.copied is not None:
        parent = place.drafts.find(found.copied, place.home)
        body = Body(parent_columns(found.copied), tuple(parent.keys) if parent else ())
    if found.group is not None:
        own = read_body(found.group, words.base, what, None if words.base == "sqlite" else parent_columns)
        body = own if found.copied is None else body._replace(keys=body.keys + own.keys)
    if found.of is not None:
        type_ = place.types.find(found.of, place.home)
        if type_ is None:
            raise DataError(f"{what} has the columns of the type '{'.'.join(found.of)}', which is not in the script.")
        body = body._replace(columns=type_.columns)
    for group in found.partitions:  # Hive, BigQuery: (day DATE); elsewhere the names of columns, or years(ts)
        more = read_body(group, words.base, what).columns
        known = {c.name.lower() for c in body.columns}
        more = [c for c in more if c.type and c.type[0] != "(" and c.name.lower() not in known]
        body = body._replace(columns=body.columns + more)
    if found.parents:
        inherited: dict[str, Column] = {}
        for column in [*(c for path in found.parents for c in parent_columns(path)), *body.columns]:
            inherited.setdefault(column.name.lower(), column)
        body = body._replace(columns=list(inherited.values()))
    words.place = behind
    return found, _with_query(body, found.query, place, words.base, is_view=is_view) if found.query else body


def _with_query(body: Body, query: str, place: Place, base: str, *, is_view: bool) -> Body:
    selected = selected_columns(query, place.columns_of, base)
    if not body.columns:
        return body._replace(columns=selected or [])
    if base in MYSQL_LIKE and not is_view:  # the table has columns of its own before those of the query
        own = {c.name.lower() for c in body.columns}
        more = [c for c in selected or () if c.name.lower() not in own]
        return body._replace(columns=[] if selected is None else body.columns + more)
    if selected is not None and len(selected) == len(body.columns):
        paired = zip(body.columns, selected, strict=True)
        return body._replace(columns=[c if c.type else dataclasses.replace(c, type=s.type) for c, s in paired])
    return body


def _clauses(words: Words, what: str) -> tuple[_Found, int]:
    """Find the parentheses with the columns among all clauses, and what else gives columns; `words` is not moved on.

    Also returns the place behind the columns, where options begin.
    """
    group: list[Token] | None = None
    copied: list[str] | None = None
    of: list[str] | None = None
    partitions: list[list[Token]] = []
    parents: list[list[str]] = []
    start, behind, before = words.place, words.place, ["", ""]
    query = ""
    while (token := words.next()) is not None:
        word = token.raw.upper()
        if word == "(":
            inside = words.group(what) or []
            first = Words(inside, words.base).next_word()
            if before[-1] == "INHERITS":
                parents = [Words(part, words.base).path() for part in split_commas(inside)]
            elif before in (["PARTITIONED", "BY"], ["PARTITION", "COLUMNS"]):
                partitions.append(inside)
            elif first in ("SELECT", "WITH") and group is None:
                query = "".join(token.raw for token in inside)
                break
            elif group is None and before[-1] not in _OF_SETTINGS and before != ["ENGINE", "="]:
                group, behind = inside, words.place
            before = [before[-1], ")"]
            continue
        at = words.place
        words.skip()
        if group is None and copied is None and _copies(word, before[-1]) and words.next_word() != "GRANTS":
            copied, behind = words.path(), words.place
            parents += [copied] if word == "OF" else []
            continue
        if word == "OF" and before[-1] == "":
            of, behind = words.path(), words.place
            before = [before[-1], "OF"]
            continue
        if word == "AS" and words.next_word() in QUERY_STARTS:
            query = query_at(words)
            break
        if word == "SELECT" and words.base in MYSQL_LIKE:  # needs no AS
            words.place = at
            query = query_at(words)
            break
        if word == "AS" and words.base == "clickhouse" and group is None:  # AS t; numbers(10) is a function
            path = words.path()
            if path and words.next_word() != "(":
                copied, behind = path, words.place
        before = [before[-1], word]
        if before[-1] == "=" and before[0] == "ENGINE":
            words.skip()
    words.place = start
    return _Found(group, partitions, parents, copied, of, query), behind


def _copies(word: str, before: str) -> bool:
    """Tell whether a word goes before the table that gives the columns: LIKE t, SHALLOW CLONE t, PARTITION OF t."""
    is_copy = word in ("LIKE", "CLONE", "COPY") and before in ("", "SHALLOW", "DEEP", "GRANTS")
    return is_copy or (before == "PARTITION" and word == "OF")
