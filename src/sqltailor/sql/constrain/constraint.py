"""A schema and a vocabulary → what keeps a model to statements that parse and name only what exists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any

from sqltailor.sql.constrain.grammar import grammar, one_table, shortest
from sqltailor.sql.constrain.granted_names import Names
from sqltailor.sql.constrain.known_joins import Pair, joins_of
from sqltailor.sql.constrain.tokens import Tokens
from sqltailor.sql.constrain.walk import Rules, Walk
from sqltailor.sql.guard.granted_views import visible
from sqltailor.types import Grant, Schema

MAX_KEPT = 64
"""Constraints that a vocabulary keeps."""


class Vocabulary(Tokens):
    """A model's tokens, and the constraints that were made for them."""

    def __init__(self, tokenizer: Any, size: int, ends: Collection[int]) -> None:
        super().__init__(tokenizer, size, ends)
        self._constraints: dict[tuple[object, ...], Constraint] = {}

    def constraint(
        self,
        schema: Schema,
        dialect: str,
        grant: Grant = Grant(),  # noqa: B008
        joins: Sequence[Pair] = (),
    ) -> Constraint:
        """Return the constraint of a schema under a grant, in a dialect; it is kept.

        `joins` are those of known statements: if they are enough, others are joined by them or the schema's keys.

        Raises `ConfigError` for a dialect without a grammar, or a schema without a column that is granted.
        """
        key = (id(schema), dialect, grant, id(joins))
        found = self._constraints.get(key)
        if found is None or found.schema is not schema:
            if len(self._constraints) >= MAX_KEPT:
                self._constraints.clear()
            found = self._constraints[key] = Constraint(self, schema, dialect, grant, joins)
        return found


class Constraint:
    """A compiled grammar and the names that it may use."""

    def __init__(
        self, vocabulary: Tokens, schema: Schema, dialect: str, grant: Grant, joins: Sequence[Pair] = ()
    ) -> None:
        granted = visible(schema, grant, dialect) if grant != Grant() else schema
        self.schema, self.vocabulary = schema, vocabulary
        self._rules = Rules(
            vocabulary,
            Names(schema, dialect, grant, joins_of(schema, joins)),
            grammar(granted, dialect),
            partial(one_table, granted, dialect),
            partial(shortest, granted, dialect),
        )
        vocabulary.matcher(self._rules.grammar)

    def walk(self, budget: int) -> Walk:
        """Return the state of a statement to write, of at most `budget` tokens."""
        return Walk(self._rules, budget)
