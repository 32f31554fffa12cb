"""Random choices over a schema: tables and joins, columns to show, conditions on values that exist."""

from __future__ import annotations

import datetime
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqltailor.naming.columns import ColumnInfo, Kind
from sqltailor.naming.values import Values
from sqltailor.sql.dialect import Function
from sqltailor.synth.draw_condition import Condition, draw_condition
from sqltailor.synth.graph import Graph, Link, TableInfo
from sqltailor.synth.query import Col, Cond, Measure, Null, Order, Term, Use

SHOWN: tuple[Kind, ...] = ("name", "category", "text", "number", "year", "date")


@dataclass(frozen=True, slots=True)
class Scene:
    """The tables of one query; the first `Use` is the one whose rows are asked for, the others are its parents."""

    uses: tuple[Use, ...]
    tables: tuple[TableInfo, ...]

    @property
    def main(self) -> str:
        """The binding whose rows are asked for."""
        return self.uses[0].binding

    @property
    def table(self) -> TableInfo:
        """The table whose rows are asked for."""
        return self.tables[0]


@dataclass
class Draw:
    """Everything that a sampler chooses from. `weights` (by table key) steer which tables come first."""

    graph: Graph
    values: Values
    rng: random.Random
    terms: Mapping[str, tuple[Term, ...]] = field(default_factory=dict)
    measures: Mapping[str, tuple[Measure, ...]] = field(default_factory=dict)
    functions: Sequence[Function] = ()
    weights: dict[str, float] = field(default_factory=dict)
    column_weights: dict[tuple[str, str], float] = field(default_factory=dict)
    breaks_ties: bool = True
    today: str = field(default_factory=lambda: datetime.date.today().isoformat())

    def one(self, items: Sequence[ColumnInfo]) -> ColumnInfo | None:
        """Return one of the columns, those that were seldom chosen more often; None when there is none."""
        if not items:
            return None
        if not self.column_weights:
            return items[int(self.rng.random() * len(items))]
        weights = [self.column_weights.get((c.table, c.name), 1.0) for c in items]
        return self.rng.choices(items, weights)[0]

    def pick_table(self, fits: Callable[[TableInfo], object] = lambda table: True) -> TableInfo | None:
        """Return one table that fits, or None."""
        tables = [table for table in self.graph.tables.values() if fits(table)]
        if not tables:
            return None
        if not self.weights:
            return tables[int(self.rng.random() * len(tables))]
        return self.rng.choices(tables, [self.weights.get(table.key, 1.0) for table in tables])[0]

    def scene(
        self, fits: Callable[[TableInfo], object] = lambda table: True, *, hops: int | None = None
    ) -> Scene | None:
        """Return one table, with up to `hops` parents joined to it (drawn when not given)."""
        table = self.pick_table(fits)
        if table is None:
            return None
        if hops is None:
            roll = self.rng.random()
            hops = 0 if roll < 0.6 else 1 if roll < 0.88 else 2 if roll < 0.97 else 3
        return self.climb(table, hops)

    def climb(self, table: TableInfo, hops: int) -> Scene:
        """Return the scene of a table and up to `hops` joins to parents, parents of parents, and so on."""
        steps: list[tuple[int, Link]] = []
        tables = [table]
        for _ in range(hops):
            open_links = [
                (i, link)
                for i, other in enumerate(tables)
                for link in self.graph.up.get(other.key, ())
                if (i, link) not in steps and _is_speakable(link, tables)
            ]
            if not open_links:
                break
            step = open_links[int(self.rng.random() * len(open_links))]
            steps.append(step)
            tables.append(self.graph.tables[step[1].parent])
        return make_scene(tables, steps)

    def by(self, binding: str, table: TableInfo, *kinds: Kind) -> Col | None:
        """Return one column to order by: one that is known to have several values, where values are known."""
        columns = table.of(*kinds)
        if self.values.is_real:
            columns = [column for column in columns if len(self.values.of(column.table, column.name)) > 1]
        column = self.one(columns)
        return Col(binding, column.name) if column else None

    def shown(self, binding: str, table: TableInfo, *kinds: Kind) -> Col | None:
        """Return one column worth showing."""
        column = self.one(table.of(*(kinds or SHOWN)))
        return Col(binding, column.name) if column else None

    def is_history(self, column: ColumnInfo) -> bool:
        """Tell whether "the last 30 days" of a column mean those before its latest date: the data ended long ago."""
        if not self.values.is_real:
            return self.rng.random() < 0.5
        return self.today[:4] > max(str(value) for value in self.values.of(column.table, column.name))[:4]

    def ties(self, scene: Scene) -> tuple[Order, ...]:
        """Return what makes the order of a LIMIT certain: the identifier of the main table, if it has one."""
        identifier = scene.table.identifier
        return (Order(Col(scene.main, identifier.name)),) if self.breaks_ties and identifier else ()

    def to_show(self, scene: Scene, count: int) -> tuple[Col, ...]:
        """Return up to `count` different columns of a scene, the label of its main table likeliest."""
        rng, table = self.rng, scene.table
        chosen: dict[Col, None] = {}
        if table.label and rng.random() < 0.6:
            chosen[Col(scene.main, table.label.name)] = None
        for _ in range(count * 3):
            if len(chosen) >= count:
                break
            i = 0 if len(scene.uses) == 1 or rng.random() < 0.6 else rng.randrange(len(scene.uses))
            kinds = ("key",) if rng.random() < 0.1 and i == 0 else SHOWN
            column = self.shown(scene.uses[i].binding, scene.tables[i], *kinds)
            if column:
                chosen[column] = None
        if not chosen and (any_column := self.one(table.columns)):
            chosen[Col(scene.main, any_column.name)] = None
        return tuple(chosen)[:count]

    def conditions(self, scene: Scene, count: int, without: Sequence[Col] = ()) -> tuple[Cond, ...]:
        """Return up to `count` conditions on different columns; every joined table is named by one if it can be."""
        found: dict[Col, Cond] = {}
        order = list(range(len(scene.uses)))
        order.reverse()  # parents are joined for a reason
        for n in range(count + 2):
            if len(found) >= count:
                break
            i = order[n % len(order)] if n < len(order) else self.rng.randrange(len(order))
            cond = self.condition(scene.uses[i].binding, scene.tables[i], is_main=i == 0)
            if cond is None:
                continue
            left = cond.left if not isinstance(cond, Term) else Col(cond.binding, cond.words)
            if isinstance(left, Col) and left not in found and left not in without:
                found[left] = cond
        return tuple(found.values())

    def condition(self, binding: str, table: TableInfo, *, is_main: bool = True) -> Condition | None:
        """Return one condition on a column of a table, on stored values."""
        if table.key in self.terms and binding == table.key and self.rng.random() < 0.25:
            return self.rng.choice(self.terms[table.key])
        key_rate = 0.06 if is_main else 0.0
        columns = [c for c in table.columns if c.kind not in ("opaque", "key") or self.rng.random() < key_rate]
        column = self.one(columns)
        return self.condition_on(binding, column) if column else None

    def condition_on(self, binding: str, column: ColumnInfo) -> Condition | None:
        """Return one condition on this column, or None when nothing is known of its values."""
        left, rng = Col(binding, column.name), self.rng
        seen = self.values.of(column.table, column.name)
        is_known = column.is_primary or column.kind == "flag" or column == self.graph.tables[column.table].label
        null = 0.05 if self.values.may_be_null(column.table, column.name) and not is_known else 0.0
        if column.kind == "opaque" or rng.random() < null:
            return Null(left, negated=rng.random() < 0.5) if null else None
        if not seen:
            return None
        return draw_condition(rng, left, column, seen, self.is_history)


def make_scene(tables: Sequence[TableInfo], steps: Sequence[tuple[int, Link]]) -> Scene:
    """Return the scene of joined tables: `steps` are (position of the child, link), one a join."""
    keys = [table.key for table in tables]
    twice = len(set(keys)) < len(keys)
    bindings = [f"T{i + 1}" if twice else key for i, key in enumerate(keys)]
    uses = [Use(bindings[0], keys[0], tables[0].noun)]
    for n, (child, link) in enumerate(steps, start=1):
        on = (Col(bindings[child], link.child_column), Col(bindings[n], link.parent_column))
        uses.append(Use(bindings[n], keys[n], link.role, on))
    return Scene(tuple(uses), tuple(tables))


def _is_speakable(link: Link, tables: Sequence[TableInfo]) -> bool:
    """A second way to a table that is already there would need words that tell them apart."""
    present = [table.key for table in tables]
    return link.parent not in present or (link.child == link.parent and len(tables) == 1)
