"""GGUF: what the file holds, read back by the format's own reader, and what is refused; llama.cpp itself when here."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pytest

from sqltailor.errors import BackendError, ConfigError, MissingExtra
from sqltailor.prompt.encode import encode, end_of_turn
from sqltailor.types import Message
from tests.support.missing import missing
from tests.support.tiny_model import make_tiny_model

torch = pytest.importorskip("torch")
gguf = pytest.importorskip("gguf")
np = pytest.importorskip("numpy")

from transformers import AutoTokenizer  # noqa: E402

from sqltailor.export import gguf_types  # noqa: E402
from sqltailor.export.artifacts import export  # noqa: E402
from sqltailor.export.gguf import write_gguf  # noqa: E402
from sqltailor.export.gguf_tokenizer import portable_template, pre_tokenizer  # noqa: E402
from sqltailor.generate.gguf_tokens import GgufTokenizer  # noqa: E402
from sqltailor.generate.llama_sequences import Part, Sequences, greedy  # noqa: E402
from sqltailor.generate.open_model import open_model  # noqa: E402

PROMPT = {"name": "compact", "version": 1}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


def written(folder: Path, **config: Any) -> Any:
    """A tiny model with grouped heads as GGUF, opened by the format's reader."""
    make_tiny_model(folder, **({"num_key_value_heads": 2} | config))
    write_gguf(folder, folder / "tiny.gguf", name="tiny", prompt=PROMPT)
    return gguf.GGUFReader(folder / "tiny.gguf")


def values(reader: Any) -> dict[str, Any]:
    return {name: field.contents() for name, field in reader.fields.items()}


def restored(array: Any, heads: int) -> Any:
    """Rows of q or k with neighbours apart again: the first of each pair, then the second."""
    rows = array.shape[0] // heads
    order = [head * rows + place for head in range(heads) for place in (*range(0, rows, 2), *range(1, rows, 2))]
    return array[order]


@pytest.mark.parametrize(
    ("family", "config", "biased", "normed"),
    [
        ("Llama", {"attention_bias": True}, "qkvo", ""),
        ("Qwen2", {}, "qkv", ""),
        ("Qwen3", {"head_dim": 16}, "", "qk"),
    ],
)
def test_every_tensor_comes_back(tmp_path: Path, family: str, config: dict[str, Any], biased: str, normed: str) -> None:
    reader = written(tmp_path, family=family, **config)
    found = {t.name: np.array(t.data).reshape(tuple(reversed(t.shape.tolist()))) for t in reader.tensors}
    weights = open_model(str(tmp_path), dtype=torch.float32).model.state_dict()
    parts = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output"}
    names = {f"{parts[p]}.weight": f"self_attn.{p}_proj.weight" for p in parts}
    names |= {f"{parts[p]}.bias": f"self_attn.{p}_proj.bias" for p in biased}
    names |= {f"attn_{p}_norm.weight": f"self_attn.{p}_norm.weight" for p in normed}
    names |= {f"ffn_{p}.weight": f"mlp.{p}_proj.weight" for p in ("up", "gate", "down")}
    names |= {"attn_norm.weight": "input_layernorm.weight", "ffn_norm.weight": "post_attention_layernorm.weight"}
    expected = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    expected |= {f"blk.{i}.{a}": f"model.layers.{i}.{b}" for i in (0, 1) for a, b in names.items()}
    assert found.keys() == expected.keys()
    for name, original in expected.items():
        array, weight = found[name], weights[original].numpy()
        assert array.dtype == (np.float32 if weight.ndim == 1 else np.float16), name
        if family == "Llama" and (".attn_q." in name or ".attn_k." in name):
            array = restored(array, 4 if ".attn_q." in name else 2)
        assert (array == weight.astype(array.dtype)).all(), name


