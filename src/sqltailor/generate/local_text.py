"""What every local model makes of tokens: prompts as ids, the rules of what may follow, answers as text."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqltailor.errors import BackendError
from sqltailor.generate.batches import common
from sqltailor.generate.decode import Written
from sqltailor.generate.prefixes import WORTH_KEEPING
from sqltailor.prompt.encode import encode
from sqltailor.runs import Run, read_json
from sqltailor.sql.constrain.constraint import Vocabulary
from sqltailor.sql.constrain.known_joins import Pair, from_json
from sqltailor.sql.constrain.syntax import SYNTAXES
from sqltailor.sql.dialect import load_dialect
from sqltailor.types import Completion, GenerateOptions, Prompt

if TYPE_CHECKING:
    from sqltailor.sql.constrain.walk import Walk

logger = logging.getLogger(__name__)


class LocalText:
    """Between text and the tokens of one model.

    `limit`: tokens that it reads, with its answer; `size`: those that it knows; `ends`: those that end an answer;
    `run`: where the model was made.
    """

    def __init__(self, tokenizer: Any, *, limit: int, size: int, ends: Collection[int], run: Run | None) -> None:
        self._tokenizer, self._limit, self._run = tokenizer, limit, run
        self._vocabulary_of = (size, ends)

    def ids(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Return the ids of prompts, and warn of those that are too long to be answered."""
        asked = [encode(self._tokenizer, prompt.messages) for prompt in prompts]
        if over := sum(not self.has_room(ids) for ids in asked):
            said = f"{over} of {len(prompts)} prompts"
            logger.warning("%s have %d tokens or more, which is all that the model reads", said, self._limit)
        return asked

    def has_room(self, ids: Sequence[int]) -> bool:
        """Say whether an answer can follow a prompt."""
        return len(ids) < self._limit

    def ids_to_stream(self, prompt: Prompt) -> list[int]:
        """Return the ids of a prompt. Raises `BackendError` when it is as long as the model's context."""
        ids = encode(self._tokenizer, prompt.messages)
        if not self.has_room(ids):
            message = f"The prompt has {len(ids):,} tokens; the model reads {self._limit:,} with its answer."
            raise BackendError(message)
        return ids

    def beginning(self, prompt: Prompt, ids: Sequence[int]) -> int:
        """Return how many ids come before a prompt's last message, if they are worth keeping on disk, or 0."""
        *before, last = prompt.messages
        shared = common(ids, encode(self._tokenizer, [*before, dataclasses.replace(last, content="")]))
        return shared if shared >= WORTH_KEEPING else 0

    def walk(self, prompt: Prompt, options: GenerateOptions, budget: int) -> Walk:
        """Return what keeps an answer of at most `budget` tokens to a prompt's schema."""
        joins = self.joins if options.known_joins else ()
        return self._vocabulary.constraint(prompt.schema, prompt.dialect, joins=joins).walk(budget)

    @functools.cached_property
    def joins(self) -> Sequence[Pair]:
        """The joins of the statements that the model learned from."""
        learned = self._run.joins if self._run is not None else None
        return from_json(read_json(learned)) if learned is not None and learned.is_file() else ()

    @functools.cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self._tokenizer, *self._vocabulary_of)

    def is_stopped(self, ids: list[int], options: GenerateOptions) -> bool:
        """Say whether an answer has a stop string."""
        text = self._decoded(ids) if options.stop else ""
        return any(stop in text for stop in options.stop)

    def completion(
        self, tokens_in: int, written: Written, options: GenerateOptions, logprob: float | None = None
    ) -> Completion:
        """Return an answer that was written."""
        times = (round(written.first_token_ms, 2), round(written.total_ms, 2))
        text = self._text(written.ids, options)
        return Completion(text, written.stop, tokens_in, len(written.ids), *times, logprob, led=written.led)

    def pieces(self, growing: Iterable[tuple[list[int], bool]], options: GenerateOptions) -> Iterator[str]:
        """Yield what is new of the text of a growing answer; with its ids comes whether more may follow."""
        shown = text = ""
        for ids, is_open in growing:
            text = self._text(ids, options)
            # half a character, and what may become a stop string, wait for what follows
            if is_open and (text.endswith("\ufffd") or _may_stop(text, options)):
                continue
            yield text[len(shown) :]
            shown = text
        if len(text) > len(shown):
            yield text[len(shown) :]

    def _text(self, ids: list[int], options: GenerateOptions) -> str:
        """Return the text of an answer, up to its first stop string."""
        text = self._decoded(ids)
        return text[: min([at for stop in options.stop if (at := text.find(stop)) >= 0], default=len(text))]

    def _decoded(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))


def is_kept_to_schema(prompt: Prompt, options: GenerateOptions) -> bool:
    """Say whether an answer may name only what its prompt's schema has."""
    return options.constrain and bool(prompt.schema.tables) and _has_grammar(prompt.dialect)


@functools.cache  # told once
def _has_grammar(dialect: str) -> bool:
    base = load_dialect(dialect).base
    if base not in SYNTAXES:
        known = ", ".join(SYNTAXES)
        logger.warning("answers in '%s' are not constrained: generate.constrain has grammars of %s", base, known)
    return base in SYNTAXES


def _may_stop(text: str, options: GenerateOptions) -> bool:
    return any(text.endswith(stop[:length]) for stop in options.stop for length in range(1, len(stop)))
