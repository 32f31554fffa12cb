"""Example values of each column: from a database, or invented where there is only DDL."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from sqltailor.database.personal import looks_personal
from sqltailor.errors import SQLError
from sqltailor.naming import invented, pools
from sqltailor.naming.columns import column_kind
from sqltailor.naming.comments import read_comment
from sqltailor.naming.joins import Join, Refers, key
from sqltailor.naming.words import split_name, table_words
from sqltailor.sql.dialect import quote_name
from sqltailor.sql.schema import qualified_name
from sqltailor.types import Cell, Column, Schema, Table

if TYPE_CHECKING:
    from collections.abc import Iterable

SCANNED = 1_000
Fetch = Callable[[str], "Iterable[Sequence[Cell]]"]


class Values:
    """Example values by table key and column; `None` is never among them.

    `of` returns an empty tuple for a column that has no values. `counts` are the numbers of rows of each table,
    where known; `limit` is the most values kept of a column. `nullable` are the columns in which an empty cell was
    seen; None stands for all of them. `refers` judges a join by the stored values.
    """

    def __init__(
        self,
        values: Mapping[tuple[str, str], Sequence[Cell]],
        *,
        counts: Mapping[str, int] | None = None,
        limit: int = 200,
        nullable: frozenset[tuple[str, str]] | None = None,
        invent: Callable[[str, str], tuple[Cell, ...]] | None = None,
        refers: Refers = lambda join: None,
    ) -> None:
        self._values: dict[tuple[str, str], tuple[Cell, ...]] = {
            name: tuple(v for v in seen if v is not None) for name, seen in values.items()
        }
        self.counts = dict(counts or {})
        self.limit = limit
        self._nullable = nullable
        self._invent = invent
        self.refers = refers

    @property
    def samples(self) -> Mapping[tuple[str, str], Sequence[Cell]]:
        """The values known so far."""
        return self._values

    @property
    def is_real(self) -> bool:
        """Whether the values come from a database."""
        return self._invent is None

    def of(self, table: str, column: str) -> tuple[Cell, ...]:
        """Return the example values of one column."""
        name = (table, column)
        if name not in self._values:
            self._values[name] = self._invent(table, column) if self._invent else ()
        return self._values[name]

    def may_be_null(self, table: str, column: str) -> bool:
        """Tell whether an empty cell is to be expected in this column."""
        return self._nullable is None or (table, column) in self._nullable


def invent_values(schema: Schema, rng: random.Random, *, per_column: int = 12) -> Values:
    """Return made-up values for every column of a schema, made when first asked for."""
    seed = rng.getrandbits(64)
    columns = {(key(table), column.name): (table, column) for table in schema.tables for column in table.columns}

    def invent(table: str, column: str) -> tuple[Cell, ...]:
        own = random.Random(f"{seed}/{table}/{column}")
        found = columns[table, column]
        return tuple(dict.fromkeys(invent_value(*found, own) for _ in range(per_column)))

    return Values({name: () for name in columns if False}, invent=invent)


def invent_value(table: Table, column: Column, rng: random.Random) -> Cell:
    """Return one plausible value for a column, from its name and type."""
    codes = read_comment(column.comment).codes
    if codes:
        code = rng.choice(codes)[0] if len(codes) > 1 else rng.choice(("0", "1"))
        return int(code) if code.isdigit() and _is_number(column) else code
    kind = column_kind(column)
    words = split_name(column.name)
    if kind == "key":
        return rng.randint(1, 999) if _is_number(column) else f"{rng.choice('ABCDEFGKMPRSTX')}{rng.randint(10, 9999)}"
    if kind == "flag":
        return rng.randint(0, 1) if _is_number(column) else rng.choice(("Y", "N"))
    if kind == "year":
        return rng.randint(1950, 2025)
    if kind == "date":
        day = f"{rng.randint(2005, 2025)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        has_time = "time" in column.type.lower()
        return f"{day} {rng.randint(0, 23):02}:{rng.choice((0, 15, 30, 45)):02}:00" if has_time else day
    if kind == "number":
        return invent_number(words, rng, whole="int" in column.type.lower())
    return invent_text(words, table_words(table.name), rng)


def _is_number(column: Column) -> bool:
    return any(word in column.type.lower() for word in ("int", "num", "real", "serial", "dec", "bool", "bit"))


def invent_number(words: Sequence[str], rng: random.Random, *, whole: bool) -> int | float:
    """Return a number of the size that the column's name suggests."""
    low, high = next((pools.RANGES[word] for word in reversed(words) if word in pools.RANGES), (1, 1000))
    if whole or rng.random() < 0.3:
        number = rng.randint(int(low), int(high))
        return round(number, -1) if number > 500 and rng.random() < 0.5 else number
    return round(rng.uniform(low, high), rng.choice((1, 2, 2)))


