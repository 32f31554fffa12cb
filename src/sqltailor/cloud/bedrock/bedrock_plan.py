"""What tuning on Bedrock will do and cost, found out before anything is uploaded or created."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqltailor.aws.bedrock_models import QUOTAS, Tunable, tunable
from sqltailor.aws.session import client, code_of, identity, told
from sqltailor.cloud.account_checks import Account, look_at_account
from sqltailor.cloud.cost import CostRow, reinforcement_cost, storage_cost, training_cost
from sqltailor.cloud.price_book import price_book
from sqltailor.errors import BackendError, ConfigError
from sqltailor.recipe import Recipe, Resolved
from sqltailor.recipe.limits import ignored

HYPERPARAMETERS = {
    "epochCount": ("epochs", "{:.0f}"),
    "learningRate": ("learning_rate", "{:.10f}"),
    "learningRateWarmupSteps": ("warmup_steps", "{:.0f}"),
}
"""Hyperparameter of the service → key below `train`, and how it is written: always as text."""


def base_of(recipe: Recipe) -> Tunable:
    """Return the model that a recipe tunes on Bedrock. Raises `ConfigError` for one that cannot be tuned here."""
    base, region = tunable(recipe.base), recipe.train.bedrock.region
    if base is None:
        raise ConfigError(f"Bedrock does not tune '{recipe.base}'. It tunes amazon.nova-micro-v1:0:128k and its like.")
    if base.ended:
        raise ConfigError(f"{base.id} is at its end of life since {base.ended}. Tune amazon.nova-micro-v1:0:128k.")
    if not base.learns_conversations:
        raise ConfigError(
            f"{base.id} is tuned on prompts and completions, not on the conversations by which it is asked here. Tune "
            "meta.llama3-2-3b-instruct-v1:0:128k, or start a job of your own: `sqltailor data export --format "
            "prompt-completion` writes its file."
        )
    if region not in base.tuned_in:
        raise ConfigError(f"train.bedrock.region is {region}; {base.id} is tuned in {', '.join(base.tuned_in)}.")
    return base


def hyperparameters(resolved: Resolved) -> dict[str, str]:
    """Return what is sent of the recipe; `batchSize`, which AWS does not document, only where the user set it."""
    train = resolved.recipe.train
    unknown = ignored(train, resolved.recipe.base)
    kept = {name: how for name, how in HYPERPARAMETERS.items() if how[0] not in unknown}
    found = {name: form.format(getattr(train, key)) for name, (key, form) in kept.items()}
    found["learningRate"] = found["learningRate"].rstrip("0")
    if not resolved.origins["train.batch"].startswith("default"):
        found["batchSize"] = str(train.batch)
    return found


def look(recipe: Recipe) -> Account:
    """Ask AWS whether the job can run: credentials, model, role, bucket, quotas. Nothing is created."""
    base, region = base_of(recipe), recipe.train.bedrock.region
    identity(region)  # without credentials, that is what is wrong
    bedrock = client("bedrock", region)
    reinforced = recipe.train.method == "grpo"
    notes = [
        *_lifecycle(bedrock, base, region, reinforced), *_quotas(bedrock), *_goes_on(bedrock, recipe, base)
    ]  # fmt: skip
    account = look_at_account(recipe.train)
    return replace(account, notes=(*notes, *account.notes))


def _lifecycle(bedrock: Any, base: Tunable, region: str, reinforced: bool) -> list[str]:
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
    if "FINE_TUNING" not in offered and not reinforced:  # which is not among what this list may hold
        raise BackendError(f"{base.id} takes no fine-tuning in {region}; it offers {', '.join(offered)}.")
    return [] if region in base.on_demand_in else [f"{base.id} cannot be deployed on demand in {region}"]


def _goes_on(bedrock: Any, recipe: Recipe, base: Tunable) -> list[str]:
    """Return a note of the custom model that is tuned further. Raises `BackendError` for one that cannot be."""
    from botocore.exceptions import ClientError

    arn = recipe.train.bedrock.continue_from
    if arn is None:
        return []
    with told(f"look at the model {arn}"):
        try:
            found = bedrock.get_custom_model(modelIdentifier=arn)
        except ClientError as e:
            if code_of(e) != "ResourceNotFoundException":
                raise
            raise BackendError(
                f"There is no custom model {arn} in {recipe.train.bedrock.region}, so it cannot be tuned further."
            ) from e
    _, is_foundation, parent = found["baseModelArn"].rpartition("foundation-model/")
    if is_foundation and tunable(parent) is not base:
        raise BackendError(f"{arn} was tuned from {parent}, not from {base.id}.")
    starts = ["AWS documents reinforcement from its own models only"] if recipe.train.method == "grpo" else []
    return [f"goes on from {found['modelName']}, {arn}", *starts]


def _quotas(bedrock: Any) -> list[str]:
    with told("count jobs and models"):
        running = bedrock.list_model_customization_jobs(statusEquals="InProgress")["modelCustomizationJobSummaries"]
        models = bedrock.list_custom_models(isOwned=True, maxResults=1000)["modelSummaries"]
    notes = []
    for what, count in (("scheduled customization jobs", len(running)), ("custom models", len(models))):
        if count >= QUOTAS[what]:
            notes.append(f"the account has {count} {what}; the default quota is {QUOTAS[what]}")
    return notes


def costs(recipe: Recipe, base: Tunable, tokens: int) -> list[CostRow]:
    """Return what the job costs once, and what keeping its model costs a month."""
    prices = price_book().model(base.id)
    if recipe.train.method == "grpo":
        return [reinforcement_cost(), storage_cost()]
    if prices is None:
        return [CostRow("training", None, f"no price for {base.id} in the price book", "price book", None)]
    return [training_cost(prices, tokens=tokens, epochs=recipe.train.epochs), storage_cost()]
