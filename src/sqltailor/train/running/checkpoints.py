"""Checkpoints, whole or ignored: found again after a crash, pruned, the best one kept.

A checkpoint is complete when it holds `COMPLETE`, which is written last, after its files are on the disk.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqltailor.errors import BackendError
from sqltailor.runs import append_jsonl, read_jsonl, write_text_atomic

logger = logging.getLogger(__name__)

COMPLETE = "COMPLETE"


def complete_checkpoints(folder: Path) -> list[Path]:
    """Return the complete checkpoints of a folder, oldest step first."""
    found = [path for path in folder.glob("checkpoint-*") if (path / COMPLETE).is_file()]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """Return the optimizer step that a checkpoint was made at."""
    return int(checkpoint.name.rpartition("-")[2])


def newest_checkpoint(folder: Path) -> Path | None:
    """Return the newest complete checkpoint, after removing what a crash left of others."""
    for path in folder.glob("checkpoint-*"):
        if not (path / COMPLETE).is_file():
            shutil.rmtree(path, ignore_errors=True)
    return next(iter(reversed(complete_checkpoints(folder))), None)


@contextlib.contextmanager
def finish_checkpoint(folder: str, state: Any, *, keep: int) -> Iterator[None]:
    """Mark what the block writes as complete, then remove all but the `keep` newest and the best.

    Raises `BackendError` when the disk is full; older checkpoints stay as they are.
    """
    path = Path(folder) / f"checkpoint-{state.global_step}"
    try:
        yield
        if not state.is_world_process_zero:
            return
        for file in path.rglob("*"):
            if file.is_file():
                _sync(file)
        write_text_atomic(path / COMPLETE, json.dumps({"step": state.global_step}) + "\n")
    except Exception as e:
        if not _is_about_the_disk(e):
            raise
        shutil.rmtree(path, ignore_errors=True)
        free_mb = shutil.disk_usage(folder).free // 2**20
        raise BackendError(
            f"The checkpoint of step {state.global_step} could not be written ({_last_line(e)}; {free_mb} MB free in "
            f"{folder}). Free some space, then continue with the same command: older checkpoints are kept."
        ) from e
    prune(Path(folder), keep=keep, best=state.best_model_checkpoint)


def prune(folder: Path, *, keep: int, best: str | None) -> None:
    """Remove all complete checkpoints but the `keep` newest and the best."""
    for path in complete_checkpoints(folder)[:-keep]:
        if best is None or path.resolve() != Path(best).resolve():
            (path / COMPLETE).unlink()
            shutil.rmtree(path, ignore_errors=True)


def forget_after(metrics: Path, step: int, stage: int) -> None:
    """Drop the lines of a stage's later steps from metrics.jsonl: they will be made again."""
    if not metrics.is_file():
        return
    kept = [row for row in read_jsonl(metrics) if (row.get("stage", 0), row["step"]) <= (stage, step)]
    partial = metrics.with_name(f".{metrics.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch()
    for row in kept:
        append_jsonl(partial, row)
    os.replace(partial, metrics)


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def _is_about_the_disk(error: BaseException) -> bool:
    """Tell a full or failing disk: torch and safetensors wrap the system's error in their own."""
    signs = ("No space left", "os error 28", "Disk quota", "PytorchStreamWriter", "unexpected pos")
    return isinstance(error, OSError) or any(sign in str(error) for sign in signs)


def _last_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
