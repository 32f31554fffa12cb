"""A schema as the synthesiser sees it: spoken names of tables, and the joins between them."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqltailor.naming.columns import ColumnInfo, Kind, column_info
from sqltailor.naming.comments import read_comment
from sqltailor.naming.joins import LEADERS, Join, Refers, guess_joins, key
from sqltailor.naming.words import singular, split_name, table_words
from sqltailor.sql.schema import find_target
from sqltailor.types import Cell, Schema, Table

_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Link:
    """`child.child_column` refers to `parent.parent_column`; `role` is what the child calls the parent."""

    child: str
    child_column: str
    parent: str
    parent_column: str
    role: str


@dataclass(frozen=True, slots=True)
class TableInfo:
    """One table: `noun` is singular; `label` is the column that names a row, if any."""

    key: str
    noun: str
    columns: tuple[ColumnInfo, ...]
    label: ColumnInfo | None
    identifier: ColumnInfo | None
    comment: str | None = None

    def of(self, *kinds: Kind) -> list[ColumnInfo]:
        """Return the columns of these kinds, in their order."""
        return [column for column in self.columns if column.kind in kinds]


@dataclass(frozen=True)
class Graph:
    """Tables by key (`namespace.name` or `name`) and their links; `guessed` are those that no foreign key declares."""

    tables: Mapping[str, TableInfo]
    links: tuple[Link, ...]
    up: Mapping[str, tuple[Link, ...]] = field(default_factory=dict)
    guessed: tuple[Join, ...] = ()

    def child_noun(self, link: Link) -> str:
        """Return what to call the children of a link: `flight`, or `source flight` where two links compete."""
        child = self.tables[link.child].noun
        rivals = [other for other in self.up.get(link.child, ()) if other.parent == link.parent]
        return f"{link.role.removesuffix(' ' + self.tables[link.parent].noun)} {child}" if len(rivals) > 1 else child

    def column(self, table: str, name: str) -> ColumnInfo:
        """Return one column; KeyError when there is none."""
        for column in self.tables[table].columns:
            if column.name == name:
                return column
        raise KeyError(f"{table}.{name}")


def build_graph(
    schema: Schema,
    samples: Mapping[tuple[str, str], Sequence[Cell]] | None = None,
    refers: Refers = lambda join: None,
) -> Graph:
    """Return the graph of a schema. `samples` (values by table key and column) sharpen the kinds of its columns.

    Links are the declared foreign keys, and what `naming.joins` finds for tables without any, with `refers`.
    """
    samples = samples or {}
    declared = _declared(schema)
    guessed = guess_joins(schema, refers)
    nouns = _nouns(schema)
    foreign = {(join.child, join.child_column): nouns[join.parent] for join in (*declared, *guessed)}
    tables = {
        key(table): _table_info(table, nouns[key(table)], foreign, samples) for table in schema.tables if table.columns
    }
    comments = {(key(table), c.name): c.comment for table in schema.tables for c in table.columns}
    links = []
    for join in (*declared, *guessed):
        target = _target(tables[join.parent], join.parent_column) if join.parent in tables else None
        if target:
            role = _role(tables[join.child], join.child_column, tables[join.parent], comments[join[:2]])
            links.append(Link(join.child, join.child_column, join.parent, target, role))
    links = [_told_apart(link, links, tables) for link in links]
    up = {name: tuple(link for link in links if link.child == name) for name in tables}
    return Graph(tables, tuple(links), up, tuple(guessed))


def _declared(schema: Schema) -> list[Join]:
    found = []
    for table in schema.tables:
        for column in table.columns:
            parent = find_target(schema, table, column.references) if column.references else None
            if parent and column.references:
                found.append(Join(key(table), column.name, key(parent), column.references.column))
    return found


def _nouns(schema: Schema) -> dict[str, str]:
    """Return the singular noun of each table; those that share one are told apart by their namespaces."""
    nouns = {key(table): table_words(table.name) for table in schema.tables}
    taken = Counter(nouns.values())
    for table in schema.tables:
        if table.namespace and taken[nouns[key(table)]] > 1:
            nouns[key(table)] = f"{' '.join(_WORDS.findall(table.namespace.lower()))} {nouns[key(table)]}".strip()
    return nouns


def _target(table: TableInfo, column: str) -> str | None:
    if not column:  # REFERENCES t means t's primary key
        return table.identifier.name if table.identifier else None
    return next((c.name for c in table.columns if c.name.lower() == column.lower()), None)


def _table_info(
    table: Table, noun: str, foreign: Mapping[tuple[str, str], str], samples: Mapping[tuple[str, str], Sequence[Cell]]
) -> TableInfo:
    name, bare, prefix = key(table), table_words(table.name), _shared_prefix(table)
    columns = []
    for column in table.columns:
        values = samples.get((name, column.name)) or column.samples
        parent = foreign.get((name, column.name))
        columns.append(column_info(name, bare, column, values, prefix, parent))
    return TableInfo(name, noun, tuple(columns), _label(columns), _identifier(columns, bare), table.comment)


def _shared_prefix(table: Table) -> str | None:
    firsts = [split_name(column.name) for column in table.columns]
    if len(firsts) < 3 or any(len(words) < 2 or not words[1].isalpha() for words in firsts):
        return None
    prefixes = {words[0] for words in firsts}
    return prefixes.pop() if len(prefixes) == 1 else None


def _label(columns: Sequence[ColumnInfo]) -> ColumnInfo | None:
    names = [column for column in columns if column.kind == "name"]
    exact = [column for column in names if column.words.split()[-1] in ("name", "title")]
    whole = [column for column in exact if not {"first", "last", "middle"} & set(column.words.split())]
    return next(iter(whole or exact or names), None)


def _identifier(columns: Sequence[ColumnInfo], noun: str) -> ColumnInfo | None:
    primary = [column for column in columns if column.is_primary]
    if len(primary) == 1:
        return primary[0]
    if primary:
        return None  # one part of a key names nothing
    own = [column for column in columns if column.kind == "key" and column.words in ("id", f"{noun} id")]
    return own[0] if own else None


def _told_apart(link: Link, links: Sequence[Link], tables: Mapping[str, TableInfo]) -> Link:
    """Return a link whose role tells it from other links between the same tables: `source airport`."""
    others = [other for other in links if (other.child, other.parent) == (link.child, link.parent)]
    noun = tables[link.parent].noun
    if len(others) < 2 or noun in link.role or link.child == link.parent:
        return link
    return dataclasses.replace(link, role=f"{link.role} {noun}")


def _role(child: TableInfo, column: str, parent: TableInfo, comment: str | None) -> str:
    """Return what a child calls its parent: `manager` for `manager_id`, else the parent's own noun."""
    phrase = read_comment(comment).phrase
    info = next(c for c in child.columns if c.name == column)
    words = info.words
    for ending in (" id", " code", " key", " number", " uuid"):
        words = words.removesuffix(ending)
    if words in ("id", "code", "key", parent.noun) or not words.isascii():
        return parent.noun
    if child.key == parent.key:
        if phrase:
            return phrase
        return words if words.split()[-1] in LEADERS else f"{words} {parent.noun}"
    if any(character.isdigit() for character in words) or len(words) < 3 or words in parent.noun:
        return parent.noun
    return singular(words)
