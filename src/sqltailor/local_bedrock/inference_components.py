"""Inference components of SageMaker, and Application Auto Scaling: copies come and go as a component is asked."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqltailor.local_bedrock.protocol import error
from sqltailor.local_bedrock.resources import Thing, now
from sqltailor.local_bedrock.sagemaker_jobs import sagemaker_page
from sqltailor.local_bedrock.state import ACCOUNT, Handler, State
from sqltailor.local_bedrock.tags import in_lower_case

KEY = "InferenceComponentName"
STARTS_S, IDLE_S, WAKES_S = 120.0, 300.0, 240.0
"""About how long the real service takes to start a component, to let an idle one go, and to wake it."""


@dataclass
class Component(Thing):
    """A component: how many copies it has, and what scales them."""

    copies: int = 1
    asked: datetime.datetime = field(default_factory=now)
    wakes: datetime.datetime | None = None
    target: Mapping[str, Any] | None = None
    policies: dict[str, Mapping[str, Any]] = field(default_factory=dict)


class Components:
    """The operations on components, and on what scales them. `cloudwatch` is a client of the same machine."""

    def __init__(self, cloudwatch: Any) -> None:
        self.cloudwatch = cloudwatch

    def take(self, state: State, name: str | None, endpoint: str) -> str:
        """Return the model that answers for a component. Raises `AwsError` where it has no copy; asking wakes it."""
        if name is None:
            raise error("ValidationError", "Inference Component Name header is required for this endpoint")
        component = find_component(state, name, code="ValidationError")
        if component.request["EndpointName"] != endpoint or component.status != "InService":
            raise error("ValidationError", f"Inference Component {name} of {endpoint} is not in service.")
        settle(state, component)
        if not component.copies:
            self._failed(state, component)
            raise error("ValidationError", "Inference Component has no capacity to process this request.")
        component.asked = now()
        return str(component.request["Specification"]["ModelName"])

    def _failed(self, state: State, component: Component) -> None:
        """Count a failure: an alarm on them whose action is a policy of this component wakes it."""
        found = self.cloudwatch.describe_alarms()["MetricAlarms"]
        watched = {"Name": KEY, "Value": component.name}
        actions = {action for alarm in found if watched in alarm["Dimensions"] for action in alarm["AlarmActions"]}
        if component.wakes is None and any(_arn(component, name) in actions for name in component.policies):
            component.wakes = state.after(WAKES_S)


def settle(state: State, component: Component) -> None:
    """Let copies come that are due, and go when nobody has asked for long."""
    if component.wakes is not None and now() >= component.wakes:
        component.copies, component.wakes, component.asked = 1, None, now()
    idle = component.asked + datetime.timedelta(seconds=IDLE_S / state.speed)
    tracked = any(p["PolicyType"] == "TargetTrackingScaling" for p in component.policies.values())
    if tracked and component.target and not component.target["MinCapacity"] and now() > idle:
        component.copies = 0


def find_component(state: State, name: str, *, code: str = "ValidationException") -> Component:
    """Return a component. Raises `AwsError` when there is none of the name."""
    found = state.serving.get((KEY, name))
    if not isinstance(found, Component):
        raise error(code, f"Could not find inference component {name}.")
    return found


def components_of(state: State, endpoint: str) -> list[Component]:
    """Return the components of an endpoint."""
    return [t for t in state.serving.values() if isinstance(t, Component) and t.request["EndpointName"] == endpoint]


def create(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Make a component on an endpoint whose machines are scaled."""
    name = params[KEY]
    if (KEY, name) in state.serving:
        raise error("ValidationException", f"Cannot create already existing inference component {name}.")
    for key, wanted in (("EndpointName", params["EndpointName"]), ("ModelName", params["Specification"]["ModelName"])):
        if (key, wanted) not in state.serving:
            raise error("ValidationException", f"Could not find {key} {wanted}.")
    if state.serving["EndpointName", params["EndpointName"]].status != "InService":
        raise error("ValidationException", f"The endpoint {params['EndpointName']} is not in service.")
    arn = f"arn:aws:sagemaker:{region}:{ACCOUNT}:inference-component/{name.lower()}"
    failed = state.faults.take("Component")
    made = Component(name, arn, dict(params), ready=state.after(STARTS_S), failure=failed.error if failed else None)
    state.serving[KEY, name] = made
    state.put_tags(arn, in_lower_case(params.get("Tags")))
    return {"InferenceComponentArn": arn}


