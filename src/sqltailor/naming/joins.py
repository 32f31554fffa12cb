"""Guess joins where no foreign key is declared: by name and type, confirmed by stored values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sqltailor.naming.words import singular, split_name, table_words
from sqltailor.types import Column, Schema, Table

Refers = Callable[["Join"], bool | None]
"""Whether the stored values of a join's child are those of its parent; None where no values are stored."""

ENDINGS = {"id", "code", "key", "number", "uuid", "guid", "reference", "fk"}
GLUED = re.compile(r"(\w{3,}?)_?(id|no|nr|num|key|code)", re.IGNORECASE)
LEADERS = {"boss", "manager", "supervisor", "leader", "mentor", "parent", "head", "chief", "captain", "owner"}


class Join(NamedTuple):
    """`child.child_column` may refer to `parent.parent_column`; tables by their keys."""

    child: str
    child_column: str
    parent: str
    parent_column: str


def key(table: Table) -> str:
    """Return the name that stands for a table in the graph: with its namespace, if it has one."""
    return f"{table.namespace}.{table.name}" if table.namespace else table.name


def guess_joins(schema: Schema, refers: Refers) -> list[Join]:
    """Return likely joins of the tables that declare no foreign key, at most one a column.

    A column refers to the table that its name names (`customer_id`, `custno` → customers), or whose identifier has the
    same name, with or without a role before it (`boss_emp_no` → `emp_no`), and a type of the same kind. Stored values
    confirm or refuse it; where there are none, only the plainest names count, and only if the schema declares nothing.
    """
    declared = {key(table) for table in schema.tables if any(column.references for column in table.columns)}
    found = []
    for child in schema.tables:
        if key(child) in declared:
            continue
        for column in child.columns:
            plain, bold = _candidates(schema, child, column)
            join = next((join for join in plain if _holds(join, refers, unknown=not declared)), None)
            join = join or next((join for join in bold if _holds(join, refers, unknown=False)), None)
            if join is not None:
                found.append(join)
    return found


def _holds(join: Join, refers: Refers, *, unknown: bool) -> bool:
    answer = refers(join)
    return unknown if answer is None else answer


def _candidates(schema: Schema, child: Table, column: Column) -> tuple[list[Join], list[Join]]:
    """Return joins that a name plainly says, and those that only values can tell."""
    plain: list[Join] = []
    bold: list[Join] = []
    own = identifier(child)
    for parent in sorted(schema.tables, key=lambda table: table.namespace != child.namespace):
        if child.is_view and _is_view_of(child, parent):
            continue
        for target, is_plain in _targets(child, column, parent):
            is_itself = parent is child and target.name == column.name
            # a table's own identifier refers to another table only where it is named after that one
            is_taken = own is not None and own.name == column.name and not _names(column, parent)
            if not is_itself and not is_taken and _kind(column.type) == _kind(target.type):
                join = Join(key(child), column.name, key(parent), target.name)
                (plain if is_plain and parent is not child else bold).append(join)
    near = [join for join in plain if join.parent.rpartition(".")[0] == (child.namespace or "")] or plain
    return (near if len({join.parent for join in near}) == 1 else []), plain + bold


def _targets(child: Table, column: Column, parent: Table) -> Iterator[tuple[Column, bool]]:
    """Yield the columns of a table that a column may refer to, and whether its name says so plainly."""
    words = split_name(column.name)
    target = identifier(parent)
    if target is not None and _names(column, parent):
        yield target, True
    for same in parent.columns:
        if same.name.lower() == column.name.lower() and len(words) > 1 and words[-1] in ENDINGS:
            yield same, same is target and same.primary_key
    if target is None:
        return
    wanted = split_name(target.name)
    if len(words) > len(wanted) > 1 and words[-len(wanted) :] == wanted:
        yield target, False
    if parent is child and len(words) > 1 and words[-1] in ENDINGS and set(words[:-1]) & LEADERS:
        yield target, False


def identifier(table: Table) -> Column | None:
    """Return the column that tells rows apart: the primary key, or else `id` or the table's own name with an ending."""
    primary = [column for column in table.columns if column.primary_key]
    if primary:
        return primary[0] if len(primary) == 1 else None
    named = [c for c in table.columns if split_name(c.name) in (("id",), ("uuid",)) or _names(c, table)]
    return named[0] if named else None


def _names(column: Column, table: Table) -> bool:
    """Tell whether a column's name is that of a table with `id`, `no`, `code`, … after it."""
    words = split_name(column.name)
    if len(words) > 1 and words[-1] in ENDINGS:
        stem = " ".join(words[:-1])
    elif glued := GLUED.fullmatch(column.name):
        stem = " ".join(split_name(glued.group(1)))
    else:
        return False
    noun = table_words(table.name)
    return singular(stem) in (noun, noun.replace(" ", ""))


def _is_view_of(view: Table, table: Table) -> bool:
    """Tell whether a view mostly shows the columns of a table: a join of the two says nothing."""
    names = {column.name.lower() for column in table.columns}
    return sum(column.name.lower() in names for column in view.columns) * 2 >= len(view.columns)


def _kind(type_: str) -> str:
    text = type_.lower()
    if re.search(r"int|num|dec|serial|real|double|float", text):
        return "number"
    return "text" if re.search(r"char|text|string|clob|uuid", text) else text
