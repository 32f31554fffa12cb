"""SQL as values: canonical form, comparison, the loose SQL of public sets, masks, names, and dialect files."""

from __future__ import annotations

import contextlib
import os
import random
import re
import sqlite3
import time
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sqltailor.errors import ConfigError, SQLError
from sqltailor.sql.dialect import (
    avoided,
    canonical,
    comparable,
    load_dialect,
    needs_quotes,
    nodes_of,
    parse,
    parse_loose,
    quote_name,
    relex,
    shape,
    template,
    transpile,
)
from sqltailor.sql.dialect.lexer import lex, trimmed, unquoted
from sqltailor.sql.dialect.names import RESERVED, RESERVED_MYSQL
from sqltailor.sql.guard import check
from sqltailor.sql.schema import from_ddl
from sqltailor.synth import Maker, invent_values

DIALECTS = ("sqlite", "postgres", "mysql", "duckdb", "bigquery", "snowflake", "tsql")


# ---- a small grammar of SELECT statements

COLUMNS = ["a", "city", "Total", "order", "5th_place", "home town", "2009", "50%", "x y z", "_id", "naïve"]
NAMES = st.sampled_from(COLUMNS)
NUMBERS = st.one_of(st.integers(-9, 99).map(str), st.sampled_from(["1.5", "0.25", "1e3"]))
TEXTS = st.one_of(st.text(alphabet="ab '%_-#;\"\\é", max_size=8), st.sampled_from(["it's", "C:\\x", "--x", "a\\"]))


@st.composite
def statements(draw: st.DrawFn, dialect: str) -> str:
    """A SELECT statement as a careful person writes it in a dialect."""

    def name() -> str:
        return quote_name(draw(NAMES), dialect)

    def value() -> str:
        if draw(st.booleans()):
            return draw(NUMBERS)
        text = draw(TEXTS)
        if dialect in ("mysql", "bigquery", "snowflake"):
            text = text.replace("\\", "\\\\")
        quote = "\\'" if dialect == "bigquery" else "''"
        return "'" + text.replace("'", quote) + "'"

    def column() -> str:
        return f"t1.{name()}" if draw(st.booleans()) else name()

    def condition() -> str:
        operator = draw(st.sampled_from(["=", "<>", "!=", "<", ">=", "LIKE", "IN", "BETWEEN", "IS NULL", "IN SELECT"]))
        right = {
            "IN": f"IN ({value()}, {value()})",
            "BETWEEN": f"BETWEEN {value()} AND {value()}",
            "IS NULL": draw(st.sampled_from(["IS NULL", "IS NOT NULL"])),
            "IN SELECT": f"IN (SELECT {name()} FROM {name()})",
        }.get(operator, f"{operator} {value()}")
        return draw(st.sampled_from(["", "NOT "])) + f"{column()} {right}"

    functions = ["", "count", "MAX", "Sum"]
    items = []
    for _ in range(draw(st.integers(1, 3))):
        function = draw(st.sampled_from(functions))
        items.append(f"{function}({column()})" if function else column())
    sql = f"select {draw(st.sampled_from(['', 'DISTINCT ']))}{', '.join(items)} from {name()} AS t1"
    if draw(st.booleans()):
        sql += f" JOIN {name()} AS t2 ON t1.{name()} = t2.{name()}"
    if draw(st.booleans()):
        sql += f" where {condition()} {draw(st.sampled_from(['AND', 'or']))} {condition()}"
    if draw(st.booleans()):
        sql += f" GROUP BY {column()} HAVING COUNT(*) > 2"
    if draw(st.booleans()):
        sql += f" ORDER BY {column()} DESC LIMIT 3"
    return sql


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_canonical_form_of_canonical_text_is_itself(dialect: str, data: st.DataObject) -> None:
    once = canonical(data.draw(statements(dialect)), dialect)
    assert canonical(once, dialect) == once
    assert "\n" not in once


@settings(max_examples=60, deadline=None)
@given(sql=statements("sqlite"))
def test_canonical_form_means_the_same_to_sqlite(sql: str) -> None:
    database = sqlite3.connect(":memory:")
    for table in map(quote_name, COLUMNS):
        database.execute(f"CREATE TABLE {table} ({', '.join(map(quote_name, COLUMNS))})")
        for row in (range(11), ["it's"] * 6 + ["C:\\x"] * 5):
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * 11)})", list(row))
    try:
        rows = database.execute(sql).fetchall()
    except sqlite3.Error:
        assume(False)  # an ambiguous name
    assert database.execute(canonical(sql)).fetchall() == rows
    assert database.execute(relex(sql, COLUMNS)).fetchall() == rows
    database.close()


@settings(max_examples=60, deadline=None)
@given(sql=statements("sqlite"))
def test_canonical_text_is_loose_text_that_means_itself(sql: str) -> None:
    text = canonical(sql)
    assert relex(text, COLUMNS) == text


