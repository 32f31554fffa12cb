"""Apply ALTER TABLE to a table of a script, in every spelling."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from sqltailor.sql.dialect.lexer import Token
from sqltailor.sql.schema import heirs
from sqltailor.sql.schema.create import Place
from sqltailor.sql.schema.cursor import Words, split_commas
from sqltailor.sql.schema.drafts import Draft
from sqltailor.sql.schema.namespaces import home_of
from sqltailor.sql.schema.script import TSQL_LIKE
from sqltailor.sql.schema.table_body import Key, read_body, read_definition

_NOT_COLUMNS = (("PARTITION",), ("PARTITIONS",), ("SUPPLEMENTAL", "LOG"), ("STATISTICS",), ("DEFAULT",),
                ("SYSTEM", "VERSIONING"), ("SEARCH", "OPTIMIZATION"), ("CLUSTERING", "KEY"), ("ROW", "ACCESS"),
                ("INDEX",), ("KEY",), ("CHECK",), ("TRIGGER",), ("PROJECTION",), ("PERIOD", "FOR"))  # fmt: skip
"""What ADD and DROP may name besides columns and keys."""
_NO_TYPES = frozenset({"SET", "DROP", "ADD", "RESET", "RESTART", "COMMENT", "NOT", "NULL", "DEFAULT", "CONSTRAINT",
                       "ENABLE", "DISABLE", "VISIBLE", "INVISIBLE", "GENERATED", "USING", "ENCODE", "OPTIONS", "CHECK",
                       "VISIBILITY", "UNIQUE", "PRIMARY", "REMOVE", "MASKING", "IDENTITY", "FIRST", "AFTER",
                       ""})  # fmt: skip


def alter(words: Words, place: Place) -> str:
    """Change the table that ALTER TABLE or ALTER VIEW names; return its name where the script has no such table."""
    if_exists = words.take("IF", "EXISTS")
    is_alone = words.take("ONLY")
    path = words.path()
    table = place.drafts.find(path, place.home)
    if table is None:
        return ".".join(path) if words.next_word() in _CHANGES and not if_exists else ""
    words.take("*")
    if words.take("ON", "CLUSTER"):
        words.skip()
    words.take("WITH", "CHECK") or words.take("WITH", "NOCHECK")
    before = ""
    children = [] if is_alone else place.drafts.family(table)[1:]
    for part in split_commas(words.tokens[words.place :]):
        if _is_about_columns(Words(part, words.base)):
            for child in children:
                _act(Words(part, words.base), child, place, before)
        before = _act(Words(part, words.base), table, place, before)
    return ""


def _is_about_columns(action: Words) -> bool:
    """Tell whether an action changes columns, which partitions and heirs have, too; keys are a table's own."""
    verb = action.next_word()
    action.skip()
    return verb in ("ADD", "DROP", "ALTER", "RENAME") and action.next_word() not in (
        "CONSTRAINT", "PRIMARY", "FOREIGN", "UNIQUE", "CHECK", "EXCLUDE", "TO")  # fmt: skip


def _act(action: Words, table: Draft, place: Place, before: str) -> str:
    """Do one of the actions between commas; what has no verb goes on with that `before`: ADD a INT, b INT."""
    verb = "DROP COLUMN" if action.take("DROP", "COLUMN") else action.next_word()
    if verb != "DROP COLUMN" and verb in _ACTIONS:
        action.skip()
    elif verb not in _ACTIONS:
        verb = before
    if verb in _ACTIONS:
        _ACTIONS[verb](action, table, place)
    return verb


def _add(action: Words, table: Draft, place: Place) -> None:
    is_column = action.take("COLUMN") or action.take("COLUMNS") or action.take("ATTRIBUTE")
    action.take("IF", "NOT", "EXISTS")
    if not is_column and any(action.ahead().take(*words) for words in _NOT_COLUMNS[:9]):
        return
    what = f"The table '{'.'.join(table.path)}'"
    group = action.group(what)
    body = read_body(group if group is not None else action.tokens[action.place :], action.base, what)
    for column in body.columns:
        if table.column(column.name) is None:
            table.columns.append(column)
            _move(action.tokens, table, column.name, action.base)
    table.keys += body.keys


def _move(tokens: list[Token], table: Draft, name: str, base: str) -> None:
    """Put a column where MySQL's FIRST or AFTER x says."""
    solid = [token for token in tokens if not token.is_blank]
    column = next(c for c in table.columns if c.name == name)
    if solid and solid[-1].raw.upper() == "FIRST":
        table.columns.remove(column)
        table.columns.insert(0, column)
    elif len(solid) > 1 and solid[-2].raw.upper() == "AFTER":
        other = table.column(Words(solid[-1:], base).name() or "")
        if other is not None and table.columns[other] is not column:
            behind = table.columns[other]
            table.columns.remove(column)
            table.columns.insert(table.columns.index(behind) + 1, column)


def _drop(action: Words, table: Draft, place: Place) -> None:
    if action.take("PRIMARY", "KEY"):
        table.keys = [key for key in table.keys if key.targets is not None]
    elif action.take("CONSTRAINT") or action.take("FOREIGN", "KEY"):
        action.take("IF", "EXISTS")
        _drop_constraint(table, action.name() or "")
    elif (
        action.take("COLUMNS")
        or action.take("ATTRIBUTE")
        or not any(action.ahead().take(*words) for words in _NOT_COLUMNS)
    ):
        if action.base in TSQL_LIKE and not action.take("COLUMN"):  # a name alone is that of a constraint
            _drop_constraint(table, action.name() or "")
        else:
            _drop_columns(action, table, place)


