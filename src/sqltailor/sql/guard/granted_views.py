"""Views under a grant: a view does not give access to what is denied of its tables."""

from __future__ import annotations

import dataclasses

from sqltailor.errors import Refused
from sqltailor.sql.guard.catalog import Catalog, Stored, is_system
from sqltailor.sql.guard.parsing import parse, shown
from sqltailor.sql.guard.resolver import Resolver
from sqltailor.sql.guard.text_layer import read
from sqltailor.sql.schema.compare import find_target
from sqltailor.types import Grant, Reference, Schema, Table


def granted_catalog(schema: Schema, grant: Grant, dialect: str) -> Catalog:
    """Return what is granted, without the views whose query names what is not, as far as the schema has the query.

    With `allow` only the views are open that it names; whoever names one there opens all that it reads.
    """
    closed: dict[int, str] = {}
    catalog = Catalog(schema, grant, dialect)
    while not grant.allow and catalog.restricted:
        views = [(i, t) for i, t in enumerate(schema.tables) if t.query and i not in closed]
        found = {i: reason for i, view in views if (reason := _fault(view, view.query or "", catalog))}
        if not found:
            break
        closed |= found
        catalog = Catalog(schema, grant, dialect, closed)  # again: views of these views
    return catalog


def _fault(view: Table, query: str, catalog: Catalog) -> str | None:
    """Say what a view may read that is not granted; None when it reads nothing of that kind."""
    text = _plain(query)
    named = [t for t in catalog.restricted if t.table is not view and _plain(t.table.name) in text]
    if not named:
        return None
    try:
        statement = parse(read(query, catalog.dialect), catalog.dialect)
        Resolver(catalog, catalog.dialect).check(statement.tree, statement.nodes)
    except (Refused, RecursionError):
        return (
            f"The view {shown(view.name)} reads {shown(_denied(named, text))}, which is not granted. "
            "To permit it anyway, list the view by name in `allow`."
        )
    return None


def _plain(text: str) -> str:
    """Return text in which a name is found however it is quoted."""
    return text.lower().translate(dict.fromkeys(map(ord, '"`[]')))


def _denied(named: list[Stored], text: str) -> str:
    """Return the denied table, or else column, that a view's text most likely means."""
    whole = next((t.table.name for t in named if not any(t.columns.values())), None)
    columns = [(t.table.name, c) for t in named for c in t.denied]
    table, column = next(((t, c) for t, c in columns if _plain(c) in text), columns[0])
    return whole or f"{table}.{column}"


def visible(schema: Schema, grant: Grant, dialect: str = "sqlite") -> Schema:
    """Return the part of a schema that is granted: what a model is shown, so that it does not name the rest."""
    granted = granted_catalog(schema, grant, dialect).granted
    tables = []

    def is_shown(table: Table, reference: Reference) -> bool:
        target = find_target(schema, table, reference)
        if target is None:
            return False
        keys = [reference.column] if reference.column else [c.name for c in target.columns if c.primary_key]
        place = next(i for i, table in enumerate(schema.tables) if table is target)
        return bool(keys) and all((place, key.lower()) in granted for key in keys)

    for i, table in enumerate(schema.tables):
        columns = tuple(
            dataclasses.replace(c, references=None) if c.references and not is_shown(table, c.references) else c
            for c in table.columns
            if (i, c.name.lower()) in granted
        )
        if (columns or (i, "") in granted) and not is_system(table.name, table.namespace, dialect):
            tables.append(dataclasses.replace(table, columns=columns))
    return Schema(tuple(tables))
