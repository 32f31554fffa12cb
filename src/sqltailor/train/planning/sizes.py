"""The size of a model and the memory that training it takes, without loading a weight.

Sizes are counted on torch's meta device. The memory of activations is an estimate: a factor of the layers' widths,
which was 1.0 to 2.0 times the measured one for LoRA and full tuning in bf16 and fp32 on a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import BackendError
from sqltailor.generate.bases import BASES, is_here
from sqltailor.generate.hub_access import hub_arguments
from sqltailor.generate.references import other_references, resolve

if TYPE_CHECKING:
    from sqltailor.recipe import Train
    from sqltailor.train.running.base_model import Setup

GB = 1e9
NF4_BYTES = 0.516
"""Bytes a weight: 4 bits, and 0.127 bits for doubly quantised constants (Dettmers et al. 2023, §3)."""
RUNTIME_GB = {"cuda": 1.2, "cpu": 0.6}
"""What torch and its libraries take before any tensor: CUDA context and kernels, or the process itself."""

KNOWN: Mapping[str, Mapping[str, Any]] = {
    "meta-llama/Llama-3.1-8B": {
        "model_type": "llama",
        "vocab_size": 128_256,
        "hidden_size": 4096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "tie_word_embeddings": False,
    },
    "meta-llama/Llama-3.2-1B": {
        "model_type": "llama",
        "vocab_size": 128_256,
        "hidden_size": 2048,
        "intermediate_size": 8192,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 64,
        "tie_word_embeddings": True,
    },
    "QuantFactory/SmolLM2-135M": {
        "model_type": "llama",
        "vocab_size": 49_152,
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "tie_word_embeddings": True,
    },
    "Qwen/Qwen2.5-Coder-0.5B": {
        "model_type": "qwen2",
        "vocab_size": 151_936,
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
    },
    "Qwen/Qwen2.5-Coder-1.5B": {
        "model_type": "qwen2",
        "vocab_size": 151_936,
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
    },
}
"""Shapes of base models that shipped recipes name, from their config.json, for a plan without a network."""


class Sizes(NamedTuple):
    """Numbers of parameters: all, those in linear layers that quantisation reaches, and those that are trained."""

    parameters: int
    linear: int
    trainable: int
    hidden: int
    intermediate: int
    layers: int
    key_value: int
    vocabulary: int
    drops_inputs: bool


def base_config(reference: str) -> Any:
    """Return the configuration of a base model: from its files, else from the table of known shapes.

    A named base that is not here yet is not downloaded for it where its shape is known.
    """
    from transformers import AutoConfig

    named = BASES.get(reference)
    if named is not None and named.hub_id is not None and not is_here(named):
        known = _known(named.hub_id.removesuffix("-GGUF"))
        if known is not None:
            return known
    base = resolve(reference).base
    try:
        return AutoConfig.from_pretrained(base, **hub_arguments(base))
    except (OSError, ValueError) as e:
        known = _known(base)
        if known is None:
            first = str(e).strip().partition("\n")[0]
            raise BackendError(
                f"The base model '{base}' cannot be reached, and its size is not known: {first.rstrip('.')}."
                f"{other_references(base)}"
            ) from e
        return known


def _known(hub_id: str) -> Any | None:
    """Return the configuration of a model whose shape is in the table."""
    from transformers import AutoConfig

    shape = dict(KNOWN.get(hub_id.removesuffix("-Instruct"), {}))
    return AutoConfig.for_model(shape.pop("model_type"), **shape) if shape else None


def count(config: Any, train: Train) -> Sizes:
    """Return the sizes of a base model and of what the recipe trains on it."""
    import torch
    from transformers import AutoModelForCausalLM

    from sqltailor.train.running.base_model import check_targets, lora_config

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        parameters = model.num_parameters()
        head = model.get_output_embeddings()
        linear = sum(m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not head)
        trainable = parameters
        if train.lora.enabled:
            from peft import get_peft_model

            lora = lora_config(train, model)
            check_targets(model, lora.target_modules)
            model = get_peft_model(model, lora)
            trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    groups = getattr(config, "num_key_value_heads", None) or heads
    return Sizes(
        parameters,
        linear,
        trainable,
        config.hidden_size,
        getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
        config.num_hidden_layers,
        groups * size,
        config.vocab_size,
        train.lora.enabled and train.lora.dropout > 0,
    )


def memory_gb(sizes: Sizes, train: Train, setup: Setup, *, tokens: int, rows: int) -> dict[str, float]:
    """Return what takes memory, in GB, with `tokens` in `rows` sequences computed at a time."""
    import torch

    half = 2.0 if setup.dtype != torch.float32 else 4.0
    if setup.quantization == "none":
        weights = sizes.parameters * (4.0 if setup.holds_fp32(sizes.parameters, is_frozen=train.lora.enabled) else half)
    else:
        per_weight = NF4_BYTES if setup.quantization == "nf4" else 1.05
        weights = sizes.linear * per_weight + (sizes.parameters - sizes.linear) * half
    adapter = sizes.trainable * 4.0 if train.lora.enabled else 0.0
    states = {"adamw_8bit": 2.1, "paged_adamw_8bit": 2.1, "adafactor": 0.1}.get(train.local.optimizer, 8.0)
    parts = {
        "weights": weights,
        "adapter": adapter,
        "gradients": sizes.trainable * 4.0,
        "optimizer": sizes.trainable * states,
        "activations": _activations(sizes, setup, tokens, half),
        "logits": _logits(sizes, setup, tokens, rows),
        "runtime": RUNTIME_GB[setup.device] * GB,
    }
    return {name: round(size / GB, 3) for name, size in parts.items()}


def _activations(sizes: Sizes, setup: Setup, tokens: int, half: float) -> float:
    """Return the bytes that the backward pass needs of the forward pass.

    A layer keeps about 12 vectors of the hidden size, 4 of keys and values and 4 of the MLP's; norms and casts, an
    adapter's own products, and its dropout's copies of every input multiply that (factors measured on a CPU).
    Checkpointing keeps one vector a layer and computes one layer at a time.
    """
    factor = 1.6 + 0.4 * (sizes.trainable < sizes.parameters) + 0.75 * sizes.drops_inputs
    layer = factor * (12 * sizes.hidden + 4 * sizes.key_value + 4 * sizes.intermediate)
    if setup.gradient_checkpointing:
        return tokens * half * (sizes.layers * sizes.hidden + layer)
    return tokens * half * sizes.layers * layer


def _logits(sizes: Sizes, setup: Setup, tokens: int, rows: int) -> float:
    """Return the bytes of the logits: of learned tokens only on a CPU (about 64 a row), in chunks on a GPU."""
    learned = min(tokens, 64 * rows) if setup.device == "cpu" else min(tokens, 1024)
    return learned * sizes.vocabulary * 4.0 * 3
