"""SageMaker's models, endpoint configurations and endpoints, and what answers behind them: a local model, really."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from sqltailor.aws.s3 import place
from sqltailor.local_bedrock.inference_components import COMPONENTS, Components, components_of, settle
from sqltailor.local_bedrock.job_checks import check_role
from sqltailor.local_bedrock.protocol import AwsError, error
from sqltailor.local_bedrock.resources import Thing, new_id, now
from sqltailor.local_bedrock.runtime import Answers, OpenAnswers
from sqltailor.local_bedrock.sagemaker_jobs import fetch_channel, sagemaker_page
from sqltailor.local_bedrock.state import ACCOUNT, Handler, State
from sqltailor.local_bedrock.tags import in_lower_case
from sqltailor.types import Completion
from sqltailor.wire.chat_completions import chat_messages, chat_options, chat_pieces
from sqltailor.wire.openai import response

STARTS_S = 300.0
"""About how long the real service takes to start an endpoint, or to change it."""
KINDS = {"ModelName": "model", "EndpointConfigName": "endpoint-config", "EndpointName": "endpoint"}
GROUP = {"ModelPackageGroupName": "model-package-group"}
"""Parameter that names a thing → its kind in ARNs."""


class Endpoints:
    """The operations on what serves."""

    def __init__(self, s3: Any, iam: Any, open_chat: OpenAnswers, components: Components) -> None:
        self.s3, self.iam, self._open, self.components = s3, iam, open_chat, components
        self._opened: dict[str, tuple[Answers, Path]] = {}
        self._lock = threading.Lock()

    def handlers(self) -> Mapping[str, Handler]:
        """Return the operations by their names."""
        return {
            "CreateModelPackageGroup": create_group,
            "DescribeModelPackageGroup": describe_group,
            "CreateModel": self.create_model,
            "DescribeModel": self.describe_model,
            "CreateEndpointConfig": self.create_config,
            "DescribeEndpointConfig": self.describe_config,
            "CreateEndpoint": self.create_endpoint,
            "DescribeEndpoint": self.describe_endpoint,
            "UpdateEndpoint": self.update_endpoint,
            **COMPONENTS,
            **{f"Delete{name.removesuffix('Name')}": _deletes(name) for name in KINDS},
            **{f"List{name.removesuffix('Name')}s": _lists(name) for name in KINDS},
        }

    def create_model(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        check_role(self.iam, params["ExecutionRoleArn"], "sagemaker")
        source = params["PrimaryContainer"].get("ModelDataSource", {}).get("S3DataSource")
        if source is None or not source["S3Uri"].endswith("/"):
            raise error("ValidationException", "The local SageMaker serves a ModelDataSource whose S3Uri ends with /")
        if not fetch_names(self.s3, source["S3Uri"]):
            raise error("ValidationException", f"Could not find model data at {source['S3Uri']}")
        return {"ModelArn": _create(state, params, region, "ModelName").arn}

    def describe_model(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        model = _found(state, params, "ModelName")
        return model.request | {"ModelArn": model.arn, "CreationTime": model.created}

    def create_config(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        for variant in params["ProductionVariants"]:
            if "ModelName" in variant:
                _found(state, variant, "ModelName")
            elif "ManagedInstanceScaling" not in variant or "ExecutionRoleArn" not in params:
                raise error(
                    "ValidationException", "A variant without ModelName needs a role and ManagedInstanceScaling"
                )
        return {"EndpointConfigArn": _create(state, params, region, "EndpointConfigName").arn}

    def describe_config(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        config = _found(state, params, "EndpointConfigName")
        return config.request | {"EndpointConfigArn": config.arn, "CreationTime": config.created}

    def create_endpoint(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        _found(state, params, "EndpointConfigName")
        endpoint = _create(state, params, region, "EndpointName")
        failed = state.faults.take("Endpoint")
        endpoint.ready, endpoint.failure = state.after(STARTS_S), failed.error if failed else None
        return {"EndpointArn": endpoint.arn}

    def describe_endpoint(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        endpoint = _found(state, params, "EndpointName")
        return _summary(endpoint, "EndpointName") | {
            "EndpointConfigName": endpoint.request["EndpointConfigName"],
            "FailureReason": endpoint.failure,
            "ProductionVariants": [self._variant(state, endpoint)],
        }

    def _variant(self, state: State, endpoint: Thing) -> dict[str, Any]:
        config = state.serving["EndpointConfigName", endpoint.request["EndpointConfigName"]]
        variant = config.request["ProductionVariants"][0]
        count = variant.get("InitialInstanceCount", 1)
        if "ModelName" not in variant:
            copies = components_of(state, endpoint.name)
            for component in copies:
                settle(state, component)
            count = max((component.copies for component in copies), default=count)
        return {"VariantName": variant["VariantName"], "CurrentInstanceCount": count}

    def update_endpoint(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        endpoint = _found(state, params, "EndpointName")
        _found(state, params, "EndpointConfigName")
        if endpoint.status != "InService":
            raise error("ValidationException", f"The endpoint {endpoint.name} is {endpoint.status}")
        endpoint.request["EndpointConfigName"] = params["EndpointConfigName"]
        endpoint.ready, endpoint.updating = state.after(STARTS_S), True
        return {"EndpointArn": endpoint.arn}

    def invoke(
        self, state: State, name: str, sent: bytes, component: str | None = None
    ) -> dict[str, Any] | Iterator[bytes]:
        """Return an endpoint's answer to a body, or its stream. Raises `AwsError`."""
        endpoint = state.serving.get(("EndpointName", name))
        if endpoint is None or endpoint.status not in ("InService", "Updating"):
            raise error("ValidationError", f"Endpoint {name} of account {ACCOUNT} not found or not in service.")
        answers, folder = self._behind(state, endpoint, component)
        words = _words(folder)
        try:
            body = json.loads(sent)
            chat = words.chat_of(body, json.loads((folder / "serving.json").read_text(encoding="utf-8")))
        except ValueError as e:
            raise AwsError("ModelError", f"Received client error (400) from primary: {e}", 424) from e
        pieces = answers(chat_messages(chat), chat_options(chat))
        if chat.get("stream"):
            return chat_pieces(pieces, whole=_whole)
        *_, last = pieces
        assert isinstance(last, Completion)
        whole = _whole(last)
        return whole if "messages" in body else words.answer_of(whole)

    def _behind(self, state: State, endpoint: Thing, component: str | None) -> tuple[Answers, Path]:
        config = state.serving["EndpointConfigName", endpoint.request["EndpointConfigName"]]
        name = config.request["ProductionVariants"][0].get("ModelName")
        model = state.serving["ModelName", name or self.components.take(state, component, endpoint.name)]
        key = f"{model.arn} {model.created}"  # another model may have had its name
        with self._lock:
            if key not in self._opened:
                folder = state.home / f"{model.name}-{new_id()}"
                uri = model.request["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]["S3Uri"]
                for name, content in fetch_channel(self.s3, {"DataSource": {"S3DataSource": {"S3Uri": uri}}}).items():
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / name).write_bytes(content)
                self._opened[key] = (self._open(str(folder)), folder)
            return self._opened[key]


