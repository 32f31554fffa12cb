"""Pairs from a live database: each one runs, says something, is new; coverage is steered; hostile databases work."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sqltailor.database import Database, open_database
from sqltailor.demo.database import build_database
from sqltailor.errors import ConfigError, DataError, SQLError
from sqltailor.prompt.about import Subject
from sqltailor.prompt.extract import is_declined
from sqltailor.sql.dialect import canonical
from sqltailor.sql.queryspec import compile_spec
from sqltailor.synth import SynthesisResult, synthesis_run, synthesise
from sqltailor.synth.query import Agg, Col, Compare, Query, Use
from sqltailor.synth.result_filter import MAX_ROWS, fault
from sqltailor.synth.to_sql import to_sql
from sqltailor.types import Cell, Grant, QueryResult


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    build_database(path)
    with open_database(str(path)) as database:
        yield database


@pytest.fixture(scope="module")
def made(shop: Database) -> SynthesisResult:
    return synthesise(shop, 600, seed=1, personal=True)


def database_of(tmp_path: Path, script: str) -> Database:
    path = tmp_path / "x.db"
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return open_database(str(path))


def test_every_kept_pair_runs_and_says_something(shop: Database, made: SynthesisResult) -> None:
    assert made.kept == 600
    for example in made.examples:
        assert example.question
        assert canonical(example.sql[0]) == example.sql[0]
        result = shop.run(example.sql[0], max_rows=MAX_ROWS)
        assert not result.truncated
        assert any(cell is not None for row in result.rows for cell in row), example.sql
        assert result.rows != [(0,)]


def test_no_statement_and_no_question_comes_twice(made: SynthesisResult) -> None:
    assert len({example.sql for example in made.examples}) == 600
    assert len({" ".join(str(example.question).lower().split()) for example in made.examples}) == 600
    assert len({example.id for example in made.examples}) == 600


def test_what_the_dialect_cannot_express_is_dropped_and_counted(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def in_part(query: Query, dialect: str) -> str:
        if query.limit is not None:
            raise SQLError("This cannot be written.")
        return to_sql(query, dialect)

    monkeypatch.setattr(synthesis_run, "to_sql", in_part)
    found = synthesise(shop, 40, seed=1)
    assert found.dropped["cannot be written in the dialect"]
    assert not [example for example in found.examples if "LIMIT" in example.sql[0]]


def test_the_counts_add_up(made: SynthesisResult) -> None:
    assert made.made == made.kept + sum(made.dropped.values())
    assert not [reason for reason in made.dropped if reason.startswith(("refused", "failed"))]
    assert json.loads(json.dumps(made.to_json()))["kept"] == 600


def test_coverage_is_steered(made: SynthesisResult) -> None:
    coverage = made.to_json()
    assert coverage["unused"] == []
    tables = coverage["tables"]
    assert min(tables.values()) * 8 > max(tables.values())
    assert len(coverage["shapes"]) >= 27
    assert made.templates > 400


def test_the_same_seed_gives_the_same_pairs(shop: Database, made: SynthesisResult) -> None:
    again = synthesise(shop, 600, seed=1, personal=True)
    assert again.examples == made.examples
    assert synthesise(shop, 100, seed=2, personal=True).examples != made.examples[:100]


def test_statements_that_run_together_give_the_same_pairs(shop: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_by_one(database: Database, statements: list[str], **limits: Any) -> list[QueryResult | SQLError]:
        found: list[QueryResult | SQLError] = []
        for sql in statements:
            try:
                found.append(database.run(sql, **limits))
            except SQLError as e:
                found.append(e)
        return found

    together = synthesise(shop, 150, seed=3, personal=True)
    monkeypatch.setattr(Database, "run_all", one_by_one)
    apart = synthesise(shop, 150, seed=3, personal=True)
    assert (together.examples, together.dropped) == (apart.examples, apart.dropped)


def test_several_wordings_of_one_statement(shop: Database) -> None:
    synthesis = synthesise(shop, 90, wordings=3, seed=4)
    assert len({example.question for example in synthesis.examples}) == 90
    assert len({example.sql for example in synthesis.examples}) in range(30, 40)


def test_specs_compile_to_their_gold(shop: Database) -> None:
    synthesis = synthesise(shop, 300, kind="spec", seed=1, personal=True)
    schema = shop.read_schema()
    keys = set()
    for example in synthesis.examples:
        assert example.spec
        assert example.question is None
        assert compile_spec(json.loads(json.dumps(example.spec)), schema=schema) == example.sql[0]
        assert canonical(example.sql[0]) == example.sql[0]
        keys |= set(example.spec)
        assert shop.run(example.sql[0]).rows
    assert keys == {
        "table", "cols", "filters", "joins", "group_by", "aggregates", "having", "order_by", "limit", "distinct",
    }  # fmt: skip


def test_the_grant_narrows_what_is_asked(shop: Database) -> None:
    synthesis = synthesise(shop, 120, grant=Grant(allow=("item", "cat.*"), deny=("item.price",)))
    text = " ".join(example.sql[0] for example in synthesis.examples)
    assert "price" not in text
    for table in ("cust", "ord ", "staff", "vend"):
        assert f"FROM {table}" not in text
        assert f"JOIN {table}" not in text


def test_personal_values_are_left_out_unless_allowed(tmp_path: Path) -> None:
    script = "CREATE TABLE person (id INTEGER PRIMARY KEY, email TEXT, city TEXT, age INTEGER);" + "".join(
        f"INSERT INTO person VALUES ({i}, 'someone{i}@example.org', 'City{i % 5}', {20 + i});" for i in range(40)
    )
    with database_of(tmp_path, script) as database:
        hidden = synthesise(database, 150, seed=1)
        shown = synthesise(database, 150, seed=1, personal=True)
    assert not [e for e in hidden.examples if "someone" in f"{e.question} {e.sql}"]
    assert [e for e in shown.examples if "someone" in f"{e.question} {e.sql}"]


HOSTILE = {
    "odd names": """
        CREATE TABLE "order" ("select" INTEGER PRIMARY KEY, "weird col" TEXT, "5th_place" TEXT, "a""b" REAL, "" TEXT);
        CREATE TABLE "Ünïcode tàble" ("日本" TEXT, "group" INTEGER REFERENCES "order" ("select"), "x.y" INTEGER);
        INSERT INTO "order" VALUES (1,'it''s','x',1.5,'é'),(2,'b','y',2.5,'f'),(3,'c','z',3.5,'g'),(4,'c','z',3.5,'g');
        INSERT INTO "Ünïcode tàble" VALUES ('東京',1,4),('大阪',2,5),('大阪',2,6),('x%_y',3,7);""",
    "views": """
        CREATE TABLE emp (id INTEGER PRIMARY KEY, nm TEXT, dept_id INTEGER, sal REAL);
        CREATE TABLE dept (id INTEGER PRIMARY KEY, name TEXT);
        CREATE VIEW rich AS SELECT nm, sal FROM emp WHERE sal > 2;
        INSERT INTO dept VALUES (1,'a'),(2,'b');
        INSERT INTO emp VALUES (1,'x',1,1),(2,'y',2,3),(3,'z',1,5),(4,'w',1,6);""",
    "values of all kinds": """
        CREATE TABLE t (id INTEGER PRIMARY KEY, v, w TEXT);
        INSERT INTO t VALUES (1,'a',1),(2,3,'2020-13-45'),(3,4.5,''),(4,-7,'  '),
            (5,1e308,'2020-01-01'),(6,'x',x'00');""",
    "a cycle": """
        CREATE TABLE a (id INTEGER PRIMARY KEY, b_id INTEGER REFERENCES b (id), name TEXT);
        CREATE TABLE b (id INTEGER PRIMARY KEY, a_id INTEGER REFERENCES a (id), name TEXT);
        INSERT INTO a VALUES (1,1,'x'),(2,2,'y'),(3,1,'z');
        INSERT INTO b VALUES (1,1,'p'),(2,3,'q');""",
    "keys to nowhere": """
        CREATE TABLE c (id INTEGER PRIMARY KEY, p_id INTEGER REFERENCES gone (id), q INTEGER REFERENCES d (no),
            name TEXT);
        CREATE TABLE d (id INTEGER PRIMARY KEY, name TEXT);
        INSERT INTO c VALUES (1,1,1,'a'),(2,2,2,'b'),(3,1,4,'e');
        INSERT INTO d VALUES (1,'x'),(2,'y'),(3,'z');""",
    "marks of the frames": """
        CREATE TABLE t (id INTEGER PRIMARY KEY, "a[b]|c" TEXT, "{np}" TEXT, name TEXT);
        INSERT INTO t VALUES (1,'[x|y]','{z}','c'),(2,'{np}','[',']'),(3,'|','%','_'),(4,'q','w','e');""",
}


@pytest.mark.parametrize("kind", ["question", "spec"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_databases_give_pairs(tmp_path: Path, name: str, kind: str) -> None:
    with database_of(tmp_path, HOSTILE[name]) as database:
        synthesis = synthesise(database, 40, kind=kind, seed=3, personal=True)  # type: ignore[arg-type]
        assert synthesis.kept == 40
        assert "failed" not in synthesis.dropped


@pytest.mark.parametrize(
    ("script", "most"),
    [
        ("CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE b (a_id INTEGER REFERENCES a (id));", 0),
        ("CREATE TABLE a (x); INSERT INTO a VALUES (1),(2),(2),(NULL),(5),(7);", 30),
        ("CREATE TABLE t (name TEXT); INSERT INTO t VALUES ('a'),('b'),('b');", 30),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB); INSERT INTO t VALUES (1,x'00'),(2,NULL),(3,x'');", 30),
    ],
)  # fmt: skip
def test_tiny_and_empty_databases_give_what_there_is(tmp_path: Path, script: str, most: int) -> None:
    with database_of(tmp_path, script) as database:
        synthesis = synthesise(database, 30, seed=1)
    assert synthesis.kept <= most
    assert synthesis.kept > 0 or most == 0
    assert synthesis.made == synthesis.kept + sum(synthesis.dropped.values())


def test_questions_that_the_schema_cannot_answer(shop: Database) -> None:
    found = synthesise(shop, 60, declines=0.25, seed=3, glossary={"tide table": "stk"})
    assert (found.kept, found.declines, found.to_json()["declines"]) == (60, 15, 15)
    declining = [example for example in found.examples if is_declined(example.sql[0])]
    assert len({example.question for example in declining}) == 15
    assert all(
        re.match(r"-- cannot answer: (no .+ is stored for .+|nothing is stored about .+)$", e.sql[0]) for e in declining
    )
    again = synthesise(shop, 60, declines=0.25, seed=3, glossary={"tide table": "stk"})
    assert again.examples == found.examples
    known = Subject(shop.read_schema(), {"tide table": "stk"})
    assert known.knows("tide table")
    assert not known.knows("volcano")
    assert "tide table" not in str(declining)
    with pytest.raises(ConfigError, match="share of questions"):
        synthesise(shop, 5, declines=1.0)
    with pytest.raises(ConfigError, match="of kind 'spec'"):
        synthesise(shop, 5, declines=0.1, kind="spec")


def test_wrong_use_is_told(shop: Database) -> None:
    with pytest.raises(ConfigError):
        synthesise(shop, 1, kind="haiku")  # type: ignore[arg-type]
    with pytest.raises(ConfigError):
        synthesise(shop, 1, weights={"no such shape": 1})
    with pytest.raises((ConfigError, DataError)):
        synthesise(shop, 1, grant=Grant(allow=("nothing",)))


def test_weights_choose_shapes(shop: Database) -> None:
    from sqltailor.synth.pairs import SHAPES

    weights = dict.fromkeys(SHAPES, 0.0) | {"count": 1.0}
    assert {e.sql[0][:15] for e in synthesise(shop, 20, weights=weights).examples} == {"SELECT COUNT(*)"}


def test_house_functions_that_the_database_lacks_are_counted(shop: Database, tmp_path: Path) -> None:
    dialect = tmp_path / "house.yaml"
    dialect.write_text(
        "base: sqlite\nfunctions: [{name: NET, arguments: [price number], meaning: price without VAT}]\n"
    )
    synthesis = synthesise(shop, 100, dialect=str(dialect))
    using = [example for example in synthesis.examples if "NET(" in example.sql[0]]
    assert len(using) == synthesis.not_run
    assert len(using) > 5
    assert all(example.dialect == str(dialect) for example in synthesis.examples)


LIST = Query("list", (Use("t", "t", "row"),), (Col("t", "a"),), where=(Compare(Col("t", "b"), ">", 1),))
TOTAL = Query("count", (Use("t", "t", "row"),), (Agg("COUNT"),), where=(Compare(Col("t", "b"), ">", 1),))
GROUPS = Query("per_group", (Use("t", "t", "row"),), (Col("t", "a"), Agg("COUNT")), group_by=(Col("t", "a"),))


@pytest.mark.parametrize(
    ("query", "rows", "expected"),
    [
        (LIST, [], "empty"),
        (LIST, [(None,), (None,)], "empty"),
        (LIST, [(i,) for i in range(10)], "whole table"),
        (LIST, [(7,)] * 5, "constant"),
        (LIST, [(7,), (8,)], None),
        (LIST, [(i,) for i in range(MAX_ROWS + 1)], "too long"),
        (TOTAL, [(0,)], "constant"),
        (TOTAL, [(10,)], "whole table"),
        (TOTAL, [(9,)], None),
        (GROUPS, [("a", 1), ("b", 1), ("c", 1), ("d", 1)], "constant"),
        (GROUPS, [("a", 1), ("b", 2)], None),
    ],
)
def test_what_says_nothing(query: Query, rows: list[tuple[Cell, ...]], expected: str | None) -> None:
    assert fault(query, QueryResult(("a",), rows), {"t": 10}) == expected
