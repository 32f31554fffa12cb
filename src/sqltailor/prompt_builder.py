"""Prompts by a recipe: which tables, stored values and known pairs a model is shown with a question."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Protocol

from sqltailor.errors import DataError
from sqltailor.generate.embedder import vectors
from sqltailor.prompt.hints import Stored
from sqltailor.prompt.known import KnownPairs
from sqltailor.prompt.linking import SchemaLinker
from sqltailor.prompt.text import build_prompt, compact_schema
from sqltailor.recipe import Recipe
from sqltailor.sql.schema import to_ddl
from sqltailor.taught import prompt_examples, prompt_hints, prompt_name, prompt_nearest, prompt_show
from sqltailor.types import Example, Prompt, Schema

logger = logging.getLogger(__name__)

LINKED_TOKENS = 2_000
"""Room for the linked part of a schema where the recipe names none."""
BESIDE = 256
"""Tokens of a prompt beside the schema and the answer: the question, hints, the model's own marks."""
SIZES = 4_096
"""Parts of a schema whose size in tokens is remembered."""


class Sources(Protocol):
    """What prompts are made of: a `Project`."""

    recipe: Recipe

    @property
    def has_database(self) -> bool: ...
    @property
    def granted(self) -> Schema: ...
    @property
    def known(self) -> KnownPairs: ...
    @property
    def schema_linker(self) -> SchemaLinker: ...
    def values_named(self, question: str) -> Sequence[Stored]: ...
    def hints(self, example: Example, limit: int) -> Sequence[str]: ...


class PromptBuilder:
    """Builds the prompts of one model; see `Project.prompts`."""

    def __init__(
        self,
        sources: Sources,
        model: str,
        count_tokens: Callable[[str], int] | None,
        *,
        without_same: bool,
        context: int | None,
    ) -> None:
        recipe = sources.recipe
        self._sources, self._model, self._without_same, self._context = sources, model, without_same, context
        self._settings = recipe.prompt
        self._hints, self._pairs = prompt_hints(recipe, model), prompt_examples(recipe, model)
        self._embed = vectors if self._pairs and prompt_nearest(recipe, model) == "meaning" else None
        self._show, name = prompt_show(recipe, model), prompt_name(recipe, model)
        self._build = functools.partial(
            build_prompt,
            name=name,
            glossary=recipe.glossary,
            comments=self._settings.comments,
            samples=self._settings.samples > 0,
            max_schema_tokens=self._settings.max_schema_tokens,
            count_tokens=count_tokens,
        )
        self._size = functools.lru_cache(SIZES)(
            functools.partial(schema_tokens, prompt=name, count_tokens=count_tokens)
        )
        self._most = (
            sys.maxsize if context is None else max(context - recipe.generate.max_tokens - BESIDE, context // 4)
        )

    def __call__(self, example: Example, schema: Schema) -> Prompt:
        """Return an example's prompt. `schema` is its own where it brings one; else the project's granted one counts.

        Raises `DataError` for a schema over `prompt.max_schema_tokens` of which no part will do.
        """
        if example.schema is not None:
            return self._build(example, schema)
        asked = functools.partial(
            self._build,
            example,
            self._sources.granted,
            hints=self._sources.hints(example, self._hints),
            pairs=self._nearest(example)[::-1],
        )
        if self._show == "none":
            return asked(shown=Schema())
        about = _about(example)
        if about and (self._show == "linked" or self._is_over):
            return asked(shown=self._linked(about), max_schema_tokens=None)
        try:
            return asked()
        except DataError:
            if self._settings.max_schema_tokens is None or self._show != "auto" or not about:
                raise
            part = self._linked(about)
            if not part.tables:
                raise
            return asked(shown=part, max_schema_tokens=None)

    def _nearest(self, example: Example) -> Sequence[Example]:
        if not self._pairs or not example.question:
            return ()
        return self._sources.known.nearest(
            example.question, self._pairs, without_same=self._without_same, embed=self._embed
        )

    def _linked(self, about: str) -> Schema:
        """Return the part of the schema that a question needs."""
        found = self._sources.values_named(about) if self._sources.has_database else ()
        room = self._settings.max_schema_tokens or min(LINKED_TOKENS, self._most)
        return self._sources.schema_linker.link(about, room, self._size, self._sources.recipe.glossary, found)

    @functools.cached_property
    def _is_over(self) -> bool:
        """Whether the whole schema is shown by default, and the model's context has no room for it; told once."""
        if self._show != "auto" or self._settings.max_schema_tokens is not None or self._context is None:
            return False
        tokens = self._size(self._sources.granted)
        if tokens > self._most:
            logger.warning(
                "the schema has %s tokens and %s reads %s: each question is shown the tables that it needs",
                *(f"{tokens:,}", self._model, f"{self._context:,}"),
            )
        return tokens > self._most


def _about(example: Example) -> str:
    """Return what a question is about, with those before it: "and in Norway?" names no table."""
    before = [message.content for message in example.history if message.role == "user"]
    return "\n".join([*before, example.question]) if example.question else ""


def schema_tokens(schema: Schema, prompt: str, count_tokens: Callable[[str], int] | None = None) -> int:
    """Return how many tokens a part of a schema takes in a prompt; without a tokenizer, an estimate from above."""
    text = compact_schema(schema) if prompt == "compact" else to_ddl(schema)
    return count_tokens(text) if count_tokens is not None else -(-len(text) // 3)