def _whole(answer: Completion) -> dict[str, Any]:
    return response(answer, id=f"chatcmpl-{new_id()}", model="model", created=int(now().timestamp()), refused=False)


def _words(folder: Path) -> ModuleType:
    """Return the `serving_text.py` that lies beside the weights."""
    module = ModuleType("serving_text")
    exec((folder / "serving_text.py").read_text(encoding="utf-8"), module.__dict__)
    return module


def fetch_names(s3: Any, uri: str) -> list[str]:
    """Return the keys below a URI."""
    at = place(uri)
    return [item["Key"] for item in s3.list_objects_v2(Bucket=at.bucket, Prefix=at.key).get("Contents", ())]


def create_group(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Make a group for the packages of tuned models."""
    return {"ModelPackageGroupArn": _create(state, params, region, "ModelPackageGroupName").arn}


def describe_group(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a group."""
    group = _found(state, params, "ModelPackageGroupName")
    told = {"ModelPackageGroupStatus": "Completed", "CreationTime": group.created, "CreatedBy": {}}
    return {"ModelPackageGroupName": group.name, "ModelPackageGroupArn": group.arn, **told}


def _create(state: State, params: Mapping[str, Any], region: str, key: str) -> Thing:
    name = params[key]
    if (key, name) in state.serving:
        raise error("ValidationException", f"Cannot create already existing {(KINDS | GROUP)[key]} {name}.")
    arn = f"arn:aws:sagemaker:{region}:{ACCOUNT}:{(KINDS | GROUP)[key]}/{name.lower()}"
    thing = state.serving[key, name] = Thing(name, arn, dict(params))
    state.put_tags(arn, in_lower_case(params.get("Tags")))
    return thing


def _found(state: State, params: Mapping[str, Any], key: str) -> Thing:
    thing = state.serving.get((key, params[key]))
    if thing is None:
        raise error("ValidationException", f"Could not find {(KINDS | GROUP)[key]} {params[key]}.")
    return thing


def _deletes(key: str) -> Handler:
    def delete(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        thing = _found(state, params, key)
        if key == "EndpointName" and thing.status in ("Creating", "Updating"):
            raise error("ValidationException", f"Cannot update in-progress endpoint {thing.name}.")
        if key == "EndpointName" and components_of(state, thing.name):
            raise error("ValidationException", f"The endpoint {thing.name} has inference components.")
        del state.serving[key, thing.name]
        state.tags.pop(thing.arn, None)
        return {}

    return delete


def _lists(key: str) -> Handler:
    def listing(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        items = [_summary(thing, key) for (kind, _), thing in state.serving.items() if kind == key]
        member = {"ModelName": "Models", "EndpointConfigName": "EndpointConfigs", "EndpointName": "Endpoints"}[key]
        return sagemaker_page(items, params, member)

    return listing


def _summary(thing: Thing, key: str) -> dict[str, Any]:
    ends = {"EndpointStatus": thing.status, "LastModifiedTime": thing.created} if key == "EndpointName" else {}
    arn = key.replace("Name", "Arn")
    return {key: thing.name, arn: thing.arn, "CreationTime": thing.created, **ends}
