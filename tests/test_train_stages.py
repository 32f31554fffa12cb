"""Reading documents, several stages in one recipe, and what a plan says before anything is loaded."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from sqltailor.errors import ConfigError, DataError
from sqltailor.recipe import load_recipe
from sqltailor.runs import read_json, read_jsonl
from sqltailor.train import plan, train
from sqltailor.train.planning.preflight import Lengths, check, make_plan
from sqltailor.train.planning.sizes import Sizes, base_config, count
from sqltailor.train.rows.training_data import hash_material, read_documents
from sqltailor.train.running.base_model import Setup

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from tests.support.tiny_model import make_tiny_model  # noqa: E402
from tests.test_train import BASIC, Stop, losses, metrics, write_examples  # noqa: E402

TEXT = "\n\n".join(
    f"A customer of segment {i} is active when an order was placed in the last {i} days." for i in range(40)
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a model, examples and a data dictionary."""
    monkeypatch.chdir(tmp_path)
    make_tiny_model(tmp_path / "tiny")
    write_examples(tmp_path / "train.jsonl", 16)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "dictionary.md").write_text(TEXT)
    (tmp_path / "notes" / "short.txt").write_text("Orders are never deleted.")
    return tmp_path


def recipe(*words: str) -> Any:
    return load_recipe(None, [*BASIC, "train.name=r", *words], env={})


def test_documents_are_read_and_some_paragraphs_held_out(folder: Path) -> None:
    texts, held_out = read_documents(recipe("data.documents=notes").recipe)
    assert 1 <= len(held_out) <= 8
    assert "Orders are never deleted." in texts
    assert not any(paragraph in text for paragraph in held_out for text in texts)
    assert sorted([*held_out, *texts[0].split("\n\n")]) == sorted(TEXT.split("\n\n"))
    with pytest.raises(DataError, match=r"data\.documents lists absent"):
        read_documents(recipe("data.documents=absent").recipe)


def test_what_is_no_text_in_a_folder_of_documents_is_left_out(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "notes" / "scan.png").write_bytes(b"\x89PNG\xff\x00")
    (folder / "notes" / "dump.bin").write_bytes(b"\0\1\2")
    texts, _ = read_documents(recipe("data.documents=notes/").recipe)
    assert "Orders are never deleted." in texts
    assert caplog.messages == [
        "skipped in data.documents, since they are not readable text: notes/dump.bin, notes/scan.png"
    ]
    with pytest.raises(DataError, match=r"notes/scan\.png is not readable text"):
        read_documents(recipe("data.documents=[notes/dictionary.md, notes/scan.png]").recipe)
    for name in ("dictionary.md", "short.txt"):
        (folder / "notes" / name).unlink()
    with pytest.raises(DataError, match="no documents to read"):
        read_documents(recipe("data.documents=notes").recipe)


