"""What a run's job, model and deployment are called on Bedrock, and where its data lies."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from sqltailor.aws.iam import TAGS, bucket_name, role_arn
from sqltailor.aws.s3 import Place, place
from sqltailor.aws.session import Identity
from sqltailor.recipe import Recipe

LONGEST = 63
RUN_TAG = "sqltailor:run"


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


def tags(run: str) -> list[dict[str, str]]:
    """Return the tags of everything that belongs to a run."""
    return [{"key": key, "value": value} for key, value in (dict(TAGS) | {RUN_TAG: run}).items()]


def tags_of(bedrock: Any, arn: str) -> dict[str, str]:
    """Return the tags of a resource."""
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


def where(recipe: Recipe, who: Identity) -> Where:
    """Return what the recipe says, or else the bucket and the role that `sqltailor aws setup` makes."""
    settings = recipe.train.bedrock
    s3 = place(settings.s3) if settings.s3 else Place(bucket_name(who.account, who.region), "")
    return Where(who, settings.role or role_arn(who.account, who.region), s3)
