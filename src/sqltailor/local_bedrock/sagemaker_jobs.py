"""SageMaker's training jobs: created with the service's checks, run in a thread of their own through their statuses."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from sqltailor.aws.s3 import Place, place
from sqltailor.aws.sagemaker_machines import SERVERLESS
from sqltailor.errors import SQLTailorError
from sqltailor.local_bedrock.job_checks import check_bucket, check_role
from sqltailor.local_bedrock.protocol import AwsError, error
from sqltailor.local_bedrock.resources import TrainingJob, now
from sqltailor.local_bedrock.state import ACCOUNT, Handler, State
from sqltailor.local_bedrock.tags import in_lower_case
from sqltailor.local_bedrock.tuning import Stopped

logger = logging.getLogger(__name__)

BEFORE = (("Starting", 60.0), ("Downloading", 30.0), ("DownloadingTrainingImage", 120.0))
"""What comes before training, and about how many seconds the real service takes for it."""
SERVERLESS_JOBS = "serverless"
"""In place of an image's name: what serverless jobs do."""
FAULT = "TrainingJob"
"""In place of an operation: the next job fails, with the fault's `error` as its reason."""
TOLD = (
    *("HyperParameters", "AlgorithmSpecification", "InputDataConfig", "OutputDataConfig", "ResourceConfig"),
    *("StoppingCondition", "EnableManagedSpotTraining", "CheckpointConfig", "Environment", "RoleArn"),
)
"""What a description repeats of the request."""
Work = Callable[[State, TrainingJob], None]
"""What a job's image does; raises `Stopped`, or `SQLTailorError` where the job fails."""


