"""Sampled queries are canonical, allowed and runnable on any schema; their questions are many, human and exact."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from sqlglot import exp

from sqltailor.data.checks.smells import unasked_values
from sqltailor.errors import DataError
from sqltailor.naming.comments import read_comment
from sqltailor.naming.joins import guess_joins
from sqltailor.naming.words import plural, singular
from sqltailor.sql.dialect import canonical, parse
from sqltailor.sql.guard import check
from sqltailor.sql.schema import from_ddl
from sqltailor.synth import Maker, Pair, invent_values, read_values, sample_pair
from sqltailor.synth.fuzz.databases import make_rows, write_database
from sqltailor.synth.fuzz.random_rows import Constraints
from sqltailor.synth.glossary import read_terms
from sqltailor.synth.graph import build_graph
from sqltailor.synth.pairs import SHAPES
from sqltailor.synth.query import Agg, Col, Compare, Part, Query, Use, Window
from sqltailor.synth.to_sql import template, to_sql
from sqltailor.types import Example, Schema

SHOP = files("sqltailor.demo").joinpath("shop.sql").read_text(encoding="utf-8")
SCHOOL = """
CREATE TABLE tbl_Students (StudentID INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, birthDate DATE,
  is_active BOOLEAN);
CREATE TABLE Courses (id INTEGER PRIMARY KEY, title TEXT, credits INTEGER, dept_cd VARCHAR(4), fee NUMERIC(8,2));
CREATE TABLE enrolments (student_id INTEGER REFERENCES tbl_Students (StudentID),
  course_id INTEGER REFERENCES Courses (id), grade REAL, enrolled_at TIMESTAMP, PRIMARY KEY (student_id, course_id));
