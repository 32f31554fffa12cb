"""A schema and a tokenizer → what keeps a model to valid SQL about that schema."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from sqltailor.errors import ConfigError, require
from sqltailor.sql.constrain.grammar import grammar, one_table
from sqltailor.sql.constrain.lexemes import Names
from sqltailor.sql.constrain.walk import Walk

if TYPE_CHECKING:
    from sqltailor.types import Schema


MAX_ITEMS = 2_000_000
"""Of llguidance's parser, for a mask: enough for a place where any name may stand."""


class Vocabulary:
    """A tokenizer as llguidance needs it; made once for a model, in about a second for 150 000 tokens.

    `size`: the model's, which may be more than the tokenizer's. `ends`: the tokens that end an answer. Raises
    `ConfigError` where llguidance is not installed.
    """

    def __init__(self, tokenizer: Any, size: int, ends: Collection[int]) -> None:
        require("llguidance", extra="local", feature="Constrained decoding")
        from llguidance.hf import from_tokenizer

        self.ends = frozenset(ends)
        self.tokens = from_tokenizer(tokenizer, n_vocab=size, eos_token=sorted(ends), slices=[])

    @functools.lru_cache(maxsize=64)  # noqa: B019 - one vocabulary a model, which lives as long
    def constraint(self, schema: Schema, dialect: str) -> Constraint:
        """Return the constraint of a granted schema in a base dialect."""
        return Constraint(self, schema, dialect)


class Constraint:
    """A compiled grammar and the names that it knows. Raises `ConfigError` where llguidance refuses the grammar."""

    def __init__(
        self, vocabulary: Vocabulary, schema: Schema, dialect: str, house: Mapping[str, tuple[int, int]] | None = None
    ) -> None:
        self._vocabulary, self._dialect = vocabulary, dialect
        self._grammar = _compiled(vocabulary, grammar(schema, dialect, house))
        self._short = _compiled(vocabulary, one_table(schema, dialect))
        self._names = Names(schema, dialect)

    def walk(self, budget: int) -> Walk:
        """Return the state of a statement to write, of at most `budget` tokens."""
        vocabulary = self._vocabulary
        return Walk(vocabulary.tokens, self._grammar, self._short, self._names, self._dialect, vocabulary.ends, budget)


def _compiled(vocabulary: Vocabulary, text: str) -> Any:
    from llguidance import LLMatcher, LLParserLimits

    matcher = LLMatcher(vocabulary.tokens, text, limits=LLParserLimits(step_max_items=MAX_ITEMS), log_level=0)
    if matcher.is_error():
        raise ConfigError(f"The grammar of this schema cannot be compiled: {matcher.get_error()}")
    return matcher
