"""Choosing among candidates: votes by what statements return, on a real database."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sqltailor import asker
from sqltailor.asker import Asker
from sqltailor.cli import ask
from sqltailor.errors import ConfigError, DataError
from sqltailor.evaluate import by_recipe
from sqltailor.evaluate.by_recipe import calibrate_models, evaluate_models
from sqltailor.evaluate.votes import ballot, ballots_of
from sqltailor.generate.calibration import calibrated
from sqltailor.generate.choose import choosing
from sqltailor.project import Project
from sqltailor.recipe import load_recipe
from sqltailor.types import Completion, Generate, GenerateOptions, Message, Prompt, QueryResult
from tests.support.cli_project import make_database, run, write_test_file

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
    vote = choosing(says(greedy, *drawn), ballots_of(project))
    first, second = vote([PROMPT, PROMPT], GenerateOptions(candidates=3))
    assert first == second
    assert (first.text, first.confidence, first.others) == (chosen, confidence, others)
    assert (first.tokens_out, first.total_ms) == (28, 10.0)


def test_without_candidates_nothing_is_chosen(project: Project) -> None:
    [completion] = choosing(says(RIGHT), ballots_of(project))([PROMPT], GenerateOptions())
    assert completion.confidence is None
    assert completion.tokens_out == 7


def test_ballots_are_bags_of_rows() -> None:
    def of(*rows: tuple[object, ...], columns: int = 1) -> object:
        return ballot(QueryResult(tuple("abc"[:columns]), list(rows)))  # type: ignore[arg-type]

    assert of((0.1 + 0.2,), (1,)) == of((1.0,), (0.3,))
    assert of((1,)) != of((1,), (1,))
    assert of(("1",)) != of((1,))
    assert of((1, 2), columns=2) != of((1,), (2,))


def test_asking_tells_how_sure_it_is_and_asks_back_where_votes_are_split(project: Project) -> None:
    sure = Asker(project, "m", says(WRONG, RIGHT, SAME, SAME), votes=3)("how many stops are in zone 1?")
    assert sure.result is not None
    assert sure.result.rows == [(2,)]
    assert (sure.confidence, sure.readings, sure.asks_back) == (0.75, (WRONG,), False)
    split = Asker(project, "m", says(WRONG, RIGHT, WRONG, SAME, EMPTY, BROKEN), votes=5)(
        "how many stops are in zone 1?"
    )
    assert split.result is None
    assert split.allowed is False
    assert split.reason is not None
    assert split.reason.startswith("the candidates are split: 33% agree with the first reading")
    assert "the second differs in the condition" in split.reason
    assert (split.sql, split.readings, split.asks_back) == (WRONG, (RIGHT,), True)
    assert split.to_json()["confidence"] == pytest.approx(1 / 3)
    scattered = Asker(project, "m", says(WRONG, RIGHT, EMPTY, BROKEN), votes=3)("how many stops are in zone 1?")
    assert (scattered.allowed, scattered.asks_back) == (False, False)  # no two agree: these are guesses, no readings
    assert scattered.reason is not None
    assert scattered.reason.startswith(
        "no two of the model's 4 answers agree, so that this SQL is a guess. Ask in other words"
    )
    assert scattered.layer is None  # the guard has nothing against it
    alone = Asker(project, "m", says(RIGHT, BROKEN, BROKEN, DENIED), votes=3)("how many stops are in zone 1?")
    assert (alone.allowed, alone.asks_back, alone.readings) == (False, False, ())
    assert alone.reason is not None
    assert alone.reason.startswith("no two of the model's 4 answers agree")
    pair = Asker(project, "m", says(RIGHT, SAME, BROKEN, BROKEN, DENIED, BROKEN), votes=5)(
        "how many stops are in zone 1?"
    )
    assert pair.reason is not None
    assert pair.reason.startswith("only 2 of the model's 6 answers agree, fewer than generate.min_confidence (40%)")
    refused = Asker(project, "m", says(DENIED, BROKEN, BROKEN, DENIED), votes=3)("which drivers are there?")
    assert (refused.layer, refused.asks_back) == ("policy", False)  # the guard's reason says more


@pytest.mark.parametrize(
    ("answer", "exit_code", "shown"), [("2\n", 0, RIGHT), ("\n", 1, None), ("3\n", 1, None), (None, 1, None)]
)
def test_a_person_says_which_reading_is_meant(
    project: Project, monkeypatch: pytest.MonkeyPatch, answer: str | None, exit_code: int, shown: str | None
) -> None:
    monkeypatch.setattr(asker, "load", lambda *a, **k: says(WRONG, RIGHT, WRONG, SAME, EMPTY, BROKEN))
    monkeypatch.setattr(ask, "sys", _Terminal(answer is not None))
    Path("recipe.yaml").write_text("database: {url: 'sqlite:///tram.db'}\n")
    found = run("ask", "how many stops are in zone 1?", "--model", "m", "--votes", "5", "--run", input=answer)
    assert found.exit_code == exit_code
    assert found.stdout.startswith(f"1: {WRONG}\n2: {RIGHT}\n")
    assert "Which is meant?" in found.stderr
    assert (shown is not None and found.stdout.count(shown) == 2 and "│        2 │" in found.stdout) or exit_code == 1


class _Terminal:
    """What the command sees of `sys`, at a terminal or not."""

    def __init__(self, is_terminal: bool) -> None:
        self.stdin, self.exit = self, sys.exit
        self.isatty = lambda: is_terminal


def test_an_evaluation_keeps_the_confidence(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_test_file(tmp_path / "test.jsonl")
    monkeypatch.setattr(by_recipe, "load", lambda *a, **k: says(WRONG, RIGHT, WRONG, WRONG))
    found = evaluate_models(project, models=["m"], data=["test.jsonl"], votes=3).result
    assert {p.confidence for p in found.predictions["m"]} == {0.75}
    bands = found.scores["confidence"]
    assert (bands["50–75 %"]["m"]["n"], bands["50–75 %"]["m"]["share"], bands["surer half"]["m"]["n"]) == (6, 0.75, 3)
    [rate] = {round(band["m"]["value"], 3) for name, band in bands.items() if name != "surer half"}
    assert found.scores["calibration_error"] == {"m": {"share": pytest.approx(0.75 - rate, abs=0.001)}}
    page = (found.run / "report.html").read_text()
    assert "right answers by confidence" in page
    assert "Of the half that m is surest of" in page
    greedy = evaluate_models(project, models=["m"], data=["test.jsonl"], votes=0, out="greedy").result
    assert {p.confidence for p in greedy.predictions["m"]} == {None}
    assert "confidence" not in greedy.scores


def test_validation_rows_tell_what_a_run_s_confidence_is_worth(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"id": f"v{i}", "question": "How many?", "sql": [RIGHT if i % 4 else WRONG]} for i in range(40)]
    (tmp_path / "val.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_test_file(tmp_path / "test.jsonl")
    (tmp_path / "runs" / "x").mkdir(parents=True)
    (tmp_path / "runs" / "x" / "prompt.json").write_text('{"name": "reference", "version": 1}')
    monkeypatch.setattr(by_recipe, "load", lambda *a, **k: says(WRONG, RIGHT, SAME, SAME))
    known = calibrate_models(project, models=["runs/x"], data=["val.jsonl"], votes=3)[1]
    assert known["runs/x"].rates == ((0.75, 0.744),)  # 30.5 of 41
    found = evaluate_models(project, models=["runs/x"], data=["test.jsonl"], votes=3).result
    band = found.scores["confidence"]["50–75 %"]["runs/x"]
    assert (band["share"], band["expected"]) == (0.75, 0.744)
    assert set(found.scores["calibration_error"]["runs/x"]) == {"share", "expected"}
    assert "What validation answers promise is off by" in (found.run / "report.html").read_text()
    for votes, expected in ((3, 0.744), (2, None)):  # other votes are another measure
        model = says(WRONG, *[RIGHT, SAME, SAME][:votes])
        assert Asker(project, "runs/x", model, votes=votes)("how many stops are in zone 1?").expected == expected


def test_what_cannot_be_calibrated_is_said_before_anything_is_asked(project: Project, tmp_path: Path) -> None:
    (tmp_path / "runs" / "x").mkdir(parents=True)
    (tmp_path / "runs" / "x" / "prompt.json").write_text("{}")
    with pytest.raises(ConfigError, match="'nano' is not a run"):
        calibrate_models(project, models=["nano"], votes=3)
    with pytest.raises(ConfigError, match="Without votes"):
        calibrate_models(project, models=["runs/x"])
    with pytest.raises(ConfigError, match="no validation questions"):
        calibrate_models(project, models=["runs/x"], votes=3)
    with pytest.raises(DataError, match="Only 12 of the answers"):
        calibrated([(0.5, 1.0)] * 12, 7)


def test_a_larger_share_never_promises_less() -> None:
    known = calibrated([(0.25, 1.0)] * 20 + [(0.5, 0.0)] * 20 + [(1.0, 1.0)] * 20, 7)
    assert [rate for _, rate in known.rates] == [0.5, 0.5, 0.976]
    assert [known.expected(share) for share in (0.1, 0.3, 0.75, 1.0)] == [0.5, 0.5, 0.5, 0.976]
