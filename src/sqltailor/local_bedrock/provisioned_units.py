"""Provisioned Throughput: units that serve a custom model, and are refused their end while they are committed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqltailor.local_bedrock.protocol import error, listed, pages
from sqltailor.local_bedrock.resources import Deployment, new_id, now
from sqltailor.local_bedrock.state import ACCOUNT, Handler, State, find, made_before

STARTING_S = 600.0
"""About how long the real service takes to bring units up, or to change what they serve."""


def create(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Buy units for a custom model."""
    same = made_before(state.units, params)
    if same is not None:
        return {"provisionedModelArn": same.arn}
    name = params["provisionedModelName"]
    if any(units.name == name for units in state.units.values()):
        raise error("ValidationException", f"There is a Provisioned Throughput {name} already")
    model = find(state.models, params["modelId"], "custom model")
    arn = f"arn:aws:bedrock:{region}:{ACCOUNT}:provisioned-model/{new_id()}"
    failed = state.faults.take("Units")
    state.units[arn] = Deployment(
        arn,
        name,
        model.arn,
        params.get("clientRequestToken"),
        state.after(STARTING_S),
        failure=failed.error if failed else None,
    )
    state.bought[arn] = dict(params)
    state.put_tags(arn, params.get("tags"))
    return {"provisionedModelArn": arn}


def get(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return units."""
    found: Deployment = find(state.units, params["provisionedModelId"], "provisioned model")
    return _summary(state, found) | {"failureMessage": found.failure}


def _summary(state: State, found: Deployment) -> dict[str, Any]:
    found.settle()
    base = state.models[found.model_arn].base_id
    return {
        "provisionedModelName": found.name,
        "provisionedModelArn": found.arn,
        "modelArn": found.model_arn,
        "desiredModelArn": found.next_model_arn or found.model_arn,
        "foundationModelArn": f"arn:aws:bedrock:{found.arn.split(':')[3]}::foundation-model/{base}",
        "modelUnits": state.bought[found.arn]["modelUnits"],
        "desiredModelUnits": state.bought[found.arn]["modelUnits"],
        "status": "Updating" if found.next_ready else found.status.replace("Active", "InService"),
        "commitmentDuration": state.bought[found.arn].get("commitmentDuration"),
        "creationTime": found.created,
        "lastModifiedTime": found.updated or found.created,
    }


def listing(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return the units of a region."""
    found = [_summary(state, units) for units in listed(state.units, params) if f":{region}:" in units.arn]
    return pages(found, params, "provisionedModelSummaries")


def update(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Let units serve another model of the same base."""
    found: Deployment = find(state.units, params["provisionedModelId"], "provisioned model")
    model = find(state.models, params["desiredModelId"], "custom model")
    if model.base_id != state.models[found.model_arn].base_id:
        raise error("ValidationException", f"The model {model.name} has another base")
    found.next_model_arn, found.next_ready, found.updated = model.arn, state.after(STARTING_S), now()
    return {}


def delete(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Delete units that are not committed."""
    found: Deployment = find(state.units, params["provisionedModelId"], "provisioned model")
    if state.bought[found.arn].get("commitmentDuration"):
        raise error("ConflictException", f"{found.name} has a commitment that has not ended")
    if found.status == "Creating":
        raise error("ConflictException", f"{found.name} is being created")
    del state.units[found.arn]
    state.tags.pop(found.arn, None)
    return {}


UNITS: Mapping[str, Handler] = {
    "CreateProvisionedModelThroughput": create,
    "GetProvisionedModelThroughput": get,
    "ListProvisionedModelThroughputs": listing,
    "UpdateProvisionedModelThroughput": update,
    "DeleteProvisionedModelThroughput": delete,
}
