"""A GGUF file as a function of prompts, by llama.cpp on the CPU: no torch, and faster for one who asks."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqltailor.generate.bases import cache_folder
from sqltailor.generate.engines import run_of
from sqltailor.generate.gguf_tokens import GgufTokenizer
from sqltailor.generate.llama_sequences import Sequences, drawing, greedy
from sqltailor.generate.llama_turns import Turns
from sqltailor.generate.llama_writer import ROWS, SEQUENCES, Free, Row, Writer
from sqltailor.generate.local_text import LocalText, is_kept_to_schema
from sqltailor.generate.prefixes import StateFolder
from sqltailor.prompt.encode import end_of_turn
from sqltailor.types import Completion, GenerateOptions, Prompt

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sqltailor.sql.constrain.walk import Pick

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
        self.text = LocalText(self.tokenizer, limit=self.limit, size=sequences.size, ends=self.ends, run=run_of(file))
        states = StateFolder(cache_folder() / "prefixes", _identity(file), STATES)
        self._turns = Turns(Writer(sequences, states))

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        """Return `options.n` completions a prompt, side by side, in the order of the prompts."""
        began = time.perf_counter()
        asked = self.text.ids(prompts)
        rows: list[Row | None] = []
        for prompt, ids in zip(prompts, asked, strict=True):
            kept = self.text.beginning(prompt, ids) if len(prompts) == 1 else 0
            for _ in range(options.n):
                has_room = self.text.has_room(ids)
                rows.append(self._row(prompt, ids, options, len(rows), began, kept) if has_room else None)
        for _ in self._turns.write([row for row in rows if row is not None]):
            pass
        per_prompt = [ids for ids in asked for _ in range(options.n)]
        return [
            Completion("", "length", len(ids), 0)
            if row is None
            else self.text.completion(len(ids), row.written, options)
            for row, ids in zip(rows, per_prompt, strict=True)
        ]

    def stream(self, prompt: Prompt, options: GenerateOptions) -> Iterator[str]:
        """Yield the text of one completion in pieces as it is written; together they are the whole text.

        Raises `BackendError` when the prompt is as long as the model's context.
        """
        if is_kept_to_schema(prompt, options):  # what is written may be taken back
            yield self([prompt], dataclasses.replace(options, n=1))[0].text
            return
        ids = self.text.ids_to_stream(prompt)
        row = self._row(prompt, ids, options, 0, time.perf_counter(), self.text.beginning(prompt, ids))
        growing = ((row.written.ids, not row.is_done) for _ in self._turns.write([row]))
        yield from self.text.pieces(growing, options)

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text is to this model."""
        return len(self.tokenizer(text)["input_ids"])

    def _row(
        self, prompt: Prompt, ids: list[int], options: GenerateOptions, number: int, began: float, kept: int
    ) -> Row:
        most = min(options.max_tokens, self.limit - len(ids))
        seed = random.randrange(2**31) if options.seed is None else options.seed + number
        is_greedy = options.temperature == 0
        return Row(
            ids,
            most,
            self.text.walk(prompt, options, most) if is_kept_to_schema(prompt, options) else Free(self.ends),
            greedy() if is_greedy else drawing(options.temperature, options.top_p, seed),
            _likeliest if is_greedy else _drawing_among(options, seed),
            lambda written: self.text.is_stopped(written, options),
            began,
            kept,
        )


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
