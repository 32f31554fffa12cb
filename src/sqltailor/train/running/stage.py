"""One stage of a training, whatever its method: base → trainer → checkpoints → what is saved, top to bottom."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.runs import read_jsonl
from sqltailor.train.rows.training_data import build_prompts
from sqltailor.train.running.base_model import Setup, Trainee, open_trainee, record_base, root_base
from sqltailor.train.running.checkpoints import forget_after, newest_checkpoint, step_of
from sqltailor.train.running.memory import keep_freed_memory
from sqltailor.train.running.processes import first_process_first, is_first_process
from sqltailor.train.running.settings import training_arguments
from sqltailor.types import Example

if TYPE_CHECKING:
    from sqltailor.project import Project
    from sqltailor.recipe import Recipe, Train
    from sqltailor.train.running.watch import Progress

MakeTrainer = Callable[[Any, Any, Any], Any]
"""Given a model, its tokenizer and TRL's arguments, returns the trainer of a method."""


class Stage(NamedTuple):
    """One step of a recipe: what to train, on which base, where its results go, and the project where it is open."""

    recipe: Recipe
    base: str
    folder: Path
    run: Path
    number: int | None = None
    project: Project | None = None


class StageResult(NamedTuple):
    """What a stage did. `interrupted`: Ctrl-C ended it early, with a checkpoint."""

    steps: int
    train_loss: float
    eval_loss: float | None
    tokens_per_s: float | None
    interrupted: bool = False


def train_and_save(
    stage: Stage,
    setup: Setup,
    micro_batch: int,
    make: MakeTrainer,
    progress: Progress | None,
    interrupted: Callable[[], bool],
    *,
    kind: str,
    more: Mapping[str, Any] | None = None,
    validated: bool = False,
) -> StageResult:
    """Train a stage, from its newest checkpoint if it has one, and save what it learned to `stage.folder`."""
    from transformers import PrinterCallback, set_seed

    from sqltailor.train.running.watch import MetricsCallback, SaveByTime

    section, metrics = stage.recipe.train, stage.run / "metrics.jsonl"
    checkpoints = stage.folder / "checkpoints"
    with first_process_first():
        newest = newest_checkpoint(checkpoints)
        if is_first_process():
            forget_after(metrics, step_of(newest) if newest else 0, stage.number or 0)
    set_seed(section.seed)  # before the adapter's weights are drawn
    if setup.device == "cpu":
        keep_freed_memory()
    trainee = open_trainee(stage.recipe, setup, base=stage.base)
    arguments = training_arguments(
        section, setup, checkpoints, micro_batch, validated=validated, kind=kind, **(more or {})
    )
    trainer = make(trainee.model, trainee.tokenizer, arguments)
    watch = MetricsCallback(
        metrics,
        stage=stage.number,
        elapsed_s=_last(metrics, stage.number, "elapsed_s") or 0.0,
        progress=progress,
        interrupted=interrupted,
        start_epoch=trainer.start_epoch,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(watch)
    if arguments.save_strategy == "no":
        trainer.add_callback(SaveByTime(section.local.save_minutes, steps=setup.prefix_steps))
    if section.local.watch:
        trainer.add_callback(_answers(stage, trainee, progress))
    if section.local.early_stop_patience is not None:
        trainer.add_callback(early_stopping(section))
    output = trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    if interrupted():
        return StageResult(output.global_step, output.training_loss, None, None, interrupted=True)
    if validated and _last(metrics, stage.number, "eval_loss", step=output.global_step) is None:
        trainer.evaluate()
    save(trainer, trainee, stage)
    return result_of(metrics, stage)


def _answers(stage: Stage, trainee: Trainee, progress: Progress | None) -> Any:
    """Return the callback that asks the recipe's questions while training goes on."""
    from sqltailor.train.running.sample_answers import AnswersCallback

    questions = stage.recipe.train.local.watch
    asked = [Example(f"watch-{i}", ("",), question) for i, question in enumerate(questions, 1)]
    return AnswersCallback(
        trainee.model,
        trainee.tokenizer,
        trainee.source,
        questions=questions,
        prompts=build_prompts(stage.project or stage.recipe, asked, trainee.tokenizer),
        file=stage.run / "answers.jsonl",
        progress=progress,
    )


def early_stopping(train: Train) -> Any:
    """Return the callback that ends training when the validation loss no longer falls."""
    from transformers import EarlyStoppingCallback

    return EarlyStoppingCallback(early_stopping_patience=train.local.early_stop_patience)


def save(trainer: Any, trainee: Trainee, stage: Stage) -> None:
    """Write the adapter, or all weights, with the tokenizer, into the stage's folder, whole or not at all."""
    lora = stage.recipe.train.lora.enabled
    target = stage.folder / ("adapter" if lora else "model")
    partial = stage.folder / f".{target.name}.partial"
    trainer.save_model(str(partial))
    if not trainer.is_world_process_zero():
        return
    for name in ("training_args.bin", "README.md"):  # the export writes a model card of the run
        (partial / name).unlink(missing_ok=True)
    shutil.rmtree(partial / "ref", ignore_errors=True)  # what dpo and grpo began with
    trainee.tokenizer.save_pretrained(partial)
    if lora:
        record_base(partial, root_base(stage.base), trainee.source, trainee.setup.quantization)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)


def result_of(metrics: Path, stage: Stage) -> StageResult:
    """Return what metrics.jsonl says of a finished stage, through all interruptions.

    The validation loss is that of the weights which were kept: the best after an early stop, else the last.
    """
    rows = [row for row in read_jsonl(metrics) if row.get("stage") == stage.number]
    steps = [row for row in rows if "loss" in row]
    rates = sorted(row["tokens_per_s"] for row in steps)
    measured = [row["eval_loss"] for row in rows if "eval_loss" in row]
    keeps_best = stage.recipe.train.local.early_stop_patience is not None
    return StageResult(
        steps=steps[-1]["step"] if steps else 0,
        train_loss=sum(row["loss"] for row in steps) / max(len(steps), 1),
        eval_loss=(min(measured) if keeps_best else measured[-1]) if measured else None,
        tokens_per_s=rates[len(rates) // 2] if rates else None,
    )


def _last(metrics: Path, stage: int | None, name: str, *, step: int | None = None) -> float | None:
    """Return the newest value of a name in a stage's metrics, of one step if that is given, or None."""
    if not metrics.is_file():
        return None
    for row in reversed(list(read_jsonl(metrics))):
        if row.get("stage") == stage and name in row and step in (None, row["step"]):
            return float(row[name])
    return None