@pytest.mark.parametrize(("family", "head"), [("Qwen2", 8), ("Qwen3", 16)])
def test_a_qwen_is_called_by_its_own_name(tmp_path: Path, family: str, head: int) -> None:
    settings = {"head_dim": head} if family == "Qwen3" else {}
    rope = {"rope_type": "default", "rope_theta": 1e6}
    found = values(written(tmp_path, family=family, rope_parameters=rope, **settings))
    kind = family.lower()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    expected = {
        "general.architecture": kind,
        f"{kind}.block_count": 2,
        f"{kind}.attention.head_count": 4,
        f"{kind}.attention.head_count_kv": 2,
        f"{kind}.attention.key_length": head,
        f"{kind}.attention.value_length": head,
        f"{kind}.rope.dimension_count": head,
        f"{kind}.rope.freq_base": 1e6,
        "tokenizer.ggml.pre": "qwen2",
        "tokenizer.ggml.eos_token_id": tokenizer.convert_tokens_to_ids("<|im_end|>"),
        "tokenizer.ggml.eot_token_id": tokenizer.convert_tokens_to_ids("<|im_end|>"),
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": tokenizer.chat_template,
    }
    assert {name: found[name] for name in expected} == expected


def test_eight_bits_are_what_llama_cpp_makes_of_a_weight(tmp_path: Path) -> None:
    make_tiny_model(tmp_path, family="Qwen2", intermediate_size=48)
    write_gguf(tmp_path, tmp_path / "tiny.gguf", name="tiny", kind="q8_0")
    reader = gguf.GGUFReader(tmp_path / "tiny.gguf")
    assert values(reader)["general.file_type"] == 7
    assert values(reader)["general.quantization_version"] == 2
    found = {t.name: t for t in reader.tensors}
    types = gguf.GGMLQuantizationType
    assert found["blk.0.ffn_down.weight"].tensor_type == types.F16  # rows of 48 are no blocks of 32
    assert found["blk.0.attn_q.bias"].tensor_type == types.F32
    assert found["token_embd.weight"].tensor_type == types.Q8_0
    weights = open_model(str(tmp_path), dtype=torch.float32).model.state_dict()
    weight = weights["model.layers.0.self_attn.q_proj.weight"].numpy()
    back = gguf.quants.dequantize(found["blk.0.attn_q.weight"].data, types.Q8_0)
    assert abs(back - weight).max() <= abs(weight).max() / 127


def test_shape_vocabulary_merges_and_template_come_back(tmp_path: Path) -> None:
    found = values(written(tmp_path))
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    described = json.loads((tmp_path / "tokenizer.json").read_text())
    expected = {
        "general.architecture": "llama",
        "general.file_type": 1,
        "llama.vocab_size": 512,
        "llama.context_length": 1024,
        "llama.embedding_length": 32,
        "llama.block_count": 2,
        "llama.feed_forward_length": 64,
        "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2,
        "llama.rope.dimension_count": 8,
        "llama.rope.freq_base": 10000.0,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.eos_token_id": tokenizer.eos_token_id,
        "tokenizer.ggml.eot_token_id": end_of_turn(tokenizer)[-1],
        "tokenizer.ggml.padding_token_id": tokenizer.pad_token_id,
        "tokenizer.ggml.add_bos_token": False,
        "sqltailor.prompt.name": "compact",
        "sqltailor.prompt.version": "1",
    }
    assert {name: found[name] for name in expected} == expected
    assert found["tokenizer.ggml.tokens"] == tokenizer.convert_ids_to_tokens(range(512))
    assert found["tokenizer.ggml.token_type"] == [3] * 5 + [1] * 507
    merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in described["model"]["merges"]]
    assert [tuple(m.split(" ")) for m in found["tokenizer.ggml.merges"]] == merges
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "a"},
    ]
    template = found["tokenizer.chat_template"]
    assert "generation %}" not in template.replace("add_generation_prompt", "")
    for ask in (True, False):
        original = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=ask)
        assert original == tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=ask, chat_template=template
        )


def test_rows_without_a_token_are_unused_and_an_output_layer_of_its_own_is_kept(tmp_path: Path) -> None:
    reader = written(tmp_path, vocab_size=520, tie_word_embeddings=False)
    assert values(reader)["tokenizer.ggml.token_type"][-8:] == [5] * 8
    assert "output.weight" in {t.name for t in reader.tensors}


