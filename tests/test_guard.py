"""The guard against a corpus of hostile statements, ordinary analytics, and random text and queries."""

from __future__ import annotations

import random
import re
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import parse_one

from sqltailor.errors import ConfigError, Refused
from sqltailor.sql.dialect import nodes_of
from sqltailor.sql.dialect.names import split_name
from sqltailor.sql.guard import check
from sqltailor.sql.guard.calls import check_calls
from sqltailor.sql.guard.catalog import Catalog
from sqltailor.sql.guard.functions import allowed_functions
from sqltailor.sql.guard.granted_views import visible
from sqltailor.sql.guard.parsing import check_nodes, parse
from sqltailor.sql.guard.resolver import Resolver
from sqltailor.sql.guard.statement_files import unescape
from sqltailor.sql.guard.text_layer import read
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Column, Grant, Schema, Table
from tests.support.sql_maker import random_query

HERE = Path(__file__).parent
EVERY_DIALECT = ["sqlite", "postgres", "mysql", "duckdb", "tsql", "snowflake", "bigquery", "redshift", "trino", "spark",
                 "databricks", "oracle", "clickhouse", "athena"]  # fmt: skip


def table(name: str, columns: str, namespace: str | None = None) -> Table:
    return Table(name, tuple(Column(c) for c in columns.split(",")), namespace)


COMMON = (
    table("t", "a,b,d,name,note,j,created_at,updated_at,deleted_at,weird col"),
    table("s", "a,name"),
    table("order", "id,group"),
)
WITHOUT = Schema((*COMMON, table("users", "id,name")))
WHOLE = Schema((*COMMON, table("users", "id,name,password_hash"), table("secret", "s")))
DENIED = Grant(deny=("secret", "users.password_hash"))
SHOP = Schema(
    (
        table("customers", "id,name,email,city,country,created_at,birth_date,is_active"),
        table("orders", "id,customer_id,ordered_at,status,total,currency,shipped_at"),
        table("order_items", "id,order_id,product_id,quantity,unit_price,discount"),
        table("products", "id,name,category_id,price,attributes,tags,created_at"),
        table("categories", "id,name,parent_id"),
        table("employees", "id,name,manager_id,salary,department,hired_on"),
        table("events", "id,customer_id,kind,payload,happened_at"),
        table("monthly targets", "month,target amount"),
    )
)


class Row(NamedTuple):
    dialect: str
    id: str
    expect: str
    evidence: str
    sql: str


def corpus_rows(path: Path) -> list[Row]:
    rows = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        if line and not line.startswith("#"):
            dialects, id_, expect, evidence, sql = line.split("\t")
            names = EVERY_DIALECT if dialects == "*" else dialects.split(",")
            rows += [Row(name, id_, expect, evidence, unescape(sql)) for name in names]
    return rows


HARMLESS = [
    line.split("\t")
    for line in (HERE / "harmless_sql.tsv").read_text(encoding="utf-8").split("\n")
    if line and not line.startswith("#")
]
ROWS = corpus_rows(HERE / "hostile_sql.tsv")
BENCH = [row for row in corpus_rows(HERE.parent / "bench" / "guard_corpus.tsv") if row.dialect in EVERY_DIALECT[:4]]
REFUSED = [row for row in ROWS if row.expect in ("REJECT", "AUTHZ", "DIFF")]
PASSING = [row for row in ROWS if row.expect == "PASS"]


def refused(sql: str, dialect: str = "sqlite", schema: Schema = WHOLE, grant: Grant = DENIED) -> str:
    """Return the reason for which a statement is refused."""
    verdict = check(sql, dialect=dialect, schema=schema, grant=grant)
    assert not verdict.allowed, sql
    assert verdict.layer in ("text", "parse", "policy")
    return verdict.reason or ""


def passes(sql: str, dialect: str = "sqlite", schema: Schema = WHOLE, grant: Grant = DENIED) -> None:
    verdict = check(sql, dialect=dialect, schema=schema, grant=grant)
    assert verdict.allowed, (sql, verdict)


# The corpus


def names(rows: list[Row]) -> list[str]:
    return [f"{row.id}-{row.dialect}" for row in rows]


@pytest.mark.parametrize("row", REFUSED, ids=names(REFUSED))
def test_hostile_statements_are_refused(row: Row) -> None:
    assert refused(row.sql, row.dialect)
    if row.evidence != "D":
        assert refused(row.sql, row.dialect, WITHOUT, Grant())


