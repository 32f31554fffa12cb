"""Everything that this package created on Bedrock in a region, found by its tag: list it, and delete it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqltailor.aws.s3 import delete_below, place
from sqltailor.aws.session import client, code_of, told
from sqltailor.cloud.bedrock.job import ENDED
from sqltailor.cloud.bedrock.run_names import RUN_TAG, tags_of
from sqltailor.cloud.cost import HOURS_PER_MONTH, price_book
from sqltailor.errors import BackendError, DataError, did_you_mean
from sqltailor.runs import all_runs, read_json

Kind = Literal["job", "deployment", "model"]
GONE_S, FIRST_LOOK_S, LOOK_EVERY_S = 600.0, 0.2, 5.0
"""How long, and how often, something is looked at that takes its time to go."""


@dataclass(frozen=True, slots=True)
class Item:
    """A thing that exists at AWS. `usd_per_hour` while nobody uses it; None where no source gives the price."""

    kind: Kind
    name: str
    run: str
    status: str
    since: str
    arn: str
    usd_per_hour: float | None
    basis: str
    model_arn: str | None = None


def listed(region: str) -> list[Item]:
    """Return what exists: deployments, models, and jobs that have not ended."""
    bedrock = client("bedrock", region)
    month = price_book().storage_month.usd
    storage = None if month is None else round(month / HOURS_PER_MONTH, 6)
    found: list[Item] = []
    with told("list what there is"):
        for d in _pages(bedrock, "list_custom_model_deployments", "modelDeploymentSummaries"):
            name, arn = d["customModelDeploymentName"], d["customModelDeploymentArn"]
            free = "on demand: paid by the token"
            found += _item(bedrock, "deployment", name, d["status"], d["createdAt"], arn, 0.0, free, d["modelArn"])
        for m in _pages(bedrock, "list_custom_models", "modelSummaries", isOwned=True):
            kept = "storage: not known" if month is None else f"storage: ${month:g} a month"
            status = m.get("modelStatus", "Active")
            found += _item(bedrock, "model", m["modelName"], status, m["creationTime"], m["modelArn"], storage, kept)
        for j in _pages(bedrock, "list_model_customization_jobs", "modelCustomizationJobSummaries"):
            if j["status"] not in ENDED:
                once = "paid once, by tokens"
                found += _item(bedrock, "job", j["jobName"], j["status"], j["creationTime"], j["jobArn"], 0.0, once)
    return found


def _pages(bedrock: Any, operation: str, key: str, **params: Any) -> Iterator[Any]:
    for page in bedrock.get_paginator(operation).paginate(**params):
        yield from page[key]


def _item(
    bedrock: Any,
    kind: Kind,
    name: str,
    status: str,
    made: datetime,
    arn: str,
    usd: float | None,
    basis: str,
    model_arn: str | None = None,
) -> list[Item]:
    run = tags_of(bedrock, arn).get(RUN_TAG)
    since = made.isoformat(timespec="seconds")
    return [] if run is None else [Item(kind, name, run, status, since, arn, usd, basis, model_arn)]


def chosen(items: Sequence[Item], references: Sequence[str], *, keep_models: bool = False) -> list[Item]:
    """Return what is to be deleted, in the order in which it can be: deployments first, then the models they serve.

    `references` are names, ARNs or runs; none means everything. Jobs are not deleted but stopped.
    Raises `DataError` for a reference that nothing has.
    """
    kept = [item for item in items if item.kind != "job" and not (keep_models and item.kind == "model")]
    if references:
        known = {name for item in kept for name in (item.name, item.arn, item.run)}
        for reference in references:
            if _plain(reference) not in known:
                near = did_you_mean(reference, known)
                raise DataError(f"Nothing on Bedrock is called '{reference}'.{near} See: sqltailor deploy list")
        wanted = {_plain(reference) for reference in references}
        named = [item for item in kept if wanted & {item.name, item.arn, item.run}]
        models = {item.model_arn for item in named}
        kept = [item for item in kept if item in named or item.arn in models]
    # a model that another deployment serves stays: AWS would not delete it
    served = {item.model_arn for item in items if item.kind == "deployment" and item not in kept}
    kept = [item for item in kept if item.arn not in served]
    return sorted(kept, key=lambda item: item.kind == "model")


def _plain(reference: str) -> str:
    return reference if reference.startswith("arn:") else reference.rstrip("/").rpartition("/")[2]


def delete(region: str, items: Sequence[Item], *, root: Path, data: bool = False) -> Iterator[str]:
    """Delete items in their order, each when the one before is gone; yield a line for each.

    `data`: also what their runs have in S3. The runs on this machine forget their deployments.
    """
    bedrock = client("bedrock", region)
    for item in items:
        _delete(bedrock, item)
        if item.kind == "deployment":
            _forget(root, item.arn)
        yield f"deleted {item.kind} {item.name}"
    if data:
        for run in all_runs(root):
            known = read_json(run.job) if run.job.is_file() else {}
            if "out" in known and run.name in {item.run for item in items}:
                below = place(known["out"].removesuffix("out/"))
                count = delete_below(client("s3", known["region"]), below, account=known["account"])
                yield f"deleted {count} objects below {below}"


def _delete(bedrock: Any, item: Item) -> None:
    from botocore.exceptions import ClientError

    remove, look = (
        (bedrock.delete_custom_model_deployment, bedrock.get_custom_model_deployment)
        if item.kind == "deployment"
        else (bedrock.delete_custom_model, bedrock.get_custom_model)
    )
    key = "customModelDeploymentIdentifier" if item.kind == "deployment" else "modelIdentifier"
    ends, pause, removed = time.monotonic() + GONE_S, FIRST_LOOK_S, False
    with told(f"delete the {item.kind} {item.name}"):
        while time.monotonic() < ends:
            try:
                (look if removed else remove)(**{key: item.arn})
                removed = True
            except ClientError as e:
                if code_of(e) == "ResourceNotFoundException":
                    return
                # a deployment that is still being created, or a model whose deployment is still going
                if code_of(e) != "ConflictException":
                    raise
            time.sleep(pause)
            pause = min(pause * 1.5, LOOK_EVERY_S)
    raise BackendError(f"The {item.kind} {item.name} still exists after {GONE_S:.0f} s. Try again later.")


def _forget(root: Path, arn: str) -> None:
    for run in all_runs(root):
        if run.deployment.is_file() and read_json(run.deployment).get("arn") == arn:
            run.deployment.unlink()
