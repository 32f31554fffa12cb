"""Really fine-tunes: a local base on the examples of a job, by this package's own training in a process of its own."""

from __future__ import annotations

import csv
import io
import math
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqltailor.cloud.job_record import REWARD
from sqltailor.errors import BackendError
from sqltailor.recipe import dump, load_recipe
from sqltailor.runs import Run, read_jsonl, write_text_atomic

LOOK_EVERY_S = 0.2
GRADED: Mapping[str, object] = {
    "data.format": "rft",
    "train.method": "grpo",
    "train.batch": 16,
    "train.max_steps": 6,
    "train.learning_rate": 1e-3,
    "train.grpo.generations": 4,
    "train.grpo.max_tokens": 64,
    "train.grpo.temperature": 0.7,
}
"""What a job by reinforcement comes to on this machine: enough to be seen, in a minute on a CPU."""


class Stopped(Exception):
    """The job was stopped."""


@dataclass(frozen=True, slots=True)
class Grader:
    """The unpacked package of a function that rewards answers, and its handler."""

    folder: Path
    handler: str


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be trained, and where. `start`: the tuned model that is tuned further, in place of the base.

    With a `grader` the model learns from its own answers; `train` then holds prompts.
    """

    folder: Path
    train: Path
    validation: Path | None
    epochs: int
    warmup_steps: int
    stop: threading.Event
    start: str | None = None
    grader: Grader | None = None


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came out: what answers for the model, and a row of `step, epoch, loss` for each step and validation."""

    reference: str
    steps: Sequence[dict[str, Any]]
    validation: Sequence[dict[str, Any]]


Tune = Callable[[Order], Tuned]


def tune_with(base: str) -> Tune:
    """Return what tunes a named base.

    Epochs and warm-up are the job's; learning rate, batch and adapter are those of the demo's recipe for this base: at
    the rate that Nova takes, so small a model would learn nothing. By reinforcement it takes a few steps, `GRADED`.
    """

    def tune(order: Order) -> Tuned:
        write_text_atomic(order.folder / "recipe.yaml", _recipe(base, order))
        log = order.folder / "train.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", *_program(order.grader)],
                cwd=order.folder,
                stdout=subprocess.DEVNULL,
                stderr=out,
            )
            try:
                while process.poll() is None:
                    if order.stop.wait(LOOK_EVERY_S):
                        raise Stopped
            finally:
                if process.poll() is None:
                    process.kill()
                process.wait()
        if process.returncode:
            said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise BackendError(f"the training ended with {process.returncode}: {said[-1] if said else 'no word'}")
        return _tuned(Run(order.folder / "runs" / "tuned"))

    return tune


def _program(grader: Grader | None) -> tuple[str, ...]:
    if grader is None:
        return ("sqltailor", "train", "--json")
    return ("sqltailor.local_bedrock.graded_training", str(grader.folder), grader.handler)


def _recipe(base: str, order: Order) -> str:
    recipe = load_recipe("demo-nano" if base == "nano" else "demo").recipe
    own = {
        "base": order.start or base,
        "train.name": "tuned",
        "train.epochs": order.epochs,
        "train.warmup_steps": order.warmup_steps,
        "data.train": f"[{order.train.name}]",
        "data.test": "[]",
        "data.format": "bedrock",
    }
    if order.grader is not None:
        own |= GRADED
    elif order.validation is not None:
        own["data.validation"] = order.validation.name
    order.folder.mkdir(parents=True, exist_ok=True)
    shipped = order.folder / "base-recipe.yaml"
    write_text_atomic(shipped, dump(recipe.model_copy(update={"database": type(recipe.database)()})))
    words = [f"{name}={value}" for name, value in own.items()]
    return dump(load_recipe(shipped, [*words, "train.local.watch=[]"], env={}, cwd=order.folder).recipe)


def _tuned(run: Run) -> Tuned:
    rows = list(read_jsonl(run.metrics))
    steps = [
        {"step": row["step"] - 1, "epoch": int(row.get("epoch", 0))}
        | {k: row[k] for k in ("loss", "reward") if k in row}
        for row in rows
        if "loss" in row
    ]
    epoch_of = {row["step"]: int(row.get("epoch", 0)) for row in rows if "loss" in row}
    validation = [
        {"step": row["step"] - 1, "epoch": epoch_of.get(row["step"], 0), "loss": row["eval_loss"]}
        for row in rows
        if "eval_loss" in row
    ]
    return Tuned(str(run.path), steps, validation)


def metrics_csv(column: str, rows: Sequence[Mapping[str, float]]) -> str:
    """Return steps with their losses as the service writes them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    rewarded = [REWARD] if any("reward" in row for row in rows) else []
    writer.writerow(("step_number", "epoch_number", column, "perplexity", *rewarded))
    for row in rows:
        earned = [row.get("reward", "")] if rewarded else []
        writer.writerow((int(row["step"]), int(row["epoch"]), row["loss"], math.exp(min(row["loss"], 50)), *earned))
    return text.getvalue()