@pytest.mark.parametrize("row", PASSING, ids=names(PASSING))
def test_harmless_controls_pass(row: Row) -> None:
    passes(row.sql, row.dialect, WITHOUT, Grant())
    passes(row.sql, row.dialect)


@pytest.mark.parametrize("row", BENCH, ids=names(BENCH))
def test_the_corpus_of_the_bench_is_judged_right(row: Row) -> None:
    if row.expect == "PASS":
        passes(row.sql, row.dialect)
    elif row.expect != "LIMIT":
        assert refused(row.sql, row.dialect)


@pytest.mark.parametrize(("dialect", "sql"), HARMLESS, ids=[f"{i}-{d}" for i, (d, _) in enumerate(HARMLESS)])
def test_ordinary_analytics_pass(dialect: str, sql: str) -> None:
    passes(sql, dialect, SHOP, Grant())


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 3000 + "1" + ")" * 3000,
        "SELECT " + "abs(" * 100 + "1" + ")" * 100,
        "SELECT " + "[" * 5000,
        "SELECT " + "1 + " * 60_000 + "1",
        "SELECT " + "NOT " * 9000 + "1",
        "SELECT 1" + " UNION ALL SELECT 1" * 3000,
        "SELECT count(*) FROM t" + ", t" * 3000,
        "SELECT count(*) FROM t" + " JOIN t" * 60,
        "SELECT " + "CASE WHEN 1 THEN " * 2000 + "1" + " END" * 2000,
        "SELECT '" + "x" * 200_000 + "'",
    ],
    ids=lambda sql: sql[:20],
)
def test_huge_statements_are_refused_quickly(sql: str) -> None:
    started = time.process_time()
    assert refused(sql)
    assert time.process_time() - started < 2


# Each layer alone


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("", "sqlite"),
        (" ;\n", "sqlite"),
        ("SELECT 1\x00", "sqlite"),
        ("SELECT '\ud800'", "sqlite"),
        ("SELECT '\u2028'", "sqlite"),
        ("SELECT 'a", "sqlite"),
        ('SELECT "a', "sqlite"),
        ("SELECT `a", "mysql"),
        ("SELECT /* a", "sqlite"),
        ("SELECT /* /* */ */ 1", "postgres"),
        ("SELECT 1 /*!50000 , 2 */", "mysql"),
        ("SELECT 1 /* ! */ /*M! 2 */", "mysql"),
        ("SELECT 1 /*+ x */", "oracle"),
        ("SELECT 'a\\' OR 1'", "mysql"),
        ("SELECT E'\\''", "postgres"),
        ('SELECT U&"\\0061"', "postgres"),
        ("SELECT 1 --x", "mysql"),
        ("SELECT 1 --\rFROM t", "sqlite"),
        ("SELECT\u3000a", "sqlite"),
        ("SELECT a -- \u202e", "sqlite"),
        ("SELECT " + "(" * 41 + ")" * 41, "sqlite"),
        ("SELECT q'[a]'", "oracle"),
    ],
)
def test_text_layer_alone(sql: str, dialect: str) -> None:
    with pytest.raises(Refused) as caught:
        read(sql, dialect)
    assert caught.value.layer == "text"


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("SELECT 'it''s', \"a b\" -- ' \" `\nFROM t /* ; ' */", "sqlite"),
        ("SELECT $$ ' $$, $tag$ $$ ' $tag$", "postgres"),
        ("SELECT E'a\\\\b', '\\'", "postgres"),
        ("SELECT '/*! no comment */', 'x -- y'", "mysql"),
        ("SELECT 'a\\\\', 'b\\n' -- fine", "mysql"),
        ("SELECT a\r\nFROM t -- windows\r\n", "sqlite"),
        ("SELECT [a'b], `c'd` FROM t", "sqlite"),
        ("SELECT 'naïve — “q”' AS 名前, café", "sqlite"),
    ],
)
def test_text_layer_passes(sql: str, dialect: str) -> None:
    text = read(sql, dialect)
    assert "'" not in text.code.replace("''", "")


def test_code_is_the_text_without_quotes_and_comments() -> None:
    assert read("SELECT 'a;b', \"c\" -- d;\n;").code == "SELECT  '' ,  ''   \n;"


