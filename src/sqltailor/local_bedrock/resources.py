"""What the local Bedrock holds, one kind each: jobs, models, deployments, functions, and things of SageMaker."""

from __future__ import annotations

import datetime
import secrets
import string
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def now() -> datetime.datetime:
    """Return the time, in UTC."""
    return datetime.datetime.now(datetime.UTC)


def new_id() -> str:
    """Return twelve letters and digits, as the service's ids are."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(12))


@dataclass
class Phase:
    """A part of a job."""

    status: str = "NotStarted"
    created: datetime.datetime = field(default_factory=now)
    modified: datetime.datetime = field(default_factory=now)

    def set(self, status: str) -> None:
        self.status, self.modified = status, now()


class Requested:
    """What has the name and the token of the request that created it."""

    request: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.request["jobName"])

    @property
    def token(self) -> str | None:
        return self.request.get("clientRequestToken")


@dataclass
class Job(Requested):
    """A customization job. `request` is what it was created with."""

    arn: str
    request: Mapping[str, Any]
    region: str
    status: str = "InProgress"
    created: datetime.datetime = field(default_factory=now)
    modified: datetime.datetime = field(default_factory=now)
    ended: datetime.datetime | None = None
    failure: str | None = None
    model_arn: str | None = None
    training_loss: float | None = None
    validation_loss: float | None = None
    phases: dict[str, Phase] = field(
        default_factory=lambda: {name: Phase() for name in ("validation", "dataProcessing", "training")}
    )
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


@dataclass
class Model:
    """A custom model. `reference` is what answers for it on this machine; it is Active from `ready` on.

    `job` is None for what Bedrock took over from SageMaker, which has a `token` and a failure, maybe.
    """

    arn: str
    name: str
    base_id: str
    region: str
    reference: str
    job: Job | None = None
    ready: datetime.datetime = field(default_factory=now)
    token: str | None = None
    failure: str | None = None
    created: datetime.datetime = field(default_factory=now)

    @property
    def status(self) -> str:
        return "Failed" if self.failure else "Active" if now() >= self.ready else "Creating"


@dataclass
class Deployment:
    """A deployment on demand. It is Active from `ready` on."""

    arn: str
    name: str
    model_arn: str
    token: str | None
    ready: datetime.datetime
    description: str | None = None
    created: datetime.datetime = field(default_factory=now)
    updated: datetime.datetime | None = None
    failure: str | None = None
    next_model_arn: str | None = None
    next_ready: datetime.datetime | None = None

    @property
    def status(self) -> str:
        return "Failed" if self.failure else "Active" if now() >= self.ready else "Creating"

    def settle(self) -> None:
        """Let an update that is due take effect."""
        if self.next_model_arn and self.next_ready and now() >= self.next_ready:
            self.model_arn, self.next_ready = self.next_model_arn, None


@dataclass
class BatchJob(Requested):
    """A batch inference job. `request` is what it was created with."""

    arn: str
    request: Mapping[str, Any]
    region: str
    status: str = "Submitted"
    message: str | None = None
    total: int = 0
    processed: int = 0
    errors: int = 0
    created: datetime.datetime = field(default_factory=now)
    modified: datetime.datetime = field(default_factory=now)
    ended: datetime.datetime | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None


@dataclass
class ImportJob(Requested):
    """An import of weights: done, or failed, from `ready` on. `folder` has the copy of the weights."""

    arn: str
    request: Mapping[str, Any]
    region: str
    ready: datetime.datetime
    created: datetime.datetime = field(default_factory=now)
    failure: str | None = None
    folder: Path | None = None
    model_arn: str | None = None

    @property
    def status(self) -> str:
        return "InProgress" if now() < self.ready else "Failed" if self.failure else "Completed"


@dataclass
class ImportedModel:
    """What an import made."""

    arn: str
    job: ImportJob
    folder: Path
    created: datetime.datetime = field(default_factory=now)

    @property
    def name(self) -> str:
        return str(self.job.request["importedModelName"])


@dataclass
class TrainingJob:
    """A training job of SageMaker. `transitions` holds the secondary statuses, the newest last."""

    name: str
    arn: str
    request: Mapping[str, Any]
    region: str
    status: str = "InProgress"
    transitions: list[tuple[str, datetime.datetime]] = field(default_factory=list)
    created: datetime.datetime = field(default_factory=now)
    started: datetime.datetime | None = None
    ended: datetime.datetime | None = None
    failure: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    billable_s: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    @property
    def secondary(self) -> str:
        return self.transitions[-1][0] if self.transitions else "Starting"

    def enter(self, secondary: str) -> None:
        """Begin a part of the job."""
        self.transitions.append((secondary, now()))


@dataclass(frozen=True)
class Escrow:
    """The weights of a Nova that SageMaker tuned, in AWS's own bucket: what they were, and what answers for them."""

    base_id: str
    reference: str


@dataclass
class Thing:
    """A model, a configuration or an endpoint: what it was created with. An endpoint is in service from `ready` on."""

    name: str
    arn: str
    request: dict[str, Any]
    ready: datetime.datetime = field(default_factory=now)
    created: datetime.datetime = field(default_factory=now)
    failure: str | None = None
    updating: bool = False

    @property
    def status(self) -> str:
        waits = "Updating" if self.updating else "Creating"
        return "Failed" if self.failure else "InService" if now() >= self.ready else waits


@dataclass
class Function:
    """A function of Lambda: what it was created with, its `Code` as a size, and the folder of its unpacked package."""

    arn: str
    request: Mapping[str, Any]
    folder: Path
    ready: datetime.datetime
