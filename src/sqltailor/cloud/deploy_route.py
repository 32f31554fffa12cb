"""Where a run belongs when it is served: by what tuned it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from sqltailor.aws.importable import IMPORT_REGIONS, import_fault
from sqltailor.aws.s3 import place
from sqltailor.cloud.bedrock.import_files import config_of
from sqltailor.errors import BackendError, DataError
from sqltailor.recipe import Train
from sqltailor.runs import Run, all_runs, read_json

Target = Literal["bedrock", "import", "sagemaker", "hub"]
TARGETS: dict[str, tuple[Target, ...]] = {
    "bedrock": ("bedrock",),
    "sagemaker-nova": ("bedrock",),
    "sagemaker-script": ("import", "sagemaker"),
    "sagemaker-serverless": ("import", "sagemaker"),
    "local": ("import", "hub"),
}
"""How a run was tuned → what serves it; where there are two, the first if Bedrock imports such weights there."""

WANTED: dict[str, tuple[str, str]] = {
    "bedrock": ("Bedrock", "nova-micro-bedrock"),
    "sagemaker": ("SageMaker by our own trainer", "spec-mistral-sagemaker"),
    "import": ("SageMaker by our own trainer, or here", "spec-mistral-sagemaker"),
}
"""What serves → where such runs are tuned, and a recipe for it."""


def target_of(run: Run, train: Train) -> Target:
    """Return what serves a run: Bedrock a Nova and imported weights, else an endpoint of SageMaker or the Hub.

    Raises `BackendError` for a run that is not finished.
    """
    if not run.is_done:
        raise BackendError(f"{run.path} is not finished. Go on: sqltailor train, or sqltailor jobs attach {run.path}")
    first, *others = TARGETS[_route(run)]
    return others[0] if others and not _importable(run, train) else first


def _route(run: Run) -> str:
    return str(read_json(run.job)["backend"]) if run.job.is_file() else "local"


def _importable(run: Run, train: Train) -> bool:
    known = read_json(run.job) if run.job.is_file() else {}
    if known.get("region", train.bedrock.region) not in IMPORT_REGIONS:
        return False
    merged = place(known["merged"]) if "merged" in known else None
    where = {"region": known.get("region", ""), "account": known.get("account", "")}
    return import_fault(config_of(run, merged, **where)) is None


def newest_for(root: Path, target: Target) -> Run:
    """Return the newest finished run that something may serve. Raises `DataError` when there is none."""
    for run in all_runs(root):
        if run.is_done and (run.job.is_file() or run.has_weights) and target in TARGETS[_route(run)]:
            return run
    where, recipe = WANTED[target]
    raise DataError(f"No finished run in {root} was tuned on {where}. Tune one: sqltailor train {recipe}")
