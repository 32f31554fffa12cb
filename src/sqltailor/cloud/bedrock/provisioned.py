"""Provisioned Throughput: model units that serve a run's model, paid by the hour from their creation until deleted."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import Any

from sqltailor.aws.session import client, found_or_none, told
from sqltailor.cloud.bedrock.deployments import Deployed, OnState, check_model
from sqltailor.cloud.cloud_plan import money
from sqltailor.cloud.cost import CostRow, units_cost
from sqltailor.cloud.job_record import Pauses
from sqltailor.cloud.price_book import price_book
from sqltailor.cloud.run_names import LONGEST, RUN_TAG, aws_name, tags, tags_of
from sqltailor.errors import BackendError, ConfigError, unknown
from sqltailor.runs import Run, read_json, write_json_atomic

COMMITMENTS: dict[str, str | None] = {"none": None, "1-month": "OneMonth", "6-months": "SixMonths"}
"""How long units are bought for → as Bedrock writes it."""


@dataclass(frozen=True, slots=True)
class UnitsPlan:
    """What `deploy provisioned` would do. `arn`: of units that exist; `replaces`: what they serve now."""

    run: str
    name: str
    region: str
    account: str
    model_arn: str
    units: int
    commitment: str
    arn: str | None
    replaces: str | None
    row: CostRow

    def text(self) -> str:
        """Return the plan in a few lines."""
        ends = (
            "until they are deleted" if self.commitment == "none" else f"for {self.commitment}: AWS refuses to end it"
        )
        how = "already exist and serve this model" if self.arn else f"new; paid by the hour from now on, {ends}"
        how = f"updated in place, were {self.replaces}" if self.replaces else how
        return "\n".join(
            (
                f"account: {self.account}, region {self.region}",
                f"model:   {self.model_arn}, of {self.run}",
                f"units:   {self.units}, called {self.name}, {how}",
                f"cost:    {self.row.what}: {money(self.row.usd)}: {self.row.basis}",
            )
        )


def plan_units(run: Run, *, name: str | None = None, units: int = 1, commitment: str = "none") -> UnitsPlan:
    """Return what serving a run by units of its own would do. Raises `BackendError` when it has no model on Bedrock."""
    if commitment not in COMMITMENTS:
        raise ConfigError(unknown("commitment", commitment, COMMITMENTS))
    known, bedrock = check_model(run)
    name = aws_name(run.name) if name is None else name
    if name != aws_name(name):
        raise ConfigError(f"--name '{name}': units are called by 1 to {LONGEST} letters, digits and single hyphens.")
    found = _called(bedrock, name)
    if found is not None and tags_of(bedrock, found["provisionedModelArn"]).get(RUN_TAG) is None:
        raise ConfigError(f"The Provisioned Throughput {name} is not SQLTailor's. Choose another name: --name NAME")
    arn, serves = (found["provisionedModelArn"], found["desiredModelArn"]) if found else (None, None)
    row = units_cost(price_book().model(known["base"]), units=units, committed=commitment != "none")
    replaces = serves if serves != known["model_arn"] else None
    where = (known["region"], known["account"], known["model_arn"])
    return UnitsPlan(str(run.path), name, *where, units, commitment, arn, replaces, row)


def _called(bedrock: Any, name: str) -> dict[str, Any] | None:
    with told(f"look for the Provisioned Throughput {name}"):
        return found_or_none(bedrock.get_provisioned_model_throughput, provisionedModelId=name)


def buy_units(run: Run, plan: UnitsPlan, *, on_state: OnState = lambda state: None) -> Deployed:
    """Let units serve the run's model, wait until they do, and remember them in the run.

    After a crash anywhere in between, the same call ends with the same units, bought once. Raises `BackendError` when
    AWS refuses.
    """
    began = time.monotonic()
    bedrock = client("bedrock", plan.region)
    arn = plan.arn or _create(bedrock, run, plan)
    write_json_atomic(run.deployment, {"backend": "bedrock", "name": plan.name, "region": plan.region, "arn": arn})
    found = _wait(bedrock, arn, plan.name, on_state)
    if found["modelArn"] != plan.model_arn:
        with told(f"change the Provisioned Throughput {plan.name}"):
            bedrock.update_provisioned_model_throughput(provisionedModelId=arn, desiredModelId=plan.model_arn)
        found = _wait(bedrock, arn, plan.name, on_state)
    seconds = round(time.monotonic() - began, 1)
    return Deployed(str(run.path), plan.name, arn, plan.model_arn, plan.region, found["status"], seconds)


def withdraw_units(run: Run, plan: UnitsPlan, made: Deployed, *, on_state: OnState = lambda state: None) -> None:
    """Undo: what served another model before serves that again, new units are deleted."""
    bedrock = client("bedrock", plan.region)
    with told(f"withdraw the Provisioned Throughput {plan.name}"):
        if plan.replaces:
            bedrock.update_provisioned_model_throughput(provisionedModelId=made.arn, desiredModelId=plan.replaces)
        else:
            bedrock.delete_provisioned_model_throughput(provisionedModelId=made.arn)
    if plan.replaces:
        _wait(bedrock, made.arn, plan.name, on_state)
    run.deployment.unlink(missing_ok=True)


def units_request(run: str, plan: UnitsPlan, token: str) -> dict[str, Any]:
    """Return the parameters of `create_provisioned_model_throughput`."""
    committed = COMMITMENTS[plan.commitment]
    return {
        "provisionedModelName": plan.name,
        "modelId": plan.model_arn,
        "modelUnits": plan.units,
        **({"commitmentDuration": committed} if committed else {}),
        "tags": tags(run),
        "clientRequestToken": token,
    }


def _create(bedrock: Any, run: Run, plan: UnitsPlan) -> str:
    known = read_json(run.deployment) if run.deployment.is_file() else {}
    if known.get("name") != plan.name or "units_token" not in known:
        known = {"backend": "bedrock", "name": plan.name, "units_token": uuid.uuid4().hex}
        write_json_atomic(run.deployment, known)
    request = units_request(run.name, plan, known["units_token"])
    with told(f"buy the Provisioned Throughput {plan.name}"):
        return str(bedrock.create_provisioned_model_throughput(**request)["provisionedModelArn"])


def _wait(bedrock: Any, arn: str, name: str, on_state: OnState) -> dict[str, Any]:
    pauses = Pauses()
    while True:
        with told(f"look at the Provisioned Throughput {name}"):
            found: dict[str, Any] = bedrock.get_provisioned_model_throughput(provisionedModelId=arn)
        on_state(found["status"])
        if found["status"] == "InService":
            return found
        if found["status"] == "Failed":
            why = found.get("failureMessage") or "no reason given"
            raise BackendError(
                f"The Provisioned Throughput {name} failed: {why}. Delete it: sqltailor deploy delete {name}"
            )
        pauses.rest()
