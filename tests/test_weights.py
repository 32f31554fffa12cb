"""Real base models, downloaded once: they answer, are trained, and say the same after a conversion to GGUF and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqltailor.asker import open_asker
from sqltailor.generate import load
from sqltailor.generate.bases import BASES, folder_of
from sqltailor.project import Project
from sqltailor.recipe import load_recipe
from sqltailor.runs import read_json, read_jsonl
from sqltailor.train import train
from tests.test_train import write_examples

torch = pytest.importorskip("torch")
pytest.importorskip("trl")

pytestmark = [pytest.mark.weights, pytest.mark.timeout(900)]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of one table with three rows, in the working folder."""
    import sqlite3

    monkeypatch.chdir(tmp_path)
    with sqlite3.connect("shop.db") as connection:
        connection.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, country TEXT)")
        rows = [(1, "Ada", "Lyon", "France"), (2, "Ben", "Oslo", "Norway"), (3, "Cleo", "Lyon", "France")]
        connection.executemany("INSERT INTO customer VALUES (?, ?, ?, ?)", rows)
    connection.close()
    return "sqlite:///shop.db"


@pytest.mark.parametrize("base", ["small", "coder-0.5b"])
def test_a_base_answers_a_plain_question_without_any_tuning(shop: str, base: str) -> None:
    with Project(load_recipe(None, [f"database.url={shop}"], env={}).recipe) as project:
        reply = open_asker(project, base)("How many customers live in Lyon?")
    assert reply.result is not None, reply
    assert reply.result.rows == [(2,)]


def test_the_weights_are_tied_and_say_where_they_are_from() -> None:
    from transformers import AutoModelForCausalLM

    folder = folder_of(BASES["coder-0.5b"])
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    assert model.num_parameters() == BASES["coder-0.5b"].parameters
    assert model.get_input_embeddings().weight is model.get_output_embeddings().weight
    assert read_json(folder / "source.json")["gguf"] == BASES["coder-0.5b"].sha256


def test_a_base_is_trained_and_its_run_loads(shop: str, tmp_path: Path) -> None:
    write_examples(tmp_path / "train.jsonl", 16)
    words = ["data.train=train.jsonl", "base=coder-0.5b", "train.max_steps=3", "train.batch=4", "train.name=r"]
    trained = train(load_recipe(None, words, env={}))
    losses = [row["loss"] for row in read_jsonl(Path(trained.run) / "metrics.jsonl") if "loss" in row]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert read_json(Path(trained.run) / "adapter" / "base.json")["reference"] == "coder-0.5b"
    assert load(trained.run, batch=1)
    assert (Path(trained.run) / "merged" / "model.safetensors").stat().st_size == pytest.approx(988e6, rel=0.01)
