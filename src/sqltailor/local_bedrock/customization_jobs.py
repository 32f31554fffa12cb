"""Customization jobs: created with the service's checks, run in a thread of their own through its phases."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqltailor.aws.bedrock_models import Tunable
from sqltailor.aws.s3 import place
from sqltailor.data.checks.rules import USUAL_MODEL, check_files
from sqltailor.errors import SQLTailorError
from sqltailor.local_bedrock.faults import JOB
from sqltailor.local_bedrock.job_checks import REINFORCEMENT, check_job, grader_of
from sqltailor.local_bedrock.protocol import error, listed, pages
from sqltailor.local_bedrock.resources import Job, Model, new_id, now
from sqltailor.local_bedrock.state import ACCOUNT, Handler, State, find, made_before
from sqltailor.local_bedrock.tuning import Grader, Order, Stopped, Tune, metrics_csv

logger = logging.getLogger(__name__)

VALIDATION_S, PROCESSING_S = 120.0, 60.0
"""About how long the real service takes for what comes before training."""


class Jobs:
    """The operations on jobs. `tune` is what trains; `s3` and `iam` are clients of the same machine."""

    def __init__(self, tune: Tune, s3: Any, iam: Any) -> None:
        self.tune, self.s3, self.iam = tune, s3, iam

    def handlers(self) -> Mapping[str, Handler]:
        """Return the operations by their names."""
        return {
            "CreateModelCustomizationJob": self.create,
            "GetModelCustomizationJob": get_job,
            "ListModelCustomizationJobs": list_jobs,
            "StopModelCustomizationJob": stop_job,
        }

    def create(self, state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
        same = made_before(state.jobs, params)
        if same is not None:
            if same.request != params:
                raise error("ConflictException", "The client request token was used with other parameters")
            return {"jobArn": same.arn}
        base = check_job(state, params, region, s3=self.s3, iam=self.iam)
        arn = f"arn:aws:bedrock:{region}:{ACCOUNT}:model-customization-job/{base.id}/{new_id()}"
        job = state.jobs[arn] = Job(arn, dict(params), region)
        state.put_tags(arn, params.get("jobTags"))
        job.thread = threading.Thread(target=self._run, args=(state, job, base), daemon=True)
        job.thread.start()
        return {"jobArn": arn}

    def _run(self, state: State, job: Job, base: Tunable) -> None:
        folder = state.home / job.arn.rpartition("/")[2]
        try:
            reference = self._phases(state, job, base, folder)
            with state.lock:
                job.model_arn = f"arn:aws:bedrock:{job.region}:{ACCOUNT}:custom-model/{base.id}/{new_id()}"
                state.models[job.model_arn] = Model(
                    job.model_arn, job.request["customModelName"], base.id, job.region, reference, job
                )
                state.put_tags(job.model_arn, job.request.get("customModelTags"))
                self._end(job, "Completed")
        except Stopped:
            self._end(job, "Stopped")
        except SQLTailorError as e:
            job.failure = str(e)[:2048]
            self._end(job, "Failed")
        except Exception:  # a job that never ends would be waited for without end
            logger.exception("the job %s ended by a fault of the local Bedrock", job.name)
            job.failure = "The local Bedrock has a fault: see what it printed"
            self._end(job, "Failed")

    def _end(self, job: Job, status: str) -> None:
        for phase in job.phases.values():
            if phase.status == "InProgress":
                phase.set(status)
        job.status, job.ended, job.modified = status, now(), now()

    def _phases(self, state: State, job: Job, base: Tunable, folder: Path) -> str:
        with _running(job, "validation"):
            train, validation = self._fetch(job, folder)
            _wait(job, VALIDATION_S / state.speed)
            graded = job.request.get("customizationType") == REINFORCEMENT
            form, rules = ("rft", USUAL_MODEL["rft"]) if graded else ("bedrock", base.rules)
            checked = check_files(form, [train], [validation] if validation else [], model=rules)
            found = [violation for violation in checked if violation.level == "error"]
            if found:
                where = f"line {found[0].line}: " if found[0].line else ""
                raise _DataFault(f"{len(found)} errors in the data, the first: {where}{found[0].detail}")
        with _running(job, "dataProcessing"):
            _wait(job, PROCESSING_S / state.speed)
        with _running(job, "training"):
            fault = state.faults.take(JOB)
            if fault is not None:
                raise _DataFault(fault.error)
            hyper = hyperparameters(job)
            function = state.functions.get(grader_of(job.request))
            further = state.models.get(job.request["baseModelIdentifier"])
            tuned = self.tune(
                Order(
                    folder,
                    train,
                    validation,
                    int(hyper.get("epochCount", 2)),
                    int(hyper.get("learningRateWarmupSteps", 10)),
                    job.stop,
                    further.reference if further else None,
                    Grader(function.folder, function.request["Handler"]) if function else None,
                )
            )
            self._write_metrics(job, tuned.steps, tuned.validation)
        return tuned.reference

    def _fetch(self, job: Job, folder: Path) -> tuple[Path, Path | None]:
        folder.mkdir(parents=True, exist_ok=True)
        validators = job.request.get("validationDataConfig", {}).get("validators", ())
        uris = {
            "train": job.request["trainingDataConfig"]["s3Uri"],
            **({"validation": validators[0]["s3Uri"]} if validators else {}),
        }
        paths = {}
        for name, uri in uris.items():
            at = place(uri)
            paths[name] = folder / f"{name}.jsonl"
            paths[name].write_bytes(self.s3.get_object(Bucket=at.bucket, Key=at.key)["Body"].read())
        return paths["train"], paths.get("validation")

    def _write_metrics(
        self, job: Job, steps: Sequence[Mapping[str, float]], validation: Sequence[Mapping[str, float]]
    ) -> None:
        out = place(job.request["outputDataConfig"]["s3Uri"]) / f"model-customization-job-{job.arn.rpartition('/')[2]}"
        files = {
            "training_artifacts/step_wise_training_metrics.csv": ("training_loss", steps),
            "validation_artifacts/post_fine_tuning_validation/validation_metrics.csv": ("validation_loss", validation),
        }
        for name, (column, rows) in files.items():
            if not rows:
                continue
            at = out / name
            self.s3.put_object(Bucket=at.bucket, Key=at.key, Body=metrics_csv(column, rows).encode())
        job.training_loss = steps[-1]["loss"] if steps else None
        job.validation_loss = validation[-1]["loss"] if validation else None


def get_job(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a job."""
    job = find(state.jobs, params["jobIdentifier"], "job")
    request = job.request
    return _summary(job) | {
        "outputModelName": request["customModelName"],
        "outputModelArn": job.model_arn,
        "clientRequestToken": job.token,
        "roleArn": request["roleArn"],
        "failureMessage": job.failure,
        "hyperParameters": request.get("hyperParameters", {}),
        "customizationConfig": request.get("customizationConfig"),
        "trainingDataConfig": request["trainingDataConfig"],
        "validationDataConfig": request.get("validationDataConfig", {"validators": []}),
        "outputDataConfig": request["outputDataConfig"],
        "trainingMetrics": None if job.training_loss is None else {"trainingLoss": job.training_loss},
        "validationMetrics": [] if job.validation_loss is None else [{"validationLoss": job.validation_loss}],
    }


