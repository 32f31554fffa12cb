"""Coverage of the kept pairs: which tables, columns and shapes they use, and weights that favour what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqltailor.synth.graph import Graph
from sqltailor.synth.query import Col, Query


@dataclass
class Coverage:
    """Counts over the kept pairs."""

    graph: Graph
    shapes: Counter[str] = field(default_factory=Counter)
    tables: Counter[str] = field(default_factory=Counter)
    columns: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, shape: str, query: Query) -> None:
        """Count one kept query."""
        self.shapes[shape] += 1
        for table, column in set(names_of(query)):
            self.tables[table] += not column
            if column:
                self.columns[table, column] += 1

    def shape_weights(self, names: Sequence[str], targets: Sequence[float]) -> list[float]:
        """Return weights of shapes: those that fall short of their target share come more often, up to four times."""
        total, kept = sum(targets), max(1, sum(self.shapes.values()))
        shares = [(target / total, (self.shapes[name] + 1) / kept) for name, target in zip(names, targets, strict=True)]
        return [wanted * min(4.0, max(0.25, wanted / had)) for wanted, had in shares]

    def table_weights(self) -> dict[str, float]:
        """Return weights of tables, the seldom used higher."""
        mean = (sum(self.tables.values()) + 1) / max(1, len(self.graph.tables))
        return {key: min(5.0, max(0.3, mean / (self.tables[key] + 1))) for key in self.graph.tables}

    def column_weights(self) -> dict[tuple[str, str], float]:
        """Return weights of columns within their table, the seldom used higher."""
        weights = {}
        for table in self.graph.tables.values():
            counts = [self.columns[table.key, column.name] for column in table.columns]
            mean = (sum(counts) + 1) / max(1, len(counts))
            for column, count in zip(table.columns, counts, strict=True):
                weights[table.key, column.name] = min(4.0, max(0.4, mean / (count + 1)))
        return weights

    def report(self) -> dict[str, object]:
        """Return the counts as plain values, with the tables and columns that no pair uses."""
        columns = [(t.key, c.name) for t in self.graph.tables.values() for c in t.columns if c.kind != "opaque"]
        return {
            "shapes": dict(self.shapes.most_common()),
            "tables": {key: self.tables[key] for key in self.graph.tables},
            "columns_used": sum(1 for name in columns if self.columns[name]),
            "columns": len(columns),
            "unused": [f"{table}.{column}" for table, column in columns if not self.columns[table, column]],
        }


def names_of(query: Query) -> Iterator[tuple[str, str]]:
    """Yield `(table, "")` and `(table, column)` for what a query and its inner queries name."""
    yield from _walk(query, {})


def _walk(value: object, outer: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if isinstance(value, Query):
        tables = {**outer, **{use.binding: use.table for use in value.uses}}
        yield from ((use.table, "") for use in value.uses)
        for name in Query.__dataclass_fields__:
            yield from _walk(getattr(value, name), tables)
    elif isinstance(value, Col):
        yield outer.get(value.binding, value.binding), value.name
    elif isinstance(value, tuple):
        for item in value:
            yield from _walk(item, outer)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from _walk(getattr(value, name), outer)
