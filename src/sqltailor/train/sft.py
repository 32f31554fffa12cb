"""Supervised tuning of one stage, top to bottom: rows → settings → trainer → adapter. Also reads plain documents."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import DataError
from sqltailor.runs import append_jsonl, read_jsonl
from sqltailor.train.batches import Collator
from sqltailor.train.checkpoints import forget_after, newest_checkpoint, step_of
from sqltailor.train.material import build_prompts, read_documents, read_material
from sqltailor.train.model import Setup, Trainee, open_trainee, record_base, root_base
from sqltailor.train.processes import first_process_first, is_first_process
from sqltailor.train.rows import Row, TooLong, encode_documents, encode_examples
from sqltailor.train.settings import training_arguments

if TYPE_CHECKING:
    from sqltailor.recipe import Recipe, Train
    from sqltailor.train.watch import Progress

logger = logging.getLogger(__name__)


class Stage(NamedTuple):
    """One step of a recipe: what to train, on which base, and where its results go."""

    recipe: Recipe
    base: str
    folder: Path
    run: Path
    number: int | None = None


class StageResult(NamedTuple):
    """What a stage did. `interrupted`: Ctrl-C ended it early, with a checkpoint."""

    steps: int
    train_loss: float
    eval_loss: float | None
    tokens_per_s: float | None
    interrupted: bool = False


class Rows(NamedTuple):
    """What a stage learns from, and what is left out for its length."""

    train: list[Row]
    validation: list[Row]
    too_long: list[TooLong]


def read_rows(stage: Stage, tokenizer: Any) -> Rows:
    """Return the stage's rows: examples, or for method `pretrain` documents. Writes `too_long.jsonl` into the run.

    Raises `DataError` when none is left.
    """
    recipe, train = stage.recipe, stage.recipe.train
    if train.method == "pretrain":
        texts, held_out = read_documents(recipe)
        rows = encode_documents(texts, tokenizer, max_length=train.max_length)
        return Rows(rows, encode_documents(held_out, tokenizer, max_length=train.max_length), [])
    material = read_material(recipe, stage.run)
    found = []
    for examples in (material.train, material.validation):
        prompts = build_prompts(recipe, examples, tokenizer)
        found.append(encode_examples(examples, prompts, tokenizer, max_length=train.max_length, turns=train.turns))
    (rows, too_long), (validation, too_long_validation) = found
    too_long = [*too_long, *too_long_validation]
    _tell_too_long(too_long, stage, kept=len(rows))
    return Rows(rows, validation, too_long)


def _tell_too_long(too_long: Sequence[TooLong], stage: Stage, *, kept: int) -> None:
    listed = stage.run / "too_long.jsonl"
    if is_first_process():
        listed.unlink(missing_ok=True)
        for row in too_long:
            append_jsonl(listed, row._asdict())
    if not too_long:
        return
    limit, longest = stage.recipe.train.max_length, max(row.tokens for row in too_long)
    said = (
        f"{len(too_long)} examples have more than {limit} tokens (the longest {longest}) and are left out, never cut: "
        f"{listed} lists them. train.max_length={longest} takes them all."
    )
    if not kept:
        raise DataError(f"No example fits. {said}")
    logger.warning(said)


def shares(train: Train, setup: Setup) -> bool:
    """Say whether a schema that rows share is computed once: sdpa takes the mask that this needs."""
    return setup.attention == "sdpa" and train.method == "sft" and train.local.packing == "none"


def tune(
    stage: Stage,
    rows: Rows,
    setup: Setup,
    *,
    micro_batch: int,
    progress: Progress | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> StageResult:
    """Train one stage, from its newest checkpoint if it has one, and save what it learned to `stage.folder`."""
    from transformers import PrinterCallback, set_seed

    from sqltailor.train.trainer import RowTrainer
    from sqltailor.train.watch import Watch

    recipe = stage.recipe
    checkpoints = stage.folder / "checkpoints"
    with first_process_first():
        newest = newest_checkpoint(checkpoints)
        if is_first_process():
            forget_after(stage.run / "metrics.jsonl", step_of(newest) if newest else 0, stage.number or 0)
    set_seed(recipe.train.seed)  # before the adapter's weights are drawn
    trainee = open_trainee(recipe, setup, base=stage.base)
    metrics = stage.run / "metrics.jsonl"
    arguments = training_arguments(recipe.train, setup, checkpoints, micro_batch, validated=bool(rows.validation))
    packed = recipe.train.local.packing == "bfd"
    collator = Collator(trainee.tokenizer.pad_token_id, share=shares(recipe.train, setup))
    trainer = RowTrainer(
        rows=[] if packed else rows.train,
        validation=rows.validation,
        collator=collator,
        keep=recipe.train.local.keep_checkpoints,
        model=trainee.model,
        args=arguments,
        processing_class=trainee.tokenizer,
        train_dataset=_dataset(rows.train, packed=packed),
        eval_dataset=_dataset(rows.validation[:1], packed=packed) if rows.validation else None,
        data_collator=None if packed else numbered(collator, rows.train),
    )
    watch = Watch(
        metrics,
        stage=stage.number,
        elapsed_s=_last(metrics, stage.number, "elapsed_s") or 0.0,
        progress=progress,
        interrupted=interrupted,
        start_epoch=trainer.start_epoch,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(watch)
    if recipe.train.local.early_stop_patience is not None:
        trainer.add_callback(early_stopping(recipe.train))
    output = trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    if interrupted():
        return StageResult(output.global_step, output.training_loss, None, None, interrupted=True)
    if rows.validation and _last(metrics, stage.number, "eval_loss", step=output.global_step) is None:
        trainer.evaluate()
    save(trainer, trainee, stage)
    return result_of(metrics, stage)


def numbered(collator: Collator, rows: Sequence[Row]) -> Callable[[Sequence[Mapping[str, int]]], dict[str, Any]]:
    """Return a collator of row numbers, which also says which rows a batch holds."""
    import torch

    def collate(items: Sequence[Mapping[str, int]]) -> dict[str, Any]:
        numbers = [item["number"] for item in items]
        return collator([rows[i] for i in numbers]) | {"numbers": torch.tensor(numbers)}

    return collate


def _dataset(rows: Sequence[Row], *, packed: bool) -> Any:
    """Return the data set that the trainer draws from: the numbers of the rows, or the rows that TRL packs."""
    from datasets import Dataset

    if packed:
        return Dataset.from_list([{"input_ids": row.input_ids, "labels": row.labels} for row in rows])
    return Dataset.from_dict({"number": list(range(len(rows)))})


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
