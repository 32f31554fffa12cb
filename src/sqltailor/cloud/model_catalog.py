"""Which models can be tuned where, by what, and how they are then served: dated, and nothing that no source gives.

The models of Bedrock's own jobs and SageMaker's recipe come from the tables that `train` checks against; the rest is
from the Bedrock and SageMaker user guides, read on the same day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqltailor.aws.bedrock_models import MODELS, Tunable
from sqltailor.aws.sagemaker_machines import DLC_REGIONS, NOVA_ACCOUNTS, NOVA_MACHINES, SERVERLESS_REGIONS
from sqltailor.recipe.limits import family

ON_DEMAND = "on demand, by the token"
PROVISIONED = "Provisioned Throughput, by the hour"
IMPORTED = "Custom Model Import, while it is asked"
REINFORCED = "Bedrock reinforcement fine-tuning"
ENDPOINT = f"{IMPORTED}; SageMaker endpoint, by the hour"


@dataclass(frozen=True, slots=True)
class Way:
    """One way to tune a model: by what, in which regions, how it is served, and whether `train` does it."""

    by: str
    regions: tuple[str, ...]
    served: str
    backend: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A model, or a family of them, with the ways to tune it; none where `note` says why not."""

    model: str
    ways: tuple[Way, ...]
    note: str = ""


def entries(*, tunable: bool = False, region: str | None = None) -> list[Entry]:
    """Return the catalog; with `tunable` only what can be tuned, with `region` only what can be tuned there."""
    found = []
    for entry in _all():
        ways = tuple(way for way in entry.ways if region is None or region in way.regions)
        if ways or not (tunable or region):
            found.append(Entry(entry.model, ways, entry.note))
    return found


def regions() -> list[str]:
    """Return the regions of AWS in which something can be tuned."""
    return sorted({region for entry in _all() for way in entry.ways for region in way.regions})


def _all() -> Iterator[Entry]:
    for model in MODELS.values():
        ended = f"end of life since {model.ended}" if model.ended else ""
        yield Entry(model.id, tuple(_bedrock(model)), ended)
    own = Way("SageMaker job of our own trainer", DLC_REGIONS, ENDPOINT, "sagemaker")
    serverless = Way("SageMaker serverless customization", SERVERLESS_REGIONS, ENDPOINT, "sagemaker")
    yield Entry("Qwen3 0.6B, 1.7B, 4B", (serverless, own))
    yield Entry("Llama 3.2 1B, 3B (open weights)", (serverless, own))
    yield Entry("Mistral 7B, Llama 3.1 8B, Qwen2.5, and others of the Hub", (own,))
    here = Way("this machine", (), f"where you run it; {IMPORTED}", "local")
    yield Entry("any model of the Hub that transformers loads", (here,))
    yield Entry("gpt-oss 20B, Qwen3 32B on Bedrock", (Way(REINFORCED, ("us-west-2",), ON_DEMAND),))
    yield Entry("Claude 3.5 and later, Mistral on Bedrock", (), "not offered for tuning on Bedrock")
    yield Entry("Titan Text, Cohere Command", (), "no longer offered for tuning on Bedrock")


def _bedrock(model: Tunable) -> Iterator[Way]:
    regions = model.tuned_in
    if regions:
        served = ON_DEMAND if set(regions) <= set(model.on_demand_in) else PROVISIONED
        built = "bedrock" if model.learns_conversations else None
        yield Way("Bedrock customization job", regions, served, built)
    if getattr(family("bedrock", model.id, "grpo"), "method", None) == "grpo":
        yield Way(REINFORCED, regions, ON_DEMAND, "bedrock")
    name = model.id.removeprefix("amazon.").partition("-v1:")[0]
    if name in NOVA_MACHINES:
        yield Way("SageMaker job with AWS's recipe", tuple(NOVA_ACCOUNTS), ON_DEMAND, "sagemaker")


def table(found: list[Entry]) -> list[tuple[str, str, str, str, str]]:
    """Return the catalog as rows: model, tuned by, regions, served, and the backend of `train` that does it."""
    rows = []
    for entry in found:
        for way in entry.ways:
            backend = way.backend or "not built"
            rows.append((entry.model, way.by, ", ".join(way.regions) or "anywhere", way.served, backend))
        if not entry.ways:
            rows.append((entry.model, entry.note or "cannot be tuned", "", "", ""))
    return rows
