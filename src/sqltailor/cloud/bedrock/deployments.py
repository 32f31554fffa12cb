"""Deployments on demand: create one for a run's model, or let one that is there serve it; paid by the token."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqltailor.aws.bedrock_models import MODELS
from sqltailor.aws.session import client, code_of, told
from sqltailor.cloud.cloud_plan import money
from sqltailor.cloud.cost import CostRow, Usage, serving_cost, storage_cost
from sqltailor.cloud.job_record import Pauses
from sqltailor.cloud.price_book import price_book
from sqltailor.cloud.run_names import LONGEST, aws_name, tags
from sqltailor.errors import BackendError, ConfigError
from sqltailor.runs import Run, read_json, write_json_atomic

OnState = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """What `deploy bedrock` would do. `replaces`: the model that the deployment serves now, where it is there."""

    run: str
    name: str
    region: str
    account: str
    model_arn: str
    arn: str | None
    replaces: str | None
    rows: tuple[CostRow, ...]

    def text(self) -> str:
        """Return the plan in a few lines."""
        how = "already exists and serves this model" if self.arn else "new, on demand: no cost while idle"
        how = f"updated in place, was {self.replaces}" if self.replaces else how
        return "\n".join(
            (
                f"account:    {self.account}, region {self.region}",
                f"model:      {self.model_arn}, of {self.run}",
                f"deployment: {self.name}, {how}",
                *(f"cost:       {row.what}: {money(row.usd)}: {row.basis}" for row in self.rows),
            )
        )


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment: the shape of `deploy bedrock --json`. `arn` is the model id for Converse."""

    run: str
    name: str
    arn: str
    model_arn: str
    region: str
    status: str
    seconds: float


def check_model(run: Run) -> tuple[dict[str, Any], Any]:
    """Return what a run remembers of its model on Bedrock, and a client there. Raises `BackendError` without one."""
    known = read_json(run.job) if run.job.is_file() else {}
    if not run.is_done or "model_arn" not in known:
        raise BackendError(
            f"{run.path} has no model on Bedrock to deploy. Tune one: sqltailor train nova-micro-bedrock"
            if not known or run.is_done
            else f"The job of {run.path} is not finished here: sqltailor jobs attach {run.path}"
        )
    bedrock = client("bedrock", known["region"])
    _model_is_there(bedrock, known["model_arn"], run)
    return known, bedrock


