"""Random rows with consistent keys."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqltailor.naming.joins import key
from sqltailor.naming.values import invent_value
from sqltailor.sql.dialect import load_dialect
from sqltailor.sql.schema import find_column, find_target
from sqltailor.sql.schema.script import statements
from sqltailor.synth.fuzz.constants import Pattern
from sqltailor.types import Cell, Column, Schema, Table

Row = dict[str, Cell]


@dataclass(frozen=True)
class Constraints:
    """Columns that are never NULL, and columns whose values are unique, as `table.column` in lower case."""

    required: frozenset[str] = frozenset()
    unique: frozenset[str] = frozenset()

    def is_required(self, table: Table, column: Column) -> bool:
        """Tell whether a column must be filled."""
        return column.primary_key or f"{table.name}.{column.name}".lower() in self.required

    def is_unique(self, table: Table, column: Column) -> bool:
        """Tell whether a value may come once only."""
        alone = column.primary_key and sum(c.primary_key for c in table.columns) == 1
        return alone or f"{table.name}.{column.name}".lower() in self.unique


def read_constraints(ddl: str, dialect: str = "sqlite") -> Constraints:
    """Return the NOT NULL and UNIQUE columns of `CREATE TABLE` statements.

    >>> read_constraints("CREATE TABLE t (a INT NOT NULL, b TEXT UNIQUE)").required
    frozenset({'t.a'})
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    required, unique = set(), set()
    base = load_dialect(dialect).base
    for statement in statements(ddl, base):
        try:
            create = sqlglot.parse_one("".join(token.raw for token in statement.tokens), read=base)
        except (SqlglotError, RecursionError):
            continue  # what sqlglot cannot read has constraints that rows need not keep
        if not isinstance(create, exp.Create) or not isinstance(create.this, exp.Schema):
            continue
        for column in create.this.find_all(exp.ColumnDef):
            name = f"{create.this.this.name}.{column.name}".lower()
            kinds = [constraint.kind for constraint in column.args.get("constraints") or []]
            if any(isinstance(kind, exp.NotNullColumnConstraint) and not kind.args.get("allow_null") for kind in kinds):
                required.add(name)
            if any(isinstance(kind, exp.UniqueColumnConstraint) for kind in kinds):
                unique.add(name)
    return Constraints(frozenset(required), frozenset(unique))


