"""Methods `sft` and `pretrain`: examples or documents as rows, and the trainer that learns from them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqltailor.errors import DataError
from sqltailor.project import Project
from sqltailor.runs import append_jsonl
from sqltailor.train.rows.collate import Collator
from sqltailor.train.rows.encoding import Row, Rows, TooLong, encode_documents, encode_examples
from sqltailor.train.rows.training_data import build_prompts, read_documents
from sqltailor.train.running.base_model import Setup
from sqltailor.train.running.processes import is_first_process
from sqltailor.train.running.stage import Job, Stage, StageResult, prepare, stage_examples, train_and_save

if TYPE_CHECKING:
    from sqltailor.recipe import Train

logger = logging.getLogger(__name__)


def read_rows(stage: Stage, project: Project, tokenizer: Any) -> Rows:
    """Return the stage's rows: examples, or for method `pretrain` documents. Writes `too_long.jsonl` into the run.

    Raises `DataError` when none is left.
    """
    recipe, train = stage.recipe, stage.recipe.train
    if train.method == "pretrain":
        texts, held_out = read_documents(recipe)
        rows = encode_documents(texts, tokenizer, max_length=train.max_length)
        return Rows(rows, encode_documents(held_out, tokenizer, max_length=train.max_length), [])
    material = stage_examples(stage, project)
    found = []
    for examples in (material.train, material.validation):
        prompts = build_prompts(project, examples, tokenizer)
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
        f"{len(too_long)} examples have more than {limit} tokens (the longest {longest}) and are dropped, never cut: "
        f"{listed} lists them. train.max_length={longest} takes them all."
    )
    if not kept:
        raise DataError(f"No example fits. {said}")
    logger.warning(said)


def shares(train: Train, setup: Setup) -> bool:
    """Say whether a schema that rows share is computed once: sdpa takes the mask that this needs."""
    return setup.attention == "sdpa" and train.method == "sft" and train.local.packing == "none"


def tune(job: Job) -> StageResult:
    """Train one stage on its rows, from its newest checkpoint if it has one, and save what it learned."""
    from sqltailor.train.running.trainer import RowTrainer, counts_learned_only

    rows, setup, section = job.rows, job.setup, job.stage.recipe.train
    assert rows is not None
    packed = section.local.packing == "bfd"
    prepared = prepare(job, "SFTConfig", validated=bool(rows.validation))
    model, tokenizer = prepared.trainee.model, prepared.trainee.tokenizer
    apart = setup.prefix_steps > 0 and counts_learned_only(model)
    collator = Collator(tokenizer.pad_token_id, share=shares(section, setup), apart=apart)
    trainer = RowTrainer(
        rows=[] if packed else rows.train,
        validation=rows.validation,
        collator=collator,
        keep=section.local.keep_checkpoints,
        prefix_steps=setup.prefix_steps,
        model=model,
        args=prepared.arguments,
        processing_class=tokenizer,
        train_dataset=_dataset(rows.train, packed=packed),
        eval_dataset=_dataset(rows.validation[:1], packed=packed) if rows.validation else None,
        data_collator=None if packed else numbered(collator, rows.train),
    )
    return train_and_save(job, prepared, trainer)


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