def plan_deployment(run: Run, *, name: str | None = None) -> DeploymentPlan:
    """Return what deploying a run would do. Raises `BackendError` when it has no model on Bedrock to deploy."""
    known, bedrock = check_model(run)
    region, base = known["region"], MODELS[known["base"]]
    if region not in base.on_demand_in:
        raise BackendError(
            f"{base.id} cannot be deployed on demand in {region}; it needs units of its own, billed by the hour: "
            f"sqltailor deploy provisioned {run.path}"
        )
    name = aws_name(run.name) if name is None else name
    if name != aws_name(name):
        raise ConfigError(
            f"--name '{name}': a deployment is called by 1 to {LONGEST} letters, digits and single hyphens."
        )
    arn, serves = _called(bedrock, name)
    prices = price_book().model(base.id)
    usage = Usage()
    use = {"queries": 1000, "tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out}
    rows = (serving_cost(prices, **use),) if prices else ()
    replaces = serves if arn and serves != known["model_arn"] else None
    return DeploymentPlan(
        str(run.path), name, region, known["account"], known["model_arn"], arn, replaces, (*rows, storage_cost())
    )


def _model_is_there(bedrock: Any, arn: str, run: Run) -> None:
    from botocore.exceptions import ClientError

    with told(f"look at the model {arn}"):
        try:
            bedrock.get_custom_model(modelIdentifier=arn)
        except ClientError as e:
            if code_of(e) != "ResourceNotFoundException":
                raise
            raise BackendError(f"The model of {run.path} was deleted at AWS. Train again: sqltailor train") from e


def _called(bedrock: Any, name: str) -> tuple[str | None, str | None]:
    """Return the ARN of the deployment with a name, and of the model that it serves; two Nones where there is none."""
    with told("list the deployments"):
        pages = bedrock.get_paginator("list_custom_model_deployments").paginate(nameContains=name)
        for page in pages:
            for found in page["modelDeploymentSummaries"]:
                if found["customModelDeploymentName"] == name:
                    return found["customModelDeploymentArn"], found["modelArn"]
    return None, None


def deploy(run: Run, plan: DeploymentPlan, *, on_state: OnState = lambda state: None) -> Deployed:
    """Let the plan's deployment serve the run's model, wait until it does, and remember it in the run.

    After a crash anywhere in between, the same call ends with the same one deployment. Raises `BackendError` when AWS
    refuses or the deployment fails.
    """
    began = time.monotonic()
    bedrock = client("bedrock", plan.region)
    arn = plan.arn or _create(bedrock, run, plan)
    write_json_atomic(run.deployment, {"backend": "bedrock", "name": plan.name, "region": plan.region, "arn": arn})
    found = _wait(bedrock, arn, plan.name, on_state)
    if found["modelArn"] != plan.model_arn:
        with told(f"change the deployment {plan.name}"):
            bedrock.update_custom_model_deployment(customModelDeploymentIdentifier=arn, modelArn=plan.model_arn)
        found = _wait(bedrock, arn, plan.name, on_state)
    return Deployed(
        str(run.path), plan.name, arn, plan.model_arn, plan.region, found["status"], round(time.monotonic() - began, 1)
    )


def withdraw(run: Run, plan: DeploymentPlan, made: Deployed, *, on_state: OnState = lambda state: None) -> None:
    """Undo a deployment: what served another model before serves that again, a new one is deleted."""
    bedrock = client("bedrock", plan.region)
    with told(f"withdraw the deployment {plan.name}"):
        if plan.replaces:
            bedrock.update_custom_model_deployment(customModelDeploymentIdentifier=made.arn, modelArn=plan.replaces)
        else:
            bedrock.delete_custom_model_deployment(customModelDeploymentIdentifier=made.arn)
    if plan.replaces:
        _wait(bedrock, made.arn, plan.name, on_state)
    run.deployment.unlink(missing_ok=True)


def _create(bedrock: Any, run: Run, plan: DeploymentPlan) -> str:
    token = read_json(run.deployment).get("token") if run.deployment.is_file() else None
    if token is None:
        token = uuid.uuid4().hex
        write_json_atomic(run.deployment, {"backend": "bedrock", "name": plan.name, "token": token})
    try:
        with told(f"create the deployment {plan.name}"):
            made = bedrock.create_custom_model_deployment(
                modelDeploymentName=plan.name,
                modelArn=plan.model_arn,
                description=f"sqltailor run {run.name}",
                tags=tags(run.name),
                clientRequestToken=token,
            )
    except BackendError as e:
        # AWS's pages contradict each other on whether a model of SageMaker's is served on demand
        if code_of(e.__cause__) != "ValidationException" or "custom-model/imported/" not in plan.model_arn:
            raise
        raise BackendError(
            f"{e} If Bedrock serves models from SageMaker only with Provisioned Throughput here, that is billed by "
            f"the hour from its creation until it is deleted: sqltailor deploy provisioned {run.path}"
        ) from e
    return str(made["customModelDeploymentArn"])


def _wait(bedrock: Any, arn: str, name: str, on_state: OnState) -> dict[str, Any]:
    """Look at a deployment until it is active and serves what it was last told to."""
    pauses = Pauses()
    while True:
        with told(f"look at the deployment {name}"):
            found: dict[str, Any] = bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=arn)
        update = (found.get("updateDetails") or {}).get("updateStatus")
        on_state("Updating" if update == "Updating" else found["status"])
        if found["status"] == "Failed" or update == "UpdateFailed":
            raise BackendError(
                f"The deployment {name} failed: {found.get('failureMessage') or 'no reason given'}. Delete it: "
                f"sqltailor deploy delete {name} --keep-model"
            )
        if found["status"] == "Active" and update != "Updating":
            return found
        pauses.rest()