def test_a_folder_of_documents_is_there_and_its_files_are_hashed(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hashes = hash_material(recipe("data.documents=notes/").recipe)
    assert {"notes/dictionary.md", "notes/short.txt"} <= set(hashes)
    assert not any("notes" in message for message in caplog.messages)


def pdf(*lines: str) -> bytes:
    """A PDF of one page, by hand."""
    shown = "".join(f"({line}) Tj 0 -20 Td " for line in lines)
    stream = f"BT /F1 12 Tf 50 700 Td {shown}ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R"
        b" /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 5\n0000000000 65535 f \n" + table + trailer


def test_manuals_in_pdf_are_read(folder: Path) -> None:
    pytest.importorskip("pypdf")
    Path("manual.pdf").write_bytes(pdf("A churned customer", "ordered nothing for 90 days."))
    [text], _ = read_documents(recipe("data.documents=manual.pdf").recipe)
    assert " ".join(text.split()) == "A churned customer ordered nothing for 90 days."
    Path("manual.pdf").write_bytes(pdf())
    with pytest.raises(DataError, match="pages are images"):
        read_documents(recipe("data.documents=manual.pdf").recipe)
    Path("manual.pdf").write_bytes(b"%PDF-1.4 broken")
    with pytest.raises(DataError, match=r"manual\.pdf is not a readable PDF"):
        read_documents(recipe("data.documents=manual.pdf").recipe)


@pytest.mark.parametrize("packing", ["none", "bfd"])
def test_reading_documents_lowers_their_perplexity(folder: Path, packing: str) -> None:
    words = ("train.method=pretrain", "data.documents=notes", "train.max_length=64", "train.epochs=6")
    result = train(recipe(*words, f"train.local.packing={packing}", "train.learning_rate=0.01"))
    measured = [row["eval_loss"] for row in metrics(result) if "eval_loss" in row]
    assert measured[-1] < measured[0]
    assert result.eval_loss is not None
    assert math.exp(result.eval_loss) < math.exp(measured[0])


STAGES = (
    "data.documents=notes",
    "train.max_length=64",
    'train.stages=[{"method": "pretrain", "epochs": 2, "local": {"save_steps": 4}}, {"method": "sft", "epochs": 3}]',
)


def test_stages_run_one_after_the_other(folder: Path) -> None:
    result = train(recipe(*STAGES))
    rows = metrics(result)
    assert {row["stage"] for row in rows} == {1, 2}
    run = Path(result.run)
    assert (run / "adapter" / "adapter_model.safetensors").is_file()
    assert read_json(run / "adapter" / "base.json")["reference"] == "./tiny"
    assert (run / "stages" / "1-pretrain" / "adapter").is_dir()
    assert result.steps == max(row["step"] for row in rows if row["stage"] == 2)
    plain = train(recipe("train.name=plain", "train.max_length=64", "train.epochs=3"))
    assert next(row["loss"] for row in rows if row["stage"] == 2 and "loss" in row) != losses(plain)[0]


@pytest.mark.parametrize("start", [plan, train])
def test_all_stages_are_checked_before_the_first(folder: Path, start: Any) -> None:
    rows = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    for row in rows:
        del row["schema"]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ConfigError, match=r"Stage 2, method sft, needs .* schema.* database\.url="):
        start(recipe(*STAGES))
    (folder / "recipe.yaml").write_text("database: {url: 'sqlite:///shop.db'}\n")
    named = load_recipe("continued-pretraining", [*BASIC, *STAGES], env={})
    with pytest.raises(ConfigError, match=r"recipe\.yaml of this folder is not read, since .*'continued-pretraining'"):
        start(named)
    with pytest.raises(DataError, match=r"Stage 2, method sft, has no training data: data\.train lists gone\.jsonl"):
        start(recipe(*STAGES, "data.train=gone.jsonl"))
    assert not (folder / "runs").exists()


