"""The middle of the journey on the command line: train a two-layer model, then evaluate and ask it by default."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sqltailor.generate.bases import BASES
from tests.support.cli_project import make_database, ok, ok_json, run, write_test_file

pytest.importorskip("torch")
pytest.importorskip("trl")

from tests.support.tiny_model import make_tiny_model

RECIPE = """\
database: {url: 'sqlite:///tram.db'}
data: {train: [data/train.jsonl], test: [data/test.jsonl]}
prompt: {name: compact}
base: ./tiny
train: {epochs: 1, batch: 2, max_length: 512}
generate: {max_tokens: 12}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose base model is tiny and writes nonsense."""
    folder = tmp_path_factory.mktemp("project")
    make_database(folder / "tram.db")
    write_test_file(folder / "data" / "test.jsonl")
    rows = [json.loads(line) for line in (folder / "data" / "test.jsonl").read_text().splitlines()]
    others = [
        row | {"id": f"t{i}", "question": f"Tell me in case {i}: {row['question']}"} for i, row in enumerate(rows)
    ]
    (folder / "data" / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in others))
    make_tiny_model(folder / "tiny")
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


@pytest.fixture(autouse=True)
def _inside(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.delenv("DATABASE_URL", raising=False)


def test_a_plan_costs_nothing() -> None:
    assert "steps" in ok("train", "--dry-run").stdout
    assert not Path("runs").exists()


@pytest.mark.parametrize("base", [name for name, base in BASES.items() if base.bytes])
def test_a_plan_downloads_nothing(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLTAILOR_CACHE", str(tmp_path / "empty"))
    planned = run("train", f"base={base}", "--dry-run").stdout
    assert f"download: {BASES[base].bytes / 1e6:,.0f} MB of {base}, which is not here yet" in planned
    words = ("prompt.examples=2", "prompt.nearest=meaning", "train.max_length=100")  # too short in the tokens of nano
    assert "the longest 100" in ok("train", f"base={base}", "--dry-run", *words).stdout
    assert not (tmp_path / "empty" / "files").exists()
    parameters = int(json.loads(run("train", f"base={base}", "--dry-run", "--json").stdout)["stages"][0]["parameters"])
    assert parameters == pytest.approx(BASES[base].parameters, rel=0.001)


def test_what_was_trained_is_evaluated_against_its_base_and_asked_by_default() -> None:
    trained = ok_json("train", "train.name=first")
    assert set(trained) == {"run", "steps", "train_loss", "eval_loss", "tokens_per_s", "seconds", "job"}
    assert (trained["run"], trained["steps"], trained["job"]) == ("runs/first", 3, None)
    assert Path("runs/first/DONE").is_file()

    found = ok_json("eval", "--limit", "3")
    assert list(found["models"]) == ["./tiny", "runs/first"]
    assert {(pair["a"], pair["b"]) for pair in found["paired"]} == {("./tiny", "runs/first")}
    assert Path(found["run"]).parent == Path("runs/first")

    result = run("ask", "How many stops are there?", "--json")
    assert "model: runs/first" in result.stderr
    assert json.loads(result.stdout)["model"] == "runs/first"
    assert ok("report").stdout == f"{found['run']}/report.html\n"


def test_a_finished_run_is_not_trained_again() -> None:
    error = run("train", "train.name=first", "train.epochs=2").exception
    assert "runs/first" in str(error)


def test_a_run_goes_on_with_what_people_said() -> None:
    kept = {"id": "f1", "question": "Which stop is in zone 3?", "sql": ["SELECT name FROM stop WHERE zone = 3"]}
    opinion = {"id": "f2", "question": "Is it nice?", "good": False, "answered": "SELECT 1", "source": "feedback"}
    Path("feedback.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (kept, opinion)))
    if not Path("runs/first/DONE").exists():
        ok("train", "train.name=first")
    trained = ok_json(
        "train", "--from", "runs/first", "--add", "feedback.jsonl", "train.name=second", "train.max_steps=2"
    )
    assert trained["run"] == "runs/second"
    recipe = Path("runs/second/recipe.yaml").read_text()
    assert "base: runs/first" in recipe
    assert "feedback.jsonl" in recipe
    assert set(json.loads(Path("runs/second/data.json").read_text())) >= {"data/train.jsonl", "feedback.jsonl"}
    assert "left out of training: 1 row (opinion)" in Path("runs/second/log.txt").read_text()
    Path("opinions.jsonl").write_text((json.dumps(opinion) + "\n") * 60)
    told = str(run("train", "--from", "runs/first", "--add", "opinions.jsonl", "--dry-run").exception)
    assert "Nothing can be learned from opinions.jsonl: 60 rows (opinion)" in told
    Path("tested.jsonl").write_text(Path("data/test.jsonl").read_text())
    told = str(run("train", "--from", "runs/first", "--add", "tested.jsonl", "--dry-run").exception)
    assert "Nothing can be learned from tested.jsonl: each of its" in told
    assert "no file nothing.jsonl" in str(run("train", "--add", "nothing.jsonl").exception)
    assert "runs/nothing" in str(run("train", "--from", "runs/nothing").exception)


def test_a_sweep_compares_its_runs_and_goes_on_where_it_was_interrupted() -> None:
    words = ("train.name=s", 'train.sweep={"lora.r": [2, 4]}', "train.max_steps=2")
    assert run("train", "--dry-run", *words).stdout.count("memory:") == 2
    first = ok_json("train", *words)
    assert [entry["values"] for entry in first] == ["lora.r=2", "lora.r=4"]
    assert [json.loads((Path(e["run"]) / "adapter" / "adapter_config.json").read_text())["r"] for e in first] == [2, 4]
    made = Path("runs/s-lora.r-2/DONE").stat().st_mtime_ns
    again = ok("train", *words)
    assert "s-lora.r-4" in again.stdout
    assert Path("runs/s-lora.r-2/DONE").stat().st_mtime_ns == made


@pytest.mark.parametrize("name", ["b dir", "übung", "-x"])
def test_a_sweep_in_a_folder_with_any_name(project: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project / name
    folder.mkdir()
    text = RECIPE.replace("./tiny", "../tiny").replace("data/", "../data/").replace("///tram", "///../tram")
    (folder / "recipe.yaml").write_text(text)
    monkeypatch.chdir(folder)
    assert "lora.r=4" in ok("train", 'train.sweep={"lora.r": [2, 4]}', "--dry-run").stdout


def test_only_the_first_process_prints_what_came_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import sqltailor.train

    done = sqltailor.train.TrainResult("runs/two", 3, 0.1, None, None, 1.0)
    monkeypatch.setattr(sqltailor.train, "train", lambda *given, **more: done)
    assert "next:" in ok("train").stderr
    monkeypatch.setenv("RANK", "1")
    second = ok("train")
    assert (second.stdout, second.stderr) == ("", "")
