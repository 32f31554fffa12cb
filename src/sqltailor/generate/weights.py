"""Load a transformers model and its tokenizer, on the device and in the precision that suit this machine."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import BackendError, ConfigError, require
from sqltailor.generate.hub_access import hub_arguments
from sqltailor.generate.references import Source, other_references

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

SMALL = 2_000_000_000
"""Parameters below which an adapter is merged in fp32 to generate faster; above, memory counts more."""
PLAIN_TEMPLATE = (
    "{% for m in messages %}### {{ m.role }}\n{{ m.content }}"
    "{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}### assistant\n{% endif %}"
)
"""Chat template of base models that have none: ordinary words and the end token, nothing that was never trained."""


class Opened(NamedTuple):
    """A model ready for use, its tokenizer, and where both came from."""

    model: Any
    tokenizer: Any
    source: Source


def best_dtype(device: str) -> torch.dtype:
    """Return bf16 where the hardware multiplies it, else fp16 on a GPU and fp32 on a CPU.

    Measured on an EPYC with avx512_bf16: bf16 trains 1.6 times and generates 2 to 3 times as fast as fp32.
    """
    import torch

    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    able = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return torch.bfloat16 if able.get("amx_bf16") or able.get("avx512_bf16") else torch.float32


def best_device() -> str:
    """Return `cuda` when torch sees a GPU, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def open_tokenizer(source: Source) -> Any:
    """Return the tokenizer saved with the adapter, else the base's; one without chat template gets a plain one."""
    transformers = require("transformers", extra="local", feature="A local model")
    own = source.adapter and (Path(source.adapter) / "tokenizer_config.json").is_file()
    where = str(source.adapter if own else source.base)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **hub_arguments(where))
    except (OSError, ValueError) as e:
        raise BackendError(
            f"The tokenizer of '{where}' cannot be opened: {_first_line(e)}{other_references(where)}"
        ) from e
    if tokenizer.eos_token_id is None:
        raise BackendError(f"The tokenizer of '{where}' has no end token, so that no answer could end.")
    if not tokenizer.chat_template:
        logger.warning("'%s' has no chat template: its prompts are written in plain words", where)
        tokenizer.chat_template = PLAIN_TEMPLATE
    return tokenizer


def open_weights(base: str, dtype: torch.dtype, device: str, quantization: str = "none", **settings: Any) -> Any:
    """Return a base model on a device; `quantization` none, nf4 (with double quantisation) or int8."""
    transformers = require("transformers", extra="local", feature="A local model")
    if quantization != "none":
        settings["quantization_config"] = quantization_config(quantization, dtype)
        settings["device_map"] = {"": device}
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=dtype, **hub_arguments(base), **settings)
    except (OSError, ValueError) as e:
        raise BackendError(
            f"The model '{base}' cannot be opened: {_first_line(e)} A gated one needs HF_TOKEN and its licence."
            f"{other_references(base)}"
        ) from e
    return model if quantization != "none" else model.to(device)


def as_dtype(model: Any, dtype: torch.dtype) -> Any:
    """Return a model with its weights in another precision.

    Unlike `model.to(dtype)` this leaves buffers alone: rotary frequencies in bf16 would misplace tokens by whole turns.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)
    model.config.dtype = dtype
    return model


def quantization_config(quantization: str, dtype: torch.dtype) -> Any:
    """Return how bitsandbytes holds a frozen base model."""
    require("bitsandbytes", extra="gpu", feature=f"Quantisation {quantization}")
    from transformers import BitsAndBytesConfig

    if quantization == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    if quantization != "nf4":
        raise ConfigError(f"Unknown quantization '{quantization}'. Known: none, nf4, int8.")
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".") + "."
