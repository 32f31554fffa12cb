"""Export: what leaves a run answers as the run does, in transformers, PEFT and llama.cpp, or the export fails."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sqltailor.cli import app
from sqltailor.cli.export import run_reference
from sqltailor.errors import BackendError, ConfigError
from sqltailor.generate import load
from sqltailor.recipe import dump, load_recipe, recipe_hash
from sqltailor.runs import Run, create_run, hash_data, read_json, write_json_atomic
from sqltailor.types import GenerateOptions

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from sqltailor.export.artifacts import TARGETS, Upload, export  # noqa: E402
from sqltailor.export.merge import dequantized, quantized_modules  # noqa: E402
from sqltailor.export.verify import example_prompt, questions  # noqa: E402
from sqltailor.generate.open_model import open_model  # noqa: E402
from sqltailor.generate.quiet import quiet_libraries  # noqa: E402
from sqltailor.generate.references import resolve  # noqa: E402
from sqltailor.generate.weights import open_weights  # noqa: E402
from sqltailor.train.running.base_model import choose_setup, open_trainee, record_base  # noqa: E402
from tests.support.hub_double import TOKEN, Hub, hub_double  # noqa: E402
from tests.support.missing import missing  # noqa: E402
from tests.support.tiny_model import make_tiny_model  # noqa: E402

DDL = "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, country TEXT)"
CITIES = ("Lyon", "Rome", "Oslo", "Bonn", "Bari", "Gent")
PROMPT = example_prompt("compact")
OPTIONS = GenerateOptions(max_tokens=24)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a base model in shards, and examples to train and test on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    make_tiny_model(tmp_path / "tiny", num_key_value_heads=2)
    in_shards(tmp_path / "tiny", torch.float32)  # rounding to bf16 turns the near ties of a random model over
    for name, count in (("train", 4), ("test", 6)):
        rows = [
            {"id": f"{name}-{i}", "question": f"Names in {CITIES[i]}?", "schema": DDL}
            | {"sql": ["SELECT name FROM customer"], "dialect": "sqlite"}
            for i in range(count)
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def in_shards(folder: Path, dtype: Any) -> None:
    """Store a model in several files, as large models are."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    for file in folder.glob("*.safetensors*"):
        file.unlink()
    model.save_pretrained(folder, max_shard_size="30KB")
    assert len(list(folder.glob("*.safetensors"))) > 1


def make_run(*words: str, name: str = "r", save: bool = True) -> Path:
    """A finished run of ./tiny as training leaves it, with an adapter of random numbers instead of learned ones."""
    basic = ("data.train=train.jsonl", "data.test=test.jsonl", "base=./tiny", "prompt.name=compact")
    resolved = load_recipe(None, [*basic, "generate.max_tokens=24", *words], env={})
    recipe = resolved.recipe
    run = create_run(
        Path("runs"),
        name,
        recipe_text=dump(recipe),
        recipe_hash=recipe_hash(recipe),
        data=hash_data([Path("train.jsonl")]),
        exact=True,
    )
    with quiet_libraries():
        trainee = open_trainee(recipe, choose_setup(recipe.train, 100_000))
    torch.manual_seed(1)
    for parameter_name, parameter in trainee.model.named_parameters():
        if "lora_" in parameter_name or "modules_to_save" in parameter_name:
            parameter.data += 0.05 * torch.randn_like(parameter)
    if save:
        trainee.model.save_pretrained(run.adapter)
        trainee.tokenizer.save_pretrained(run.adapter)
        record_base(run.adapter, "./tiny", trainee.source, recipe.train.local.quantization)
    write_json_atomic(run.prompt, {"name": "compact", "version": 1, "schema_hash": None, "base": "./tiny"})
    run.mark_done()
    return run.path


def answers(reference: str) -> list[str]:
    found = questions(Run(Path("runs/r")), open_model(reference).tokenizer)
    return [c.text for c in load_fp32(reference)([PROMPT, *found.prompts], OPTIONS)]


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {name: tensor for file in sorted(folder.glob("*.safetensors")) for name, tensor in load_file(file).items()}


