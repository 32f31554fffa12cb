"""What one batch inference job asks, would cost, and needs: found out before anything is uploaded or created."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqltailor.aws.bedrock_models import tunable
from sqltailor.cloud.account_checks import look_at_account
from sqltailor.cloud.cloud_plan import money
from sqltailor.cloud.cost import CHARACTERS_PER_TOKEN, CostRow, batch_cost
from sqltailor.cloud.price_book import price_book
from sqltailor.cloud.run_names import Where
from sqltailor.errors import ConfigError, DataError, counted
from sqltailor.recipe import Recipe
from sqltailor.types import GenerateOptions, Prompt
from sqltailor.wire.converse import request

FEWEST, MOST, LARGEST_BYTES = 100, 50_000, 1024**3
"""Default quotas of a job: its records, and the size of its file."""

Records = Mapping[str, Mapping[str, Any]]
"""Record id → body of Converse. The id is a hash of body and model: equal questions are asked once."""


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What a job would ask, and cost at most."""

    place: Where
    model: str
    records: int
    tokens: int
    row: CostRow
    notes: tuple[str, ...]
    role_age_s: float | None

    def text(self) -> str:
        """Return the plan in a few lines."""
        return "\n".join(
            (
                f"account:  {self.place.account}, as {self.place.who.arn}",
                f"model:    {self.model} in {self.place.region}, one batch inference job",
                f"data:     {counted(self.records, 'question')}, about {self.tokens:,} tokens",
                f"goes to:  {self.place.s3}, read by {self.place.role}",
                f"cost:     {self.row.what}: {money(self.row.usd)}: {self.row.basis}",
                *(f"note:     {note}" for note in self.notes),
            )
        )


def batch_model_id(reference: str) -> str:
    """Return the id of the foundation model that a reference names. Raises `ConfigError` for any other model.

    >>> batch_model_id("amazon.nova-micro-v1:0:128k"), batch_model_id("bedrock:amazon.nova-pro-v1:0")
    ('amazon.nova-micro-v1:0', 'amazon.nova-pro-v1:0')
    """
    found = reference.removeprefix("bedrock:")
    known = tunable(found)
    if known is None and not reference.startswith("bedrock:"):
        raise ConfigError(
            f"--batch asks a base model on Bedrock, such as bedrock:amazon.nova-micro-v1:0, not '{reference}'."
        )
    if found.startswith("arn:") and ":foundation-model/" not in found and ":inference-profile/" not in found:
        raise ConfigError(
            f"Bedrock's batch inference takes base models, not {found}. Leave out --batch: `eval` asks it several "
            "questions at a time."
        )
    return known.inference_id if known else found


def records_of(model: str, prompts: Sequence[Prompt], options: GenerateOptions) -> list[tuple[str, dict[str, Any]]]:
    """Return the record of each prompt, in their order. A guardrail is applied beside the job, not in it."""
    found = []
    for prompt in prompts:
        body = request(model, prompt, replace(options, guardrail=None))
        text = json.dumps(body, sort_keys=True)
        del body["modelId"]
        found.append((hashlib.sha256(text.encode()).hexdigest()[:16], body))
    return found


def as_file(records: Records) -> str:
    """Return the records as the job reads them."""
    rows = ({"recordId": name, "modelInput": body} for name, body in records.items())
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def plan_batch(recipe: Recipe, model: str, records: Records, max_tokens: int) -> BatchPlan:
    """Ask AWS whether a job can run. Raises `DataError` for too few questions or too many, `BackendError`."""
    count, size = len(records), len(as_file(records).encode())
    if not FEWEST <= count <= MOST:
        raise DataError(
            f"A batch inference job takes {FEWEST} to {MOST:,} different questions; these are {count:,}. Leave out "
            "--batch, or ask others: --data FILE, --limit N."
        )
    if size > LARGEST_BYTES:
        raise DataError(f"The questions are {size:,} bytes; a job takes {LARGEST_BYTES:,}. Ask fewer: --limit N.")
    account = look_at_account(recipe.train.model_copy(update={"backend": "bedrock"}))
    tokens = -(-size // CHARACTERS_PER_TOKEN)
    row = batch_cost(price_book().model(model), tokens_in=tokens, tokens_out=count * max_tokens)
    return BatchPlan(account.where, model, count, tokens, row, account.notes, account.role_age_s)
