"""Made-up databases are consistent, repeatable, and tell gold queries from their mutants."""

from __future__ import annotations

import json
import random
import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqltailor.errors import DataError
from sqltailor.sql.dialect import parse
from sqltailor.sql.schema import from_ddl
from sqltailor.synth.fuzz import Constraints, fuzz_database, mutants, read_constraints
from sqltailor.synth.fuzz.constants import patterns
from sqltailor.synth.fuzz.near_misses import matching, passing, step
from sqltailor.types import Schema

SHOP_DDL = files("sqltailor.demo").joinpath("shop.sql").read_text(encoding="utf-8")
SHOP = from_ddl(SHOP_DDL)
PEOPLE_DDL = """
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, boss INTEGER REFERENCES person (id),
  age INTEGER);
CREATE TABLE team (code TEXT PRIMARY KEY, lead INTEGER REFERENCES person (id), name TEXT);
CREATE TABLE member (person_id INTEGER NOT NULL REFERENCES person (id), team TEXT REFERENCES team (code), since DATE,
  PRIMARY KEY (person_id, team));
CREATE TABLE badge (person_id INTEGER PRIMARY KEY REFERENCES person (id), colour TEXT)
"""
PEOPLE = from_ddl(PEOPLE_DDL)
PEOPLE_GOLD = [
    "SELECT name FROM person WHERE age > 30 AND name LIKE 'A%'",
    "SELECT p.name FROM person AS p JOIN person AS b ON p.boss = b.id WHERE b.name = 'Ann'",
    "SELECT COUNT(*) FROM member WHERE since BETWEEN '2020-01-01' AND '2020-12-31'",
    "SELECT name FROM person WHERE id NOT IN (SELECT person_id FROM member WHERE team = 'X1')",
    "SELECT t.name, COUNT(*) FROM team AS t JOIN member AS m ON t.code = m.team GROUP BY t.name HAVING COUNT(*) > 7",
    "SELECT DISTINCT colour FROM badge WHERE colour IS NOT NULL",
    "SELECT AVG(age) FROM person WHERE STRFTIME('%Y', age) = '2001' OR age IN (1, 2)",
    "SELECT name FROM person ORDER BY age DESC, id LIMIT 2",
]


def gold_of(name: str) -> list[str]:
    lines = files("sqltailor.demo").joinpath(f"questions/{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["sql"][0] for line in lines]


def test_the_sample_databases_gold_is_told_from_its_mutants(tmp_path: Path) -> None:
    gold = gold_of("train")[::3]
    made = fuzz_database(SHOP, gold, tmp_path, constraints=read_constraints(SHOP_DDL), databases=2)
    assert made.gold_failed == 0
    assert made.mutants > 400
    assert made.distinguishable > 0.85 * made.mutants
    assert made.share is not None
    assert made.share >= 0.95, made.missed


def test_rows_are_key_consistent_and_keep_the_constraints(tmp_path: Path) -> None:
    made = fuzz_database(PEOPLE, PEOPLE_GOLD, tmp_path, constraints=read_constraints(PEOPLE_DDL), databases=3)
    assert made.gold_failed == 0
    assert made.rows == sum(_rows(path) for path in made.paths)
    for path in made.paths:
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT COUNT(*) - COUNT(DISTINCT name) FROM person").fetchone() == (0,)
        assert connection.execute("SELECT COUNT(*) FROM person WHERE name IS NULL").fetchone() == (0,)
        assert connection.execute("SELECT COUNT(*) FROM person WHERE boss IS NULL").fetchone() > (0,)
        for gold in PEOPLE_GOLD:
            assert connection.execute(gold).fetchall(), gold
        connection.close()


def _rows(path: Path) -> int:
    connection = sqlite3.connect(path)
    total = sum(
        connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
        for table in ("person", "team", "member", "badge")
    )
    connection.close()
    return int(total)


def test_the_same_seed_gives_the_same_rows(tmp_path: Path) -> None:
    def dump(folder: str, seed: int) -> list[str]:
        made = fuzz_database(PEOPLE, PEOPLE_GOLD[:2], tmp_path / folder, databases=1, seed=seed)
        connection = sqlite3.connect(made.paths[0])
        try:
            return list(connection.iterdump())
        finally:
            connection.close()

    assert dump("a", 1) == dump("b", 1)
    assert dump("a", 1) != dump("c", 2)


def test_reference_databases_show_what_was_missed(tmp_path: Path) -> None:
    schema = from_ddl("CREATE TABLE t (a INTEGER)")
    gold = ["SELECT a FROM t WHERE a * 7919 % 104729 = 5"]
    strange = [(0,)]
    made = fuzz_database(
        schema, gold, tmp_path, databases=1, rows=5, reference=[lambda sql: strange if sql in gold else []]
    )
    assert made.distinguishable > made.told_apart
    assert {mutant.kind for _, mutant in made.missed}
    assert made.to_json()["share"] == made.share


def test_tables_with_names_of_sqlites_own_are_left_out(tmp_path: Path) -> None:
    schema = Schema((*PEOPLE.tables, *from_ddl("CREATE TABLE sqlite_sequence (name TEXT, seq INTEGER)").tables))
    made = fuzz_database(schema, PEOPLE_GOLD, tmp_path, databases=1, rows=20)
    assert made.gold_failed == 0


def test_two_tables_of_one_name_are_told(tmp_path: Path) -> None:
    schema = from_ddl("CREATE TABLE hr.person (id INT); CREATE TABLE sales.person (id INT)", "postgres")
    with pytest.raises(DataError, match=r"'hr.person' and 'sales.person' cannot stand side by side"):
        fuzz_database(schema, ["SELECT id FROM hr.person"], tmp_path)


def test_gold_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        fuzz_database(PEOPLE, ["SELEC nothing"], tmp_path)
    made = fuzz_database(PEOPLE, ["SELECT name FROM person", "SELECT gone FROM person"], tmp_path, databases=1)
    assert (made.gold, made.gold_failed) == (2, 1)


def test_no_gold_gives_random_rows(tmp_path: Path) -> None:
    made = fuzz_database(PEOPLE, [], tmp_path, databases=1, rows=50)
    assert made.rows > 100
    assert made.share is None


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM t WHERE b > 1", {"operator", "condition", "value", "distinct", "column"}),
        ("SELECT COUNT(DISTINCT a) FROM t", {"aggregate", "column"}),
        ("SELECT SUM(a) FROM t WHERE b LIKE 'x%' AND c IS NULL", {"aggregate", "condition", "negation", "column"}),
        ("SELECT a FROM t ORDER BY b DESC LIMIT 3", {"order", "limit", "distinct", "column"}),
        ("SELECT a FROM t INTERSECT SELECT a FROM t WHERE b = 2", {"set operation", "operator", "condition"}),
        ("SELECT a FROM t GROUP BY a HAVING COUNT(*) > 2", {"condition", "operator", "value"}),
    ],
)
def test_mutants_of_each_kind(sql: str, expected: set[str]) -> None:
    schema = from_ddl("CREATE TABLE t (a INTEGER, b TEXT, c TEXT)")
    found = mutants(sql, schema=schema)
    assert expected <= {mutant.kind for mutant in found}
    assert len({mutant.sql for mutant in found}) == len(found)
    for mutant in found:
        parse(mutant.sql)
        assert mutant.sql != sql


