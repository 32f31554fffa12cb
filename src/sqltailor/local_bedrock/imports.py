"""Custom Model Import: weights in S3 become a model that really answers InvokeModel, in OpenAI's chat."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from sqltailor.aws.importable import IMPORT_REGIONS, import_fault
from sqltailor.aws.s3 import place
from sqltailor.local_bedrock.job_checks import check_bucket, check_role
from sqltailor.local_bedrock.protocol import error, listed, pages
from sqltailor.local_bedrock.resources import ImportedModel, ImportJob, new_id, now
from sqltailor.local_bedrock.runtime import Answers, OpenAnswers
from sqltailor.local_bedrock.sagemaker_jobs import fetch_channel
from sqltailor.local_bedrock.state import ACCOUNT, Handler, State, find, made_before
from sqltailor.types import Completion
from sqltailor.wire.chat_completions import chat_messages, chat_options, chat_pieces
from sqltailor.wire.eventstream import chunk
from sqltailor.wire.openai import response

IMPORTING_S, LOADING_S = 600.0, 96.0
"""About how long the real service takes to import, and to load a model that nobody asked for a while."""
FAULT = "ImportJob"
"""In place of an operation: the next import fails, with `error` as its message."""
NEEDED = ("config.json", "tokenizer_config.json", "tokenizer.json")


class Imports:
    """The operations on imports and imported models."""

    def __init__(self, s3: Any, iam: Any, open_chat: OpenAnswers) -> None:
        self.s3, self.iam, self._open = s3, iam, open_chat
        self._opened: dict[str, Answers] = {}
        self._loading: dict[str, datetime.datetime] = {}
        self._lock = threading.Lock()

    def handlers(self) -> Mapping[str, Handler]:
        """Return the operations by their names."""
        return {
            "CreateModelImportJob": self.create,
            "GetModelImportJob": get_job,
            "ListModelImportJobs": list_jobs,
            "GetImportedModel": get_model,
            "ListImportedModels": list_models,
            "DeleteImportedModel": delete_model,
        }

    def create(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        same = made_before(state.imports, params)
        if same is not None:
            return {"jobArn": same.arn}
        if region not in IMPORT_REGIONS:
            raise error("ValidationException", f"Custom Model Import is not in {region}")
        if any(job.name == params["jobName"] for job in state.imports.values()):
            raise error("ConflictException", f"There is an import job {params['jobName']} already")
        if any(model.name == params["importedModelName"] for model in _settled(state).values()):
            raise error("ConflictException", f"There is an imported model {params['importedModelName']} already")
        check_role(self.iam, params["roleArn"], "bedrock")
        check_bucket(self.s3, place(params["modelDataSource"]["s3DataSource"]["s3Uri"]))
        arn = f"arn:aws:bedrock:{region}:{ACCOUNT}:model-import-job/{new_id()}"
        failed = state.faults.take(FAULT)
        job = ImportJob(arn, dict(params), region, state.after(IMPORTING_S))
        job.failure = failed.error if failed else self._fetch(state, job)
        state.imports[arn] = job
        state.put_tags(arn, params.get("jobTags"))
        return {"jobArn": arn}

    def _fetch(self, state: State, job: ImportJob) -> str | None:
        """Copy the weights, as the service does; return why they cannot be imported."""
        uri = job.request["modelDataSource"]["s3DataSource"]["s3Uri"]
        files = fetch_channel(self.s3, {"DataSource": {"S3DataSource": {"S3Uri": uri}}})
        missing = [name for name in NEEDED if name not in files]
        if missing or not any(name.endswith(".safetensors") for name in files):
            return f"The model has no {missing[0] if missing else '*.safetensors'}"
        fault = import_fault(json.loads(files["config.json"]))
        if fault is not None:
            return fault
        folder = state.home / job.arn.rpartition("/")[2]
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        job.folder = folder
        return None

    def invoke(self, state: State, arn: str, sent: bytes, stream: bool) -> dict[str, Any] | Iterator[bytes]:
        """Return a model's answer to a body, or the frames of its stream. Raises `AwsError`."""
        model = find(_settled(state), arn, "imported model")
        answers = self._loaded(state, model)
        try:
            body = json.loads(sent)
            messages = chat_messages(body)
        except (ValueError, KeyError, TypeError) as e:
            raise error("ValidationException", "The local Bedrock reads OpenAIChatCompletion bodies only") from e
        if "chat_template" not in json.loads((model.folder / "tokenizer_config.json").read_text(encoding="utf-8")):
            raise error("ValidationException", "The model has no chat template in its tokenizer_config.json")
        pieces = answers(messages, chat_options(body))
        if stream:
            events = (part.removeprefix(b"data: ").strip() for part in chat_pieces(pieces, whole=_whole))
            return (chunk(event) for event in events if event != b"[DONE]")
        *_, last = pieces
        assert isinstance(last, Completion)
        return _whole(last)

    def _loaded(self, state: State, model: ImportedModel) -> Answers:
        with self._lock:
            ready = self._loading.setdefault(model.arn, state.after(LOADING_S))
            if now() < ready:
                raise error("ModelNotReadyException", f"The model {model.name} is being loaded")
            if model.arn not in self._opened:
                self._opened[model.arn] = self._open(str(model.folder))
            return self._opened[model.arn]


