"""A Llama model in transformers' format → one GGUF file in 16 bits, as llama.cpp reads it, tensor by tensor.

Names and meaning of the keys: the GGUF specification, ggml-org/ggml docs/gguf.md. llama.cpp rotates neighbouring
pairs of a head's dimensions where transformers rotates its two halves, so the rows of q and k are put in that order.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import require
from sqltailor.export.gguf_tokenizer import add_tokenizer, pre_tokenizer, refused
from sqltailor.export.merge import shards
from sqltailor.runs import read_json

if TYPE_CHECKING:
    import numpy as np


def write_gguf(folder: Path, out: Path, *, name: str, prompt: Mapping[str, Any] | None = None) -> int:
    """Write a model folder as one GGUF file, whole or not at all; return the number of its tensors.

    Weights become F16, norms F32. `prompt` (name and version) is kept in the file. Raises `ConfigError` that names the
    upstream command for another architecture or tokenizer, and for a value that F16 cannot hold.
    """
    gguf = require("gguf", extra="export", feature="GGUF")
    transformers = require("transformers", extra="local", feature="GGUF")
    check_convertible(folder)
    config = read_json(folder / "config.json")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    partial = out.with_name(f".{out.name}.partial")
    out.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(str(partial), "llama")
    writer.add_name(name)
    writer.add_file_type(int(gguf.LlamaFileType.MOSTLY_F16))
    _add_shape(writer, config, gguf)
    add_tokenizer(writer, folder, tokenizer, config["vocab_size"])
    for key in ("name", "version"):
        if prompt is not None:
            writer.add_string(f"sqltailor.prompt.{key}", str(prompt[key]))
    plan = [*_plan(folder, config, gguf)]
    for target, shape, dtype, size in plan:
        writer.add_tensor_info(target, shape, dtype, size)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for array in _arrays(folder, config):
        writer.write_tensor_data(array)
    writer.close()
    partial.replace(out)
    return len(plan)


def check_convertible(folder: Path) -> None:
    """Raise `ConfigError` for a model or tokenizer that this module cannot write, before any weight is read."""
    require("gguf", extra="export", feature="GGUF")
    config = read_json(folder / "config.json")
    kinds = config.get("architectures") or [config.get("model_type", "unknown")]
    if list(kinds) != ["LlamaForCausalLM"]:
        raise refused(f"The architecture {', '.join(kinds)}; only LlamaForCausalLM is written here.")
    if config.get("hidden_act", "silu") != "silu":
        raise refused(f"The activation {config['hidden_act']} is none of Llama's.")
    kind, _ = rope(config)
    if kind not in ("default", "linear", "llama3"):
        raise refused(f"Rotations of type '{kind}'; known: default, linear, llama3.")
    if not (folder / "tokenizer.json").is_file():
        raise refused(f"{folder} has no tokenizer.json.")
    pre_tokenizer(read_json(folder / "tokenizer.json"))


def rope(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the type of a model's rotations and their settings, from a configuration of any age."""
    settings = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    settings.setdefault("rope_theta", config.get("rope_theta", 10000.0))
    return str(settings.get("rope_type", settings.get("type", "default"))), settings


def _heads(config: Mapping[str, Any]) -> tuple[int, int, int]:
    heads = int(config["num_attention_heads"])
    size = config.get("head_dim") or config["hidden_size"] // heads
    return heads, int(config.get("num_key_value_heads") or heads), int(size)


def _add_shape(writer: Any, config: Mapping[str, Any], gguf: Any) -> None:
    heads, kv_heads, head_size = _heads(config)
    kind, settings = rope(config)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_layer_norm_rms_eps(config.get("rms_norm_eps", 1e-6))
    writer.add_rope_dimension_count(head_size)
    writer.add_rope_freq_base(float(settings["rope_theta"]))
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(settings["factor"]))


def _plan(folder: Path, config: Mapping[str, Any], gguf: Any) -> Iterator[tuple[str, tuple[int, ...], Any, int]]:
    """Yield name in GGUF, shape, type and bytes of every tensor, in the order of the files, from their headers."""
    import numpy as np

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    factors = rope_factors(config)
    if factors is not None:
        yield "rope_freqs.weight", factors.shape, factors.dtype, factors.nbytes
    for _, name, shape in _tensors(folder, config):
        target = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if target is None:
            raise refused(f"The tensor {name} has no name in Llama's format.")
        dtype = np.dtype(np.float32 if len(shape) == 1 else np.float16)
        yield target, shape, dtype, math.prod(shape) * dtype.itemsize


class _Tensor(NamedTuple):
    """Where a tensor lies, its name and its shape."""

    file: Path
    name: str
    shape: tuple[int, ...]


def _tensors(folder: Path, config: Mapping[str, Any]) -> Iterator[_Tensor]:
    """Yield a model's tensors in the order of its files, without a tied output layer that is stored once more."""
    tied = config.get("tie_word_embeddings", False)
    for file in shards(folder):
        with file.open("rb") as data:
            header = json.loads(data.read(int.from_bytes(data.read(8), "little")))
        header.pop("__metadata__", None)
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"][0]):
            if not (tied and name == "lm_head.weight") and not name.endswith("rotary_emb.inv_freq"):
                yield _Tensor(file, name, tuple(entry["shape"]))


def _arrays(folder: Path, config: Mapping[str, Any]) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the tensors of `_plan`, one in memory at a time."""
    import numpy as np
    from safetensors import safe_open

    factors = rope_factors(config)
    if factors is not None:
        yield factors
    heads, kv_heads, _ = _heads(config)
    for file, name, _ in _tensors(folder, config):
        with safe_open(str(file), framework="pt") as opened:
            array = opened.get_tensor(name).float().numpy()
        if ".q_proj." in name or ".k_proj." in name:
            array = in_pairs(array, heads if ".q_proj." in name else kv_heads)
        if array.ndim > 1:
            with np.errstate(over="ignore"):
                array = array.astype(np.float16)
            if not np.isfinite(array).all():
                raise refused(f"{name} holds values that F16 cannot; bf16 can (--outtype bf16).")
        yield np.ascontiguousarray(array)


def in_pairs(array: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Return rows of q or k with the halves of each head interleaved.

    >>> import numpy
    >>> in_pairs(numpy.array([[0], [1], [2], [3]]), 1).T
    array([[0, 2, 1, 3]])
    """
    halves = array.reshape(heads, 2, array.shape[0] // heads // 2, *array.shape[1:])
    return halves.swapaxes(1, 2).reshape(array.shape)


def rope_factors(config: Mapping[str, Any]) -> np.ndarray[Any, Any] | None:
    """Return what Llama 3 divides each frequency of its rotations by; None for other models.

    Source: "Llama 3.1" scaling in transformers' modeling_rope_utils: long waves are slowed by `factor`, short ones
    kept, those between interpolated.
    """
    import numpy as np

    kind, settings = rope(config)
    if kind != "llama3":
        return None
    size, factor = _heads(config)[2], float(settings["factor"])
    low, high = float(settings["low_freq_factor"]), float(settings["high_freq_factor"])
    frequency = 1.0 / float(settings["rope_theta"]) ** (np.arange(0, size, 2, dtype=np.float64) / size)
    turns = float(settings["original_max_position_embeddings"]) * frequency / (2 * math.pi)
    share = np.clip((turns - low) / (high - low), 0.0, 1.0)
    return (1.0 / ((1.0 - share) / factor + share)).astype(np.float32)
