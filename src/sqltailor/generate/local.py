"""Local generation: a transformers model on this machine as a function of prompts, and its streaming twin."""

from __future__ import annotations

import dataclasses
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqltailor.generate.batches import WORTH_SHARING, Batch, plan
from sqltailor.generate.decode import Engine, Written, decode
from sqltailor.generate.generic_forward import AnyEngine
from sqltailor.generate.leaving import stop_if_nobody_waits
from sqltailor.generate.llama_forward import LlamaEngine
from sqltailor.generate.local_text import LocalText, is_kept_to_schema
from sqltailor.generate.open_model import MERGED
from sqltailor.generate.prefixes import PrefixCache, PrefixFolder
from sqltailor.generate.weights import Opened
from sqltailor.prompt.encode import end_of_turn
from sqltailor.types import Completion, GenerateOptions, Prompt

if TYPE_CHECKING:
    from sqltailor.generate.attention import Prefix
    from sqltailor.sql.constrain.walk import Walk


class LocalModel:
    """A model as a function: prompts and options in, completions out. What prompts share is read once and kept.

    One call at a time: others wait. A prompt as long as the model's context is answered by nothing, with stop `length`.
    """

    def __init__(self, opened: Opened, *, batch: int = 16) -> None:
        self.model, self.tokenizer, self.source = opened
        self.engine: Engine = LlamaEngine(self.model) if LlamaEngine.supports(self.model) else AnyEngine(self.model)
        self.batch = batch
        self.limit: int = getattr(self.model.config, "max_position_embeddings", None) or sys.maxsize
        self.ends = _ends(self.model, self.tokenizer)
        size = self.model.get_output_embeddings().weight.shape[0]
        self.text = LocalText(self.tokenizer, limit=self.limit, size=size, ends=self.ends, run=self.source.run)
        self._prefixes = PrefixCache()
        merged = self.source.run.path / MERGED if self.source.run and self.model.device.type == "cpu" else None
        self._on_disk = PrefixFolder(merged) if merged and merged.is_dir() else None
        self._lock = threading.Lock()

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        """Return `options.n` completions a prompt, side by side, in the order of the prompts."""
        rows = [ids for ids in self.text.ids(prompts) for _ in range(options.n)]
        completions = [Completion("", "length", len(row), 0) for row in rows]
        fitting = [i for i, row in enumerate(rows) if self.text.has_room(row)]
        walks = self._walks(prompts, options)
        with self._lock:
            if len(prompts) == 1 and fitting:
                self._recall(prompts[0], rows[0])
            for batch in plan([rows[i] for i in fitting], self.batch):
                batch = Batch([fitting[i] for i in batch.rows], batch.shared)
                for growing in self._decode(rows, batch, options, walks):
                    stop_if_nobody_waits()
                    written = growing
                for number, one in zip(batch.rows, written, strict=True):
                    completions[number] = self.text.completion(len(rows[number]), one, options, one.logprob)
        return completions

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a text is to this model."""
        ids = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]  # a long text is no mistake
        return len(ids)

    def stream(self, prompt: Prompt, options: GenerateOptions) -> Iterator[str]:
        """Yield the text of one completion in pieces as it is written; together they are the whole text.

        Raises `BackendError` when the prompt is as long as the model's context.
        """
        if is_kept_to_schema(prompt, options):  # what is written may be taken back
            yield self([prompt], dataclasses.replace(options, n=1))[0].text
            return
        row = self.text.ids_to_stream(prompt)
        with self._lock:
            self._recall(prompt, row)
            growing = self._decode([row], Batch([0], 0), options)
            yield from self.text.pieces(((one.ids, one.stop == "length") for (one,) in growing), options)

    def _walks(self, prompts: Sequence[Prompt], options: GenerateOptions) -> Callable[[int], Walk] | None:
        """Return what keeps the row of a number to its prompt's schema; None where the rows are free."""
        if not all(is_kept_to_schema(prompt, options) for prompt in prompts):
            return None
        return lambda row: self.text.walk(prompts[row // options.n], options, options.max_tokens)

    def _decode(
        self,
        rows: Sequence[list[int]],
        batch: Batch,
        options: GenerateOptions,
        walks: Callable[[int], Walk] | None = None,
    ) -> Iterator[list[Written]]:
        began = time.perf_counter()
        mine = [rows[number] for number in batch.rows]
        prefix = self._shared(mine, batch.shared) if isinstance(self.engine, LlamaEngine) else None
        known = len(prefix.ids) if prefix else 0
        seeds = [options.seed + number for number in batch.rows] if options.seed is not None else None
        return decode(
            self.engine,
            [row[known:] for row in mine],
            options,
            ends=self.ends,
            prefix=prefix,
            seeds=seeds,
            walks=None if walks is None else [walks(number) for number in batch.rows],
            is_stopped=(lambda ids: self.text.is_stopped(ids, options)) if options.stop else None,
            began=began,
        )

    def _recall(self, prompt: Prompt, row: list[int]) -> None:
        """Have what comes before a prompt's last message in memory: from the run's folder, else read and kept there."""
        import torch

        if self._on_disk is None or not isinstance(self.engine, LlamaEngine):
            return
        shared, known = self.text.beginning(prompt, row), self._prefixes.longest(row)
        if shared <= (0 if known is None else len(known.ids)):
            return
        ids = row[:shared]
        prefix = self._on_disk.load(ids, self.engine.empty(shared))
        if prefix is None:
            with torch.inference_mode():
                prefix = self.engine.read(ids, None)
            self._on_disk.save(prefix)
        self._prefixes.add(prefix)

    def _shared(self, rows: Sequence[list[int]], shared: int) -> Prefix | None:
        """Return what the rows' common beginning left in the model, read now as far as it is not kept from before."""
        import torch

        assert isinstance(self.engine, LlamaEngine)
        if len(rows) == 1:
            shared = len(rows[0]) - 1
        if shared < WORTH_SHARING:
            return None
        prefix = self._prefixes.longest(rows[0][: shared + 1])
        known = len(prefix.ids) if prefix else 0
        if known < shared:
            with torch.inference_mode():
                prefix = self.engine.read(rows[0][known:shared], prefix)
            self._prefixes.add(prefix)
        return prefix


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer: the template's end of turn, and those that the model's files name."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    ends = configured if isinstance(configured, list) else [configured]
    return frozenset(i for i in [*ends, tokenizer.eos_token_id, end_of_turn(tokenizer)[-1]] if i is not None)
