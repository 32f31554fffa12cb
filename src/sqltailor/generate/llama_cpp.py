"""A GGUF file as a function of prompts, by llama.cpp on the CPU: no torch, and faster for one who asks."""

from __future__ import annotations

import dataclasses
import functools
import logging
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqltailor.errors import BackendError
from sqltailor.generate.answer_text import is_kept_to_schema, learned_joins, pieces, stops_in, text_of
from sqltailor.generate.bases import cache_folder
from sqltailor.generate.batches import common
from sqltailor.generate.engines import run_of
from sqltailor.generate.gguf_tokens import GgufTokenizer
from sqltailor.generate.llama_desk import ROWS, SEQUENCES, Desk, Free, Row
from sqltailor.generate.llama_sequences import Sequences, drawing, greedy
from sqltailor.generate.llama_turns import Turns
from sqltailor.generate.prefixes import WORTH_KEEPING, StateFolder
from sqltailor.prompt.encode import encode, end_of_turn
from sqltailor.sql.constrain.constraint import Vocabulary
from sqltailor.sql.constrain.known_joins import Pair
from sqltailor.types import Completion, GenerateOptions, Prompt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sqltailor.sql.constrain.walk import Pick, Walk

logger = logging.getLogger(__name__)

STATES = 16
"""Beginnings of prompts that are kept on disk, of all GGUF files together."""


class LlamaCppModel:
    """A model as a function, with the contract of `LocalModel`; log-probabilities are not measured.

    Any number of threads may ask at once: what they ask is written together, `at_once` answers side by side. The
    thread that asked does a step for all, or waits for another's.
    """

    at_once = ROWS

    def __init__(self, file: Path, *, threads: int | None = None) -> None:
        sequences = Sequences(file, SEQUENCES, threads)
        self.tokenizer = GgufTokenizer(file, sequences.vocabulary)
        self.ends = self.tokenizer.ends | {end_of_turn(self.tokenizer)[-1]}
        self.limit = sequences.limit
        self._file = file
        self._size = sequences.size
        states = StateFolder(cache_folder() / "prefixes", _identity(file), STATES)
        self._turns = Turns(Desk(sequences, states))

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        """Return `options.n` completions a prompt, side by side, in the order of the prompts."""
        began = time.perf_counter()
        asked = [encode(self.tokenizer, prompt.messages) for prompt in prompts]
        over = sum(len(ids) >= self.limit for ids in asked)
        if over:
            said = f"{over} of {len(prompts)} prompts"
            logger.warning("%s have %d tokens or more, which is all that the model reads", said, self.limit)
        rows: list[Row | None] = []
        for prompt, ids in zip(prompts, asked, strict=True):
            kept = self._beginning(prompt, ids) if len(prompts) == 1 else 0
            for _ in range(options.n):
                is_long = len(ids) >= self.limit
                rows.append(None if is_long else self._row(prompt, ids, options, len(rows), began, kept))
        for _ in self._turns.write([row for row in rows if row is not None]):
            pass
        per_prompt = [ids for ids in asked for _ in range(options.n)]
        return [
            Completion("", "length", len(ids), 0) if row is None else self._completion(row, options)
            for row, ids in zip(rows, per_prompt, strict=True)
        ]

    def stream(self, prompt: Prompt, options: GenerateOptions) -> Iterator[str]:
        """Yield the text of one completion in pieces as it is written; together they are the whole text.

        Raises `BackendError` when the prompt is as long as the model's context.
        """
        if is_kept_to_schema(prompt, options):  # what is written may be taken back
            yield self([prompt], dataclasses.replace(options, n=1))[0].text
            return
        ids = encode(self.tokenizer, prompt.messages)
        if len(ids) >= self.limit:
            raise BackendError(f"The prompt has {len(ids):,} tokens; the model reads {self.limit:,} with its answer.")
        row = self._row(prompt, ids, options, 0, time.perf_counter(), self._beginning(prompt, ids))
        texts = ((text_of(self.tokenizer, row.written.ids, options), not row.is_done) for _ in self._turns.write([row]))
        yield from pieces(texts, options)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text is to this model."""
        return len(self.tokenizer(text)["input_ids"])

    def _row(
        self, prompt: Prompt, ids: list[int], options: GenerateOptions, number: int, began: float, kept: int
    ) -> Row:
        most = min(options.max_tokens, self.limit - len(ids))
        walk: Walk | Free = Free(self.ends)
        if is_kept_to_schema(prompt, options):
            joins = self._joins if options.known_joins else ()
            walk = self._vocabulary.constraint(prompt.schema, prompt.dialect, joins=joins).walk(most)
        seed = random.randrange(2**31) if options.seed is None else options.seed + number
        is_greedy = options.temperature == 0
        return Row(
            ids,
            most,
            walk,
            greedy() if is_greedy else drawing(options.temperature, options.top_p, seed),
            _likeliest if is_greedy else _drawing_among(options, seed),
            lambda written: stops_in(self.tokenizer, written, options),
            began,
            kept,
        )

    def _beginning(self, prompt: Prompt, ids: list[int]) -> int:
        """Return how many tokens come before a prompt's last message, if they are worth keeping on disk, or 0."""
        *before, last = prompt.messages
        shared = common(ids, encode(self.tokenizer, [*before, dataclasses.replace(last, content="")]))
        return shared if shared >= WORTH_KEEPING else 0

    @functools.cached_property
    def _joins(self) -> Sequence[Pair]:
        return learned_joins(run_of(self._file))

    @functools.cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.tokenizer, self._size, self.ends)

    def _completion(self, row: Row, options: GenerateOptions) -> Completion:
        written = row.written
        text = text_of(self.tokenizer, written.ids, options)
        times = (round(written.first_token_ms, 2), round(written.total_ms, 2))
        return Completion(text, written.stop, len(row.ids), len(written.ids), *times, led=written.led)


def _identity(file: Path) -> str:
    """Return what tells a file from others and from its earlier self, and this version of llama.cpp from others."""
    from importlib.metadata import version

    stat = file.stat()
    return f"{file.resolve()}:{stat.st_size}:{stat.st_mtime_ns}:{version('cyllama')}"


def _likeliest(logits: NDArray[np.float32]) -> int:
    return int(logits.argmax())


def _drawing_among(options: GenerateOptions, seed: int) -> Pick:
    """Return what draws from logits as `drawing` does, and never a token that is forbidden."""
    import numpy as np

    draws = np.random.default_rng(seed)

    def pick(logits: NDArray[np.float32]) -> int:
        weights = np.exp((logits - logits.max()).astype(np.float64) / options.temperature)
        if options.top_p < 1:
            order = np.argsort(-weights)
            before = weights[order].cumsum() - weights[order]
            weights[order[before >= options.top_p * weights.sum()]] = 0
        # in the order of the tokens: in that of their weights, a rounding would draw another
        sums = weights.cumsum()
        return int(np.searchsorted(sums, draws.random() * sums[-1], side="right"))

    return pick
