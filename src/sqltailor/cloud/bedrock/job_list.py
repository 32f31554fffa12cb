"""The jobs that this package created: list, show, attach to one after a closed laptop, and stop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqltailor.aws.session import client, told
from sqltailor.cloud.bedrock.job import ENDED, OnStatus, finish
from sqltailor.cloud.bedrock.run_names import RUN_TAG, tags_of
from sqltailor.errors import ConfigError, DataError
from sqltailor.runs import Run, all_runs, find_run, lock, read_json


@dataclass(frozen=True, slots=True)
class Listed:
    """A job as `jobs list` shows it."""

    name: str
    run: str
    status: str
    created: str
    arn: str


def jobs(region: str) -> list[Listed]:
    """Return the jobs in a region that this package created, newest first."""
    bedrock = client("bedrock", region)
    found = []
    with told("list the jobs"):
        pages = bedrock.get_paginator("list_model_customization_jobs").paginate(sortBy="CreationTime")
        summaries = [job for page in pages for job in page["modelCustomizationJobSummaries"]]
        for job in summaries:
            tags = tags_of(bedrock, job["jobArn"])
            if RUN_TAG in tags:
                made = job["creationTime"].isoformat(timespec="seconds")
                found.append(Listed(job["jobName"], tags[RUN_TAG], job["status"], made, job["jobArn"]))
    return found


def run_of_job(root: Path, reference: str | None) -> Run:
    """Return the run that a name, a path or an ARN means; by default the newest whose job has not been waited for."""
    waiting = [run for run in all_runs(root) if run.job.is_file() and not run.is_done and not run.has_failed]
    if reference is None:
        if not waiting:
            raise DataError(f"No run in {root} is waiting for a job. Name one: sqltailor jobs list")
        return waiting[0]
    for run in all_runs(root):
        if run.job.is_file() and reference in (run.name, read_json(run.job)["name"], read_json(run.job).get("arn")):
            return run
    return find_run(root, reference)


def attach(root: Path, reference: str | None, on_status: OnStatus) -> Run:
    """Wait for a run's job, as `train` does."""
    run = run_of_job(root, reference)
    if not run.is_done:
        with lock(run):
            finish(run, on_status)
    return run


def show(reference: str, region: str, root: Path) -> dict[str, Any]:
    """Return what AWS says of a job: by run, job name or ARN."""
    bedrock, arn = _job(reference, region, root)
    with told(f"look at the job {reference}"):
        found: dict[str, Any] = bedrock.get_model_customization_job(jobIdentifier=arn)
    found.pop("ResponseMetadata", None)
    return found


def stop(reference: str, region: str, root: Path) -> str:
    """End a job, and return its name. What it trained is lost; the time until now is not paid back."""
    found = show(reference, region, root)
    if found["status"] in ENDED:
        raise ConfigError(f"The job {found['jobName']} is {found['status']} already.")
    bedrock, arn = _job(reference, region, root)
    with told(f"stop the job {reference}"):
        bedrock.stop_model_customization_job(jobIdentifier=arn)
    return str(found["jobName"])


def _job(reference: str, region: str, root: Path) -> tuple[Any, str]:
    """Return a client and the ARN or name of a job: a run knows both, any other word is AWS's to know."""
    for run in [Run(Path(reference)), *all_runs(root)]:
        known = read_json(run.job) if run.job.is_file() else {}
        if known.get("arn") and reference in (str(run.path), run.name, known["name"], known["arn"]):
            return client("bedrock", known["region"]), known["arn"]
    return client("bedrock", region), reference
