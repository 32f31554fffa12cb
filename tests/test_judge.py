"""A judge behind a real local HTTP server: marks, missing marks, what is asked, what is kept, and kappa."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sqltailor.errors import BackendError, ConfigError, DataError
from sqltailor.evaluate.judge import judge_answers
from sqltailor.evaluate.judge.agreement import agreement
from sqltailor.evaluate.judge.rubrics import RUBRICS, judge_prompt, read_score, read_verdict
from sqltailor.evaluate.judge.verdicts import configuration
from sqltailor.evaluate.statistics import kappa
from sqltailor.generate import load
from sqltailor.generate.openai_chat import OpenAIChat
from sqltailor.types import Completion, Example, GenerateOptions, Message, Prompt, Schema
from tests.support.chat_server import ChatServer, serving
from tests.support.cli_project import ok, ok_json, run

GOLD = ["SELECT name FROM boat", "SELECT COUNT(*) FROM boat", "SELECT id FROM boat WHERE name = 'Ida'", "SELECT 1"]
SAID = ["SELECT name FROM boat", "SELECT COUNT(id) + 1 FROM boat", "SELECT id FROM boat WHERE name = 'ida'", "SELECT 2"]
"""Answers of which execution calls the first right."""


def mark(asked: str) -> str:
    """Mark as a lenient judge does: the second answer passes, the third does not, the last has no mark."""
    student = asked.partition("The student's SQL:\n")[2].partition("\n\n")[0]
    if "SELECT 2" in student:
        return "I cannot decide. 100"
    return f"Because. <SCORE>{30 if 'ida' in student else 95}</SCORE>"


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with serving(mark) as state:
        yield state


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an evaluation of `SAID`."""
    with closing(sqlite3.connect(tmp_path / "sea.db")) as connection:
        connection.executescript(
            "CREATE TABLE boat (id INTEGER, name TEXT); INSERT INTO boat VALUES (1, 'Elsa'), (2, 'Ida');"
        )
    rows = [{"id": f"q{i}", "question": f"question {i}?", "sql": sql} for i, sql in enumerate(GOLD)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "said.txt").write_text("\n".join(SAID))
    monkeypatch.chdir(tmp_path)
    ok("eval", "--predictions", "said.txt", "--data", "test.jsonl", "--database", "sea.db", "--out", "out")
    return tmp_path / "out"


def reference(server: ChatServer) -> str:
    return f"openai:{server.url}#teacher"


def judged(folder: Path, server: ChatServer, **more: Any) -> dict[str, Any]:
    found = judge_answers(folder, reference(server), load(reference(server)), **more)
    told: dict[str, Any] = found["models"]["said.txt"]
    return told


def test_answers_that_execution_calls_right_are_not_asked_about(folder: Path, server: ChatServer) -> None:
    told = judged(folder, server)
    assert (told["asked"], told["unread"], told["only_judge"]) == (3, 1, ["q1"])
    assert told["kappa_is_upper"]
    assert told["execution"]["value"] == 0.25  # of all four, also the one without a mark
    assert len(server.asked) == 3


def test_all_are_asked_when_told_to(folder: Path, server: ChatServer) -> None:
    told = judged(folder, server, ask_all=True)
    assert (told["asked"], told["kappa_is_upper"]) == (4, False)
    assert told["mean_mark"] == pytest.approx((0.95 + 0.95 + 0.3) / 3)
    assert told["kappa"] == pytest.approx(kappa([(True, True), (True, False), (False, False)]), abs=1e-4)


def test_a_missing_mark_is_no_zero(folder: Path, server: ChatServer) -> None:
    judged(folder, server)
    rows = [json.loads(line) for line in next(folder.glob("judge-*.jsonl")).read_text().splitlines()]
    assert [row["mark"] for row in rows] == [0.95, 0.3, None]
    assert rows[2]["said"] == "I cannot decide. 100"


def test_verdicts_are_kept_and_asked_once(folder: Path, server: ChatServer) -> None:
    first = judged(folder, server)
    assert judged(folder, server) == first
    assert len(server.asked) == 3
    judged(folder, server, ask_all=True)
    assert len(server.asked) == 4


def test_another_configuration_has_verdicts_of_its_own(folder: Path, server: ChatServer) -> None:
    judged(folder, server)
    judged(folder, server, rubric="equivalent")
    assert len(server.asked) == 6
    assert configuration("score100", "a") != configuration("score100", "b") != configuration("equivalent", "b")


def test_the_judge_is_asked_at_temperature_0_with_schema_question_and_both_statements(
    folder: Path, server: ChatServer
) -> None:
    ddl = Schema()
    judged(folder, server, schema=ddl)
    body = next(body for body in server.asked if "question 1?" in body["messages"][-1]["content"])
    assert (body["temperature"], body["model"]) == (0, "teacher")
    text = body["messages"][-1]["content"]
    assert GOLD[1] in text
    assert SAID[1] in text
    assert "<SCORE>" in body["messages"][0]["content"]


def test_what_fails_for_now_is_asked_again(folder: Path, server: ChatServer) -> None:
    server.faults[:] = [503, "<html>", 429]
    generate = OpenAIChat(f"{server.url}#teacher", at_once=1, sleep=lambda seconds: None)
    told = judge_answers(folder, "x", generate)["models"]["said.txt"]
    assert (told["asked"], len(server.asked)) == (3, 3)


