"""The recipe's `train` section as the trainer's own arguments."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqltailor.errors import ConfigError, require

if TYPE_CHECKING:
    from sqltailor.recipe import Train
    from sqltailor.train.running.base_model import Setup


def world_size() -> int:
    """Return how many processes train together: what torchrun says, else 1."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def accumulation(train: Train, micro_batch: int) -> int:
    """Return how many micro-batches of each process make one step of `train.batch` examples.

    Raises `ConfigError` when they do not divide it.
    """
    together = micro_batch * world_size()
    if train.batch % together:
        raise ConfigError(
            f"train.batch {train.batch} cannot be divided among {world_size()} processes of {micro_batch} examples "
            f"each: make it a multiple of {together}."
        )
    return train.batch // together


def training_arguments(
    train: Train,
    setup: Setup,
    checkpoints: Path,
    micro_batch: int,
    *,
    validated: bool,
    kind: str = "SFTConfig",
    **more: Any,
) -> Any:
    """Return TRL's arguments of a `kind`: metrics each step, precision and device said outright."""
    import torch

    trl = require("trl", extra="train", feature="Local training")
    local = train.local
    for tracker in local.track:
        require(tracker, extra="track", feature=f"train.local.track: {tracker}")
    stops_early = local.early_stop_patience is not None
    if stops_early and not validated:
        raise ConfigError(
            "train.local.early_stop_patience needs a validation loss: method sft with data.validation, or pretrain."
        )
    save_steps = local.evaluate_steps if stops_early else local.save_steps
    half = setup.dtype if setup.dtype != torch.float32 else None
    settings: dict[str, Any] = {
        "output_dir": str(checkpoints),
        "num_train_epochs": train.epochs,
        "max_steps": train.max_steps or -1,
        "learning_rate": train.learning_rate,
        "lr_scheduler_type": _schedule(train),
        "warmup_steps": train.warmup_steps,
        "per_device_train_batch_size": micro_batch,
        "per_device_eval_batch_size": max(micro_batch, 8) if setup.device == "cpu" else micro_batch,
        "gradient_accumulation_steps": accumulation(train, micro_batch),
        "gradient_checkpointing": setup.gradient_checkpointing,
        "weight_decay": train.weight_decay,
        "max_grad_norm": train.max_grad_norm,
        "optim": local.optimizer,
        "bf16": half == torch.bfloat16,
        "fp16": half == torch.float16,
        "use_cpu": setup.device == "cpu",
        "dataloader_pin_memory": setup.device == "cuda",
        "torch_compile": local.compile,
        "seed": train.seed,
        "data_seed": train.seed,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": list(local.track) or "none",
        "remove_unused_columns": False,
        "save_strategy": "steps" if save_steps else "no",  # by time: `SaveByTime`
        "save_steps": save_steps or 500,
        "eval_strategy": "no" if not validated else "steps" if local.evaluate_steps else "epoch",
        "eval_steps": local.evaluate_steps,
        "load_best_model_at_end": stops_early,
        "metric_for_best_model": "eval_loss" if validated else None,
        "greater_is_better": False if validated else None,
        "ddp_find_unused_parameters": False,
    }
    if kind == "SFTConfig":
        packed = local.packing == "bfd"
        settings |= {"packing": packed, "eval_packing": False, "max_length": train.max_length if packed else None}
        settings |= {
            "dataset_kwargs": None if packed else {"skip_prepare_dataset": True},
            "completion_only_loss": False,
        }
    return getattr(trl, kind)(**(settings | more))


def _schedule(train: Train) -> str:
    if train.schedule == "constant" and train.warmup_steps:
        return "constant_with_warmup"
    return train.schedule