def describe(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a component."""
    component = find_component(state, params[KEY])
    settle(state, component)
    counts = dict.fromkeys(("DesiredCopyCount", "CurrentCopyCount"), component.copies)
    specification = component.request["Specification"]
    return _summary(component) | {
        "FailureReason": component.failure,
        "RuntimeConfig": counts,
        "Specification": {"ModelName": specification["ModelName"]},
    }


def _summary(component: Component) -> dict[str, Any]:
    endpoint = component.request["EndpointName"]
    return {
        KEY: component.name,
        "InferenceComponentArn": component.arn,
        "EndpointName": endpoint,
        "EndpointArn": component.arn.rpartition(":")[0] + f":endpoint/{endpoint.lower()}",
        "VariantName": component.request["VariantName"],
        "InferenceComponentStatus": component.status,
        "CreationTime": component.created,
        "LastModifiedTime": component.created,
    }


def listing(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return the components, of one endpoint or all."""
    found = [
        _summary(thing)
        for thing in state.serving.values()
        if isinstance(thing, Component)
        and params.get("EndpointNameEquals", thing.request["EndpointName"]) == thing.request["EndpointName"]
    ]
    return sagemaker_page(found, params, "InferenceComponents")


def delete(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Delete a component."""
    component = find_component(state, params[KEY])
    if component.status == "Creating":
        raise error("ValidationException", f"Cannot update in-progress inference component {component.name}.")
    if component.target is not None:
        raise error("ValidationException", f"The inference component {component.name} is a scalable target")
    del state.serving[KEY, component.name]
    state.tags.pop(component.arn, None)
    return {}


def register(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Let a component be scaled."""
    _scaled(state, params).target = dict(params)
    return {}


def deregister(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Let a component be scaled no more."""
    component = _scaled(state, params)
    if component.target is None:
        raise error("ObjectNotFoundException", f"No scalable target found for {component.name}")
    component.target, component.policies = None, {}
    return {}


def put_policy(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Set a policy of a component, and return its ARN."""
    component = _scaled(state, params)
    if component.target is None:
        raise error("ObjectNotFoundException", f"No scalable target found for {component.name}")
    component.policies[params["PolicyName"]] = dict(params)
    return {"PolicyARN": _arn(component, params["PolicyName"]), "Alarms": []}


def _arn(component: Component, policy: str) -> str:
    region = component.arn.split(":")[3]
    id = "12345678-1234-1234-1234-123456789012"
    resource = f"resource/sagemaker/inference-component/{component.name}"
    return f"arn:aws:autoscaling:{region}:{ACCOUNT}:scalingPolicy:{id}:{resource}:policyName/{policy}"


def _scaled(state: State, params: Mapping[str, Any]) -> Component:
    if params["ScalableDimension"] != "sagemaker:inference-component:DesiredCopyCount":
        raise error("ValidationException", "The local Auto Scaling scales inference components only")
    name = params["ResourceId"].removeprefix("inference-component/")
    return find_component(state, name, code="ObjectNotFoundException")


COMPONENTS: Mapping[str, Handler] = {
    "CreateInferenceComponent": create,
    "DescribeInferenceComponent": describe,
    "ListInferenceComponents": listing,
    "DeleteInferenceComponent": delete,
}
SCALING: Mapping[str, Handler] = {
    "RegisterScalableTarget": register,
    "DeregisterScalableTarget": deregister,
    "PutScalingPolicy": put_policy,
}
