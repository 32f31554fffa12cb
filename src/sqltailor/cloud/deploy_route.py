"""Where a run belongs when it is served: by what tuned it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from sqltailor.errors import BackendError, DataError
from sqltailor.runs import Run, all_runs, read_json

Target = Literal["bedrock", "sagemaker", "hub"]
TARGETS: dict[str, Target] = {
    "bedrock": "bedrock",
    "sagemaker-nova": "bedrock",
    "sagemaker-script": "sagemaker",
    "sagemaker-serverless": "sagemaker",
}
"""How a run was tuned → what serves it."""

WANTED: dict[str, tuple[str, str]] = {
    "bedrock": ("Bedrock", "nova-micro-bedrock"),
    "sagemaker": ("SageMaker by our own trainer", "spec-mistral-sagemaker"),
}
"""What serves → where such runs are tuned, and a recipe for it."""


def target_of(run: Run) -> Target:
    """Return what serves a run: Bedrock a Nova, an endpoint of SageMaker what was trained there, else the Hub.

    Raises `BackendError` for a run that is not finished.
    """
    if not run.is_done:
        raise BackendError(f"{run.path} is not finished. Go on: sqltailor train, or sqltailor jobs attach {run.path}")
    return TARGETS[read_json(run.job)["backend"]] if run.job.is_file() else "hub"


def newest_for(root: Path, target: Target) -> Run:
    """Return the newest finished run that something serves. Raises `DataError` when there is none."""
    for run in all_runs(root):
        if run.job.is_file() and run.is_done and target_of(run) == target:
            return run
    where, recipe = WANTED[target]
    raise DataError(f"No finished run in {root} was tuned on {where}. Tune one: sqltailor train {recipe}")
