"""Show training progress on standard error: a live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

    from sqltailor.train.running.watch import Progress

PLAIN_EVERY_S = 10.0


@contextlib.contextmanager
def live(file: TextIO | None = None) -> Iterator[Progress]:
    """Yield what `train(…, progress=…)` is given, and show what it is told while the block runs."""
    from rich.console import Console

    console = Console(file=file or sys.stderr)
    if not console.is_terminal:
        yield _Plain(file or sys.stderr)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    words = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*words, TimeRemainingColumn(), TextColumn("{task.fields[now]}"), console=console) as bars:
        yield _Live(bars)


class _Live:
    """A bar for each stage, with the newest numbers after it."""

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self.tasks: dict[int | str | None, Any] = {}
        self.eval_loss: float | None = None

    def __call__(self, row: Mapping[str, Any], steps: int) -> None:
        stage = row.get("stage")
        of_stage = "" if stage is None else f", stage {stage}"
        if "asked" in row:
            self._asked(row, of_stage)
            return
        if "answers" in row:
            self.bars.console.print(_answers(row, steps), style="dim", highlight=False, markup=False)
            return
        if stage not in self.tasks:
            name = f"training{of_stage}"
            self.tasks[stage] = self.bars.add_task(name, total=steps, now="", completed=row["step"] - 1)
        if "eval_loss" in row:
            self.eval_loss = row["eval_loss"]
            return
        if row["step"] == 1:  # of another training, maybe
            self.bars.reset(self.tasks[stage])
            self.eval_loss = None
        self.bars.update(self.tasks[stage], completed=row["step"], total=steps, now=_words(row, self.eval_loss))

    def _asked(self, row: Mapping[str, Any], of_stage: str) -> None:
        name = f"asking the base{of_stage}"
        if name not in self.tasks:
            self.tasks[name] = self.bars.add_task(name, total=row["questions"], now="")
        if row["left_s"] is None:  # what an earlier process asked says nothing of this one's speed
            self.bars.reset(self.tasks[name], completed=row["asked"])
        self.bars.update(self.tasks[name], completed=row["asked"], total=row["questions"])


class _Plain:
    """A line for the first and last step, each validation, and every ten seconds; of questions asked, too."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.shown_at = 0.0

    def __call__(self, row: Mapping[str, Any], steps: int) -> None:
        now = time.monotonic()
        stage = "" if row.get("stage") is None else f"stage {row['stage']} "
        if "asked" in row:
            self._asked(row, stage, now)
            return
        if "answers" in row:
            print(_answers(row, steps), file=self.file, flush=True)
            return
        at = f"{stage}step {row['step']}/{steps}"
        if "eval_loss" in row:
            print(f"{at}: validation loss {row['eval_loss']:.4f}", file=self.file)
        elif row["step"] in (1, steps) or now - self.shown_at >= PLAIN_EVERY_S:
            self.shown_at = now
            left = (steps - row["step"]) * row["elapsed_s"] / row["step"]
            print(f"{at}: {_words(row, None)}, about {left:.0f} s left", file=self.file, flush=True)

    def _asked(self, row: Mapping[str, Any], stage: str, now: float) -> None:
        asked, questions, left = row["asked"], row["questions"], row["left_s"]
        if left is None:
            self.shown_at = now
        elif asked == questions or now - self.shown_at >= PLAIN_EVERY_S:
            self.shown_at = now
            print(f"{stage}asked {asked} of {questions} questions, about {left:.0f} s left", file=self.file, flush=True)


def _answers(row: Mapping[str, Any], steps: int) -> str:
    """Return what the model answers by now, a question and its SQL a line each."""
    lines = [f"after {row['step']} of {steps} steps:" if row["step"] else "before training:"]
    for answer in row["answers"]:
        lines += [f"  {answer['question']}", f"    {' '.join(answer['sql'].split())}"]
    return "\n".join(lines)


def _words(row: Mapping[str, Any], eval_loss: float | None) -> str:
    words = f"loss {row['loss']:.4f}, lr {row['lr']:.2g}, {row['tokens_per_s']:,.0f} tokens/s, {memory_gb():.1f} GB"
    words += "".join(f", {name} {row[name]:.2f}" for name in ("reward", "preferred") if name in row)
    return words + (f", validation loss {eval_loss:.4f}" if eval_loss is not None else "")


def memory_gb() -> float:
    """Return the memory in use in GB: of the GPU where torch uses one, else of this process."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return float(torch.cuda.memory_allocated()) / 1e9
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096 / 1e9
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
