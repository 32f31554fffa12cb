"""The plan of a stage, before any weight is loaded: size, memory, tokens, steps, time; and whether it can run."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import ConfigError
from sqltailor.train.planning.machine import USABLE, available_gb, training_seconds
from sqltailor.train.planning.sizes import Sizes, memory_gb
from sqltailor.train.rows.collate import Order, computed_tokens
from sqltailor.train.rows.encoding import Row
from sqltailor.train.running.base_model import Setup
from sqltailor.train.running.settings import accumulation, world_size

if TYPE_CHECKING:
    from sqltailor.recipe import Train

logger = logging.getLogger(__name__)

CARDS_GB = (8, 12, 16, 24, 32, 40, 48, 80, 141)


class Lengths(NamedTuple):
    """The data in numbers. `computed`: tokens left when a schema is read once a batch; `assumed`: data not read."""

    examples: int
    left_out: int
    tokens: int
    computed: int
    longest: int
    assumed: bool = False


@dataclass(frozen=True)
class Plan:
    """What one stage will take. `memory_gb` by part; `available_gb` None where the device is not here.

    `download_bytes`: of a base that is not here yet, without whose tokenizer the numbers of tokens are estimates.
    """

    base: str
    method: str
    device: str
    dtype: str
    attention: str
    quantization: str
    parameters: int
    trainable: int
    examples: int
    left_out: int
    tokens: int
    computed_tokens: int
    longest: int
    batch: int
    micro_batch: int
    steps: int
    memory_gb: Mapping[str, float]
    available_gb: float | None
    seconds: float | None
    assumed: bool = False
    download_bytes: int = 0

    @property
    def needs_gb(self) -> float:
        """The memory that training takes at its peak."""
        return round(sum(self.memory_gb.values()), 2)

    @property
    def fits(self) -> bool:
        """Whether it fits into what is here; where the device is not here, whether one card can hold it."""
        if self.available_gb is None:
            return self.card_gb is not None
        return self.needs_gb <= self.available_gb * USABLE[self.device]

    @property
    def card_gb(self) -> int | None:
        """The smallest common GPU that holds it."""
        return next((card for card in CARDS_GB if self.needs_gb <= card * USABLE["cuda"]), None)

    def to_json(self) -> dict[str, Any]:
        """Return the shape of `train --dry-run --json`."""
        return dataclasses.asdict(self) | {"needs_gb": self.needs_gb, "fits": self.fits, "card_gb": self.card_gb}

    def text(self) -> str:
        """Return the plan in a few lines."""
        share = self.trainable / self.parameters
        saved = f", {self.computed_tokens:,} computed a pass" if self.computed_tokens < self.tokens else ""
        lines = [
            f"{self.base}: {_short(self.parameters)} parameters, {_short(self.trainable)} trained ({share:.1%})",
            f"{self.method} on {self.device} in {self.dtype}, attention {self.attention}, weights "
            + (self.quantization if self.quantization != "none" else "not quantised"),
            f"data: {self.examples:,} examples, {self.tokens:,} tokens{saved}, the longest {self.longest:,}"
            + (f"; {self.left_out:,} too long" if self.left_out else "")
            + (" (assumed: the data is not here)" if self.assumed else ""),
            f"steps: {self.steps:,} of {self.batch} examples, {self.micro_batch} at a time"
            + (f"; about {_duration(self.seconds)}" if self.seconds is not None else ""),
            "memory: " + " + ".join(f"{name} {size:.2f}" for name, size in self.memory_gb.items()),
            f"        = {self.needs_gb:.1f} GB; {self._verdict()}",
        ]
        if self.download_bytes:
            size = f"{self.download_bytes / 1e6:,.0f} MB"
            lines.append(f"download: {size} of {self.base}, which is not here yet; until then, tokens are estimates")
        return "\n".join(lines)

    def _verdict(self) -> str:
        if self.available_gb is not None:
            word = "fits" if self.fits else "does not fit"
            return f"{word} into the {self.available_gb:.1f} GB that this {self.device} has free"
        return f"fits a GPU of {self.card_gb} GB (none is here)" if self.card_gb else "fits no single GPU"


def make_plan(base: str, train: Train, setup: Setup, sizes: Sizes, lengths: Lengths, *, seconds: bool = True) -> Plan:
    """Return the plan of a stage, with the largest micro-batch that fits where the recipe says `auto`.

    Methods that first ask the model (dpo, grpo) have no time: it depends on how much the model writes.
    """
    available = available_gb(setup.device)
    micro = choose_micro_batch(train, setup, sizes, lengths, available)
    grouped = train.method == "grpo"  # a batch counts answers, and what does not fill one is left out
    per_epoch = (
        lengths.examples * train.grpo.generations // train.batch
        if grouped
        else math.ceil(lengths.examples / train.batch)
    )
    steps = train.max_steps or math.ceil(per_epoch * train.epochs)
    passes = steps * train.batch / max(lengths.examples, 1)
    memory = _memory(train, setup, sizes, lengths, micro)
    timed = seconds and available is not None and train.method in ("sft", "pretrain")
    return Plan(
        base,
        train.method,
        setup.device,
        str(setup.dtype).removeprefix("torch."),
        setup.attention,
        setup.quantization,
        sizes.parameters,
        sizes.trainable,
        lengths.examples,
        lengths.left_out,
        lengths.tokens,
        lengths.computed,
        lengths.longest,
        train.batch,
        micro,
        steps,
        memory,
        available,
        training_seconds(setup, sizes, train, lengths.computed * passes) if timed else None,
        lengths.assumed,
    )


def choose_micro_batch(train: Train, setup: Setup, sizes: Sizes, lengths: Lengths, available: float | None) -> int:
    """Return the recipe's micro-batch, or the largest divisor of the batch that fits into memory."""
    if train.local.micro_batch != "auto":
        accumulation(train, train.local.micro_batch)
        return train.local.micro_batch
    share, rest = divmod(train.batch, world_size())
    if rest:
        accumulation(train, 1)
    room = (available if available is not None else 24.0) * USABLE[setup.device]
    fitting = [
        n
        for n in range(1, share + 1)
        if share % n == 0 and sum(_memory(train, setup, sizes, lengths, n).values()) <= room
    ]
    return max(fitting, default=1)


