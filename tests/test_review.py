"""People mark answers: what is kept, how far they agree, what becomes an example, and who may ask the server."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sqltailor.errors import DataError
from sqltailor.evaluate.review.corrections import corrections
from sqltailor.evaluate.review.human_agreement import summary
from sqltailor.evaluate.review.reviews import Mark, Review, Reviews
from sqltailor.evaluate.statistics import fleiss_kappa, kappa
from sqltailor.project import read_parts
from sqltailor.recipe import load_recipe
from tests.support.cli_project import ok, ok_json, run
from tests.support.http_service import Server, need_serve
from tests.support.reviewing import ANSWERS, evaluated, reviewing

WRONG = "t4"
"""Whose answer leaves out a row."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluated(tmp_path_factory.mktemp("tram")).parent


@pytest.fixture
def folder(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(made, tmp_path, dirs_exist_ok=True) / "eval"


def say(reviews: Reviews, example_id: str, by: str, mark: Mark, **more: Any) -> Review:
    predicted = reviews.answers[reviews.place[example_id]].row["predicted"]
    return reviews.add(Review(example_id, reviews.model, by, mark, predicted, **more))


def test_the_last_word_of_a_reviewer_counts_and_is_kept(folder: Path) -> None:
    reviews = Reviews(folder)
    say(reviews, WRONG, "Ada", "right")
    said = say(reviews, WRONG, "Ada", "wrong", comment="no NULL")
    say(reviews, WRONG, "Bo", "unclear")
    again = Reviews(folder)
    assert again.of(WRONG)["Ada"] == said
    assert again.reviewers == ["Ada", "Bo"]
    assert [file.name for file in sorted(folder.glob("review-*"))] == ["review-Ada.jsonl", "review-Bo.jsonl"]


def test_a_word_about_another_answer_is_left_out_and_counted(folder: Path) -> None:
    say(Reviews(folder), WRONG, "Ada", "right")
    path = next(folder.glob("predictions-*.jsonl"))
    path.write_text(path.read_text().replace("WHERE colour IS NOT NULL", "WHERE colour = 'red'"))
    reviews = Reviews(folder)
    assert reviews.of(WRONG) == {}
    assert summary(reviews)["stale"] == 1


def test_a_folder_without_answers_and_an_unknown_model_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no finished evaluation"):
        Reviews(tmp_path)
    with pytest.raises(DataError, match=r"Unknown model 'said\.json'\. Did you mean 'said\.jsonl'"):
        Reviews(folder, "said.json")
    (folder / "review-x.jsonl").write_text('{"by": "x"}\n')
    with pytest.raises(DataError, match=r"review-x\.jsonl holds a line that is no review"):
        Reviews(folder)


def test_agreement_with_each_other_and_with_execution(folder: Path) -> None:
    reviews = Reviews(folder)
    marks: dict[str, list[Mark]] = {
        "Ada": ["right", "wrong", "wrong", "wrong", "right", "unclear"],
        "Bo": ["right", "wrong", "wrong", "right", "right", "right"],
        "Cy": ["right", "wrong", "right", "wrong", "right"],
    }
    for by, given in marks.items():
        for place, mark in enumerate(given):
            say(reviews, reviews.answers[place].example.id, by, mark)
    found = summary(reviews)
    assert found["reviewed"] == 6
    assert found["disputed"] == ["t3", "t4", "t6"]
    ada = found["reviewers"]["Ada"]
    assert ada["marks"] == {"right": 2, "wrong": 3, "unclear": 1}
    assert ada["right"]["n"] == 5
    assert ada["with_execution"] == {"a": "Ada", "b": "execution", "n": 5, "kappa": 1.0}
    bo = found["reviewers"]["Bo"]
    assert (bo["passes_what_execution_fails"], bo["fails_what_execution_passes"]) == (["t4", "t6"], [])
    pairs = {(pair["a"], pair["b"]): pair for pair in found["pairs"]}
    both = list(zip(marks["Ada"], marks["Bo"], strict=True))
    assert pairs["Ada", "Bo"] == {"a": "Ada", "b": "Bo", "n": 6, "kappa": round(kappa(both) or 0, 4)}
    assert found["fleiss"]["n"] == 5
    assert found["fleiss"]["kappa"] == pytest.approx(
        fleiss_kappa(list(zip(marks["Ada"][:5], marks["Bo"][:5], marks["Cy"], strict=True)))
    )


def test_fleiss_kappa_is_that_of_a_known_table() -> None:
    # the table of 10 rows, 14 judges and 5 marks with which the measure is usually explained; its kappa is 0.210
    table = "0000E 02642 00356 03920 22811 77000 32630 25322 65210 02237".replace("E", "14").split()
    counts = [[0, 0, 0, 0, 14], *([int(n) for n in row] for row in table[1:])]
    rows = [[mark for mark, n in enumerate(row) for _ in range(n)] for row in counts]
    assert fleiss_kappa(rows) == pytest.approx(0.210, abs=5e-4)
    assert fleiss_kappa([]) is fleiss_kappa(["aa", "aa"]) is kappa([]) is kappa([(1, 1)]) is None


def test_corrections_are_examples_that_training_reads(folder: Path) -> None:
    reviews = Reviews(folder)
    say(reviews, "t1", "Ada", "right")
    say(reviews, "t2", "Ada", "wrong")
    say(reviews, "t3", "Ada", "unclear")
    say(reviews, WRONG, "Ada", "wrong", correction="SELECT DISTINCT colour FROM line")
    say(reviews, WRONG, "Bo", "wrong", correction="select distinct COLOUR from line")
    found = corrections(reviews)
    assert [(e.id, e.sql) for e in found.examples] == [
        ("t1", (ANSWERS[0],)),
        (WRONG, ("SELECT DISTINCT colour FROM line",)),
    ]
    assert found.contradictory == []
    said = ok("review", str(folder), "--export", "corrections.jsonl").stderr
    assert "2 examples: corrections.jsonl" in said
    assert "questions of data.test" in said
    examples = read_parts(["corrections.jsonl"], load_recipe(None, []).recipe, what="training")
    assert [(e.question, e.sql) for e in examples] == [(e.question, e.sql) for e in found.examples]


@pytest.mark.parametrize(
    ("ada", "bo"),
    [
        (("wrong", "SELECT colour FROM line LIMIT 1"), ("wrong", "SELECT colour FROM line LIMIT 2")),
        (("right", None), ("wrong", None)),
        (("right", None), ("wrong", "SELECT colour FROM line LIMIT 2")),
    ],
)
def test_contradictory_corrections_are_left_out_and_told(folder: Path, ada: Any, bo: Any) -> None:
    reviews = Reviews(folder)
    for by, (mark, sql) in (("Ada", ada), ("Bo", bo)):
        say(reviews, WRONG, by, mark, correction=sql)
    assert corrections(reviews) == ([], [WRONG])
    assert f"contradict each other: {WRONG}" in ok("review", str(folder), "--export", "c.jsonl").stderr


def test_the_summary_is_printed(folder: Path) -> None:
    assert ok_json("review", str(folder))["reviewed"] == 0
    assert "nobody has marked an answer of said.jsonl" in ok("review", str(folder), "--summary").stderr
    reviews = Reviews(folder)
    for by in ("Ada", "Bo", "Cy"):
        for example_id, mark in (("t1", "right"), (WRONG, "wrong")):
            say(reviews, example_id, by, mark)  # type: ignore[arg-type]
    text = ok("review", str(folder), "--summary").output
    assert "said.jsonl: 2 of 6" in text
    assert "Ada and Bo: kappa 1.00 on 2 answers" in text
    assert "Fleiss' kappa 1.00 on 2 answers" in text


def test_a_wrong_command_says_what_is_allowed(folder: Path) -> None:
    assert isinstance(run("review", "nowhere").exception, DataError)
    assert isinstance(run("review", str(folder), "--model", "x").exception, DataError)
    assert isinstance(run("review", str(folder), "--database", "mongodb://x").exception, DataError)


need_serve()


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with reviewing(folder) as found:
        yield found


def test_an_answer_is_told_in_pieces_and_verdicts_only_once_it_is_marked(server: Server) -> None:
    listed = server.get("/answers?by=Ada").json
    assert (listed["model"], len(listed["answers"])) == ("said.jsonl", 6)
    place = [row["id"] for row in listed["answers"]].index(WRONG)
    found = server.get(f"/answers/{place}?by=Ada").json
    assert "".join(text for text, _, _ in found["predicted"]) == ANSWERS[place]
    marked = "".join(text for text, _, is_marked in found["predicted"] if is_marked)
    assert marked == "WHERE colour IS NOT NULL"
    assert (found["mine"], found["execution"], found["others"]) == (None, None, [])
    bo = {"place": place, "by": "Bo", "mark": "right", "comment": "fine"}
    assert server.post("/review", bo).json["execution"]["outcome"] == "wrong"
    assert server.get(f"/answers/{place}?by=Ada").json["others"] == []
    told = server.post("/review", bo | {"by": "Ada", "mark": "wrong"}).json
    assert told["others"] == [{"by": "Bo", "mark": "right", "comment": "fine", "correction": None}]
    assert told["listed"] == listed["answers"][place] | {"mark": "wrong", "disputed": True}


def test_both_results_come_from_the_database(server: Server) -> None:
    found = server.get("/answers/3/results").json
    assert (found["gold"]["rows"], found["gold"]["differing"]) == ([[None], ["red"], ["green"]], 1)
    assert found["predicted"]["rows"] == [["red"], ["green"]]
    failing = server.get("/answers/1/results").json
    assert (failing["gold"]["count"], failing["predicted"]) == (2, None)
    assert "names" in failing["reason"]
    assert server.get("/answers/0/results").json["predicted"] == {
        "columns": ["count(*)"], "rows": [[4]], "count": 1, "is_cut": False, "differing": 0,
    }  # fmt: skip


def test_without_a_database_the_kept_rows_are_shown_and_sql_is_judged_alone(folder: Path) -> None:
    with reviewing(folder, database=None) as server:
        assert server.get("/answers/3/results").json["predicted"]["rows"] == [["red"], ["green"]]
        assert server.get("/answers/0/results").json == {"gold": None, "predicted": None, "reason": None}
        assert server.post("/run", {"place": 0, "sql": "SELECT 1"}).json["allowed"] is True
        assert server.post("/run", {"place": 0, "sql": "SELEC 1"}).json["layer"] == "parse"


def test_a_correction_passes_the_guard_and_runs_before_it_is_kept(server: Server, folder: Path) -> None:
    word = {"place": 3, "by": "Ada", "mark": "wrong"}
    for sql, layer in [("DELETE FROM line", "policy"), ("SELECT nothing FROM line", "policy"), ("SELECT", "parse")]:
        refused = server.post("/review", word | {"correction": sql}).json
        assert (refused["kept"], refused["layer"]) == (False, layer)
    failing = server.post("/review", word | {"correction": "SELECT abs(-9223372036854775808) FROM line"}).json
    assert (failing["kept"], failing["layer"]) == (False, None)
    assert "the database says" in failing["reason"]
    assert not list(folder.glob("review-*.jsonl"))
    assert server.post("/run", {"place": 3, "sql": "SELECT colour FROM line"}).json["rows"] == [
        ["red"],
        ["green"],
        [None],
    ]
    assert server.post("/review", word | {"correction": "SELECT colour FROM line"}).json["kept"]
    kept = json.loads((folder / "review-Ada.jsonl").read_text())
    assert kept["correction"] == "SELECT colour FROM line"
    [line] = server.get("/corrections").text.splitlines()
    assert json.loads(line)["sql"] == ["SELECT colour FROM line"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"by": ""}, 400),
        ({"by": "../../x"}, 400),
        ({"by": "a" * 41}, 400),
        ({"mark": "fine"}, 400),
        ({"place": -1}, 400),
        ({"place": 6}, 404),
        ({"more": 1}, 400),
    ],
)
def test_a_wrong_word_is_refused(server: Server, folder: Path, change: dict[str, Any], status: int) -> None:
    assert server.post("/review", {"place": 0, "by": "Ada", "mark": "right"} | change).status == status
    assert not list(folder.glob("review-*.jsonl"))


def test_other_pages_and_names_are_refused(server: Server, folder: Path) -> None:
    word = {"place": 0, "by": "Ada", "mark": "right"}
    assert server.post("/review", word, Origin="http://evil.example").status == 403
    assert server.post("/review", word, Host="evil.example").status == 403
    assert server.post("/review", word, Sec_Fetch_Site="cross-site").status == 403
    assert server.get("/answers", Sec_Fetch_Site="cross-site").status == 403
    assert server.post("/review", word, Content_Type="text/plain").status == 415
    assert not list(folder.glob("review-*.jsonl"))
    page = server.get("/")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "Colours of the lines" not in page.text
