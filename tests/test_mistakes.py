"""Classes of mistakes from two trees and results, their hints, and where they are shown."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sqltailor.evaluate.metrics import METRICS, NEEDS_EMBEDDER, ON_REQUEST, Attempt, GoldAnswer
from sqltailor.evaluate.mistakes import HINTS, counted_mistakes, mistakes
from sqltailor.evaluate.mistakes.statement_parts import parts_of
from sqltailor.evaluate.mistakes.taxonomy import differing
from sqltailor.generate import embedder
from sqltailor.sql.dialect import parse
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Example, Prediction, QueryResult
from tests.support.cli_project import ok, ok_json

GOLD = (
    "SELECT T1.name FROM boat AS T1 JOIN trip AS T2 ON T1.id = T2.boat_id WHERE T2.day > 5 "
    "ORDER BY T1.length DESC LIMIT 1"
)

CASES = [
    (GOLD.replace("T1", "a").replace("T2", "b"), GOLD, ()),
    (
        "SELECT b.name FROM trip t JOIN boat b ON t.boat_id = b.id WHERE t.day > 5 ORDER BY b.length DESC LIMIT 1",
        GOLD,
        (),
    ),
    (
        "SELECT T1.name FROM boat T1, trip T2 WHERE T1.id = T2.boat_id AND T2.day > 5 ORDER BY T1.length DESC LIMIT 1",
        GOLD,
        (),
    ),
    (GOLD.replace("T1.id = T2.boat_id", "T1.id = T2.id"), GOLD, ("join",)),
    (GOLD.replace(" JOIN", " LEFT JOIN"), GOLD, ("join",)),
    (GOLD.replace("> 5", "> 6"), GOLD, ("value",)),
    (GOLD.replace("> 5", ">= 5"), GOLD, ("condition",)),
    (GOLD.replace(" DESC", ""), GOLD, ("order",)),
    (GOLD.replace("LIMIT 1", "LIMIT 2"), GOLD, ("limit",)),
    (GOLD.replace("SELECT", "SELECT DISTINCT"), GOLD, ("distinct",)),
    (GOLD.replace("SELECT T1.name", "SELECT T1.id"), GOLD, ("column",)),
    (GOLD.replace("SELECT T1.name", "SELECT T2.name"), GOLD, ("column",)),
    (GOLD.replace("SELECT T1.name", "SELECT COUNT(T1.name)"), GOLD, ("aggregate",)),
    ("SELECT name FROM boat", "SELECT name FROM ship", ("table",)),
    ("SELECT a FROM t WHERE b = 1 OR c = 2", "SELECT a FROM t WHERE b = 1 AND c = 2", ("condition",)),
    (
        "SELECT a FROM t WHERE b NOT IN (SELECT c FROM u)",
        "SELECT a FROM t WHERE b IN (SELECT c FROM u)",
        ("condition",),
    ),
    ("SELECT a FROM t WHERE b IN (1, 2)", "SELECT a FROM t WHERE b IN (1, 3)", ("value",)),
    ("SELECT a FROM t GROUP BY b", "SELECT a FROM t GROUP BY c", ("grouping",)),
    ("SELECT MAX(a) FROM t", "SELECT MIN(a) FROM t", ("aggregate",)),
    ("SELECT COUNT(DISTINCT a) FROM t", "SELECT COUNT(a) FROM t", ("aggregate", "distinct")),
    ("SELECT a FROM t UNION SELECT b FROM u", "SELECT a FROM t EXCEPT SELECT b FROM u", ("set operation",)),
    ("WITH c AS (SELECT a FROM t) SELECT a FROM c", "SELECT a FROM (SELECT a FROM t)", ()),
]


@pytest.mark.parametrize(("predicted", "gold", "expected"), CASES)
def test_statements_differ_in_these_parts(predicted: str, gold: str, expected: tuple[str, ...]) -> None:
    assert differing(parts_of(parse(predicted)), parts_of(parse(gold))) == expected


def prediction(sql: str, outcome: Any = "wrong", **more: Any) -> Prediction:
    return Prediction("1", "m", sql, outcome, **more)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ("correct", ()),
        ("empty_match", ()),
        ("gold_error", ()),
        ("no_sql", ("no SQL",)),
        ("declined", ("declined",)),
        ("unparsed", ("unparsed",)),
        ("schema_error", ("name",)),
        ("sql_error", ("failed",)),
        ("refused", ("refused",)),
        ("truncated", ("truncated",)),
        ("timeout", ("timeout",)),
        ("wrong", ("value",)),
    ],
)
def test_what_did_not_come_to_a_result_has_its_own_class(outcome: str, expected: tuple[str, ...]) -> None:
    example = Example("1", ("SELECT a FROM t WHERE b = 1",), question="?")
    assert mistakes(prediction("SELECT a FROM t WHERE b = 2", outcome), example) == expected
    assert set(expected) <= set(HINTS)


def test_of_several_golds_the_nearest_counts() -> None:
    example = Example("1", ("SELECT x FROM u ORDER BY y", "SELECT a FROM t WHERE b = 1"), question="?")
    assert mistakes(prediction("SELECT a FROM t WHERE b = 2"), example) == ("value",)


def test_a_result_without_rows_is_told_beside_its_cause() -> None:
    example = Example("1", ("SELECT a FROM t WHERE b = 'X'",), question="?")
    results = {"predicted": {"count": 0}, "gold": {"count": 3}}
    assert mistakes(prediction("SELECT a FROM t WHERE b = 'x'", results=results), example) == ("value", "empty")


def test_what_the_trees_do_not_tell_is_other() -> None:
    example = Example("1", ("SELECT a FROM t WHERE b = (1 + 1)",), question="?")
    assert mistakes(prediction("SELECT a FROM t WHERE b = (1 * 1)"), example) == ("other",)
    assert mistakes(prediction("not SQL"), example) == ("other",)


def test_mistakes_are_counted_with_hints() -> None:
    examples = [Example(str(i), ("SELECT a FROM t WHERE b = 1 LIMIT 1",), question="?") for i in range(3)]
    said = ["SELECT a FROM t WHERE b = 2 LIMIT 1", "SELECT a FROM t WHERE b = 2", "SELECT a FROM t WHERE b = 1 LIMIT 1"]
    outcomes = ["wrong", "wrong", "correct"]
    rows = [Prediction(str(i), "m", sql, o) for i, (sql, o) in enumerate(zip(said, outcomes, strict=True))]  # type: ignore[arg-type]
    found = counted_mistakes(examples, rows)
    assert {name: told["count"] for name, told in found.items()} == {"value": 2, "limit": 1}
    assert found["value"]["examples"] == ["0", "1"]
    assert "prompt.hints" in found["value"]["hint"]


# metrics that are computed when they are named


SCHEMA = from_ddl("CREATE TABLE t (a INT, b INT)")


def attempt(predicted: str, *golds: str, ran: tuple[float, float] | None = None) -> Attempt:
    if ran is None:
        return Attempt(golds, predicted, schema=SCHEMA)
    gold, ours = (QueryResult(("a",), [(1,)], elapsed_ms=ms) for ms in ran)
    return Attempt(
        golds,
        predicted,
        schema=SCHEMA,
        result=ours,
        answers=(GoldAnswer(golds[0], dialect="sqlite", run=lambda _: gold),),
    )


def test_token_f1() -> None:
    f1 = METRICS["token_f1"]
    assert f1(attempt("select A from T", "SELECT a FROM t;")) == 1
    assert f1(attempt("SELECT b FROM t", "SELECT a FROM t")) == 0.75
    assert f1(attempt("SELECT b FROM t", "SELECT a FROM t", "SELECT b FROM t")) == 1
    assert f1(attempt("SELECT 'X' FROM t", "SELECT 'x' FROM t")) == 0.75
    assert f1(attempt("", "SELECT a FROM t")) == 0


def test_ast_similarity() -> None:
    near = METRICS["ast_similarity"]
    assert near(attempt("SELECT x.a FROM t AS x WHERE x.b > 1", "SELECT y.a FROM t AS y WHERE y.b > 1")) == 1
    one, two = "SELECT a FROM t WHERE b > 2", "SELECT b FROM t ORDER BY a"
    gold = "SELECT a FROM t WHERE b > 1"
    assert 0 < (near(attempt(two, gold)) or 0) < (near(attempt(one, gold)) or 0) < 1
    assert near(attempt("no SQL", gold)) == 0
    assert near(attempt(gold, "no SQL")) is None


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What is embedded: texts, each as a vector of its letters' counts, of length 1."""
    np = pytest.importorskip("numpy")
    seen = []

    def embed(texts: list[str]) -> Any:
        seen.append(list(texts))
        counts = np.array([[text.count(letter) for letter in "abtL"] for text in texts], dtype=float)
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    monkeypatch.setattr(embedder, "embed", embed)
    return seen