@pytest.mark.parametrize("dialect", ["mysql", "postgres", "duckdb"])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_canonical_text_is_loose_text_in_other_dialects_too(dialect: str, data: st.DataObject) -> None:
    text = canonical(data.draw(statements(dialect)), dialect)
    assert relex(text, COLUMNS, dialect) == text


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select  a\n from t ;", "SELECT a FROM t"),
        ("SELECT a -- why\nFROM t /* because */", "SELECT a FROM t"),
        ("SELECT a FROM t WHERE b != 'x' AND c == 2", "SELECT a FROM t WHERE b <> 'x' AND c = 2"),
        ("SELECT count(*), Max(a) FROM t", "SELECT COUNT(*), MAX(a) FROM t"),
        ("SELECT a FROM t ORDER BY a ASC", "SELECT a FROM t ORDER BY a ASC"),
        ("SELECT 'a  b' FROM t", "SELECT 'a  b' FROM t"),
        ("SELECT 'it''s; -- no'", "SELECT 'it''s; -- no'"),
        ("SELECT [a b], `c d` FROM t", 'SELECT "a b", "c d" FROM t'),
    ],
)
def test_canonical(sql: str, expected: str) -> None:
    assert canonical(sql) in (expected, expected.replace(" ASC", ""))


# ---- comparable


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM t", "select A from T;"),
        ("SELECT a FROM t", "SELECT a\n\tFROM   t ; "),
        ("SELECT a FROM t", 'SELECT "a" FROM [t]'),
        ("SELECT a FROM t WHERE b <> 1", "SELECT a FROM t WHERE b != 1"),
        ("SELECT COUNT(*) FROM t", "select count ( * ) from t"),
        ("SELECT a FROM t -- note", "SELECT /* hm */ a FROM t"),
        ('SELECT "5th_place" FROM t', "SELECT `5TH_PLACE` FROM t"),
        ("SELECT T1.a FROM t AS T1", "SELECT t1.A FROM t t1"),
        ("SELEC a FROM", "SELEC  a FROM;"),
        ('SELEC "x"', "SELEC 'x'"),
    ],
)
def test_spelling_that_means_nothing_compares_equal(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM t WHERE b = 'Lyon'", "SELECT a FROM t WHERE b = 'lyon'"),
        ("SELECT a FROM t WHERE b = 'x '", "SELECT a FROM t WHERE b = 'x'"),
        ("SELECT a FROM t WHERE b = '1'", "SELECT a FROM t WHERE b = 1"),
        ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 1.0"),
        ("SELECT a AS x FROM t", "SELECT a AS y FROM t"),
        ("SELECT a AS x FROM t", "SELECT a FROM t"),
        ("SELECT a, b FROM t", "SELECT b, a FROM t"),
        ("SELECT a FROM t", "SELECT DISTINCT a FROM t"),
        ('SELECT "t.a" FROM t', "SELECT t.a FROM t"),
        ('SELECT "a, b" FROM t', "SELECT a, b FROM t"),
        ("SELEC 'a'", "SELEC 'b'"),
    ],
)
def test_what_means_something_compares_unequal(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


def test_a_statement_too_deep_to_write_is_compared_as_text() -> None:
    deep = "SELECT a" + "::int" * 4000
    assert comparable(deep + ";", "postgres") == comparable(deep, "postgres")


def test_names_make_comparable_read_double_quotes_as_the_public_sets_do() -> None:
    gold, predicted = 'SELECT a FROM t WHERE city = "Lyon"', "SELECT a FROM t WHERE city = 'Lyon'"
    assert comparable(gold) != comparable(predicted)
    assert comparable(gold, names={"a", "city", "t"}) == comparable(predicted, names={"a", "city", "t"})


# ---- relex

LOOSE = [
    # double-quoted values
    ('SELECT a FROM t WHERE b = "x"', "SELECT a FROM t WHERE b = 'x'"),
    ('SELECT a FROM t WHERE b = "don\'t"', "SELECT a FROM t WHERE b = 'don''t'"),
    ('SELECT a FROM t WHERE b = """The Pilot"""', "SELECT a FROM t WHERE b = '\"The Pilot\"'"),
    ('SELECT a FROM t WHERE b = "say \\"hi\\""', "SELECT a FROM t WHERE b = 'say \"hi\"'"),
    ("SELECT a FROM t WHERE b = 'it\\'s'", "SELECT a FROM t WHERE b = 'it''s'"),
    ('SELECT a FROM t WHERE b = "it\\\'s"', "SELECT a FROM t WHERE b = 'it''s'"),
    ('SELECT a FROM t WHERE b = ""', "SELECT a FROM t WHERE b = ''"),
    ("SELECT a FROM t WHERE b = ''", "SELECT a FROM t WHERE b = ''"),
    ('SELECT a FROM t WHERE b LIKE "%x%"', "SELECT a FROM t WHERE b LIKE '%x%'"),
    ('SELECT a FROM t WHERE b IN ("x", "y")', "SELECT a FROM t WHERE b IN ('x', 'y')"),
    ('SELECT a FROM t WHERE b BETWEEN "x" AND "y"', "SELECT a FROM t WHERE b BETWEEN 'x' AND 'y'"),
    ('SELECT a FROM t WHERE "x" = b', "SELECT a FROM t WHERE 'x' = b"),
    ('SELECT a || " km" FROM t', "SELECT a || ' km' FROM t"),
    ('SELECT a FROM t WHERE b = "# 7 -- x /* y */"', "SELECT a FROM t WHERE b = '# 7 -- x /* y */'"),
    ('SELECT a FROM t WHERE b = "7–6 [10–8]"', "SELECT a FROM t WHERE b = '7–6 [10–8]'"),
    ('SELECT a FROM t WHERE b = "``x``"', "SELECT a FROM t WHERE b = '``x``'"),
    # backslashes
    ("SELECT a FROM t WHERE b = 'C:\\x'", "SELECT a FROM t WHERE b = 'C:\\x'"),
    ('SELECT a FROM t WHERE b = "C:\\x\\"', "SELECT a FROM t WHERE b = 'C:\\x\\'"),
    ('SELECT a FROM t WHERE b = "0.\\dot{3}"', "SELECT a FROM t WHERE b = '0.\\dot{3}'"),
    # a value that is a column's name too
    ('SELECT a FROM t WHERE notes = "notes"', "SELECT a FROM t WHERE notes = 'notes'"),
    ('SELECT a FROM t WHERE notes != "notes" AND a = "1"', "SELECT a FROM t WHERE notes <> 'notes' AND a = '1'"),
    ('SELECT a FROM t WHERE notes LIKE "notes"', "SELECT a FROM t WHERE notes LIKE 'notes'"),
    ('SELECT a FROM t WHERE b IN ("notes", "a")', "SELECT a FROM t WHERE b IN ('notes', 'a')"),
    ('SELECT a FROM t WHERE b BETWEEN "a" AND "notes"', "SELECT a FROM t WHERE b BETWEEN 'a' AND 'notes'"),
    # double-quoted names
    ('SELECT "a" FROM "t"', 'SELECT "a" FROM "t"'),
    ('SELECT "Home Town" FROM t WHERE "Home Town" = "x"', "SELECT \"Home Town\" FROM t WHERE \"Home Town\" = 'x'"),
    ('SELECT a FROM t WHERE b > "end date"', 'SELECT a FROM t WHERE b > "end date"'),
    ('SELECT a FROM t JOIN u ON t."Home Town" = u."x"', 'SELECT a FROM t JOIN u ON t."Home Town" = u."x"'),
    ('SELECT a FROM t WHERE b IN (SELECT "a" FROM t)', 'SELECT a FROM t WHERE b IN (SELECT "a" FROM t)'),
    ('SELECT COUNT(*) AS "total" FROM t ORDER BY "total"', 'SELECT COUNT(*) AS "total" FROM t ORDER BY "total"'),
    ('WITH "w" AS (SELECT a FROM t) SELECT a FROM "w"', 'WITH "w" AS (SELECT a FROM t) SELECT a FROM "w"'),
    ('SELECT a FROM "unheard of"', 'SELECT a FROM "unheard of"'),
    ("SELECT `Home Town`, [end date] FROM t", 'SELECT "Home Town", "end date" FROM t'),
    ('SELECT "50%" FROM t', 'SELECT "50%" FROM t'),
    # bare names that no database takes
    ("SELECT 5th_place FROM t", 'SELECT "5th_place" FROM t'),
    ("SELECT MAX(t.5th_place) FROM t", 'SELECT MAX(t."5th_place") FROM t'),
    ("SELECT COUNT(*) AS 2nd FROM t ORDER BY 2nd", 'SELECT COUNT(*) AS "2nd" FROM t ORDER BY "2nd"'),
    ("SELECT 2009 FROM t WHERE 2011 = 2009", 'SELECT "2009" FROM t WHERE "2011" = 2009'),
    ('SELECT MIN(2009), a, 2011 FROM t WHERE 2011 > "1"', 'SELECT MIN("2009"), a, "2011" FROM t WHERE "2011" > \'1\''),
    ("SELECT DISTINCT 2009 FROM t LIMIT 2009", 'SELECT DISTINCT "2009" FROM t LIMIT 2009'),
    ("SELECT t.2009 FROM t", 'SELECT t."2009" FROM t'),
    ("SELECT ROUND(a, 2009) FROM t WHERE a IN (2009, 2011)", "SELECT ROUND(a, 2009) FROM t WHERE a IN (2009, 2011)"),
    ("SELECT a FROM t WHERE a BETWEEN 2009 AND 2011", "SELECT a FROM t WHERE a BETWEEN 2009 AND 2011"),
    ("SELECT 2008 FROM t", "SELECT 2008 FROM t"),
    # reserved words that are names
    ("SELECT order FROM t", 'SELECT "order" FROM t'),
    ("SELECT COUNT(order) FROM t", 'SELECT COUNT("order") FROM t'),
    ('SELECT a FROM t WHERE group = "x" AND index > 3', "SELECT a FROM t WHERE \"group\" = 'x' AND \"index\" > 3"),
    ("SELECT from FROM t", 'SELECT "from" FROM t'),
    ("SELECT from, to FROM t", 'SELECT "from", "to" FROM t'),
    ("SELECT a FROM t ORDER BY order DESC", 'SELECT a FROM t ORDER BY "order" DESC'),
    ("SELECT group, COUNT(*) FROM t GROUP BY group", 'SELECT "group", COUNT(*) FROM t GROUP BY "group"'),
    ("SELECT * FROM order ORDER BY order", 'SELECT * FROM "order" ORDER BY "order"'),
    ("SELECT T1.order FROM group AS T1", 'SELECT T1."order" FROM "group" AS T1'),
    ("SELECT a FROM t GROUP BY a ORDER BY a", "SELECT a FROM t GROUP BY a ORDER BY a"),
    ("SELECT a FROM t WHERE to IN (1, 2)", 'SELECT a FROM t WHERE "to" IN (1, 2)'),
    ("SELECT DISTINCT a FROM t WHERE NOT a IS NULL", "SELECT DISTINCT a FROM t WHERE NOT a IS NULL"),
    ("SELECT a FROM t LEFT JOIN u ON t.a = u.a", "SELECT a FROM t LEFT JOIN u ON t.a = u.a"),
]  # fmt: skip
KNOWN = {"a", "b", "t", "u", "notes", "Home Town", "end date", "50%", "5th_place", "2009", "2011", "order", "group",
         "index", "from", "to", "distinct", "not", "null", "left"}  # fmt: skip


@pytest.mark.parametrize(("sql", "expected"), LOOSE, ids=[sql for sql, _ in LOOSE])
def test_loose_sql_is_read_as_its_authors_meant(sql: str, expected: str) -> None:
    assert relex(sql, KNOWN) == expected
    assert relex(expected, KNOWN) == expected


@pytest.mark.parametrize("known", [KNOWN, set()])
def test_quoted_words_where_only_names_stand_are_names_known_or_not(known: set[str]) -> None:
    for sql in (
        'SELECT "Total", COUNT("Total") FROM t GROUP BY "Total" ORDER BY "Total"',
        'SELECT a FROM t WHERE "Total" = \'x\' AND "Total" > 3',
    ):
        assert relex(sql, known) == sql
    assert relex('SELECT a FROM t WHERE "Total" = "x"', known) == "SELECT a FROM t WHERE \"Total\" = 'x'"


def test_loose_sql_in_mysql_keeps_its_quotes_and_escapes() -> None:
    sql = 'SELECT `order` FROM t WHERE a = "x\\"y" AND b = "home town" AND "5th place" = \'C:\\\\x\''
    assert relex(sql, {"order", "a", "b", "t", "5th place"}, "mysql") == (
        "SELECT `order` FROM t WHERE a = 'x\"y' AND b = 'home town' AND `5th place` = 'C:\\\\x'"
    )


def test_loose_sql_in_postgres() -> None:
    sql = "SELECT 5th_place, `order` FROM t WHERE note = \"it's\" AND City = 'a'"
    assert relex(sql, {"order", "note", "t", "City"}, "postgres") == (
        "SELECT \"5th_place\", \"order\" FROM t WHERE note = 'it''s' AND City = 'a'"
    )


@pytest.mark.parametrize(
    "sql", ["", "a", "SELECT", 'SELECT "a FROM t', "SELECT a FROM t WHERE b = 'x", "SELECT 1; SELECT 2"]
)
def test_loose_sql_that_cannot_be_read(sql: str) -> None:
    with pytest.raises(SQLError):
        relex(sql, {"a", "t"})


def test_parse_loose_gives_the_tree() -> None:
    assert parse_loose('SELECT a FROM t WHERE b = "x"', {"a", "b", "t"}).sql() == "SELECT a FROM t WHERE b = 'x'"


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="ab1 \n'\"`[]\\-/*#$;.,()=<>%é", max_size=40), dialect=st.sampled_from(DIALECTS))
def test_tokens_joined_give_the_text_back(text: str, dialect: str) -> None:
    assert "".join(token.raw for token in lex(text, dialect)) == text


