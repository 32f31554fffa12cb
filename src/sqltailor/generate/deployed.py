"""The model that a run's deployment serves: on Bedrock, or behind an endpoint of SageMaker; and others on Bedrock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqltailor.errors import BackendError
from sqltailor.generate.bedrock import BedrockModel
from sqltailor.generate.imported import ImportedModel
from sqltailor.generate.sagemaker import SageMakerModel
from sqltailor.runs import Run, read_json
from sqltailor.types import Generate


def open_deployed(run: Run) -> Generate:
    """Return the model that a run's deployment serves. Raises `BackendError` when the run is not deployed."""
    if not run.deployment.is_file():
        raise BackendError(f"{run.path} was tuned on AWS but is not deployed: sqltailor deploy run {run.path}")
    known = read_json(run.deployment)
    if known["backend"] == "sagemaker":
        return SageMakerModel(endpoint_of(known), region=known["region"])
    if "arn" not in known:
        raise BackendError(f"The deployment of {run.path} is not finished: sqltailor deploy run {run.path}")
    return open_on_bedrock(str(known["arn"]))


def endpoint_of(deployment: Mapping[str, Any]) -> str:
    """Return the endpoint that a run's deployment names, with its component if it has one."""
    component = deployment.get("component")
    return f"{deployment['name']}#{component}" if component else str(deployment["name"])


def open_on_bedrock(model: str) -> Generate:
    """Return a model on Bedrock by its id or ARN."""
    return ImportedModel(model) if ":imported-model/" in model else BedrockModel(model)