def test_documents_are_read_before_a_run_is_made(folder: Path) -> None:
    (folder / "scan.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(DataError, match=r"scan\.png is not readable text"):
        train(recipe("train.method=pretrain", "data.documents=scan.png"))
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("stage", [1, 2])
def test_a_crash_in_a_stage_is_continued_there(folder: Path, stage: int) -> None:
    def crash(row: dict[str, Any], steps: int) -> None:
        if row["stage"] == stage and row["step"] == 6:
            raise Stop

    unbroken = train(recipe(*STAGES, "train.name=unbroken"))
    with pytest.raises(Stop):
        train(recipe(*STAGES), progress=crash)
    resumed = train(recipe(*STAGES))
    assert losses(resumed) == pytest.approx(losses(unbroken), abs=1e-6)
    assert [(row["stage"], row["step"]) for row in metrics(resumed)] == [
        (row["stage"], row["step"]) for row in metrics(unbroken)
    ]


def test_a_plan_says_what_training_takes_and_writes_nothing(folder: Path) -> None:
    planned = plan(recipe("train.epochs=2"))
    assert planned.fits
    (only,) = planned.stages
    assert (only.examples, only.steps, only.micro_batch) == (16, 8, 4)
    assert only.computed_tokens < only.tokens
    text = planned.text()
    assert "= 0.6 GB; fits into the" in text
    assert json.loads(json.dumps(planned.to_json()))["stages"][0]["memory_gb"]["runtime"] == 0.6
    assert not (folder / "runs").exists()
    assert len(plan(recipe(*STAGES)).stages) == 2


def test_sizes_are_those_of_the_model(folder: Path) -> None:
    result = train(recipe("train.epochs=1"))
    only = plan(recipe("train.epochs=1")).stages[0]
    from safetensors.torch import load_file

    adapter = load_file(Path(result.run) / "adapter" / "adapter_model.safetensors")
    assert only.trainable == sum(weight.numel() for weight in adapter.values())
    weights = load_file(folder / "tiny" / "model.safetensors")
    assert only.parameters == sum(weight.numel() for weight in weights.values())


def qlora(**local: Any) -> tuple[Any, Sizes, Setup]:
    section = load_recipe("qlora-8b-24gb", env={}).recipe.train
    section = section.model_copy(update={"local": section.local.model_copy(update=local)})
    config = base_config("meta-llama/Llama-3.1-8B")
    return section, count(config, section), Setup("cuda", torch.bfloat16, "sdpa", True, section.local.quantization)


def test_qlora_of_8b_fits_a_card_of_24_gb() -> None:
    """r=256 on all linear layers: each (in, out) adds 256 * (in + out) parameters, 671 M in all."""
    section, sizes, setup = qlora()
    shapes = [(4096, 4096), (4096, 1024), (4096, 1024), (4096, 4096), (4096, 14336), (4096, 14336), (14336, 4096)]
    by_hand = 32 * sum(256 * (inputs + outputs) for inputs, outputs in shapes)
    assert sizes.trainable == by_hand == 671_088_640
    assert sizes.parameters == 8_030_261_248
    planned = make_plan("8B", section, setup, sizes, Lengths(10_000, 0, 4_000_000, 4_000_000, 2048))
    assert planned.card_gb == 24
    assert planned.micro_batch == 1
    assert 18 < planned.needs_gb < 24 * 0.92
    assert planned.steps == 3750


def test_what_does_not_fit_is_refused_with_a_remedy() -> None:
    section, sizes, setup = qlora(quantization="none")
    planned = make_plan("8B", section, setup, sizes, Lengths(10_000, 0, 4_000_000, 4_000_000, 2048))
    assert planned.card_gb == 40
    cramped = planned.__class__(**{**vars_of(planned), "available_gb": 16.0})
    with pytest.raises(ConfigError, match=r"does not fit into the 16\.0 GB.*\n.*quantization=nf4"):
        check(cramped)


def vars_of(planned: Any) -> dict[str, Any]:
    return {name: getattr(planned, name) for name in planned.__dataclass_fields__}


def test_the_micro_batch_shrinks_to_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    section, sizes, setup = qlora(micro_batch="auto")
    monkeypatch.setattr("sqltailor.train.planning.preflight.available_gb", lambda device: 26.0)
    lengths = Lengths(10_000, 0, 4_000_000, 4_000_000, 2048)
    assert make_plan("8B", section, setup, sizes, lengths, seconds=False).micro_batch == 2
    monkeypatch.setattr("sqltailor.train.planning.preflight.available_gb", lambda device: 80.0)
    assert make_plan("8B", section, setup, sizes, lengths, seconds=False).micro_batch == 8


@pytest.mark.parametrize("name", ["qlora-8b-24gb", "lora-colab", "continued-pretraining", "grpo-execution", "demo"])
def test_the_shipped_recipes_bases_have_known_sizes(name: str) -> None:
    resolved = load_recipe(name, env={})
    if resolved.recipe.base != "nano":
        assert base_config(resolved.recipe.base).num_hidden_layers > 8


def test_metrics_of_later_steps_are_forgotten(tmp_path: Path) -> None:
    from sqltailor.train.running.checkpoints import forget_after

    file = tmp_path / "metrics.jsonl"
    rows = [{"stage": 1, "step": 1}, {"stage": 1, "step": 2}, {"stage": 2, "step": 1}, {"stage": 2, "step": 2}]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"torn')
    forget_after(file, 1, 2)
    assert list(read_jsonl(file)) == rows[:3]