def _memory(train: Train, setup: Setup, sizes: Sizes, lengths: Lengths, micro: int) -> dict[str, float]:
    shared = lengths.computed / max(lengths.tokens, 1)
    longest = lengths.longest + (train.grpo.max_tokens if train.method == "grpo" else 0)
    rows = 2 * micro if train.method == "dpo" else micro  # the better and the worse answer
    memory = memory_gb(sizes, train, setup, tokens=max(longest, int(longest * rows * shared)), rows=rows)
    compared = train.method == "dpo" or (train.method == "grpo" and train.grpo.beta > 0)
    if compared and not train.lora.enabled:  # without an adapter to leave out, the model it began as is a second one
        memory["reference"] = memory["weights"]
    return memory


def check(plan: Plan) -> None:
    """Raise `ConfigError` with remedies when a plan does not fit; say what it comes to otherwise."""
    if plan.fits:
        logger.info("%s", plan.text())
        return
    remedies = []
    if plan.micro_batch > 1:
        remedies.append("train.local.micro_batch=1")
    if plan.quantization == "none" and plan.trainable < plan.parameters:
        remedies.append("train.local.quantization=nf4")
    if plan.trainable == plan.parameters:
        remedies.append("train.lora.enabled=true")
    remedies += ["train.local.gradient_checkpointing=true", f"train.max_length={max(plan.longest // 2, 16)}"]
    remedies.append("a smaller train.lora.r or base")
    raise ConfigError(f"This training does not fit.\n{plan.text()}\nTry: {', or '.join(remedies)}.")


def measure_rows(
    rows: Sequence[Row], *, left_out: int, batch: int, share: bool, prefix_steps: int = 0, seed: int = 0
) -> Lengths:
    """Return the data in numbers, as they are read under `prefix_steps` of `Setup`."""
    tokens = sum(len(row.input_ids) for row in rows)
    computed = tokens
    if share and rows:
        order = list(Order(rows, batch=batch, seed=seed))[: 32 * batch]
        seen = [[rows[i] for i in order[at : at + batch]] for at in range(0, len(order), batch)]
        ratio = sum(computed_tokens(part, prefix_steps) for part in seen) / sum(
            len(row.input_ids) for part in seen for row in part
        )
        computed = int(tokens * ratio)
    return Lengths(len(rows), left_out, tokens, computed, max((len(row.input_ids) for row in rows), default=0))


def _short(number: int) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