def invent_text(words: Sequence[str], noun: str, rng: random.Random) -> str:
    """Return text of the kind that the column's name suggests; else a word, a phrase or a code."""
    if words[-1] in ("name", "title", "label") and len(words) == 1:
        return _name_of(noun, rng)
    for word in reversed(words):
        if word in invented.MAKERS:
            return invented.MAKERS[word](rng)
    if words[-1] in ("name", "title"):
        return _name_of(words[-2], rng)
    return rng.choice(_ANYTHING)(rng)


def _name_of(noun: str, rng: random.Random) -> str:
    last = noun.split()[-1]
    if last in pools.PEOPLE:
        return invented.person(rng)
    return invented.MAKERS.get(last, invented.title if rng.random() < 0.7 else invented.person)(rng)


_ANYTHING: tuple[Callable[[random.Random], str], ...] = (
    invented.word, invented.title, invented.title, invented.person, invented.code, invented.city, invented.phrase,
    invented.invented,
)  # fmt: skip


def read_values(
    schema: Schema, fetch: Fetch, dialect: str = "sqlite", *, per_column: int = 200, personal: bool = False
) -> Values:
    """Return stored values of every column. `fetch` runs one statement and returns its rows.

    Rows come from several places of each table, at most 1,000 of them. Columns that look personal have no values
    unless `personal`; a table that cannot be read has none at all.
    """
    values: dict[tuple[str, str], list[Cell]] = {}
    counts, nullable = {}, set()
    for table in schema.tables:
        name = key(table)
        counts[name], rows = _read_rows(table, fetch, dialect)
        for i, column in enumerate(table.columns):
            cells = [row[i] for row in rows]
            if any(cell is None for cell in cells):
                nullable.add((name, column.name))
            distinct: dict[Cell, None] = dict.fromkeys(cell for cell in cells if cell is not None)
            shown = list(distinct)[:per_column]
            is_hidden = not personal and looks_personal(f"{table.name}.{column.name}", shown)
            values[name, column.name] = [] if is_hidden else shown
    judge = _judge(schema, fetch, dialect)
    return Values(values, counts=counts, limit=per_column, nullable=frozenset(nullable), refers=judge)


def _judge(schema: Schema, fetch: Fetch, dialect: str) -> Refers:
    """Return the function that tells whether nearly all values of a column are found, once each, in another."""
    tables = {key(table): qualified_name(table, dialect) for table in schema.tables}

    def refers(join: Join) -> bool:
        child, parent = tables[join.child], tables[join.parent]
        source, target = quote_name(join.child_column, dialect), quote_name(join.parent_column, dialect)
        seen = f"SELECT DISTINCT {source} AS v FROM {child} WHERE NOT {source} IS NULL LIMIT {SCANNED}"
        stored = f"SELECT DISTINCT {target} AS v FROM {parent}"
        try:
            rows, distinct = next(iter(fetch(f"SELECT COUNT({target}), COUNT(DISTINCT {target}) FROM {parent}")))
            sql = f"SELECT COUNT(*), COUNT(p.v) FROM ({seen}) AS c LEFT JOIN ({stored}) AS p ON p.v = c.v"
            values, found = next(iter(fetch(sql)))
        except SQLError:
            return False
        return rows == distinct and int(str(found)) > 0.9 * int(str(values))

    return refers


def _read_rows(table: Table, fetch: Fetch, dialect: str) -> tuple[int, list[Sequence[Cell]]]:
    """Return the number of rows of a table, and up to 1,000 of them from eight places."""
    name = qualified_name(table, dialect)
    columns = ", ".join(quote_name(column.name, dialect) for column in table.columns)
    try:
        count = int(str(next(iter(fetch(f"SELECT COUNT(*) FROM {name}")))[0]))
        if count <= SCANNED:
            return count, list(fetch(f"SELECT {columns} FROM {name}"))
        rows: list[Sequence[Cell]] = []
        for place in range(8):
            offset = count * place // 8
            rows += fetch(f"SELECT {columns} FROM {name} LIMIT {SCANNED // 8} OFFSET {offset}")
    except SQLError:
        return 0, []
    return count, rows
