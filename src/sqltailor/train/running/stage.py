"""One stage of a training, whatever its method: base → trainer → checkpoints → what is saved, top to bottom."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.project import Project
from sqltailor.runs import Run, read_jsonl
from sqltailor.train.recording import record_joins
from sqltailor.train.rows.training_data import TrainingData, build_prompts, read_material
from sqltailor.train.running.base_model import Setup, Trainee, open_trainee, record_base, root_base
from sqltailor.train.running.checkpoints import forget_after, newest_checkpoint, step_of
from sqltailor.train.running.memory import keep_freed_memory
from sqltailor.train.running.processes import first_process_first, is_first_process
from sqltailor.train.running.settings import training_arguments
from sqltailor.types import Example

if TYPE_CHECKING:
    from sqltailor.recipe import Recipe, Train
    from sqltailor.train.rows.encoding import Rows
    from sqltailor.train.running.watch import Progress


class Stage(NamedTuple):
    """One step of a recipe: what to train, on which base, and where its results go."""

    recipe: Recipe
    base: str
    folder: Path
    run: Path
    number: int | None = None

    @property
    def output(self) -> Path:
        """The folder of what it learned: an adapter, or all weights. It appears whole, and last."""
        return self.folder / ("adapter" if self.recipe.train.lora.enabled else "model")


def stage_examples(stage: Stage, project: Project) -> TrainingData:
    """Return the stage's examples, and write into the run how their statements join tables."""
    data = read_material(stage.recipe, stage.run)
    if is_first_process():
        record_joins(project, Run(stage.run), data.train)
    return data


Reward = Callable[[Sequence[Any], Sequence[str], Sequence[bool]], list[float]]
"""Questions (`methods.rewards.Question`), an answer to each, and whether it was cut → what each answer earns."""


class Job(NamedTuple):
    """A stage that is ready to train, in batches of `micro_batch` rows at a time; whom to tell, and whether to stop.

    Methods `sft` and `pretrain` train on `rows`; for the others these only say how long examples are. `reward` is what
    answers earn by `grpo`, where not execution decides.
    """

    stage: Stage
    project: Project
    rows: Rows | None
    setup: Setup
    micro_batch: int
    progress: Progress | None = None
    interrupted: Callable[[], bool] = lambda: False
    reward: Reward | None = None


class Prepared(NamedTuple):
    """What a method makes its trainer of: the opened model and TRL's arguments; `newest` is where it goes on."""

    trainee: Trainee
    arguments: Any
    newest: Path | None


class StageResult(NamedTuple):
    """What a stage did."""

    steps: int
    train_loss: float
    eval_loss: float | None
    tokens_per_s: float | None


def prepare(job: Job, kind: str, *, validated: bool = False, **more: Any) -> Prepared:
    """Open a stage's model for training, with TRL's arguments of a `kind`, and forget what its checkpoint lacks."""
    from transformers import set_seed

    stage, setup, section = job.stage, job.setup, job.stage.recipe.train
    checkpoints = stage.folder / "checkpoints"
    with first_process_first():
        newest = newest_checkpoint(checkpoints)
        if is_first_process():
            forget_after(stage.run / "metrics.jsonl", step_of(newest) if newest else 0, stage.number or 0)
    set_seed(section.seed)  # before the adapter's weights are drawn
    if setup.device == "cpu":
        keep_freed_memory()
    trainee = open_trainee(stage.recipe, setup, base=stage.base)
    arguments = training_arguments(section, setup, checkpoints, job.micro_batch, validated=validated, kind=kind, **more)
    return Prepared(trainee, arguments, newest)


def train_and_save(job: Job, prepared: Prepared, trainer: Any) -> StageResult:
    """Train a stage, from its newest checkpoint if it has one, and save what it learned to `stage.output`."""
    from transformers import PrinterCallback

    from sqltailor.train.running.watch import MetricsCallback, SaveByTime

    stage, section = job.stage, job.stage.recipe.train
    trainee, arguments, newest = prepared
    metrics = stage.run / "metrics.jsonl"
    watch = MetricsCallback(
        metrics,
        stage=stage.number,
        elapsed_s=_last(metrics, stage.number, "elapsed_s") or 0.0,
        progress=job.progress,
        interrupted=job.interrupted,
        start_epoch=trainer.start_epoch,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(watch)
    if arguments.save_strategy == "no":
        trainer.add_callback(SaveByTime(section.local.save_minutes, steps=job.setup.prefix_steps))
    if section.local.watch:
        trainer.add_callback(_answers(job, trainee))
    if section.local.early_stop_patience is not None:
        trainer.add_callback(early_stopping(section))
    output = trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    if job.interrupted():
        return StageResult(output.global_step, output.training_loss, None, None)
    if arguments.eval_strategy != "no" and _last(metrics, stage.number, "eval_loss", step=output.global_step) is None:
        trainer.evaluate()
    save(trainer, trainee, stage)
    return result_of(metrics, stage)


def _answers(job: Job, trainee: Trainee) -> Any:
    """Return the callback that asks the recipe's questions while training goes on."""
    from sqltailor.train.running.sample_answers import AnswersCallback

    questions = job.stage.recipe.train.local.watch
    asked = [Example(f"watch-{i}", ("",), question) for i, question in enumerate(questions, 1)]
    return AnswersCallback(
        trainee.model,
        trainee.tokenizer,
        trainee.source,
        questions=questions,
        prompts=build_prompts(job.project, asked, trainee.tokenizer),
        file=job.stage.run / "answers.jsonl",
        progress=job.progress,
    )


def early_stopping(train: Train) -> Any:
    """Return the callback that ends training when the validation loss no longer falls."""
    from transformers import EarlyStoppingCallback

    return EarlyStoppingCallback(early_stopping_patience=train.local.early_stop_patience)


def save(trainer: Any, trainee: Trainee, stage: Stage) -> None:
    """Write the adapter, or all weights, with the tokenizer, to the stage's output, whole or not at all."""
    target = stage.output
    partial = stage.folder / f".{target.name}.partial"
    trainer.save_model(str(partial))
    if not trainer.is_world_process_zero():
        return
    for name in ("training_args.bin", "README.md"):  # the export writes a model card of the run
        (partial / name).unlink(missing_ok=True)
    shutil.rmtree(partial / "ref", ignore_errors=True)  # what dpo and grpo began with
    trainee.tokenizer.save_pretrained(partial)
    if stage.recipe.train.lora.enabled:
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
