"""Batch inference: the records of a file in S3 are really answered, one by one, and the answers written beside them."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from sqltailor.aws.bedrock_models import MODELS
from sqltailor.aws.s3 import place
from sqltailor.aws.validate import check_request
from sqltailor.errors import SQLTailorError
from sqltailor.local_bedrock.guardrails import Passed
from sqltailor.local_bedrock.job_checks import check_bucket, check_object, check_role
from sqltailor.local_bedrock.protocol import AwsError, error, listed, model_of, pages
from sqltailor.local_bedrock.resources import BatchJob, new_id, now
from sqltailor.local_bedrock.runtime import Runtime
from sqltailor.local_bedrock.state import ACCOUNT, Handler, State, made_before
from sqltailor.local_bedrock.wsgi import whole

logger = logging.getLogger(__name__)

FEWEST, MOST = 100, 50_000
"""Records of a job, by the service's default quotas."""
VALIDATING_S = 120.0
"""About how long the real service takes before it begins."""
FAULT = "InvocationJob"
"""In place of an operation: the next job fails, with `error` as its message."""


class BatchJobs:
    """The operations on jobs. `runtime` answers; `s3` and `iam` are clients of the same machine."""

    def __init__(self, runtime: Runtime, s3: Any, iam: Any) -> None:
        self.runtime, self.s3, self.iam = runtime, s3, iam

    def handlers(self) -> Mapping[str, Handler]:
        """Return the operations by their names."""
        return {
            "CreateModelInvocationJob": self.create,
            "GetModelInvocationJob": get,
            "ListModelInvocationJobs": list_jobs,
            "StopModelInvocationJob": stop,
        }

    def create(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        """Begin a job."""
        same = made_before(state.batches, params)
        if same is not None:
            return {"jobArn": same.arn}
        wanted = params["modelId"].rpartition("foundation-model/")[2]
        if wanted not in {model.inference_id for model in MODELS.values()}:
            raise error("ValidationException", f"The model {params['modelId']} takes no batch inference")
        if params.get("modelInvocationType", "InvokeModel") != "Converse":
            raise error("ValidationException", "The local Bedrock takes batches of Converse only")
        if any(job.name == params["jobName"] for job in state.batches.values()):
            raise error("ConflictException", f"There is a job {params['jobName']} already")
        check_role(self.iam, params["roleArn"], "bedrock")
        check_object(self.s3, place(params["inputDataConfig"]["s3InputDataConfig"]["s3Uri"]))
        check_bucket(self.s3, place(params["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]))
        arn = f"arn:aws:bedrock:{region}:{ACCOUNT}:model-invocation-job/{new_id()}"
        job = state.batches[arn] = BatchJob(arn, dict(params), region)
        state.put_tags(arn, params.get("tags"))
        job.thread = threading.Thread(target=self._run, args=(state, job), daemon=True)
        job.thread.start()
        return {"jobArn": arn}

    def _run(self, state: State, job: BatchJob) -> None:
        try:
            status, job.message = self._answer(state, job)
        except Exception:  # a job that never ends would be waited for without end
            logger.exception("the job %s ended by a fault of the local Bedrock", job.name)
            status, job.message = "Failed", "The local Bedrock has a fault: see what it printed"
        job.ended = job.modified = now()
        job.status = status

    def _answer(self, state: State, job: BatchJob) -> tuple[str, str | None]:
        """Answer the records of a job, and return how it ends and why."""
        job.status = "Validating"
        source = place(job.request["inputDataConfig"]["s3InputDataConfig"]["s3Uri"])
        lines = self.s3.get_object(Bucket=source.bucket, Key=source.key)["Body"].read().decode().splitlines()
        job.stop.wait(VALIDATING_S / state.speed)
        if (fault := state.faults.take(FAULT)) is not None:
            return "Failed", fault.error
        try:
            rows = [json.loads(line) for line in lines]
            records = [(str(row["recordId"]), dict(row["modelInput"])) for row in rows]
        except (ValueError, TypeError, KeyError) as e:
            return "Failed", f"The input is not JSON Lines with recordId and modelInput: {e}"
        if not FEWEST <= len(records) <= MOST:
            return "Failed", f"The input has {len(records)} records; allowed: {FEWEST} to {MOST}"
        job.status, job.total = "InProgress", len(records)
        written = list(self._rows(state, job, records))
        out = place(job.request["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]) / job.arn.rpartition("/")[2]
        manifest = {
            "totalRecordCount": job.total,
            "processedRecordCount": len(written),
            "successRecordCount": job.total and len(written) - job.errors,
            "errorRecordCount": job.errors,
        }
        files = {
            f"{source.key.rpartition('/')[2]}.out": "".join(f"{json.dumps(row)}\n" for row in written),
            "manifest.json.out": json.dumps(manifest),
        }
        for name, text in files.items():
            self.s3.put_object(Bucket=out.bucket, Key=(out / name).key, Body=text.encode())
        if job.stop.is_set():
            return "Stopped", None
        return "PartiallyCompleted" if job.errors else "Completed", None

    def _rows(self, state: State, job: BatchJob, records: list[tuple[str, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
        """Yield a line of the output for each record, until the job is told to stop."""
        shape = model_of("bedrock-runtime").operation_model("Converse").input_shape
        for name, body in records:
            if job.stop.is_set():
                return
            asked = body | {"modelId": job.request["modelId"]}
            row = {"recordId": name, "modelInput": body}
            try:
                if faults := check_request(shape, asked):
                    raise error("ValidationException", "; ".join(faults))
                row["modelOutput"] = whole(Passed(self.runtime.answer(state, asked)))
            except (AwsError, SQLTailorError) as e:
                job.errors += 1
                row["error"] = {"errorCode": getattr(e, "status", 400), "errorMessage": str(e)}
            job.processed += 1
            yield row


def find_batch(state: State, identifier: str) -> BatchJob:
    """Return a job by its ARN, or the end of it. Raises `AwsError`."""
    for arn, job in state.batches.items():
        if identifier in (arn, arn.rpartition("/")[2]):
            return job
    raise error("ResourceNotFoundException", f"There is no job {identifier}")


def get(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a job."""
    return _summary(find_batch(state, params["jobIdentifier"]))


def list_jobs(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return the jobs of a region."""
    jobs = listed(state.batches, params, statusEquals="status")
    return pages([_summary(job) for job in jobs if job.region == region], params, "invocationJobSummaries")


def stop(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Let a job end."""
    job = find_batch(state, params["jobIdentifier"])
    if job.ended is not None:
        raise error("ConflictException", f"The job {job.name} is {job.status}")
    job.status, job.modified = "Stopping", now()
    job.stop.set()
    return {}


def _summary(job: BatchJob) -> dict[str, Any]:
    names = ("jobName", "modelId", "clientRequestToken", "roleArn", "inputDataConfig", "outputDataConfig")
    return {name: job.request.get(name) for name in (*names, "modelInvocationType")} | {
        "jobArn": job.arn,
        "status": job.status,
        "message": job.message,
        "submitTime": job.created,
        "lastModifiedTime": job.modified,
        "endTime": job.ended,
        "totalRecordCount": job.total,
        "processedRecordCount": job.processed,
        "errorRecordCount": job.errors,
    }