def list_jobs(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a page of the jobs in a region."""
    found = [
        _summary(job) | {"customModelName": job.request["customModelName"], "customModelArn": job.model_arn}
        for job in listed(state.jobs, params, statusEquals="status")
        if job.region == region
    ]
    return pages(found, params, "modelCustomizationJobSummaries")


def stop_job(state: State, params: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Let a job stop."""
    job = find(state.jobs, params["jobIdentifier"], "job")
    if job.status not in ("InProgress", "Stopping"):
        raise error("ConflictException", f"The job {job.name} is {job.status}")
    job.status, job.modified = "Stopping", now()
    job.stop.set()
    return {}


class _DataFault(SQLTailorError):
    """Something that makes the job fail, in the words of its failureMessage."""


@contextlib.contextmanager
def _running(job: Job, name: str) -> Iterator[None]:
    """Let a phase be InProgress while the block runs, and Completed or Failed after it."""
    phase = job.phases[name]
    phase.set("InProgress")
    try:
        yield
    except Stopped:
        raise
    except Exception:
        phase.set("Failed")
        raise
    phase.set("Completed")


def _wait(job: Job, seconds: float) -> None:
    if job.stop.wait(seconds):
        raise Stopped


def hyperparameters(job: Job) -> Mapping[str, Any]:
    """Return the hyperparameters of a job: numbers for reinforcement, else text."""
    graded = job.request.get("customizationConfig", {}).get("rftConfig", {})
    found: Mapping[str, Any] = graded.get("hyperParameters") or job.request.get("hyperParameters", {})
    return found


def _summary(job: Job) -> dict[str, Any]:
    base = job.arn.split("/")[1]
    details = {
        f"{name}Details": {"status": p.status, "creationTime": p.created, "lastModifiedTime": p.modified}
        for name, p in job.phases.items()
    }
    return {
        "jobArn": job.arn,
        "jobName": job.name,
        "baseModelArn": f"arn:aws:bedrock:{job.region}::foundation-model/{base}",
        "status": job.status,
        "statusDetails": details,
        "creationTime": job.created,
        "lastModifiedTime": job.modified,
        "endTime": job.ended,
        "customizationType": job.request.get("customizationType", "FINE_TUNING"),
    }
