"""An opened project: one database process a command, with the grant in it; and what asks models about it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sqltailor import asker
from sqltailor.asker import open_asker
from sqltailor.augment import augment
from sqltailor.database.process import Child
from sqltailor.errors import ConfigError, DataError, Refused
from sqltailor.evaluate import Scoring, by_recipe
from sqltailor.evaluate.by_recipe import evaluate_models
from sqltailor.project import Project
from sqltailor.recipe import Recipe, load_recipe
from sqltailor.runs import Run, write_json_atomic
from sqltailor.sql.schema import to_json
from sqltailor.types import Completion, GenerateOptions, Message, Prompt
from tests.support.cli_project import make_database, ok, write_test_file

DENIED = "database.deny=[driver.phone]"
RECIPE = "database: {url: 'sqlite:///tram.db', deny: [driver.phone]}\nprompt: {hints: 4}\n"


@pytest.fixture
def tram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the database, a recipe that denies a column and shows hints, and test questions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    make_database(tmp_path / "tram.db")
    write_test_file(tmp_path / "data" / "test.jsonl")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "answer.sql").write_text("SELECT name FROM stop WHERE name = 'Zoo'")
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """The options of every database process that starts."""
    found: list[Mapping[str, Any]] = []
    start = Child._start

    def counted(child: Child) -> None:
        found.append(child._options)
        start(child)

    monkeypatch.setattr(Child, "_start", counted)
    return found


def recipe(*words: str) -> Recipe:
    return load_recipe(None, ["database.url=sqlite:///tram.db", DENIED, *words]).recipe


def ask() -> None:
    ok("ask", "Where is the Zoo?", "--model", "echo:answer.sql", "--run")


def evaluate() -> None:
    ok("eval", "--model", "echo:answer.sql", "--model", "gold", "--data", "data/test.jsonl")


def synth() -> None:
    assert "phone" not in ok("data", "synth", "-n", "20", "--out", "synth.jsonl").stdout
    assert "phone" not in Path("synth.jsonl").read_text()


def values() -> None:
    augment("values", ["data/test.jsonl"], "values.jsonl", recipe=recipe())


def log() -> None:
    Path("log.sql").write_text("SELECT name FROM driver WHERE line_number = $1;\n")
    ok("data", "log", "log.sql", "--out", "log.jsonl")
    assert json.loads(Path("log.jsonl").read_text())["as_logged"]  # a value was found: a denied column hides no table


def check_rows() -> None:
    ok("data", "check", "data/test.jsonl")


def reward() -> None:
    with Project(recipe()) as project, pytest.raises(Refused, match=r"phone|prohibited"):
        Scoring.of(project).database.run("SELECT phone FROM driver")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "command", [ask, evaluate, synth, values, log, check_rows, reward], ids=lambda command: command.__name__
)
def test_a_command_opens_one_database_process_with_the_grant(
    command: Callable[[], None], tram: Path, started: list[Mapping[str, Any]]
) -> None:
    command()
    assert [options["deny"] for options in started] == [[["driver", "phone"]]]


def test_the_demo_opens_one_database_process(
    tram: Path, started: list[Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("trl")
    from sqltailor.demo import journey
    from tests.support.tiny_model import make_tiny_model

    monkeypatch.setattr(journey, "FEWER", 8)
    make_tiny_model(tram / "out" / "tiny")
    (tram / "out" / "recipe.yaml").write_text(
        "base: ./tiny\nprompt: {name: compact, hints: 2}\ndatabase: {deny: [cust.nm]}\ngenerate: {max_tokens: 8}\n"
        "data: {train: [data/synth.jsonl]}\n"
        "train: {max_steps: 1, batch: 1, max_length: 8192, "
        "local: {device: cpu, save_minutes: 60, watch: [How many]}}\n"
    )
    journey.run_demo(tram / "out", base="./tiny", questions=1)
    assert [options["deny"] for options in started] == [[["cust", "nm"]]]


def test_gold_that_names_what_is_denied_is_a_gold_error(tram: Path) -> None:
    rows = [
        {"id": "a", "question": "Phones?", "sql": ["SELECT phone FROM driver"]},
        {"id": "b", "question": "Names?", "sql": ["SELECT name FROM driver"]},
    ]
    Path("phones.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = evaluate_models(recipe(), models=["gold"], data=["phones.jsonl"], out="eval").result
    assert [p.outcome for p in found.predictions["gold"]] == ["gold_error", "correct"]


def test_without_data_test_a_run_is_asked_what_it_kept_aside(tram: Path) -> None:
    rows = [{"id": str(i), "question": f"Name {i}?", "sql": ["SELECT name FROM driver"]} for i in range(9)]
    Path("runs/x/data").mkdir(parents=True)
    Path("runs/x/data/test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    examples = by_recipe._examples
    with Project(recipe("data.test=[]", "data.test_samples=4")) as project:
        drawn = examples(project, None, None, by_recipe._own_tests("runs/x"))
        assert len(drawn) == 4
        assert drawn == examples(project, None, None, by_recipe._own_tests("runs/x"))
        assert len(examples(project, ["runs/x/data/test.jsonl"], None)) == 9  # --data is asked whole
        with pytest.raises(DataError, match="There are no test examples"):
            examples(project, None, None, by_recipe._own_tests("nano"))


def test_a_project_opens_what_is_used_when_it_is_used(tram: Path, started: list[Mapping[str, Any]]) -> None:
    with Project(recipe()) as project:
        assert (project.dialect, project.has_database, project.has_schema) == ("sqlite", True, True)
        assert not started
        assert project.schema is project.schema
        assert "phone" in {column.name for table in project.schema.tables for column in table.columns}
        assert "phone" not in {column.name for table in project.granted.tables for column in table.columns}
        assert len(started) == 1
        project.close()
        assert project.database.run("SELECT 1").rows == [(1,)]
        assert len(started) == 2


def test_a_project_without_a_database_says_how_to_name_one(tram: Path) -> None:
    project = Project(Recipe())
    assert not project.has_schema
    with pytest.raises(ConfigError, match="sqltailor init"):
        _ = project.schema


class Parrot:
    """A model that repeats a statement, counts a token a character, and keeps what it was asked."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.asked: list[Prompt] = []

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        self.asked += prompts
        return [Completion(self.sql) for _ in prompts]

    def count_tokens(self, text: str) -> int:
        return len(text)


