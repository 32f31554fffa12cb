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
from sqltailor.data import load_examples
from sqltailor.data.facts import normalise
from sqltailor.database import open_database
from sqltailor.demo.run import prepare
from sqltailor.dialect import parse
from sqltailor.errors import ConfigError, DataError
from sqltailor.recipe import Recipe, load_recipe
from sqltailor.schema import from_ddl
from sqltailor.synth.fill import Filler
from sqltailor.synth.swap import swap_values
from sqltailor.synth.values import read_values
from tests.cli_project import ok, ok_json, run

DDL = """CREATE TABLE ship (
    id INTEGER PRIMARY KEY, name TEXT, flag TEXT, kind TEXT, -- C cargo, T tanker, F ferry
    tons INTEGER, built DATE, active INTEGER, captain_email TEXT)"""
SHIPS = [
    (1, "Aurora", "NO", "C", 1200, "2001-05-17", 1, "a@sea.org"),
    (2, "Borealis", "SE", "T", 5500, "2003-11-02", 0, "b@sea.org"),
    (3, "Calypso", "NO", "F", 18437, "2003-12-24", 1, "c@sea.org"),
    (4, "Dolphin Star", "DK", "F", 950, "2010-01-30", 1, "d@sea.org"),
]


@pytest.fixture(scope="module")
def filler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filler]:
    path = tmp_path_factory.mktemp("ships") / "ships.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(DDL)
        connection.executemany("INSERT INTO ship VALUES (?, ?, ?, ?, ?, ?, ?, ?)", SHIPS)
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
        ("the Aurora or the Calypso under the same Aurora flag?",
         "SELECT id FROM ship WHERE name IN ('Aurora', 'Calypso')",
         ("the Aurora or the Borealis under the same Aurora flag?",
          "SELECT id FROM ship WHERE name IN ('Aurora', 'Borealis')")),
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
    ],
)
def test_what_cannot_be_replaced_for_sure_stays(question: str, sql: str, filler: Filler) -> None:
    assert found(question, sql, filler) == set()


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