def _whole(answer: Completion) -> dict[str, Any]:
    return response(answer, id=f"chatcmpl-{new_id()}", model="", created=int(now().timestamp()), refused=False)


def _settled(state: State) -> dict[str, ImportedModel]:
    """Return the imported models, with those whose import is due."""
    for job in state.imports.values():
        if job.status == "Completed" and job.model_arn is None:
            assert job.folder is not None
            arn = job.model_arn = f"arn:aws:bedrock:{job.region}:{ACCOUNT}:imported-model/{new_id()}"
            state.imported[arn] = ImportedModel(arn, job, job.folder)
            state.put_tags(arn, job.request.get("importedModelTags"))
    return state.imported


def get_job(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return an import."""
    _settled(state)
    job: ImportJob = find(state.imports, params["jobIdentifier"], "import job")
    request = {name: job.request[name] for name in ("roleArn", "modelDataSource")}
    return _job_summary(job) | request | {"failureMessage": job.failure if job.status == "Failed" else None}


def list_jobs(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return the imports of a region."""
    _settled(state)
    found = [_job_summary(job) for job in listed(state.imports, params, statusEquals="status") if job.region == region]
    return pages(found, params, "modelImportJobSummaries")


def _job_summary(job: ImportJob) -> dict[str, Any]:
    return {
        "jobArn": job.arn,
        "jobName": job.name,
        "importedModelName": job.request["importedModelName"],
        "importedModelArn": job.model_arn,
        "status": job.status,
        "creationTime": job.created,
        "lastModifiedTime": job.created,
        "endTime": None if job.status == "InProgress" else job.ready,
    }


def get_model(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return an imported model."""
    model: ImportedModel = find(_settled(state), params["modelIdentifier"], "imported model")
    return _model_summary(model) | {
        "jobName": model.job.name,
        "jobArn": model.job.arn,
        "modelDataSource": model.job.request["modelDataSource"],
        "customModelUnits": {"customModelUnitsPerModelCopy": 1, "customModelUnitsVersion": "v1.0"},
    }


def list_models(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return the imported models of a region."""
    found = [_model_summary(m) for m in listed(_settled(state), params) if m.job.region == region]
    return pages(found, params, "modelSummaries")


def _model_summary(model: ImportedModel) -> dict[str, Any]:
    config = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
    return {
        "modelArn": model.arn,
        "modelName": model.name,
        "creationTime": model.created,
        "modelArchitecture": config["architectures"][0],
        "instructSupported": True,
    }


def delete_model(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Delete an imported model."""
    model: ImportedModel = find(_settled(state), params["modelIdentifier"], "imported model")
    del state.imported[model.arn]
    state.tags.pop(model.arn, None)
    return {}
