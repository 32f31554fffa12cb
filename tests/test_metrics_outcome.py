"""Exact match, validity, and the one function that says what became of an answer."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from sqltailor.errors import ConfigError, Refused, SQLError, Timeout
from sqltailor.evaluate.metrics import (
    METRICS,
    NEEDS_RESULTS,
    ON_REQUEST,
    WHEN_NAMED,
    Attempt,
    GoldAnswer,
    exact_match,
    execution,
    features,
    metrics_called,
    metrics_without_database,
    outcome,
    parse_valid,
    schema_valid,
)
from sqltailor.evaluate.metrics.difference import difference, excerpt
from sqltailor.sql.schema import from_ddl
from sqltailor.types import QueryResult, Schema, Verdict

SCHEMA = from_ddl(
    'CREATE TABLE t (a INT, b INT, "Name" TEXT, "weird col" TEXT); CREATE TABLE u (id INT, a INT, c TEXT)'
)
ONE = QueryResult(("a",), [(1,)])
TWO = QueryResult(("a",), [(2,)])
NONE = QueryResult(("a",), [])


def gold_answer(result: QueryResult = ONE, sql: str = "SELECT a FROM t") -> GoldAnswer:
    return GoldAnswer(sql, dialect="sqlite", run=lambda _: result)


def attempt(predicted: str | None = "SELECT a FROM t", gold: str = "SELECT a FROM t", **changes: object) -> Attempt:
    return dataclasses.replace(Attempt((gold,), predicted, schema=SCHEMA), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("gold", "predicted", "score"),
    [
        ("SELECT a FROM t", "select   A\nfrom T ;", 1),
        ("SELECT a FROM t WHERE b <> 1", "SELECT a FROM t WHERE b != 1 -- why", 1),
        ("SELECT a FROM t WHERE Name = 'Bob'", 'SELECT a FROM t WHERE name = "Bob"', 1),
        ("SELECT a FROM t WHERE Name = 'Bob'", "SELECT a FROM t WHERE name = 'bob'", 0),
        ('SELECT "weird col" FROM t', "SELECT `Weird Col` FROM t", 1),
        ("SELECT a AS x FROM t", "SELECT a FROM t", 0),
        ("SELECT a, b FROM t", "SELECT b, a FROM t", 0),
        ("SELECT a FROM t", None, 0),
        ("SELEC a FRM t", " selec a frm t", 0),
        ("SELEC a FRM t", " SELEC  a FRM t;", 1),
    ],
)
def test_exact_match(gold: str, predicted: str | None, score: float) -> None:
    assert exact_match(attempt(predicted, gold)) == score


def test_exact_match_takes_any_accepted_gold() -> None:
    both = Attempt(("SELECT a FROM t", "SELECT t.a FROM t"), "select t.a from t", schema=SCHEMA)
    assert exact_match(both) == 1


@pytest.mark.parametrize(
    ("sql", "score"),
    [
        ("select t.a, u.c from t join u on t.a = u.id", 1),
        ("with z as (select a as q from t) select q from z", 1),
        ('select "weird col" from T', 1),
        ("select nope from t", 0),
        ("select count(*) from nope", 0),
        ("select a from t where exists (select 1 from u where u.zz = t.a)", 0),
        ('select a from t where name = "Bob"', 0),
    ],
)
def test_schema_valid(sql: str, score: float) -> None:
    assert schema_valid(attempt(sql)) == score


def test_validity_without_sql_schema_or_reason() -> None:
    assert parse_valid(attempt(None)) == schema_valid(attempt(None)) == 0
    assert parse_valid(attempt("SELECT FROM WHERE")) == schema_valid(attempt("SELECT FROM WHERE")) == 0
    assert parse_valid(attempt("SELECT 1; SELECT 2")) == 0
    assert schema_valid(attempt("SELECT a FROM t", schema=Schema())) is None


def test_what_the_database_says_of_names_outweighs_the_schema() -> None:
    assert schema_valid(attempt("SELECT zz FROM t", result=ONE)) == 1
    failed = attempt(failure=SQLError("no such column: zz"), answers=(gold_answer(),))
    assert schema_valid(failed) == 0
    assert outcome(failed) == ("schema_error", "no such column: zz")


OUTCOMES = {
    "correct": attempt(result=ONE, answers=(gold_answer(),)),
    "correct by a second gold": attempt(result=TWO, answers=(gold_answer(), gold_answer(TWO))),
    "wrong": attempt(result=TWO, answers=(gold_answer(),)),
    "empty_match": attempt(result=NONE, answers=(gold_answer(NONE),)),
    "gold_error": attempt(result=ONE, gold_failure="no such table: x"),
    "gold_error, whatever the answer": attempt(None, declined="no", was_cut=True, gold_failure="no such table: x"),
    "declined": attempt(None, declined="no such data", answers=(gold_answer(),)),
    "no_sql": attempt(None, answers=(gold_answer(),)),
    "truncated": attempt("SELECT a FROM", was_cut=True, answers=(gold_answer(),)),
    "truncated without SQL": attempt(None, was_cut=True, answers=(gold_answer(),)),
    "correct although it was cut": attempt(was_cut=True, result=ONE, answers=(gold_answer(),)),
    "unparsed": attempt("SELECT FROM FROM", answers=(gold_answer(),), verdict=Verdict(False, "parse", "?")),
    "schema_error": attempt("SELECT zz FROM t", answers=(gold_answer(),), verdict=Verdict(False, "policy", "?")),
    "refused": attempt("SELECT load_x(a) FROM t", answers=(gold_answer(),), verdict=Verdict(False, "policy", "bad")),
    "refused by the database": attempt(answers=(gold_answer(),), failure=Refused("not authorized", "role")),
    "timeout": attempt(answers=(gold_answer(),), failure=Timeout("longer than 10 s")),
    "sql_error": attempt(answers=(gold_answer(),), failure=SQLError("integer overflow")),
    "correct by exact match": attempt("select A from t"),
    "wrong by exact match": attempt("SELECT b FROM t"),
    "correct: declined as it should": attempt(None, declined="no", gold="-- cannot answer: x", gold_declined=True),
    "wrong: answered what has no answer": attempt(gold="-- cannot answer: x", gold_declined=True, result=ONE),
}


@pytest.mark.parametrize("case", OUTCOMES)
def test_outcome(case: str) -> None:
    word = case.replace(",", " ").replace(":", " ").split(" ")[0]
    found, reason = outcome(OUTCOMES[case])
    assert found == word
    assert (reason is None) is (found == "correct")


@pytest.mark.parametrize("case", OUTCOMES)
def test_execution_agrees_with_the_outcome(case: str) -> None:
    score = execution(OUTCOMES[case])
    word = case.replace(",", " ").replace(":", " ").split(" ")[0]
    if "exact match" in case or word == "gold_error":
        assert score is None
    else:
        assert score == (word in ("correct", "empty_match"))


@pytest.mark.parametrize(
    ("gold", "predicted", "ordered", "says"),
    [
        ([(1,)], [(1, 2)], False, "2 columns, the gold result has 1"),
        ([(1,), (2,)], [(1,)], False, "1 row, the gold result has 2"),
        ([(1,)], [(1,), (2,)], False, "more rows than the 1 of the gold result"),
        ([(1,), (2,)], [(2,), (1,)], True, "the right rows in another order"),
        ([(1,), (2,), (3,)], [(1,), (2,), (4,)], False, "1 of 3 rows differ"),
        ([(1, 2)], [(1, 3)], False, "1 of 1 row differs"),
        ([(5,)], [(None,)], False, "NULL, the gold result is 5"),
        ([("x" * 80,)], [("5",)], False, f"'5', the gold result is '{'x' * 56}..."),
        ([("a", 1), ("b", 2)], [("b", 1), ("a", 2)], False, "2 of 2 rows differ"),
    ],
)
def test_difference(gold: list[tuple], predicted: list[tuple], ordered: bool, says: str) -> None:  # type: ignore[type-arg]
    def table(rows: list[tuple]) -> QueryResult:  # type: ignore[type-arg]
        return QueryResult(tuple("abc"[: len(rows[0])]), rows)

    assert difference(table(gold), table(predicted), ordered=ordered).says == says


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT a FROM t", ("one table",)),
        ("SELECT DISTINCT a FROM t JOIN u ON 1 WHERE b > 1", ("join", "condition", "distinct")),
        ("SELECT a FROM t WHERE b IN (SELECT c FROM u)", ("condition", "subquery")),
        ("SELECT a FROM t WHERE b IN (1, 2)", ("one table", "condition")),
        ("SELECT a FROM t UNION SELECT c FROM u", ("set operation",)),
        ("SELECT SUM(a) FROM t GROUP BY b HAVING MAX(a) > 1", ("one table", "aggregate", "group by", "having")),
        ("SELECT CASE WHEN a THEN 1 END, RANK() OVER (ORDER BY a) FROM t", ("one table", "window", "case")),
        ("not sql", ()),
    ],
)
def test_features(sql: str, found: tuple[str, ...]) -> None:
    assert features(sql) == found


def test_an_unknown_metric_is_told_with_the_nearest() -> None:
    assert sorted([*metrics_called(None), *ON_REQUEST]) == sorted(METRICS)
    assert set(metrics_without_database(made_up=False)) == set(METRICS) - set(NEEDS_RESULTS) - set(WHEN_NAMED)
    assert metrics_without_database(made_up=True) == [name for name in METRICS if name not in WHEN_NAMED]
    assert list(metrics_called(["exact_match"])) == ["exact_match"]
    with pytest.raises(ConfigError, match="Did you mean 'execution'"):
        metrics_called(["exec"])


@pytest.mark.parametrize(
    ("gold", "predicted", "ordered", "kind"),
    [
        ([(1,)], [(1, 2)], False, "column"),
        ([(1,), (2,)], [(2,), (1,)], True, "order"),
        ([(1,), (2,)], [(1,), (2,), (2,)], False, "multiplicity"),
        ([(1,), (2,), (2,)], [(2,), (1,)], True, "multiplicity"),
        ([(1, "a")], [("1", "a")], False, "type"),
        ([(1.0,)], [("1.00",)], False, "type"),
        ([("2024-01-05",)], [("2024-01-05 00:00:00",)], False, "type"),
        ([(1,)], [("true",)], False, "type"),
        ([("a",)], [(b"a",)], False, "type"),
        ([(1,), (2,), (3,)], [(2,)], False, "truncation"),
        ([(1,), (2,)], [(2,), (1,), (3,)], False, "truncation"),
        ([(1,), (2,)], [], False, "value"),
        ([], [(1,)], False, "value"),
        ([(1,), (2,)], [(1,), (3,)], False, "value"),
        ([(1,)], [("one",)], False, "value"),
    ],
)
def test_every_difference_has_a_class(
    gold: list[tuple[Any, ...]], predicted: list[tuple[Any, ...]], ordered: bool, kind: str
) -> None:
    columns = [tuple("abc"[: len(rows[0]) if rows else 1]) for rows in (gold, predicted)]
    found = difference(QueryResult(columns[0], gold), QueryResult(columns[1], predicted), ordered=ordered)
    assert found.kind == kind


def test_a_cut_result_and_columns_in_order_have_classes_too() -> None:
    one = QueryResult(("a", "b"), [(1, 2)])
    turned = QueryResult(("b", "a"), [(2, 1)])
    assert difference(one, turned, ordered=False, columns_in_order=True).kind == "column"
    assert difference(one, QueryResult(("a", "b"), [(1, 2)] * 9, truncated=True), ordered=False).kind == "multiplicity"
    many = QueryResult(("a", "b"), [(i, i + 1) for i in range(9)], truncated=True)
    assert difference(one, many, ordered=False).kind == "truncation"


@pytest.mark.parametrize(
    ("gold", "predicted", "cut", "differing"),
    [
        ([(1,), (2,), (3,)], [(2,), (4,)], False, (2, 1)),
        ([(1,), (1,)], [(1,)], False, (1, 0)),
        ([(1,), (2,)], [(3,), (3,)], True, (0, 2)),  # 1 and 2 may come after the cut
    ],
)
def test_an_excerpt_begins_with_the_rows_that_the_other_lacks(
    gold: Any, predicted: Any, cut: bool, differing: tuple[int, int]
) -> None:
    results = QueryResult(("a",), gold), QueryResult(("a",), predicted, cut)
    found = excerpt(*results, ordered=False)
    assert (found["gold"]["differing"], found["predicted"]["differing"]) == differing


def test_an_excerpt_of_rows_in_another_order_marks_none() -> None:
    one, two = QueryResult(("a",), [(1,), (2,), (3,)]), QueryResult(("a",), [(1,), (3,), (2,)])
    assert excerpt(one, two, ordered=True)["gold"] == {
        "columns": ["a"], "rows": [[2], [3]], "count": 3, "is_cut": False, "differing": 0,
    }  # fmt: skip
