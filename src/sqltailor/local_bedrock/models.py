"""Foundation models, custom models, their deployments on demand, and tags."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from sqltailor.aws.bedrock_models import MODELS, QUOTAS, Tunable
from sqltailor.local_bedrock.guardrails import GUARDRAILS
from sqltailor.local_bedrock.protocol import error, listed, pages
from sqltailor.local_bedrock.provisioned_units import UNITS
from sqltailor.local_bedrock.resources import Deployment, Model, new_id, now
from sqltailor.local_bedrock.state import ACCOUNT, Handler, State, find, made_before
from sqltailor.local_bedrock.tags import BEDROCK_TAGS

DEPLOYING_S = 120.0
"""About how long the real service takes to deploy, or to change what a deployment serves."""


def get_foundation_model(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a model that Bedrock offers, and where in its life it stands."""
    wanted = params["modelIdentifier"].rpartition("foundation-model/")[2]
    for model in MODELS.values():
        if wanted in (model.id, model.inference_id) and region in (*model.tuned_in, *model.on_demand_in):
            return {"modelDetails": _details(state, model, wanted, region)}
    raise error("ResourceNotFoundException", f"There is no model {wanted} in {region}")


def _details(state: State, model: Tunable, id: str, region: str) -> dict[str, Any]:
    ends = {"legacyTime": now(), "endOfLifeTime": now() + datetime.timedelta(days=180)}
    status = state.lifecycles.get(model.id, "ACTIVE")
    return {
        "modelArn": f"arn:aws:bedrock:{region}::foundation-model/{id}",
        "modelId": id,
        "modelName": id.partition(".")[2][:20],
        "providerName": id.partition(".")[0],
        "inputModalities": ["TEXT"],
        "outputModalities": ["TEXT"],
        "responseStreamingSupported": True,
        "customizationsSupported": ["FINE_TUNING"] if id == model.id else [],
        "inferenceTypesSupported": ["PROVISIONED"] if id == model.id else ["ON_DEMAND"],
        "modelLifecycle": {"status": status} | (ends if status == "LEGACY" else {}),
    }


