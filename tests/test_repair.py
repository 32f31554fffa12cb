"""Repair: a statement that does not run is asked for again, with what the database said of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sqltailor.asker import Asker
from sqltailor.evaluate import by_recipe
from sqltailor.evaluate.by_recipe import evaluate_models
from sqltailor.evaluate.votes import with_votes
from sqltailor.project import Project
from sqltailor.recipe import load_recipe
from sqltailor.types import Completion, GenerateOptions, Message, Prompt
from tests.support.cli_project import make_database, write_test_file

QUESTION = Prompt((Message("system", "tables"), Message("user", "how many stops are in each zone?")))
RIGHT = "SELECT zone, count(*) FROM stop GROUP BY zone"
BROKEN = "SELECT zone, count(*) FROM stop WHERE count(*) > 0 GROUP BY zone"
UNKNOWN = "SELECT area, count(*) FROM stop GROUP BY area"
DENIED = "SELECT max(phone) FROM driver"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.chdir(tmp_path)
    make_database(tmp_path / "tram.db")
    words = ["database.url=sqlite:///tram.db", "database.deny=[driver.phone]", "generate.repairs=2"]
    with Project(load_recipe(None, words).recipe) as opened:
        yield opened


class Says:
    """A model that gives one answer after the other, and keeps what it was asked."""

    def __init__(self, *answers: str, stop: str = "end") -> None:
        self.answers, self.stop, self.asked = list(answers), stop, list[Prompt]()

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        self.asked += prompts
        made = [self.answers.pop(0) for _ in range(len(prompts) * options.n)]
        return [Completion(text, self.stop, tokens_out=7, total_ms=5.0) for text in made]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answers", "last", "repairs"),
    [
        ([RIGHT], RIGHT, 0),
        ([BROKEN, RIGHT], RIGHT, 1),
        ([UNKNOWN, BROKEN, RIGHT], RIGHT, 2),
        ([UNKNOWN, BROKEN, UNKNOWN], UNKNOWN, 2),
        ([UNKNOWN, UNKNOWN], UNKNOWN, 1),
        ([DENIED, RIGHT], RIGHT, 1),
        (["-- cannot answer: no such thing"], "-- cannot answer: no such thing", 0),
        (["I do not know."], "I do not know.", 0),
    ],
)
def test_a_statement_that_does_not_run_is_asked_for_again(
    project: Project, answers: list[str], last: str, repairs: int
) -> None:
    model = Says(*answers)
    [answer] = with_votes(model, project)([QUESTION], project.options)
    assert (answer.text, answer.repairs, model.answers) == (last, repairs, [])
    assert (answer.tokens_out, answer.total_ms) == (7 * len(answers), 5.0 * len(answers))


def test_the_model_is_told_its_last_statement_and_why_it_does_not_run(project: Project) -> None:
    model = Says(RIGHT, UNKNOWN, BROKEN, RIGHT)
    answers = with_votes(model, project)([QUESTION, QUESTION], project.options)
    assert [(a.text, a.repairs) for a in answers] == [(RIGHT, 0), (RIGHT, 2)]
    for prompt, statement, word in zip(model.asked[2:], (UNKNOWN, BROKEN), ("area", "aggregate"), strict=True):
        *before, said, fault = prompt.messages
        assert tuple(before) == QUESTION.messages
        assert said == Message("assistant", statement)
        assert fault.content.startswith("That statement does not run: ")
        assert word in fault.content
        assert fault.content.endswith("\nhow many stops are in each zone?")


def test_a_cut_answer_is_not_asked_for_again_nor_is_any_without_repairs(project: Project) -> None:
    cut = Says(BROKEN, stop="length")
    with_votes(cut, project)([QUESTION], project.options)
    off = Says(BROKEN)
    with_votes(off, project)([QUESTION], GenerateOptions())
    assert len(cut.asked) == len(off.asked) == 1


def test_votes_are_repaired_only_where_no_candidate_runs(project: Project) -> None:
    model = Says(BROKEN, UNKNOWN, UNKNOWN, RIGHT, RIGHT, RIGHT)
    [answer] = with_votes(model, project)([QUESTION], GenerateOptions(candidates=2, repairs=1))
    assert (answer.text, answer.repairs, answer.confidence) == (RIGHT, 1, 1.0)
    fine = Says(BROKEN, RIGHT, RIGHT)
    [answer] = with_votes(fine, project)([QUESTION], GenerateOptions(candidates=2, repairs=1))
    assert (answer.text, answer.repairs) == (RIGHT, 0)


def test_asking_and_evaluation_tell_of_repairs(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = Asker(project, "m", Says(UNKNOWN, RIGHT))("how many stops are in each zone?")
    assert reply.result is not None
    assert reply.to_json()["repairs"] == 1
    write_test_file(tmp_path / "test.jsonl")
    always = "SELECT count(*) FROM stop"
    answers = [UNKNOWN, *[always] * 5, always]
    monkeypatch.setattr(by_recipe, "load", lambda *a, **k: Says(*answers))
    found = evaluate_models(project, models=["m"], data=["test.jsonl"], out="told").result
    assert [p.repairs for p in found.predictions["m"]] == [1, 0, 0, 0, 0, 0]
    assert found.scores["repairs"] == {"m": {"asked_again": 1, "ran": 1}}
    assert "1 statement of m did not run" in (found.run / "report.html").read_text()