@pytest.mark.parametrize(
    ("sql", "layer"),
    [
        ("SELECT 1; SELECT 2", "parse"),
        ("SELECT FROM WHERE", "parse"),
        ("SELECT a b c d", "parse"),
        ("-- only a comment", "parse"),
        ("DROP TABLE t", "policy"),
        ("PRAGMA x", "policy"),
        ("hello", "policy"),
        ("SELEC a FROM t", "parse"),
        ("WITH x AS (SELECT 1) DELETE FROM t", "policy"),
        ("SELECT date_trunc(hidden, a)", "policy"),
    ],
)
def test_parse_layer_alone(sql: str, layer: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(read(sql, "postgres"), "postgres")
    assert caught.value.layer == layer


@pytest.mark.parametrize(
    "sql", ["SELECT 1", "SELECT 1;", "(SELECT 1)", "VALUES (1)", "TABLE t", "WITH x AS (SELECT 1) TABLE x"]
)
def test_one_statement_is_read(sql: str) -> None:
    assert parse(read(sql, "postgres"), "postgres").tree


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a INTO x FROM t",
        "SELECT a FROM t FOR UPDATE",
        "SELECT $1",
        "SELECT 'x'::regclass",
        "SELECT current_user",
        "SELECT pg_catalog.f(1), other.f(1)",
        "WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x",
    ],
)
def test_nodes_alone(sql: str) -> None:
    with pytest.raises(Refused):
        check_nodes(nodes_of(parse_one(sql, read="postgres")), allowed_functions("postgres"))


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("SELECT pg_sleep(1)", "postgres"),
        ('SELECT "pg_sleep"(1)', "postgres"),
        ("SELECT 1 FROM t WHERE load_extension ('x')", "sqlite"),
        ("SELECT randomblob(10)", "sqlite"),
        ("SELECT printf('%.*c', 9, 'x')", "sqlite"),
        ("SELECT printf('%99999d', 1)", "sqlite"),
        ("SELECT repeat(repeat('x', 10000), 10000)", "postgres"),
        ("SELECT repeat('x', 1 << 40)", "postgres"),
        ("SELECT * FROM generate_series(1, 10000000000)", "postgres"),
        ('SELECT "select"(1)', "sqlite"),
    ],
)
def test_calls_alone(sql: str, dialect: str) -> None:
    statement = parse(read(sql, dialect), dialect)
    with pytest.raises(Refused):
        check_calls(statement.nodes, statement.called, allowed_functions(dialect))


@pytest.mark.parametrize(
    "sql", ["SELECT s FROM secret", "SELECT nosuch FROM t", "SELECT (SELECT password_hash FROM users)"]
)
def test_names_alone(sql: str) -> None:
    statement = parse(read(sql))
    with pytest.raises(Refused):
        Resolver(Catalog(WHOLE, DENIED), "sqlite").check(statement.tree, statement.nodes)


# Names and scopes


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 AS one",
        "SELECT t.a FROM t WHERE EXISTS (SELECT 1 FROM s WHERE s.a = t.a AND b = 1)",
        "SELECT a FROM t WHERE a IN (SELECT s.a FROM s WHERE s.name = t.name)",
        "WITH x AS (SELECT a FROM t), y AS (SELECT a FROM x) SELECT y.a FROM y",
        "WITH x(n) AS (SELECT a FROM t) SELECT n FROM x",
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 9) SELECT n FROM c",
        "WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 9) SELECT n FROM c",
        "SELECT x.total FROM (SELECT sum(a) AS total FROM t) AS x",
        "SELECT (SELECT x.a) FROM (SELECT a FROM t) AS x",
        "SELECT * FROM (t JOIN s ON t.a = s.a)",
        "SELECT t.a, s.name FROM (t JOIN s ON t.a = s.a)",
        "SELECT x.a, y.name, u.id FROM ((t AS x JOIN s AS y ON x.a = y.a) JOIN users AS u ON u.id = y.a)",
        "SELECT * FROM ((t))",
        "SELECT x.a FROM ((SELECT a FROM t)) AS x",
        "SELECT z.b FROM ((SELECT a FROM t) AS x CROSS JOIN (SELECT b FROM t) AS y) AS z",
        "SELECT main.t.a FROM main.t",
        "SELECT T.A FROM T",
        'SELECT "weird col", [weird col], `weird col` FROM t',
        "SELECT sum(a) AS total FROM t GROUP BY b HAVING total > 1 ORDER BY total + 1",
        "SELECT count(*) FROM users",
        "SELECT count(*) FROM users AS u WHERE EXISTS (SELECT * FROM users WHERE id > u.id)",
        "SELECT users.rowid, oid FROM users",
        "SELECT column1 FROM (VALUES (1), (2))",
        'SELECT "count(*)", x."max(a)" FROM (SELECT count(*), max(a) FROM t) AS x',
        "SELECT j.key, value FROM t, json_each(t.j) AS j",
        "SELECT a FROM t UNION SELECT a FROM s ORDER BY a",
        "SELECT name AS password_hash FROM users ORDER BY password_hash",
        "SELECT s.* FROM t JOIN s USING (a, name)",
        "SELECT t.* FROM t NATURAL JOIN s",
    ],
)
def test_names_that_are_granted_pass(sql: str) -> None:
    passes(sql)