# --- merged -----------------------------------------------------------------------------------------------------


def test_small_models_stay_fp32_and_answer_as_the_run(folder: Path) -> None:
    in_shards(folder / "tiny", torch.bfloat16)
    made = export(str(make_run()), "merged")
    assert made.passed
    assert made.parity is not None
    assert made.parity["pairs"][0]["equal_text"] == 1
    assert made.logits is not None
    assert made.logits["max"] < 1e-4
    found, base = weights(Path(made.out)), weights(folder / "tiny")
    assert {tensor.dtype for tensor in found.values()} == {torch.float32}
    assert (found["model.embed_tokens.weight"] == base["model.embed_tokens.weight"].float()).all()
    config = read_json(Path(made.out) / "config.json")
    assert (config["dtype"], config.get("torch_dtype")) == ("float32", None)
    listed = read_json(Path(made.out) / "model.safetensors.index.json")
    assert listed["metadata"]["total_size"] == sum(4 * tensor.numel() for tensor in found.values())


@pytest.mark.parametrize("merge", [True, False])
def test_positions_of_a_tuned_model_stay_exact_in_bf16(folder: Path, merge: bool) -> None:
    """Rotary frequencies that are rounded with the weights would misplace far tokens."""
    exact = open_model("./tiny", dtype=torch.float32).model.model.rotary_emb.inv_freq
    model = open_model(str(make_run()), dtype=torch.bfloat16, merge=merge).model
    assert {parameter.dtype for name, parameter in model.named_parameters() if "lora" not in name} == {torch.bfloat16}
    assert model.model.rotary_emb.inv_freq.dtype == torch.float32
    assert (model.model.rotary_emb.inv_freq == exact).all()


@pytest.mark.parametrize("words", [(), ("train.lora.rslora=true",), ("train.lora.dora=true",)], ids=["", "rs", "dora"])
def test_merged_is_pefts_sum_in_fp32_rounded_once(folder: Path, words: tuple[str, ...]) -> None:
    in_shards(folder / "tiny", torch.bfloat16)
    run = make_run(*words)
    made = export(str(run), "merged", check=False, dtype="base")
    expected = open_model(str(run), dtype=torch.float32, merge=True).model.state_dict()
    found, base = weights(Path(made.out)), weights(folder / "tiny")
    assert made.changed == 14
    assert found.keys() == base.keys()
    for name, tensor in found.items():
        assert tensor.dtype == torch.bfloat16
        apart = (tensor.float() - expected[name].to(torch.bfloat16).float()).abs()
        assert (apart <= 2**-7 * expected[name].abs()).all()
        assert (apart == 0).float().mean() > 0.999, name
    assert (found["model.embed_tokens.weight"] == base["model.embed_tokens.weight"]).all()
    assert (found["model.layers.0.mlp.up_proj.weight"] != base["model.layers.0.mlp.up_proj.weight"]).any()


@pytest.mark.parametrize("tied", [True, False])
def test_trained_embeddings_are_merged_too(folder: Path, tied: bool) -> None:
    make_tiny_model(folder / "tiny", tie_word_embeddings=tied)
    in_shards(folder / "tiny", torch.float32)
    made = export(str(make_run("train.lora.embeddings=true")), "merged")
    assert made.passed
    assert made.changed == (15 if tied else 16)
    assert made.logits is not None
    assert made.logits["max"] < 1e-4
    found, base = weights(Path(made.out)), weights(folder / "tiny")
    assert found.keys() == base.keys()
    assert (found["model.embed_tokens.weight"] != base["model.embed_tokens.weight"]).any()


