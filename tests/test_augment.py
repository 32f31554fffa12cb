"""A model that helps to make pairs: what passes, what does not and why, with canned answers on a real database."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from sqltailor.augment import MADE_REASONS, AugmentResult, augment
from sqltailor.augment.answers import MAX_ANSWER, Pair, pairs, questions
from sqltailor.augment.prompts import KINDS, rewrite_prompt
from sqltailor.augment.question_checks import check_question, check_values
from sqltailor.augment.tasks import How
from sqltailor.data import load_examples
from sqltailor.data.rows import RowError
from sqltailor.demo.database import build_database
from sqltailor.errors import BackendError, ConfigError, DataError
from sqltailor.recipe import Recipe, load_recipe
from sqltailor.sql.dialect import canonical, parse
from sqltailor.synth.result_filter import fault_of_tree
from sqltailor.types import Example, Message, QueryResult
from tests.support import postgres_server
from tests.support.cli_project import QUESTIONS, make_database, ok, ok_json, run, write_test_file

STOPS = "How many stops are there?"
ZONE = "Names of the stops in zone 1"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder but for the database and `in.jsonl`: the questions of the tram network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    make_database(tmp_path / "tram.db")
    write_test_file(tmp_path / "in.jsonl")
    return tmp_path


def recipe(*words: str) -> Recipe:
    return load_recipe(None, ["database.url=sqlite:///tram.db", *words]).recipe


def canned(answers: Mapping[str, str], name: str = "answers.json") -> str:
    """Write answers by question to a file and return the reference of the model that gives them."""
    Path(name).write_text(json.dumps(answers), encoding="utf-8")
    return f"echo:{name}"


def made(how: How, sources: list[str], model: str, *, out: str = "out.jsonl", **options: Any) -> AugmentResult:
    """Run it, and hold what is always true of the counts and files."""
    settings = options.pop("recipe", None) or recipe()
    found = augment(how, sources, out, recipe=settings, model=model, **options)
    assert found.made == found.kept + found.rejected
    assert found.rejected == sum(found.reasons.values())
    assert found.kept == len(load_examples(out))
    assert found.rejected == len(rejects(out))
    return found


def rejects(out: str = "out.jsonl") -> list[dict[str, Any]]:
    path = Path(out.replace(".jsonl", ".rejects.jsonl"))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def kept(out: str = "out.jsonl") -> list[str | None]:
    return [example.question for example in load_examples(out)]


# reading answers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("How many?", ["How many?"]),
        ("Sure, here they are:\n\n1. How many?\n2) Count them\n", ["How many?", "Count them"]),
        ('- "How many?"\n* **Count them**\n• “All of them”', ["How many?", "Count them", "All of them"]),
        ('```json\n["How\\nmany?", 3, ""]\n```', ["How many?"]),
        ('{"questions": ["How many?", "Count them"]}', ["How many?", "Count them"]),
        ('{"question": "How many?"}', ["How many?"]),
        ("<think>a\nb</think>Question: How many?", ["How many?"]),
        ("Q1: How many?\nquestion 2: 3 of them", ["How many?", "3 of them"]),
        ("10 largest cities", ["10 largest cities"]),
        ("", []),
        ("<think>endless", []),
        ("[" * 100_000, ["[" * 100_000]),
    ],
)
def test_questions_are_read_from_any_list(text: str, found: list[str]) -> None:
    assert questions(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"question": "How many?", "sql": "SELECT 1"}\n{"question": "b", "query": " c "}', ["How many?", "b"]),
        ('Here:\n```json\n[{"question": "a\\n b", "sql": "c"}]\n```', ["a b"]),
        ('{"question": "a", "sql": 3} {"question": null} [] {"sql": "x"} {broken {"question": "b", "sql": "c"}', ["b"]),
        ("Question: How many?\nSQL: SELECT 1\n\nQuestion: b\nSQL: SELECT\n 2", ["How many?", "b"]),
        ("nothing of the kind", []),
        ('{"a":' * 20_000, []),
        ("", []),
    ],
)
def test_pairs_are_read_wherever_they_stand(text: str, found: list[str]) -> None:
    assert [pair.question for pair in pairs(text)] == found


def test_the_sql_of_a_pair_is_as_written() -> None:
    assert pairs('{"question": "a", "sql": " SELECT 1;\\nDROP TABLE t "}') == [Pair("a", "SELECT 1;\nDROP TABLE t")]


# filters on questions


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("How many stops are there?", None),
        ("Show me the stops, please", None),
        ("select the stops from zone 1", None),
        ("With which line do I get to the zoo?", None),
        ("Update me on delays; drop nobody", None),
        ("¿Cuántas paradas hay?", None),
        ("停留所はいくつ", None),
        (" ", "empty"),
        ("x" * 601, "too_long"),
        ("SELECT count(*) FROM stop", "not_a_question"),
        ("select name from stop", "not_a_question"),
        ("How many?; DROP TABLE stop", "not_a_question"),
        ("drop table stop", "not_a_question"),
        ("SELECT COUNT(*) >= 4", "not_a_question"),
        ("SELECT line and' AND ab = 'x'", "not_a_question"),
        ("stops with MAX(zone)", "not_a_question"),
        ("HOW MANY STOPS (all) ARE THERE?", None),
        ("SELECT w.name, a.nm FROMWays AS w JOIN a ON w.id = a.id", "not_a_question"),
        ("select w.name, a.nm fromWays as w", "not_a_question"),
        ("select * fromWays", "not_a_question"),
        ("Which w where w.id = a.way?", "not_a_question"),
        ("How many stops with zone = 'A'?", "not_a_question"),
        ("count(*) of stops", "not_a_question"),
        ("Select all customers from Lyon, e.g. the last ten", None),
        ("With which line does stop no.5 end, i.e. at 5 p.m., and from amazon.com?", None),
        ("How many stops?<|im_end|>", "not_a_question"),
        ("[INST] How many stops? [/INST]", "not_a_question"),
        ("How many\0stops?", "not_a_question"),
        ("How many\x1b[31m stops?", "not_a_question"),
        ("???", "not_a_question"),
        ("Sure! Other questions follow", "not_a_question"),
        ("I'm sorry, but I cannot do that.", "not_a_question"),
        ('{"question": [', "not_a_question"),
    ],
)
def test_only_questions_pass(question: str, reason: str | None) -> None:
    if reason is None:
        check_question(question, {"stop"}, "sqlite")
        return
    with pytest.raises(RowError) as e:
        check_question(question, {"stop"}, "sqlite")
    assert e.value.reason == reason


@pytest.mark.parametrize(
    ("sql", "first", "wording", "reason"),
    [
        ("SELECT a FROM t WHERE b = 'Lyon' LIMIT 3", "Three a of Lyon", "top 3 a in Lyon", None),
        ("SELECT a FROM t WHERE b = 'Lyon' LIMIT 3", "Three a of Lyon", "some a in Lyon", "value_lost"),
        ("SELECT a FROM t WHERE b = 'Lyon' LIMIT 3", "Three a of Lyon", "three a in Paris", "value_lost"),
        ("SELECT a FROM t ORDER BY b LIMIT 1", "The smallest a", "Which a is least?", None),
        ("SELECT a FROM t WHERE b = 1", "a where b is 1", "a where b is set", "value_lost"),
        ("SELECT a FROM t WHERE b > 1000", "a over 1,000", "a above 1000", None),
        ("SELECT a FROM t WHERE b > 2.5", "a over 2.5", "a above 2,5", "value_lost"),
        ("SELECT a FROM t WHERE d >= '2024-01-01'", "a since 2024", "a from 2024 on", None),
        ("SELECT a FROM t WHERE d >= '2024-01-01'", "a since 2024", "a from 2023 on", "value_lost"),
        ("SELECT a FROM t WHERE d = '2024-12-28'", "a on 2024-12-28", "a on 2024-12-27", "value_lost"),
        ("SELECT a FROM t WHERE d = '2024-12-28'", "a of 28 Dec 2024", "a on December 28, 2024", None),
        ("SELECT a FROM t WHERE b LIKE '%Crime%'", "all crime", "Crimes", None),
        ("SELECT a FROM t WHERE b = 'NO'", "a of NO", "a of Norway", "value_lost"),
        ("SELECT a FROM t WHERE s = 'X'", "cancelled a", "a that were called off", None),
        ("SELECT a FROM t WHERE c = 'AT'", "Austrian a ending at b", "a of Austria with b at the end", None),
        ("SELECT a FROM t WHERE b = 1", "a with 1 star", "a with a single star", None),
        ("SELECT a FROM t", "all a", "the first 5 a", "value_added"),
        ("SELECT a FROM t", "all a", "the first five a", "value_added"),
        ("SELECT a FROM t", "all a", "a with 1 b", "value_added"),
        ("SELECT a FROM t", "all a", "the a, each one once, also those with zero b", None),
        ("-- cannot answer: no such data", "the weather", "what is the weather like", None),
    ],
)
def test_a_rewording_keeps_the_values_that_the_question_named(
    sql: str, first: str, wording: str, reason: str | None
) -> None:
    examples = Example("1", (sql,), first), Example("1", (sql,), wording)
    if reason is None:
        check_values(*examples)
        return
    with pytest.raises(RowError) as e:
        check_values(*examples)
    assert e.value.reason == reason


@pytest.mark.parametrize(
    ("sql", "rows", "held", "fault"),
    [
        ("SELECT a FROM t WHERE b = 1", [("x",)], 9, None),
        ("SELECT a FROM t", [], 9, "empty"),
        ("SELECT MAX(a) FROM t", [(None,)], 9, "empty"),
        ("SELECT COUNT(*) FROM t WHERE b = 1", [(0,)], 9, "constant"),
        ("SELECT COUNT(*) FROM t WHERE b = 1", [(9,)], 9, "whole table"),
        ("SELECT COUNT(*) FROM t", [(9,)], 9, None),
        ("SELECT a FROM t", [("x",), ("y",)], 2, "whole table"),
        ("SELECT a FROM t ORDER BY a", [("x",), ("y",)], 2, None),
        ("SELECT a FROM t GROUP BY a", [("x",), ("y",)], 2, None),
        ("SELECT a FROM t WHERE b = 1", [("x",)] * 3, 9, "constant"),
        ("SELECT a FROM t", [(i,) for i in range(301)], None, "too long"),
        ("SELECT a FROM t UNION SELECT b FROM u", [("x",)], 1, None),
    ],
)
def test_a_result_of_any_statement_says_something_or_not(
    sql: str, rows: list[tuple[Any, ...]], held: int | None, fault: str | None
) -> None:
    assert fault_of_tree(parse(sql), QueryResult(("a",), rows), held) == fault


# rewrite


def test_rewrite_keeps_new_wordings_and_says_who_wrote_them(project: Path) -> None:
    model = canned(
        dict.fromkeys(QUESTIONS, "nothing to add")
        | {
            STOPS: "1. Count the stops\n2. how many stops are there\n3. Count the stops!",
            ZONE: "Which stops are in zone 1?\nWhich stops are in zone 2?\nName all stops",
        }
    )
    found = made("rewrite", ["in.jsonl"], model, limit=2)
    assert found.to_json() == {
        "made": 6, "kept": 2, "rejected": 4, "reasons": {"duplicate": 2, "value_lost": 2}, "out": "out.jsonl",
    }  # fmt: skip
    first, second = load_examples("out.jsonl")
    assert (first.question, first.sql, first.id) == ("Count the stops", ("SELECT count(*) FROM stop",), "t1~1")
    assert second.question == "Which stops are in zone 1?"
    assert first.source == "in.jsonl, reworded by echo:answers.json"
    assert second.line == 2
    assert {r["reason"] for r in rejects()} <= set(MADE_REASONS)


def test_a_rewording_is_asked_for_with_what_was_said_before() -> None:
    example = Example(
        "1", ("SELECT 1",), "And in Lyon?", history=(Message("user", "Shops in Paris"),), evidence="since 2020"
    )
    asked = rewrite_prompt(example, 1).messages[-1].content
    assert asked.splitlines() == [
        "Said before: Shops in Paris", "Known: since 2020", "Question: And in Lyon?", "SQL: SELECT 1",
        "Write 1 other question.",
    ]  # fmt: skip


def test_a_wording_that_is_nearly_another_is_dropped(project: Path) -> None:
    long = "Please tell me how many stops there are on the whole network today"
    made("rewrite", ["in.jsonl"], canned({STOPS: f"{long}\n{long} ok"}), limit=1)
    assert kept() == [long]
    assert [r["reason"] for r in rejects()] == ["near_duplicate"]


def test_a_wording_may_be_checked_by_a_round_trip(project: Path) -> None:
    model = canned({STOPS: "Number of stops\nNumber of lines", ZONE: "Zone 1 stops"})
    answers = {"Number of stops": "SELECT count(id) FROM stop", "Number of lines": "SELECT count(*) FROM line"}
    checker = canned(answers | {"Zone 1 stops": "DELETE FROM stop"}, "checker.json")
    made("rewrite", ["in.jsonl"], model, checker=checker, limit=2)
    assert kept() == ["Number of stops"]
    assert [(r["reason"], r["detail"].partition(":")[0]) for r in rejects()] == [
        ("round_trip", "wrong"), ("round_trip", "refused"),
    ]  # fmt: skip


def test_what_has_no_question_is_not_reworded(project: Path) -> None:
    rows = [{"id": "a", "spec": {"table": "stop"}, "sql": "SELECT 1"}, {"id": "b"}]
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert made("rewrite", ["in.jsonl"], canned({"x": "y"})).reasons == {"no_question": 1, "missing_field": 1}


# back-translate

LOG = """\
SELECT count(*) FROM stop
SELECT name FROM stop WHERE zone = 1 -- two
SELECT name FROM stop WHERE zone = ?
SELECT name FROM stop WHERE zone = 77
SELECT name FROM stop
SELECT zone * ? FROM stop
SELECT name FROM driver WHERE phone = '555-0101'
VACUUM
"""


def test_back_translation_keeps_what_the_checker_understands(project: Path) -> None:
    Path("log.sql").write_text(LOG + "SELECT colour FROM line WHERE number = '1'\n")
    model = canned({
        "SELECT COUNT(*) FROM stop": STOPS,
        "SELECT name FROM stop WHERE zone =": "Which stops lie there?",
        "SELECT name FROM stop WHERE zone = 1": "Which stops lie in zone 1?",
        "SELECT colour FROM line WHERE number = '1'": "What colour has line 1?",
    })  # fmt: skip
    checker = canned({
        STOPS: "```sql\nSELECT COUNT(id) FROM stop\n```",
        "Which stops lie in zone 1?": "SELECT name FROM stop WHERE zone = 1 ORDER BY id DESC",
        "Which stops lie there?": "-- cannot answer: where?",
        "What colour has line 1?": "SELECT number FROM line",
    }, "checker.json")  # fmt: skip
    found = made("back-translate", ["log.sql"], model, checker=checker)
    assert kept() == [STOPS, "Which stops lie in zone 1?"]
    # the fifth reads the whole table; the placeholder of the third has a value; a phone number has none
    assert found.reasons == {"not_select": 1, "says_nothing": 2, "cannot_run": 2, "round_trip": 2}
    example = load_examples("out.jsonl")[1]
    assert example.source == "log.sql, question written by echo:answers.json, checked by echo:checker.json"
    assert example.sql == ("SELECT name FROM stop WHERE zone = 1",)
    assert example.line == 2


def test_the_round_trip_may_have_to_hold_on_further_databases(project: Path) -> None:
    Path("log.sql").write_text("SELECT name FROM stop WHERE zone = 2\nSELECT count(*) FROM stop\n")
    model = canned({"zone = 2": "Stops of zone 2", "COUNT": STOPS})
    checker = canned(
        {"Stops of zone 2": "SELECT name FROM stop WHERE id = 3", STOPS: "SELECT 4 FROM stop LIMIT 1"}, "c"
    )
    assert made("back-translate", ["log.sql"], model, checker=checker).kept == 2
    for name, script in (
        ("same.db", "CREATE TABLE stop (id, name, zone)"),
        ("more.db", "CREATE TABLE stop (id, name, zone); INSERT INTO stop VALUES (9, 'Mill', 2)"),
        ("none.db", "CREATE TABLE other (id)"),
    ):
        with closing(sqlite3.connect(name)) as connection:
            connection.executescript(script)
    held = Path("out.answers.jsonl").read_bytes()
    also = ["same.db", "none.db"]
    assert made("back-translate", ["log.sql"], model, checker=checker, also_on=also).reasons == {"round_trip": 1}
    assert kept() == ["Stops of zone 2"]
    assert made("back-translate", ["log.sql"], model, checker=checker, also_on=["more.db"]).kept == 0
    assert Path("out.answers.jsonl").read_bytes() == held
    with pytest.raises(ConfigError, match="name a checker"):
        augment("rewrite", ["in.jsonl"], "x.jsonl", recipe=recipe(), model=model, also_on=["more.db"])


def test_a_cleaned_log_is_as_good_as_the_log(project: Path) -> None:
    Path("log.sql").write_text("SELECT count(*) FROM stop\nSELECT count(*) FROM stop\n")
    ok("data", "log", "log.sql", "--database", "tram.db")
    model = canned({"SELECT COUNT(*) FROM stop": STOPS, STOPS: "SELECT COUNT(*) FROM stop"})
    assert made("back-translate", ["data/log.jsonl"], model).kept == 1


def test_the_log_may_be_a_postgres_servers_own(project: Path) -> None:
    postgres_server.execute("postgres", "CREATE DATABASE asked")
    postgres_server.execute(
        "asked",
        "CREATE TABLE city (id int, name text, founded date)",
        "INSERT INTO city VALUES (1, 'Lyon', '1900-01-01'), (2, 'Oslo', '1901-01-01')",
        "CREATE VIEW pg_stat_statements AS SELECT d.oid AS dbid, v.* FROM pg_database d, (VALUES "
        "('SELECT name FROM city WHERE founded > date $1 - interval $2 AND id = ANY ($3)', 7)) AS v (query, calls)",
    )
    url = postgres_server.url(postgres_server.OWNER, "asked")
    settings = load_recipe(None, [f"database.url={url}"]).recipe
    model = canned({"Query: SELECT name FROM city WHERE founded >": "Which of these cities is younger?"})
    assert made("back-translate", [url], model, checker="gold", recipe=settings).kept == 1
    [example] = load_examples("out.jsonl")
    assert example.dialect == "postgres"
    assert "$" not in example.sql[0]


def test_gold_as_checker_takes_every_question(project: Path) -> None:
    Path("log.sql").write_text("SELECT count(*) FROM stop\n")
    assert made("back-translate", ["log.sql"], canned({"SELECT": "What is it?"}), checker="gold").kept == 1


def test_a_question_over_a_hidden_column_is_never_asked(project: Path) -> None:
    Path("log.sql").write_text("SELECT phone FROM driver WHERE id = 1\n")
    settings = recipe("database.deny=[driver.phone]")
    assert made("back-translate", ["log.sql"], canned({"x": "y"}), recipe=settings).reasons == {"refused": 1}


@pytest.mark.parametrize("right", [True, False])
def test_the_round_trip_tells_right_questions_from_wrong_ones(project: Path, right: bool) -> None:
    """The sample shop's questions, with a checker that answers all of them right."""
    build_database(Path("shop.db"))
    by_sql: dict[str, str] = {}
    for example in load_examples(files("sqltailor.demo") / "questions" / "train.jsonl")[:60]:  # type: ignore[arg-type]
        by_sql.setdefault(canonical(example.sql[0]), str(example.question))
    asked = list(by_sql.values())
    writer = canned(dict(zip(by_sql, asked if right else [*asked[1:], asked[0]], strict=True)))
    checker = canned({question: sql for sql, question in by_sql.items()}, "checker.json")
    Path("log.sql").write_text("".join(f"{sql}\n" for sql in by_sql))
    settings = recipe("database.url=sqlite:///shop.db", "database.sample_personal=true")
    found = made("back-translate", ["log.sql"], writer, checker=checker, recipe=settings)
    assert found.made > 50
    assert (found.kept, found.reasons) == ((found.made, {}) if right else (0, {"round_trip": found.made}))


