"""The body of CREATE TABLE, between its parentheses: columns, keys, and the comments beside them."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sqltailor.errors import DataError
from sqltailor.sql.dialect.lexer import Token
from sqltailor.sql.schema.column_type import read_type
from sqltailor.sql.schema.cursor import Words, note_text, split_commas
from sqltailor.sql.schema.notes import is_code
from sqltailor.types import Column, Reference


class Key(NamedTuple):
    """A primary key (no `targets`), or a foreign key with the column that each of its columns points to."""

    columns: list[str]
    targets: list[Reference] | None = None
    name: str = ""


class Body(NamedTuple):
    """Columns in their order and without keys, the keys, and comments on the table."""

    columns: list[Column]
    keys: tuple[Key, ...] = ()
    notes: tuple[str, ...] = ()


ParentColumns = Callable[[list[str]], list[Column]]
"""The columns of the table that a path names, for `LIKE t`; raises `DataError` when there is none."""


def read_body(tokens: list[Token], base: str, place: str, parent_columns: ParentColumns | None = None) -> Body:
    """Return the columns and keys between two parentheses; `place` begins the message of a `DataError`."""
    columns: list[Column] = []
    keys: list[Key] = []
    notes, items = _items(tokens)
    for item, comments in items:
        words = Words(item, base)
        if words.next() is None:
            continue
        if _is_constraint(words):
            keys += _keys(words, place)
        elif parent_columns is not None and words.take("LIKE"):
            columns += parent_columns(words.path())
        elif [t.raw for t in item if not t.is_blank][1:2] != ["="]:  # else a setting of a virtual table
            column, own = read_column(words, comments, place)
            columns.append(column)
            keys += own
    return Body(columns, tuple(keys), tuple(notes))


def with_keys(columns: Sequence[Column], keys: Sequence[Key]) -> list[Column]:
    """Return the columns with what the keys say about them."""
    primary = {name.lower() for key in keys if key.targets is None for name in key.columns}
    targets = {
        name.lower(): target
        for key in reversed(keys)
        for name, target in zip(key.columns, key.targets or [], strict=False)
    }
    return [
        dataclasses.replace(
            c,
            primary_key=c.primary_key or c.name.lower() in primary,
            references=c.references or targets.get(c.name.lower()),
        )
        for c in columns
    ]


def _items(tokens: list[Token]) -> tuple[list[str], list[tuple[list[Token], list[str]]]]:
    """Return the comments on the table, and each item with the comments on it."""
    items: list[tuple[list[Token], list[str]]] = []
    about_table: list[str] = []
    above: list[str] = []
    for part in split_commas(tokens):
        own, above = above, []
        begun = False
        for i, token in enumerate(part):
            if token.kind != "comment":
                begun = begun or not token.is_blank
                continue
            note = note_text(token.raw)
            if is_code(note):
                continue
            is_own_line = i > 0 and "\n" in part[i - 1].raw and part[i - 1].kind == "space"
            if is_own_line:
                # above the column that follows; lines such as `-- -----` say nothing
                (above if begun else own).extend([note] * bool(re.search(r"\w", note)))
            elif begun or not _is_last_on_line(part, i):
                own.append(note)
            else:
                (items[-1][1] if items else about_table).append(note)
        items.append((part, own))
    return about_table, items


def _is_last_on_line(part: list[Token], place: int) -> bool:
    following = part[place + 1 :]
    return part[place].raw[0] != "/" or not following or "\n" in following[0].raw


def _is_constraint(words: Words) -> bool:
    """Tell whether an item is a table's constraint or index; `key VARCHAR(9)` and `check INTEGER` are columns."""
    first, *rest = [t for t in words.tokens if not t.is_blank][:4]
    texts = [token.raw.upper() for token in rest] + [""] * 3
    if first.kind != "word":
        return False
    match first.raw.upper():
        case "PRIMARY" | "FOREIGN":
            return texts[0] == "KEY"
        case "CONSTRAINT":
            return bool(_OF_CONSTRAINTS & set(texts[:2]))
        case "CHECK" | "EXCLUDE":
            return texts[0] in ("(", "USING")
        case "UNIQUE" | "KEY" | "INDEX" | "FULLTEXT" | "SPATIAL" | "INVERTED" | "FAMILY":
            return texts[0] not in _OF_COLUMNS and _is_index(words.tokens, texts)
        case "PERIOD":
            return texts[0] == "FOR"
        case "SUPPLEMENTAL":
            return texts[0] == "LOG"
        case "PROJECTION":
            return texts[1:3] == ["(", "SELECT"]
    return False


