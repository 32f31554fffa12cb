"""What a run's jobs, models and endpoints are called on AWS, how they are tagged, and where their data lies."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from sqltailor.aws.policies import TAGS, bucket_name, role_arn
from sqltailor.aws.s3 import Place, place
from sqltailor.aws.session import Identity
from sqltailor.recipe import Train

LONGEST = 63
RUN_TAG = "sqltailor:run"
TOKEN_TAG = "sqltailor:token"
"""By this tag a run finds its own job again where the service keeps no token."""


def aws_name(name: str) -> str:
    """Return a name that jobs, models and deployments may all have: letters, digits and single hyphens, at most 63.

    >>> aws_name("my_shop--v1.2")
    'my-shop-v1-2'
    """
    plain = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "run"
    if len(plain) <= LONGEST:
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{plain[: LONGEST - 9].rstrip('-')}-{digest}"


def run_tags(run: str) -> dict[str, str]:
    """Return the tags of everything that belongs to a run."""
    return dict(TAGS) | {RUN_TAG: run}


def tags(run: str) -> list[dict[str, str]]:
    """Return the tags of a run as Bedrock writes them; SageMaker's are `tags_in_capitals`."""
    return [{"key": key, "value": value} for key, value in run_tags(run).items()]


def tags_in_capitals(run: str, token: str) -> list[dict[str, str]]:
    """Return the tags of a run as SageMaker writes them, and the token by which the run finds its own things again."""
    return [{"Key": key, "Value": value} for key, value in (run_tags(run) | {TOKEN_TAG: token}).items()]


def tags_of(bedrock: Any, arn: str) -> dict[str, str]:
    """Return the tags of a resource of Bedrock."""
    found = bedrock.list_tags_for_resource(resourceARN=arn)["tags"]
    return {tag["key"]: tag["value"] for tag in found}


@dataclass(frozen=True, slots=True)
class Where:
    """Account, region, role and place in S3 that a recipe's jobs use."""

    who: Identity
    role: str
    s3: Place

    @property
    def region(self) -> str:
        return self.who.region

    @property
    def account(self) -> str:
        return self.who.account


def where(train: Train, who: Identity) -> Where:
    """Return what the recipe says, or else the bucket and the role that `sqltailor aws setup` makes."""
    settings, service = train.aws, train.aws_service
    s3 = place(settings.s3) if settings.s3 else Place(bucket_name(who.account, who.region), "")
    return Where(who, settings.role or role_arn(who.account, who.region, service), s3)