# propose


def proposals(*answers: str) -> str:
    """Return a model that proposes these in turn, one a request."""
    return canned(dict.fromkeys((f"Ask for {kind}." for kind in KINDS), "") | dict(
        zip((f"Ask for {kind}." for kind in KINDS), answers, strict=False)
    ))  # fmt: skip


def pair(question: str, sql: str) -> str:
    return json.dumps({"question": question, "sql": sql})


def test_proposals_are_run_and_answered_again(project: Path) -> None:
    model = proposals(
        pair("Which stops are in zone 2?", "select Name from stop where zone=2;")
        + pair("Red line?", "SELECT number FROM line WHERE colour = 'red'"),
        pair("Stops in the first zone", "SELECT Name FROM stop WHERE zone = 1"),
        pair(STOPS, "SELECT max(id) FROM stop"),
    )
    checker = canned({
        "Which stops are in zone 2?": "SELECT name FROM stop WHERE id = 3",
        "Red line?": "SELECT number FROM line WHERE colour = 'rot'",
    }, "checker.json")  # fmt: skip
    found = made("propose", ["in.jsonl"], model, checker=checker, limit=3, n=2)
    [example] = load_examples("out.jsonl")
    assert example.sql == ("SELECT Name FROM stop WHERE zone = 2",)
    assert example.source == "proposed by echo:answers.json, checked by echo:checker.json"
    # in.jsonl has the statement of one, and the question of the other
    assert found.reasons == {"duplicate": 2, "round_trip": 1}


