"""Trainer callbacks: metrics and progress each step, a stop on a NaN loss, checkpoints by time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from transformers import TrainerCallback

from sqltailor.errors import BackendError
from sqltailor.runs import append_jsonl

REPORTED = {"reward": "reward", "rewards/accuracies": "preferred"}
"""What methods beyond sft report → its name in metrics.jsonl: mean reward, share of pairs put in the right order."""


class Progress(Protocol):
    """Told of every step: `row` is its line of metrics.jsonl, `steps` how many there will be.

    Before the first step of `dpo`, told of the questions to the base: `step` 0, `asked`, `questions`, and `left_s`,
    seconds that the others will take, None before the first answer.
    """

    def __call__(self, row: Mapping[str, Any], steps: int) -> None: ...


class MetricsCallback(TrainerCallback):  # type: ignore[misc]
    """Writes metrics.jsonl and reports progress; ends a run whose loss is not a number.

    A line is `step, loss, lr, grad_norm, tokens_per_s, elapsed_s, epoch`, or `step, eval_loss`; with `stage` where a
    recipe has several. `start_epoch` is called with the number of each epoch before its first row is read.
    """

    def __init__(
        self,
        metrics: Path,
        *,
        stage: int | None,
        elapsed_s: float,
        progress: Progress | None,
        interrupted: Callable[[], bool],
        start_epoch: Callable[[int], None],
    ) -> None:
        self.metrics, self.stage, self.progress = metrics, stage, progress
        self.interrupted, self.start_epoch = interrupted, start_epoch
        self.began = time.perf_counter() - elapsed_s
        self.step_began = time.perf_counter()
        self.tokens_before = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.step_began = time.perf_counter()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.start_epoch(math.floor((state.epoch or 0) + 1e-9))

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.step_began = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **kwargs: Any) -> None:
        logs = logs or {}
        row: dict[str, Any] = {} if self.stage is None else {"stage": self.stage}
        row["step"] = state.global_step
        if "loss" in logs:
            row |= self._step(logs) | {"epoch": round(state.epoch, 4)}
        elif "eval_loss" in logs:
            row["eval_loss"] = logs["eval_loss"]
            self.step_began = time.perf_counter()
        else:
            return
        if not all(math.isfinite(value) for value in row.values() if isinstance(value, float)):
            raise BackendError(
                f"The loss is not finite at step {state.global_step} (loss {logs.get('loss', logs.get('eval_loss'))}, "
                f"gradient {logs.get('grad_norm')}). Lower train.learning_rate, raise train.warmup_steps or set "
                "train.local.dtype: fp32; then train again. Earlier checkpoints are kept."
            )
        if state.is_world_process_zero:
            append_jsonl(self.metrics, row)
            if self.progress is not None:
                self.progress(row, state.max_steps)

    def _step(self, logs: dict[str, float]) -> dict[str, Any]:
        now = time.perf_counter()
        rate = (logs["tokens"] - self.tokens_before) / max(now - self.step_began, 1e-9)
        self.step_began, self.tokens_before = now, int(logs["tokens"])
        return {
            "loss": logs["loss"],
            "lr": logs["learning_rate"],
            "grad_norm": logs.get("grad_norm"),
            "tokens_per_s": round(rate, 1),
            "elapsed_s": round(now - self.began, 3),
        } | {name: logs[key] for key, name in REPORTED.items() if key in logs}

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        if self.interrupted():
            control.should_save = control.should_training_stop = True
        return control


class SaveByTime(TrainerCallback):  # type: ignore[misc]
    """Asks for a checkpoint after so many minutes, at a step that is a multiple of `steps`, and at an epoch's end.

    One that takes long to write is written less often: at most a twentieth of the time goes to checkpoints.
    """

    def __init__(self, minutes: float, *, steps: int) -> None:
        self.wait_s, self.steps = minutes * 60, max(steps, 1)
        self.saved_at = self.asked_at = time.perf_counter()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.saved_at = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        self.asked_at = time.perf_counter()
        if self.asked_at - self.saved_at >= self.wait_s and state.global_step % self.steps == 0:
            control.should_save = True
        return control

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        self.asked_at = time.perf_counter()
        control.should_save = True
        return control

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.saved_at = time.perf_counter()
        self.wait_s = max(self.wait_s, 20 * (self.saved_at - self.asked_at))