class TrainingJobs:
    """The operations on training jobs. `images`: part of an image's name → what it does."""

    def __init__(self, images: Mapping[str, Work], s3: Any, iam: Any) -> None:
        self.images, self.s3, self.iam = images, s3, iam

    def handlers(self) -> Mapping[str, Handler]:
        """Return the operations by their names."""
        return {
            "CreateTrainingJob": self.create,
            "DescribeTrainingJob": self.describe,
            "ListTrainingJobs": self.list,
            "StopTrainingJob": self.stop,
        }

    def create(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        name = params["TrainingJobName"]
        if name in state.training_jobs:
            raise error("ResourceInUse", f"There is a training job {name} already")
        self._check(params)
        work = self._work(params)
        arn = f"arn:aws:sagemaker:{region}:{ACCOUNT}:training-job/{name}"
        job = state.training_jobs[name] = TrainingJob(name, arn, dict(params), region)
        state.put_tags(arn, in_lower_case(params.get("Tags")))
        job.enter("Starting")
        job.thread = threading.Thread(target=self._run, args=(state, job, work), daemon=True)
        job.thread.start()
        return {"TrainingJobArn": arn}

    def _check(self, params: Mapping[str, Any]) -> None:
        check_role(self.iam, params["RoleArn"], "sagemaker")
        check_bucket(self.s3, place(params["OutputDataConfig"]["S3OutputPath"]))
        for channel in params.get("InputDataConfig", ()):
            at = place(channel["DataSource"]["S3DataSource"]["S3Uri"])
            if not self.s3.list_objects_v2(Bucket=at.bucket, Prefix=at.key, MaxKeys=1).get("KeyCount"):
                raise error("ValidationException", f"No S3 objects found under S3 URL {at}")
        if "ServerlessJobConfig" in params:
            self._check_serverless(params)
            return
        if not params.get("ResourceConfig") or not params.get("StoppingCondition"):
            raise error("ValidationException", "ResourceConfig and StoppingCondition are required")
        waits, runs = (params["StoppingCondition"].get(f"Max{kind}InSeconds") for kind in ("WaitTime", "Runtime"))
        if bool(waits) != bool(params.get("EnableManagedSpotTraining")) or (waits and waits < runs):
            raise error("ValidationException", "MaxWaitTimeInSeconds is for spot training, and not below MaxRuntime")

    def _check_serverless(self, params: Mapping[str, Any]) -> None:
        config = params["ServerlessJobConfig"]
        model = config["BaseModelArn"].partition("/Model/")[2]
        if model not in SERVERLESS.values() or not config.get("AcceptEula"):
            raise error("ValidationException", f"{model} is not tuned serverless, or its licence is not accepted")
        if "ModelPackageGroupArn" not in params.get("ModelPackageConfig", {}) or "ResourceConfig" in params:
            raise error("ValidationException", "A serverless job needs a model package group and no machines")

    def _work(self, params: Mapping[str, Any]) -> Work:
        if "ServerlessJobConfig" in params:
            return self.images[SERVERLESS_JOBS]
        image = params.get("AlgorithmSpecification", {}).get("TrainingImage", "")
        found = next((work for name, work in self.images.items() if name in image), None)
        if found is None:
            raise error("ValidationException", f"The local SageMaker does not have the image {image}")
        return found

    def _run(self, state: State, job: TrainingJob, work: Work) -> None:
        try:
            for secondary, seconds in BEFORE:
                job.enter(secondary)
                if job.stop.wait(seconds / state.speed):
                    raise Stopped
            job.started, began = now(), time.monotonic()
            job.enter("Training")
            fault = state.faults.take(FAULT)
            if fault is not None:
                raise AwsError("ClientError", fault.error)
            try:
                work(state, job)
            finally:
                job.billable_s += time.monotonic() - began
            _end(job, "Completed")
        except Stopped:
            _end(job, "Stopped")
        except (SQLTailorError, AwsError) as e:
            job.failure = str(e)[:1024]
            _end(job, "Failed")
        except Exception:  # a job that never ends would be waited for without end
            logger.exception("the job %s ended by a fault of the local SageMaker", job.name)
            job.failure = "The local SageMaker has a fault: see what it printed"
            _end(job, "Failed")

    def describe(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        job = _find(state, params["TrainingJobName"])
        request, out = job.request, job.request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        seconds = max(round(job.billable_s), 1) if job.ended and job.started else None
        return _summary(job) | {name: request[name] for name in TOLD if name in request} | {
            "ModelArtifacts": {"S3ModelArtifacts": f"{out}/{job.name}/output/model"},
            "SecondaryStatus": job.secondary,
            "SecondaryStatusTransitions": [{"Status": name, "StartTime": at} for name, at in job.transitions],
            "FailureReason": job.failure,
            "TrainingStartTime": job.started,
            "TrainingTimeInSeconds": seconds,
            "BillableTimeInSeconds": seconds,
            "FinalMetricDataList": [
                {"MetricName": name, "Value": value, "Timestamp": now()} for name, value in job.metrics.items()
            ],
        }  # fmt: skip

    def list(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        found = [
            _summary(job)
            for job in state.training_jobs.values()
            if job.region == region
            and params.get("NameContains", "") in job.name
            and params.get("StatusEquals", job.status) == job.status
        ]
        found.sort(key=lambda job: job["CreationTime"], reverse=params.get("SortOrder", "Descending") == "Descending")
        return sagemaker_page(found, params, "TrainingJobSummaries")

    def stop(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        job = _find(state, params["TrainingJobName"])
        if job.status != "InProgress":
            raise error("ValidationException", f"The job {job.name} is {job.status}")
        job.status = "Stopping"
        job.enter("Stopping")
        job.stop.set()
        return {}


def _find(state: State, name: str) -> TrainingJob:
    if name not in state.training_jobs:
        raise error("ValidationException", "Requested resource not found.")  # as the real service says it
    return state.training_jobs[name]


def _end(job: TrainingJob, status: str) -> None:
    job.enter(status)
    job.ended = now()
    job.status = status


def _summary(job: TrainingJob) -> dict[str, Any]:
    return {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "TrainingJobStatus": job.status,
        "CreationTime": job.created,
        "TrainingEndTime": job.ended,
        "LastModifiedTime": job.transitions[-1][1],
    }


def sagemaker_page(items: list[Any], params: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return one page of a list, as `MaxResults` and `NextToken` ask."""
    start, size = int(params.get("NextToken") or 0), int(params.get("MaxResults") or 10)
    more = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return {key: items[start : start + size]} | more


def fetch_channel(s3: Any, channel: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files of a channel: name below its URI, or the last part of an object's key → content."""
    at = place(channel["DataSource"]["S3DataSource"]["S3Uri"])
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=at.bucket, Prefix=at.key):
        for item in page.get("Contents", ()):
            name = item["Key"].removeprefix(at.key).lstrip("/") or item["Key"].rpartition("/")[2]
            found[name] = s3.get_object(Bucket=at.bucket, Key=item["Key"])["Body"].read()
    return found


def output_of(job: TrainingJob) -> Place:
    """Return where a job's output goes."""
    return place(job.request["OutputDataConfig"]["S3OutputPath"]) / job.name / "output"