def test_a_judge_that_breaks_off_goes_on_where_it_was(folder: Path) -> None:
    calls = []

    def breaking(prompts: Any, options: GenerateOptions) -> list[Completion]:
        calls.append(len(prompts))
        if len(calls) == 2:
            raise BackendError("The model is gone.")
        return [Completion("<SCORE>50</SCORE>") for _ in prompts]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sqltailor.evaluate.judge.verdicts.BATCH", 2)
        with pytest.raises(BackendError, match="2 verdicts are kept"):
            judge_answers(folder, "m", breaking)
        judge_answers(folder, "m", breaking)
    assert calls == [2, 1, 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<SCORE>85</SCORE>", 0.85),
        ("<score> 7.5 </score>", 0.075),
        ("first <SCORE>10</SCORE>, no: <SCORE>90/100</SCORE>", 0.9),
        ("<SCORE>101</SCORE>", None),
        ("<SCORE>-5</SCORE>", None),
        ("<SCORE>high</SCORE>", None),
        ("85", None),
        ("", None),
    ],
)
def test_marks(text: str, expected: float | None) -> None:
    assert read_score(text) == (expected if expected is None else pytest.approx(expected))


def test_verdicts() -> None:
    assert read_verdict("Same. <VERDICT>equivalent</VERDICT>") == 1
    assert read_verdict("<VERDICT>Not equivalent</VERDICT>") == 0
    assert read_verdict("equivalent") is None


def test_kappa() -> None:
    assert kappa([]) is None
    assert kappa([(True, True), (True, True)]) is None
    assert kappa([(True, True), (False, False)]) == 1
    assert kappa([(True, False), (False, True)]) == -1


def test_rows_without_execution_count_in_the_judges_rate_only() -> None:
    row = {"id": "1", "mark": 1.0, "passes": True, "was_asked": True, "execution": None}
    told = agreement([row])
    assert (told["execution"], told["judge"]["n"], told["kappa"]) == (None, 1, None)


def test_the_prompt_shows_the_schema_and_the_evidence() -> None:
    example = Example(
        "1", ("SELECT 1", "SELECT 2"), question="Which?", evidence="one is odd", schema="CREATE TABLE t (a INT)"
    )
    text = judge_prompt(RUBRICS["score100"], example, "", Schema()).messages[-1].content
    assert "CREATE TABLE t" in text
    assert "one is odd" in text
    assert "SELECT 1\n-- or\nSELECT 2" in text
    assert "The student's SQL:\n(nothing)" in text


def test_the_command_shows_both_and_kappa(folder: Path, server: ChatServer) -> None:
    told = ok("judge", str(folder), "--model", reference(server), "--all").stdout
    assert "kappa" in told
    assert "said.txt: 4 asked; 1 answers pass that execution calls wrong: q1" in told
    assert ok_json("judge", str(folder), "--model", reference(server), "--all")["models"]["said.txt"]["asked"] == 4
    assert len(server.asked) == 4


def test_what_cannot_be_judged_is_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no finished evaluation"):
        judge_answers(tmp_path, "m", lambda prompts, options: [])
    assert "Did you mean 'score100'" in str(
        run("judge", str(folder), "--model", "openai:http://x/v1#m", "--rubric", "score10").exception
    )


# references to OpenAI-style APIs


PROMPT = Prompt((Message("system", "Be brief."), Message("user", "hello")))


def test_a_chat_model_answers_each_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    with serving(str.upper) as server:
        options = GenerateOptions(n=2, max_tokens=9, stop=("\n",), seed=4)
        found = load(f"openai:{server.url}#m")([PROMPT, PROMPT], options)
    assert [completion.text for completion in found] == ["HELLO"] * 4
    assert (found[0].tokens_in, found[0].tokens_out, found[0].stop) == (7, 3, "end")
    assert server.keys == ["Bearer s3cret"] * 4
    assert {(body["max_tokens"], *body["stop"]) for body in server.asked} == {(9, "\n")}
    assert sorted(body["seed"] for body in server.asked) == [4, 5, 6, 7]  # candidates must be able to differ


def test_what_will_not_succeed_is_told_at_once() -> None:
    with serving(str.upper) as server:
        server.faults[:] = [404]
        with pytest.raises(BackendError, match="404"):
            OpenAIChat(f"{server.url}#m")([PROMPT], GenerateOptions())
        server.faults[:] = ['{"choices": []}']
        with pytest.raises(BackendError, match="something else than a chat completion"):
            OpenAIChat(f"{server.url}#m")([PROMPT], GenerateOptions())


def test_a_server_that_is_not_there_is_told_after_some_tries() -> None:
    waits: list[float] = []
    with pytest.raises(BackendError, match="Is the server running"):
        OpenAIChat("http://127.0.0.1:9/v1#m", sleep=waits.append)([PROMPT], GenerateOptions())
    assert waits == [0.5, 2.0, 8.0]


@pytest.mark.parametrize("wrong", ["openai:127.0.0.1#m", "openai:http://127.0.0.1", "openai:"])
def test_a_reference_without_url_or_model_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="openai:URL#MODEL"):
        load(wrong)