@pytest.mark.parametrize(
    ("sql", "about"),
    [
        ("SELECT * FROM users", "password_hash"),
        ("SELECT u.* FROM users AS u", "password_hash"),
        ("SELECT 1 FROM t NATURAL JOIN users", "password_hash"),
        ("SELECT a.id FROM users AS a JOIN users AS b USING (password_hash)", "password_hash"),
        ("SELECT u.id FROM users AS u(id)", "rename columns in the SELECT list"),
        ("SELECT x.id FROM t AS x", "'x' has no column 'id'"),
        ("SELECT users.id FROM users AS u", "no table or alias 'users'"),
        ("SELECT a FROM t AS x, (SELECT x.a) AS y", "'x'"),
        ("SELECT a FROM (SELECT b FROM t)", "no column 'a'"),
        ("WITH x AS (SELECT y.a FROM y), y AS (SELECT 1 AS a) SELECT a FROM x", "no table 'y'"),
        ("WITH x AS (SELECT a FROM t) SELECT b FROM x", "no column 'b'"),
        ("SELECT a FROM t ORDER BY a, nosuch", "nosuch"),
        ("SELECT a FROM t UNION SELECT a FROM s ORDER BY b", "'b'"),
        ("SELECT (SELECT v FROM s) FROM (SELECT a AS v FROM t)", "qualify it with its table (table.v)"),
        ("SELECT nam FROM s", "Did you mean 'name'?"),
        ("SELECT * FROM user", "Did you mean 'users'?"),
        ("SELECT lowr(name) FROM s", "Did you mean 'lower'?"),
        ("SELECT id FROM users GROUP BY id HAVING max(password_hash) > 'a'", "password_hash"),
        ("SELECT x.password_hash FROM ((users AS x JOIN s ON x.id = s.a) JOIN t ON 1 = 1)", "password_hash"),
        ("SELECT * FROM ((secret))", "secret"),
        ('SELECT "nosuch" FROM (SELECT count(*) FROM t)', "nosuch"),
        ("SELECT column3 FROM (VALUES (1, 2))", "column3"),
        ("SELECT * FROM ((t JOIN s ON 1 = 1) JOIN secret ON 1 = 1)", "secret"),
        ("SELECT s.a FROM s PIVOT (sum(a) FOR name IN ('x'))", "PIVOT works only on a subquery"),
    ],
)
def test_reasons_name_what_is_refused(sql: str, about: str) -> None:
    assert about in refused(sql)


@pytest.mark.parametrize(
    ("sql", "dialect", "reason"),
    [
        ("SELEC a FROM t", "sqlite", "This is not valid SQLite: it begins with 'SELEC'. Did you mean SELECT?"),
        (
            "wiht x AS (SELECT 1) SELECT a FROM t",
            "postgres",
            "This is not valid PostgreSQL: it begins with 'wiht'. Did you mean WITH?",
        ),
        ("DELETE FROM t", "sqlite", "Only SELECT statements may run; this one begins with 'DELETE'."),
        ("REINDEX t", "sqlite", "Only SELECT statements may run; this one begins with 'REINDEX'."),
        ("SELECT * FROM", "sqlite", "This is not valid SQLite: it ends where a table name is expected."),
        (
            "SELECT (a FROM t",
            "tsql",
            "This is not valid T-SQL: syntax error at 'FROM' (line 1, column 11): expected ')'.",
        ),
        (
            "SELECT cast(a AS) FROM t",
            "mysql",
            "This is not valid MySQL: syntax error at ')' (line 1, column 17): expected TYPE.",
        ),
        (
            "SELECT a FROM t WHERE",
            "postgres",
            "This is not valid PostgreSQL: it is incomplete near 'WHERE' (line 1, column 17).",
        ),
        ("SELECT rpad(a, 10000001, 'x') FROM t", "postgres", "rpad would produce more than 10,000,000 characters."),
        ("SELECT REPLICATE('x', 10000001)", "tsql", "REPLICATE would produce more than 10,000,000 characters."),
        ("SELECT @x", "tsql", "Variables and parameters are not allowed in a query; write the value."),
        ("SELECT a FROM t OPTION (MAXDOP 1)", "tsql", "OPTION (…) is not allowed in a query."),
        (
            "SELECT a FROM t USE INDEX (x)",
            "mysql",
            "Index hints are not allowed: leave out USE, FORCE or IGNORE INDEX.",
        ),
        ("SELECT a FROM t WITH (INDEX(x))", "tsql", "Index hints are not allowed: leave out WITH (INDEX …)."),
    ],
)
def test_reasons_in_words_of_sql(sql: str, dialect: str, reason: str) -> None:
    assert check(sql, dialect=dialect, schema=WHOLE).reason == reason


