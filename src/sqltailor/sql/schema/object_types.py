"""CREATE TYPE … AS (…): the columns of the tables and views that are made OF the type."""

from __future__ import annotations

from sqltailor.sql.schema.create import Place
from sqltailor.sql.schema.cursor import Words, split_commas
from sqltailor.sql.schema.drafts import Draft
from sqltailor.sql.schema.table_body import read_body
from sqltailor.types import Column

_NO_ATTRIBUTES = frozenset({"FUNCTION", "PROCEDURE", "PRAGMA"})


def read_object_type(words: Words, place: Place) -> None:
    """Remember a type that has attributes; `words` stand behind CREATE."""
    while words.next_word() in ("OR", "REPLACE", "EDITIONABLE", "NONEDITIONABLE"):
        words.skip()
    if not words.take("TYPE") or words.next_word() == "BODY":
        return
    path = words.path()
    while words.next_word() in ("FORCE", "OID", "TIMESTAMP", "AUTHID", "CURRENT_USER", "DEFINER"):
        words.skip()
        words.string()
    columns: list[Column] = []
    if words.take("UNDER"):
        parent = place.types.find(words.path(), place.home)
        columns += parent.columns if parent else []
    elif words.take("AS") or words.take("IS"):
        words.take("OBJECT")
    what = f"The type '{'.'.join(path)}'"
    group = words.group(what)
    if group is None:  # an enumeration, a collection, or what only a database's own programs see
        return
    for part in split_commas(group):
        if not _NO_ATTRIBUTES & {token.raw.upper() for token in part if token.kind == "word"}:
            columns += read_body(part, words.base, what).columns
    if before := place.types.exact(path, place.home):
        place.types.remove(before)
    place.types.add(Draft(path, list(place.home), columns))
