"""Exact-set match as Spider's official script judges it: every part, every peculiarity, and hardness.

The verdicts of `PAIRS` and `HARD` were compared with the official script's when they were written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from base.evaluate import exact_sets
from base.pairs import Pair, cut
from sqltailor.errors import SQLError
from sqltailor.evaluate import Scoring, evaluate
from sqltailor.evaluate.metrics import Attempt, exact_set, exact_set_match
from sqltailor.evaluate.metrics.spider.exact_set import key_groups
from sqltailor.evaluate.metrics.spider.hardness import hardness
from sqltailor.evaluate.metrics.spider.to_parts import read_query
from sqltailor.evaluate.report import write_report
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Completion, Example, GenerateOptions, Prompt, Schema

SCHEMA = from_ddl(
    """
    CREATE TABLE singer (id INT PRIMARY KEY, name TEXT, age INT, country TEXT);
    CREATE TABLE concert (id INT PRIMARY KEY, singer_id INT REFERENCES singer (id), year INT, city TEXT);
    CREATE TABLE visit (concert_id INT REFERENCES concert (id), guest TEXT, "odd name" TEXT, market_value INT);
    """
)
JOINED = "FROM singer AS T1 JOIN concert AS T2 ON T1.id = T2.singer_id"

PAIRS = [
    # selected columns
    ("SELECT age, name FROM singer", "SELECT name, age FROM singer", True),
    ("SELECT name FROM singer", "SELECT name, age FROM singer", False),
    ("SELECT name, name FROM singer", "SELECT name FROM singer", False),
    ("SELECT name, name, age FROM singer", "SELECT name, age, age FROM singer", False),
    ("SELECT * FROM singer", "SELECT name FROM singer", False),
    ("SELECT DISTINCT name FROM singer", "SELECT name FROM singer", True),
    ("SELECT count(DISTINCT name) FROM singer", "SELECT count(name) FROM singer", True),
    ("SELECT count(*) FROM singer", "SELECT count(name) FROM singer", False),
    ("SELECT max(age) FROM singer", "SELECT min(age) FROM singer", False),
    ("SELECT max(age), min(age) FROM singer", "SELECT min(age), max(age) FROM singer", True),
    ("SELECT avg(age), name FROM singer", "SELECT age, avg(name) FROM singer", False),
    ("SELECT age - id FROM singer", "SELECT id - age FROM singer", False),
    ("SELECT (age - id) FROM singer", "SELECT age - id FROM singer", True),
    ("SELECT avg(age - id) FROM singer", "SELECT avg(age - id) FROM singer", True),
    ("SELECT avg(age - id) FROM singer", "SELECT avg(age + id) FROM singer", False),
    ("SELECT (avg(age)) FROM singer", "SELECT avg(age) FROM singer", False),
    ("SELECT NAME FROM Singer", "select name from singer", True),
    ("SELECT singer.name FROM singer", "SELECT name FROM singer", True),
    ("SELECT T1.name FROM singer AS T1", "SELECT name FROM singer", True),
    # conditions
    ("SELECT id FROM singer WHERE age > 1", "SELECT id FROM singer WHERE age > 99", True),
    ('SELECT id FROM singer WHERE name = "x"', "SELECT id FROM singer WHERE name = 'y'", True),
    ("SELECT id FROM singer WHERE name = 5", "SELECT id FROM singer WHERE name = 'y'", True),
    ("SELECT id FROM singer WHERE age = id", "SELECT id FROM singer WHERE age = 3", True),
    ("SELECT id FROM singer WHERE age > 1", "SELECT id FROM singer WHERE age >= 1", False),
    ("SELECT id FROM singer WHERE age > 1", "SELECT id FROM singer WHERE id > 1", False),
    ("SELECT id FROM singer", "SELECT id FROM singer WHERE age > 1", False),
    (
        "SELECT id FROM singer WHERE name = 'a' AND age > 1",
        "SELECT id FROM singer WHERE age > 1 AND name = 'a'",
        True,
    ),
    (
        "SELECT id FROM singer WHERE name = 'a' OR age > 1",
        "SELECT id FROM singer WHERE name = 'a' AND age > 1",
        False,
    ),
    # the places of AND and OR do not matter, only which of them there are
    (
        "SELECT id FROM singer WHERE age > 1 AND name = 'a' OR country = 'b'",
        "SELECT id FROM singer WHERE country = 'b' AND age > 1 OR name = 'a'",
        True,
    ),
    ("SELECT id FROM singer WHERE age > 1 AND age > 2", "SELECT id FROM singer WHERE age > 1", False),
    ("SELECT id FROM singer WHERE age = 1 OR age = 2", "SELECT id FROM singer WHERE age = 1 OR age = 5", True),
    (
        "SELECT id FROM singer WHERE age BETWEEN 1 AND 2",
        "SELECT id FROM singer WHERE age BETWEEN 8 AND 9",
        True,
    ),
    (
        "SELECT id FROM singer WHERE age NOT BETWEEN 1 AND 2",
        "SELECT id FROM singer WHERE age BETWEEN 1 AND 2",
        False,
    ),
    ("SELECT id FROM singer WHERE name NOT LIKE 'a'", "SELECT id FROM singer WHERE name LIKE 'a'", False),
    ("SELECT id FROM singer WHERE name LIKE '%a'", "SELECT id FROM singer WHERE name LIKE 'b%'", True),
    ("SELECT id FROM singer WHERE name LIKE 'a'", "SELECT id FROM singer WHERE name = 'a'", False),
    ("SELECT id FROM singer WHERE age IN ( 1 )", "SELECT id FROM singer WHERE age IN ( 2 )", True),
    ("SELECT id FROM singer WHERE age IN ( 1 )", "SELECT id FROM singer WHERE age = 1", False),
    # after a comparison with a column, OR and what follows are not read; AND is
    ("SELECT id FROM singer WHERE age = id OR name = 'a'", "SELECT id FROM singer WHERE age = id", True),
    (
        "SELECT id FROM singer WHERE age = id OR name = 'a' AND country = 'b'",
        "SELECT id FROM singer WHERE age = id AND country = 'b'",
        True,
    ),
    ("SELECT id FROM singer WHERE age = id OR name IS NULL", "SELECT id FROM singer WHERE age = id", True),
    ("SELECT id FROM singer WHERE age > id + 5", "SELECT id FROM singer WHERE age > 5", True),
    # tables and joins
    (
        f"SELECT T1.name {JOINED}",
        "SELECT T2.name FROM concert AS T1 JOIN singer AS T2 ON T1.singer_id = T2.id",
        True,
    ),
    (f"SELECT T1.name {JOINED}", f"SELECT T1.name {JOINED} AND T1.age = T2.year", True),
    (f"SELECT T1.name {JOINED}", "SELECT T1.name FROM singer AS T1 JOIN concert AS T2 ON T1.age = T2.year", True),
    (f"SELECT T1.name {JOINED}", "SELECT T1.name FROM singer AS T1 JOIN concert AS T2", True),
    (f"SELECT T1.name {JOINED}", "SELECT name FROM singer", False),
    (
        "SELECT T1.name FROM singer AS T1 JOIN singer AS T2 ON T1.id = T2.id",
        "SELECT T1.name FROM singer AS T1",
        False,
    ),
    # INNER and LEFT are passed over after a comparison with a column, not after a table
    (
        f"SELECT T1.name {JOINED} INNER JOIN visit AS T3 ON T2.id = T3.concert_id",
        f"SELECT T1.name {JOINED} LEFT JOIN visit AS T3 ON T2.id = T3.concert_id",
        True,
    ),
    (
        "SELECT T1.name FROM singer AS T1 INNER JOIN concert AS T2 ON T1.id = T2.singer_id",
        f"SELECT T1.name {JOINED}",
        False,
    ),
    # words in join conditions count though
    (f"SELECT T1.name {JOINED}", f"SELECT T1.name {JOINED} AND T1.name LIKE 'x'", False),
    (f"SELECT T1.name {JOINED} AND T1.age = 3 OR T1.age = 4", f"SELECT T1.name {JOINED} AND T1.age = 3", False),
    # columns that foreign keys connect, only while their table is in FROM
    (f"SELECT T1.id {JOINED}", f"SELECT T2.singer_id {JOINED}", True),
    (f"SELECT T1.id {JOINED}", f"SELECT T2.id {JOINED}", False),
    (f"SELECT T1.name {JOINED} GROUP BY T1.id", f"SELECT T1.name {JOINED} GROUP BY T2.singer_id", True),
    (
        f"SELECT T1.name {JOINED} ORDER BY T1.id",
        f"SELECT T1.name {JOINED} ORDER BY T2.singer_id",
        True,
    ),
    (f"SELECT T1.name {JOINED} WHERE T1.id = 1", f"SELECT T1.name {JOINED} WHERE T2.singer_id = 1", True),
    ("SELECT concert.singer_id FROM singer", "SELECT singer.id FROM singer", False),
    # GROUP BY and HAVING
    ("SELECT name FROM singer GROUP BY name", "SELECT name FROM singer", False),
    ("SELECT name FROM singer GROUP BY name, age", "SELECT name FROM singer GROUP BY age, name", False),
    ("SELECT name FROM singer GROUP BY max(age)", "SELECT name FROM singer GROUP BY age", True),
    (
        "SELECT name FROM singer GROUP BY name HAVING count(*) > 1",
        "SELECT name FROM singer GROUP BY name HAVING count(*) > 7",
        True,
    ),
    (
        "SELECT name FROM singer GROUP BY name HAVING count(*) > 1",
        "SELECT name FROM singer GROUP BY name HAVING count(*) >= 1",
        False,
    ),
    ("SELECT name FROM singer GROUP BY name HAVING count(*) > 1", "SELECT name FROM singer GROUP BY name", False),
    (
        "SELECT name FROM singer GROUP BY name HAVING count(*) > 1 AND avg(age) > 2",
        "SELECT name FROM singer GROUP BY name HAVING avg(age) > 2 AND count(*) > 1",
        False,
    ),
    # ORDER BY and LIMIT
    ("SELECT name FROM singer ORDER BY age", "SELECT name FROM singer ORDER BY age ASC", True),
    ("SELECT name FROM singer ORDER BY age DESC", "SELECT name FROM singer ORDER BY age", False),
    ("SELECT name FROM singer ORDER BY age, name", "SELECT name FROM singer ORDER BY name, age", False),
    ("SELECT name FROM singer ORDER BY age, name DESC", "SELECT name FROM singer ORDER BY age DESC, name", True),
    (
        "SELECT name FROM singer ORDER BY age DESC, name ASC",
        "SELECT name FROM singer ORDER BY age DESC, name",
        False,
    ),
    ("SELECT name FROM singer ORDER BY count(*)", "SELECT name FROM singer ORDER BY count(name)", False),
    ("SELECT name FROM singer ORDER BY age LIMIT 1", "SELECT name FROM singer ORDER BY age LIMIT 3", True),
    ("SELECT name FROM singer ORDER BY age LIMIT 1", "SELECT name FROM singer ORDER BY age", False),
    ("SELECT name FROM singer LIMIT 1", "SELECT name FROM singer", False),
    ("SELECT name FROM singer LIMIT 1 OFFSET 4", "SELECT name FROM singer LIMIT 1", True),
    # set operations
    (
        "SELECT name FROM singer UNION SELECT city FROM concert",
        "SELECT name FROM singer UNION SELECT city FROM concert",
        True,
    ),
    (
        "SELECT name FROM singer UNION SELECT city FROM concert",
        "SELECT city FROM concert UNION SELECT name FROM singer",
        False,
    ),
    (
        "SELECT name FROM singer INTERSECT SELECT name FROM singer WHERE age > 1",
        "SELECT name FROM singer WHERE age > 1 INTERSECT SELECT name FROM singer",
        False,
    ),
    (
        "SELECT name FROM singer UNION SELECT city FROM concert",
        "SELECT name FROM singer EXCEPT SELECT city FROM concert",
        False,
    ),
    ("SELECT name FROM singer UNION SELECT city FROM concert", "SELECT name FROM singer", False),
    (
        "SELECT name FROM singer EXCEPT SELECT city FROM concert WHERE year = 1 AND city = 'a'",
        "SELECT name FROM singer EXCEPT SELECT city FROM concert WHERE city = 'b' AND year = 2",
        True,
    ),
    (
        "SELECT id FROM singer UNION SELECT id FROM singer INTERSECT SELECT id FROM concert",
        "SELECT id FROM singer UNION SELECT id FROM singer INTERSECT SELECT id FROM concert",
        True,
    ),
    (
        "SELECT id FROM singer UNION SELECT id FROM singer INTERSECT SELECT id FROM concert",
        "SELECT id FROM singer INTERSECT SELECT id FROM singer UNION SELECT id FROM concert",
        False,
    ),
    # the second operand follows the foreign keys of the first one's FROM
    (
        "SELECT id FROM concert EXCEPT SELECT T1.id FROM singer AS T1 JOIN concert AS T2",
        "SELECT id FROM concert EXCEPT SELECT T2.singer_id FROM singer AS T1 JOIN concert AS T2",
        True,
    ),
    (
        "SELECT guest FROM visit EXCEPT SELECT T1.id FROM singer AS T1 JOIN concert AS T2",
        "SELECT guest FROM visit EXCEPT SELECT T2.singer_id FROM singer AS T1 JOIN concert AS T2",
        False,
    ),
    # a subquery in a condition is the same part by part; its values do not matter, all else does
    (
        "SELECT name FROM singer WHERE age > ( SELECT avg(age) FROM singer WHERE id > 1 )",
        "SELECT name FROM singer WHERE age > ( SELECT avg(age) FROM singer WHERE id > 2 )",
        True,
    ),
    (
        "SELECT name FROM singer WHERE age > ( SELECT avg(age) FROM singer )",
        "SELECT name FROM singer WHERE age > 5",
        False,
    ),
    (
        "SELECT name FROM singer WHERE id IN ( SELECT DISTINCT singer_id FROM concert )",
        "SELECT name FROM singer WHERE id IN ( SELECT singer_id FROM concert )",
        False,
    ),
    (
        "SELECT name FROM singer WHERE id NOT IN ( SELECT singer_id FROM concert )",
        "SELECT name FROM singer WHERE id IN ( SELECT singer_id FROM concert )",
        False,
    ),
    (
        "SELECT name FROM singer WHERE id IN ( SELECT id FROM concert WHERE year = 1 AND city = 'a' )",
        "SELECT name FROM singer WHERE id IN ( SELECT id FROM concert WHERE city = 'a' AND year = 1 )",
        False,
    ),
    (
        f"SELECT guest FROM visit WHERE concert_id IN ( SELECT T1.id {JOINED} )",
        f"SELECT guest FROM visit WHERE concert_id IN ( SELECT T2.singer_id {JOINED} )",
        False,
    ),
    (
        f"SELECT guest FROM visit WHERE concert_id IN ( SELECT T2.id {JOINED} )",
        "SELECT guest FROM visit WHERE concert_id IN ( SELECT T2.id FROM singer AS T1 JOIN concert AS T2 )",
        False,
    ),
    (
        f"SELECT guest FROM visit WHERE concert_id IN ( SELECT T2.id {JOINED} )",
        "SELECT guest FROM visit WHERE concert_id IN ( SELECT T2.id FROM singer AS T1 JOIN concert AS T2 "
        "ON T1.id = T2.year )",
        True,
    ),
    # a subquery in FROM has the same values, too
    (
        "SELECT count(*) FROM ( SELECT name FROM singer WHERE age > 1 )",
        "SELECT count(*) FROM ( SELECT name FROM singer WHERE age > 1.0 )",
        True,
    ),
    (
        "SELECT count(*) FROM ( SELECT name FROM singer WHERE age > 1 )",
        "SELECT count(*) FROM ( SELECT name FROM singer WHERE age > 2 )",
        False,
    ),
    (
        "SELECT count(*) FROM ( SELECT name FROM singer WHERE name = 'a' )",
        "SELECT count(*) FROM ( SELECT name FROM singer WHERE name = 'A' )",
        False,
    ),
    # aliases hold for the whole statement: the last one counts, and it must have the column
    (
        "SELECT T1.id FROM singer AS T1 UNION SELECT T1.id FROM concert AS T1",
        "SELECT concert.id FROM singer UNION SELECT id FROM concert",
        True,
    ),
    (
        "SELECT T1.name FROM singer AS T1 UNION SELECT T1.city FROM concert AS T1",
        "SELECT name FROM singer UNION SELECT city FROM concert",
        False,
    ),
    (
        "SELECT T1.name FROM singer AS T1 UNION SELECT T2.city FROM concert AS T2",
        "SELECT name FROM singer UNION SELECT city FROM concert",
        True,
    ),
    ("SELECT concert.id FROM singer AS concert", "SELECT id FROM singer", False),
]

REFUSED = [
    "SELECT count(*) AS n FROM singer",
    "SELECT name FROM singer WHERE ( age > 1 )",
    "SELECT name FROM singer WHERE age IN ( 1 , 2 )",
    "SELECT name FROM singer WHERE age IS NULL",
    "SELECT name FROM singer WHERE age IS NOT NULL",
    "SELECT name FROM singer WHERE NOT age > 1",
    "SELECT name FROM singer WHERE EXISTS ( SELECT id FROM concert )",
    "SELECT name FROM singer WHERE age > ( id )",
    "SELECT name FROM singer WHERE age = max(id)",
    "SELECT name FROM singer WHERE lower(name) = 'a'",
    "SELECT name FROM singer WHERE name LIKE 'a' ESCAPE 'b'",
    "SELECT name FROM singer WHERE nothing = 1",
    "SELECT nothing FROM singer",
    "SELECT city FROM singer",
    "SELECT T9.name FROM singer AS T1",
    "SELECT T1.* FROM singer AS T1",
    "SELECT name FROM nowhere",
    "SELECT 1 FROM singer",
    "SELECT count(1) FROM singer",
    "SELECT lower(name) FROM singer",
    "SELECT age + 1 FROM singer",
    "SELECT age + id - age FROM singer",
    "SELECT max(age) - min(age) FROM singer",
    "SELECT max(age, id) FROM singer",
    "SELECT count(DISTINCT age, id) FROM singer",
    "SELECT CASE WHEN age > 1 THEN name END FROM singer",
    "SELECT rank() OVER (ORDER BY age) FROM singer",
    "SELECT ( SELECT name FROM singer ) FROM concert",
    "SELECT name FROM singer , concert",
    "SELECT name FROM singer INNER JOIN concert ON singer.id = concert.singer_id",
    "SELECT name FROM singer LEFT JOIN concert ON singer.id = concert.singer_id",
    "SELECT guest FROM visit JOIN concert USING (concert_id)",
    "SELECT name FROM singer NATURAL JOIN concert",
    "SELECT T1.name FROM ( SELECT name FROM singer ) AS T1",
    "SELECT name FROM ( SELECT name FROM singer )",
    "SELECT name FROM singer JOIN ( SELECT id FROM concert )",
    "WITH q AS (SELECT name FROM singer) SELECT name FROM q",
    "SELECT name FROM singer HAVING count(*) > 1",
    "SELECT name FROM singer GROUP BY 1",
    "SELECT name FROM singer ORDER BY 1",
    "SELECT name FROM singer UNION ALL SELECT city FROM concert",
    "SELECT name FROM singer WHERE age = id OR lower(name) = 'a'",
    "SELECT name FROM singer GROUP BY age / id",
    "SELECT name FROM singer GROUP BY age ORDER BY count(*) >= 5",
    "SELECT name FROM singer ORDER BY age COLLATE NOCASE",
    "(SELECT name FROM singer EXCEPT SELECT city FROM concert)",
    "SELECT name FROM singer WHERE age > ( SELECT id FROM concert LIMIT 1 OFFSET 1 )",
    "SELECT name FROM singer OFFSET 3",
    "INSERT INTO singer (name) SELECT city FROM concert",
    "SELECT name FROM singer ; SELECT name FROM singer",
    "SELEC name FROM singer",
    "SELECT 1",
    "",
]

HARD = [
    ("SELECT name FROM singer", "easy"),
    ("SELECT count(*) FROM singer WHERE age > 1", "easy"),
    ("SELECT name FROM singer ORDER BY age", "easy"),
    ("SELECT name FROM singer WHERE name NOT LIKE 'a'", "medium"),  # a condition and a LIKE
    ("SELECT name , age FROM singer", "medium"),
    ("SELECT max(age) , min(age) FROM singer WHERE id = 1", "medium"),  # two are several: aggregates and columns
    ("SELECT name FROM singer WHERE age > 1 AND id > 1", "medium"),
    ("SELECT name FROM singer WHERE age > 1 OR id > 1", "medium"),
    (f"SELECT T1.name {JOINED} WHERE T2.year = 1", "medium"),
    ("SELECT name FROM singer GROUP BY name HAVING count(*) > 1", "easy"),
    ("SELECT name FROM singer GROUP BY name HAVING count(*) > 1 AND avg(age) > 2", "easy"),  # one "and"
    ("SELECT name FROM singer GROUP BY name HAVING count(*) > 1 AND id > 2 AND age > 2", "medium"),  # two
    ("SELECT name FROM singer WHERE age NOT IN ( 1 ) AND id NOT BETWEEN 1 AND 2", "medium"),  # NOT twice
    ("SELECT name FROM singer GROUP BY name ORDER BY count(*) DESC LIMIT 1", "hard"),
    (f"SELECT T1.name {JOINED} WHERE T2.year = 1 ORDER BY T1.age", "hard"),
    ("SELECT max(age) , min(age) FROM singer WHERE id = 1 AND name = 'a'", "hard"),  # three are several
    ("SELECT max(age) , name FROM singer WHERE id = 1 OR name LIKE 'a' ORDER BY age", "extra"),
    ("SELECT name FROM singer WHERE age = ( SELECT max(age) FROM singer )", "hard"),
    ("SELECT name FROM singer WHERE id IN ( SELECT singer_id FROM concert WHERE year > 1 )", "hard"),
    ("SELECT name , age FROM singer WHERE age = ( SELECT max(age) FROM singer )", "extra"),
    ("SELECT name FROM singer WHERE age > 1 UNION SELECT city FROM concert", "hard"),
    ("SELECT name FROM singer UNION SELECT city FROM concert EXCEPT SELECT guest FROM visit", "hard"),
    (f"SELECT T1.name {JOINED} WHERE T1.age > 1 UNION SELECT city FROM concert", "extra"),
    (f"SELECT T1.name {JOINED} WHERE T1.age > 1 GROUP BY T1.id ORDER BY count(*) LIMIT 1", "extra"),
    ("SELECT count(*) FROM ( SELECT name , age FROM singer WHERE age > 1 )", "easy"),  # not looked into
    ("SELECT name FROM singer ORDER BY max(age) - min(age)", "medium"),
]


def is_match(predicted: str | None, gold: str, schema: Schema = SCHEMA) -> bool:
    found = exact_set_match(predicted, gold, schema)
    assert found is not None, "the gold statement is outside the subset"
    return found.is_match


@pytest.mark.parametrize(("predicted", "gold", "expected"), PAIRS)
def test_pairs(predicted: str, gold: str, expected: bool) -> None:
    assert is_match(predicted, gold) is expected


@pytest.mark.parametrize("sql", [gold for _, gold, _ in PAIRS])
def test_every_gold_matches_itself(sql: str) -> None:
    assert is_match(sql, sql)


@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_outside_the_subset_is_wrong_as_a_prediction_and_absent_as_gold(sql: str) -> None:
    with pytest.raises(SQLError):
        read_query(sql, SCHEMA)
    assert not is_match(sql, "SELECT name FROM singer")
    assert exact_set_match("SELECT name FROM singer", sql, SCHEMA) is None


@pytest.mark.parametrize(("sql", "level"), HARD)
def test_hardness(sql: str, level: str) -> None:
    assert hardness(read_query(sql, SCHEMA)) == level


@pytest.mark.parametrize(
    ("spelled", "gold"),
    [
        ("SELECT name FROM singer WHERE age<>1;", "SELECT name FROM singer WHERE age != 1"),
        ("SELECT name FROM singer WHERE age == 1 -- one", "SELECT name FROM singer WHERE age = 1"),
        ("SELECT s.name FROM singer s", "SELECT name FROM singer"),
        ('SELECT "odd name" FROM visit', "SELECT T1.`odd name` FROM visit AS T1"),
        ("SELECT name FROM singer WHERE name = 'it''s'", 'SELECT name FROM singer WHERE name = "it"'),
        ("SELECT name FROM singer WHERE NOT age IN (1)", "SELECT name FROM singer WHERE age NOT IN ( 1 )"),
        (
            "SELECT market_value FROM visit WHERE market_value > 1",
            "SELECT market_value FROM visit WHERE market_value > 5",
        ),
        ("SELECT name FROM singer WHERE name = value LIMIT value", "SELECT name FROM singer WHERE name = 'a' LIMIT 1"),
    ],
)
def test_spelling_that_the_script_cannot_read_means_what_it_means(spelled: str, gold: str) -> None:
    assert is_match(spelled, gold)


def test_no_prediction_is_wrong_and_still_has_the_hardness_of_its_gold() -> None:
    assert exact_set_match(None, "SELECT name, age FROM singer", SCHEMA) == (False, "medium")


def test_a_statement_nested_too_deeply_is_wrong() -> None:
    deep = "SELECT name FROM singer WHERE age > " + "(SELECT age FROM singer WHERE age > " * 900 + "1" + ")" * 900
    assert not is_match(deep, "SELECT name FROM singer")
    long = "SELECT name FROM singer WHERE age > 1" + " AND age > 1" * 3000
    assert is_match(long, long)


def test_a_column_that_is_called_value_is_a_column() -> None:
    schema = from_ddl("CREATE TABLE t (value INT, other INT)")
    assert not is_match("SELECT value FROM t", "SELECT other FROM t", schema)
    # a comparison with it is one with a column: what follows OR is not read
    assert is_match(
        "SELECT other FROM t WHERE other = value OR other = 1", "SELECT other FROM t WHERE other = 1", schema
    )


def test_a_key_joins_the_first_group_that_it_meets() -> None:
    schema = from_ddl(
        "CREATE TABLE a (x INT, y INT, FOREIGN KEY (x) REFERENCES b (x), FOREIGN KEY (y) REFERENCES c (y));"
        "CREATE TABLE b (x INT, z INT REFERENCES gone (z)); CREATE TABLE c (y INT REFERENCES b (x))"
    )
    # c.y is in the groups of a.x and of a.y: the later one counts
    assert key_groups(schema) == {"a.x": "a.x", "b.x": "a.x", "a.y": "a.y", "c.y": "a.y"}


def test_the_metric_takes_any_accepted_gold_that_it_can_read() -> None:
    golds = ("SELECT count(*) AS n FROM singer", "SELECT name FROM singer", "SELECT age FROM singer")
    assert exact_set(Attempt(golds, "SELECT age FROM singer", schema=SCHEMA)) == 1
    assert exact_set(Attempt(golds, "SELECT id FROM singer", schema=SCHEMA)) == 0
    assert exact_set(Attempt(golds, None, schema=SCHEMA)) == 0


def test_the_metric_is_absent_without_a_gold_that_it_can_read() -> None:
    gold = "SELECT count(*) AS n FROM singer"
    assert exact_set(Attempt((gold,), gold, schema=SCHEMA)) is None
    assert exact_set(Attempt(("SELECT name FROM singer",), "SELECT name FROM singer")) is None, "no schema"


def test_the_metric_knows_right_refusals() -> None:
    assert exact_set(Attempt(("-- cannot answer: x",), None, declined="x", gold_declined=True)) == 1
    assert exact_set(Attempt(("-- cannot answer: x",), "SELECT name FROM singer", gold_declined=True)) == 0


def test_an_evaluation_has_it_where_it_is_asked_for(tmp_path: Path) -> None:
    example = Example("1", ("SELECT name FROM singer WHERE age > 1",), "Who?")

    def answer(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        return [Completion("SELECT name FROM singer WHERE age > 2") for _ in prompts]

    usual = evaluate([example], {"m": answer}, out_dir=tmp_path / "usual", schema=SCHEMA)
    assert "exact_set" not in usual.scores["models"]["m"]
    assert "exact-set match" not in write_report(tmp_path / "usual").read_text()
    scoring = Scoring(metrics=["exact_match", "exact_set"])
    asked = evaluate([example], {"m": answer}, out_dir=tmp_path / "asked", schema=SCHEMA, scoring=scoring)
    assert {name: rate["value"] for name, rate in asked.scores["models"]["m"].items()} == {
        "exact_match": 0,
        "exact_set": 1,
    }
    assert "exact-set match" in write_report(tmp_path / "asked").read_text()


def test_base_models_are_measured_by_it_in_all_and_by_hardness() -> None:
    golds = ["SELECT name FROM singer", "SELECT age FROM singer", "SELECT name, age FROM singer", "SELECT 1"]
    pairs = [Pair("spider", "x", "?", tuple(cut(sql, SCHEMA)), SCHEMA, SCHEMA) for sql in golds]
    found = exact_sets(pairs, ["select name from singer", "SELECT", "SELECT age, name FROM singer", "SELECT 1"])
    values = {level: (round(r["value"], 2), r["n"]) for level, r in found["exact_set_by_hardness"].items()}
    assert (round(found["exact_set"]["value"], 2), found["exact_set"]["n"]) == (0.67, 3)
    assert values == {"easy": (0.5, 2), "medium": (1.0, 1)}
    assert exact_sets(pairs[3:], ["SELECT 1"]) == {}


READABLE = sorted(
    {sql for predicted, gold, _ in PAIRS for sql in (gold, predicted) if exact_set_match(sql, sql, SCHEMA)}
)
statements = st.sampled_from(READABLE)


@given(statements)
def test_reflexive(sql: str) -> None:
    assert is_match(sql, sql)


@given(statements, statements)
@settings(max_examples=300)
def test_symmetric(a: str, b: str) -> None:
    assert is_match(a, b) is is_match(b, a)


@given(statements, statements, statements)
@settings(max_examples=300)
def test_transitive(a: str, b: str, c: str) -> None:
    if is_match(a, b) and is_match(b, c):
        assert is_match(a, c)


@given(statements, st.sampled_from(["x1", "Q", "u3", "some_alias"]), st.sampled_from(["y1", "R", "u4", "other"]))
def test_the_names_of_aliases_never_matter(sql: str, first: str, second: str) -> None:
    assert is_match(sql.replace("T1", first).replace("T2", second), sql)


@given(statements, st.integers(0, 10**6), st.text(st.characters(categories=("L", "N", "Z")), max_size=8))
def test_values_never_matter_outside_from(sql: str, number: int, text: str) -> None:
    if "FROM (" not in sql:
        changed = sql.replace(" 1", f" {number}").replace("'a'", f"'{text}'").replace("%", text)
        assert is_match(changed, sql)


@given(statements, st.randoms(use_true_random=False))
def test_case_and_spacing_never_matter(sql: str, random: object) -> None:
    if "'" not in sql and '"' not in sql:
        changed = "  ".join(random.choice([word.upper(), word.lower()]) for word in sql.split(" "))  # type: ignore[attr-defined]
        assert is_match(changed + " ;", sql)
