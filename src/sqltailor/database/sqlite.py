"""SQLite files: how they are opened, and their schema."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqltailor.database.process import Child
from sqltailor.database.table_states import TableState, of_files
from sqltailor.database.url import Location
from sqltailor.errors import Refused, SQLError
from sqltailor.sql.dialect.names import always_quoted
from sqltailor.sql.schema.ddl import read_ddl
from sqltailor.sql.schema.views import view_query
from sqltailor.types import Cell, Column, Reference, Schema, Table

CATALOG_TIMEOUT_S = 30.0


def options(location: Location) -> dict[str, Any]:
    """Return what the engine in the child process needs to open the file."""
    assert location.path is not None
    return {"engine": "sqlite", "path": str(location.path), "uri": f"{location.path.as_uri()}?mode=ro"}


def table_states(child: Child, location: Location) -> TableState:
    """Return the state of the file: SQLite does not know which of its tables changed."""
    assert location.path is not None
    return of_files(location.path, location.path.with_name(f"{location.path.name}-wal"))


def read_tables(child: Child) -> Schema:
    """Return the tables and views in the order of their creation, without samples.

    Left out: SQLite's own tables, the shadow tables of virtual tables, and views that do not compile. A column
    without a declared type has the type of its first value. Comments are those in the text of CREATE TABLE.
    """
    shadows = {row[1] for row in _ask(child, "PRAGMA table_list") if row[2] == "shadow"}
    objects = _ask(
        child, "SELECT name, type, sql FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT GLOB 'sqlite_*'"
    )
    tables = []
    for name, kind, sql in objects:
        written = _as_written(str(sql or "")) if kind == "table" else None
        if name not in shadows and (columns := _columns(child, str(name), written)):
            query = view_query(str(sql), "sqlite") if kind == "view" else None
            tables.append(Table(str(name), columns, None, written.comment if written else None, kind == "view", query))
    by_name = {table.name.lower(): table for table in tables}
    return Schema(tuple(replace(t, columns=_with_references(child, t, by_name)) for t in tables))


def _ask(child: Child, sql: str) -> list[tuple[Cell, ...]]:
    return child.request(sql, timeout_s=CATALOG_TIMEOUT_S, max_rows=100_000, catalog=True).rows


def _as_written(sql: str) -> Table | None:
    """Return a table as the text that made it has it, which SQLite keeps: for its comments."""
    return next(iter(read_ddl([("", sql)], "sqlite").schema.tables), None)


def _columns(child: Child, table: str, written: Table | None) -> tuple[Column, ...]:
    try:
        rows = _ask(child, f"PRAGMA table_xinfo({always_quoted(table)})")
    except SQLError:
        return ()  # a view of something that is gone
    comments = {c.name.lower(): c.comment for c in written.columns} if written else {}
    columns = [
        Column(str(name), str(declared or ""), bool(key), comment=comments.get(str(name).lower()))
        for _, name, declared, _, _, key, hidden in rows
        if hidden != 1
    ]
    untyped = [column.name for column in columns if not column.type]
    found = dict(zip(untyped, _types_of_first_row(child, table, untyped), strict=True))
    return tuple(c if c.type else replace(c, type=found[c.name]) for c in columns)


def _types_of_first_row(child: Child, table: str, names: list[str]) -> list[str]:
    if not names:
        return []
    expressions = ", ".join(f"typeof({always_quoted(name)})" for name in names)
    try:
        rows = child.request(
            f"SELECT {expressions} FROM {always_quoted(table)} LIMIT 1", timeout_s=1.0, max_rows=1
        ).rows
    except Refused:
        # one of them is denied: the others have their types
        return [kind for name in names for kind in _types_of_first_row(child, table, [name])] if names[1:] else ["TEXT"]
    except SQLError:
        rows = []
    types = rows[0] if rows else ("text",) * len(names)
    return ["TEXT" if kind == "null" else str(kind).upper() for kind in types]


def _with_references(child: Child, table: Table, by_name: dict[str, Table]) -> tuple[Column, ...]:
    references: dict[str, Reference] = {}
    for _, position, parent, source, target, *_ in _ask(child, f"PRAGMA foreign_key_list({always_quoted(table.name)})"):
        other = by_name.get(str(parent).lower())
        column = _target(child, other, target, position) if other else None
        if other and column:
            references.setdefault(str(source).lower(), Reference(other.name, column))
    return tuple(replace(c, references=references.get(c.name.lower())) for c in table.columns)


def _target(child: Child, parent: Table, target: Cell, position: Cell) -> str | None:
    """Return the referenced column in the parent's own spelling; a target left out is the parent's primary key."""
    if target is not None:
        return next((c.name for c in parent.columns if c.name.lower() == str(target).lower()), None)
    keys = sorted(
        (row[5], row[1]) for row in _ask(child, f"PRAGMA table_xinfo({always_quoted(parent.name)})") if row[5]
    )
    assert isinstance(position, int)
    return str(keys[position][1]) if position < len(keys) else None