def test_mutants_of_the_sample_gold_all_run(tmp_path: Path) -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(SHOP_DDL)
    for sql in gold_of("train")[:40]:
        for mutant in mutants(sql, schema=SHOP):
            connection.execute(mutant.sql)
    connection.close()


def test_constraints_come_from_the_ddl() -> None:
    assert read_constraints(PEOPLE_DDL) == Constraints(
        frozenset({"person.name", "member.person_id"}), frozenset({"person.name"})
    )


@pytest.mark.parametrize(
    ("condition", "type_"),
    [
        ("a > 5", "INTEGER"), ("a >= 5.5", "REAL"), ("a < -3", "INTEGER"), ("a <= 0", "INTEGER"), ("a = 7", "INTEGER"),
        ("a <> 'x'", "TEXT"), ("a = 'x'", "TEXT"), ("a BETWEEN 2 AND 9", "INTEGER"), ("a IN (1, 5)", "INTEGER"),
        ("a LIKE '%ab%'", "TEXT"), ("a LIKE 'ab%'", "TEXT"), ("a LIKE '%ab'", "TEXT"), ("a LIKE 'a_c'", "TEXT"),
        ("a NOT LIKE 'ab%'", "TEXT"), ("a IS NULL", "TEXT"), ("STRFTIME('%Y', a) = '2021'", "DATE"),
        ("STRFTIME('%Y-%m', a) = '2021-02'", "DATE"), ("a >= '2021-03-01'", "DATE"), ("DATE(a) = '2021-12-31'", "DATE"),
    ],
)  # fmt: skip
def test_hits_pass_and_misses_fail(condition: str, type_: str) -> None:
    found = passing(parse(f"SELECT 1 FROM t WHERE {condition}").args["where"].this, type_)
    assert found
    hits, misses = found
    assert hits
    assert misses
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE t (a {type_})")
    for values, passes in ((hits, 1), (misses, 0)):
        for value in values:
            connection.execute("DELETE FROM t")
            connection.execute("INSERT INTO t VALUES (?)", (value,))
            got = connection.execute(f"SELECT COUNT(*) FROM t WHERE {condition}").fetchone()[0]
            assert got == passes, (condition, value)
    connection.close()


@given(st.text(alphabet="ab%_", max_size=8), st.integers(0, 99))
def test_text_made_for_a_like_pattern_matches_it(pattern: str, seed: int) -> None:
    connection = sqlite3.connect(":memory:")
    text = matching(pattern, random.Random(seed))
    assert connection.execute("SELECT ? LIKE ?", (text, pattern)).fetchone() == (1,)
    connection.close()


def test_steps_are_the_nearest_neighbours() -> None:
    assert (step(5, 1), step(5, -1), step(2.5, 1)) == (6, 4, 2.75)
    assert (step("2024-02-28", 1), step("2024-01-01 10:00:00", -1)) == ("2024-02-29", "2023-12-31 10:00:00")
    assert step("x", 1) == "xa"


def test_patterns_follow_joins_and_subqueries() -> None:
    (pattern,) = patterns(PEOPLE_GOLD[1], PEOPLE)
    assert [table.name for table in pattern.tables.values()] == ["person", "person"]
    assert len(pattern.joins) == 1
    assert [(test.column, test.hits) for test in pattern.tests] == [("name", ("Ann",))]
    without, with_excluded, inner = patterns(PEOPLE_GOLD[3], PEOPLE)
    assert (len(without.tables), len(with_excluded.tables), len(inner.tables)) == (1, 2, 1)
    grouped = patterns(PEOPLE_GOLD[4], PEOPLE)[0]
    assert grouped.sizes == [7]
    assert patterns("nonsense(", Schema()) == []
