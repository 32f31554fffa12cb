"""A customization job, from its request to its metrics, and what a run remembers of it in `job.json`.

`job.json` is written with a token before the job is asked for, and with its ARN after. So after a crash in between, the
same command finds its own job by name and token, and makes no second one.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqltailor.aws.s3 import Place, keys_below, place, read_text
from sqltailor.aws.session import client, code_of, told
from sqltailor.cloud.bedrock.run_names import aws_name
from sqltailor.errors import BackendError, ConfigError
from sqltailor.runs import Run, read_json, write_json_atomic, write_text_atomic

logger = logging.getLogger(__name__)

FIRST_LOOK_S, LOOK_EVERY_S = 1.0, 15.0
ENDED = ("Completed", "Failed", "Stopped")
PHASES = {
    "validationDetails": "checking data",
    "dataProcessingDetails": "preparing data",
    "trainingDetails": "training",
}
STEPS, VALIDATION = "step_wise_training_metrics.csv", "validation_metrics.csv"


@dataclass(frozen=True, slots=True)
class Status:
    """What a job does now."""

    status: str
    phase: str | None
    began: datetime
    failure: str | None = None
    ended: datetime | None = None

    def text(self) -> str:
        """Return the status in a few words."""
        return self.status + (f", {self.phase}" if self.phase and self.status not in ENDED else "")


OnStatus = Callable[[Status], None]


def record(run: Run) -> dict[str, Any]:
    """Return what a run remembers of its job; on the first call a new token, which is written at once."""
    if not run.job.is_file():
        write_json_atomic(run.job, {"backend": "bedrock", "name": aws_name(run.name), "token": uuid.uuid4().hex})
    found: dict[str, Any] = read_json(run.job)
    return found


def submit(bedrock: Any, run: Run, request: Mapping[str, Any]) -> str:
    """Create the job, or find the one that an earlier try created, and return its ARN."""
    from botocore.exceptions import ClientError

    name, token = request["jobName"], request["clientRequestToken"]
    with told(f"create the job {name}"):
        try:
            found = bedrock.get_model_customization_job(jobIdentifier=name)
        except ClientError as e:
            if code_of(e) not in ("ResourceNotFoundException", "ValidationException"):
                raise
            arn = str(bedrock.create_model_customization_job(**request)["jobArn"])
        else:
            if found.get("clientRequestToken") != token:
                raise ConfigError(f"Another job is called {name}. Rename this run: train.name=OTHER")
            arn = str(found["jobArn"])
    write_json_atomic(run.job, record(run) | {"arn": arn})
    return arn


def status_of(found: Mapping[str, Any]) -> Status:
    """Return the status that a response of `get_model_customization_job` tells."""
    details = found.get("statusDetails", {})
    phase = next((words for key, words in PHASES.items() if details.get(key, {}).get("status") == "InProgress"), None)
    return Status(found["status"], phase, found["creationTime"], found.get("failureMessage"), found.get("endTime"))


def wait(bedrock: Any, arn: str, on_status: OnStatus) -> dict[str, Any]:
    """Look at a job until it has ended, and return the last that was seen of it; the service has no waiter."""
    pause = FIRST_LOOK_S
    while True:
        with told(f"look at the job {arn}"):
            found: dict[str, Any] = bedrock.get_model_customization_job(jobIdentifier=arn)
        on_status(status_of(found))
        if found["status"] in ENDED:
            return found
        time.sleep(pause)
        pause = min(pause * 1.5, LOOK_EVERY_S)


def finish(run: Run, on_status: OnStatus) -> dict[str, Any]:
    """Wait for a run's job, bring its metrics into the run, and mark it done; return what `job.json` then holds.

    Raises `BackendError` when the job failed or was stopped: the run then counts as failed, and the same command of
    `train` begins a new one.
    """
    known = record(run)
    if "arn" not in known:
        raise BackendError(f"{run.path} has no job yet: repeat its `sqltailor train` command.")
    found = wait(client("bedrock", known["region"]), known["arn"], on_status)
    ended = found.get("endTime") or found.get("lastModifiedTime")
    known |= {"status": found["status"]}
    if ended is not None:
        known |= {"seconds": round((ended - found["creationTime"]).total_seconds(), 1)}
    if found["status"] != "Completed":
        why = f": {found['failureMessage']}" if found.get("failureMessage") else ""
        write_json_atomic(run.job, known)
        run.mark_failed(f"{found['status']}{why}")
        raise BackendError(f"The job {known['name']} ended as {found['status']}{why}. Train again: sqltailor train")
    known |= {"model_arn": found["outputModelArn"]}
    rows = _metrics(client("s3", known["region"]), place(known["out"]), known["arn"], known["account"])
    if rows:
        write_text_atomic(run.metrics, "".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        logger.warning("the job wrote no metrics (jobs that stop early may not), so there is no loss curve")
    known |= {"losses": _losses(rows)}
    write_json_atomic(run.job, known)
    run.mark_done()
    return known


def _metrics(s3: Any, out: Place, arn: str, account: str) -> list[dict[str, Any]]:
    """Return the job's two files of metrics as lines of metrics.jsonl; they are found by their names' ends."""
    below = out / f"model-customization-job-{arn.rpartition('/')[2]}/"
    rows: list[dict[str, Any]] = []
    for key in keys_below(s3, below, account=account):
        if key.endswith((STEPS, VALIDATION)):
            rows += metrics_rows(read_text(s3, Place(out.bucket, key), account=account))
    return sorted(rows, key=lambda row: (row["step"], "eval_loss" in row))


def metrics_rows(text: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of metrics.jsonl that a file of step-wise metrics says; its steps begin at 0, ours at 1.

    >>> list(metrics_rows("step_number,epoch_number,training_loss,perplexity\\n0,0,1.5,4.48\\n"))
    [{'step': 1, 'loss': 1.5, 'epoch': 0}]
    """
    for row in csv.DictReader(io.StringIO(text)):
        name = "loss" if "training_loss" in row else "eval_loss"
        value = row.get("training_loss") or row.get("validation_loss")
        if value:
            yield {"step": int(row["step_number"]) + 1, name: float(value), "epoch": int(row["epoch_number"])}


def _losses(rows: list[dict[str, Any]]) -> dict[str, Any]:
    losses = [row["loss"] for row in rows if "loss" in row]
    validation = [row["eval_loss"] for row in rows if "eval_loss" in row]
    return {
        "steps": len(losses),
        "train": sum(losses) / len(losses) if losses else None,
        "validation": validation[-1] if validation else None,
    }
