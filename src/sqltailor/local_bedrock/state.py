"""Everything that the local Bedrock holds, with its tags, in memory."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqltailor.local_bedrock.faults import Faults
from sqltailor.local_bedrock.protocol import error
from sqltailor.local_bedrock.resources import (
    BatchJob,
    Deployment,
    Escrow,
    Function,
    ImportedModel,
    ImportJob,
    Job,
    Model,
    Thing,
    TrainingJob,
    now,
)

ACCOUNT = "123456789012"
"""The account that moto's S3, IAM and STS know, too."""


@dataclass
class State:
    """Everything, under one lock. Times of the real service are divided by `speed`."""

    home: Path
    speed: float
    faults: Faults = field(default_factory=Faults)
    jobs: dict[str, Job] = field(default_factory=dict)
    batches: dict[str, BatchJob] = field(default_factory=dict)
    models: dict[str, Model] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    units: dict[str, Deployment] = field(default_factory=dict)
    """Provisioned Throughput, which serves a custom model as a deployment does."""
    bought: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """ARN of units → what they were bought with."""
    imports: dict[str, ImportJob] = field(default_factory=dict)
    imported: dict[str, ImportedModel] = field(default_factory=dict)
    training_jobs: dict[str, TrainingJob] = field(default_factory=dict)
    escrow: dict[str, Escrow] = field(default_factory=dict)
    serving: dict[tuple[str, str], Thing] = field(default_factory=dict)
    """Models, configurations and endpoints of SageMaker, by the parameter that names them and their name."""
    guardrails: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    """Id of a guardrail → version → what it was created with."""
    functions: dict[str, Function] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    lifecycles: dict[str, str] = field(default_factory=dict)
    """Model id → LEGACY, for those that are not ACTIVE any more."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def after(self, seconds: float) -> datetime.datetime:
        """Return the time so many of the real service's seconds from now."""
        return now() + datetime.timedelta(seconds=seconds / self.speed)

    def put_tags(self, arn: str, tags: Sequence[Mapping[str, str]] | None) -> None:
        """Add tags to a resource."""
        self.tags.setdefault(arn, {}).update({tag["key"]: tag["value"] for tag in tags or ()})


def find(items: Mapping[str, Any], identifier: str, what: str) -> Any:
    """Return what an ARN or a name means. Raises `AwsError` when there is no such thing."""
    if identifier in items:
        return items[identifier]
    found = next((item for item in items.values() if item.name == identifier), None)
    if found is None:
        raise error("ResourceNotFoundException", f"There is no {what} {identifier}")
    return found


def made_before(items: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
    """Return what an earlier request with the same token made, or None."""
    token = params.get("clientRequestToken")
    return next((item for item in items.values() if token and item.token == token), None)


Handler = Callable[[State, Mapping[str, Any], str], dict[str, Any]]
"""State, parameters and region → result."""
