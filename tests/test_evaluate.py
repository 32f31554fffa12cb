"""The whole harness on a real SQLite database, with models that are plain functions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sqltailor.data import load_examples
from sqltailor.database import Database, open_database
from sqltailor.errors import BackendError, DataError
from sqltailor.evaluate import Scoring, evaluate, read_answers, resume_or_new, score_predictions
from sqltailor.evaluate.metrics import NEEDS_RESULTS, execution, metrics_called
from sqltailor.evaluate.report.sentences import verdict
from sqltailor.evaluate.scorer import Scorer
from sqltailor.runs import Run, lock
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Completion, Example, Generate, GenerateOptions, Grant, Prompt, Schema

if TYPE_CHECKING:
    from sqlglot.expressions import Expr
    from sqlglot.tokens import Token

SCRIPT = """
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, city TEXT);
INSERT INTO item VALUES (1, 'ant', 9, 'Lyon'), (2, 'bee', 5, 'Lyon'), (3, 'cat', 5, 'Nice'), (4, 'dog', 5, NULL);
CREATE TABLE secret (id INTEGER, word TEXT);
INSERT INTO secret VALUES (1, 'xyzzy');
"""

GOLD = {
    "all": "SELECT name FROM item",
    "count": "SELECT COUNT(*) FROM item",
    "by price": "SELECT name FROM item ORDER BY price DESC",
    "dearest": "SELECT name FROM item WHERE city IS NULL OR price < 9 ORDER BY price DESC LIMIT 1",
    "nobody": "SELECT name FROM item WHERE price > 100",
    "average": "SELECT city, AVG(price) AS mean FROM item GROUP BY city HAVING COUNT(*) > 0",
    "duplicates": "SELECT price FROM item",
    "any two": "SELECT name FROM item LIMIT 2",
}


def example(name: str, sql: str, **more: str) -> Example:
    return Example(name, (sql,), question=f"question {name}", source=more.pop("source", "test.jsonl"), **more)  # type: ignore[arg-type]


SHAPE = {"run", "models", "paired", "outcomes", "differences", "mistakes", "declines", "ceiling", "gold_errors"}
"""What `eval --json` holds."""

EXAMPLES = [example(name, sql) for name, sql in GOLD.items()]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "shop.db"
    connection = sqlite3.connect(path)
    connection.executescript(SCRIPT)
    connection.close()
    with open_database(f"sqlite:///{path}", timeout_s=5) as database:
        yield database


def answers(by_question: dict[str, str], default: str = "", **more: object) -> Generate:
    """Return a model that answers by the name of the example."""

    def generate(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        asked = [prompt.messages[-1].content.rpartition("question ")[2] for prompt in prompts]
        return [Completion(by_question.get(name, default), **more) for name in asked]  # type: ignore[arg-type]

    return generate


gold = answers(GOLD)


def test_gold_against_gold_is_all_right(database: Database, tmp_path: Path) -> None:
    found = evaluate(EXAMPLES, {"gold": gold}, out_dir=tmp_path / "eval", scoring=Scoring(database))
    rates = found.scores["models"]["gold"]
    assert {metric: (rate["value"], rate["n"]) for metric, rate in rates.items()} == {
        "execution": (1.0, 8),
        "exact_match": (1.0, 8),
        "parse_valid": (1.0, 8),
        "schema_valid": (1.0, 8),
    }
    assert found.scores["outcomes"] == {"gold": {"correct": 7, "empty_match": 1}}
    assert found.scores["gold_empty"] == 1
    assert found.scores["gold_errors"] == []


@pytest.mark.parametrize(
    ("name", "predicted", "outcome"),
    [
        ("all", "```sql\nSELECT name FROM item ORDER BY id DESC;\n```", "correct"),
        ("all", "SELECT DISTINCT name FROM item WHERE id < 4", "wrong"),
        ("all", "SELECT name, id FROM item", "wrong"),
        ("count", "SELECT 4.0", "correct"),
        ("count", "SELECT '4'", "wrong"),
        ("by price", "SELECT name FROM item ORDER BY price DESC, name DESC", "correct"),
        ("by price", "SELECT name FROM item ORDER BY price", "wrong"),
        ("dearest", "SELECT 'dog'", "correct"),
        ("dearest", "SELECT 'ant'", "wrong"),
        ("nobody", "SELECT name FROM item WHERE 1 = 0", "empty_match"),
        ("average", "SELECT SUM(price) / COUNT(*), city FROM item GROUP BY city", "correct"),
        ("duplicates", "SELECT DISTINCT price FROM item", "wrong"),
        ("any two", "SELECT name FROM item WHERE id IN (2, 4)", "correct"),
        ("all", "", "no_sql"),
        ("all", "I would look into the item table.", "no_sql"),
        ("all", "-- cannot answer: there are no items", "declined"),
        ("all", "SELECT name, FROM WHERE item", "unparsed"),
        ("all", "SELECT title FROM item", "schema_error"),
        ("all", "SELECT name FROM items", "schema_error"),
        ("all", "DELETE FROM item", "refused"),
        ("all", "SELECT name FROM item; SELECT 1", "unparsed"),
        ("all", "SELECT word FROM secret", "refused"),
        ("count", "SELECT ABS(-9223372036854775808)", "sql_error"),
        ("count", "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT MAX(x) FROM n", "timeout"),
    ],
)
def test_every_outcome(name: str, predicted: str, outcome: str, database: Database, tmp_path: Path) -> None:
    scoring = Scoring(database, grant=Grant(deny=("secret",)), timeout_s=0.5)
    examples = [e for e in EXAMPLES if e.id == name]
    found = evaluate(examples, {"m": answers({name: predicted})}, out_dir=tmp_path / "eval", scoring=scoring)
    (prediction,) = found.predictions["m"]
    assert prediction.outcome == outcome, prediction.reason
    assert prediction.scores["execution"] == (outcome in ("correct", "empty_match"))
    assert (prediction.reason is None) is (outcome == "correct")


def test_a_cut_answer_is_truncated_unless_it_is_right(database: Database, tmp_path: Path) -> None:
    model = answers({"all": "SELECT name FROM item\n\nSELECT name FROM", "count": "SELECT COUNT("}, stop="length")
    found = evaluate(EXAMPLES[:2], {"m": model}, out_dir=tmp_path / "eval", scoring=Scoring(database))
    assert [p.outcome for p in found.predictions["m"]] == ["correct", "truncated"]


def test_base_and_tuned_are_compared_on_the_same_rows(database: Database, tmp_path: Path) -> None:
    base = answers({"all": GOLD["all"], "count": GOLD["count"]}, "no idea")
    tuned = answers({k: v for k, v in GOLD.items() if k != "count"}, "SELECT 5")
    found = evaluate(EXAMPLES, {"base": base, "tuned": tuned}, out_dir=tmp_path / "eval", scoring=Scoring(database))
    pairs = {pair["metric"]: dict(pair) for pair in found.to_json()["paired"]}
    spread, least = pairs["execution"].pop("difference"), pairs["execution"].pop("detectable")
    assert pairs["execution"] == {
        "a": "base", "b": "tuned", "metric": "execution", "fixed": 6, "broken": 1, "p": 0.125, "n": 8
    }  # fmt: skip
    assert spread["low"] < spread["value"] == 0.625 < spread["high"] == 1.0
    assert 6 / 8 <= least < 1
    assert set(found.to_json()) == SHAPE
    written = json.loads((tmp_path / "eval" / "scores.json").read_text())
    assert written == found.scores
    assert written["models"]["tuned"]["execution"]["value"] == 0.875


def test_a_failing_gold_counts_apart_and_is_told(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = example("broken", "SELECT nowhere FROM item")
    model = answers(GOLD | {"broken": "SELECT nowhere FROM item"})
    found = evaluate([*EXAMPLES, broken], {"m": model}, out_dir=tmp_path / "eval", scoring=Scoring(database))
    rates = found.scores["models"]["m"]
    assert (rates["execution"]["n"], rates["execution"]["value"]) == (8, 1.0)
    assert (rates["exact_match"]["n"], rates["parse_valid"]["n"]) == (9, 9)
    assert found.predictions["m"][-1].outcome == "gold_error"
    assert [error["id"] for error in found.scores["gold_errors"]] == ["broken"]
    assert "no such column" in found.scores["gold_errors"][0]["reason"]
    assert "1 of 9 gold statements fail" in caplog.text


def test_no_gold_that_runs_stops_before_a_model_is_asked(database: Database, tmp_path: Path) -> None:
    def never(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        raise AssertionError("asked")

    with pytest.raises(DataError, match="Is it the right database"):
        evaluate([example("x", "SELECT 1 FROM nowhere")], {"m": never}, out_dir=tmp_path, scoring=Scoring(database))


def test_any_accepted_gold_will_do(database: Database, tmp_path: Path) -> None:
    several = Example("x", ("SELECT broken FROM item", "SELECT 1", "SELECT 2"), question="question x")
    for answer, outcome in (("SELECT 2", "correct"), ("SELECT 3", "wrong")):
        model = answers({"x": answer})
        found = evaluate([several], {"m": model}, out_dir=tmp_path / answer, scoring=Scoring(database))
        assert found.predictions["m"][0].outcome == outcome


def test_a_question_without_answer_is_right_when_declined(database: Database, tmp_path: Path) -> None:
    examples = [EXAMPLES[0], example("x", "-- cannot answer: no such data"), example("y", "-- cannot answer: none")]
    model = answers({"all": GOLD["all"], "x": "-- cannot answer: nothing about it", "y": "SELECT 1"})
    found = evaluate(examples, {"m": model}, out_dir=tmp_path / "eval", scoring=Scoring(database))
    assert [p.outcome for p in found.predictions["m"]] == ["correct", "correct", "wrong"]
    assert found.scores["declines"] == {"m": {"rightly": 1, "wrongly": 0, "missed": 1}}
    assert found.scores["mistakes"]["m"]["answered"]["examples"] == ["y"]
    assert found.scores["models"]["m"]["execution"]["n"] == 3
    assert found.scores["models"]["m"]["parse_valid"]["n"] == 2


def test_what_can_be_answered_is_declined_wrongly(database: Database, tmp_path: Path) -> None:
    model = answers(GOLD | {"all": "-- cannot answer: nothing about it"})
    found = evaluate(EXAMPLES, {"m": model, "gold": answers(GOLD)}, out_dir=tmp_path / "e", scoring=Scoring(database))
    assert found.scores["declines"] == {"m": {"rightly": 0, "wrongly": 1, "missed": 0}}
    rates = found.scores["models"]["m"]
    assert (rates["parse_valid"]["value"], rates["schema_valid"]["value"]) == (1, 1)  # of the statements
    assert rates["parse_valid"]["n"] == rates["execution"]["n"] - 1
    assert rates["execution"]["value"] < 1
    notes = verdict(found.scores).notes
    assert "m declined 0 of 0 questions that cannot be answered, and 1 that can." in notes


def test_without_a_database_execution_is_absent(tmp_path: Path) -> None:
    ddl = "CREATE TABLE item (id INT, name TEXT, price REAL, city TEXT)"
    examples = [Example(e.id, e.sql, question=e.question, schema=ddl) for e in EXAMPLES]
    model = answers(GOLD | {"count": "SELECT COUNT(id) FROM item", "all": "SELECT title FROM item"})
    found = evaluate(examples, {"m": model}, out_dir=tmp_path / "eval")
    rates = found.scores["models"]["m"]
    assert set(rates) == set(metrics_called(None)) - set(NEEDS_RESULTS)
    assert {m: (r["value"], r["n"]) for m, r in rates.items()} == {
        "exact_match": (0.75, 8),
        "parse_valid": (1.0, 8),
        "schema_valid": (0.875, 8),
    }
    assert found.scores["outcomes"]["m"] == {"schema_error": 1, "wrong": 1, "correct": 6}


def test_each_example_runs_on_its_own_database(tmp_path: Path) -> None:
    opened: dict[str, Database] = {}

    def by_id(db_id: str) -> Database:
        if db_id not in opened:
            connection = sqlite3.connect(tmp_path / f"{db_id}.db")
            connection.executescript(f"CREATE TABLE t_{db_id} (a); INSERT INTO t_{db_id} VALUES ('{db_id}');")
            connection.close()
            opened[db_id] = open_database(f"sqlite:///{tmp_path / db_id}.db")
        return opened[db_id]

    examples = [example(i, f"SELECT a FROM t_{i}", db_id=i) for i in ("one", "two")]
    found = evaluate(
        examples, {"m": answers({}, "SELECT a FROM t_one")}, out_dir=tmp_path / "eval", scoring=Scoring(by_id)
    )
    assert [p.outcome for p in found.predictions["m"]] == ["correct", "schema_error"]
    for database in opened.values():
        database.close()


def test_an_interrupted_evaluation_continues(database: Database, tmp_path: Path) -> None:
    asked: list[int] = []

    def stops(after: int) -> Generate:
        def generate(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
            if sum(asked) >= after:
                raise KeyboardInterrupt
            asked.append(len(prompts))
            return gold(prompts, options)

        return generate

    run = Run(tmp_path / "run")
    arguments = {"out_dir": resume_or_new(run), "scoring": Scoring(database), "batch": 3}
    with pytest.raises(KeyboardInterrupt):
        evaluate(EXAMPLES, {"m": stops(after=6)}, **arguments)  # type: ignore[arg-type]
    (folder,) = run.path.glob("eval-*")
    assert not (folder / "scores.json").exists()
    # a line that was torn by the crash is answered again
    predictions = folder / "predictions-m.jsonl"
    lines = predictions.read_text().splitlines(keepends=True)
    assert len(lines) == 6
    predictions.write_text("".join(lines[:5]) + lines[5][:30])
    asked.clear()
    found = evaluate(EXAMPLES, {"m": stops(after=100)}, **arguments)  # type: ignore[arg-type]
    assert found.run == folder
    assert asked == [3]
    assert found.scores["outcomes"]["m"] == {"correct": 7, "empty_match": 1}
    # finished: the next one has a folder of its own
    assert evaluate(EXAMPLES, {"m": gold}, **arguments).run != folder  # type: ignore[arg-type]


def test_answers_to_something_else_are_moved_aside(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "eval"
    evaluate(EXAMPLES, {"m": gold}, out_dir=out, scoring=Scoring(database))
    evaluate(EXAMPLES[:3], {"m": gold}, out_dir=out, scoring=Scoring(database))
    assert "is about other examples" in caplog.text
    assert str(tmp_path / "eval-1") in caplog.text
    assert [len(load_examples(folder / "examples.jsonl")) for folder in (tmp_path / "eval-1", out)] == [8, 3]
    evaluate(EXAMPLES, {"m": gold}, out_dir=out, scoring=Scoring(database), options=GenerateOptions(max_tokens=7))
    evaluate(EXAMPLES, {"m": gold}, out_dir=out, scoring=Scoring(database))
    assert "answers of 'm' to other prompts" in caplog.text
    assert {folder.name for folder in tmp_path.iterdir()} >= {"eval", "eval-1", "eval-2", "eval-3"}
    with lock(out), pytest.raises(BackendError, match="is in use by process"):
        evaluate(EXAMPLES[:3], {"m": gold}, out_dir=out, scoring=Scoring(database))
    # another model may join; the first is not asked again
    found = evaluate(
        EXAMPLES, {"m": answers({}), "n": answers({})}, out_dir=tmp_path / "eval", scoring=Scoring(database)
    )
    assert [found.scores["models"][m]["execution"]["value"] for m in ("m", "n")] == [1.0, 0.0]


def test_breakdowns_by_file_difficulty_and_feature(database: Database, tmp_path: Path) -> None:
    examples = [
        example("all", GOLD["all"], source="data/a.jsonl", difficulty="easy"),
        example("count", GOLD["count"], source="data/b.jsonl", difficulty="easy"),
        example("by price", GOLD["by price"], source="data/b.jsonl", difficulty="hard"),
    ]
    model = answers({"all": GOLD["all"], "by price": GOLD["by price"]}, "SELECT 1")
    found = evaluate(examples, {"m": model}, out_dir=tmp_path / "eval", scoring=Scoring(database))
    kinds = found.scores["breakdowns"]

    def execution(kind: str) -> dict[str, tuple[float, int]]:
        return {k: (v["m"]["execution"]["value"], v["m"]["execution"]["n"]) for k, v in kinds[kind].items()}

    assert execution("part") == {"a": (1.0, 1), "b": (0.5, 2)}
    assert execution("difficulty") == {"easy": (0.5, 2), "hard": (1.0, 1)}
    assert execution("feature") == {"one table": (2 / 3, 3), "aggregate": (0.0, 1), "order by": (1.0, 1)} | {
        "one table": (pytest.approx(2 / 3, abs=1e-6), 3)
    }


def test_slices_by_database_table_length_and_template(tmp_path: Path) -> None:
    ddl = "CREATE TABLE item (id INT, price INT); CREATE TABLE shop (id INT, item INT)"
    golds = [
        ("SELECT id FROM item WHERE price > 3", "a"), ("SELECT id FROM item WHERE price > 4", "a"),
        ("SELECT shop.id FROM shop JOIN item ON shop.item = item.id AND item.price = 1", "b"),
        ("SELECT nonsense", "b"), ("SELECT COUNT(*) FROM shop", "b"),
    ]  # fmt: skip
    examples = [example(str(i), sql, schema=ddl, db_id=about) for i, (sql, about) in enumerate(golds)]
    found = evaluate(examples, {"m": answers({}, golds[0][0])}, out_dir=tmp_path / "eval").scores["breakdowns"]
    counts = {kind: {n: s["m"]["parse_valid"]["n"] for n, s in named.items()} for kind, named in found.items()}
    assert counts["database"] == {"b": 3, "a": 2}
    assert counts["table"] == {"item": 3, "shop": 2}
    assert counts["length"] == {"up to 10 words": 4, "11–20 words": 1}
    assert counts["template"] == {"SELECT id FROM item WHERE price > ?": 2, "(others)": 3}
    assert list(counts["difficulty"]) == ["easy", "medium"]


def test_written_predictions_have_the_documented_fields(database: Database, tmp_path: Path) -> None:
    model = answers(GOLD, tokens_in=10, tokens_out=5, total_ms=12.5, first_token_ms=3.0)
    found = evaluate(EXAMPLES, {"runs/x": model}, out_dir=tmp_path / "eval", scoring=Scoring(database))
    rows = [json.loads(line) for line in (tmp_path / "eval" / "predictions-runs-x.jsonl").read_text().splitlines()]
    assert rows[0] == {
        "id": "all",
        "model": "runs/x",
        "predicted": "SELECT name FROM item",
        "outcome": "correct",
        "reason": None,
        "difference": None,
        "results": None,
        "scores": dict.fromkeys(metrics_called(None), 1.0),
        "stop": "end",
        "tokens_in": 10,
        "tokens_out": 5,
        "first_token_ms": 3.0,
        "total_ms": 12.5,
        "confidence": None,
        "led": None,
        "repairs": 0,
    }
    timings = found.scores["timings"]["runs/x"]
    assert (timings["total_ms_p50"], timings["tokens_out_mean"]) == (12.5, 5)
    assert timings["tokens_per_s"] > 0
    assert evaluate(EXAMPLES, {"y": gold}, out_dir=tmp_path / "y", scoring=Scoring(database)).scores["timings"] == {
        "y": {}
    }


def test_scoring_predictions_that_are_there(database: Database, tmp_path: Path) -> None:
    first = evaluate(EXAMPLES, {"m": gold}, out_dir=tmp_path / "eval", scoring=Scoring(database))
    found = read_answers(tmp_path / "eval" / "predictions-m.jsonl", EXAMPLES)
    again = score_predictions(EXAMPLES, {"m": found}, out_dir=tmp_path / "again", scoring=Scoring(database))
    assert again.scores["models"] == first.scores["models"]
    lines = tmp_path / "predicted.sql"
    lines.write_text("\n".join([*list(GOLD.values())[:-1], ""]) + "\n")
    read = read_answers(lines, EXAMPLES)
    plain = score_predictions(EXAMPLES, {"file": read}, out_dir=tmp_path / "plain", scoring=Scoring(database))
    assert plain.scores["outcomes"]["file"] == {"correct": 6, "empty_match": 1, "no_sql": 1}


def test_a_missing_prediction_counts_as_no_sql_and_a_strange_one_is_an_error(
    database: Database, tmp_path: Path
) -> None:
    some = {"all": Completion(GOLD["all"])}
    found = score_predictions(EXAMPLES, {"m": some}, out_dir=tmp_path / "eval", scoring=Scoring(database))
    assert found.scores["models"]["m"]["execution"]["value"] == 1 / 8
    bare = score_predictions(EXAMPLES, {"m": some}, out_dir=tmp_path / "bare")
    assert set(bare.scores["models"]["m"]) == {"exact_match", "parse_valid"}
    with pytest.raises(DataError, match="belong to no example, such as 'stranger'"):
        score_predictions(EXAMPLES, {"m": some | {"stranger": Completion("")}}, out_dir=tmp_path / "other")


BAD_INPUT: dict[str, tuple[Callable[[], object], str]] = {
    "no examples": (lambda: evaluate([], {"m": gold}, out_dir=Path("x")), "no examples"),
    "an id twice": (lambda: evaluate([EXAMPLES[0]] * 2, {"m": gold}, out_dir=Path("x")), "such as 'all'"),
    "no schema": (lambda: evaluate(EXAMPLES, {"m": gold}, out_dir=Path("x")), "'all' has no schema"),
    "a broken schema": (
        lambda: evaluate([example("a", "SELECT 1", schema="CREATE NOTHING")], {"m": gold}, out_dir=Path("x")),
        "Example 'a': ",
    ),
    "an endless question": (
        lambda: evaluate(
            [Example("a", ("SELECT 1",), question="why " * 3_000)],
            {"m": gold},
            out_dir=Path("x"),
            schema=from_ddl("CREATE TABLE t (a INT)"),
        ),
        "Example 'a': The question has 12,000 characters",
    ),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_told_before_anything_is_written(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call, message = BAD_INPUT[case]
    with pytest.raises(DataError, match=message):
        call()
    assert not list(tmp_path.iterdir())


def test_predictions_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    with pytest.raises(DataError, match="No such file"):
        read_answers(path, EXAMPLES)
    path.write_text('{"id": "all", "reply": "SELECT 1"}\n')
    with pytest.raises(DataError, match="has `id` and `predicted`, a text, not id, reply"):
        read_answers(path, EXAMPLES)
    path.write_text("SELECT 1\nSELECT 2\n")
    with pytest.raises(DataError, match="2 lines for 8 examples"):
        read_answers(path, EXAMPLES)


def test_a_model_that_answers_too_little_is_an_error(database: Database, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="0 answers to 8 questions"):
        evaluate(EXAMPLES, {"m": lambda p, o: []}, out_dir=tmp_path / "eval", scoring=Scoring(database))


def test_progress_is_told_for_each_model(database: Database, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    evaluate(
        EXAMPLES, {"m": gold}, out_dir=tmp_path / "eval", scoring=Scoring(database), batch=5,
        on_progress=lambda *step: told.append(step),
    )  # fmt: skip
    assert told == [("m", 0, 8), ("m", 5, 8), ("m", 8, 8)]


def test_a_gold_result_above_the_row_limit_cannot_be_compared(database: Database, tmp_path: Path) -> None:
    scoring = Scoring(database, max_rows=3)
    found = evaluate(EXAMPLES, {"m": gold}, out_dir=tmp_path / "eval", scoring=scoring)
    outcomes = {p.id: p.outcome for p in found.predictions["m"]}
    assert [i for i, outcome in outcomes.items() if outcome == "gold_error"] == ["all", "by price", "duplicates"]
    assert found.scores["models"]["m"]["execution"]["value"] == 1.0


@pytest.mark.parametrize(
    ("predicted", "word"),
    [
        ("select NAME from item", "correct"),
        ("SELECT name FROM item WHERE colour = 1", "schema_error"),
        ("SELECT word FROM secret", "refused"),
        ("SELECT name FROM item WHERE price > 6", "wrong"),
    ],
)
def test_a_predicted_statement_is_parsed_once(
    predicted: str, word: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlglot import parser

    read: list[str] = []
    original = parser.Parser.parse

    def counted(self: parser.Parser, tokens: list[Token], sql: str | None = None) -> list[Expr | None]:
        read.append(sql or "")
        return original(self, tokens, sql)

    monkeypatch.setattr(parser.Parser, "parse", counted)
    scorer = Scorer(Scoring(database, grant=Grant(deny=("secret",))))
    found = scorer.score(EXAMPLES[0], Completion(predicted), schema=database.read_schema(), model="m")
    assert found.outcome == word
    assert set(found.scores) == set(metrics_called(None))
    assert read.count(predicted) == 1


TRAMS = "CREATE TABLE tram (id INTEGER, colour VARCHAR, seats INTEGER)"
BOATS = "CREATE TABLE boat (name VARCHAR, built INTEGER)"
BROUGHT = [
    example("trams", "SELECT COUNT(*) FROM tram WHERE seats > 40", schema=TRAMS),
    example("red", "SELECT id FROM tram WHERE colour = 'red'", schema=TRAMS),
    example("boats", "SELECT name FROM boat WHERE built < 1950 OR built > 2000", schema=BOATS),
    example("none", "-- cannot answer: no fares here", schema=BOATS),
]


def test_examples_with_their_own_schema_run_on_made_up_databases(tmp_path: Path) -> None:
    said = {
        "trams": "SELECT COUNT(id) + COUNT(*) - COUNT(id) FROM tram WHERE seats >= 41",
        "red": "SELECT id FROM tram WHERE colour <> 'blue'",
        "boats": "SELECT name FROM boat WHERE NOT built BETWEEN 1950 AND 2000",
        "none": "-- cannot answer: no fares",
    }
    found = evaluate(BROUGHT, {"m": answers(said)}, out_dir=tmp_path / "eval", scoring=Scoring(fuzz=3))
    assert [p.outcome for p in found.predictions["m"]] == ["correct", "wrong", "correct", "correct"]
    rates = found.scores["models"]["m"]
    assert (rates["execution"]["value"], rates["execution"]["n"]) == (0.75, 4)
    assert rates["exact_match"]["value"] == 0.25
    assert json.loads((tmp_path / "eval/evaluation.json").read_text())["fuzz"] == 3


def test_one_of_the_made_up_databases_is_enough_to_tell_two_statements_apart(tmp_path: Path) -> None:
    for built in (1949, 1950):
        with closing(sqlite3.connect(tmp_path / f"{built}.db")) as connection:
            connection.executescript(f"{BOATS}; INSERT INTO boat VALUES ('Otter', 1900), ('Heron', {built});")
    opened = [open_database(str(tmp_path / f"{built}.db")) for built in (1949, 1950)]

    class Two:
        def of(self, example: Example, schema: Schema | None) -> list[Database]:
            return opened

    scorer = Scorer(Scoring(fuzz=2), Two())  # type: ignore[arg-type]
    old = Example("old", ("SELECT name FROM boat WHERE built < 1950",), "Old?", schema=BOATS)
    wrong, right = (
        scorer.attempt(old, Completion(sql), from_ddl(BOATS))
        for sql in ("SELECT name FROM boat WHERE built <= 1950", "SELECT name FROM boat WHERE built <= 1949")
    )
    for database in opened:
        database.close()
    assert (execution(wrong), execution(right)) == (0.0, 1.0)


def test_gold_that_no_made_up_database_can_run_is_told(tmp_path: Path) -> None:
    example = Example("x", ("SELECT date_trunc('year', built) FROM boat",), "Years?", schema=BOATS, dialect="postgres")
    with pytest.raises(DataError, match="made up are SQLite's"):
        evaluate([example], {"m": answers({})}, out_dir=tmp_path / "eval", scoring=Scoring(fuzz=1))


def test_specifications_are_judged_by_the_compiler_too(database: Database, tmp_path: Path) -> None:
    def spec(number: str, gold: str, **more: object) -> Example:
        return Example(number, (gold,), spec={"table": "item", "cols": ["name"], **more})

    loose = "SELECT name FROM item WHERE price > 0"
    examples = [
        spec("a", "SELECT name FROM item"), spec("b", "SELECT name FROM item"), spec("c", loose),
        spec("d", "SELECT name FROM item", cols=["nothing"]),
    ]  # fmt: skip
    texts = ["SELECT name FROM item", "SELECT name, price FROM item", loose, loose]

    def model(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        return [Completion(text) for text in texts]

    found = evaluate(examples, {"m": model}, out_dir=tmp_path / "eval", scoring=Scoring(database))
    scores = [p.scores.get("agrees_with_compiler") for p in found.predictions["m"]]
    assert (scores[0], scores[1], scores[3]) == (1.0, 0.0, None)  # the last cannot be compiled
    assert found.scores["models"]["m"]["agrees_with_compiler"]["n"] == 3
    named = evaluate(examples, {"m": model}, out_dir=tmp_path / "n", scoring=Scoring(metrics=["agrees_with_compiler"]),
                     schema=database.read_schema())  # fmt: skip
    assert [p.scores.get("agrees_with_compiler") for p in named.predictions["m"]] == [1.0, 0.0, 0.0, None]
