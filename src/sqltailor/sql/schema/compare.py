"""Look-ups in a schema, its hash, and what changed between two."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace

from sqltailor.types import Column, Reference, Schema, Table


def find_table(schema: Schema, name: str, namespace: str | None = None) -> Table | None:
    """Return the table called `name`, whatever the case, or None."""
    for table in schema.tables:
        same_space = namespace is None or (table.namespace or "").lower() == namespace.lower()
        if table.name.lower() == name.lower() and same_space:
            return table
    return None


def find_target(schema: Schema, child: Table, reference: Reference) -> Table | None:
    """Return the table that a foreign key of `child` points to.

    One without a namespace is looked for in the child's own, then without any, then anywhere.
    """
    if reference.namespace:
        exact = find_table(schema, reference.table, reference.namespace)
        return exact or find_table(schema, reference.table, "")  # `public.t` where tables of public have none
    near = find_table(schema, reference.table, child.namespace or "") or find_table(schema, reference.table, "")
    return near or find_table(schema, reference.table)


def find_column(table: Table, name: str) -> Column | None:
    """Return the column called `name`, whatever the case, or None."""
    return next((c for c in table.columns if c.name.lower() == name.lower()), None)


def names(schema: Schema) -> set[str]:
    """Return the names of all tables and columns."""
    return {t.name for t in schema.tables} | {c.name for t in schema.tables for c in t.columns}


def schema_hash(schema: Schema) -> str:
    """Return 16 hexadecimal digits that change when a table, column, type or key does; comments do not count."""
    bare = [
        (_namespace(t), t.name, [(c.name, c.type.upper(), c.primary_key, _written(c.references)) for c in t.columns])
        for t in sorted(schema.tables, key=lambda t: (_namespace(t) or "", t.name))
    ]
    return hashlib.sha256(json.dumps(bare).encode()).hexdigest()[:16]


def _namespace(table: Table) -> str | None:
    return f"{table.catalog}.{table.namespace}" if table.catalog else table.namespace


def _written(reference: Reference | None) -> Reference | tuple[str, str] | None:
    """Return what is hashed of a foreign key: no namespace where there is none, as in hashes that are kept."""
    return reference if reference is None or reference.namespace else reference[:2]


def diff(old: Schema, new: Schema) -> list[str]:
    """Return what changed from `old` to `new`, one sentence a change; nothing exactly when their hashes are equal."""
    before, after = _by_name(old), _by_name(new)
    changes = [f"table {name} was removed" for name in before if name not in after]
    for name, table in before.items():
        if name in after:
            changes += _table_changes(name, table, after[name])
    return changes + [f"table {name} was added" for name in after if name not in before]


def without_samples(schema: Schema) -> Schema:
    """Return a schema without stored values."""
    return Schema(tuple(replace(t, columns=tuple(replace(c, samples=()) for c in t.columns)) for t in schema.tables))


def _by_name(schema: Schema) -> dict[str, Table]:
    return {f"{_namespace(t)}.{t.name}" if t.namespace else t.name: t for t in schema.tables}


def _table_changes(name: str, old: Table, new: Table) -> Iterator[str]:
    before, after = {c.name: c for c in old.columns}, {c.name: c for c in new.columns}
    gone, fresh = [c for c in before if c not in after], [c for c in after if c not in before]
    if len(gone) == len(fresh) == 1 and before[gone[0]].type.upper() == after[fresh[0]].type.upper():
        yield f"column {name}.{gone[0]} was renamed to {fresh[0]}"
        gone, fresh = [], []
    yield from (f"column {name}.{c} was removed" for c in gone)
    for column, was in before.items():
        if column in after:
            yield from _column_changes(f"column {name}.{column}", was, after[column])
    yield from (f"column {name}.{c} was added" for c in fresh)
    if before.keys() == after.keys() and list(before) != list(after):
        yield f"the columns of table {name} were reordered"


def _column_changes(what: str, old: Column, new: Column) -> Iterator[str]:
    if old.type.upper() != new.type.upper():
        yield f"{what} is {new.type or 'without a type'}, was {old.type or 'without a type'}"
    if old.primary_key != new.primary_key:
        yield f"{what} is {'now' if new.primary_key else 'no longer'} a primary key"
    if old.references != new.references:
        target = (
            ".".join(filter(None, [new.references.namespace, *new.references[:2]])) if new.references else "nothing"
        )
        yield f"{what} now refers to {target}"