@pytest.mark.parametrize(
    ("sql", "dialect"),
    [
        ("SELECT json_agg(x) FROM (SELECT id, name FROM users) AS x", "postgres"),
        ("SELECT c.id, l.a FROM users AS c CROSS JOIN LATERAL (SELECT t.a FROM t WHERE t.b = c.id) AS l", "postgres"),
        ("SELECT count(*) AS n FROM t GROUP BY b ORDER BY n", "postgres"),
        ("SELECT lower(name) AS k, count(*) FROM t GROUP BY k", "postgres"),
        ("SELECT pg_catalog.lower(name) FROM pg_catalog.generate_series(1, 2), t", "postgres"),
        ("SELECT * EXCLUDE (password_hash) FROM users", "duckdb"),
        ("SELECT list_transform([1], lambda x: x + a) FROM t", "duckdb"),
        ("SELECT j -> '$.a', coalesce(j -> '$.b', '1') FROM t", "duckdb"),
        ("SELECT j ->> '$.a', max(j -> '$.b') FROM t", "mysql"),
        ("VALUES ROW(1, 2), ROW(3, 4)", "mysql"),
    ],
)
def test_each_dialect_has_its_ways(sql: str, dialect: str) -> None:
    passes(sql, dialect)


def test_whole_rows_of_an_outer_query_are_refused() -> None:
    sql = "SELECT x.* FROM users AS u, LATERAL (SELECT row(u.*)) AS x"
    assert "whole rows" in refused(sql, "postgres", WITHOUT, Grant())


def test_aliases_count_where_the_dialect_says() -> None:
    sql = "SELECT id + 1 AS next FROM users WHERE next > 1"
    passes(sql, "sqlite")
    passes(sql, "duckdb")
    assert "next" in refused(sql, "postgres")
    assert "next" in refused(sql, "mysql")


def test_quoted_names_keep_their_case_in_postgres() -> None:
    passes('SELECT "a" FROM "t"', "postgres")
    passes("SELECT A FROM T", "postgres")
    assert "'T'" in refused('SELECT a FROM "T"', "postgres")


def test_namespaces() -> None:
    schema = Schema(
        (table("orders", "id,total", "sales"), table("orders", "id,note", "archive"), table("t", "a", "public"))
    )
    passes("SELECT total FROM sales.orders", "postgres", schema, Grant())
    passes("SELECT sales.orders.total FROM sales.orders", "postgres", schema, Grant())
    passes("SELECT t.a FROM t JOIN public.t AS x ON true", "postgres", schema, Grant())
    assert refused("SELECT total FROM hidden.orders", "postgres", schema, Grant())
    only_sales = Grant(allow=("sales.orders",))
    passes("SELECT total FROM sales.orders", "postgres", schema, only_sales)
    assert refused("SELECT note FROM archive.orders", "postgres", schema, only_sales)
    assert refused("SELECT id FROM orders", "postgres", schema, only_sales)
    assert refused("SELECT id FROM t", "postgres", schema, only_sales)
    assert "sales.orders" in refused("SELECT id FROM orders", "postgres", schema, Grant())
    passes("SELECT total FROM orders", "postgres", Schema(schema.tables[:1]), Grant())


def test_system_catalogs_are_never_granted() -> None:
    schema = Schema((*COMMON, table("sqlite_master", "sql"), table("tables", "table_name", "information_schema")))
    assert "system catalog" in refused("SELECT sql FROM sqlite_master", schema=schema, grant=Grant())
    assert "system catalog" in refused(
        "SELECT table_name FROM information_schema.tables",
        "postgres",
        schema,
        Grant(allow=("information_schema.tables",)),
    )


# Grants


