"""Follow-ups: a question is asked after those before it, which a file keeps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from sqltailor import asker
from sqltailor.project import Project
from sqltailor.recipe import load_recipe
from sqltailor.types import Completion, Example, GenerateOptions, Message, Prompt
from tests.support.cli_project import make_database, ok, ok_json, run

ANSWERS = ["SELECT count(*) FROM stop", "SELECT count(*) FROM stop WHERE zone = 1"]


class Talks:
    """A model that gives its answers in turn, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Prompt] = []

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        self.asked += prompts
        return [Completion(ANSWERS[(len(self.asked) - 1) % 2])]


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Talks:
    monkeypatch.chdir(tmp_path)
    make_database(tmp_path / "tram.db")
    Path("recipe.yaml").write_text("database: {url: 'sqlite:///tram.db'}\n")
    talks = Talks()
    monkeypatch.setattr(asker, "load", lambda *a, **k: talks)
    return talks


def test_a_question_follows_those_of_the_conversation(model: Talks) -> None:
    first = ok_json("ask", "how many stops are there?", "--model", "m", "--run", "--follow", "talk.jsonl")
    second = ok_json("ask", "and of those in zone 1?", "--model", "m", "--run", "--follow", "talk.jsonl")
    assert (first["rows"], second["rows"]) == ([[4]], [[2]])
    assert model.asked[1].messages[1:-1] == (
        Message("user", "how many stops are there?"),
        Message("assistant", ANSWERS[0]),
    )
    assert model.asked[1].messages[-1].content.endswith("and of those in zone 1?")
    rows = [json.loads(line) for line in Path("talk.jsonl").read_text().splitlines()]
    assert [row["answer"] for row in rows] == ANSWERS


def test_a_follow_up_of_strange_words_is_left_to_the_model_and_declining_is_kept(model: Talks) -> None:
    declined = ("ask", "what will the weather be?", "--model", "m", "--follow", "talk.jsonl")
    assert "cannot be answered" in ok(*declined).stdout
    assert model.asked == []
    ok(*declined)  # now it follows something
    assert model.asked[0].messages[2].content.startswith("-- cannot answer: nothing in the database")


def test_only_the_last_exchanges_are_shown(model: Talks) -> None:
    for number in range(6):
        ok("ask", f"how many stops are in zone {number}?", "--model", "m", "--follow", "talk.jsonl")
    assert len(model.asked[-1].messages) == 1 + 2 * 4 + 1
    assert model.asked[-1].messages[1].content == "how many stops are in zone 1?"


def test_what_is_no_conversation_is_left_alone(model: Talks) -> None:
    Path("talk.jsonl").write_text('{"question": "x", "sql": "SELECT 1"}\n')
    before = Path("talk.jsonl").read_bytes()
    result = run("ask", "how many stops?", "--model", "m", "--follow", "talk.jsonl")
    assert result.exit_code != 0
    assert "talk.jsonl is not a conversation" in str(result.exception or result.stderr)
    assert (Path("talk.jsonl").read_bytes(), model.asked) == (before, [])
    Path("spec.json").write_text("{}")
    assert run("ask", "--spec", "spec.json", "--follow", "talk.jsonl").exit_code != 0


def test_tables_are_linked_by_the_questions_before_too(model: Talks) -> None:
    words = ["database.url=sqlite:///tram.db", "prompt.show=linked", "prompt.max_schema_tokens=30"]
    with Project(load_recipe(None, words).recipe) as project:
        build = project.prompts("hf:m", None)
        history = (Message("user", "How many drivers are there?"), Message("assistant", "SELECT count(*) FROM driver"))
        shown = build(Example(question="and in the first half?", history=history), project.schema).messages[0].content
    assert "driver" in shown
    assert "stop" not in shown
