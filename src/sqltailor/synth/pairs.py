"""One question–SQL pair from a schema and example values: no database needed, nothing executed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from sqltailor.errors import DataError
from sqltailor.naming.values import Values
from sqltailor.sql.dialect import load_dialect
from sqltailor.synth.draw import Draw
from sqltailor.synth.glossary import read_terms
from sqltailor.synth.graph import Graph, build_graph
from sqltailor.synth.query import Query
from sqltailor.synth.shapes import advanced, custom_functions, everyday, family, groups
from sqltailor.synth.to_sql import to_sql
from sqltailor.synth.wording.phrasebook import Lexicon
from sqltailor.synth.wording.questions import word
from sqltailor.types import Schema

Sampler = Callable[[Draw], Query | None]

SHAPES: dict[str, tuple[float, Sampler]] = {
    "list": (20, everyday.listing),
    "all": (3, everyday.everything),
    "distinct": (4, everyday.distinct),
    "ordered": (5, everyday.ordered),
    "top": (11, everyday.top),
    "count": (11, everyday.count),
    "count_distinct": (4, everyday.count_distinct),
    "aggregate": (9, everyday.aggregate),
    "total_value": (2, everyday.total_value),
    "per_group": (9, groups.per_group),
    "top_group": (6, groups.top_group),
    "having": (4, groups.having),
    "by_date": (3, groups.by_date),
    "per_parent": (6, family.per_parent),
    "per_parent_all": (1.5, family.per_parent_all),
    "top_parent": (5, family.top_parent),
    "having_parent": (3, family.having_parent),
    "with": (4, family.with_children),
    "without": (4, family.without_children),
    "through": (4, family.through),
    "above_average": (3, advanced.above_average),
    "extreme": (2, advanced.extreme),
    "than_other": (2, advanced.than_other),
    "set": (3, advanced.set_operation),
    "either_or": (3, advanced.either_or),
    "case": (1, advanced.labelled),
    "share": (2, advanced.share),
    "rank": (1.5, advanced.ranked),
    "running": (0.7, advanced.running_total),
    "best_of_each": (1.5, advanced.best_of_each),
    "days_between": (1, advanced.days_between),
    "two_columns": (1, advanced.two_columns),
    "house_function": (25, custom_functions.house_function),
}
"""Sampler and weight by name."""


class Pair(NamedTuple):
    """A question and the SQL that answers it; `shape` names the sampler that made it."""

    question: str
    sql: str
    shape: str
    query: Query


class Maker:
    """Makes pairs over one schema. Keep one for each schema: building it costs about a millisecond."""

    def __init__(
        self,
        schema: Schema,
        values: Values,
        *,
        glossary: Mapping[str, str] | None = None,
        dialect: str = "sqlite",
        weights: Mapping[str, float] | None = None,
        typo_rate: float = 0.02,
    ) -> None:
        """`weights` replace the built-in weights of shapes, by name; 0 leaves a shape out."""
        self.graph: Graph = build_graph(schema, values.samples, values.refers)
        self.values = values
        self.dialect = dialect
        self.typo_rate = typo_rate
        terms = read_terms(glossary or {}, self.graph, dialect)
        self.lexicon = Lexicon(self.graph, terms.synonyms)
        self.names = tuple(SHAPES)
        self.weights = [float((weights or {}).get(name, weight)) for name, (weight, _) in SHAPES.items()]
        self.draw = Draw(
            self.graph,
            values,
            random.Random(0),
            terms=terms.conditions,
            measures=terms.measures,
            functions=load_dialect(dialect).functions,
        )

    def query(self, rng: random.Random, *, tries: int = 300) -> tuple[str, Query] | None:
        """Return the name of a shape and a query of it, or None when none was found."""
        self.draw.rng = rng
        for _ in range(tries):
            name = rng.choices(self.names, self.weights)[0]
            query = SHAPES[name][1](self.draw)
            if query is not None:
                return name, query
        return None

    def word(self, query: Query, rng: random.Random) -> str:
        """Return one question for a query."""
        return word(query, self.lexicon, rng, typo_rate=self.typo_rate)

    def pair(self, rng: random.Random) -> Pair:
        """Return one pair. Raises `DataError` when the schema gives none."""
        found = self.query(rng)
        if found is None:
            raise DataError("No question can be made: the schema has no table with columns and values to ask about.")
        name, query = found
        return Pair(self.word(query, rng), to_sql(query, self.dialect), name, query)


def sample_pair(
    schema: Schema,
    values: Values,
    rng: random.Random,
    *,
    glossary: Mapping[str, str] | None = None,
    typo_rate: float = 0.02,
    dialect: str = "sqlite",
) -> Pair:
    """Return one question–SQL pair over a schema.

    >>> from sqltailor.sql.schema import from_ddl
    >>> from sqltailor.naming.values import invent_values
    >>> schema = from_ddl("CREATE TABLE dogs (id INTEGER PRIMARY KEY, name TEXT, age INTEGER)")
    >>> pair = sample_pair(schema, invent_values(schema, random.Random(1)), random.Random(1))
    >>> pair.sql.startswith("SELECT ")
    True
    """
    return _maker(schema, values, tuple((glossary or {}).items()), dialect, typo_rate).pair(rng)


@lru_cache(maxsize=64)
def _maker(
    schema: Schema, values: Values, glossary: Sequence[tuple[str, str]], dialect: str, typo_rate: float
) -> Maker:
    return Maker(schema, values, glossary=dict(glossary), dialect=dialect, typo_rate=typo_rate)
