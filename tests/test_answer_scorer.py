"""One answer at a time: the plain function, and the example that gives it to inspect_ai."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import sqltailor
from sqltailor.errors import ConfigError, DataError
from tests.support.cli_project import QUESTIONS, make_database, write_test_file

EXAMPLE = Path(__file__).parent.parent / "examples" / "inspect_sql.py"
GOLD = "SELECT name FROM stop WHERE zone = 1"


@pytest.fixture
def tram(tmp_path: Path) -> str:
    return str(make_database(tmp_path / "tram.db"))


@pytest.mark.parametrize(
    ("answer", "outcome", "score"),
    [
        ("```sql\nSELECT name FROM stop WHERE id < 3\n```", "correct", 1),
        ('SELECT name FROM stop WHERE name IN ("Harbour", "Market")', "correct", 1),
        ("SELECT name FROM stop", "wrong", 0),
        ("DELETE FROM stop", "refused", 0),
        ("SELECT names FROM stop", "schema_error", 0),
        ("I do not know.", "no_sql", 0),
    ],
)
def test_an_answer_is_run_beside_its_gold(tram: str, answer: str, outcome: str, score: int) -> None:
    with sqltailor.open_scorer(tram, metrics=["execution"]) as score_answer:
        found = score_answer(answer, GOLD)
    assert (found.outcome, found.scores) == (outcome, {"execution": score})


def test_any_gold_will_do_and_one_that_fails_is_not_blamed_on_the_answer(tram: str) -> None:
    with sqltailor.open_database(tram) as database:
        score = sqltailor.open_scorer(database)
        assert score("SELECT colour FROM line", [GOLD, "SELECT colour FROM line"]).outcome == "correct"
        found = score("SELECT 1", "SELECT nothing FROM stop")
    assert found.outcome == "gold_error"
    assert "execution" not in found.scores


def test_a_folder_of_databases_and_threads(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with closing(sqlite3.connect(tmp_path / f"{name}.db")) as db, db:
            db.execute(f"CREATE TABLE t AS SELECT '{name}' AS x")
    with sqltailor.open_scorer(str(tmp_path)) as score, ThreadPoolExecutor(4) as pool:
        said = [(f"SELECT '{name}'", "SELECT x FROM t", db_id) for name in "ab" for db_id in "ab"] * 4
        outcomes = [found.outcome for found in pool.map(lambda row: score(*row), said)]
        assert outcomes == ["correct", "wrong", "wrong", "correct"] * 4
        assert score("SELECT 1", "SELECT x FROM t", "c").outcome == "gold_error"


def test_what_is_not_there_is_told(tram: str, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        sqltailor.open_scorer(str(tmp_path / "none.db"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no database"):
        sqltailor.open_scorer(str(tmp_path / "empty"))
    with pytest.raises(ConfigError, match="Unknown metric 'exec'"):
        sqltailor.open_scorer(tram, metrics=["exec"])


def test_inspect_ai_scores_by_it(tram: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inspect_ai = pytest.importorskip("inspect_ai")
    monkeypatch.chdir(tmp_path)
    data = write_test_file(tmp_path / "data" / "test.jsonl")
    with data.open("a") as file:
        file.write(json.dumps({"id": "t7", "question": "Broken?", "sql": ["SELECT nothing FROM stop"]}) + "\n")
    spec = importlib.util.spec_from_file_location("inspect_sql", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    example: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    model = importlib.import_module("inspect_ai.model")
    said = [*list(QUESTIONS.values())[:5], "SELECT 0", "SELECT 1"]
    answers = [model.ModelOutput.from_content("mockllm/model", sql) for sql in said]
    for answer in answers:
        answer.usage = model.ModelUsage()  # else it downloads a tokenizer to count
    task = example.text_to_sql(str(data), tram)
    [log] = inspect_ai.eval(
        task, model=model.get_model("mockllm/model", custom_outputs=answers), max_connections=1, display="none"
    )
    assert log.status == "success", log.error
    outcomes = [sample.scores["execution"].value for sample in log.samples]
    assert outcomes[:6] == ["C"] * 5 + ["I"]
    assert log.results.scores[0].metrics["accuracy"].value == pytest.approx(5 / 6)