def get_custom_model(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a custom model."""
    model = find(state.models, params["modelIdentifier"], "custom model")
    if model.job is None:
        return _model_summary(model) | {"failureMessage": model.failure}
    request = model.job.request
    return _model_summary(model) | {
        "jobName": model.job.name,
        "jobArn": model.job.arn,
        "hyperParameters": request.get("hyperParameters", {}),
        "trainingDataConfig": request["trainingDataConfig"],
        "outputDataConfig": request["outputDataConfig"],
        "trainingMetrics": {"trainingLoss": model.job.training_loss},
    }


def list_custom_models(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return the custom models of a region."""
    found = [
        _model_summary(model) | {"baseModelName": model.base_id.partition(":")[0], "ownerAccountId": ACCOUNT}
        for model in listed(state.models, params, modelStatus="status")
        if model.region == region
    ]
    return pages(found, params, "modelSummaries")


def _model_summary(model: Model) -> dict[str, Any]:
    return {
        "modelArn": model.arn,
        "modelName": model.name,
        "creationTime": model.created,
        "baseModelArn": f"arn:aws:bedrock:{model.region}::foundation-model/{model.base_id}",
        "customizationType": "IMPORTED" if model.job is None else "FINE_TUNING",
        "modelStatus": model.status,
    }


def create_custom_model(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Take over a model that SageMaker tuned, from where it keeps the weights."""
    name, same = params["modelName"], made_before(state.models, params)
    if same is not None:
        return {"modelArn": same.arn}
    uri = params.get("modelSourceConfig", {}).get("s3DataSource", {}).get("s3Uri", "").rstrip("/")
    weights = state.escrow.get(uri)
    if weights is None:
        raise error("ValidationException", f"There is no model of Amazon Nova at {uri or 'no place'}")
    if any(model.name == name for model in state.models.values()):
        raise error("ConflictException", f"There is a custom model {name} already")
    arn = f"arn:aws:bedrock:{region}:{ACCOUNT}:custom-model/imported/{new_id()}"
    failed = state.faults.take("CustomModel")
    ready, failure = state.after(DEPLOYING_S), failed.error if failed else None
    state.models[arn] = Model(
        arn,
        name,
        weights.base_id,
        region,
        weights.reference,
        ready=ready,
        token=params.get("clientRequestToken"),
        failure=failure,
    )
    state.put_tags(arn, params.get("modelTags"))
    return {"modelArn": arn}


def delete_custom_model(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Delete a custom model that nothing serves."""
    model = find(state.models, params["modelIdentifier"], "custom model")
    there = (*state.deployments.values(), *state.units.values())
    serving = [d.name for d in there if model.arn in (d.model_arn, d.next_model_arn)]
    if serving:
        raise error("ConflictException", f"The model {model.name} is deployed: {', '.join(serving)}")
    del state.models[model.arn]
    state.tags.pop(model.arn, None)
    return {}


def create_deployment(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Deploy a custom model on demand."""
    same = made_before(state.deployments, params)
    if same is not None:
        return {"customModelDeploymentArn": same.arn}
    _servable(state, params["modelArn"], region)
    if any(d.name == params["modelDeploymentName"] for d in state.deployments.values()):
        raise error("ValidationException", f"There is a deployment {params['modelDeploymentName']} already")
    starting = sum(d.status == "Creating" for d in state.deployments.values())
    if starting >= QUOTAS["deployments in progress"]:
        raise error("ServiceQuotaExceededException", f"{starting} deployments are being created")
    arn = f"arn:aws:bedrock:{region}:{ACCOUNT}:custom-model-deployment/{new_id()}"
    failed = state.faults.take("Deployment")
    state.deployments[arn] = Deployment(
        arn,
        params["modelDeploymentName"],
        params["modelArn"],
        params.get("clientRequestToken"),
        state.after(DEPLOYING_S),
        params.get("description"),
        failure=failed.error if failed else None,
    )
    state.put_tags(arn, params.get("tags"))
    return {"customModelDeploymentArn": arn}


def _servable(state: State, arn: str, region: str) -> None:
    model = find(state.models, arn, "custom model")
    if model.status != "Active":
        raise error("ValidationException", f"The model {model.name} is {model.status}")
    if region not in MODELS[model.base_id].on_demand_in:
        raise error("ValidationException", f"{model.base_id} cannot be deployed on demand in {region}")


def get_deployment(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a deployment."""
    found: Deployment = find(state.deployments, params["customModelDeploymentIdentifier"], "deployment")
    found.settle()
    updating = found.next_ready is not None
    update = {"modelArn": found.next_model_arn, "updateStatus": "Updating" if updating else "UpdateCompleted"}
    return _deployment_summary(found) | {
        "modelDeploymentName": found.name,
        "description": found.description,
        "updateDetails": update if found.next_model_arn else None,
    }


def list_deployments(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return the deployments of a region."""
    found = [
        _deployment_summary(d) | {"customModelDeploymentName": d.name}
        for d in listed(state.deployments, params, statusEquals="status", modelArnEquals="model_arn")
        if f":{region}:" in d.arn
    ]
    return pages(found, params, "modelDeploymentSummaries")


def _deployment_summary(found: Deployment) -> dict[str, Any]:
    return {
        "customModelDeploymentArn": found.arn,
        "modelArn": found.model_arn,
        "createdAt": found.created,
        "lastUpdatedAt": found.updated,
        "status": found.status,
        "failureMessage": found.failure,
    }


def update_deployment(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Let a deployment serve another model."""
    found: Deployment = find(state.deployments, params["customModelDeploymentIdentifier"], "deployment")
    if found.status != "Active":
        raise error("ValidationException", f"The deployment {found.name} is {found.status}")
    _servable(state, params["modelArn"], region)
    found.next_model_arn, found.next_ready, found.updated = params["modelArn"], state.after(DEPLOYING_S), now()
    return {"customModelDeploymentArn": found.arn}


def delete_deployment(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Delete a deployment."""
    found: Deployment = find(state.deployments, params["customModelDeploymentIdentifier"], "deployment")
    if found.status == "Creating":
        raise error("ConflictException", f"The deployment {found.name} is being created")
    del state.deployments[found.arn]
    state.tags.pop(found.arn, None)
    return {}


HANDLERS: Mapping[str, Handler] = {
    "GetFoundationModel": get_foundation_model,
    "GetCustomModel": get_custom_model,
    "ListCustomModels": list_custom_models,
    "CreateCustomModel": create_custom_model,
    "DeleteCustomModel": delete_custom_model,
    "CreateCustomModelDeployment": create_deployment,
    "GetCustomModelDeployment": get_deployment,
    "ListCustomModelDeployments": list_deployments,
    "UpdateCustomModelDeployment": update_deployment,
    "DeleteCustomModelDeployment": delete_deployment,
    **GUARDRAILS,
    **UNITS,
    **BEDROCK_TAGS,
}
