"""Everything that this package created on AWS in a region, found by its tag: list it, and delete it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqltailor.aws.s3 import delete_below, place
from sqltailor.aws.session import DENIED, client, code_of, identity, told
from sqltailor.cloud import services
from sqltailor.errors import BackendError, DataError, did_you_mean
from sqltailor.runs import all_runs, read_json

logger = logging.getLogger(__name__)

Kind = Literal[
    "job",
    "import",
    "deployment",
    "provisioned",
    "model",
    "imported model",
    "endpoint component",
    "endpoint",
    "endpoint config",
    "endpoint model",
]
ORDER: tuple[Kind, ...] = (
    "endpoint component",
    "endpoint",
    "endpoint config",
    "endpoint model",
    "deployment",
    "provisioned",
    "imported model",
    "model",
)
"""What can be deleted, in the order in which AWS allows it. Jobs are stopped, and imports end by themselves."""
GONE_S, FIRST_LOOK_S, LOOK_EVERY_S = 600.0, 0.2, 5.0
"""How long, and how often, something is looked at that takes its time to go."""


@dataclass(frozen=True, slots=True)
class Item:
    """A thing that exists at AWS. `usd_per_hour` while nobody uses it; None where no source gives the price.

    `uses` names what it needs: the ARN of the model that a deployment serves, or what an endpoint is made of.
    """

    kind: Kind
    name: str
    run: str
    status: str
    since: str
    arn: str
    usd_per_hour: float | None
    basis: str
    uses: str | None = None


def chosen(items: Sequence[Item], references: Sequence[str], *, keep_models: bool = False) -> list[Item]:
    """Return what is to be deleted, in the order in which it can be: what serves first, then what it served.

    `references` are names, ARNs or runs; none means everything. Jobs are not deleted but stopped.
    Raises `DataError` for a reference that nothing has.
    """
    kept = [item for item in items if item.kind in ORDER and not (keep_models and item.kind == "model")]
    if references:
        known = {name for item in kept for name in (item.name, item.arn, item.run)}
        for reference in references:
            if _plain(reference) not in known:
                near = did_you_mean(reference, known)
                raise DataError(f"Nothing on AWS is called '{reference}'.{near} See: sqltailor deploy list")
        wanted = {_plain(reference) for reference in references}
        named = [item for item in kept if wanted & {item.name, item.arn, item.run}]
        below = set(named)
        for _ in ORDER:
            uses = {item.uses for item in below}
            below |= {item for item in kept if item.arn in uses}
        kept = [item for item in kept if item in below]
    # a model that another deployment serves stays: AWS would not delete it
    served = {item.uses for item in items if item.kind in ("deployment", "provisioned") and item not in kept}
    kept = [item for item in kept if item.arn not in served]
    return sorted(kept, key=lambda item: ORDER.index(item.kind))


def _plain(reference: str) -> str:
    return reference if reference.startswith("arn:") else reference.rstrip("/").rpartition("/")[2]


def delete(
    region: str, items: Sequence[Item], *, root: Path, data_of: Callable[[str], bool] = lambda run: False
) -> Iterator[str]:
    """Delete items in their order, each when the one before is gone; yield a line for each.

    `data_of` says of which runs, by name, what they have in S3 is deleted, too. The runs on this machine forget their
    deployments.
    """
    for item in items:
        services()[service_of(item)].delete_item(region, item)
        if item.kind in ("deployment", "provisioned", "endpoint", "imported model"):
            _forget(root, item.arn)
        yield f"deleted {item.kind} {item.name}"
    for run in filter(lambda run: data_of(run.name), all_runs(root)):
        known = read_json(run.job) if run.job.is_file() else {}
        if "out" in known and (known["region"], known["account"]) == (region, identity(region).account):
            below = place(known["out"].removesuffix("out/"))
            if count := delete_below(client("s3", region), below, account=known["account"]):
                yield f"deleted {count} objects below {below}"


def service_of(item: Item) -> str:
    """Return the service that holds a thing."""
    return "sagemaker" if item.kind.startswith("endpoint") else "bedrock"


def listed(region: str) -> list[Item]:
    """Return what exists: what serves, what it serves, and jobs that have not ended."""
    found: list[Item] = []
    for name, service in services().items():
        try:
            found += service.list_items(region)
        except BackendError as e:
            if code_of(e.__cause__) not in DENIED:
                raise
            logger.warning("what there is on %s is left out: %s", name, e)
    return found


def remove(
    delete: Callable[[], object],
    look: Callable[[], object],
    item: Item,
    *,
    is_gone: Callable[[Exception], bool],
    is_busy: Callable[[Exception], bool],
) -> None:
    """Delete one thing, as soon as AWS allows it, and return when it is gone.

    What is still being created, or is used by what is still going, is busy, and tried again.
    """
    from botocore.exceptions import ClientError

    ends, pause, removed = time.monotonic() + GONE_S, FIRST_LOOK_S, False
    with told(f"delete the {item.kind} {item.name}"):
        while time.monotonic() < ends:
            try:
                (look if removed else delete)()
                removed = True
            except ClientError as e:
                if is_gone(e):
                    return
                if not is_busy(e):
                    raise
            time.sleep(pause)
            pause = min(pause * 1.5, LOOK_EVERY_S)
    raise BackendError(f"The {item.kind} {item.name} still exists after {GONE_S:.0f} s. Try again later.")


def _forget(root: Path, arn: str) -> None:
    for run in all_runs(root):
        if run.deployment.is_file() and read_json(run.deployment).get("arn") == arn:
            run.deployment.unlink()
