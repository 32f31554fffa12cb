"""Endpoints of SageMaker: a model, its configuration and the endpoint, each made once; paid while they exist."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqltailor.aws.s3 import place, upload
from sqltailor.aws.session import client, found_or_none, told
from sqltailor.cloud.job_record import Pauses
from sqltailor.cloud.run_names import tags_in_capitals
from sqltailor.cloud.sagemaker.endpoint_plan import MAX_COPIES, STARTS_S, EndpointPlan, serving_image
from sqltailor.cloud.sagemaker.served.serving_text import MARK
from sqltailor.cloud.sagemaker.to_zero import scale_to_zero, stop_scaling
from sqltailor.errors import BackendError, DataError
from sqltailor.project import Project
from sqltailor.runs import Run, read_json, write_json_atomic
from sqltailor.taught import prompt_show
from sqltailor.types import Example

OnState = Callable[[str], None]
VARIANT = "AllTraffic"
AMI = "al2-ami-sagemaker-inference-gpu-3-1"
BESIDE = {"invocations.py": "model.py", "serving_text.py": "serving_text.py"}
"""File of ours → what it is called beside the weights: the image looks for model.py."""


@dataclass(frozen=True, slots=True)
class Serving:
    """An endpoint that answers: the shape of `deploy sagemaker --json`."""

    run: str
    name: str
    arn: str
    region: str
    instance_type: str
    status: str
    seconds: float


def deploy_endpoint(
    run: Run, plan: EndpointPlan, project: Project, *, on_state: OnState = lambda state: None
) -> Serving:
    """Let the plan's endpoint serve the run's model, wait until it does, and remember it in the run.

    After a crash anywhere in between, the same call ends with the same one endpoint. Raises `BackendError` when AWS
    refuses or the endpoint fails.
    """
    began = time.monotonic()
    sagemaker = client("sagemaker", plan.region)
    _lay_beside(run, plan, project)
    token = str(read_json(run.job)["token"])
    requests = endpoint_requests(plan, run.name, token)
    with told(f"make the endpoint {plan.name}"):
        _once(sagemaker.describe_model, sagemaker.create_model, "ModelName", requests["model"])
        _once(
            sagemaker.describe_endpoint_config,
            sagemaker.create_endpoint_config,
            "EndpointConfigName",
            requests["config"],
        )
        _once(sagemaker.describe_endpoint, sagemaker.create_endpoint, "EndpointName", requests["endpoint"])
        arn = str(sagemaker.describe_endpoint(EndpointName=plan.name)["EndpointArn"])
    here = {"backend": "sagemaker", "name": plan.name, "region": plan.region, "arn": arn}
    write_json_atomic(run.deployment, here | ({"component": plan.name} if plan.to_zero else {}))
    found = _wait(sagemaker, plan.name, on_state)
    if found["EndpointConfigName"] != plan.parts:
        with told(f"change the endpoint {plan.name}"):
            sagemaker.update_endpoint(EndpointName=plan.name, EndpointConfigName=plan.parts)
        found = _wait(sagemaker, plan.name, on_state)
    if plan.to_zero:
        scale_to_zero(plan, run.name, token, on_state)
    seconds = round(time.monotonic() - began, 1)
    return Serving(str(run.path), plan.name, arn, plan.region, plan.instance_type, found["EndpointStatus"], seconds)


def withdraw_endpoint(run: Run, plan: EndpointPlan, *, on_state: OnState = lambda state: None) -> None:
    """Undo a deployment: what served another model before serves that again, a new one is deleted."""
    sagemaker = client("sagemaker", plan.region)
    if plan.to_zero:
        _remove_component(sagemaker, plan)
    with told(f"withdraw the endpoint {plan.name}"):
        if plan.replaces:
            sagemaker.update_endpoint(EndpointName=plan.name, EndpointConfigName=plan.replaces)
        else:
            sagemaker.delete_endpoint(EndpointName=plan.name)
    if plan.replaces:
        _wait(sagemaker, plan.name, on_state)
    with told(f"withdraw the endpoint {plan.name}"):
        sagemaker.delete_endpoint_config(EndpointConfigName=plan.parts)
        sagemaker.delete_model(ModelName=plan.parts)
    run.deployment.unlink(missing_ok=True)


def _remove_component(sagemaker: Any, plan: EndpointPlan) -> None:
    stop_scaling(plan.region, plan.name)
    with told(f"withdraw the inference component {plan.name}"):
        sagemaker.delete_inference_component(InferenceComponentName=plan.name)
        pauses = Pauses()
        while found_or_none(sagemaker.describe_inference_component, InferenceComponentName=plan.name):
            pauses.rest()


def endpoint_requests(plan: EndpointPlan, run: str, token: str) -> dict[str, dict[str, Any]]:
    """Return the parameters of `create_model`, `create_endpoint_config` and `create_endpoint`."""
    tags = {"Tags": tags_in_capitals(run, token)}
    source = {"S3DataSource": {"S3Uri": plan.weights, "S3DataType": "S3Prefix", "CompressionType": "None"}}
    variant: dict[str, Any] = {
        "VariantName": VARIANT,
        "ModelName": plan.parts,
        "InstanceType": plan.instance_type,
        "InitialInstanceCount": 1,
        "ModelDataDownloadTimeoutInSeconds": STARTS_S,
        "ContainerStartupHealthCheckTimeoutInSeconds": STARTS_S,
        "InferenceAmiVersion": AMI,
    }
    config: dict[str, Any] = {"EndpointConfigName": plan.parts, "ProductionVariants": [variant], **tags}
    if plan.to_zero:
        del variant["ModelName"]
        variant["ManagedInstanceScaling"] = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": MAX_COPIES}
        variant["RoutingConfig"] = {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
        config["ExecutionRoleArn"] = plan.role
    container = {"Image": serving_image(plan.region), "ModelDataSource": source}
    return {
        "model": {"ModelName": plan.parts, "ExecutionRoleArn": plan.role, "PrimaryContainer": container, **tags},
        "config": config,
        "endpoint": {"EndpointName": plan.name, "EndpointConfigName": plan.parts, **tags},
    }


def _once(describe: Callable[..., Any], create: Callable[..., Any], key: str, request: Mapping[str, Any]) -> None:
    """Create what is not there yet."""
    if found_or_none(describe, **{key: request[key]}) is None:
        create(**request)


def _wait(sagemaker: Any, name: str, on_state: OnState) -> dict[str, Any]:
    pauses = Pauses()
    while True:
        with told(f"look at the endpoint {name}"):
            found: dict[str, Any] = sagemaker.describe_endpoint(EndpointName=name)
        status = found["EndpointStatus"]
        on_state(status)
        if status == "InService":
            return found
        if status in ("Failed", "UpdateRollbackFailed", "OutOfService"):
            why = found.get("FailureReason") or "no reason given"
            raise BackendError(f"The endpoint {name} failed: {why}. Delete it: sqltailor deploy delete {name}")
        pauses.rest()


def _lay_beside(run: Run, plan: EndpointPlan, project: Project) -> None:
    """Put beside the weights what lets the endpoint take questions and specifications."""
    s3, to = client("s3", plan.region), place(plan.weights.rstrip("/"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_json_atomic(folder / "serving.json", serving(run, project))
        for file, called in BESIDE.items():
            shutil.copy(Path(__file__).parent / "served" / file, folder / called)
        for written in sorted(folder.iterdir()):
            upload(s3, written, to / written.name, account=plan.account, overwrite=True)


def serving(run: Run, project: Project) -> dict[str, Any]:
    """Return how the model is asked: the messages around a question and a specification, and how it answers.

    Where what is shown depends on the question, there are no such messages, and only chat can be asked.
    """
    options = {"max_tokens": project.options.max_tokens, "temperature": project.options.temperature}
    return {"messages": _messages(run, project), "options": options}


def _messages(run: Run, project: Project) -> dict[str, list[dict[str, str]]] | None:
    if not project.has_schema or prompt_show(project.recipe, str(run.path)) == "linked":
        return None
    ask = project.prompts(str(run.path), None)
    marked = {
        "question": Example(question=MARK, dialect=project.dialect),
        "spec": Example(question=None, spec={MARK: 0}, dialect=project.dialect),
    }
    found = {}
    for kind, example in marked.items():
        try:
            prompt = ask(example, project.schema)
        except DataError:
            return None
        # a specification is written whole in place of the mark
        texts = [(m.role, m.content.replace(f'{{"{MARK}": 0}}', MARK)) for m in prompt.messages]
        found[kind] = [{"role": role, "content": content} for role, content in texts]
    return found
