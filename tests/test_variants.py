"""The same questions about other stored values: what is replaced, what must stay, and that all of it runs."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlglot import exp

from sqltailor.augment import augment
from sqltailor.augment.follow_ups import follow_up
from sqltailor.augment.swap import swap_values
from sqltailor.data import load_examples
from sqltailor.data.facts import normalise
from sqltailor.data.querylog.fill import Filler
from sqltailor.database import open_database
from sqltailor.demo.journey import prepare
from sqltailor.errors import ConfigError, DataError
from sqltailor.naming.values import read_values
from sqltailor.recipe import Recipe, load_recipe
from sqltailor.sql.dialect import parse
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Example, Message
from tests.support.cli_project import ok, ok_json, run

DDL = """CREATE TABLE ship (
    id INTEGER PRIMARY KEY, name TEXT, flag TEXT, kind TEXT, -- C cargo, T tanker, F ferry
    tons INTEGER, built DATE, active INTEGER, captain_email TEXT,
    load TEXT, knots REAL, year INTEGER, seen TIMESTAMP, lang TEXT, note TEXT, colder INTEGER, decks INTEGER)"""
SHIPS = [
    (
        1,
        "Aurora",
        "NO",
        "C",
        1200,
        "2001-05-17",
        1,
        "a@sea.org",
        "100%",
        12.0,
        2001,
        "2024-01-05 08:30:00",
        "no",
        "fine",
        -5,
        1,
    ),
    (
        2,
        "Borealis",
        "SE",
        "T",
        5500,
        "2003-11-02",
        0,
        "b@sea.org",
        "75%",
        14.5,
        2003,
        "2024-02-06 09:00:00",
        "it",
        "two\nlines",
        -8,
        2,
    ),
    (
        3,
        "Calypso",
        "NO",
        "F",
        18437,
        "2003-12-24",
        1,
        "c@sea.org",
        "80 %",
        9.0,
        2015,
        "2024-03-07 23:59:59",
        "sv",
        "long " * 30,
        3,
        3,
    ),
    (
        4,
        "Dolphin Star",
        "DK",
        "F",
        950,
        "2010-01-30",
        1,
        "d@sea.org",
        "5% cotton",
        float("inf"),
        2019,
        "2024-04-08 10:10:10",
        "en",
        " ",
        7,
        4,
    ),
]


@pytest.fixture(scope="module")
def filler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filler]:
    path = tmp_path_factory.mktemp("ships") / "ships.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(DDL)
        connection.executemany(f"INSERT INTO ship VALUES ({', '.join('?' * 16)})", SHIPS)
        connection.commit()
    schema = from_ddl(DDL)
    with open_database(f"sqlite:///{path}") as database:

        def rows(sql: str) -> list[tuple[object, ...]]:
            return list(database.run(sql, timeout_s=5).rows)

        yield Filler(schema, read_values(schema, rows), "sqlite", rows)  # type: ignore[arg-type]


def found(question: str, sql: str, filler: Filler) -> set[tuple[str, str]]:
    """Return what many draws give."""
    drawn = (swap_values(question, sql, filler, random.Random(seed)) for seed in range(60))
    return {pair for pair in drawn if pair is not None}


@pytest.mark.parametrize(
    ("question", "sql", "one_of_them"),
    [
        ("When was the Aurora built?", "SELECT built FROM ship WHERE name = 'Aurora'",
         ("When was the Dolphin Star built?", "SELECT built FROM ship WHERE name = 'Dolphin Star'")),
        ("Ships from Norway", "SELECT name FROM ship WHERE flag = 'NO'",
         ("Ships from Denmark", "SELECT name FROM ship WHERE flag = 'DK'")),
        ("all Norwegian ships", "SELECT name FROM ship WHERE flag = 'NO'",
         ("all Swedish ships", "SELECT name FROM ship WHERE flag = 'SE'")),
        ("tanker names", "SELECT name FROM ship WHERE kind = 'T'",
         ("ferry names", "SELECT name FROM ship WHERE kind = 'F'")),
        ("Ships over 5,500 tons", "SELECT name FROM ship WHERE tons > 5500",
         ("Ships over 18,000 tons", "SELECT name FROM ship WHERE tons > 18000")),
        ("the two largest ships", "SELECT name FROM ship ORDER BY tons DESC LIMIT 2",
         ("the three largest ships", "SELECT name FROM ship ORDER BY tons DESC LIMIT 3")),
        ("Two largest ships", "SELECT name FROM ship ORDER BY tons DESC LIMIT 2",
         ("Three largest ships", "SELECT name FROM ship ORDER BY tons DESC LIMIT 3")),
        ("How many were built in November 2003?",
         "SELECT COUNT(*) FROM ship WHERE STRFTIME('%Y-%m', built) = '2003-11'",
         ("How many were built in January 2010?",
          "SELECT COUNT(*) FROM ship WHERE STRFTIME('%Y-%m', built) = '2010-01'")),
        ("built after 2 November 2003", "SELECT name FROM ship WHERE built > '2003-11-02'",
         ("built after 24 December 2003", "SELECT name FROM ship WHERE built > '2003-12-24'")),
        ("names with Star", "SELECT name FROM ship WHERE name LIKE '%Star%'",
         ("names with Aurora", "SELECT name FROM ship WHERE name LIKE '%Aurora%'")),
        ("flags with more than 2 ships", "SELECT flag FROM ship GROUP BY flag HAVING COUNT(*) > 2",
         ("flags with more than 4 ships", "SELECT flag FROM ship GROUP BY flag HAVING COUNT(*) > 4")),
        ("the Aurora or the Calypso", "SELECT id FROM ship WHERE name IN ('Aurora', 'Calypso')",
         ("the Dolphin Star or the Borealis", "SELECT id FROM ship WHERE name IN ('Dolphin Star', 'Borealis')")),
        ("loaded to 100% only", "SELECT id FROM ship WHERE load = '100%'",
         ("loaded to 75% only", "SELECT id FROM ship WHERE load = '75%'")),
        ("flags of over 2,000,000,000 tons", "SELECT flag FROM ship GROUP BY flag HAVING SUM(tons) > 2000000000",
         ("flags of over 1,500,000,000 tons", "SELECT flag FROM ship GROUP BY flag HAVING SUM(tons) > 1500000000")),
        ("built since 2003", "SELECT id FROM ship WHERE year >= 2003",  # a year stays one
         ("built since 2019", "SELECT id FROM ship WHERE year >= 2019")),
        ("flags with none built after 2015", "SELECT flag FROM ship GROUP BY flag HAVING NOT MAX(year) > 2015",
         ("flags with none built after 2003", "SELECT flag FROM ship GROUP BY flag HAVING NOT MAX(year) > 2003")),
        ("seen after 5 January 2024", "SELECT id FROM ship WHERE seen > '2024-01-05'",  # a time is cut to its day
         ("seen after 6 February 2024", "SELECT id FROM ship WHERE seen > '2024-02-06'")),
        ("as fast as 14.5", "SELECT id FROM ship WHERE knots = 14.5",  # 12.0 is written as people do
         ("as fast as 12", "SELECT id FROM ship WHERE knots = 12")),
    ],
)  # fmt: skip
def test_a_value_is_replaced_in_question_and_sql_alike(
    question: str, sql: str, one_of_them: tuple[str, str], filler: Filler
) -> None:
    drawn = found(question, sql, filler)
    assert one_of_them in drawn
    assert (question, sql) not in drawn


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("How many ships are there?", "SELECT COUNT(*) FROM ship"),
        ("Which ships still sail? 1 line each", "SELECT name FROM ship WHERE active = 1"),  # a flag is no value
        ("Ships under Viking colours", "SELECT name FROM ship WHERE flag = 'NO'"),  # not said in a known form
        ("Aurora, Aurora or Aurora?", "SELECT id FROM ship WHERE name = 'Aurora'"),  # said more than once
        ("Who has a@sea.org?", "SELECT name FROM ship WHERE captain_email = 'a@sea.org'"),  # personal: nothing stored
        ("Is there an Auroral ship?", "SELECT id FROM ship WHERE name = 'Aurora'"),  # part of a word
        ("Ships over 1,200.5 tons", "SELECT name FROM ship WHERE tons > 1200"),  # part of a number
        ("Which one is largest?", "SELECT name FROM ship ORDER BY tons DESC LIMIT 1"),  # "one" is no number
        ("Which one has 1 deck?", "SELECT name FROM ship WHERE decks = 1"),  # "1", or "one"?
        ("5 degrees below zero", "SELECT id FROM ship WHERE colder = -5"),  # its sign stands elsewhere
        ("Is it in Italian?", "SELECT name FROM ship WHERE lang = 'it'"),  # a little word
        ("Is there no ship with a tale?", "SELECT name FROM ship WHERE flag = 'NO'"),  # nor is this a code
        ("built in 2003", "SELECT id FROM ship WHERE year >= 2003 AND year < 2004"),  # half of a range
        ("after 2 November 2003", "SELECT id FROM ship WHERE built >= '2003-11-02' AND built < '2003-11-03'"),
        ("Norway and its neighbours", "SELECT id FROM ship WHERE flag IN ('NO', 'SE', 'FI')"),  # half of a list
        ("Aurora", "SELECT id FROM ship WHERE name = 'Aurora' OR load LIKE '%Aurora%'"),  # one word, two values
        ("Aurora of NO", "SELECT id FROM ship WHERE (name, flag) = ('Aurora', 'NO')"),
        ("faster than 1e999", "SELECT id FROM ship WHERE knots > 1e999"),
        ("fine notes", "SELECT id FROM ship WHERE note = 'fine'"),  # what else is stored is no name
    ],
)
def test_what_cannot_be_replaced_for_sure_stays(question: str, sql: str, filler: Filler) -> None:
    assert found(question, sql, filler) == set()


def test_new_values_differ_from_all_of_the_statement(filler: Filler) -> None:
    sql = "SELECT id FROM ship WHERE name = 'Aurora' AND NOT name = 'Borealis'"
    drawn = found("the Aurora but not the Borealis", sql, filler)
    assert {question for question, _ in drawn} == {
        "the Calypso but not the Dolphin Star", "the Dolphin Star but not the Calypso",
    }  # fmt: skip


def test_what_is_read_with_the_question_names_stays_in_it(filler: Filler) -> None:
    sql = "SELECT id FROM ship WHERE flag = 'NO' AND year = 2003"
    for beside in ("Ships from Norway", "Norwegian: flag = 'NO'"):
        pair = swap_values("Norwegian ships of 2003", sql, filler, random.Random(1), beside)
        assert pair is not None
        assert pair[0].startswith("Norwegian ships of ")
        assert pair[0] != "Norwegian ships of 2003"


def test_values_that_overlap_in_the_question_do_not_fall_into_each_other(filler: Filler) -> None:
    question = "Dolphin Star of 950 tons"
    for new, sql in found(question, "SELECT id FROM ship WHERE name = 'Dolphin Star' AND tons = 950", filler):
        name, tons = (node.name for node in parse(sql, "sqlite").find_all(exp.Literal))
        assert new == f"{name} of {tons} tons"


# the command


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """The sample shop in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    prepare(Path())
    return load_recipe("recipe.yaml", []).recipe