def test_embedding_similarity_compares_what_is_written_canonically(embedded: list[list[str]]) -> None:
    near = METRICS["embedding_similarity"]
    assert near(attempt("select A from T", "SELECT 1", "SELECT a FROM t;")) == 1
    assert near(attempt("", "SELECT a FROM t")) == 0
    assert near(Attempt(("SELECT a FROM t",), None, declined="why")) == 0
    assert near(Attempt(("-- no",), "SELECT a FROM t", gold_declined=True)) is None
    assert not embedded
    assert near(attempt("select A from T", "SELECT  b\nFROM t", "no SQL", "SELECT a, a FROM t")) == 0.942809
    assert embedded == [["SELECT a FROM t", "SELECT b FROM t", "no SQL", "SELECT a, a FROM t"]]


def test_names_that_are_made_up() -> None:
    exist = METRICS["names_exist"]
    assert exist(attempt("SELECT a FROM t WHERE b = 1", "SELECT 1")) == 1
    assert exist(attempt("SELECT a, c FROM t WHERE b = 1", "SELECT 1")) == 0.75
    assert exist(attempt("SELECT 1", "SELECT 1")) == 1
    assert exist(attempt("no SQL", "SELECT 1")) is None
    assert exist(Attempt(("SELECT 1",), "SELECT a FROM t")) is None