@pytest.mark.parametrize("name", ["a", 'say "hi"', "back`tick", "", "it's"])
def test_quoted_tokens_give_their_text_back(name: str) -> None:
    [token] = lex(quote_name(name + " x"))
    assert unquoted(token.raw) == name + " x"


# ---- template and shape

SAME_TEMPLATE = [
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = 'x'"),
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = -1.5"),
    ("SELECT a FROM t WHERE b IN (1, 2)", "SELECT a FROM t WHERE b IN (-3, 4, 'x')"),
    ("SELECT a FROM t WHERE b = TRUE", "SELECT a FROM t WHERE b = FALSE"),
    ("SELECT a FROM t LIMIT 1", "SELECT a FROM t LIMIT 20"),
    ("SELECT x.a FROM t AS x JOIN u AS y ON x.i = y.i", "SELECT T1.a FROM t AS T1 JOIN u AS T2 ON T1.i = T2.i"),
    ("SELECT COUNT(*) AS n FROM t ORDER BY n", 'SELECT COUNT(*) AS "total" FROM t ORDER BY "total"'),
    ("SELECT s.n FROM (SELECT COUNT(*) AS n FROM t) AS s", "SELECT q.k FROM (SELECT COUNT(*) AS k FROM t) AS q"),
    ("WITH w AS (SELECT a FROM t) SELECT w.a FROM w", "WITH v AS (SELECT a FROM t) SELECT v.a FROM v"),
]  # fmt: skip
OTHER_TEMPLATE = [
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE c = 1"),
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b > 1"),
    ("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b IS NULL"),
    ("SELECT a FROM t WHERE b IS TRUE", "SELECT a FROM t WHERE b IS FALSE"),
    ("SELECT a, b FROM t ORDER BY 1", "SELECT a, b FROM t ORDER BY 2"),
    ("SELECT T1.a FROM t AS T1 JOIN u AS T2 ON T1.i = T2.i", "SELECT T2.a FROM t AS T1 JOIN u AS T2 ON T1.i = T2.i"),
    ("SELECT CAST(a AS DECIMAL(10, 2)) FROM t", "SELECT CAST(a AS DECIMAL(10, 4)) FROM t"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME_TEMPLATE)
def test_statements_of_one_template(one: str, other: str) -> None:
    assert template(one) == template(other)
    assert shape(one) == shape(other)


@pytest.mark.parametrize(("one", "other"), OTHER_TEMPLATE)
def test_statements_of_two_templates(one: str, other: str) -> None:
    assert template(one) != template(other)


def test_a_template_names_tables_and_columns_and_no_value() -> None:
    sql = "SELECT T1.name AS n FROM city AS T1 WHERE T1.pop > 100 AND T1.name LIKE '%x%' ORDER BY T1.pop DESC LIMIT 3"
    assert template(sql) == (
        "SELECT t1.name AS c1 FROM city AS t1 WHERE t1.pop > ? AND t1.name LIKE ? ORDER BY t1.pop DESC LIMIT ?"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM t WHERE b = 1", "SELECT name FROM city WHERE pop = 'x'"),
        ("SELECT t.a FROM t", "SELECT city.name FROM city"),
        ("SELECT s.t.a FROM s.t", "SELECT b FROM u"),
        ("SELECT a FROM t JOIN u USING (id)", "SELECT b FROM v JOIN w USING (key)"),
        ("SELECT * FROM t", "SELECT * FROM city"),
    ],
)
def test_statements_of_one_shape(one: str, other: str) -> None:
    assert shape(one) == shape(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM t", "SELECT a, b FROM t"),
        ("SELECT MAX(a) FROM t", "SELECT MIN(a) FROM t"),
        ("SELECT a FROM t", "SELECT DISTINCT a FROM t"),
        ("SELECT a FROM t JOIN u ON t.i = u.i", "SELECT a FROM t"),
        ("SELECT * FROM t", "SELECT a FROM t"),
    ],
)
def test_statements_of_two_shapes(one: str, other: str) -> None:
    assert shape(one) != shape(other)