def test_scaled_rotations_become_factors(tmp_path: Path) -> None:
    from transformers import AutoConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    reader = written(tmp_path, rope_parameters=LLAMA3)
    [factors] = [t.data for t in reader.tensors if t.name == "rope_freqs.weight"]
    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](AutoConfig.from_pretrained(tmp_path), torch.device("cpu"))
    plain = 1.0 / 10000.0 ** (np.arange(0, 8, 2) / 8)
    np.testing.assert_allclose(plain / factors, scaled.numpy(), rtol=1e-5)
    assert factors.max() == 8.0
    assert factors.min() == 1.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architectures": ["GPT2LMHeadModel"]}, "GPT2LMHeadModel; written here: Llama.*Qwen2.*Qwen3ForCausalLM"),
        ({"architectures": ["Qwen2ForCausalLM"], "rope_parameters": LLAMA3}, "'llama3'; known for qwen2: default"),
        ({"layer_types": ["full_attention", "sliding_attention"]}, "sliding window"),
        ({"hidden_act": "gelu"}, "activation gelu"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "type 'yarn'"),
    ],
)
def test_other_models_are_refused_with_the_upstream_command(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    make_tiny_model(tmp_path / "tiny")
    config = tmp_path / "tiny" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(ConfigError, match=f"{said}.*convert_hf_to_gguf.py"):
        export(str(tmp_path / "tiny"), "gguf", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_that_llama_cpp_has_no_name_for_is_refused(tmp_path: Path) -> None:
    described = json.loads((make_tiny_model(tmp_path) / "tokenizer.json").read_text())
    assert pre_tokenizer(described) == "smollm"
    byte_level = described["pre_tokenizer"]["pretokenizers"][1]
    assert pre_tokenizer(described | {"pre_tokenizer": byte_level}) == "gpt-2"
    split = {"type": "Split", "pattern": {"Regex": r"\d|\w+"}, "behavior": "Isolated", "invert": False}
    own = {"type": "Sequence", "pretokenizers": [split, byte_level | {"use_regex": False}]}
    for change in ({"pre_tokenizer": own}, {"normalizer": {"type": "NFC"}}, {"model": {"type": "Unigram"}}):
        with pytest.raises(ConfigError, match="tokenizer"):
            pre_tokenizer(described | change)


def test_a_value_beyond_16_bits_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    make_tiny_model(tmp_path / "tiny")
    file = tmp_path / "tiny" / "model.safetensors"
    tensors = load_file(file)
    tensors["model.layers.0.mlp.up_proj.weight"][0, 0] = 1e5
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(ConfigError, match="values that F16 cannot"):
        export(str(tmp_path / "tiny"), "gguf", out=tmp_path / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["tiny"]


def test_white_space_control_stays_in_the_template() -> None:
    assert portable_template("a {%- generation -%} b {%- endgeneration %} c") == "a {%- if true -%} b {%- endif %} c"
    assert portable_template("{% if add_generation_prompt %}") == "{% if add_generation_prompt %}"


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"rope_parameters": LLAMA3},
        {"family": "Qwen2"},
        {"family": "Qwen3", "head_dim": 32, "tie_word_embeddings": False},
    ],
    ids=["plain", "llama3", "qwen2", "qwen3"],
)
def test_llama_cpp_reads_the_same_prompt_and_gives_the_same_answer(tmp_path: Path, config: dict[str, Any]) -> None:
    llama_here()
    make_tiny_model(tmp_path / "tiny", hidden=64, num_key_value_heads=2, **config)
    made = export(str(tmp_path / "tiny"), "gguf", out=tmp_path / "out")
    [file] = Path(made.out).glob("*.gguf")
    messages = [Message("system", "sqlite\n order: id* int, total num\n it's Año"), Message("user", "Total in 2024?")]
    opened = open_model(str(tmp_path / "tiny"), dtype=torch.float32)
    ids = encode(opened.tokenizer, messages)
    sequences = Sequences(file, count=1, threads=1)
    tokenizer = GgufTokenizer(file, sequences.vocabulary)
    assert encode(tokenizer, messages) == ids
    asked = [{"role": m.role, "content": m.content} for m in messages]
    text = tokenizer.apply_chat_template(asked, add_generation_prompt=True)
    assert sequences.vocabulary.tokenize(text, add_special=False, parse_special=True) == ids
    found, read, known = [], list(ids), 0
    for _ in range(8):
        [place] = sequences.read([Part(0, known, read[known:], speaks=True)])
        found.append(torch.from_numpy(sequences.logits(place).copy()).log_softmax(-1))
        assert sequences.pick(place, greedy()) == int(found[-1].argmax())
        known = len(read)
        read.append(int(found[-1].argmax()))
    with torch.inference_mode():
        expected = opened.model(torch.tensor([read])).logits[0, len(ids) - 1 : -1].log_softmax(-1)
    for ours, row in zip(found, expected, strict=True):
        # F16: nearly equal choices may change places; other rotations are 2 and more away
        assert row[ours.argmax()] > row.max() - 0.05
        for token in ours.topk(5).indices:
            assert ours[token] == pytest.approx(float(row[token]), abs=0.1)


