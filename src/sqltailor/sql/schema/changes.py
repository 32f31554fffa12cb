"""Apply DROP, RENAME, TRANSFER and COMMENT ON to the tables of a script."""

from __future__ import annotations

import dataclasses

from sqltailor.sql.schema.alter import rename_table
from sqltailor.sql.schema.create import Place
from sqltailor.sql.schema.cursor import Words, split_commas


def drop(words: Words, place: Place) -> None:
    """Take away what DROP TABLE, DROP VIEW or DROP SCHEMA names, with its partitions, if it is there."""
    while words.next_word() in ("MATERIALIZED", "FOREIGN", "EXTERNAL", "TEMPORARY", "TEMP"):
        words.skip()
    kind = words.next_word()
    words.skip()
    if kind not in ("TABLE", "VIEW", "SCHEMA", "DATABASE"):
        return
    words.take("IF", "EXISTS")
    for part in split_commas(words.tokens[words.place :]):
        path = Words(part, words.base).path()
        if kind in ("TABLE", "VIEW"):
            found = place.drafts.find(path, place.home)
            if found is not None and found.is_view == (kind == "VIEW"):
                for member in place.drafts.family(found):
                    place.drafts.remove(member)
        elif path:
            for draft in place.drafts:
                if draft.full[-2:-1] == (path[-1],):
                    place.drafts.remove(draft)


def rename(words: Words, place: Place) -> str:
    """RENAME TABLE a TO b, c TO d; Oracle's RENAME a TO b. Return the name of a table that the script does not have."""
    missing = ""
    words.take("TABLE") or words.take("TABLES") or words.take("VIEW")
    for part in split_commas(words.tokens[words.place :]):
        pair = Words(part, words.base)
        path = pair.path()
        table = place.drafts.find(path, place.home)
        if table is None:
            missing = ".".join(path)
        elif pair.take("TO"):
            rename_table(table, pair.path(), place, words.base)
    return missing


def transfer(words: Words, place: Place) -> str:
    """T-SQL's ALTER SCHEMA s TRANSFER a.t. Return the name of a table that the script does not have."""
    namespace = words.name()
    if not namespace or not words.take("TRANSFER"):
        return ""
    is_object = words.take("OBJECT") and words.take("::")
    path = words.path()
    if not is_object and words.take("::"):  # TYPE::t, XML SCHEMA COLLECTION::t
        return ""
    table = place.drafts.find(path, place.home)
    if table is None:
        return ".".join(path)
    place.drafts.rename(table, [*table.path[:-2], namespace, table.path[-1]])
    return ""


def comment_on(words: Words, place: Place) -> None:
    """COMMENT ON TABLE t IS 'x', COMMENT ON COLUMN t.a IS 'x'."""
    words.take("MATERIALIZED")
    words.take("FOREIGN")
    kind = words.next_word()
    words.skip()
    path = words.path()
    if kind not in ("TABLE", "VIEW", "COLUMN") or not path or not words.take("IS"):
        return
    text = words.string()
    table = place.drafts.find(path if kind != "COLUMN" else path[:-1], place.home)
    if table is None:
        return
    if kind != "COLUMN":
        table.comment = text
    elif (number := table.column(path[-1])) is not None:
        table.columns[number] = dataclasses.replace(table.columns[number], comment=text)