@pytest.mark.parametrize(
    ("allow", "deny", "granted"),
    [
        ((), (), {"users.id", "users.name", "users.password_hash", "secret.s"}),
        (("users",), (), {"users.id", "users.name", "users.password_hash"}),
        (("users.*",), ("users.name",), {"users.id", "users.password_hash"}),
        (("USERS.ID", "secret"), (), {"users.id", "secret.s"}),
        (("users",), ("users",), set()),
        ((), ("secret", "users.password_hash"), {"users.id", "users.name"}),
        (('"users"."name"',), (), {"users.name"}),
    ],
)
def test_grants(allow: tuple[str, ...], deny: tuple[str, ...], granted: set[str]) -> None:
    found = {
        f"{t.name}.{c.name}"
        for t in WHOLE.tables
        if t.name in ("users", "secret")
        for c in t.columns
        if check(f"SELECT {c.name} FROM {t.name}", schema=WHOLE, grant=Grant(allow, deny)).allowed
    }
    assert found == granted


@pytest.mark.parametrize("entry", ["user", "users.pasword_hash", "nosuch.t", "a.b.c.d", ""])
def test_a_grant_that_names_nothing_is_a_config_error(entry: str) -> None:
    with pytest.raises(ConfigError, match="not in the schema"):
        check("SELECT 1", schema=WHOLE, grant=Grant(deny=(entry,)))


def test_the_error_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"Did you mean 'users\.password_hash'"):
        check("SELECT 1", schema=WHOLE, grant=Grant(deny=("users.pasword_hash",)))


def test_names_with_dots_are_quoted() -> None:
    assert split_name('ns."a.b".c') == ["ns", "a.b", "c"]
    schema = Schema((table("a.b", "x,y"),))
    assert refused('SELECT y FROM "a.b"', schema=schema, grant=Grant(deny=('"a.b".y',)))
    passes('SELECT x FROM "a.b"', schema=schema, grant=Grant(deny=('"a.b".y',)))


def test_a_view_without_known_columns_can_be_granted() -> None:
    schema = Schema((Table("v", (), is_view=True), *COMMON))
    passes("SELECT count(*) FROM v", schema=schema, grant=Grant(allow=("v",)))
    assert refused("SELECT count(*) FROM v", schema=schema, grant=Grant(deny=("v",)))


KUNDEN = from_ddl(
    """CREATE TABLE kunden (kundennr INTEGER PRIMARY KEY, vorname TEXT, email TEXT);
    CREATE TABLE frei (a INT, b INT);
    CREATE VIEW alle AS SELECT * FROM kunden;
    CREATE VIEW briefe (an) AS SELECT k.email FROM "kunden" k /* to whom */;
    CREATE VIEW namen AS SELECT vorname /* not the email */ FROM kunden;
    CREATE VIEW zwei AS SELECT * FROM alle;
    CREATE VIEW odd AS SELECT vorname FROM kunden INDEXED BY i;
    CREATE VIEW f AS SELECT * FROM frei;"""
)


@pytest.mark.parametrize("name", ["rowid", "_rowid_", "oid", "k.rowid", "K.OID"])
def test_a_row_id_is_the_integer_primary_key(name: str) -> None:
    for sql in (f"SELECT {name} FROM kunden k", f"SELECT vorname FROM kunden k ORDER BY {name}"):
        passes(sql, schema=KUNDEN, grant=Grant(deny=("kunden.email",)))
        passes(sql, schema=KUNDEN, grant=Grant(allow=("kunden.vorname", "kunden.kundennr")))
        for grant in (Grant(deny=("kunden.kundennr",)), Grant(allow=("kunden.vorname",))):
            assert "is an alias of the table's INTEGER PRIMARY KEY" in refused(sql, schema=KUNDEN, grant=grant)


def test_a_row_id_comes_before_an_alias_of_its_name() -> None:
    grant = Grant(deny=("kunden.kundennr",))
    assert refused("SELECT vorname AS rowid FROM kunden WHERE rowid > 5", schema=KUNDEN, grant=grant)
    passes("SELECT vorname AS rowid FROM kunden ORDER BY rowid", schema=KUNDEN, grant=grant)


def test_a_row_id_that_is_no_column_is_of_every_table() -> None:
    schema = from_ddl("CREATE TABLE k (a INT PRIMARY KEY, b TEXT); CREATE TABLE m (a INTEGER, PRIMARY KEY (a, b), b)")
    passes("SELECT k.rowid, m.rowid FROM k JOIN m USING (b)", schema=schema, grant=Grant(deny=("k.a", "m.a")))


