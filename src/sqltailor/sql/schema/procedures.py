"""Apply what T-SQL changes by procedures: names, and the descriptions in extended properties."""

from __future__ import annotations

import dataclasses

from sqltailor.sql.dialect.lexer import lex
from sqltailor.sql.schema.alter import rename_table
from sqltailor.sql.schema.create import Place
from sqltailor.sql.schema.cursor import Words, split_commas


def call(words: Words, place: Place) -> str | None:
    """Do what EXEC calls here; return the name of a table that the script does not have, None for other procedures."""
    ahead = words.ahead()
    procedure = "".join(ahead.path()[-1:]).lower()
    if procedure == "sp_rename":
        return _rename(_arguments(ahead), words.base, place)
    if procedure in ("sp_addextendedproperty", "sp_updateextendedproperty"):
        _describe(_arguments(ahead), place)
        return ""
    return None


def _arguments(words: Words) -> dict[str, str]:
    """Return the texts of the arguments by their name, `@newname`, or their number, `0`."""
    given: dict[str, str] = {}
    for number, part in enumerate(split_commas(words.tokens[words.place :])):
        argument = Words(part, words.base)
        key = str(number)
        if argument.take("@"):
            key = "@" + (argument.name() or "").lower()
            argument.take("=")
        argument.take("N")
        text = argument.string()
        given[key] = text if text is not None else argument.name() or ""
    return given


def _rename(given: dict[str, str], base: str, place: Place) -> str:
    """EXEC sp_rename 'dbo.t.a', 'b', 'COLUMN'."""
    old = given.get("@objname") or given.get("0", "")
    new = (given.get("@newname") or given.get("1", "")).strip("[]")
    kind = (given.get("@objtype") or given.get("2", "")).upper()
    path = Words(list(lex(old, base)), base).path()
    if not new or kind not in ("", "COLUMN", "OBJECT"):
        return ""
    table = place.drafts.find(path[:-1] if kind == "COLUMN" else path, place.home)
    if table is None:
        return old if kind == "COLUMN" else ""  # else it may be an index or a constraint
    if kind == "COLUMN":
        place.drafts.rename_column(table, path[-1], new)
    else:
        rename_table(table, [new], place, base)
    return ""


def _describe(given: dict[str, str], place: Place) -> None:
    """EXEC sp_addextendedproperty 'MS_Description', 'the text', 'SCHEMA', dbo, 'TABLE', t, 'COLUMN', a."""
    named = ["@name", "@value", *(f"@level{i}{what}" for i in range(3) for what in ("type", "name"))]
    values = [given.get(name) or given.get(str(number), "") for number, name in enumerate(named)]
    name, text, _, namespace, kind, table_name, below, column_name = values
    if name.lower() != "ms_description" or kind.upper() not in ("TABLE", "VIEW"):
        return
    table = place.drafts.find([namespace, table_name] if namespace else [table_name], place.home)
    if table is None:
        return
    if below.upper() != "COLUMN":
        table.comment = table.comment if below and below.upper() != "NULL" else text
    elif (number := table.column(column_name)) is not None:
        table.columns[number] = dataclasses.replace(table.columns[number], comment=text)
