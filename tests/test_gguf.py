"""GGUF: what the file holds, read back by the format's own reader, and what is refused; llama.cpp itself when here."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from bench.llama_server import serve
from sqltailor.errors import ConfigError
from sqltailor.prompt.encode import encode, end_of_turn
from sqltailor.types import Message
from tests.support.missing import missing
from tests.support.tiny_model import make_tiny_model

torch = pytest.importorskip("torch")
gguf = pytest.importorskip("gguf")
np = pytest.importorskip("numpy")

from transformers import AutoTokenizer  # noqa: E402

from sqltailor.export.artifacts import export  # noqa: E402
from sqltailor.export.gguf import write_gguf  # noqa: E402
from sqltailor.export.gguf_tokenizer import portable_template, pre_tokenizer  # noqa: E402
from sqltailor.generate.local import open_model  # noqa: E402

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


def test_every_tensor_comes_back(tmp_path: Path) -> None:
    reader = written(tmp_path, attention_bias=True)
    found = {t.name: np.array(t.data).reshape(tuple(reversed(t.shape.tolist()))) for t in reader.tensors}
    weights = open_model(str(tmp_path), dtype=torch.float32).model.state_dict()
    names = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj"}
    names |= {"attn_output": "self_attn.o_proj", "ffn_up": "mlp.up_proj", "ffn_gate": "mlp.gate_proj"}
    names |= {"ffn_down": "mlp.down_proj", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
    expected = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    expected |= {f"blk.{i}.{a}.weight": f"model.layers.{i}.{b}.weight" for i in (0, 1) for a, b in names.items()}
    biased = [name for name in names if name.startswith("attn_") and name != "attn_norm"]
    expected |= {f"blk.{i}.{a}.bias": f"model.layers.{i}.{names[a]}.bias" for i in (0, 1) for a in biased}
    assert found.keys() == expected.keys()
    for name, original in expected.items():
        array, weight = found[name], weights[original].numpy()
        assert array.dtype == (np.float32 if weight.ndim == 1 else np.float16), name
        if ".attn_q." in name or ".attn_k." in name:
            array = restored(array, 4 if ".attn_q." in name else 2)
        assert (array == weight.astype(array.dtype)).all(), name


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
        ({"architectures": ["Qwen2ForCausalLM"]}, "The architecture Qwen2ForCausalLM"),
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


@pytest.mark.slow
@pytest.mark.parametrize("rope", [None, LLAMA3], ids=["plain", "llama3"])
def test_llama_cpp_reads_the_same_prompt_and_gives_the_same_probabilities(tmp_path: Path, rope: Any) -> None:
    if importlib.util.find_spec("xllamacpp") is None:
        missing("llama.cpp", "pip install xllamacpp")
    make_tiny_model(tmp_path / "tiny", hidden=64, num_key_value_heads=2, rope_parameters=rope)
    made = export(str(tmp_path / "tiny"), "gguf", out=tmp_path / "out")
    [file] = Path(made.out).glob("*.gguf")
    messages = [Message("system", "sqlite\n order: id* int, total num\n it's Año"), Message("user", "Total in 2024?")]
    opened = open_model(str(tmp_path / "tiny"), dtype=torch.float32)
    ids = encode(opened.tokenizer, messages)
    asked = [{"role": m.role, "content": m.content} for m in messages]
    with serve(file) as post:
        text = post("/apply-template", {"messages": asked})["prompt"]
        assert post("/tokenize", {"content": text, "parse_special": True})["tokens"] == ids
        answer = post("/completion", {"prompt": ids, "n_predict": 1, "temperature": 0, "n_probs": 5})
    with torch.inference_mode():
        expected = opened.model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
    for choice in answer["completion_probabilities"][0]["top_logprobs"]:
        assert choice["logprob"] == pytest.approx(
            float(expected[choice["id"]]), abs=0.1
        )  # F16; other rotations are 2 and more away