@pytest.mark.parametrize(
    ("view", "deny", "reason"),
    [
        ("alle", "kunden.email", "The view 'alle' reads 'kunden.email', which is not granted"),
        ("alle", "kunden", "The view 'alle' reads 'kunden', which is not granted"),
        ("briefe", "kunden.email", "'briefe' reads 'kunden.email'"),
        ("namen", "kunden.vorname", "'namen' reads 'kunden.vorname'"),
        ("zwei", "kunden.email", "'zwei' reads 'alle'"),
        ("zwei", "alle", "'zwei' reads 'alle'"),
        ("odd", "kunden.email", "'odd' reads 'kunden.email'"),
    ],
)
def test_a_view_of_what_is_denied_is_refused(view: str, deny: str, reason: str) -> None:
    assert reason in refused(f"SELECT count(*) FROM {view}", schema=KUNDEN, grant=Grant(deny=(deny,)))
    assert view not in [t.name for t in visible(KUNDEN, Grant(deny=(deny,))).tables]


def test_a_view_of_nothing_denied_passes() -> None:
    grant = Grant(deny=("kunden.email",))
    for sql in ("SELECT vorname FROM namen", "SELECT a FROM f"):
        passes(sql, schema=KUNDEN, grant=grant)
    assert [t.name for t in visible(KUNDEN, grant).tables] == ["kunden", "frei", "namen", "f"]
    assert "'namen' reads 'kunden'" in refused("SELECT * FROM namen", schema=KUNDEN, grant=Grant(deny=("kunden",)))


def test_allow_opens_a_view_by_its_name() -> None:
    passes("SELECT email FROM alle", schema=KUNDEN, grant=Grant(allow=("alle",), deny=("kunden.email",)))
    assert refused("SELECT email FROM alle", schema=KUNDEN, grant=Grant(allow=("kunden",), deny=("kunden.email",)))


# Dialects


def test_a_house_dialect_allows_its_own_functions(tmp_path: Path) -> None:
    house = tmp_path / "house.yaml"
    house.write_text("base: sqlite\nfunctions:\n  - {name: fiscal_year, arguments: [d date], meaning: the year}\n")
    assert "fiscal_year" in refused("SELECT fiscal_year(d) FROM t")
    passes("SELECT FISCAL_YEAR(d) FROM t", str(house))


def test_an_unknown_dialect_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="Unknown dialect"):
        check("SELECT 1", dialect="nosuch", schema=WHOLE)


def test_the_guard_loads_sqlglot_only_when_it_checks() -> None:
    program = "import sys, sqltailor.sql.guard; sys.exit('sqlglot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


# Properties


@given(st.text(), st.sampled_from(EVERY_DIALECT))
@settings(max_examples=300, deadline=None)
def test_any_text_gets_a_verdict(text: str, dialect: str) -> None:
    verdict = check(text, dialect=dialect, schema=WHOLE, grant=DENIED)
    assert verdict.allowed == (verdict.layer is None) == (verdict.reason is None)


WORDS = """
SELECT FROM WHERE ( ) , * . ; a t s users password_hash ' " ` [ ] -- /* */ 1 'x' AS WITH UNION ALL JOIN ON USING ORDER
BY GROUP LIMIT IN EXISTS CASE WHEN THEN END OVER -> :: | || = < NOT NULL CAST VALUES LATERAL $$ $1 { } : ? @x max(
count(*) DISTINCT \\
""".split()  # noqa: SIM905


@given(st.lists(st.sampled_from(WORDS), max_size=25), st.sampled_from(EVERY_DIALECT))
@settings(max_examples=500, deadline=None)
def test_any_words_get_a_verdict_that_can_be_shown(words: list[str], dialect: str) -> None:
    verdict = check("SELECT " + " ".join(words), dialect=dialect, schema=WHOLE, grant=DENIED)
    assert verdict.allowed or (verdict.reason and verdict.reason.isprintable())


@given(st.sampled_from([row for row in REFUSED if row.id != "X661"]), st.integers())
@settings(max_examples=400, deadline=None)
def test_blanks_comments_and_case_change_nothing(row: Row, seed: int) -> None:
    chance = random.Random(seed)
    try:
        pieces = read(row.sql, row.dialect).pieces
    except Refused:
        return  # the text layer has refused it
    change = chance.choice([str.upper, str.lower, str.swapcase])
    parts, end = [], 0
    for start, stop in [*((p.start, p.end) for p in pieces), (len(row.sql), len(row.sql))]:
        code = change(row.sql[end:start])
        parts += [c if c != " " else chance.choice([" ", "  ", "\n", "\t", " /* x */ "]) for c in code]
        parts.append(row.sql[start:stop])
        end = stop
    assert refused(chance.choice(["", "\n", "/* y */ "]) + "".join(parts), row.dialect)