def test_execution_and_time() -> None:
    sql = "SELECT a FROM t"
    assert METRICS["executable"](attempt(sql, sql, ran=(5, 5))) == 1
    assert METRICS["executable"](attempt(sql, sql)) is None
    assert METRICS["efficiency"](attempt(sql, sql, ran=(5, 20))) == 0.25
    assert METRICS["efficiency"](attempt(sql, sql, ran=(20, 5))) == 1
    assert METRICS["efficiency"](attempt(sql, sql, ran=(0.1, 0.9))) == 1  # too short to tell
    assert METRICS["efficiency"](attempt(sql, sql)) is None


# where they are shown


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    with closing(sqlite3.connect(tmp_path / "sea.db")) as connection:
        connection.executescript(
            "CREATE TABLE boat (id INTEGER, name TEXT); INSERT INTO boat VALUES (1, 'Elsa'), (2, 'Ida');"
        )
    golds = ["SELECT name FROM boat WHERE id = 1", "SELECT name FROM boat"]
    said = ["SELECT name FROM boat WHERE id = 2", "SELECT name FROM boat"]
    rows = [{"id": str(i), "question": f"question {i}?", "sql": sql} for i, sql in enumerate(golds)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "said.txt").write_text("\n".join(said))
    monkeypatch.chdir(tmp_path)
    return ("eval", "--predictions", "said.txt", "--data", "test.jsonl", "--database", "sea.db", "--out", "out")


def test_the_summary_the_json_and_the_report_tell_mistakes(asked: tuple[str, ...]) -> None:
    told = ok(*asked).stdout
    assert "said.txt: what is wrong" in told
    assert "value" in told
    found = ok_json(*asked)["mistakes"]["said.txt"]
    assert (found["value"]["count"], found["value"]["examples"]) == (1, ["0"])
    report = Path("out/report.html").read_text(encoding="utf-8")
    assert '<p class="reason">Wrong: value.</p><p class="reason">What helps: show stored values' in report


def test_metrics_are_named_on_the_command_line(asked: tuple[str, ...]) -> None:
    elsewhere = ("exact_set", "agrees_with_compiler", *NEEDS_EMBEDDER)
    names = ["execution", *(name for name in ON_REQUEST if name not in elsewhere)]
    rates = ok_json(*asked, *(word for name in names for word in ("--metric", name)))["models"]["said.txt"]
    assert set(rates) == set(names)
    assert rates["executable"]["value"] == 1