class Rows:
    """The rows of a database that is being made up; `tables` holds them by table key."""

    def __init__(self, schema: Schema, constraints: Constraints, rng: random.Random) -> None:
        self.schema = schema
        self.constraints = constraints
        self.rng = rng
        self.tables: dict[str, list[Row]] = {key(table): [] for table in schema.tables}
        self.pools: dict[tuple[str, str], list[Cell]] = {}
        self.taken: dict[tuple[str, str], dict[Cell, Row]] = {}
        self.keys: dict[str, dict[tuple[Cell, ...], Row]] = {}
        self.small: dict[tuple[str, str], list[Cell]] = {}

    def learn(self, found: Iterable[Pattern]) -> None:
        """Remember the constants of patterns and their near misses, to use them in any row."""
        pools: dict[tuple[str, str], dict[Cell, None]] = {}
        for pattern in found:
            for test in pattern.tests:
                pool = pools.setdefault((key(pattern.tables[test.table]), test.column), {})
                pool.update(dict.fromkeys(test.hits + test.misses))
        self.pools = {name: [value for value in pool if value is not None] for name, pool in pools.items()}

    def fill(self, rows: int) -> None:
        """Add random rows: parents before their children, fewer of them."""
        order = self.parents_first()
        children = {key(t) for t in self.schema.tables if any(c.references for c in t.columns)}
        for table in order:
            share = 1.0 if key(table) in children else 0.5
            for _ in range(max(4, int(rows * share * self.rng.uniform(0.7, 1.3)))):
                self.add(table, {})

    def parents_first(self) -> list[Table]:
        """Return the tables so that what a table refers to comes before it; cycles are cut anywhere."""
        done: dict[str, Table] = {}
        waiting = list(self.schema.tables)
        while waiting:
            ready = [t for t in waiting if all(p in done or p == key(t) for p in self.parents(t))] or waiting[:1]
            for table in ready:
                done[key(table)] = table
            waiting = [table for table in waiting if key(table) not in done]
        return list(done.values())

    def parents(self, table: Table) -> list[str]:
        return [key(parent) for column in table.columns if (parent := self.parent(table, column))]

    def parent(self, table: Table, column: Column) -> Table | None:
        """Return the table that a foreign key points to."""
        return find_target(self.schema, table, column.references) if column.references else None

    def add(self, table: Table, given: Mapping[str, Cell]) -> Row:
        """Add a row with the given values; where its key or a unique value is there already, change that row."""
        name = key(table)
        self.bring_parents(table, given)
        for column in table.columns:
            value = given.get(column.name)
            row = self.taken.get((name, column.name), {}).get(value) if value is not None else None
            if row is not None:
                return self.change(table, row, given)
        row = {}
        # references first: they may add rows to this very table, and take keys
        for column in sorted(table.columns, key=lambda c: c.references is None):
            is_given = column.name in given and not (given[column.name] is None and self.is_filled(table, column))
            row[column.name] = given[column.name] if is_given else self.value(table, column)
        return self.store(table, row)

    def bring_parents(self, table: Table, given: Mapping[str, Cell]) -> None:
        """Add the rows that given foreign keys refer to, where they are missing."""
        for column in table.columns:
            value = given.get(column.name)
            parent = self.parent(table, column)
            if value is None or parent is None or column.references is None:
                continue
            target = self.target(parent, column.references.column)
            known = find_column(parent, target) if target else None
            if known is None or any(row[known.name] == value for row in self.tables[key(parent)]):
                continue
            self.add(parent, {known.name: value})

    def is_filled(self, table: Table, column: Column) -> bool:
        return self.constraints.is_required(table, column)

    def change(self, table: Table, row: Row, given: Mapping[str, Cell]) -> Row:
        for column in table.columns:
            free = not column.primary_key and not self.constraints.is_unique(table, column)
            if column.name in given and free and not (given[column.name] is None and self.is_filled(table, column)):
                row[column.name] = given[column.name]
        return row

    def store(self, table: Table, row: Row) -> Row:
        name = key(table)
        keys = [column.name for column in table.columns if column.primary_key]
        if len(keys) > 1:
            known = self.keys.setdefault(name, {})
            identity = tuple(row[column] for column in keys)
            if identity in known:
                return self.change(table, known[identity], row)
            known[identity] = row
        for column in table.columns:
            if self.constraints.is_unique(table, column):
                self.taken.setdefault((name, column.name), {})[row[column.name]] = row
        self.tables[name].append(row)
        return row

    def value(self, table: Table, column: Column) -> Cell:
        """Return a value for a column: a key of a parent, a constant of the gold queries, a common or a new value."""
        rng, name = self.rng, (key(table), column.name)
        if column.references:
            return self.parent_key(table, column)
        if self.constraints.is_unique(table, column):
            return self.new(table, column)
        if not self.is_filled(table, column) and rng.random() < 0.06:
            return None
        pool = self.pools.get(name)
        if pool and rng.random() < 0.5:
            return rng.choice(pool)
        common = self.small.setdefault(name, [])
        if len(common) < 8:
            common.append(invent_value(table, column, rng))
        return rng.choice(common) if rng.random() < 0.6 else invent_value(table, column, rng)

    def parent_key(self, table: Table, column: Column) -> Cell:
        """Return the key of a parent, a few parents far more often than others, some never; NULL now and then."""
        reference = column.references
        parent = self.parent(table, column)
        target = self.target(parent, reference.column) if parent and reference else None
        rows = self.tables[key(parent)] if parent else []
        may_be_null = not self.is_filled(table, column)
        if parent is None or target is None or (may_be_null and (not rows or self.rng.random() < 0.08)):
            return None
        if not rows:
            return self.add(parent, {})[target]
        if self.constraints.is_unique(table, column):
            taken = self.taken.get((key(table), column.name), {})
            rows = [row for row in rows if row[target] not in taken]
            return self.rng.choice(rows)[target] if rows else self.add(parent, {})[target]
        return rows[int(len(rows) * 0.85 * self.rng.random() ** 2)][target]

    def target(self, parent: Table, column: str) -> str | None:
        if column:
            found = find_column(parent, column)
            return found.name if found else None
        return next((c.name for c in parent.columns if c.primary_key), None)

    def new(self, table: Table, column: Column) -> Cell:
        """Return a value that the column does not hold yet."""
        taken = self.taken.get((key(table), column.name), {})
        pool = [value for value in self.pools.get((key(table), column.name), []) if value not in taken]
        if pool and self.rng.random() < 0.5:
            return self.rng.choice(pool)
        if any(word in column.type.lower() for word in ("int", "num", "real", "serial", "dec")):
            number = len(taken) + 1
            while number in taken:
                number += 1
            return number
        for _ in range(20):
            value = invent_value(table, column, self.rng)
            if value not in taken:
                return value
        return f"{value!s} {len(taken) + 1}"
