"""A Llama or Qwen model in transformers' format → one GGUF file, as llama.cpp reads it, tensor by tensor.

Names and meaning of the keys: the GGUF specification, ggml-org/ggml docs/gguf.md. In a Llama, llama.cpp rotates
neighbouring pairs of a head's dimensions where transformers rotates its two halves, so the rows of q and k are put in
that order; in a Qwen it rotates halves, too.
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


class Architecture(NamedTuple):
    """What differs between the models that are written here.

    `name`: llama.cpp's. `in_pairs`: it rotates neighbours. `rotations`: the types of `rope` that it knows.
    """

    name: str
    in_pairs: bool
    rotations: tuple[str, ...]


ARCHITECTURES: Mapping[str, Architecture] = {
    "LlamaForCausalLM": Architecture("llama", True, ("default", "linear", "llama3")),
    "Qwen2ForCausalLM": Architecture("qwen2", False, ("default", "linear")),
    "Qwen3ForCausalLM": Architecture("qwen3", False, ("default", "linear")),
}
"""transformers' name of a model's class → how it is written."""
WRITTEN = ("f16", "q8_0")
"""Types of weights that `write_gguf` writes. Q8_0: 32 values of 8 bits share a scale in F16."""


def write_gguf(
    folder: Path, out: Path, *, name: str, kind: str = "f16", prompt: Mapping[str, Any] | None = None
) -> int:
    """Write a model folder as one GGUF file, whole or not at all; return the number of its tensors.

    Matrices become of type `kind`, one of `WRITTEN` (F16 where their rows cannot be cut into blocks), norms and biases
    F32. `prompt` (name and version) is kept in the file. Raises `ConfigError` that names the upstream command for
    another architecture or tokenizer, and for a value that F16 cannot hold.
    """
    gguf = require("gguf", extra="export", feature="GGUF")
    transformers = require("transformers", extra="local", feature="GGUF")
    import numpy as np

    check_convertible(folder)
    config = read_json(folder / "config.json")
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    partial = out.with_name(f".{out.name}.partial")
    out.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(str(partial), _architecture(config).name)
    writer.add_name(name)
    writer.add_file_type(int(gguf.LlamaFileType[f"MOSTLY_{kind.upper()}"]))
    if kind != "f16":
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _add_shape(writer, config, gguf)
    add_tokenizer(writer, folder, tokenizer, config["vocab_size"])
    for key in ("name", "version"):
        if prompt is not None:
            writer.add_string(f"sqltailor.prompt.{key}", str(prompt[key]))
    plan = [*_plan(folder, config, kind, gguf)]
    for target, shape, stored in plan:
        size = math.prod(gguf.quant_shape_to_byte_shape(shape, stored))
        writer.add_tensor_info(target, shape, np.dtype(np.float32), size, raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for array in _arrays(folder, config, kind, gguf):
        writer.write_tensor_data(array)
    writer.close()
    partial.replace(out)
    return len(plan)


def check_convertible(folder: Path) -> None:
    """Raise `ConfigError` for a model or tokenizer that this module cannot write, before any weight is read."""
    require("gguf", extra="export", feature="GGUF")
    config = read_json(folder / "config.json")
    known = _architecture(config)
    if config.get("hidden_act", "silu") != "silu":
        raise refused(f"The activation {config['hidden_act']}; only silu is known for {known.name}.")
    kind, _ = rope(config)
    if kind not in known.rotations:
        raise refused(f"Rotations of type '{kind}'; known for {known.name}: {', '.join(known.rotations)}.")
    if any(layer != "full_attention" for layer in config.get("layer_types") or ()):
        raise refused("Attention within a sliding window.")
    if not (folder / "tokenizer.json").is_file():
        raise refused(f"{folder} has no tokenizer.json.")
    pre_tokenizer(read_json(folder / "tokenizer.json"))


def _architecture(config: Mapping[str, Any]) -> Architecture:
    names = config.get("architectures") or [config.get("model_type", "unknown")]
    if len(names) != 1 or names[0] not in ARCHITECTURES:
        raise refused(f"The architecture {', '.join(names)}; written here: {', '.join(ARCHITECTURES)}.")
    return ARCHITECTURES[names[0]]


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


def _plan(folder: Path, config: Mapping[str, Any], kind: str, gguf: Any) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    """Yield name in GGUF, shape and stored type of every tensor, in the order of the files, from their headers."""
    architecture = _architecture(config).name
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH[architecture.upper()], config["num_hidden_layers"])
    factors = rope_factors(config)
    if factors is not None:
        yield "rope_freqs.weight", factors.shape, gguf.GGMLQuantizationType.F32
    for _, name, shape in _tensors(folder, config):
        target = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if target is None:
            raise refused(f"The tensor {name} has no name in the format of {architecture}.")
        yield target, shape, _stored(shape, kind, gguf)


def _stored(shape: tuple[int, ...], kind: str, gguf: Any) -> Any:
    """Return the type in which a tensor is stored."""
    types = gguf.GGMLQuantizationType
    if len(shape) == 1:
        return types.F32
    block, _ = gguf.GGML_QUANT_SIZES[types[kind.upper()]]
    return types.F16 if shape[-1] % block else types[kind.upper()]


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


def _arrays(folder: Path, config: Mapping[str, Any], kind: str, gguf: Any) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the tensors of `_plan` as their bytes are stored, one in memory at a time."""
    import numpy as np
    from safetensors import safe_open

    factors = rope_factors(config)
    if factors is not None:
        yield factors
    heads, kv_heads, _ = _heads(config)
    for file, name, shape in _tensors(folder, config):
        with safe_open(str(file), framework="pt") as opened:
            array = opened.get_tensor(name).float().numpy()
        if _architecture(config).in_pairs and (".q_proj." in name or ".k_proj." in name):
            array = in_pairs(array, heads if ".q_proj." in name else kv_heads)
        with np.errstate(over="ignore"):
            array = gguf.quants.quantize(array, _stored(shape, kind, gguf))
        if array.dtype == np.float16 and not np.isfinite(array).all():
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
