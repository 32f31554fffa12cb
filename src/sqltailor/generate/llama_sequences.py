"""llama.cpp, through the package cyllama: several texts read side by side, equal beginnings held once."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import BackendError, require
from sqltailor.runs import cores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 256
"""Tokens read at a time: so long at most does an answer that is being written wait for a prompt that is read."""
CELLS = 4096
"""Tokens that the memory holds at first."""


def bindings() -> Any:
    """Return the module with llama.cpp's classes, which says nothing by itself. Raises `MissingExtra`."""
    llama = require("cyllama.llama.llama_cpp", extra="llama", feature="The engine llama")
    llama.disable_logging()
    return llama


class Part(NamedTuple):
    """Tokens that follow the first `start` ones of a sequence; `speaks`: what comes next will be asked."""

    sequence: int
    start: int
    ids: Sequence[int]
    speaks: bool


class Sequences:
    """The weights of a GGUF file, and what they have read of up to `count` texts, each under its number.

    `cells`: tokens of all texts together that there is room for; those of copied beginnings count once.
    """

    def __init__(self, file: Path, count: int, threads: int | None = None) -> None:
        llama = bindings()
        self.count, self._threads = count, threads or _threads()
        settings = llama.LlamaModelParams()
        settings.n_gpu_layers = 0
        try:
            # a class of ours has room for what get_logits_ith of cyllama 0.2.18 looks for
            self._model = type("Model", (llama.LlamaModel,), {})(str(file), settings)
        except (ValueError, OSError) as e:
            raise BackendError(f"llama.cpp cannot open {file}: it is not whole, or of a kind not known here.") from e
        self.vocabulary = self._model.get_vocab()
        self.size: int = self.vocabulary.n_vocab
        self._model.n_vocab = self.size
        self.limit: int = self._model.n_ctx_train
        self._batch = llama.LlamaBatch(n_tokens=BATCH, embd=0, n_seq_max=1)
        self.empty(CELLS)

    def empty(self, cells: int) -> None:
        """Forget all texts, and make room for so many tokens."""
        llama = bindings()
        settings = llama.LlamaContextParams()
        settings.n_ctx, settings.n_batch, settings.n_ubatch = cells, BATCH, BATCH
        settings.n_seq_max, settings.kv_unified = self.count, True
        settings.n_threads = settings.n_threads_batch = self._threads
        try:
            self._context = llama.LlamaContext(self._model, settings)
        except RuntimeError as e:
            raise BackendError(f"llama.cpp has no room for {cells:,} tokens: {e}") from e
        self.cells = cells

    def read(self, parts: Sequence[Part]) -> list[int]:
        """Read up to `BATCH` tokens, and return the place of each part's last token."""
        self._batch.reset()
        places = []
        for part in parts:
            for place, token in enumerate(part.ids, 1):
                speaks = part.speaks and place == len(part.ids)
                self._batch.add(token, part.start + place - 1, [part.sequence], speaks)
            places.append(self._batch.n_tokens - 1)
        try:
            self._context.decode(self._batch)
        except (ValueError, RuntimeError) as e:
            raise BackendError(f"llama.cpp cannot read {self._batch.n_tokens} tokens: {e}") from e
        return places

    def pick(self, place: int, sampler: Any) -> int:
        """Return the token that a sampler of llama.cpp picks to follow the token at a place of what was just read."""
        return int(sampler.sample(self._context, place))

    def logits(self, place: int) -> NDArray[np.float32]:
        """Return the logits (V,) behind the token at a place: 6 ms for 150,000, 30 times as long as `pick`."""
        import numpy as np

        return np.frombuffer(array("f", self._context.get_logits_ith(place)), dtype=np.float32)

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Have a sequence begin with the first tokens of another."""
        self.cut(target, 0)
        self._context.memory_seq_cp(source, target, 0, tokens)

    def cut(self, sequence: int, tokens: int) -> None:
        """Forget all but the first tokens of a sequence."""
        self._context.memory_seq_rm(sequence, tokens, -1)

    def state(self, sequence: int) -> bytes:
        """Return what was read of a sequence."""
        return bytes(self._context.get_state_seq_data(sequence))

    def restore(self, sequence: int, state: bytes, tokens: int) -> bool:
        """Set a sequence to a state of so many tokens; False, and the sequence is empty, where it is none."""
        self.cut(sequence, 0)
        try:
            self._context.set_state_seq_data(state, sequence)
            if self._context.memory_seq_pos_max(sequence) == tokens - 1:
                return True
        except ValueError:  # part of it may have been set
            pass
        self.cut(sequence, 0)
        return False


def greedy() -> Any:
    """Return a sampler that picks the likeliest token."""
    sampler = bindings().LlamaSampler()
    sampler.add_greedy()
    return sampler


def drawing(temperature: float, top_p: float, seed: int) -> Any:
    """Return a sampler that draws at a temperature from the likeliest tokens that together have `top_p`."""
    sampler = bindings().LlamaSampler()
    sampler.add_temp(temperature)
    if top_p < 1:
        sampler.add_top_p(top_p, 1)
    sampler.add_dist(seed)
    return sampler


def _threads() -> int:
    """Return how many threads compute: as OMP_NUM_THREADS says, else one a core that this process may use."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdigit() and int(told):
        return int(told)
    return cores()
