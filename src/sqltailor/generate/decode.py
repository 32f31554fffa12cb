"""From prompts' token ids to completions' token ids: one loop for greedy and sampled text, whatever the model."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Generator, Tensor

    from sqltailor.generate.attention import Prefix
    from sqltailor.sql.constrain.walk import Walk
    from sqltailor.types import GenerateOptions, Led


class Engine(Protocol):
    """A model's forward pass: read rows after an optional prefix they share, then a token a row at a time."""

    device: Any

    def start(self, rows: Sequence[Sequence[int]], prefix: Any, room: int) -> tuple[Any, Tensor]: ...

    def step(self, tokens: Tensor, state: Any) -> Tensor: ...

    def extend(self, rows: Sequence[Sequence[int]], state: Any) -> Tensor: ...

    def drop(self, row: int, count: int, state: Any) -> None: ...

    def keep(self, rows: Tensor, state: Any) -> Any: ...


@dataclass
class Written:
    """What was written for one prompt. `logprob` is the sum over the written tokens, the end token among them."""

    ids: list[int] = field(default_factory=list)
    stop: Literal["end", "length", "stop"] = "length"
    logprob: float = 0.0
    first_token_ms: float = 0.0
    total_ms: float = 0.0
    led: Led | None = None


def decode(
    engine: Engine,
    rows: Sequence[Sequence[int]],
    options: GenerateOptions,
    *,
    ends: Collection[int],
    prefix: Prefix | None = None,
    seeds: Sequence[int] | None = None,
    is_stopped: Callable[[list[int]], bool] | None = None,
    walks: Sequence[Walk] | None = None,
    began: float | None = None,
) -> Iterator[list[Written]]:
    """Write up to `options.max_tokens` tokens after each row; yield the same growing list after each token.

    `rows` hold what follows `prefix`. A token of `ends` ends a row and is not part of it; `is_stopped` ends a row by
    its ids so far. `seeds`, one a row, make sampling independent of the batch that a row is in. `walks`, one a row,
    keep the rows to a grammar: what is written may then become shorter again. Times count from `began` (of
    `time.perf_counter`), by default from now.
    """
    import torch

    began = time.perf_counter() if began is None else began
    if walks is not None:
        return torch.inference_mode()(_decode_within)(engine, rows, options, walks, prefix, seeds, is_stopped, began)
    # the decorator, unlike a `with` inside the generator, leaves the mode at each yield
    return torch.inference_mode()(_decode)(engine, rows, options, ends, prefix, seeds, is_stopped, began)


def _decode(
    engine: Engine,
    rows: Sequence[Sequence[int]],
    options: GenerateOptions,
    ends: Collection[int],
    prefix: Prefix | None,
    seeds: Sequence[int] | None,
    is_stopped: Callable[[list[int]], bool] | None,
    began: float,
) -> Iterator[list[Written]]:
    import torch

    written = [Written() for _ in rows]
    draws = [torch.Generator(engine.device).manual_seed(seed) for seed in seeds] if seeds else None
    state, logits = engine.start(rows, prefix, options.max_tokens)
    active = list(range(len(rows)))
    while True:
        tokens = _pick(logits, options, [draws[row] for row in active] if draws else None)
        logprobs = _logprobs(logits, tokens)
        elapsed_ms = (time.perf_counter() - began) * 1000
        going = []
        for place, (row, token, logprob) in enumerate(zip(active, tokens.tolist(), logprobs.tolist(), strict=True)):
            _take(written[row], token, logprob, elapsed_ms)
            if token in ends:
                written[row].stop = "end"
                written[row].ids.pop()
            elif is_stopped is not None and is_stopped(written[row].ids):
                written[row].stop = "stop"
            elif len(written[row].ids) < options.max_tokens:
                going.append(place)
        yield written
        if not going:
            return
        if len(going) < len(active):
            kept = torch.tensor(going, device=engine.device)
            active, tokens, state = [active[place] for place in going], tokens[kept], engine.keep(kept, state)
        logits = engine.step(tokens, state)