def _drop_columns(action: Words, table: Draft, place: Place) -> None:
    """DROP COLUMN a, DROP (a, b)."""
    action.take("IF", "EXISTS")
    group = action.group("")
    for part in split_commas(group) if group is not None else [action.tokens[action.place :]]:
        name = Words(part, action.base).name()
        number = table.column(name) if name else None
        if number is not None:
            gone = table.columns.pop(number).name.lower()
            table.keys = [key for key in table.keys if gone not in (column.lower() for column in key.columns)]


def _drop_constraint(table: Draft, name: str) -> None:
    """Take a key away by its name, given or as PostgreSQL makes it."""
    lower, own = name.lower(), table.path[-1].lower()

    def is_meant(key: Key) -> bool:
        if key.name:
            return key.name.lower() == lower
        ending = "pkey" if key.targets is None else "_".join([*(c.lower() for c in key.columns), "fkey"])
        return lower == f"{own}_{ending}"

    table.keys = [key for key in table.keys if not is_meant(key)]


def _alter_column(action: Words, table: Draft, place: Place) -> None:
    """ALTER COLUMN a …, MODIFY a …, MODIFY (a …, b …)."""
    action.take("COLUMN")
    action.take("IF", "EXISTS")
    group = action.group("")
    for part in split_commas(group) if group is not None else [action.tokens[action.place :]]:
        _retype(Words(part, action.base), table)


def _retype(words: Words, table: Draft) -> None:
    name = words.name()
    number = table.column(name) if name else None
    if number is None:
        return
    old = table.columns[number]
    if not (words.take("TYPE") or words.take("SET", "DATA", "TYPE") or words.take("SET", "TYPE")):
        if words.take("COMMENT"):
            table.columns[number] = dataclasses.replace(old, comment=words.string())
            return
        if words.take("SET", "OPTIONS"):
            comment = Words(words.group("") or [], words.base).option("DESCRIPTION")
            table.columns[number] = dataclasses.replace(old, comment=comment or old.comment)
            return
        if words.next_word() in _NO_TYPES:
            return
    column, keys = read_definition(old.name, words, (), f"The table '{'.'.join(table.path)}'")
    table.columns[number] = dataclasses.replace(old, type=column.type, comment=column.comment or old.comment)
    table.keys += keys
    _move(words.tokens, table, old.name, words.base)


def _change(action: Words, table: Draft, place: Place) -> None:
    """CHANGE [COLUMN] old new type."""
    action.take("COLUMN")
    action.take("IF", "EXISTS")
    old = action.name()
    new = action.ahead().name()
    if old and new and place.drafts.rename_column(table, old, new):
        _retype(action, table)


def _rename(action: Words, table: Draft, place: Place) -> None:
    if action.take("TO") or action.take("AS"):
        rename_table(table, action.path(), place, action.base)
    elif action.next_word() in ("CONSTRAINT", "INDEX", "KEY", "PARTITION", "TRIGGER"):
        return
    else:
        action.take("COLUMN") or action.take("ATTRIBUTE")
        action.take("IF", "EXISTS")
        first = action.path()
        new = action.name() if action.take("TO") or action.take("AS") else None
        if new is not None:
            place.drafts.rename_column(table, first[-1], new)
        elif first and action.next() is None:  # MySQL: RENAME new_name
            rename_table(table, first, place, action.base)


def rename_table(table: Draft, path: list[str], place: Place, base: str) -> None:
    """Rename a table; a bare new name stays in its namespace."""
    if not path:
        return
    if len(path) == 1:
        path = [*table.path[:-1], *path]
    else:
        table.home = home_of(path, place.home, base)
    place.drafts.rename(table, path)


def _set(action: Words, table: Draft, place: Place) -> None:
    if action.take("SCHEMA"):
        namespace = action.name()
        table.home = []
        place.drafts.rename(table, [*([namespace] if namespace else []), table.path[-1]])
    elif action.take("UNUSED"):
        action.take("COLUMN")
        _drop_columns(action, table, place)
    elif action.take("COMMENT"):
        action.take("=")
        table.comment = action.string()


def _replace(action: Words, table: Draft, place: Place) -> None:
    """Hive's REPLACE COLUMNS (…)."""
    if action.take("COLUMNS"):
        group = action.group("") or []
        kept = [c for c in table.columns if c.name.lower() in table.partitions]
        table.columns = read_body(group, action.base, f"The table '{'.'.join(table.path)}'").columns + kept


def _comment(action: Words, table: Draft, place: Place) -> None:
    """ClickHouse's COMMENT COLUMN a 'x', and MySQL's COMMENT = 'x'."""
    if action.take("COLUMN"):
        action.take("IF", "EXISTS")
        number = table.column(action.name() or "")
        if number is not None:
            table.columns[number] = dataclasses.replace(table.columns[number], comment=action.string())
        return
    action.take("=")
    table.comment = action.string() or table.comment


_ACTIONS: dict[str, Callable[[Words, Draft, Place], None]] = {
    "ADD": _add,
    "DROP": _drop,
    "DROP COLUMN": _drop_columns,
    "ALTER": _alter_column,
    "MODIFY": _alter_column,
    "CHANGE": _change,
    "RENAME": _rename,
    "SET": _set,
    "REPLACE": _replace,
    "COMMENT": _comment,
    "ATTACH": heirs.attach,
    "DETACH": heirs.detach,
    "INHERIT": heirs.inherit,
    "NO": heirs.no_inherit,
}


_CHANGES = frozenset(_ACTIONS) - {"SET", "COMMENT", "NO", "DROP", "DROP COLUMN"} | {"WITH"}
"""What is told of a table that the script does not create: what is dropped from it is lost anyway."""