def test_variants_of_hand_written_questions_run_and_say_something(shop: Recipe) -> None:
    made = augment("values", ["data/train.jsonl"], "data/values.jsonl", recipe=shop, n=2)
    first = {e.id: e for e in load_examples("data/train.jsonl")}
    new = load_examples("data/values.jsonl")
    assert made.kept == len(new) > 100
    assert made.made == made.kept + made.rejected
    assert len({(normalise(e.question or ""), e.sql) for e in new}) == len(new)
    with closing(sqlite3.connect("shop.db")) as connection:
        for example in new:
            origin = first[example.id.partition("~")[0]]
            assert example.question != origin.question
            assert example.sql != origin.sql
            assert connection.execute(example.sql[0]).fetchall()
            assert example.source == "data/train.jsonl, other values"


def test_the_same_seed_gives_the_same_variants(shop: Recipe) -> None:
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        augment("values", ["data/train.jsonl"], f"{name}.jsonl", recipe=shop, limit=20, seed=seed)
        files.append(Path(f"{name}.jsonl").read_text(encoding="utf-8"))
    assert files[0] == files[1] != files[2]


def test_the_command_names_what_it_left_out(shop: Recipe) -> None:
    found = ok_json("data", "augment", "data/train.jsonl", "--how", "values", "--limit", "10")
    assert found["kept"] > 10
    assert found["reasons"]["no_value"] >= 1
    rejects = [json.loads(line) for line in Path("data/values.rejects.jsonl").read_text("utf-8").splitlines()]
    assert len(rejects) == found["rejected"]
    again = ok("data", "augment", "data/train.jsonl", "--how", "values", "--limit", "10")  # its own file is replaced
    assert "wrote data/values.jsonl" in again.stdout


