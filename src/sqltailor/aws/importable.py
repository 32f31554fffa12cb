"""What Bedrock's Custom Model Import takes, and the form in which it wants a model's files.

Sources (Amazon Bedrock user guide, read 2026-11): model-customization-import-model, invoke-imported-model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IMPORT_REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-central-1")
ARCHITECTURES = (
    *("LlamaForCausalLM", "MistralForCausalLM", "MixtralForCausalLM"),
    *("Qwen2ForCausalLM", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM", "GPTBigCodeForCausalLM", "GptOssForCausalLM"),
)
"""As `architectures` of config.json names them; those that complete text."""
MAX_CONTEXT, MAX_BYTES = 131_072, 200_000_000_000
LLAMA3_FACTOR = 8
"""The rope scaling that Bedrock gives every Llama 3, whatever its configuration says."""
FILES = (
    *(".safetensors", "model.safetensors.index.json", "config.json"),
    *("tokenizer.json", "tokenizer.model", "special_tokens_map.json", "vocab.json", "merges.txt"),
)
"""What the names of a model's files end with that are imported."""


def import_fault(config: Mapping[str, Any]) -> str | None:
    """Return why a model of this configuration cannot be imported, or None.

    >>> import_fault({"architectures": ["GemmaForCausalLM"]})
    'its architecture is GemmaForCausalLM, which Custom Model Import does not take'
    """
    architecture = (config.get("architectures") or ["not named"])[0]
    if architecture not in ARCHITECTURES:
        return f"its architecture is {architecture}, which Custom Model Import does not take"
    context = config.get("max_position_embeddings") or 0
    if context > MAX_CONTEXT:
        return f"its context is {context:,} tokens; Custom Model Import takes at most {MAX_CONTEXT:,}"
    if "quantization_config" in config:
        return "its weights are quantised, which Custom Model Import does not take"
    return None


def import_notes(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what Bedrock changes in a model: a Llama 3.2's long texts are read otherwise there.

    >>> import_notes({"rope_scaling": {"rope_type": "llama3", "factor": 32.0}})
    ('Bedrock sets rope_scaling.factor to 8 where this model has 32: compare its answers before you rely on them',)
    """
    rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
    factor = rope.get("factor", LLAMA3_FACTOR)
    if rope.get("rope_type") != "llama3" or factor == LLAMA3_FACTOR:
        return ()
    return (
        f"Bedrock sets rope_scaling.factor to {LLAMA3_FACTOR} where this model has {factor:g}: compare its answers "
        "before you rely on them",
    )


def config_for_import(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration in the words of transformers 4.51, by which Bedrock loads models.

    >>> config_for_import({"dtype": "bfloat16", "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}})
    {'torch_dtype': 'bfloat16', 'rope_theta': 1000000.0}
    """
    found = {("torch_dtype" if name == "dtype" else name): value for name, value in config.items()}
    rope = dict(found.pop("rope_parameters", None) or {})
    if "rope_theta" in rope:
        found["rope_theta"] = rope.pop("rope_theta")
    if rope.get("rope_type", "default") != "default":
        found["rope_scaling"] = rope
    return found


def tokenizer_for_import(config: Mapping[str, Any], template: str | None) -> dict[str, Any]:
    """Return a tokenizer's configuration with the chat template in it, without which Bedrock takes no messages."""
    return dict(config) | ({"chat_template": template} if template and "chat_template" not in config else {})
