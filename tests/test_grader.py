"""The grader of reinforcement fine-tuning: as a function, and from its package as AWS Lambda calls it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from sqltailor.cloud.bedrock.grader import DATABASE, SETTINGS, open_grader
from sqltailor.errors import ConfigError, DataError
from tests.support.cli_project import make_database, ok_json, run

GOLD = "SELECT count(*) FROM stop"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as the package has it."""
    make_database(tmp_path / DATABASE)
    said = {"dialect": "sqlite", "timeout_s": 5, "allow": [], "deny": ["line"]}
    (tmp_path / SETTINGS).write_text(json.dumps(said))
    return tmp_path


def sample(answer: str, gold: Any = GOLD, **changes: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": "How many stops?"}, {"role": "assistant", "content": answer}]
    return {"id": "a", "messages": turns, "metadata": {"reference_answer": gold}} | changes


def test_answers_earn_what_they_return(folder: Path) -> None:
    asked = [
        sample("```sql\nSELECT count(id) FROM stop\n```"),
        sample("SELECT 99 FROM stop", {"sql": [GOLD, "SELECT count(*) + 1 FROM stop"]}),
        sample("DROP TABLE stop"),
        sample("SELECT count(*) FROM line"),
        sample("I do not know."),
        sample("SELECT count(id) FROM stop", id="b"),
        sample("-- cannot answer: there are no fares", "-- cannot answer: no such table"),
    ]
    grades = open_grader(folder)(asked)
    assert [grade["id"] for grade in grades] == ["a", "a", "a", "a", "a", "b", "a"]
    assert [grade["aggregate_reward_score"] for grade in grades] == [1.0, 0.2, 0.0, 0.0, 0.0, 1.0, 1.0]
    assert grades[0]["metrics_list"] == [{"name": "execution", "value": 1.0, "type": "Metric"}]
    assert grades[1]["metrics_list"][0]["value"] == 0.0


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (sample("SELECT 1", None), "needs an id"),
        (sample("SELECT 1", {"sql": [1]}), "needs an id"),
        (sample("SELECT 1", messages=[]), "do not end with an answer"),
        (sample("SELECT 1", "SELECT nothing FROM nowhere"), "is not right itself"),
    ],
)
def test_a_sample_that_cannot_be_graded_is_an_error(folder: Path, broken: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        open_grader(folder)([broken])


@pytest.mark.slow
def test_the_package_runs_by_itself_where_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_database(tmp_path / "tram.db")
    with sqlite3.connect(tmp_path / "tram.db") as database:
        database.execute("PRAGMA journal_mode = WAL")
    built = ok_json("aws", "grader", "--database", "sqlite:///tram.db")
    assert built["handler"] == "lambda_function.lambda_handler"
    with zipfile.ZipFile(built["path"]) as archive:
        assert not [name for name in archive.namelist() if name.startswith(("/", "..")) or "safetensors" in name]
        archive.extractall("task")
    for path in [tmp_path / "task", *(tmp_path / "task").rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    event = [sample("SELECT count(id) FROM stop"), sample("SELECT 1")]
    program = "import json, lambda_function as f; print(json.dumps(f.lambda_handler(json.loads(input()), None)))"
    found = subprocess.run(
        [sys.executable, "-S", "-c", program],
        cwd=tmp_path / "task",
        input=json.dumps(event),
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tmp_path / "task")},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    assert [grade["aggregate_reward_score"] for grade in json.loads(found.stdout)] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--database", "postgresql://u@h/d"), "takes a copy of a SQLite file along, not postgresql"),
        ((), "not no database"),
    ],
)
def test_other_databases_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=said):
        raise run("aws", "grader", *words).exception or AssertionError
    assert not list(tmp_path.iterdir())


def test_where_lambda_would_not_run_it_nothing_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_database(tmp_path / "tram.db")
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(ConfigError, match="Build the grader in a container"):
        raise run("aws", "grader", "--database", "sqlite:///tram.db").exception or AssertionError