# ---- parse


@pytest.mark.parametrize("sql", ["", " \n", ";", "-- nothing", "SELECT 1; SELECT 2", "SELECT 1;;SELECT 2"])
def test_none_or_several_statements(sql: str) -> None:
    with pytest.raises(SQLError, match="exactly one"):
        parse(sql)


@pytest.mark.parametrize("sql", ["SELECT 1;", ";SELECT 1;;", "SELECT 1 -- ;\n", "SELECT ';'"])
def test_one_statement(sql: str) -> None:
    assert parse(sql) is not None


@pytest.mark.parametrize(
    "sql",
    [
        "hello",
        "a AS b",
        "x = 1",
        "*",
        "SELECT",
        "hello (",
        "SELECT FROM WHERE",
        "SELECT 'a",
        "SELECT (1",
        "\0",
        "SELECT a FROM t WHERE",
    ],
)
def test_garbage(sql: str) -> None:
    with pytest.raises(SQLError):
        canonical(sql)


@pytest.mark.parametrize(
    ("joins", "is_read"),
    [
        (" JOIN t" * 12, True),
        (" JOIN t" * 13, False),
        (" LEFT JOIN t AS a" * 40, False),
        (" JOIN (SELECT 1 AS b FROM t JOIN t AS u ON 1 = 1 JOIN t AS v) AS w" * 7, False),
        (" JOIN t ON 1 = 1" * 40 + " CROSS JOIN t" * 40 + ", t" * 40 + " NATURAL LEFT JOIN t" * 40, True),
        (" JOIN t" * 10 + " ON 1 = 1" * 10 + " JOIN t USING (a)" * 40, True),
    ],
)
def test_joins_without_a_condition_take_no_hours(joins: str, is_read: bool) -> None:
    started = time.process_time()
    if is_read:
        assert canonical("SELECT 1 FROM t" + joins)
    else:
        with pytest.raises(SQLError, match="More than 12 joins have no ON or USING"):
            parse("SELECT 1 FROM t" + joins)
    assert time.process_time() - started < 3