@pytest.mark.parametrize("quantization", ["nf4", "int8"])
def test_quantised_runs_merge_into_the_weights_that_the_adapter_saw(folder: Path, quantization: str) -> None:
    pytest.importorskip("bitsandbytes")
    run = make_run(f"train.local.quantization={quantization}")
    seen, original = export(str(run), "merged"), export(str(run), "merged", into_original=True, out="original")
    with quiet_libraries():
        model = open_weights("./tiny", torch.float32, "cpu", quantization)
        held = model.dequantize().state_dict()
    stored = {name: tensor.float() for name, tensor in weights(folder / "tiny").items()}
    rounded = quantized_modules(folder / "tiny", quantization)
    assert len(rounded) == 14
    for module in rounded:
        torch.testing.assert_close(
            dequantized(stored[f"{module}.weight"], quantization), held[f"{module}.weight"].float()
        )
    assert seen.logits
    assert original.logits
    assert seen.logits["mean"] < original.logits["mean"] / (5 if quantization == "nf4" else 1)
    assert "quantization_config" not in read_json(Path(seen.out) / "config.json")


def test_a_merged_folder_answers_as_the_run_here_and_in_a_plain_pipeline(folder: Path) -> None:
    from transformers import pipeline

    run = make_run()
    made = export(str(run), "merged")
    assert made.passed
    assert made.parity
    assert made.parity["pairs"][0]["n"] == 6
    assert made.parity == read_json(Path(made.out) / "parity.json")
    assert made.logits
    assert 0 < made.logits["max"] < 1
    assert answers(made.out) == answers(str(run))
    assert resolve(made.out).adapter is None
    assert load(made.out)([PROMPT], OPTIONS)[0].tokens_out
    with quiet_libraries():
        write = pipeline("text-generation", model=made.out, dtype=torch.float32)
        messages = [{"role": m.role, "content": m.content} for m in PROMPT.messages]
        written = write(messages, max_new_tokens=24, return_full_text=False)[0]["generated_text"]
    [expected] = load_fp32(made.out)([PROMPT], OPTIONS)
    assert written == expected.text
    assert len(set(answers(made.out))) > 1


def load_fp32(reference: str) -> Any:
    from sqltailor.generate.local import LocalModel

    return LocalModel(open_model(reference, dtype=torch.float32))


def test_prompt_template_and_ends_go_along(folder: Path) -> None:
    (folder / "tiny" / "generation_config.json").write_text(
        json.dumps({"do_sample": True, "temperature": 0.7, "top_k": 20, "eos_token_id": [3, 4]})
    )
    out = Path(export(str(make_run()), "merged", check=False).out)
    settings = read_json(out / "generation_config.json")
    assert settings == {"do_sample": False, "eos_token_id": [1, 3, 4], "pad_token_id": 0}
    assert read_json(out / "prompt.json")["name"] == "compact"
    assert (out / "chat_template.jinja").read_text() == (folder / "tiny" / "chat_template.jinja").read_text()
    assert "torch" in (out / "README.md").read_text()


