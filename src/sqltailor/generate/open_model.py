"""Open what a reference names as a model that answers: a base, or a run with its adapter merged once or kept apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqltailor.errors import BackendError, require
from sqltailor.generate.bases.dense import SOURCE, made_folder
from sqltailor.generate.bases.download import sha256_of
from sqltailor.generate.llama_weights import LeanModel, open_lean
from sqltailor.generate.quiet import quiet_libraries
from sqltailor.generate.references import Source, check_base, fingerprint, resolve
from sqltailor.generate.weights import (
    SMALL,
    Opened,
    as_dtype,
    best_device,
    best_dtype,
    open_tokenizer,
    open_weights,
)

if TYPE_CHECKING:
    import torch

MERGED = "merged"
"""Folder in a run with its adapter's sum with the base, and what that read of the schemas it was asked about."""


def open_model(
    reference: str,
    *,
    dtype: torch.dtype | None = None,
    device: str | None = None,
    merge: bool | None = None,
    to_ask: bool = False,
) -> Opened:
    """Return the model of a reference, ready to generate; `dtype` and `device` default to the best here.

    `merge`: add an adapter to the weights (in fp32, then rounded once) instead of beside them; None decides by size.
    `to_ask`: the model need do no more than answer, so on a CPU it may be a `LeanModel`.
    """
    source = resolve(reference)
    check_base(source)
    require("torch", extra="local", feature="A local model")
    device = device or best_device()
    dtype = dtype or best_dtype(device)
    with quiet_libraries():
        tokenizer = open_tokenizer(source)
        lean = _lean(source, dtype, device, merge) if to_ask and device == "cpu" else None
        if lean is not None:
            return Opened(lean, tokenizer, source)
        adapted = source.adapter is not None
        model = _with_adapter(source, dtype, device, merge) if adapted else open_weights(source.base, dtype, device)
    return Opened(model.eval().requires_grad_(False), tokenizer, source)


def _lean(source: Source, dtype: torch.dtype, device: str, merge: bool | None) -> LeanModel | None:
    """Return a model for asking only, from merged weights of a run or a base's folder; None where it takes more."""
    if source.adapter is None:
        return open_lean(source.base, dtype)
    is_merged = source.run is not None and (source.run.path / MERGED / SOURCE).is_file()
    return open_lean(_kept_merged(source, dtype, device), dtype) if is_merged and merge is not False else None


def _with_adapter(source: Source, dtype: torch.dtype, device: str, merge: bool | None, *, keep: bool = True) -> Any:
    """Return a base with its adapter. Merged weights of a run are kept beside it: merging takes longer than loading."""
    import torch

    if merge is None:
        merge = _parameters(source.base) < SMALL
    if merge and keep and source.run is not None:
        return open_weights(str(_kept_merged(source, dtype, device)), dtype, device)
    peft = require("peft", extra="local", feature="An adapter")
    exact = torch.float32 if merge else dtype
    model = open_weights(source.base, exact, device, source.quantization)
    if merge and source.quantization != "none":
        # what the adapter saw in training: the quantised weights, not the original ones
        model = model.dequantize().to(exact)
    try:
        model = peft.PeftModel.from_pretrained(model, source.adapter)
    except (OSError, ValueError, RuntimeError, KeyError) as e:
        raise BackendError(f"The adapter {source.adapter} does not fit '{source.base}': {e}") from e
    return as_dtype(model.merge_and_unload(), dtype) if merge else model.get_base_model()


def _kept_merged(source: Source, dtype: torch.dtype, device: str) -> Path:
    """Return the folder `merged` of a run, with its weights in this precision, made on first use."""
    assert source.run is not None
    assert source.adapter is not None
    adapter = Path(source.adapter) / "adapter_model.safetensors"
    made_from = {"adapter": sha256_of(adapter), "base": fingerprint(source.base), "dtype": str(dtype)}

    def merge(folder: Path) -> None:
        _with_adapter(source, dtype, device, True, keep=False).save_pretrained(folder)

    return made_folder(source.run.path / MERGED, made_from, merge)


def _parameters(base: str) -> int:
    """Return how many parameters a base model has, without loading it."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        return int(AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(base)).num_parameters())