def test_a_hundred_thousand_characters_are_the_most() -> None:
    long = "SELECT '" + "x" * 99_990 + "'"
    assert canonical(long) == long
    with pytest.raises(SQLError, match=r"100,001 characters; at most 100,000"):
        parse(long + "  ")


DEEP = {
    "parentheses": "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "casts": "SELECT a" + "::int" * 4000,
    "dots": "SELECT a" + ".a" * 5000,
    "not": "SELECT " + "NOT " * 5000 + "1",
    "subqueries": "SELECT * FROM " + "(SELECT * FROM " * 100 + "t" + ")" * 100,
    "sum": "SELECT " + "+".join("1" * 5000),
    "case": "SELECT " + "CASE WHEN " * 300 + "1",
}


@pytest.mark.parametrize("sql", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("read", [canonical, template, shape, lambda sql, d: relex(sql, {"a"}, d)])
def test_deep_nesting_is_written_or_refused(sql: str, read) -> None:  # type: ignore[no-untyped-def]
    with contextlib.suppress(SQLError):
        assert read(sql, "postgres")


WORDS = """SELECT FROM WHERE ( ) , . ; ' " ` [ ] -- /* */ a t 1 1e 0x 'x' "y" JOIN ON AS WITH UNION ORDER BY CASE WHEN
END IN BETWEEN NOT NULL VALUES CREATE TABLE INSERT UPDATE DELETE :: -> $$ @ # ? { } \\"""


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(max_size=60) | st.lists(st.sampled_from(WORDS.split()), max_size=12).map(" ".join),
    dialect=st.sampled_from(DIALECTS),
)
def test_any_text_is_read_or_an_sql_error(text: str, dialect: str) -> None:
    for read in (canonical, template, shape, lambda sql, d: relex(sql, {"a", "t"}, d)):
        with contextlib.suppress(SQLError):
            assert isinstance(read(text, dialect), str)
    assert isinstance(comparable(text, dialect), str)


