"""The shipped recipes, each really run: a tiny base, a few rows, a few steps, and every other key as it is shipped."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sqltailor.recipe import load_recipe
from sqltailor.runs import read_json
from sqltailor.train import train

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

from tests.support.tiny_model import make_tiny_model  # noqa: E402
from tests.test_train import DDL, metrics, write_examples  # noqa: E402


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_tiny_model(tmp_path / "tiny")
    return tmp_path


def run(name: str, *words: str) -> Path:
    resolved = load_recipe(name, ["base=./tiny", "train.name=r", "train.local.device=cpu", *words], env={})
    return Path(train(resolved).run)


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_qlora_8b_24gb(folder: Path) -> None:
    rows = [
        {
            "question": f"How many live in city {i}?",
            "context": DDL,
            "answer": f"SELECT COUNT(*) FROM customer LIMIT {i}",
        }
        for i in range(20)
    ]
    write_rows(folder / "rows.jsonl", rows)
    made = run("qlora-8b-24gb", "data.train=rows.jsonl", "train.max_steps=2")
    assert [row["lr"] for row in metrics(str(made))] == [2e-4, 2e-4]
    assert read_json(made / "adapter" / "adapter_config.json")["r"] == 256
    assert read_json(made / "adapter" / "base.json")["quantization"] == "nf4"
    assert (made / "data" / "test.jsonl").is_file()


def test_lora_colab(folder: Path) -> None:
    """Its fp16 is for GPUs."""
    asked = "### Instruction:\nHow many heads are older than {} ?\n\n### Input:\n{}\n\n### Response:"
    rows = [{"input": asked.format(i, DDL), "output": f"SELECT {i} FROM customer"} for i in range(20)]
    write_rows(folder / "rows.jsonl", rows)
    made = run("lora-colab", "data.train=rows.jsonl", "train.max_steps=3", "train.local.dtype=fp32")
    assert len(metrics(str(made))) == 3
    assert read_json(made / "adapter" / "adapter_config.json")["r"] == 16


def test_continued_pretraining(folder: Path) -> None:
    (folder / "documents").mkdir()
    (folder / "documents" / "dictionary.md").write_text("\n\n".join(f"Column c{i} counts things." for i in range(40)))
    (folder / "documents" / "queries.sql").write_text("SELECT COUNT(*) FROM customer;\n" * 20)
    (folder / "data").mkdir()
    write_examples(folder / "data" / "train.jsonl", 8)
    write_examples(folder / "data" / "validation.jsonl", 4, begin="Now. ")
    made = run("continued-pretraining", "train.max_length=144")
    rows = metrics(str(made))
    assert {row["stage"] for row in rows} == {1, 2}
    assert {row["stage"] for row in rows if "eval_loss" in row} == {1, 2}
    assert read_json(made / "adapter" / "adapter_config.json")["use_rslora"]


def test_grpo_execution(folder: Path) -> None:
    with sqlite3.connect(folder / "shop.db") as database:
        database.execute(DDL)
        database.execute("INSERT INTO customer VALUES (1, 'Ann', 'Lyon', 'FR')")
    (folder / "data").mkdir()
    write_examples(folder / "data" / "train.jsonl", 8)
    words = ("database.url=sqlite:///shop.db", "prompt.name=compact", "train.max_length=512")
    made = run("grpo-execution", *words)
    rows = metrics(str(made))
    assert len([row for row in rows if row["stage"] == 1]) == 2
    assert len([row["reward"] for row in rows if row["stage"] == 2]) == 4
    assert (made / "adapter" / "adapter_model.safetensors").is_file()