def llama_here() -> None:
    if importlib.util.find_spec("cyllama") is None:
        missing("llama.cpp", "pip install cyllama")


def quantizer_here() -> None:
    try:
        gguf_types.quantizer("q4_k_m")
    except MissingExtra:
        missing("quantiser of llama.cpp", "pip install cyllama")


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "type_"), [("q4_k_m", "Q4_K"), ("q5_k_m", "Q5_K"), ("q6_k", "Q6_K")])
def test_llama_cpp_quantises_what_was_written(tmp_path: Path, kind: str, type_: str) -> None:
    quantizer_here()
    make_tiny_model(tmp_path / "tiny", hidden=256, family="Qwen2")
    made = export(str(tmp_path / "tiny"), "gguf", out=tmp_path / "out", quantize=[kind.upper(), "q8_0"])
    files = {path.name for path in Path(made.out).iterdir()}
    assert files == {f"tiny-{kind}.gguf", "tiny-q8_0.gguf", "Modelfile", "README.md", "export.json"}
    reader = gguf.GGUFReader(Path(made.out) / f"tiny-{kind}.gguf")
    found = values(reader)
    assert found["general.file_type"] == gguf.LlamaFileType[f"MOSTLY_{kind.upper()}"]
    assert (found["general.name"], found["tokenizer.ggml.pre"]) == ("tiny", "qwen2")
    types = {t.name: t.tensor_type.name for t in reader.tensors}
    assert types["blk.0.attn_q.weight"] == type_
    assert types["blk.0.attn_q.bias"] == "F32"


def test_the_quantiser_of_the_path_comes_first_and_its_error_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tiny_model(tmp_path / "tiny")
    program = tmp_path / "llama-quantize"
    program.write_text('#!/bin/sh\n[ "$3" = Q4_K_M ] && cp "$1" "$2" && exit\necho "main: no room" >&2\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    made = export(str(tmp_path / "tiny"), "gguf", out=tmp_path / "out", quantize=["q4_k_m"])
    assert (Path(made.out) / "tiny-q4_k_m.gguf").is_file()
    with pytest.raises(BackendError, match=r"could not quantise .*-f16\.gguf to q6_k: main: no room"):
        export(str(tmp_path / "tiny"), "gguf", out=tmp_path / "other", quantize=["f16", "q6_k"])
    assert not (tmp_path / "other").exists()


def test_a_type_without_its_quantiser_is_told_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tiny_model(tmp_path / "tiny")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install .*\[llama\].*llama-quantize on PATH.*--quantize f16 or q8_0"):
        export(str(tmp_path / "tiny"), "gguf", out=tmp_path / "out", quantize=["q8_0", "q4_k_m"])
    with pytest.raises(ConfigError, match=r"Unknown --quantize 'q4_k'\. Did you mean 'q4_k_m'"):
        export(str(tmp_path / "tiny"), "gguf", out=tmp_path / "out", quantize=["q4_k"])
