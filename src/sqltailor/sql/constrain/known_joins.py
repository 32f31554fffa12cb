"""Which columns join two tables: those of the schema's keys, and those that known statements hold to be equal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqltailor.sql.constrain.lexemes import fold
from sqltailor.types import Schema

ENOUGH = 20
"""Joins that known statements must show before other joins than theirs and the keys' are held to be mistakes."""


class Place(NamedTuple):
    """A column of a stored table, both folded."""

    table: str
    column: str


class Pair(NamedTuple):
    """Two columns that a statement holds to be equal."""

    left: Place
    right: Place


class Joins:
    """The columns that may be equal where tables are joined. Keys that point to one column may be, too."""

    def __init__(self, schema: Schema, pairs: Iterable[Pair] = ()) -> None:
        self._above: dict[Place, Place] = {}
        for table in schema.tables:
            for column in table.columns:
                if column.references is not None:
                    key = Place(fold(column.references.table), fold(column.references.column))
                    self._above[self._root(Place(fold(table.name), fold(column.name)))] = self._root(key)
        groups: dict[Place, set[Place]] = {}
        for place in list(self._above):
            groups.setdefault(self._root(place), set()).add(place)
        self._partners = {place: group for group in groups.values() for place in group}
        for left, right in pairs:
            for place, other in ((left, right), (right, left)):
                self._partners[place] = self.partners(place) | {other}
        self._tables: dict[str, set[str]] = {}
        for place, partners in self._partners.items():
            self._tables.setdefault(place.table, set()).update(partner.table for partner in partners)

    def are_joined(self, table: str, other: str) -> bool:
        """Tell whether two tables may be joined: by known columns, or since nothing is known of one of them."""
        return not self.is_known(table, other) or other in self._tables[table]

    def is_known(self, *tables: str) -> bool:
        """Tell whether each of the tables is joined with any other."""
        return all(len(self._tables.get(table, ())) > 1 for table in tables)

    def partners(self, column: Place) -> set[Place]:
        """Return the columns that a column may be equal to."""
        return self._partners.get(column, set())

    def _root(self, place: Place) -> Place:
        while (above := self._above.setdefault(place, place)) != place:
            place = above
        return place


def joins_of(schema: Schema, pairs: Sequence[Pair]) -> Joins | None:
    """Return how tables are joined, as the schema's keys and the joins of known statements say.

    None where that cannot be told: the schema has no keys, or two tables of one name, or the statements show few joins.
    """
    names = Counter(fold(table.name) for table in schema.tables)
    has_keys = any(column.references for table in schema.tables for column in table.columns)
    if len(pairs) < ENOUGH or not has_keys or max(names.values()) > 1:
        return None
    return Joins(schema, pairs)


def to_json(pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    """Return pairs as JSON, each once with how often it was there."""
    return [{"left": left, "right": right, "count": count} for (left, right), count in Counter(pairs).most_common()]


def from_json(listed: Iterable[Mapping[str, Any]]) -> list[Pair]:
    """Return the pairs that `to_json` wrote."""
    return [Pair(Place(*pair["left"]), Place(*pair["right"])) for pair in listed for _ in range(pair["count"])]


def joined(statements: Iterable[str], schema: Schema, dialect: str) -> list[Pair]:
    """Return the pairs of columns that joins of statements hold to be equal, one for each time.

    A statement that does not parse has none.
    """
    tables = {fold(table.name): {fold(column.name) for column in table.columns} for table in schema.tables}
    return [pair for sql in statements for pair in _pairs(sql, tables, dialect)]


def _pairs(sql: str, tables: dict[str, set[str]], dialect: str) -> Iterator[Pair]:
    from sqlglot import exp

    from sqltailor.errors import SQLError
    from sqltailor.sql.dialect import parse

    try:
        tree = parse(sql, dialect)
    except SQLError:
        return
    for select in tree.find_all(exp.Select):
        sources = [node.this for node in (select.args.get("from_"), *select.args.get("joins", ())) if node is not None]
        stored = {fold(s.alias_or_name): fold(s.name) for s in sources if isinstance(s, exp.Table)}
        for join in select.args.get("joins", ()):
            for equal in join.args["on"].find_all(exp.EQ) if join.args.get("on") else ():
                sides = [_place(side, stored, tables) for side in (equal.this, equal.expression)]
                if sides[0] and sides[1]:
                    yield Pair(sides[0], sides[1])


def _place(node: object, stored: dict[str, str], tables: dict[str, set[str]]) -> Place | None:
    from sqlglot import exp

    if not isinstance(node, exp.Column):
        return None
    column, qualifier = fold(node.name), fold(node.table)
    owners = [stored.get(qualifier, "")] if qualifier else [t for t in stored.values() if column in tables.get(t, ())]
    return Place(owners[0], column) if len(owners) == 1 and column in tables.get(owners[0], ()) else None
