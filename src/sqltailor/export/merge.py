"""An adapter added to the weights of its base, one tensor at a time: memory holds the largest tensor, not the model.

The sum is made in fp32. It stays so, or is rounded once to the type that the base's files hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import BackendError, ConfigError, require
from sqltailor.export.tensors import Change, rewrite
from sqltailor.generate.hub_access import hub_arguments
from sqltailor.generate.weights import quantization_config
from sqltailor.runs import read_json, write_json_atomic

if TYPE_CHECKING:
    import torch

PREFIX = "base_model.model."
"""What PEFT writes before the name of a module of the base."""
HUB_FILES = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "README.md")


class Adapter(NamedTuple):
    """A LoRA adapter: its configuration, its open file, and the modules that it changes and that it holds whole."""

    config: Any
    file: Any
    modules: tuple[str, ...]
    whole: tuple[str, ...]


def base_folder(base: str) -> Path:
    """Return the folder with a base model's files, fetched from the Hub unless they are here already."""
    if Path(base).is_dir():
        return Path(base)
    hub = require("huggingface_hub", extra="local", feature="A model of the Hub")
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hub.snapshot_download(base, allow_patterns=list(HUB_FILES), **hub_arguments(base)))
    except (LocalEntryNotFoundError, HfHubHTTPError) as e:
        raise BackendError(f"The files of '{base}' cannot be had: {e}. A gated model needs HF_TOKEN.") from e


def shards(folder: Path) -> list[Path]:
    """Return the safetensors files that make up a model; BackendError when it has none, or quantised ones."""
    if "quantization_config" in read_json(folder / "config.json"):
        raise BackendError(f"The weights in {folder} are stored quantised. Name the original model as base.")
    index = folder / "model.safetensors.index.json"
    names = sorted(set(read_json(index)["weight_map"].values())) if index.is_file() else ["model.safetensors"]
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise BackendError(f"{folder} has no {missing[0]}; weights are read from safetensors files only.")
    return [folder / name for name in names]


def merge(base: Path, out: Path, *, adapter: Path | None, quantization: str = "none", widen: bool = False) -> int:
    """Write the base's weights with the adapter in them to `out`; return how many tensors differ from the base's.

    `quantization` first rounds the weights as the adapter saw them in training: nf4, int8, or none. `widen` writes
    fp32, else the types of the base's files. Raises `ConfigError` for an adapter that is not LoRA, DoRA or rsLoRA on
    linear layers.
    """
    files = shards(base)
    changed = 0
    with open_adapter(adapter) as opened:
        rounded = quantized_modules(base, quantization)
        waiting = set(opened.modules if opened else ())
        # an output layer that is tied to the input is held with it, and not stored
        is_tied = read_json(base / "config.json").get("tie_word_embeddings")
        waiting |= set(opened.whole if opened else ()) - ({"lm_head"} if is_tied else set())
        for file in files:
            found = rewrite(file, out / file.name, _changes(opened, rounded, quantization), widen=widen)
            waiting -= set(found)
            changed += len(found)
    if waiting:
        raise ConfigError(
            f"The adapter changes {sorted(waiting)[0]}, which the files of {base} do not hold under this name "
            "(an output layer that is tied to the input cannot be changed alone). It cannot be merged."
        )
    index = base / "model.safetensors.index.json"
    if index.is_file():
        listed = read_json(index)
        listed.setdefault("metadata", {})["total_size"] = sum(_data_bytes(out / file.name) for file in files)
        write_json_atomic(out / index.name, listed)
    return changed


def _data_bytes(file: Path) -> int:
    """Return how many bytes of a safetensors file are tensors."""
    with file.open("rb") as data:
        return file.stat().st_size - 8 - int.from_bytes(data.read(8), "little")