# ---- transpile


@pytest.mark.parametrize(
    ("sql", "source", "target", "expected"),
    [
        ("SELECT `a b` FROM t LIMIT 3", "mysql", "postgres", 'SELECT "a b" FROM t LIMIT 3'),
        ("SELECT TOP 3 a FROM t", "tsql", "sqlite", "SELECT a FROM t LIMIT 3"),
        ("SELECT 'it''s'", "sqlite", "mysql", "SELECT 'it\\'s'"),
        ("SELECT 'C:\\x'", "sqlite", "mysql", "SELECT 'C:\\\\x'"),
    ],
)
def test_transpile(sql: str, source: str, target: str, expected: str) -> None:
    assert transpile(sql, source, target).replace("\\'", "''") == expected.replace("\\'", "''")


def test_transpile_says_what_a_dialect_lacks() -> None:
    with pytest.raises(SQLError, match="This cannot be written in SQLite: PIVOT unsupported\\."):
        transpile("SELECT * FROM t PIVOT (SUM(a) FOR b IN ('x', 'y'))", "snowflake", "sqlite")


# ---- names

SQLITE_NAMES = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=30)


@settings(max_examples=150, deadline=None)
@given(names=st.lists(st.one_of(SQLITE_NAMES, st.sampled_from(sorted(RESERVED))), min_size=1, max_size=4))
def test_sqlite_finds_columns_by_their_quoted_name(names: list[str]) -> None:
    names = list({name.lower(): name for name in names}.values())
    database = sqlite3.connect(":memory:")
    columns = ", ".join(quote_name(name) for name in names)
    database.execute(f"CREATE TABLE {quote_name(names[0])} ({columns})")
    database.execute(f"INSERT INTO {quote_name(names[0])} VALUES ({', '.join(map(str, range(len(names))))})")
    for i, name in enumerate(names):
        cursor = database.execute(f"SELECT {quote_name(name)} FROM {quote_name(names[0])}")
        assert cursor.fetchone() == (i,)
        assert cursor.description[0][0] == name
    database.close()