"""
ODD = """
CREATE TABLE "order" ("select" INTEGER PRIMARY KEY, "weird col" TEXT, "5th_place" TEXT, "a""b" REAL, "naïve" TEXT);
CREATE TABLE "Ünïcode tàble" ("日本" TEXT, "group" INTEGER REFERENCES "order" ("select"), "x.y" INTEGER);
CREATE TABLE one (x INTEGER);
CREATE TABLE "t" ("[a|b]" TEXT, "{np}" TEXT, "" TEXT);
"""
NO_KEYS = """
CREATE TABLE airport (id INTEGER, city TEXT, name TEXT);
CREATE TABLE flight (flno INTEGER, origin TEXT, airport_id INTEGER, price REAL, distance INTEGER, aid INTEGER);
CREATE TABLE node (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES node (id), label TEXT, weight REAL);
"""
SCHEMAS = {"shop": SHOP, "school": SCHOOL, "odd": ODD, "no keys": NO_KEYS}


def pairs(ddl: str, count: int, seed: int = 0, **options: object) -> Iterator[Pair]:
    schema = from_ddl(ddl)
    maker = Maker(schema, invent_values(schema, random.Random(seed)), **options)  # type: ignore[arg-type]
    rng = random.Random(seed)
    for _ in range(count):
        yield maker.pair(rng)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_sampled_query_is_canonical_allowed_and_runs(name: str, tmp_path: Path) -> None:
    schema = from_ddl(SCHEMAS[name])
    write_database(tmp_path / "x.db", schema, make_rows(schema, [], Constraints(), seed=1, rows=30), Constraints())
    connection = sqlite3.connect(tmp_path / "x.db")
    for pair in pairs(SCHEMAS[name], 600, seed=3):
        assert canonical(pair.sql) == pair.sql
        verdict = check(pair.sql, schema=schema)
        assert verdict.allowed, (verdict, pair.sql)
        connection.execute(pair.sql).fetchmany(5)
        assert pair.question.strip()
        assert not set(pair.question) & set("\x02\x03")
        assert not re.search(r"\{\w+\}", pair.question.replace("{np}", "")), pair.question
    connection.close()


OTHERS = ["postgres", "mysql", "duckdb", "bigquery", "snowflake", "tsql", "redshift", "trino", "spark", "oracle"]


@pytest.mark.parametrize("dialect", OTHERS)
def test_other_dialects_get_sql_of_every_shape_that_they_read(dialect: str) -> None:
    schema = from_ddl(SHOP)
    maker = Maker(schema, invent_values(schema, random.Random(0)), dialect=dialect)
    maker.draw.rng = random.Random(dialect)
    for name, (_, sampler) in SHAPES.items():
        queries = [query for query in (sampler(maker.draw) for _ in range(10)) if query is not None]
        assert queries or name == "house_function", name
        for query in queries:
            sql = to_sql(query, dialect)
            parse(sql, dialect)
            assert check(sql, dialect=dialect, schema=schema).allowed, sql


def test_a_running_total_leaves_nulls_where_the_dialect_has_them() -> None:
    when = Col("t", "day")
    total = Query("running", (Use("t", "trip", "trips"),), (when, Window("SUM", Col("t", "fare"), None, when)))
    for dialect in ("bigquery", "tsql", "snowflake"):
        assert to_sql(total, dialect) == "SELECT day, SUM(fare) OVER (ORDER BY day) FROM trip"


def test_the_same_seed_gives_the_same_pairs() -> None:
    one, two = ([(p.question, p.sql) for p in pairs(SHOP, 300, seed=5)] for _ in range(2))
    assert one == two
    assert one != [(p.question, p.sql) for p in pairs(SHOP, 300, seed=6)]


def test_pairs_are_many_and_different() -> None:
    made = list(pairs(SHOP, 10_000))
    assert len({pair.question for pair in made}) > 9_300
    assert len({pair.sql for pair in made}) > 7_000
    assert len({template(pair.query) for pair in made}) > 4_000
    assert {pair.shape for pair in made} == set(SHAPES) - {"house_function"}


def test_one_query_is_asked_in_many_ways() -> None:
    schema = from_ddl(SHOP)
    maker = Maker(schema, invent_values(schema, random.Random(0)), typo_rate=0)
    rng = random.Random(1)
    by_shape: dict[str, int] = {}
    while len(by_shape) < len(SHAPES) - 1:
        found = maker.query(rng)
        assert found
        shape, query = found
        if shape not in by_shape:
            wordings = {maker.word(query, rng).lower().strip("?. ") for _ in range(100)}
            by_shape[shape] = len(wordings)
    assert min(by_shape.values()) >= 14, by_shape
    assert sum(by_shape.values()) / len(by_shape) > 60, by_shape


def test_text_values_are_in_the_question_as_they_are_stored() -> None:
    told = 0
    for pair in pairs(SCHOOL, 1500, typo_rate=1.0):
        for value in re.findall(r"= '([^']+)'", pair.sql):
            if not re.fullmatch(r"[\d-]{4,10}", value):
                assert value.lower() in pair.question.lower(), pair
                told += 1
    assert told > 100


def test_typing_errors_come_at_their_rate() -> None:
    clean, typed = (list(pairs(SHOP, 400, seed=2, typo_rate=rate)) for rate in (0.0, 1.0))
    known = {word for pair in pairs(SHOP, 3000, seed=9, typo_rate=0) for word in re.findall("[a-z]{4,}", pair.question)}

    def unknown(made: list[Pair]) -> int:
        return sum(any(w not in known for w in re.findall("[a-z]{4,}", pair.question)) for pair in made)

    assert unknown(typed) > 330
    assert unknown(clean) < 120


def test_sample_pair_needs_nothing_but_a_schema() -> None:
    schema = from_ddl("CREATE TABLE t (a VARCHAR)", loose=True)
    rng = random.Random(0)
    pair = sample_pair(schema, invent_values(schema, rng), rng)
    assert pair.sql.startswith("SELECT ")
    with pytest.raises(DataError, match="No question can be made"):
        sample_pair(Schema(), invent_values(Schema(), rng), rng)


def test_comments_give_codes_units_and_other_names() -> None:
    meaning = read_comment("carrier: DHL, UPS, GLS, PST the post, VAN our own van")
    assert meaning.phrase == "carrier"
    assert read_comment("0 discontinued").codes == (("0", "discontinued"),)
    assert read_comment("1 to 5").codes == ()
    assert read_comment("ISO country code").codes == ()
    assert read_comment("weight in kg").unit == "kg"
    assert read_comment("empty: online order").empty == "online order"
    assert read_comment("who sold it").phrase is None
    asked = " ".join(pair.question for pair in pairs(SHOP, 3000)).lower()
    for words in ("vip", "school or club", "purchase price", "lead time", "kg", "cancelled", "get the newsletter"):
        assert words in asked


def test_names_are_spoken_not_spelled() -> None:
    asked = " ".join(pair.question for pair in pairs(SCHOOL, 1500, typo_rate=0)).lower()
    for words in ("students", "birth date", "department code", "who were born", "enrolments", "active students", "fee"):
        assert words in asked, words
    assert "tbl" not in asked
    assert "studentid" not in asked
    assert (plural("grocery store"), singular("people"), plural("box")) == ("grocery stores", "person", "boxes")


def test_the_glossary_gives_names_conditions_and_measures() -> None:
    glossary = {
        "patron": "cust",
        "active customer": "cid IN (SELECT cid FROM ord WHERE dt > '2024-01-01')",
        "turnover": "SUM(ordln.qty * ordln.price)",
        "house brand": "item.brand = 'Trailhouse'",
        "goodwill": "what money cannot buy",
    }
    terms = read_terms(glossary, build_graph(from_ddl(SHOP)))
    assert terms.unused == ("goodwill",)
    made = list(pairs(SHOP, 4000, glossary=glossary, typo_rate=0))
    assert not [pair.sql for pair in made if re.search(r"WHERE (.+) OR \1$", pair.sql)]
    for words, sql in (
        ("active", "cid IN (SELECT cid FROM ord WHERE dt > '2024-01-01')"),
        ("turnover", "SUM("),
        ("house brand", "brand = 'Trailhouse'"),
    ):
        using = [pair for pair in made if re.search(rf"\b{words}\b", pair.question.lower())]
        assert len(using) > 10, words
        assert all(sql in pair.sql for pair in using if words != "active" or "customer" in pair.question), words
    assert any("patrons" in pair.question for pair in made)
    schema = from_ddl(SHOP)
    assert all(check(pair.sql, schema=schema).allowed for pair in made[:500])


def test_house_functions_of_a_yaml_dialect_are_used(tmp_path: Path) -> None:
    dialect = tmp_path / "house.yaml"
    dialect.write_text(
        "base: sqlite\nfunctions:\n"
        "  - {name: NET, arguments: [price number], meaning: Price without VAT}\n"
        "  - {name: DAYS_OPEN, arguments: [since date], meaning: Number of days that it has been open}\n"
        "  - {name: ROUND_TO, arguments: [amount number, 'digits int'], meaning: Amount rounded}\n"
    )
    schema = from_ddl(SHOP)
    made = [pair for pair in pairs(SHOP, 1200, dialect=str(dialect), typo_rate=0) if pair.shape == "house_function"]
    assert len(made) > 100
    assert all(check(pair.sql, dialect=str(dialect), schema=schema).allowed for pair in made)
    net = [pair for pair in made if "NET(" in pair.sql]
    assert net
    assert all("without vat" in pair.question.lower() for pair in net)
    assert {"NET(", "DAYS_OPEN(", "ROUND_TO("} <= {name for pair in made for name in re.findall(r"[A-Z_]+\(", pair.sql)}


def test_joins_are_aliased_in_the_style_asked_for() -> None:
    on = (Col("cust", "cid"), Col("ord", "cid"))
    uses = (Use("cust", "cust", "customer"), Use("ord", "ord", "order", on))
    query = Query("count", uses, (Agg("COUNT"),), where=(Compare(Col("cust", "nm"), "=", "O'Hara"),))
    where = "= 'O''Hara'"
    assert to_sql(query) == f"SELECT COUNT(*) FROM cust AS c JOIN ord AS o ON c.cid = o.cid WHERE c.nm {where}"
    assert to_sql(query, aliases="numbered") == (
        f"SELECT COUNT(*) FROM cust AS T1 JOIN ord AS T2 ON T1.cid = T2.cid WHERE T1.nm {where}"
    )
    assert to_sql(query, aliases="names") == (
        f"SELECT COUNT(*) FROM cust JOIN ord ON cust.cid = ord.cid WHERE cust.nm {where}"
    )


@pytest.mark.parametrize(
    ("dialect", "year"),
    [
        ("sqlite", "STRFTIME('%Y', dt)"), ("postgres", "EXTRACT(YEAR FROM dt)"), ("mysql", "YEAR(dt)"),
        ("duckdb", "EXTRACT(YEAR FROM dt)"),
    ],
)  # fmt: skip
def test_dates_speak_the_dialect(dialect: str, year: str) -> None:
    part = Part("year", Col("ord", "dt"))
    query = Query("per_group", (Use("ord", "ord", "order"),), (part, Agg("COUNT")), group_by=(part,))
    assert to_sql(query, dialect) == f"SELECT {year}, COUNT(*) FROM ord GROUP BY {year}"


def test_a_backslash_ends_no_literal_in_mysql() -> None:
    query = Query("all", (Use("t", "t", "row"),), where=(Compare(Col("t", "a"), "=", "\\' OR 1=1 -- "),))
    assert str(parse(to_sql(query, "mysql"), "mysql").args["where"].this.expression.this) == "\\' OR 1=1 -- "
    assert canonical(to_sql(query, "mysql"), "mysql") == to_sql(query, "mysql")


def test_joins_are_guessed_only_where_names_and_types_agree() -> None:
    graph = build_graph(from_ddl(NO_KEYS.replace(" REFERENCES node (id)", "")))
    assert [(link.child, link.child_column, link.parent) for link in graph.links] == [
        ("flight", "airport_id", "airport")
    ]


def test_two_ways_to_one_table_are_told_apart() -> None:
    ddl = (
        "CREATE TABLE airport (id INTEGER PRIMARY KEY, name TEXT, city TEXT);"
        "CREATE TABLE flight (id INTEGER PRIMARY KEY, src_id INTEGER REFERENCES airport (id),"
        " dst_id INTEGER REFERENCES airport (id), price REAL)"
    )
    made = [pair for pair in pairs(ddl, 1500, typo_rate=0) if "JOIN" in pair.sql or "IN (SELECT" in pair.sql]
    assert len(made) > 200
    for pair in made:
        column = "src_id" if "src_id" in pair.sql else "dst_id"
        if ("src_id" in pair.sql) != ("dst_id" in pair.sql) and "airport" in pair.sql:
            assert ("source" if column == "src_id" else "dst") in pair.question.lower(), pair


KEYLESS = """
CREATE TABLE tbl_emp (emp_no INTEGER PRIMARY KEY, nm TEXT, boss_emp_no INTEGER, dept_no INTEGER, manager_id INTEGER);
CREATE TABLE tbl_dept (dept_no INTEGER PRIMARY KEY, dname TEXT, emp_count INTEGER);
CREATE TABLE "Kunden Stamm" ("Cust_Nr" INTEGER, ort TEXT);
CREATE TABLE "Order" ("OrderID" INTEGER PRIMARY KEY, "Cust_Nr" INTEGER, categoryid TEXT, tag_id INTEGER);
CREATE TABLE category (category_id INTEGER PRIMARY KEY, label TEXT);
CREATE TABLE tag (id INTEGER PRIMARY KEY, word TEXT);
CREATE VIEW big AS SELECT * FROM "Order" WHERE "Cust_Nr" = 2;
INSERT INTO tbl_emp VALUES (1, 'a', NULL, 10, 1), (2, 'b', 1, 20, 1), (3, 'c', 1, 20, 2);
INSERT INTO tbl_dept VALUES (10, 'x', 1), (20, 'y', 2);
INSERT INTO "Kunden Stamm" VALUES (1, 'Ulm'), (2, 'Bern');
INSERT INTO "Order" VALUES (1, 1, 'A', 900), (2, 1, 'B', 901), (3, 2, 'A', 902);
INSERT INTO category VALUES (1, 'one'), (2, 'two');
INSERT INTO tag VALUES (1, 'p'), (2, 'q');
"""


def test_stored_values_decide_which_joins_are_guessed() -> None:
    connection = sqlite3.connect(":memory:")
    connection.executescript(KEYLESS)
    schema = from_ddl(";".join(part for part in KEYLESS.split(";") if "CREATE TABLE" in part))
    values = read_values(schema, lambda sql: connection.execute(sql).fetchall())
    joins = {
        (f"{j.child}.{j.child_column}", f"{j.parent}.{j.parent_column}") for j in guess_joins(schema, values.refers)
    }
    assert joins == {
        ("tbl_emp.boss_emp_no", "tbl_emp.emp_no"),
        ("tbl_emp.manager_id", "tbl_emp.emp_no"),
        ("tbl_emp.dept_no", "tbl_dept.dept_no"),
        ("Order.Cust_Nr", "Kunden Stamm.Cust_Nr"),
    }  # categoryid is text there and a number here; no tag has the ids that orders name
    unseen = [join[:3] for join in guess_joins(schema, lambda join: None)]
    assert unseen == [("tbl_emp", "dept_no", "tbl_dept"), ("Order", "tag_id", "tag")]
    connection.close()


def test_tables_of_one_name_in_two_namespaces_are_told_apart() -> None:
    ddl = """CREATE TABLE sales.people (id INTEGER PRIMARY KEY, city TEXT);
    CREATE TABLE "HR Dept".people (id INTEGER PRIMARY KEY, grade TEXT);
    CREATE TABLE "HR Dept".shift (id INTEGER PRIMARY KEY, people_id INTEGER, hours INTEGER);
    CREATE TABLE sales.deal (id INTEGER PRIMARY KEY, people_id INTEGER REFERENCES people (id), amount REAL);"""
    graph = build_graph(from_ddl(ddl, "postgres"))
    assert {table.key: table.noun for table in graph.tables.values()} == {
        "sales.people": "sales person",
        "HR Dept.people": "hr dept person",
        "HR Dept.shift": "shift",
        "sales.deal": "deal",
    }
    assert [(link.child, link.parent) for link in graph.links] == [("sales.deal", "sales.people")]
    bare = build_graph(from_ddl(ddl.replace(" REFERENCES people (id)", ""), "postgres"))
    assert {(link.child, link.parent) for link in bare.links} == {
        ("sales.deal", "sales.people"),
        ("HR Dept.shift", "HR Dept.people"),
    }


def test_every_value_of_the_sql_is_in_the_question() -> None:
    for pair in pairs(SCHOOL, 1500, typo_rate=0):
        tree = parse(pair.sql)
        example = Example("x", (pair.sql,), question=pair.question)
        assert not list(unasked_values(example, list(tree.find_all(exp.Literal)))), pair
