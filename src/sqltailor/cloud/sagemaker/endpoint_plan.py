"""What an endpoint would serve, on which machine, and what it costs while it exists: confirmed before it is made."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqltailor.aws.sagemaker_machines import DLC_ACCOUNT, DLC_REGIONS, MACHINES
from sqltailor.aws.session import client, found_or_none, told
from sqltailor.cloud.cloud_plan import money
from sqltailor.cloud.cost import HOURS_PER_MONTH, CostRow, instance_cost
from sqltailor.cloud.price_book import price_book
from sqltailor.cloud.run_names import LONGEST, RUN_TAG, aws_name
from sqltailor.cloud.sagemaker.training_jobs import tags_of
from sqltailor.errors import BackendError, ConfigError
from sqltailor.runs import Run, read_json

IMAGE = "vllm:0.30.0-gpu-py312-cu130-ubuntu24.04-sagemaker"
STARTS_S = 1800
"""How long loading the weights, and starting the server, may take."""
MAX_COPIES = 2
"""Machines that an endpoint which scales to zero has at most."""


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    """What `deploy sagemaker` would do. `parts` names its model and its configuration.

    `replaces` is the configuration that the endpoint has now, where it is there and has another. `to_zero`: it has no
    machine while nobody asks.
    """

    run: str
    name: str
    parts: str
    region: str
    account: str
    role: str
    weights: str
    instance_type: str
    exists: bool
    replaces: str | None
    rows: tuple[CostRow, ...]
    to_zero: bool = False

    @property
    def usd(self) -> float | None:
        """What it costs an hour; None where no trustworthy source gives the price."""
        return self.rows[0].usd

    def text(self) -> str:
        """Return the plan in a few lines."""
        how = "already exists and serves this model" if self.exists else "new; costs until it is deleted, also idle"
        if self.to_zero and not self.exists:
            how = f"new; from 0 to {MAX_COPIES} machines as it is asked, 0 after 5 minutes without a question"
        how = f"updated in place, was {self.replaces}" if self.replaces else how
        return "\n".join(
            (
                f"account:  {self.account}, region {self.region}",
                f"model:    {self.weights}, of {self.run}",
                f"endpoint: {self.name} on {self.instance_type}, {how}",
                *(f"cost:     {row.what}: {money(row.usd)}: {row.basis}" for row in self.rows),
            )
        )


def plan_endpoint(
    run: Run, *, name: str | None = None, instance_type: str = "ml.g5.2xlarge", to_zero: bool = False
) -> EndpointPlan:
    """Return what serving a run would do. Raises `BackendError` when it has no merged model in S3."""
    known = read_json(run.job) if run.job.is_file() else {}
    if not run.is_done or "merged" not in known:
        raise BackendError(
            f"{run.path} has no merged model in S3 to serve. Train one there: sqltailor train spec-mistral-sagemaker"
        )
    region = known["region"]
    if region not in DLC_REGIONS:
        raise ConfigError(
            f"The account of AWS's serving image in {region} is not known here: {', '.join(DLC_REGIONS)}."
        )
    machine = MACHINES.get(instance_type)
    if machine is None or machine.gpu == "V100":
        kinds = ", ".join(kind for kind, known in MACHINES.items() if known.gpus == 1 and known.gpu != "V100")
        raise ConfigError(
            f"--instance {instance_type}: an endpoint needs a GPU that the image has kernels for: {kinds}."
        )
    name = aws_name(run.name) if name is None else name
    if name != aws_name(name):
        raise ConfigError(
            f"--name '{name}': an endpoint is called by 1 to {LONGEST} letters, digits and single hyphens."
        )
    parts = aws_name(name if name == aws_name(run.name) else f"{name}-{run.name}")
    # another machine is another configuration, and those cannot be changed
    kind = f"{instance_type} to zero" if to_zero else instance_type
    parts = f"{parts[: LONGEST - 7].rstrip('-')}-{hashlib.sha256(kind.encode()).hexdigest()[:6]}"
    sagemaker = client("sagemaker", region)
    now = _configured(sagemaker, name, region)
    if now not in (None, parts) and (to_zero or _has_component(sagemaker, name)):
        raise ConfigError(
            f"The endpoint {name} exists and serves otherwise; one that scales to zero cannot be changed in place. "
            f"Delete it (sqltailor deploy delete {name}), or choose another: --name NAME"
        )
    return EndpointPlan(
        str(run.path),
        name,
        parts,
        region,
        known["account"],
        known["role"],
        known["merged"],
        instance_type,
        now is not None,
        now if now not in (None, parts) else None,
        _costs(instance_type, to_zero),
        to_zero,
    )


def _costs(kind: str, to_zero: bool) -> tuple[CostRow, ...]:
    if kind not in price_book().instances:
        return (CostRow("an hour", None, f"no price for {kind} in the price book", "price book", None),)
    if to_zero:
        return (instance_cost("an hour of a machine", kind, hours=1),)
    return (instance_cost("an hour", kind, hours=1), instance_cost("a month", kind, hours=HOURS_PER_MONTH))


def _configured(sagemaker: Any, name: str, region: str) -> str | None:
    """Return the configuration that an endpoint of ours has now; None where there is no endpoint of the name."""
    with told(f"look for the endpoint {name}"):
        found = found_or_none(sagemaker.describe_endpoint, EndpointName=name)
        if found is None:
            return None
        if RUN_TAG not in tags_of(sagemaker, found["EndpointArn"]):
            raise ConfigError(f"The endpoint {name} in {region} is not SQLTailor's. Choose another: --name NAME")
        return str(found["EndpointConfigName"])


def _has_component(sagemaker: Any, endpoint: str) -> bool:
    with told(f"look at the endpoint {endpoint}"):
        return bool(sagemaker.list_inference_components(EndpointNameEquals=endpoint)["InferenceComponents"])


def serving_image(region: str) -> str:
    """Return the image that serves a model in a region."""
    return f"{DLC_ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{IMAGE}"
