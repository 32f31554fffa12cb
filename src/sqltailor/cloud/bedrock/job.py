"""Customization jobs of Bedrock: created once, looked at, listed, stopped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqltailor.aws.session import client, found_or_none, told
from sqltailor.cloud.bedrock.invocation_jobs import KIND, get_batch, list_batches, stop_batch
from sqltailor.cloud.job_record import Found, Listed, Status, remember
from sqltailor.cloud.run_names import RUN_TAG, tags_of
from sqltailor.errors import ConfigError
from sqltailor.runs import Run

PHASES = {
    "validationDetails": "checking data",
    "dataProcessingDetails": "preparing data",
    "trainingDetails": "training",
}


def submit(bedrock: Any, run: Run, request: Mapping[str, Any]) -> None:
    """Create the job, or find the one that an earlier try created, and remember its ARN."""
    name, token = request["jobName"], request["clientRequestToken"]
    with told(f"create the job {name}"):
        found = found_or_none(bedrock.get_model_customization_job, jobIdentifier=name)
        if found is None:
            found = bedrock.create_model_customization_job(**request)
        elif found.get("clientRequestToken") != token:
            raise ConfigError(f"Another job is called {name}. Rename this run: train.name=OTHER")
    remember(run, arn=str(found["jobArn"]))


def get(bedrock: Any, job: str) -> Found:
    """Return what Bedrock tells of a job."""
    with told(f"look at the job {job}"):
        found: dict[str, Any] = bedrock.get_model_customization_job(jobIdentifier=job)
    return found


def status_of(found: Found) -> Status:
    """Return the status that a response of `get_model_customization_job` tells."""
    details = found.get("statusDetails", {})
    phase = next((words for key, words in PHASES.items() if details.get(key, {}).get("status") == "InProgress"), None)
    ended = found.get("endTime") or found.get("lastModifiedTime")
    return Status(found["status"], phase, found["creationTime"], found.get("failureMessage"), ended)


def list_jobs(region: str) -> Iterator[Listed]:
    """Yield the jobs in a region that this package created: those of tuning, then those of batch inference."""
    bedrock = client("bedrock", region)
    with told("list the jobs of Bedrock"):
        pages = bedrock.get_paginator("list_model_customization_jobs").paginate(sortBy="CreationTime")
        for job in (job for page in pages for job in page["modelCustomizationJobSummaries"]):
            run = tags_of(bedrock, job["jobArn"]).get(RUN_TAG)
            if run is not None:
                made = job["creationTime"].isoformat(timespec="seconds")
                yield Listed(job["jobName"], run, job["status"], made, job["jobArn"])
    yield from list_batches(region)


def show_job(region: str, job: str) -> Found:
    """Return what Bedrock tells of a job: by its name or its ARN."""
    bedrock = client("bedrock", region)
    return get_batch(bedrock, job) if KIND in job else get(bedrock, job)


def stop_job(region: str, job: str) -> None:
    """Stop a job."""
    if KIND in job:
        stop_batch(region, job)
        return
    with told(f"stop the job {job}"):
        client("bedrock", region).stop_model_customization_job(jobIdentifier=job)
