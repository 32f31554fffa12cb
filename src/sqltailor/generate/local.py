"""Local generation: a transformers model on this machine as a function of prompts, and its streaming twin."""

from __future__ import annotations

import dataclasses
import functools
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqltailor.errors import BackendError
from sqltailor.generate.answer_text import is_kept_to_schema, learned_joins, pieces, stops_in, text_of
from sqltailor.generate.batches import WORTH_SHARING, Batch, common, plan
from sqltailor.generate.decode import Engine, Written, decode
from sqltailor.generate.generic_forward import AnyEngine
from sqltailor.generate.leaving import look_up
from sqltailor.generate.llama_forward import LlamaEngine
from sqltailor.generate.open_model import MERGED
from sqltailor.generate.prefixes import WORTH_KEEPING, PrefixCache, PrefixFolder
from sqltailor.generate.weights import Opened
from sqltailor.prompt.encode import encode, end_of_turn
from sqltailor.sql.constrain.constraint import Vocabulary
from sqltailor.sql.constrain.known_joins import Pair
from sqltailor.types import Completion, GenerateOptions, Prompt

if TYPE_CHECKING:
    from sqltailor.generate.attention import Prefix
    from sqltailor.sql.constrain.walk import Walk

logger = logging.getLogger(__name__)


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
        self._prefixes = PrefixCache()
        merged = self.source.run.path / MERGED if self.source.run and self.model.device.type == "cpu" else None
        self._on_disk = PrefixFolder(merged) if merged and merged.is_dir() else None
        self._lock = threading.Lock()

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        """Return `options.n` completions a prompt, side by side, in the order of the prompts."""
        asked = [encode(self.tokenizer, prompt.messages) for prompt in prompts]
        rows = [ids for ids in asked for _ in range(options.n)]
        completions = [Completion("", "length", len(row), 0) for row in rows]
        fitting = [i for i, row in enumerate(rows) if len(row) < self.limit]
        if len(fitting) < len(rows):
            over = f"{len(rows) - len(fitting)} of {len(rows)} prompts"
            logger.warning("%s have %d tokens or more, which is all that the model reads", over, self.limit)
        walks = self._walks(prompts, options)
        with self._lock:
            if len(prompts) == 1 and fitting:
                self._recall(prompts[0], rows[0])
            for batch in plan([rows[i] for i in fitting], self.batch):
                batch = Batch([fitting[i] for i in batch.rows], batch.shared)
                for growing in self._decode(rows, batch, options, walks):
                    look_up()
                    written = growing
                for number, one in zip(batch.rows, written, strict=True):
                    completions[number] = self._completion(len(rows[number]), one, options)
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
        row = encode(self.tokenizer, prompt.messages)
        if len(row) >= self.limit:
            raise BackendError(f"The prompt has {len(row):,} tokens; the model reads {self.limit:,} with its answer.")
        with self._lock:
            self._recall(prompt, row)
            growing = self._decode([row], Batch([0], 0), options)
            yield from pieces(
                ((text_of(self.tokenizer, written.ids, options), written.stop == "length") for (written,) in growing),
                options,
            )

    def _walks(self, prompts: Sequence[Prompt], options: GenerateOptions) -> Callable[[int], Walk] | None:
        """Return what keeps the row of a number to its prompt's schema; None where the rows are free."""
        if not all(is_kept_to_schema(prompt, options) for prompt in prompts):
            return None

        def walk(row: int) -> Walk:
            prompt = prompts[row // options.n]
            joins = self._joins if options.known_joins else ()
            return self._vocabulary.constraint(prompt.schema, prompt.dialect, joins=joins).walk(options.max_tokens)

        return walk

    @functools.cached_property
    def _joins(self) -> Sequence[Pair]:
        return learned_joins(self.source.run)

    @functools.cached_property
    def _vocabulary(self) -> Vocabulary:
        return Vocabulary(self.tokenizer, self.model.get_output_embeddings().weight.shape[0], self.ends)

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
            is_stopped=(lambda ids: stops_in(self.tokenizer, ids, options)) if options.stop else None,
            began=began,
        )

    def _recall(self, prompt: Prompt, row: list[int]) -> None:
        """Have what comes before a prompt's last message in memory: from the run's folder, else read and kept there."""
        import torch

        if self._on_disk is None or not isinstance(self.engine, LlamaEngine):
            return
        *before, last = prompt.messages
        shared = common(row, encode(self.tokenizer, [*before, dataclasses.replace(last, content="")]))
        known = self._prefixes.longest(row)
        if shared < WORTH_KEEPING or (known is not None and len(known.ids) >= shared):
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

    def _completion(self, tokens_in: int, written: Written, options: GenerateOptions) -> Completion:
        text = text_of(self.tokenizer, written.ids, options)
        times = (round(written.first_token_ms, 2), round(written.total_ms, 2))
        return Completion(text, written.stop, tokens_in, len(written.ids), *times, written.logprob, led=written.led)


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer: the template's end of turn, and those that the model's files name."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    ends = configured if isinstance(configured, list) else [configured]
    return frozenset(i for i in [*ends, tokenizer.eos_token_id, end_of_turn(tokenizer)[-1]] if i is not None)
