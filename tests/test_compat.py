"""Verdicts of BIRD, Defog and WikiSQL on constructed cases, and all of them beside ours through the command."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sqltailor.evaluate.compat.bird_verdict import bird_verdicts, r_ves, soft_f1, ves
from sqltailor.evaluate.compat.defog_tables import Table, broadcast_equal, close, table_of
from sqltailor.evaluate.compat.defog_verdict import defog_verdicts
from sqltailor.evaluate.compat.raw_runs import Case
from sqltailor.evaluate.compat.wikisql_verdict import wikisql_verdicts
from sqltailor.types import Example, QueryResult
from tests.support.cli_project import ok, ok_json, run

SCRIPT = """
CREATE TABLE bird (id INTEGER PRIMARY KEY, kind TEXT, weight REAL, ring INTEGER);
INSERT INTO bird VALUES (1, 'tit', 11, 7), (2, 'tit', 11, NULL), (3, 'owl', 480.5, 9), (4, 'jay', 170, NULL);
"""


@pytest.fixture
def databases(tmp_path: Path) -> str:
    home = tmp_path / "database" / "park"
    home.mkdir(parents=True)
    with closing(sqlite3.connect(home / "park.sqlite")) as connection:
        connection.executescript(SCRIPT)
    return str(tmp_path / "database")


def case(gold: str | tuple[str, ...], predicted: str, **more: Any) -> Case:
    golds = (gold,) if isinstance(gold, str) else gold
    return Case(Example("1", golds, db_id="park", **({"question": "Which?"} | more)), predicted)


BIRD = [
    ("SELECT kind FROM bird", "SELECT DISTINCT kind FROM bird ORDER BY 1", 1, 1 / 3),
    ("SELECT id, kind FROM bird", "SELECT kind, id FROM bird", 0, 1.0),
    ("SELECT weight FROM bird WHERE id = 1", "SELECT 11", 1, 1.0),
    ("SELECT id FROM bird WHERE id = 1", "SELECT '1'", 0, 0.0),
    ("SELECT id FROM bird WHERE id > 9", "SELECT id, kind FROM bird WHERE id > 9", 1, 1.0),
    ("SELECT nobody FROM bird", "SELECT id FROM bird", 0, 0.0),
    ("SELECT id FROM bird", "SELECT nobody FROM bird", 0, 0.0),
    ("SELECT id FROM bird", "DELETE FROM bird", 0, 0.0),
    ("SELECT id FROM bird", "SELECT id FROM bird\t----- bird -----\tpark", 1, 1.0),
    ("SELECT id FROM bird WHERE kind = 'tit'", 'SELECT id FROM bird WHERE kind = "tit" ORDER BY id DESC', 1, 0.0),
]


def test_bird(databases: str) -> None:
    found = bird_verdicts([case(gold, predicted) for gold, predicted, _, _ in BIRD], databases)
    assert [scores["bird_ex"] for scores in found.scores] == [ex for _, _, ex, _ in BIRD]
    assert [scores["bird_soft_f1"] for scores in found.scores] == pytest.approx([f1 for *_, f1 in BIRD])
    assert found.totals == {}


def test_time_rewards_are_of_right_answers_only(databases: str) -> None:
    right, wrong = case("SELECT id FROM bird", "SELECT id FROM bird"), case("SELECT id FROM bird", "SELECT 1")
    found = bird_verdicts([right, wrong], databases, repeats=5)
    assert found.notes[1] == {"ves": 0.0, "r_ves": 0.0}
    assert found.notes[0]["ves"] > 0
    assert found.totals["ves"] == pytest.approx(50 * found.notes[0]["ves"])


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [([2.0, 2.2], 1.25), ([1.0, 1.5], 1.0), ([0.5, 0.9], 0.75), ([0.25, 0.4], 0.5), ([0.1, 0.2], 0.25), ([1.5] * 9, 0)],
)
def test_rewards(ratios: list[float], expected: float) -> None:
    assert r_ves(ratios) == pytest.approx(expected**0.5)


def test_ratios_that_lie_apart_are_left_out() -> None:
    assert ves([*[0.9, 1.1] * 30, 500.0]) == pytest.approx(1.0)


def test_soft_f1_counts_rows_without_a_partner() -> None:
    assert soft_f1([(1,), (2,), (2,)], [(1,), (2,), (3,)]) == pytest.approx(2 * 1 * (2 / 3) / (1 + 2 / 3))
    assert soft_f1([(1, 2)], [(3, 4)]) == 0


DEFOG = [
    # gold, predicted, question, category, exact, correct
    ("SELECT kind FROM bird", "SELECT kind FROM bird ORDER BY id DESC", "Which?", None, 1, 1),
    ("SELECT kind FROM bird", "SELECT DISTINCT kind FROM bird", "Which?", None, 1, 1),
    ("SELECT kind FROM bird", "SELECT kind FROM bird ORDER BY kind ASC", "In what order?", None, 0, 0),
    ("SELECT id FROM bird ORDER BY id", "SELECT id FROM bird ORDER BY id DESC", "Which?", "order_by", 1, 1),
    ("SELECT kind FROM bird", "SELECT id, kind AS name FROM bird", "Which?", None, 0, 1),
    ("SELECT weight FROM bird", "SELECT id, weight * 1.0000001 AS w FROM bird", "Which?", None, 0, 1),
    ("SELECT ring FROM bird", "SELECT ring, id FROM bird", "Which?", None, 0, 1),
    ("SELECT id FROM bird WHERE id > 9", "SELECT kind FROM bird WHERE id > 9", "Which?", None, 1, 1),
    ("SELECT id FROM bird WHERE id > 9", "SELECT kind FROM bird WHERE id = 1", "Which?", None, 1, 1),
    ("SELECT id FROM bird WHERE id > 9", "SELECT kind FROM bird", "Which?", None, 0, 0),
    ("SELECT 7 AS n", "SELECT 7 FROM bird", "Which?", None, 1, 1),
    ("SELECT id FROM bird", "SELECT nobody FROM bird", "Which?", None, 0, 0),
    ("SELECT id FROM bird", "SELECT id AS a, kind AS a FROM bird", "Which?", None, 0, 0),
    (("SELECT id FROM bird", "SELECT kind FROM bird"), "SELECT kind FROM bird", "Which?", None, 1, 1),
]


@pytest.mark.parametrize(("gold", "predicted", "question", "category", "exact", "correct"), DEFOG)
def test_defog(
    databases: str, gold: Any, predicted: str, question: str, category: str | None, exact: int, correct: int
) -> None:
    found = defog_verdicts([case(gold, predicted, question=question, difficulty=category)], databases)
    assert found.scores == [{"defog_exact": exact, "defog_correct": correct}]


def test_defog_has_no_verdict_where_no_gold_statement_runs(databases: str) -> None:
    assert defog_verdicts([case("SELECT nobody FROM bird", "SELECT 1")], databases).scores == [{}]


def test_null_is_not_equal_to_itself_among_numbers_only() -> None:
    numbers = table_of(QueryResult(("a",), [(1,), (None,)]))
    texts = table_of(QueryResult(("a",), [("x",), (None,)]))
    assert not broadcast_equal(numbers, numbers)
    assert broadcast_equal(texts, texts)
    assert close(None, float("nan"))
    assert not broadcast_equal(Table(("a",), [(1,), (1,)]), Table(("a",), [(1,), (1,), (1,)]))


WIKI = "CREATE TABLE table_1_2 (name TEXT, age REAL, home_town TEXT)"
WIKISQL = [
    ("SELECT name FROM table_1_2 WHERE age = 5", "select Name from TABLE_1_2 where AGE = '5'", 1),
    ("SELECT name FROM table_1_2 WHERE age = 5", "SELECT name FROM table_1_2 WHERE age = 5.0", 0),
    ("SELECT name FROM table_1_2 WHERE home_town = 'Lyon'", 'SELECT name FROM table_1_2 WHERE home_town = "LYON"', 1),
    ("SELECT name FROM table_1_2 WHERE age > 1 AND name = 'a'",
     "SELECT name FROM table_1_2 WHERE name = 'a' AND age > 1", 1),
    ("SELECT COUNT(name) FROM table_1_2", "SELECT name FROM table_1_2", 0),
    ("SELECT COUNT(name) FROM table_1_2", '{"query": {"sel": 0, "agg": 3, "conds": []}}', 1),
    ("SELECT MAX(age) FROM table_1_2 WHERE name = 'A'", '{"sel": 1, "agg": 1, "conds": [[0, 0, "a"], [0, 0, "A"]]}', 1),
    ("SELECT name FROM table_1_2", '{"error": "none"}', 0),
    ("SELECT name FROM table_1_2", "SELECT name FROM table_1_2 ORDER BY name", 0),
    ("SELECT name FROM table_1_2", "SELECT name, age FROM table_1_2", 0),
    ("SELECT name FROM table_1_2 WHERE age > -1", "SELECT name FROM table_1_2 WHERE age > -1", 1),
    ("SELECT name FROM table_1_2", "no SQL", 0),
]  # fmt: skip


@pytest.mark.parametrize(("gold", "predicted", "expected"), WIKISQL)
def test_wikisql(gold: str, predicted: str, expected: int) -> None:
    found = wikisql_verdicts([Case(Example("1", (gold,), question="?", schema=WIKI), predicted)])
    assert found.scores == [{"wikisql_lf": expected}]


def test_wikisql_has_no_verdict_on_other_statements() -> None:
    example = Example("1", ("SELECT name FROM table_1_2 LIMIT 1",), question="?", schema=WIKI)
    assert wikisql_verdicts([Case(example, "SELECT 1")]).scores == [{}]


# the command


@pytest.fixture
def folder(tmp_path: Path, databases: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    golds = [
        "SELECT DISTINCT kind FROM bird",
        'SELECT id FROM bird WHERE kind != "tit"',
        "SELECT count ( * ) FROM bird",
    ]
    rows = [{"db_id": "park", "question": f"question {i}?", "query": sql} for i, sql in enumerate(golds)]
    (tmp_path / "dev.json").write_text(json.dumps(rows))
    said = ["SELECT kind FROM bird", 'SELECT id FROM bird WHERE kind != "tit"', "SELECT count(*) FROM bird WHERE id=1"]
    (tmp_path / "said.txt").write_text("".join(f"{sql}\tpark\n" for sql in said))
    monkeypatch.chdir(tmp_path)
    return tmp_path


ASKED = ("eval", "--predictions", "said.txt", "--data", "dev.json", "--database", "database")


def test_verdicts_stand_beside_ours(folder: Path) -> None:
    told = ok(*ASKED, "--compat", "test-suite", "--out", "out").stdout
    assert "test_suite: 1 right here only, 0 by our execution only" in told
    rows = [json.loads(line) for line in (folder / "out" / "test-suite-said.txt.jsonl").read_text().splitlines()]
    assert [(row["test_suite"], row["execution"], row["spider_match"]) for row in rows] == [
        (1, 0, 1),
        (1, 1, 1),
        (0, 0, 0),
    ]
    scores = json.loads((folder / "out" / "scores.json").read_text())
    assert scores["models"]["said.txt"]["test_suite"]["value"] == pytest.approx(2 / 3, abs=1e-5)
    assert scores["compat"]["test-suite"]["said.txt"]["disagreement"]["test_suite"]["rows"]["only_benchmark"] == [
        "dev-1"
    ]


def test_other_benchmarks_run_on_the_same_files(folder: Path) -> None:
    rates = ok_json(*ASKED, "--compat", "bird")["models"]["said.txt"]
    assert {"execution", "bird_ex", "bird_soft_f1"} <= set(rates)
    assert {"defog_exact", "defog_correct"} <= set(ok_json(*ASKED, "--compat", "defog")["models"]["said.txt"])
    assert "R-VES" in ok(*ASKED, "--compat", "bird-ves").stdout


def test_an_unknown_benchmark_is_refused_before_anything_runs(folder: Path) -> None:
    assert "Unknown benchmark 'brid'" in str(run(*ASKED, "--compat", "brid").exception)
    assert not list(folder.glob("runs"))