def test_an_adapter_that_is_not_lora_on_linear_layers_is_refused_and_nothing_is_left(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    run = make_run()
    file = run / "adapter" / "adapter_model.safetensors"
    tensors = load_file(file)
    save_file(tensors | {"base_model.model.lm_head.weight": torch.zeros(2, 2)}, file)
    with pytest.raises(ConfigError, match=r"holds base_model\.model\.lm_head\.weight: only LoRA"):
        export(str(run), "merged")
    tied = {f"base_model.model.lm_head.lora_{part}.weight": torch.zeros(2, 2) for part in "AB"}
    save_file(tensors | tied, file)
    with pytest.raises(ConfigError, match="changes lm_head, which the files"):
        export(str(run), "merged")
    assert list((run / "export").iterdir()) == []


def test_another_base_is_refused(folder: Path) -> None:
    run = make_run()
    make_tiny_model(folder / "tiny", seed=5)
    with pytest.raises(BackendError, match="trained on another base model"):
        export(str(run), "merged")


def test_a_run_of_all_weights_is_copied(folder: Path) -> None:
    run = make_run(save=False)
    make_tiny_model(run / "model", seed=3)
    made = export(str(run), "merged")
    assert (made.changed, made.parity, made.logits) == (0, None, None)
    assert (Path(made.out) / "model.safetensors").read_bytes() == (run / "model" / "model.safetensors").read_bytes()
    with pytest.raises(ConfigError, match="is not an adapter"):
        export(str(run), "adapter")


def test_memory_holds_a_tensor_and_not_the_model(tmp_path: Path) -> None:
    """80 MB of weights in 20 tensors are rewritten within 40 MB."""
    from safetensors.torch import save_file

    base, out, adapter = tmp_path / "base", tmp_path / "out", tmp_path / "adapter"
    for path in (base, out, adapter):
        path.mkdir()
    (base / "config.json").write_text("{}")
    names = [f"model.layers.{i}.mlp.up_proj" for i in range(20)]
    save_file({f"{n}.weight": torch.zeros(1024, 1024) for n in names}, base / "model.safetensors")
    lora = {f"base_model.model.{n}.lora_{p}.weight": torch.ones(4, 1024) for n in names for p in "A"}
    lora |= {f"base_model.model.{n}.lora_B.weight": torch.ones(1024, 4) for n in names}
    save_file(lora, adapter / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "task_type": "CAUSAL_LM"}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    code = (
        "import resource, sys; from pathlib import Path; from sqltailor.export.merge import merge, open_adapter\n"
        "base, out, adapter = map(Path, sys.argv[1:])\n"
        "with open_adapter(adapter) as a: import torch; torch.ones(64, 64) @ torch.ones(64, 64)\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = peak(); print(merge(base, out, adapter=adapter), peak() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, base, out, adapter], capture_output=True, text=True, check=True
    ).stdout.split()
    assert done[0] == "20"
    assert int(done[1]) < 40_000, "KiB"
    assert (weights(out)[f"{names[7]}.weight"] == 8).all()


# --- parity -----------------------------------------------------------------------------------------------------


def test_a_merge_that_answers_otherwise_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run()
    monkeypatch.setattr("sqltailor.export.merge.scale", lambda config, module, r: -2.0)
    result = CliRunner().invoke(app, ["export", "r", "--to", "merged"])
    assert result.exit_code == 1
    out = run / "export" / "merged-failed"
    assert f"see {out}/parity.json" in result.output
    [pair] = read_json(out / "parity.json")["pairs"]
    assert pair["agree"] < 0.99
    assert pair["differences"][0].keys() == {"id", "question", "first", "other", "agree"}
    assert pair["differences"][0]["question"].startswith("Names in")
    assert not (run / "export" / "merged").exists()
    assert CliRunner().invoke(app, ["export", "r", "--min-parity", "0"]).exit_code == 0
    assert CliRunner().invoke(app, ["export", "r", "--no-parity"]).exit_code == 0


def test_without_test_data_logits_are_compared_still(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = make_run()
    (folder / "test.jsonl").unlink()
    made = export(str(run), "merged")
    assert made.passed
    assert made.parity is None
    assert made.logits
    assert "answers are not compared" in caplog.text


# --- adapter ----------------------------------------------------------------------------------------------------


def test_an_adapter_folder_works_in_plain_peft_and_pipeline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from peft import AutoPeftModelForCausalLM
    from transformers import pipeline

    run = make_run()
    out = (folder / export(str(run), "adapter").out).resolve()
    expected = load_fp32(str(run))([PROMPT], OPTIONS)[0].text
    monkeypatch.chdir(out.parent)  # a base recorded by a relative path would be lost
    messages = [{"role": m.role, "content": m.content} for m in PROMPT.messages]
    with quiet_libraries():
        write = pipeline("text-generation", model=str(out), dtype=torch.float32)
        written = write(messages, max_new_tokens=24, return_full_text=False, do_sample=False)[0]["generated_text"]
        AutoPeftModelForCausalLM.from_pretrained(out)
    assert written == expected
    assert load_fp32(str(out))([PROMPT], OPTIONS)[0].text == expected
    card = (out / "README.md").read_text()
    assert "library_name: peft" in card
    assert "PeftModel.from_pretrained(model, folder)" in card


# --- hub --------------------------------------------------------------------------------------------------------


def evaluated(run: Path) -> None:
    rate = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 50}
    models = {"./tiny": {"execution": rate | {"value": 0.1}}, str(run): {"execution": rate}}
    write_json_atomic(run / "eval-20260101-000000" / "scores.json", {"models": models})


def test_no_upload_writes_a_folder_with_a_model_card(folder: Path) -> None:
    run = make_run("train.lora.r=8", "train.epochs=2")
    evaluated(run)
    (folder / "tiny" / "README.md").write_text("---\nlicense: apache-2.0\n---\n# tiny\n")
    result = CliRunner().invoke(app, ["export", "r", "--to", "hub", "--no-upload", "--repo", "team/shop", "--json"])
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    assert made["url"] is None
    assert made["to"] == "hub"
    card = (folder / made["out"] / "README.md").read_text()
    sha = read_json(run / "data.json")["train.jsonl"]["sha256"]
    for part in (
        "license: apache-2.0\nlibrary_name: transformers\npipeline_tag: text-generation",
        "| execution | 10.0 % [70.0, 90.0] n=50 | 80.0 % [70.0, 90.0] n=50 |",
        "| metric | tiny | this model |",
        f"| train.jsonl | 4 | `{sha[:16]}` |",
        "| LoRA | r 8, alpha 32",
        "| length | 2 epochs |",
        "the prompt `compact`, version 1",
        "pipeline(\"text-generation\", model='team/shop')",
        "Of 6 answers, 100.0 % are the same statement",
        "## Limits",
    ):
        assert part in card
    assert str(folder) not in card, "a path of this machine"


def test_the_python_of_a_model_card_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run()
    codes = []
    for target in ("merged", "adapter"):
        made = export(str(run), target, out=f"out-{target}", check=False)
        text = (Path(made.out) / "README.md").read_text().replace("base = 'tiny'", "base = './tiny'")
        [code] = [part.partition("```")[0] for part in text.split("```python\n")[1:]]
        codes.append(code.replace("max_new_tokens=24", "max_new_tokens=8"))
    exec("\n".join(codes), {})
    assert len(capsys.readouterr().out.split("\n")) > 2


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let huggingface_hub connect, though HF_HUB_OFFLINE, which it reads when imported, may be set for the tests."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture
def hub(online: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    with hub_double() as double:
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield double


def test_the_hub_gets_the_model_and_no_test_questions(folder: Path, hub: Hub) -> None:
    run = make_run()
    result = CliRunner().invoke(app, ["export", "r", "--to", "hub", "--repo", "team/shop", "--private"])
    assert result.exit_code == 0, result.output
    assert f"{hub.url}/team/shop" in result.stdout
    assert hub.repos["team/shop"].get("private") or hub.repos["team/shop"].get("visibility") == "private"
    files = hub.files["team/shop"]
    assert {"config.json", "README.md", "tokenizer.json", "prompt.json", "model.safetensors.index.json"} <= set(files)
    assert not {"parity.json", "export.json", "recipe.yaml"} & set(files)
    for name in ("README.md", *(name for name in files if name.endswith(".safetensors"))):
        assert files[name] == (run / "export" / "hub" / name).read_bytes()
    assert not [name for name, content in files.items() if str(folder).encode() in content]


def test_the_adapter_alone_under_the_runs_name_again_and_again(folder: Path, hub: Hub) -> None:
    run = make_run()
    for _ in range(2):
        made = export(str(run), "hub", upload=Upload(adapter_only=True))
        assert made.url == f"{hub.url}/alice/r"
    files = hub.files["alice/r"]
    assert "adapter_model.safetensors" in files
    assert "model.safetensors" not in files
    assert json.loads(files["adapter_config.json"])["base_model_name_or_path"] == "tiny"
    assert not [name for name, content in files.items() if str(folder).encode() in content]


@pytest.mark.parametrize(
    ("status", "said"), [(401, "HF_TOKEN is not valid"), (403, "may not write to 'r'"), (404, "not visible")]
)
def test_what_the_hub_refuses_is_told(folder: Path, hub: Hub, status: int, said: str) -> None:
    hub.refuse = status
    with pytest.raises(BackendError, match=said):
        export(str(make_run()), "hub", upload=Upload(adapter_only=True))


def test_a_hub_that_is_not_there_and_a_missing_token_are_told(
    folder: Path, online: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    with pytest.raises(ConfigError, match="HF_TOKEN"):
        export(str(run), "hub", upload=Upload(adapter_only=True))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BackendError, match="cannot be reached"):
        export(str(run), "hub", upload=Upload(adapter_only=True))
    with pytest.raises(ConfigError, match="not a repository name"):
        export(str(run), "hub", upload=Upload(repo="a/b/c", adapter_only=True))


def test_offline_nothing_is_uploaded(folder: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BackendError, match="HF_HUB_OFFLINE is set, so nothing is uploaded"):
        export(str(make_run()), "hub", upload=Upload(adapter_only=True))
    assert hub.repos == {}


# --- the command ------------------------------------------------------------------------------------------------


def test_the_newest_run_is_exported_and_foreign_folders_are_left_alone(folder: Path) -> None:
    make_run(name="old")
    run = make_run(name="new")
    result = CliRunner().invoke(app, ["export", "--no-parity", "--json"])
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    assert made == {
        "run": str(run),
        "to": "merged",
        "out": str(run / "export" / "merged"),
        "passed": True,
        "changed": 14,
        "logits": None,
        "parity": None,
        "url": None,
    }
    assert CliRunner().invoke(app, ["export", "--no-parity"]).exit_code == 0, "an export may be made again"
    (folder / "mine").mkdir()
    (folder / "mine" / "thesis.txt").write_text("work")
    with pytest.raises(ConfigError, match="not made by an export"):
        export(str(run), "merged", out="mine")
    assert (folder / "mine" / "thesis.txt").read_text() == "work"


@pytest.mark.slow
def test_gguf_files_of_a_run_are_asked_and_how_far_they_are_is_told(folder: Path) -> None:
    pytest.importorskip("gguf")
    if importlib.util.find_spec("cyllama") is None:
        missing("llama.cpp", "pip install cyllama")
    run = make_run()
    result = CliRunner().invoke(app, ["export", "r", "--to", "gguf", "--quantize", "f16", "--quantize", "q8_0"])
    assert result.exit_code == 0, result.output
    out = run / "export" / "gguf"
    files = {path.name for path in out.iterdir()}
    assert files == {"r-f16.gguf", "r-q8_0.gguf", "Modelfile", "README.md", "parity.json", "export.json"}
    pairs = read_json(out / "parity.json")["pairs"]
    assert [(p["other"], p["gated"], p["n"]) for p in pairs] == [
        ("export", True, 6),
        ("GGUF f16", False, 6),
        ("GGUF q8_0", False, 6),
    ]
    assert pairs[1]["equal_text"] >= 0.5, "of random weights, which rounding turns over more easily than learned ones"
    assert "GGUF q8_0, in llama.cpp: of 6 answers" in result.output
    assert "The file GGUF q8_0 in llama.cpp: of 6 answers" in (out / "README.md").read_text()


def test_a_named_base_is_exported_by_its_name() -> None:
    assert [run_reference(name) for name in ("nano", "coder-0.5b")] == ["nano", "coder-0.5b"]


def test_unknown_words_are_told(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"Unknown export target 'ggu'\. Did you mean 'gguf'\?"):
        export(str(make_run()), "ggu")
    result = CliRunner().invoke(app, ["export", "r", "--merge-into", "orginal"])
    assert "Did you mean 'original'" in str(result.exception)
    result = CliRunner().invoke(app, ["export", "r", "--quantize", "q8_0"])
    assert "Add --to gguf" in str(result.exception)
    assert set(TARGETS) == {"adapter", "merged", "gguf", "hub"}
