"""Endpoints that scale to zero machines: the model as an inference component, two scaling policies, and an alarm.

SageMaker AI guide, "Scale an endpoint to zero instances" (endpoint-auto-scaling-zero-instances, read 2026-11).
Everything but the component is put, not created: a second time changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqltailor.aws.sagemaker_machines import MACHINES
from sqltailor.aws.session import client, code_of, found_or_none, told
from sqltailor.cloud.job_record import Pauses
from sqltailor.cloud.run_names import tags_in_capitals
from sqltailor.cloud.sagemaker.endpoint_plan import MAX_COPIES, STARTS_S, EndpointPlan
from sqltailor.errors import BackendError

IDLE_S, WAKES_S = 300, 60
"""After how long without questions a copy goes, and how long the alarm waits for the next."""
MIN_MEMORY_MB = 4096
GONE = ("ObjectNotFoundException", "ValidationException")


def scale_to_zero(plan: EndpointPlan, run: str, token: str, on_state: Callable[[str], None]) -> None:
    """Let a component serve the plan's model on its endpoint, and scale between no copy and `MAX_COPIES`."""
    sagemaker = client("sagemaker", plan.region)
    requests = scaling_requests(plan, run, token)
    with told(f"make the inference component {plan.name}"):
        if found_or_none(sagemaker.describe_inference_component, InferenceComponentName=plan.name) is None:
            sagemaker.create_inference_component(**requests["component"])
    _wait(sagemaker, plan.name, on_state)
    scaling = client("application-autoscaling", plan.region)
    with told(f"let {plan.name} scale to zero"):
        scaling.register_scalable_target(**requests["target"])
        scaling.put_scaling_policy(**requests["track"])
        wake = scaling.put_scaling_policy(**requests["wake"])["PolicyARN"]
        client("cloudwatch", plan.region).put_metric_alarm(**requests["alarm"], AlarmActions=[wake])


def scaling_requests(plan: EndpointPlan, run: str, token: str) -> dict[str, dict[str, Any]]:
    """Return the parameters of `create_inference_component` and of what scales it."""
    target = _target(plan.name)
    return {
        "component": _component(plan) | {"Tags": tags_in_capitals(run, token)},
        "target": {"MinCapacity": 0, "MaxCapacity": MAX_COPIES, **target},
        "track": {
            "PolicyName": "as-it-is-asked",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 1.0,
                "ScaleInCooldown": IDLE_S,
                "ScaleOutCooldown": IDLE_S,
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"
                },
            },
            **target,
        },
        "wake": {
            "PolicyName": "wake",
            "PolicyType": "StepScaling",
            "StepScalingPolicyConfiguration": {
                "AdjustmentType": "ChangeInCapacity",
                "MetricAggregationType": "Maximum",
                "Cooldown": WAKES_S,
                "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
            },
            **target,
        },
        "alarm": _alarm(plan.name) | {"Tags": tags_in_capitals(run, token)},
    }


def _component(plan: EndpointPlan) -> dict[str, Any]:
    starts = dict.fromkeys(
        ("ModelDataDownloadTimeoutInSeconds", "ContainerStartupHealthCheckTimeoutInSeconds"), STARTS_S
    )
    gpus = MACHINES[plan.instance_type].gpus
    needs = {"NumberOfAcceleratorDevicesRequired": gpus, "MinMemoryRequiredInMb": MIN_MEMORY_MB}
    return {
        "InferenceComponentName": plan.name,
        "EndpointName": plan.name,
        "VariantName": "AllTraffic",
        "Specification": {
            "ModelName": plan.parts,
            "StartupParameters": starts,
            "ComputeResourceRequirements": needs,
        },
        "RuntimeConfig": {"CopyCount": 1},
    }


def _alarm(component: str) -> dict[str, Any]:
    """Return what rings when a component without a copy is asked."""
    return {
        "AlarmName": alarm_name(component),
        "Namespace": "AWS/SageMaker",
        "MetricName": "NoCapacityInvocationFailures",
        "Dimensions": [{"Name": "InferenceComponentName", "Value": component}],
        "Statistic": "Sum",
        "Period": WAKES_S,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "missing",
    }


def stop_scaling(region: str, component: str) -> None:
    """Delete the alarm, and the target with its policies; what is gone already is no matter."""
    from botocore.exceptions import ClientError

    with told(f"stop scaling {component}"):
        client("cloudwatch", region).delete_alarms(AlarmNames=[alarm_name(component)])
        try:
            client("application-autoscaling", region).deregister_scalable_target(**_target(component))
        except ClientError as e:
            if code_of(e) not in GONE:
                raise


def alarm_name(component: str) -> str:
    """Return the name of the alarm that wakes a component."""
    return f"sqltailor-wake-{component}"


def _target(component: str) -> Mapping[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"inference-component/{component}",
        "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
    }


def _wait(sagemaker: Any, name: str, on_state: Callable[[str], None]) -> None:
    pauses = Pauses()
    while True:
        with told(f"look at the inference component {name}"):
            found = sagemaker.describe_inference_component(InferenceComponentName=name)
        status = found["InferenceComponentStatus"]
        on_state(f"model {status}")
        if status == "InService":
            return
        if status == "Failed":
            why = found.get("FailureReason") or "no reason given"
            raise BackendError(f"The model on {name} failed: {why}. Delete it: sqltailor deploy delete {name}")
        pauses.rest()