@pytest.fixture
def parrot(monkeypatch: pytest.MonkeyPatch) -> Parrot:
    model = Parrot("SELECT count(*) FROM stop")
    monkeypatch.setattr(asker, "load", lambda *_, **__: model)
    return model


def test_an_answer_grows(tram: Path, parrot: Parrot) -> None:
    with Project(recipe()) as project:
        ask = open_asker(project, "parrot")
        written, ran = ask.stream("How many stops?")
        assert (written.sql, written.allowed, written.result) == (parrot.sql, True, None)
        assert ran.result is not None
        assert (ran.sql, ran.result.rows) == (parrot.sql, [(4,)])
        assert ran.total_ms >= written.total_ms
        assert [reply.result for reply in ask.stream("How many stops?", run=False)] == [None]
        parrot.sql = "DELETE FROM stop"
        assert [reply.allowed for reply in ask.stream("How many stops?")] == [False]


def test_the_model_is_loaded_when_a_question_needs_it(
    tram: Path, parrot: Parrot, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []

    def load(reference: str, **_: object) -> Parrot:
        time.sleep(0.3)
        loaded.append(reference)
        return parrot

    monkeypatch.setattr(asker, "load", load)
    with Project(recipe()) as project:
        ask = open_asker(project, "parrot", load_now=False)
        assert ask("what will the weather be?").declined
        assert loaded == []
        reply = ask("How many stops?")
        assert (reply.sql, ask("How many lines?").sql, loaded) == (parrot.sql, parrot.sql, ["parrot"])
        assert reply.total_ms < 300  # without the time it takes to load
        open_asker(project, "parrot")
        assert loaded == ["parrot", "parrot"]


def test_history_stands_before_the_question(tram: Path, parrot: Parrot) -> None:
    history = [Message("user", "How many lines?"), Message("assistant", "SELECT count(*) FROM line")]
    with Project(recipe()) as project:
        reply = open_asker(project, "parrot")({"table": "stop", "cols": ["name"]}, history)
    assert reply.sql == parrot.sql
    [prompt] = parrot.asked
    assert prompt.messages[1:3] == tuple(history)
    assert '"table": "stop"' in prompt.messages[3].content


def test_the_schema_budget_is_held_by_the_models_own_tokens(tram: Path, parrot: Parrot) -> None:
    with Project(recipe("prompt.name=compact")) as project:
        open_asker(project, "parrot")("How many stops?")
        system = parrot.asked[0].messages[0].content
    size = len(system.partition("\n")[2])
    with Project(recipe("prompt.name=compact", f"prompt.max_schema_tokens={size}")) as project:
        assert open_asker(project, "parrot")("How many stops?").sql
    with (
        Project(recipe("prompt.name=compact", "prompt.show=full", f"prompt.max_schema_tokens={size - 1}")) as project,
        pytest.raises(DataError, match=f"needs {size:,} tokens"),
    ):
        open_asker(project, "parrot")("How many stops?")


def test_a_changed_schema_is_named(tram: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = Run(tram / "runs" / "old")
    with Project(recipe()) as project:
        learned = to_json(project.granted)
    write_json_atomic(run.schema, learned)
    with closing(sqlite3.connect(tram / "tram.db")) as connection:
        connection.executescript(
            "ALTER TABLE stop RENAME COLUMN zone TO district; DROP TABLE serves; ALTER TABLE line ADD COLUMN km REAL"
        )
    with Project(recipe()) as project:
        assert project.drift(str(run.path)) == [
            "table serves was removed",
            "column stop.zone was renamed to district",
            "column line.km was added",
        ]
        assert project.drift("nano") == []
        project.warn_of_drift(str(run.path))
    assert "table serves was removed" in caplog.text
    assert "sqltailor data check" in caplog.text
