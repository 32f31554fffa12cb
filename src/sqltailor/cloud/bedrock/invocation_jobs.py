"""Batch inference jobs of Bedrock: created once, looked at, listed, stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqltailor.aws.session import client, told
from sqltailor.cloud.job_record import Found, Listed, Status
from sqltailor.cloud.run_names import RUN_TAG, tags_of
from sqltailor.errors import ConfigError

KIND = ":model-invocation-job/"
"""What the ARN of such a job has in it."""


def submit_batch(bedrock: Any, request: Mapping[str, Any]) -> str:
    """Create the job, or find the one that an earlier try created, and return its ARN."""
    name, token = request["jobName"], request["clientRequestToken"]
    with told(f"create the job {name}"):
        for job in bedrock.list_model_invocation_jobs(nameContains=name)["invocationJobSummaries"]:
            if job["jobName"] == name:
                if job.get("clientRequestToken") != token:
                    raise ConfigError(f"Another job is called {name}: repeat the command in another folder.")
                return str(job["jobArn"])
        return str(bedrock.create_model_invocation_job(**request)["jobArn"])


def get_batch(bedrock: Any, arn: str) -> Found:
    """Return what Bedrock tells of a job."""
    with told(f"look at the job {arn}"):
        found: dict[str, Any] = bedrock.get_model_invocation_job(jobIdentifier=arn)
    return found


def status_of_batch(found: Found) -> Status:
    """Return the status that a response of `get_model_invocation_job` tells, with how much is done."""
    done, total = found.get("processedRecordCount"), found.get("totalRecordCount")
    phase = f"{done:,} of {total:,}" if total and done is not None else None
    return Status(found["status"], phase, found["submitTime"], found.get("message"), found.get("endTime"))


def list_batches(region: str) -> Iterator[Listed]:
    """Yield the jobs in a region that this package created, newest first."""
    bedrock = client("bedrock", region)
    with told("list the batch inference jobs of Bedrock"):
        pages = bedrock.get_paginator("list_model_invocation_jobs").paginate(sortBy="CreationTime")
        for job in (job for page in pages for job in page["invocationJobSummaries"]):
            run = tags_of(bedrock, job["jobArn"]).get(RUN_TAG)
            if run is not None:
                made = job["submitTime"].isoformat(timespec="seconds")
                yield Listed(job["jobName"], run, job["status"], made, job["jobArn"])


def stop_batch(region: str, arn: str) -> None:
    """Stop a job; what it has answered by then is paid."""
    with told(f"stop the job {arn}"):
        client("bedrock", region).stop_model_invocation_job(jobIdentifier=arn)