@pytest.mark.parametrize("name", [*sorted(RESERVED), "5th_place", "a b", "50%", "a-b", "naïve", ""])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_names_that_sqlglot_reads_back(name: str, dialect: str) -> None:
    from sqlglot import exp

    if name == "" and dialect == "bigquery":
        return  # it has no empty names
    column = parse(f"SELECT {quote_name(name, dialect)} FROM t", dialect).find(exp.Column)
    assert column is not None
    assert column.name == name


def test_words_that_only_mysql_reserves() -> None:
    assert needs_quotes("rank", "mysql")
    assert not needs_quotes("rank", "sqlite")
    assert quote_name("Key", "mysql") == "`Key`"
    assert RESERVED.isdisjoint(RESERVED_MYSQL)


def test_postgres_would_lose_the_case_of_a_bare_name() -> None:
    assert quote_name("City", "postgres") == '"City"'
    assert quote_name("city", "postgres") == "city"
    assert quote_name("City", "duckdb") == "City"


# ---- dialect files


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_dialect_file_adds_functions_and_is_a_dialect_everywhere(tmp_path: Path) -> None:
    name = write(
        tmp_path / "house.yaml",
        "base: mysql\navoid: [TEMPORARY]\nfunctions:\n- name: margin\n  arguments: [price num, cost num]\n"
        "  meaning: >\n    Gross margin,\n    in percent\n- name: today_local\n",
    )
    house = load_dialect(name)
    assert house.name == "house"
    assert house.base == "mysql"
    assert house.avoid == ("TEMPORARY",)
    assert house.functions == (
        ("MARGIN", ("price num", "cost num"), "Gross margin, in percent", ""),
        ("TODAY_LOCAL", (), "", ""),
    )
    assert canonical('select margin(a, b) from t where c = "x"', name) == "SELECT MARGIN(a, b) FROM t WHERE c = 'x'"
    assert quote_name("rank", name) == "`rank`"
    assert transpile("SELECT `a` FROM t", name, "postgres") == 'SELECT "a" FROM t'


def test_a_changed_dialect_file_is_read_again(tmp_path: Path) -> None:
    name = write(tmp_path / "house.yaml", "base: sqlite\n")
    assert load_dialect(name).base == "sqlite"
    write(tmp_path / "house.yaml", "base: postgres\n")
    os.utime(name, ns=(1, 1))
    assert load_dialect(name).base == "postgres"


def test_a_dialect_file_extends_another_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "group").mkdir()
    write(
        tmp_path / "group" / "company.yaml",
        "base: duckdb\navoid: [x]\nfunctions: [{name: a, meaning: old}, {name: b}]",
    )
    name = write(tmp_path / "house.yaml", "name: acme\nbase: group/company.yaml\nfunctions: [{name: a, meaning: new}]")
    monkeypatch.chdir("/")
    house = load_dialect(name)
    assert (house.name, house.base, house.avoid) == ("acme", "duckdb", ("x",))
    assert {f.name: f.meaning for f in house.functions} == {"A": "new", "B": ""}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("functions: []", "needs the key `base`"),
        ("- sqlite", "needs the key `base`"),
        ("", "needs the key `base`"),
        ("base: [sqlite]", "needs the key `base`"),
        ("base: sqlite\nfunction: []", r"unknown key 'function'\. Did you mean 'functions'\? Known: name, base"),
        ("base: {", "not YAML"),
        ("base: sqllite", r"base: Unknown dialect 'sqllite'\. Did you mean 'sqlite'\?"),
        ("base: absent.yaml", r"absent\.yaml' cannot be read: No such file"),
        ("base: house.yaml", "extends itself"),
        ("base: sqlite\nfunctions: margin", "`functions` must be a list"),
        ("base: sqlite\nfunctions: [margin]", "each needs a `name`"),
        ("base: sqlite\nfunctions: [{name: f, args: []}]", r"f: unknown key 'args'.*arguments"),
        ("base: sqlite\nfunctions: [{name: f, arguments: day date}]", "f: `arguments` must be a list"),
        ("base: sqlite\navoid: x", "`avoid` must be a list"),
    ],
)
def test_a_wrong_dialect_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as e:
        load_dialect(write(tmp_path / "house.yaml", text))
    assert "house.yaml" in str(e.value) or "absent.yaml" in str(e.value)


def test_a_dialect_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_bytes(b"\xff\xfe\x00base")
    with pytest.raises(ConfigError, match="not YAML"):
        load_dialect(str(tmp_path / "x.yml"))
    with pytest.raises(ConfigError, match="No such file"):
        load_dialect(str(tmp_path / "absent.yaml"))


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("sqllite", "sqlite"), ("postgresql", "postgres"), ("SQLite", "sqlite"), ("big_query", "bigquery")],
)
def test_an_unknown_dialect_names_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"Did you mean '{nearest}'"):
        load_dialect(name)


def test_no_dialect_at_all() -> None:
    with pytest.raises(ConfigError, match="Unknown dialect ''"):
        load_dialect("")