def sqlite_reads(sql: str) -> set[tuple[str, str]] | None:
    """Return the columns that SQLite itself reads for a query, or None when it refuses the query."""
    reads: set[tuple[str, str]] = set()

    def note(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action == sqlite3.SQLITE_READ:
            reads.add((str(first).lower(), str(second).lower()))
        return sqlite3.SQLITE_OK

    connection = sqlite3.connect(":memory:", cached_statements=0)
    try:
        connection.executescript(
            "CREATE TABLE t(a, b, name, j); CREATE TABLE s(a, name); CREATE TABLE users(id, password_hash, name);"
            "CREATE TABLE secret(s);"
        )
        connection.set_authorizer(note)
        connection.execute("EXPLAIN " + sql)
    except sqlite3.Error:
        return None
    finally:
        connection.close()
    return reads


SMALL = Schema(
    (table("t", "a,b,name,j"), table("s", "a,name"), table("users", "id,password_hash,name"), table("secret", "s"))
)


@given(st.integers())
@settings(max_examples=700, deadline=None)
def test_sqlite_never_reads_what_the_guard_hides(seed: int) -> None:
    sql = random_query(random.Random(seed))
    if re.search(r"EXISTS \(SELECT (\w+\.)?\*", sql) or not check(sql, schema=SMALL, grant=DENIED).allowed:
        return  # a star in EXISTS is read by SQLite's authorizer, though by nothing else
    reads = sqlite_reads(sql) or set()
    assert ("users", "password_hash") not in reads, sql
    assert ("secret", "s") not in reads, sql


# Speed


def test_a_typical_statement_takes_under_two_milliseconds() -> None:
    statements = [sql for dialect, sql in HARMLESS if dialect == "sqlite"]
    for sql in statements:
        check(sql, schema=SHOP)  # warm-up
    best = []
    for sql in statements:
        times = []
        for _ in range(5):
            started = time.process_time()
            check(sql, schema=SHOP)
            times.append(time.process_time() - started)
        best.append(min(times))
    assert statistics.median(best) < 0.002


def test_parameters_are_refused_as_such_and_from_first_where_no_server_reads_it() -> None:
    schema = Schema((Table("t", (Column("a"),)),))
    verdict = check("SELECT a FROM t WHERE a IN ($1,$2)", dialect="postgres", schema=schema)
    assert (verdict.layer, verdict.reason) == (
        "policy",
        "Variables and parameters are not allowed in a query; write the value.",
    )
    assert check("SELECT a FROM t WHERE a IN ('$1,$2')", dialect="postgres", schema=schema).allowed
    for sql in ("from t k", "SELECT a FROM (FROM t) AS x"):
        assert check(sql, dialect="duckdb", schema=schema).allowed
        for dialect in ("sqlite", "postgres", "mysql"):
            assert check(sql, dialect=dialect, schema=schema).layer == "parse"


@pytest.mark.parametrize("sql", ["SELECT", "SELECT FROM t"])
def test_a_query_selects_something(sql: str) -> None:
    schema = Schema((Table("t", (Column("a"),)),))
    assert check(sql, dialect="postgres", schema=schema).allowed  # where a table may have no columns
    assert check(sql, dialect="sqlite", schema=schema).layer == "parse"


def test_a_star_is_refused_where_the_grant_names_only_columns_of_a_table() -> None:
    """The database may have columns that the schema does not know."""
    schema = from_ddl("CREATE TABLE cust (nm TEXT); CREATE TABLE city (name TEXT)")
    grant = Grant(allow=("cust.nm", "city"))
    for sql in ("SELECT * FROM cust", "SELECT c.* FROM cust AS c", "SELECT nm FROM (SELECT * FROM cust) AS x"):
        verdict = check(sql, schema=schema, grant=grant)
        assert (verdict.allowed, verdict.layer) == (False, "policy")
        assert "of which only some are granted" in (verdict.reason or "")
    for sql in ("SELECT nm FROM cust", "SELECT COUNT(*) FROM cust", "SELECT * FROM city"):
        assert check(sql, schema=schema, grant=grant).allowed
