"""The jobs that this package created on AWS: list, show, attach to one after a closed laptop, and stop."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from sqltailor.aws.session import DENIED, code_of
from sqltailor.cloud import SERVICES, services
from sqltailor.cloud.cloud_training import finish
from sqltailor.cloud.job_record import ENDED, Listed, OnStatus
from sqltailor.errors import BackendError, ConfigError, DataError
from sqltailor.runs import Run, all_runs, find_run, lock, read_json

logger = logging.getLogger(__name__)

UNKNOWN = ("ResourceNotFoundException", "ValidationException")
"""What the services answer to the name of a job that they do not have."""


def jobs(region: str) -> list[Listed]:
    """Return the jobs in a region that this package created, newest first."""
    found: list[Listed] = []
    for name, service in services().items():
        try:
            found += service.list_jobs(region)
        except BackendError as e:
            if code_of(e.__cause__) not in DENIED:
                raise
            logger.warning("the jobs of %s are left out: %s", name, e)
    return sorted(found, key=lambda job: job.created, reverse=True)


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
    if not run.job.is_file():
        raise ConfigError(f"{run.path} was trained on this machine: it has no job.")
    if not run.is_done:
        with lock(run.path):
            finish(run, on_status)
    return run


def show(reference: str, region: str, root: Path) -> dict[str, Any]:
    """Return what AWS says of a job: by run, job name or ARN."""
    return _looked_up(reference, region, root)[1]


def stop(reference: str, region: str, root: Path) -> str:
    """End a job, and return its name. What it trained is lost; the time until now is not paid back."""
    service, found, where, job = _looked_up(reference, region, root)
    name = str(found.get("jobName") or found["TrainingJobName"])
    status = found.get("status") or found["TrainingJobStatus"]
    if status in ENDED:
        raise ConfigError(f"The job {name} is {status} already.")
    services()[service].stop_job(where, job)
    return name


def _looked_up(reference: str, region: str, root: Path) -> tuple[str, dict[str, Any], str, str]:
    """Return a job's service, what that tells of it, its region, and its name or ARN.

    A run knows all of it; of any other word, the services are asked in turn.
    """
    for run in [Run(Path(reference)), *all_runs(root)]:
        known = read_json(run.job) if run.job.is_file() else {}
        if known.get("arn") and reference in (str(run.path), run.name, known["name"], known["arn"]):
            return _shown(known["backend"].partition("-")[0], known["region"], known["arn"])
    if reference.startswith("arn:"):
        return _shown(reference.split(":")[2], region, reference)
    for service in SERVICES:
        try:
            return _shown(service, region, reference)
        except BackendError as e:
            if code_of(e.__cause__) not in UNKNOWN:
                raise
    raise DataError(f"No job is called '{reference}' in {region}. See: sqltailor jobs list")


def _shown(service: str, region: str, job: str) -> tuple[str, dict[str, Any], str, str]:
    found = dict(services()[service].show_job(region, job))
    found.pop("ResponseMetadata", None)
    return service, found, region, job
