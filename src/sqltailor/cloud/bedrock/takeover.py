"""Bedrock takes over a model that SageMaker tuned: a custom model, served like those of Bedrock's own jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqltailor.aws.session import client, found_or_none, told
from sqltailor.cloud.job_record import Pauses
from sqltailor.cloud.run_names import RUN_TAG, tags, tags_of
from sqltailor.errors import BackendError, ConfigError
from sqltailor.runs import Run


def take_over(run: Run, known: Mapping[str, Any]) -> str:
    """Let Bedrock make a custom model of a run's weights, or find the one it made, and return its ARN when it is there.

    Raises `BackendError` when Bedrock cannot read the weights.
    """
    bedrock, name = client("bedrock", known["region"]), known["name"]
    pauses = Pauses()
    with told(f"make the model {name} of the weights in {known['weights']}"):
        found = _called(bedrock, name)
        if found is None:
            bedrock.create_custom_model(**takeover_request(run.name, known))
        elif tags_of(bedrock, found["modelArn"]).get(RUN_TAG) != run.name:
            raise ConfigError(f"Another model of Bedrock is called {name}. Rename this run: train.name=OTHER")
        while True:
            found = _called(bedrock, name)
            status = (found or {}).get("modelStatus", "Active")
            if found is not None and status == "Active":
                return str(found["modelArn"])
            if found is not None and status == "Failed":
                raise BackendError(
                    f"Bedrock could not take over the model {name}: {found.get('failureMessage') or 'no reason given'}."
                    f" Remove it (sqltailor deploy delete {name}) and repeat the command: the job is kept."
                )
            pauses.rest()


def takeover_request(run: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of `create_custom_model`."""
    return {
        "modelName": known["name"],
        "modelSourceConfig": {"s3DataSource": {"s3Uri": known["weights"]}},
        "roleArn": known["role"],
        "modelTags": tags(run),
        "clientRequestToken": known["token"],
    }


def _called(bedrock: Any, name: str) -> dict[str, Any] | None:
    return found_or_none(bedrock.get_custom_model, modelIdentifier=name)