@contextmanager
def open_adapter(folder: Path | None) -> Iterator[Adapter | None]:
    """Open an adapter's file; ConfigError for a kind that cannot be added to weights tensor by tensor."""
    if folder is None:
        yield None
        return
    peft = require("peft", extra="local", feature="An adapter")
    from safetensors import safe_open

    config = peft.PeftConfig.from_pretrained(str(folder))
    if config.peft_type != "LORA" or getattr(config, "fan_in_fan_out", False):
        raise ConfigError(f"{folder} is a {config.peft_type} adapter; only LoRA, DoRA and rsLoRA can be merged.")
    path = folder / "adapter_model.safetensors"
    if not path.is_file():
        raise BackendError(f"{folder} has no adapter_model.safetensors.")
    with safe_open(str(path), framework="pt") as file:
        parts = (".lora_A.weight", ".lora_B.weight", ".lora_magnitude_vector", ".lora_magnitude_vector.weight")
        names = [name.removeprefix(PREFIX) for name in file.keys()]  # noqa: SIM118
        # PEFT adds the output layer that is tied to an input held whole
        saved = {*(config.modules_to_save or ()), *(["lm_head"] if config.modules_to_save else [])}
        rest = [name.removesuffix(".weight") for name in names if not name.endswith(parts)]
        if odd := [name for name in rest if name.rpartition(".")[2] not in saved]:
            raise ConfigError(
                f"The adapter {folder} holds {PREFIX}{odd[0]}.weight: only LoRA on linear layers can be merged."
            )
        suffix = ".lora_A.weight"
        yield Adapter(config, file, tuple(n.removesuffix(suffix) for n in names if suffix in n), tuple(rest))


def quantized_modules(base: Path, quantization: str) -> frozenset[str]:
    """Return the names of the linear layers that quantisation rounds, as transformers chooses them."""
    if quantization == "none":
        return frozenset()
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.integrations.bitsandbytes import replace_with_bnb_linear
    from transformers.quantizers.base import get_keys_to_not_convert

    settings = quantization_config(quantization, torch.float32)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(str(base)))
    kept = get_keys_to_not_convert(model)
    before = {name: type(module) for name, module in model.named_modules()}
    model = replace_with_bnb_linear(model, kept, settings)
    return frozenset(name for name, module in model.named_modules() if type(module) is not before.get(name))


def _changes(adapter: Adapter | None, rounded: Collection[str], quantization: str) -> Callable[[str], Change | None]:
    """Return the function from a module's name to what becomes of its weight, None for nothing."""
    adapted = frozenset(adapter.modules if adapter else ())
    whole = frozenset(adapter.whole if adapter else ())

    def change(module: str) -> Change | None:
        if adapter and module in whole:
            return lambda _: adapter.file.get_tensor(f"{PREFIX}{module}.weight").float()
        if module not in rounded and module not in adapted:
            return None

        def changed(weight: torch.Tensor) -> torch.Tensor:
            if module in rounded:
                weight = dequantized(weight, quantization)
            return with_lora(weight, adapter, module) if adapter and module in adapted else weight

        return changed

    return change


def dequantized(weight: torch.Tensor, quantization: str) -> torch.Tensor:
    """Return a weight as the quantised model multiplies by it, in fp32."""
    import torch

    functional = require("bitsandbytes", extra="gpu", feature=f"Quantisation {quantization}").functional
    if quantization == "int8":
        codes, scales, _ = functional.int8_vectorwise_quant(weight.to(torch.float16))
        return torch.as_tensor(functional.int8_vectorwise_dequant(codes, scales), dtype=torch.float32)
    codes, state = functional.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=True)
    return torch.as_tensor(functional.dequantize_4bit(codes, state), dtype=torch.float32)


def with_lora(weight: torch.Tensor, adapter: Adapter, module: str) -> torch.Tensor:
    """Return weight + B·A·scale, scaled row by row where DoRA learned a magnitude. Source: PEFT's merge, in fp32."""
    a: torch.Tensor = adapter.file.get_tensor(f"{PREFIX}{module}.lora_A.weight").float()
    b: torch.Tensor = adapter.file.get_tensor(f"{PREFIX}{module}.lora_B.weight").float()
    merged: torch.Tensor = weight + b @ a * scale(adapter.config, module, a.shape[0])
    if not adapter.config.use_dora:
        return merged
    name = f"{PREFIX}{module}.lora_magnitude_vector"
    magnitude = adapter.file.get_tensor(name if name in adapter.file.keys() else f"{name}.weight").float()  # noqa: SIM118
    factor: torch.Tensor = magnitude / merged.norm(dim=1)
    return merged * factor.unsqueeze(1)


def scale(config: Any, module: str, r: int) -> float:
    """Return what a module's B·A is multiplied by: alpha / r, or alpha / √r for rsLoRA."""
    from peft.utils.other import get_pattern_key

    patterns = config.alpha_pattern or {}
    alpha = float(patterns.get(get_pattern_key(list(patterns), module), config.lora_alpha))
    return alpha / math.sqrt(r) if config.use_rslora else alpha / r