@pytest.mark.parametrize("name", DIALECTS)
def test_sqlglot_names_are_dialects(name: str) -> None:
    assert load_dialect(name) == (name, name, (), ())


HOUSE_EXAMPLE = Path(__file__).parents[1] / "examples" / "house-dialect.yaml"


def test_the_shipped_house_dialect_is_read_and_made_questions_of() -> None:
    house = load_dialect(str(HOUSE_EXAMPLE))
    assert (house.name, house.base, len(house.functions)) == ("shop-sql", "sqlite", 5)
    assert all(function.arguments and function.meaning and function.returns for function in house.functions)
    schema = from_ddl(files("sqltailor.demo").joinpath("shop.sql").read_text(encoding="utf-8"))
    maker = Maker(schema, invent_values(schema, random.Random(1)), dialect=str(HOUSE_EXAMPLE))
    made = [maker.pair(random.Random(i)) for i in range(400)]
    using = [pair.sql for pair in made if pair.shape == "house_function"]
    for function in house.functions:
        assert any(f"{function.name}(" in sql for sql in using), function.name
    assert not [sql for sql in using if re.search(r"(SUM|AVG|MAX|MIN)\((FISCAL_YEAR|PRICE_BAND|INITIALS)", sql)]
    assert all(check(sql, dialect=str(HOUSE_EXAMPLE), schema=schema).allowed for sql in using)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT julianday(a) FROM t", ["JULIANDAY"]),
        ("SELECT a FROM t RIGHT  JOIN /* so */ u ON a = b", ["RIGHT JOIN"]),
        ("SELECT a FROM t RIGHT OUTER JOIN u ON a = b", []),
        ("SELECT \"julianday\" FROM t WHERE a = 'julianday' -- julianday", []),
    ],
)
def test_what_a_house_avoids_is_found_outside_quotes(sql: str, expected: list[str]) -> None:
    assert avoided(sql, str(HOUSE_EXAMPLE)) == expected
    assert avoided(sql, "sqlite") == []


@pytest.mark.parametrize(
    "condition",
    ["b IN ($1,$2,$3)", "b=$1 AND c||$2=$3||$4", "b IN ($1::int,$2::int)"],
)
@pytest.mark.parametrize("dialect", ["postgres", "duckdb"])
def test_a_parameter_begins_no_dollar_quote(condition: str, dialect: str) -> None:
    apart = re.sub(r"(\$\d)", r"\1 ", condition)
    sql = "SELECT a FROM t WHERE "
    assert canonical(sql + condition, dialect) == canonical(sql + apart, dialect)


@pytest.mark.parametrize("text", ["$$x $1,$2$$", "$q$a $1,$2$q$", r"E'it\'s $1,$2'", "'$1,$2'"])
def test_parameters_within_strings_are_text(text: str) -> None:
    assert "$1,$2" in canonical(f"SELECT a FROM t WHERE b = {text}", "postgres")


@pytest.mark.parametrize(
    "sql", ["from kunden k", "FROM t SELECT a", "SELECT a FROM (FROM t)", "WITH x AS (SELECT 1 AS a) FROM x"]
)
def test_only_some_dialects_let_a_query_begin_with_from(sql: str) -> None:
    for dialect in ("sqlite", "postgres", "mysql"):
        with pytest.raises(SQLError, match="begins with SELECT"):
            parse(sql, dialect)
    parse(sql, "duckdb")


def test_what_has_from_in_front_and_is_no_such_query() -> None:
    for sql in ("SELECT TRIM(FROM a) FROM t", "SELECT EXTRACT(YEAR FROM d) FROM t", "TABLE t"):
        parse(sql, "postgres")


@pytest.mark.parametrize(
    "end", [";", ";;", "; -- nightly", " ; /* app=web */", ";\n-- one\n-- two; three", "; /* a */ ; -- b", " -- no"]
)
def test_all_readers_count_one_statement_whatever_follows_its_semicolon(end: str) -> None:
    schema = from_ddl("CREATE TABLE tram (id INTEGER)")
    sql = f"SELECT id FROM tram{end}"
    assert canonical(sql) == trimmed(sql) == "SELECT id FROM tram"
    assert check(sql, schema=schema).allowed
    assert comparable(sql) == comparable("SELECT id FROM tram")
    for two in (f"{sql}\nSELECT 1", f"SELECT 1; {sql}"):
        if ";" in end or two.startswith("SELECT 1"):
            with pytest.raises(SQLError, match="exactly one"):
                parse(two)
            assert not check(two, schema=schema).allowed


@settings(max_examples=100)
@given(sql=statements("sqlite"))
def test_all_nodes_come_in_the_order_of_the_parser_s_own_walk(sql: str) -> None:
    tree = parse(sql)
    assert [id(node) for node in nodes_of(tree)] == [id(node) for node in tree.walk()]