def test_what_is_not_granted_lends_no_values_to_the_rejects_either(shop: Recipe) -> None:
    row = {"id": "a", "question": "Who is in Hamburg?", "sql": ["SELECT nm FROM cust WHERE city = 'Hamburg'"]}
    Path("one.jsonl").write_text(json.dumps(row), encoding="utf-8")
    assert augment("values", ["one.jsonl"], "free.jsonl", recipe=shop).kept == 4
    denied = load_recipe("recipe.yaml", ['database.deny=["cust.city"]']).recipe
    made = augment("values", ["one.jsonl"], "denied.jsonl", recipe=denied)
    assert (made.kept, dict(made.reasons)) == (0, {"no_value": 1})


def test_evidence_and_the_turns_before_keep_their_values(shop: Recipe) -> None:
    row = {"id": "a", "question": "Who is in Hamburg?", "sql": ["SELECT nm FROM cust WHERE city = 'Hamburg'"]}
    turn = {"role": "user", "content": "Which shop is in Hamburg?"}
    rows = [row | {"evidence": "Hamburg: city = 'Hamburg'"}, row | {"history": [turn]}]
    Path("read.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    made = augment("values", ["read.jsonl"], "out.jsonl", recipe=shop)
    assert (made.kept, dict(made.reasons)) == (0, {"no_value": 2})


def test_wrong_use_is_told(shop: Recipe) -> None:
    with pytest.raises(ConfigError, match="no model"):
        augment("values", ["data/train.jsonl"], "out.jsonl", recipe=shop, model="nano")
    with pytest.raises(DataError, match="did not make it"):
        augment("values", ["data/train.jsonl"], "data/new_shapes.jsonl", recipe=shop)
    assert "a file of examples" in str(run("data", "augment", "--how", "values").exception)
    specification = {"id": "s", "spec": {"table": "cust"}, "sql": ["SELECT * FROM cust"]}
    broken = {"id": "b", "question": "Who?", "sql": ["SELECT FROM WHERE"]}
    Path("odd.jsonl").write_text("".join(json.dumps(row) + "\n" for row in (specification, broken)), encoding="utf-8")
    made = augment("values", ["odd.jsonl"], "odd_values.jsonl", recipe=shop)
    assert (made.kept, dict(made.reasons)) == (0, {"no_question": 1, "unparsed": 1})


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ("How many stops are in zone 1?", "How many stops are in zone 2?", None),  # a bare number might be of anything
        ("Stops opened after 1921", "Stops opened after 1968", "after 1968"),
        ("Ships of Norway by name", "Ships of South Korea by name", "of South Korea"),
        ("Who runs the Leeds store?", "Who runs the Berlin store?", "Berlin"),
        ("VIPs from Basel", "Others from Bern", None),  # two values
        ("all of them", "all of them", None),
    ],
)
def test_a_follow_up_says_the_new_value_and_no_more(before: str, now: str, said: str | None) -> None:
    first, second = Example("a", ("SELECT 1;",), before), Example("b", ("SELECT 2",), now)
    made = follow_up(first, second, random.Random(3))
    assert (made is None) == (said is None)
    if made is not None and said is not None:
        assert said in str(made.question)
        assert len(str(made.question)) < len(said) + 20
        assert made.sql == ("SELECT 2",)
        assert made.history == (Message("user", before), Message("assistant", "SELECT 1"))


def test_follow_ups_are_made_of_pairs_without_a_model(shop: Recipe) -> None:
    found = ok_json("data", "augment", "data/train.jsonl", "--how", "follow", "--limit", "40", "--out", "next.jsonl")
    assert found["kept"] + found["rejected"] == found["made"]
    made = load_examples("next.jsonl")
    assert len(made) == found["kept"] >= 5
    assert all(len(example.history) == 2 and example.sql[0] != example.history[1].content for example in made)
    assert all(str(example.source).endswith("other values, as a follow-up") for example in made)
    ok("data", "check", "next.jsonl")