def _decode_within(
    engine: Engine,
    rows: Sequence[Sequence[int]],
    options: GenerateOptions,
    walks: Sequence[Walk],
    prefix: Prefix | None,
    seeds: Sequence[int] | None,
    is_stopped: Callable[[list[int]], bool] | None,
    began: float,
) -> Iterator[list[Written]]:
    """Decode as `decode` does, each row led by its walk; a token that follows by itself is read with the next."""
    import torch

    written = [Written() for _ in rows]
    draws = [torch.Generator().manual_seed(seed) for seed in seeds] if seeds else [None] * len(rows)
    state, logits = engine.start(rows, prefix, options.max_tokens)
    active = list(range(len(rows)))
    while True:
        feed: list[list[int]] = []
        going = []
        found = logits.float().cpu()
        for place, row in enumerate(active):
            walk, own = walks[row], written[row]
            pick = functools.partial(_pick_one, options=options, draw=draws[row])
            move = walk.take(found[place].numpy(), pick)
            dropped = move.back
            while not move.tokens and not move.is_done and not walk.ids:  # back at the prompt
                move = walk.take(None, pick)
            own.logprob += _sum_logprob(found[place], move.tokens[:1])
            own.ids = list(walk.ids)
            own.total_ms = (time.perf_counter() - began) * 1000
            own.first_token_ms = own.first_token_ms or own.total_ms
            if move.is_done or (is_stopped is not None and is_stopped(own.ids)):
                own.stop = "end" if move.is_done else "stop"
                own.led = walk.led
                continue
            again = not move.tokens  # the logits behind what is left must be had again
            if dropped or again:
                engine.drop(place, dropped + again, state)
            feed.append(walk.ids[-1:] if again else move.tokens)
            going.append(place)
        yield written
        if not going:
            return
        if len(going) < len(active):
            kept = torch.tensor(going, device=engine.device)
            active, state = [active[place] for place in going], engine.keep(kept, state)
        logits = engine.extend(feed, state)


def _pick_one(logits: NDArray[np.float32], *, options: GenerateOptions, draw: Generator | None) -> int:
    """Return a token of one row's logits (V,)."""
    import torch

    if options.temperature == 0:
        return int(logits.argmax())
    return int(_pick(torch.from_numpy(logits)[None], options, [draw] if draw is not None else None)[0])


def _sum_logprob(logits: Tensor, tokens: Sequence[int]) -> float:
    return sum(float(logits[token] - logits.logsumexp(-1)) for token in tokens)


def _take(written: Written, token: int, logprob: float, elapsed_ms: float) -> None:
    written.ids.append(token)
    written.logprob += logprob
    written.total_ms = elapsed_ms
    if len(written.ids) == 1:
        written.first_token_ms = elapsed_ms


def _logprobs(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return log P of each row's token, (B,), under the model itself: temperature and top_p do not change it."""
    return logits.gather(1, tokens[:, None]).squeeze(1) - logits.logsumexp(-1)


def _pick(logits: Tensor, options: GenerateOptions, draws: Sequence[Generator] | None) -> Tensor:
    """Return the next token of each row, (B,): the likeliest, or drawn at `temperature` from the `top_p` likeliest."""
    import torch

    if options.temperature == 0:
        return logits.argmax(-1)
    probabilities = (logits / options.temperature).softmax(-1)  # (B, V)
    if options.top_p < 1:
        ordered, order = probabilities.sort(-1, descending=True)
        # the tokens before which the sum is still below top_p: the likeliest always stays
        ordered[ordered.cumsum(-1) - ordered >= options.top_p] = 0
        probabilities = torch.zeros_like(probabilities).scatter(-1, order, ordered)
    if draws is None:
        return torch.multinomial(probabilities, 1).squeeze(1)
    drawn = [torch.multinomial(row, 1, generator=draw) for row, draw in zip(probabilities, draws, strict=True)]
    return torch.cat(drawn)