_OF_CONSTRAINTS = frozenset("PRIMARY FOREIGN UNIQUE CHECK EXCLUDE NOT DEFAULT EXPECT CONNECTION".split())  # noqa: SIM905
# what begins the type or the rest of a column, though names in parentheses follow
_OF_COLUMNS = frozenset("STRUCT MAP UNION ROW GEOMETRY GEOGRAPHY CHECK DEFAULT AS".split())  # noqa: SIM905
_OF_INDEXES = frozenset("KEY INDEX NULLS USING CLUSTERED NONCLUSTERED".split())  # noqa: SIM905


def _is_index(tokens: list[Token], texts: list[str]) -> bool:
    if _OF_INDEXES & set(texts[:1]) or _OF_INDEXES - {"KEY"} & set(texts[1:3]):
        return True
    is_of_clickhouse = {"TYPE", "GRANULARITY"} & {token.raw.upper() for token in tokens[1:]}
    return bool(is_of_clickhouse) or ("(" in texts[:2] and _lists_names(tokens))


def _lists_names(tokens: list[Token]) -> bool:
    solid = [token for token in tokens if not token.is_blank]
    inside = next((after for t, after in itertools.pairwise(solid) if t.raw == "("), None)
    return inside is not None and (inside.kind in ("word", "quoted") or inside.raw == "(")


def _keys(words: Words, place: str) -> Iterator[Key]:
    name = ""
    if words.take("CONSTRAINT") and words.next_word() not in ("PRIMARY", "FOREIGN", "UNIQUE", "CHECK"):
        name = (words.path() or [""])[-1]
    kind = words.next_word()
    words.skip()
    if kind not in ("PRIMARY", "FOREIGN"):
        return
    while words.next() and words.next_word() != "(":
        words.skip()
    columns = _names(words.group(place) or [], words.base)
    if kind == "PRIMARY":
        yield Key(columns, None, name)
    elif words.take("REFERENCES"):
        yield Key(columns, _targets(words, place, len(columns)), name)


def _names(tokens: list[Token], base: str) -> list[str]:
    return [name for part in split_commas(tokens) if (name := Words(part, base).name()) is not None]


def _targets(words: Words, place: str, count: int) -> list[Reference]:
    """Read `table (a, b)`; without columns the target's primary key is meant, which is written `""`."""
    path = words.path()
    group = words.group(place)
    columns = _names(group, words.base) if group is not None else []
    table, namespace = (path or [""])[-1], path[-2] if len(path) > 1 else None
    return [Reference(table, columns[i] if i < len(columns) else "", namespace) for i in range(count)]


def read_column(words: Words, comments: Sequence[str], place: str) -> tuple[Column, list[Key]]:
    """Read one column: what it is, and its keys. `place` begins the message of a `DataError`."""
    if words.base == "sqlite":
        words.take("+")  # a column of a virtual table that is only stored
    name = words.name()
    if name is None:
        raise DataError(f"{place} cannot be read: a column definition cannot start with {words.rest()[:40]!r}.")
    return read_definition(name, words, comments, place)


def read_definition(name: str, words: Words, comments: Sequence[str], place: str) -> tuple[Column, list[Key]]:
    """Read the definition after a column's name."""
    kind = read_type(words, place)
    comment, constraint = None, ""
    keys: list[Key] = []
    while words.next() is not None:
        if words.take("CONSTRAINT"):
            constraint = words.name() or ""
        elif words.take("PRIMARY", "KEY"):
            keys.append(Key([name], None, constraint))
        elif words.take("REFERENCES"):
            keys.append(Key([name], _targets(words, place, 1), constraint))
        elif words.take("COMMENT"):
            words.take("=")
            comment = words.string()
        elif words.take("OPTIONS"):
            comment = Words(words.group(place) or [], words.base).option("DESCRIPTION") or comment
        elif words.group(place) is None:
            words.skip()
    return Column(name, kind, comment=comment or " ".join(filter(None, comments)) or None), keys
