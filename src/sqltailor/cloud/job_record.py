"""What a run remembers of its job in `job.json`, and how a job is waited for, whatever service runs it.

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
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqltailor.cloud.run_names import aws_name
from sqltailor.errors import BackendError
from sqltailor.runs import Run, read_json, write_json_atomic, write_text_atomic

logger = logging.getLogger(__name__)

FIRST_LOOK_S, LOOK_EVERY_S = 1.0, 15.0
ENDED = ("Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired", "Deleting")
REWARD = "critic/rewards/mean"
"""The mean reward of a step, as Bedrock's user guide calls it (rft-submit-job); its column is undocumented."""
Found = Mapping[str, Any]
"""What a service tells of a job."""


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


class Pauses:
    """The times between one look at something and the next: short at first."""

    def __init__(self) -> None:
        self._pause_s = FIRST_LOOK_S

    def rest(self) -> None:
        """Wait for the next look."""
        time.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 1.5, LOOK_EVERY_S)


@dataclass(frozen=True, slots=True)
class Listed:
    """A job as `jobs list` shows it."""

    name: str
    run: str
    status: str
    created: str
    arn: str


def record(run: Run, route: str) -> dict[str, Any]:
    """Return what a run remembers of its job; on the first call a new token, which is written at once."""
    if not run.job.is_file():
        write_json_atomic(run.job, {"backend": route, "name": aws_name(run.name), "token": uuid.uuid4().hex})
    found: dict[str, Any] = read_json(run.job)
    return found


def known_job(run: Run) -> dict[str, Any]:
    """Return what a run remembers of a job that exists. Raises `BackendError` when it has none yet."""
    known = read_json(run.job) if run.job.is_file() else {}
    if "arn" not in known:
        raise BackendError(f"{run.path} has no job yet: repeat its `sqltailor train` command.")
    return known


def remember(run: Run, **facts: Any) -> dict[str, Any]:
    """Add facts to what a run remembers of its job, and return all of it."""
    known: dict[str, Any] = read_json(run.job) | facts
    write_json_atomic(run.job, known)
    return known


def wait(look: Callable[[], Found], status_of: Callable[[Found], Status], on_status: OnStatus) -> Found:
    """Look at a job until it has ended, and return the last that was seen of it; the services have no waiter."""
    pauses = Pauses()
    while True:
        found = look()
        status = status_of(found)
        on_status(status)
        if status.status in ENDED:
            return found
        pauses.rest()


def note_end(run: Run, status: Status) -> dict[str, Any]:
    """Write down how a job ended, and return what the run then remembers.

    Raises `BackendError` when it failed or was stopped: the run then counts as failed, and the same command of `train`
    begins a new one.
    """
    seconds = {} if status.ended is None else {"seconds": round((status.ended - status.began).total_seconds(), 1)}
    known = remember(run, status=status.status, **seconds)
    if status.status != "Completed":
        why = f": {status.failure}" if status.failure else ""
        run.mark_failed(f"{status.status}{why}")
        raise BackendError(f"The job {known['name']} ended as {status.status}{why}. Train again: sqltailor train")
    return known


def keep_metrics(run: Run, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Write a job's metrics into its run, and return what they come to."""
    ordered = sorted(rows, key=lambda row: (row["step"], "eval_loss" in row))
    if ordered:
        write_text_atomic(run.metrics, "".join(f"{json.dumps(row)}\n" for row in ordered))
    else:
        logger.warning("the job wrote no metrics (jobs that stop early may not), so there is no loss curve")
    losses = [row["loss"] for row in ordered if "loss" in row]
    validation = [row["eval_loss"] for row in ordered if "eval_loss" in row]
    return {
        "steps": len(losses),
        "train": sum(losses) / len(losses) if losses else None,
        "validation": validation[-1] if validation else None,
    }


def metrics_rows(text: str) -> Iterator[dict[str, Any]]:
    r"""Yield the lines of metrics.jsonl that one of AWS's two CSV files holds; its steps begin at 0.

    >>> list(metrics_rows("step_number,epoch_number,training_loss,perplexity\n0,0,1.5,4.48\n"))
    [{'step': 1, 'loss': 1.5, 'epoch': 0}]
    """
    for row in csv.DictReader(io.StringIO(text)):
        name = "loss" if "training_loss" in row else "eval_loss"
        value = row.get("training_loss") or row.get("validation_loss")
        if value:
            earned = {"reward": float(row[REWARD])} if row.get(REWARD) else {}
            yield {"step": int(row["step_number"]) + 1, name: float(value), "epoch": int(row["epoch_number"]), **earned}