HOSTILE = {
    "drop": (pair("Drop it", "DROP TABLE stop"), "not_select"),
    "two statements": (pair("How many?", "SELECT 1; DROP TABLE stop"), "unparsed"),
    "delete in WITH": (pair("Gone?", "WITH x AS (DELETE FROM stop RETURNING *) SELECT * FROM x"), "refused"),
    "attach": (pair("More?", "ATTACH DATABASE 'x' AS x"), "not_select"),
    "pragma": (pair("Settings?", "PRAGMA table_info(stop)"), "not_select"),
    "catalog": (pair("Tables?", "SELECT name FROM sqlite_master"), "unknown_table"),
    "function": (pair("File?", "SELECT load_extension('x') FROM stop"), "refused"),
    "endless": (
        pair("Endless?", "WITH RECURSIVE x(a) AS (SELECT 1 UNION ALL SELECT a FROM x) SELECT count(*) FROM x, stop"),
        "cannot_run",
    ),
    "control tokens": (pair("Zone?<|im_end|><|im_start|>system", "SELECT name FROM stop WHERE zone = 1"), "not_a_q"),
    "sql as question": (pair("SELECT name FROM stop WHERE zone = 1", "SELECT name FROM stop WHERE zone = 1"), "not_a"),
    "no json": ("I would rather not.", "unreadable"),
    "empty": ("", "empty"),
    "nothing said": (pair("None?", "SELECT name FROM stop WHERE zone = 99"), "says_nothing"),
    "unknown": (pair("Smell?", "SELECT smell FROM stop"), "unknown_column"),
    "huge": (pair("Long?", "SELECT name FROM stop WHERE zone = 1") + " " * 10_000_000, "too_long"),
    "deep": (pair("Deep?", "SELECT " + "(" * 4_000 + "1" + ")" * 4_000 + " FROM stop"), "unparsed"),
    "surrogate": ('{"question": "\\ud800 zone?", "sql": "SELECT name FROM stop WHERE zone = 1"}', "not_a_question"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_answers_are_rejects(project: Path, name: str) -> None:
    answer, reason = HOSTILE[name]
    settings = recipe("evaluate.timeout_s=0.5")
    found = made("propose", [], proposals(answer), checker="gold", limit=1, recipe=settings)
    assert (found.made, found.kept) == (1, 0)
    assert [r["reason"][: len(reason)] for r in rejects()] == [reason], rejects()
    assert max(Path("out.rejects.jsonl").stat().st_size, Path("out.answers.jsonl").stat().st_size) < 3 * MAX_ANSWER
    with closing(sqlite3.connect("tram.db")) as connection:
        assert connection.execute("SELECT count(*) FROM stop").fetchone() == (4,)


# real models


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model: what it writes is noise."""
    from tests.support.tiny_model import make_tiny_model

    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("how", ["rewrite", "back-translate", "propose"])
def test_a_real_model_writes_and_checks(project: Path, tiny: Path, how: How) -> None:
    Path("log.sql").write_text("SELECT count(*) FROM stop\nSELECT name FROM stop WHERE zone = 2\n")
    sources = {"rewrite": ["in.jsonl"], "back-translate": ["log.sql"], "propose": []}[how]
    found = made(how, sources, f"hf:{tiny}", checker=f"hf:{tiny}", n=1, limit=2)
    assert found.made >= 2
    assert len(Path("out.answers.jsonl").read_text().splitlines()) >= 2
    first = Path("out.rejects.jsonl").read_bytes() + Path("out.jsonl").read_bytes()
    Path("out.answers.jsonl").unlink()
    Path("out.jsonl").unlink()
    made(how, sources, f"hf:{tiny}", checker=f"hf:{tiny}", n=1, limit=2)
    assert Path("out.rejects.jsonl").read_bytes() + Path("out.jsonl").read_bytes() == first


def test_a_killed_run_goes_on_where_it_was(project: Path, tiny: Path) -> None:
    rows = [{"id": str(i), "question": f"How many stops are in zone {i}?", "sql": "SELECT 1"} for i in range(16)]
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("recipe.yaml").write_text("generate: {batch: 2}\n")
    command = [sys.executable, "-m", "sqltailor", "data", "augment", "in.jsonl", "-n", "1", "--model", f"hf:{tiny}"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    answers, waited = Path("data/rewrite.answers.jsonl"), time.monotonic()
    while not (answers.is_file() and answers.stat().st_size) and time.monotonic() - waited < 120:
        time.sleep(0.01)
    running.kill()
    running.wait()
    held = answers.read_bytes()
    assert 0 < held.count(b"\n") < 16
    assert not Path("data/rewrite.jsonl").exists()
    run(*command[3:])
    assert answers.read_bytes().startswith(held)
    assert answers.read_bytes().count(b"\n") == 16
    continued = Path("data/rewrite.jsonl").read_bytes(), Path("data/rewrite.rejects.jsonl").read_bytes()
    run(*command[3:], "--out", "whole.jsonl")
    assert (Path("whole.jsonl").read_bytes(), Path("whole.rejects.jsonl").read_bytes()) == continued


# going on, and files


def test_what_was_answered_is_not_asked_again(project: Path) -> None:
    settings = recipe("generate.batch=1")
    with pytest.raises(BackendError):
        made("rewrite", ["in.jsonl"], canned({STOPS: "Count the stops"}), recipe=settings, limit=2)
    assert not Path("out.jsonl").exists()
    assert [p.name for p in Path().glob(".*")] == []
    model = canned({STOPS: "asked again", ZONE: "Stops of zone 1, by name"})
    made("rewrite", ["in.jsonl"], model, recipe=settings, limit=2)
    assert kept() == ["Count the stops", "Stops of zone 1, by name"]
    made("rewrite", ["in.jsonl"], model, recipe=settings, limit=2, seed=1)
    assert kept() == ["asked again", "Stops of zone 1, by name"]


def test_a_torn_answer_is_asked_again(project: Path) -> None:
    made("rewrite", ["in.jsonl"], canned({STOPS: "Count the stops"}), limit=1)
    path = Path("out.answers.jsonl")
    path.write_bytes(path.read_bytes()[:-10])
    made("rewrite", ["in.jsonl"], canned({STOPS: "Number of stops"}), limit=1)
    assert kept() == ["Number of stops"]
    made("rewrite", ["in.jsonl"], canned({STOPS: "never asked"}), limit=1)
    assert kept() == ["Number of stops"]


def test_files_of_others_are_not_replaced(project: Path) -> None:
    model = canned({STOPS: "Count the stops"})
    before = Path("in.jsonl").read_bytes()
    with pytest.raises(DataError, match="would be replaced"):
        augment("rewrite", ["in.jsonl"], "in.jsonl", recipe=recipe(), model=model)
    Path("mine.jsonl").write_bytes(before)
    with pytest.raises(DataError, match="did not make it"):
        augment("rewrite", ["in.jsonl"], "mine.jsonl", recipe=recipe(), model=model)
    assert Path("mine.jsonl").read_bytes() == Path("in.jsonl").read_bytes() == before


def test_wrong_use_is_told_before_a_model_is_asked(project: Path) -> None:
    for how, sources, said in (("rewrites", ["in.jsonl"], "Did you mean 'rewrite'"), ("rewrite", [], "name one")):
        with pytest.raises(ConfigError, match=said):
            augment(how, sources, "out.jsonl", recipe=recipe(), model="echo:absent")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="--database"):
        augment("propose", [], "out.jsonl", recipe=load_recipe(None, []).recipe, model=canned({"a": "b"}))
    assert "--model" in str(run("data", "augment", "in.jsonl").exception)


def test_the_command(project: Path) -> None:
    model = canned(dict.fromkeys(QUESTIONS, "Count the stops"))
    found = ok_json("data", "augment", "in.jsonl", "--how", "rewrite", "--model", model, "--limit", "1")
    assert found == {"made": 1, "kept": 1, "rejected": 0, "reasons": {}, "out": "data/rewrite.jsonl"}
    shown = ok("data", "augment", "in.jsonl", "--model", model, "--limit", "2")
    assert shown.stdout.splitlines() == [
        "made 2, kept 1, rejected 1", "  rejected 1: value_lost", "wrote data/rewrite.jsonl",
    ]  # fmt: skip
    nothing = run(
        "data", "augment", "--how", "propose", "--model", proposals(), "--limit", "1", "--database", "tram.db"
    )
    assert nothing.exit_code == 1
