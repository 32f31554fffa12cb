"""Choosing among candidates: votes by what statements return, on a real database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sqltailor.asker import Asker
from sqltailor.evaluate import by_recipe
from sqltailor.evaluate.by_recipe import evaluate_models
from sqltailor.evaluate.votes import ballot, judge_of
from sqltailor.generate.choose import choosing
from sqltailor.project import Project
from sqltailor.recipe import load_recipe
from sqltailor.types import Completion, Generate, GenerateOptions, Message, Prompt, QueryResult
from tests.support.cli_project import make_database, write_test_file

PROMPT = Prompt((Message("user", "how many stops are in zone 1?"),))
RIGHT = "SELECT count(*) FROM stop WHERE zone = 1"
SAME = "SELECT sum(stop.zone) FROM stop WHERE stop.zone = 1"
WRONG = "SELECT count(*) FROM stop"
EMPTY = "SELECT name FROM stop WHERE name = 'zoo'"
BROKEN = "SELECT count(*) FROM stops"
DENIED = "SELECT max(phone) FROM driver"
NONE = "-- cannot answer: there is no weather here"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.chdir(tmp_path)
    make_database(tmp_path / "tram.db")
    words = ["database.url=sqlite:///tram.db", "database.deny=[driver.phone]", "generate.min_confidence=0.4"]
    with Project(load_recipe(None, words).recipe) as opened:
        yield opened


def says(greedy: str, *drawn: str) -> Generate:
    """A model that writes one answer greedily, and others when it draws."""

    def generate(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        texts = [greedy] if options.temperature == 0 else drawn
        assert len(texts) == options.n
        return [Completion(text, tokens_out=7, total_ms=5.0) for _ in prompts for text in texts]

    return generate


@pytest.mark.parametrize(
    ("greedy", "drawn", "chosen", "confidence", "others"),
    [
        (WRONG, (RIGHT, SAME, BROKEN), RIGHT, 0.5, (WRONG,)),
        (RIGHT, (WRONG, SAME, WRONG), RIGHT, 0.5, (WRONG,)),
        (EMPTY, (EMPTY, EMPTY, RIGHT), RIGHT, 0.25, (EMPTY,)),
        (BROKEN, (BROKEN, EMPTY, DENIED), EMPTY, 0.25, ()),
        (BROKEN, (BROKEN, BROKEN, DENIED), BROKEN, 0.75, ()),
        (NONE, (NONE, RIGHT, NONE), NONE, 0.75, (RIGHT,)),
    ],
)
def test_what_most_candidates_return_is_the_answer(
    project: Project, greedy: str, drawn: tuple[str, ...], chosen: str, confidence: float, others: tuple[str, ...]
) -> None:
    vote = choosing(says(greedy, *drawn), judge_of(project))
    first, second = vote([PROMPT, PROMPT], GenerateOptions(candidates=3))
    assert first == second
    assert (first.text, first.confidence, first.others) == (chosen, confidence, others)
    assert (first.tokens_out, first.total_ms) == (28, 10.0)


def test_without_candidates_nothing_is_chosen(project: Project) -> None:
    [completion] = choosing(says(RIGHT), judge_of(project))([PROMPT], GenerateOptions())
    assert completion.confidence is None
    assert completion.tokens_out == 7


def test_ballots_are_bags_of_rows() -> None:
    def of(*rows: tuple[object, ...], columns: int = 1) -> object:
        return ballot(QueryResult(tuple("abc"[:columns]), list(rows)))  # type: ignore[arg-type]

    assert of((0.1 + 0.2,), (1,)) == of((1.0,), (0.3,))
    assert of((1,)) != of((1,), (1,))
    assert of(("1",)) != of((1,))
    assert of((1, 2), columns=2) != of((1,), (2,))


def test_asking_tells_how_sure_it_is_and_does_not_run_what_is_not(project: Project) -> None:
    sure = Asker(project, "m", says(WRONG, RIGHT, SAME, SAME), votes=3)("how many stops are in zone 1?")
    assert sure.result is not None
    assert sure.result.rows == [(2,)]
    assert (sure.confidence, sure.readings) == (0.75, (WRONG,))
    split = Asker(project, "m", says(WRONG, RIGHT, EMPTY, BROKEN), votes=3)("how many stops are in zone 1?")
    assert split.result is None
    assert split.allowed is False
    assert split.reason is not None
    assert "25% of the candidates agree" in split.reason
    assert split.readings == (RIGHT,)
    assert split.to_json()["confidence"] == 0.25


def test_an_evaluation_keeps_the_confidence(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_test_file(tmp_path / "test.jsonl")
    monkeypatch.setattr(by_recipe, "load", lambda *a, **k: says(WRONG, RIGHT, WRONG, WRONG))
    found = evaluate_models(project, models=["m"], data=["test.jsonl"], votes=3).result
    assert {p.confidence for p in found.predictions["m"]} == {0.75}
    bands = found.scores["confidence"]
    assert (bands["50–75 %"]["m"]["n"], bands["surer half"]["m"]["n"]) == (6, 3)
    assert "right answers by the share of candidates" in (found.run / "report.html").read_text()
    greedy = evaluate_models(project, models=["m"], data=["test.jsonl"], votes=0, out="greedy").result
    assert {p.confidence for p in greedy.predictions["m"]} == {None}
    assert "confidence" not in greedy.scores
