"""What tuning on Bedrock will do and cost, found out before anything is uploaded or created."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqltailor.aws.bedrock_models import QUOTAS, Tunable, tunable
from sqltailor.aws.iam import check_role
from sqltailor.aws.session import client, code_of, identity, told
from sqltailor.cloud.bedrock.material import Material
from sqltailor.cloud.bedrock.run_names import Where, where
from sqltailor.cloud.cost import CostRow, price_book, storage_cost, training_cost
from sqltailor.errors import BackendError, ConfigError, counted
from sqltailor.recipe import Recipe, Resolved

logger = logging.getLogger(__name__)

NEW_ROLE_S = 120
"""A role younger than this may not be known everywhere yet."""
HYPERPARAMETERS = {
    "epochCount": ("epochs", "{:.0f}"),
    "learningRate": ("learning_rate", "{:.10f}"),
    "learningRateWarmupSteps": ("warmup_steps", "{:.0f}"),
}
"""Hyperparameter of the service → key below `train`, and how it is written: always as text."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What was found out about the account, the region and the model."""

    where: Where
    base: Tunable
    role_age_s: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BedrockPlan:
    """What `train` would do: the shape of `train --dry-run --json` for Bedrock, and the text that is confirmed."""

    preflight: Preflight
    material: Material
    hyperparameters: Mapping[str, str]
    rows: Sequence[CostRow]

    @property
    def usd(self) -> float | None:
        """What the job costs, once; None where no trustworthy source gives the price."""
        return self.rows[0].usd

    def text(self) -> str:
        """Return the plan in a few lines."""
        place, material = self.preflight.where, self.material
        validation = f", {counted(material.validation_examples, 'example')} to validate" if material.validation else ""
        left_out = f"; {material.left_out:,} skipped" if material.left_out else ""
        lines = [
            f"account:  {place.account}, as {place.who.arn}",
            f"model:    {self.preflight.base.id} in {place.region}, "
            + ", ".join(f"{name} {value}" for name, value in self.hyperparameters.items()),
            f"data:     {counted(material.examples, 'example')}, about {material.tokens:,} tokens{validation}"
            + left_out,
            f"goes to:  {place.s3}, read by {place.role}",
            *(f"cost:     {row.what}: {money(row.usd)}: {row.basis}" for row in self.rows),
            *(f"note:     {note}" for note in self.preflight.notes),
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        place, material = self.preflight.where, self.material
        return {
            "account": place.account,
            "region": place.region,
            "base": self.preflight.base.id,
            "role": place.role,
            "s3": str(place.s3),
            "examples": material.examples,
            "validation_examples": material.validation_examples,
            "left_out": material.left_out,
            "tokens": material.tokens,
            "hyperparameters": dict(self.hyperparameters),
            "usd": self.usd,
            "notes": list(self.preflight.notes),
        }


def money(usd: float | None) -> str:
    """Return dollars as a plan shows them.

    >>> money(8.0), money(0.00123), money(None)
    ('$8.00', '$0.0012', 'not known')
    """
    if usd is None:
        return "not known"
    return f"${usd:,.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.4f}"


def base_of(recipe: Recipe) -> Tunable:
    """Return the model that a recipe tunes on Bedrock. Raises `ConfigError` for one that cannot be tuned here."""
    base, region = tunable(recipe.base), recipe.train.bedrock.region
    if base is None:
        raise ConfigError(f"Bedrock does not tune '{recipe.base}'. It tunes amazon.nova-micro-v1:0:128k and its like.")
    if base.ended:
        raise ConfigError(f"{base.id} is at its end of life since {base.ended}. Tune amazon.nova-micro-v1:0:128k.")
    if not base.rules.startswith("nova"):
        raise ConfigError(f"Tuning {base.id} is not built yet. Tune amazon.nova-micro-v1:0:128k.")
    if region not in base.tuned_in:
        raise ConfigError(f"train.bedrock.region is {region}; {base.id} is tuned in {', '.join(base.tuned_in)}.")
    return base


def hyperparameters(resolved: Resolved) -> dict[str, str]:
    """Return what is sent of the recipe; `batchSize`, which AWS does not document, only where the user set it."""
    train = resolved.recipe.train
    found = {name: form.format(getattr(train, key)) for name, (key, form) in HYPERPARAMETERS.items()}
    found["learningRate"] = found["learningRate"].rstrip("0")
    if not resolved.origins["train.batch"].startswith("default"):
        found["batchSize"] = str(train.batch)
    return found


def look(recipe: Recipe) -> Preflight:
    """Ask AWS whether the job can run: credentials, model, role, bucket, quotas. Nothing is created."""
    base, region = base_of(recipe), recipe.train.bedrock.region
    place = where(recipe, identity(region))
    bedrock = client("bedrock", region)
    notes = [*_lifecycle(bedrock, base, region), *_quotas(bedrock)]
    _bucket(place)
    age = check_role(client("iam", region), place.role)
    if age is None:
        notes.append(f"could not check the role {place.role}: iam:GetRole is not allowed")
    return Preflight(place, base, age, tuple(notes))


def _lifecycle(bedrock: Any, base: Tunable, region: str) -> list[str]:
    from botocore.exceptions import ClientError

    with told(f"look up {base.id}"):
        try:
            details = bedrock.get_foundation_model(modelIdentifier=base.id)["modelDetails"]
        except ClientError as e:
            if code_of(e) != "ResourceNotFoundException":
                raise
            raise BackendError(
                f"Bedrock has no {base.id} in {region}. It is tuned in {', '.join(base.tuned_in)}."
            ) from e
    lifecycle = details.get("modelLifecycle", {})
    if lifecycle.get("status") == "LEGACY":
        ends = lifecycle.get("endOfLifeTime")
        when = f", its end of life is {ends:%Y-%m-%d}" if ends else ""
        raise BackendError(f"{base.id} is a legacy model in {region}{when}: it accepts no new tuning jobs.")
    offered = details.get("customizationsSupported") or ["FINE_TUNING"]
    if "FINE_TUNING" not in offered:
        raise BackendError(f"{base.id} takes no fine-tuning in {region}; it offers {', '.join(offered)}.")
    return [] if region in base.on_demand_in else [f"{base.id} cannot be deployed on demand in {region}"]


def _quotas(bedrock: Any) -> list[str]:
    with told("count jobs and models"):
        running = bedrock.list_model_customization_jobs(statusEquals="InProgress")["modelCustomizationJobSummaries"]
        models = bedrock.list_custom_models(isOwned=True, maxResults=1000)["modelSummaries"]
    notes = []
    for what, count in (("scheduled customization jobs", len(running)), ("custom models", len(models))):
        if count >= QUOTAS[what]:
            notes.append(f"the account has {count} {what}; the default quota is {QUOTAS[what]}")
    return notes


def _bucket(place: Where) -> None:
    from botocore.exceptions import ClientError

    bucket = place.s3.bucket
    with told(f"look at the bucket {bucket}"):
        try:
            found = client("s3", place.region).head_bucket(Bucket=bucket, ExpectedBucketOwner=place.account)
        except ClientError as e:
            if code_of(e) not in ("404", "NoSuchBucket"):
                raise
            raise BackendError(
                f"There is no bucket {bucket}. `sqltailor aws setup --apply` creates it and the role."
            ) from e
    there = found.get("BucketRegion", place.region)
    if there != place.region:
        raise ConfigError(
            f"The bucket {bucket} is in {there}; the job runs in {place.region} and needs a bucket there."
        )


def costs(recipe: Recipe, base: Tunable, tokens: int) -> list[CostRow]:
    """Return what the job costs once, and what keeping its model costs a month."""
    prices = price_book().model(base.id)
    if prices is None:
        return [CostRow("training", None, f"no price for {base.id} in the price book", "price book", None)]
    return [training_cost(prices, tokens=tokens, epochs=recipe.train.epochs), storage_cost()]


def check_budget(usd: float | None, max_usd: float | None, what: str) -> None:
    """Raise `ConfigError` when something costs more than is allowed, or nobody knows what it costs."""
    if max_usd is None:
        return
    if usd is None:
        raise ConfigError(f"--max-usd {max_usd:g} cannot be enforced: the price of {what} is not in the price book.")
    if usd > max_usd:
        raise ConfigError(f"{what} costs {money(usd)}, above --max-usd {max_usd:g}.")
