"""What Bedrock tunes, where, and how it then serves it, as its documentation says; the preflight asks the service too.

Sources (Amazon Bedrock user guide, read 2026-11): custom-model-fine-tuning, deploy-custom-model-on-demand,
model-lifecycle; general reference, quotas of Bedrock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

READ = "2026-11-28"
"""When these facts were read."""


@dataclass(frozen=True, slots=True)
class Tunable:
    """A model that Bedrock fine-tunes. `rules` names the checks of its data; `ended` says since when it is gone."""

    id: str
    tuned_in: tuple[str, ...]
    on_demand_in: tuple[str, ...]
    rules: str
    ended: str | None = None

    @property
    def learns_conversations(self) -> bool:
        """Whether it is tuned on conversations, as it is asked; Llama 3.1 takes pairs of prompt and completion."""
        return not self.id.startswith("meta.llama3-1-")

    @property
    def inference_id(self) -> str:
        """The id by which the untuned model is asked: without the context length that the tuned one's has."""
        return self.id.rpartition(":")[0]


_EAST, _WEST = ("us-east-1",), ("us-west-2",)
_LLAMA = ("1-8b", "1-70b", "2-1b", "2-3b", "2-11b", "2-90b")
MODELS: Mapping[str, Tunable] = {
    model.id: model
    for model in (
        Tunable("amazon.nova-micro-v1:0:128k", _EAST, _EAST, "nova"),
        Tunable("amazon.nova-lite-v1:0:300k", _EAST, _EAST, "nova"),
        Tunable("amazon.nova-pro-v1:0:300k", _EAST, _EAST, "nova"),
        Tunable("amazon.nova-2-lite-v1:0:256k", _EAST, _EAST, "nova-2-lite"),
        *(Tunable(f"meta.llama3-{size}-instruct-v1:0:128k", _WEST, (), "llama") for size in _LLAMA),
        Tunable("meta.llama3-3-70b-instruct-v1:0:128k", _WEST, _WEST, "llama"),
        Tunable("anthropic.claude-3-haiku-20240307-v1:0:200k", (), (), "claude-3-haiku", ended="2026-09-10"),
    )
}
QUOTAS: Mapping[str, int] = {"custom models": 100, "scheduled customization jobs": 10, "deployments in progress": 2}
"""What an account may have at a time, unless it has asked for more."""


def tunable(base: str) -> Tunable | None:
    """Return the model that a recipe's `base` names, with or without the context length, or None.

    >>> tunable("amazon.nova-micro-v1:0").id
    'amazon.nova-micro-v1:0:128k'
    """
    return MODELS.get(base) or next((model for model in MODELS.values() if model.inference_id == base), None)
