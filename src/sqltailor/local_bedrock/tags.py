"""Tags of what there is, as Bedrock and as SageMaker write them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqltailor.local_bedrock.protocol import error
from sqltailor.local_bedrock.state import Handler, State


def list_tags(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a resource's tags."""
    found = state.tags.get(_resource(state, params["resourceARN"]), {})
    return {"tags": [{"key": key, "value": value} for key, value in found.items()]}


def tag(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Add tags to a resource."""
    state.put_tags(_resource(state, params["resourceARN"]), params["tags"])
    return {}


def untag(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Remove tags from a resource."""
    tags = state.tags.get(_resource(state, params["resourceARN"]), {})
    for key in params["tagKeys"]:
        tags.pop(key, None)
    return {}


def _resource(state: State, arn: str) -> str:
    known = (state.jobs, state.batches, state.models, state.deployments, state.units, state.imports, state.imported)
    if not any(arn in items for items in known) and arn not in sagemaker_arns(state):
        raise error("ResourceNotFoundException", f"There is no resource {arn}")
    return arn


def sagemaker_arns(state: State) -> set[str]:
    """Return the ARNs of what there is on SageMaker."""
    return {thing.arn for things in (state.training_jobs, state.serving) for thing in things.values()}


def list_capital_tags(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a resource's tags as SageMaker does."""
    found = state.tags.get(_resource(state, params["ResourceArn"]), {})
    return {"Tags": [{"Key": key, "Value": value} for key, value in found.items()]}


def add_capital_tags(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Add tags to a resource as SageMaker does."""
    state.put_tags(_resource(state, params["ResourceArn"]), in_lower_case(params["Tags"]))
    return {"Tags": params["Tags"]}


def in_lower_case(tags: Any) -> list[dict[str, str]]:
    """Return SageMaker's tags as Bedrock writes them, which is how they are kept."""
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in tags or ()]


BEDROCK_TAGS: Mapping[str, Handler] = {"ListTagsForResource": list_tags, "TagResource": tag, "UntagResource": untag}
SAGEMAKER_TAGS: Mapping[str, Handler] = {"ListTags": list_capital_tags, "AddTags": add_capital_tags}
