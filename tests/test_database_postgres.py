"""PostgreSQL: read-only whatever the statement and the role, limits, lost connections, and schemas."""

from __future__ import annotations

import importlib.util
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sqltailor.database import Database, open_database
from sqltailor.errors import DataError, MissingExtra, Refused, SQLError, Timeout, install_command
from sqltailor.sql.guard import check
from sqltailor.types import Column, Grant, Reference, Schema
from tests.support import postgres_server

MIB = 1 << 20

SETUP = (
    "CREATE ROLE reader LOGIN",
    "CREATE ROLE writer LOGIN",
    "CREATE ROLE nobody_special LOGIN",
    "CREATE TABLE t (a int PRIMARY KEY, b int, name text, note text, secret text)",
    "INSERT INTO t VALUES (1, 2, 'x', 'x; DROP TABLE t; --'), (3, 4, 'y', NULL)",
    "CREATE SEQUENCE counter",
    "CREATE FUNCTION sneaky() RETURNS int LANGUAGE sql VOLATILE AS 'DELETE FROM t RETURNING 1'",
    "GRANT SELECT (a, b, name, note) ON t TO reader",
    "GRANT ALL ON t, counter TO writer",
    "GRANT CREATE, USAGE ON SCHEMA public TO writer",
)


@pytest.fixture(scope="module")
def server() -> None:
    postgres_server.execute("postgres", "CREATE DATABASE shop")
    postgres_server.execute("shop", *SETUP)


@pytest.fixture(scope="module", params=["reader", "writer", postgres_server.OWNER])
def database(server: None, request: pytest.FixtureRequest) -> Iterator[Database]:
    url = postgres_server.url(request.param, "shop")
    with open_database(url, timeout_s=2.0, max_bytes=64 * MIB) as database:
        yield database


@pytest.fixture(scope="module")
def reader(server: None) -> Iterator[Database]:
    with open_database(postgres_server.url("reader", "shop"), timeout_s=2.0, max_bytes=64 * MIB) as database:
        yield database


def state() -> Any:
    """Return what a statement must not change."""
    import psycopg

    with psycopg.connect(postgres_server.url(postgres_server.OWNER, "shop")) as connection:
        return (
            connection.execute("SELECT * FROM t ORDER BY a").fetchall(),
            connection.execute("SELECT last_value, is_called FROM counter").fetchall(),
            connection.execute("SELECT count(*) FROM pg_class").fetchall(),
            connection.execute("SELECT count(*) FROM pg_largeobject_metadata").fetchall(),
            connection.execute("SELECT count(*) FROM pg_proc").fetchall(),
        )


DENIED = [
    "INSERT INTO t VALUES (9)",
    "UPDATE t SET a = 0",
    "DELETE FROM t",
    "TRUNCATE t",
    "MERGE INTO t USING (SELECT 1 AS a) s ON t.a = s.a WHEN MATCHED THEN DELETE",
    "WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x",
    "WITH x AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM x",
    "SELECT * INTO loot FROM t",
    "SELECT * INTO TEMP loot FROM t",
    "CREATE TABLE z (a int)",
    "CREATE TEMP TABLE z (a int)",
    "CREATE TABLE z AS SELECT 1",
    "DROP TABLE t",
    "ALTER TABLE t ADD COLUMN x int",
    "COMMIT",
    "ROLLBACK",
    "COMMIT; DROP TABLE t",
    "SELECT 1; DROP TABLE t",
    "SELECT 1; COMMIT; DROP TABLE t",
    "COMMIT; BEGIN READ WRITE; DELETE FROM t; COMMIT",
    "SET TRANSACTION READ WRITE",
    "SET default_transaction_read_only = off",
    "RESET ALL",
    "SET ROLE writer",
    "COPY t TO '/tmp/x.csv'",
    "COPY t TO PROGRAM 'cat'",
    "COPY t TO STDOUT",
    "COPY t FROM '/etc/passwd'",
    "CALL p()",
    "DO $$ BEGIN DELETE FROM t; END $$",
    "PREPARE q AS SELECT 1",
    "EXECUTE q",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "FETCH ALL FROM answer",
    "LISTEN x",
    "NOTIFY x",
    "LOCK TABLE t",
    "VACUUM",
    "ANALYZE t",
    "EXPLAIN ANALYZE DELETE FROM t",
    "EXPLAIN SELECT 1",
    "SHOW data_directory",
    "CREATE EXTENSION plpython3u",
    "GRANT ALL ON t TO public",
    "SELECT * FROM t FOR UPDATE",
    "SELECT nextval('counter')",
    "SELECT setval('counter', 9)",
    "SELECT sneaky()",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "",
    "-- nothing",
    "/* SELECT */ DELETE FROM t",
]


@pytest.mark.parametrize("sql", DENIED)
def test_is_denied_and_changes_nothing(database: Database, sql: str) -> None:
    before = state()
    with pytest.raises(SQLError):
        database.run(sql)
    assert state() == before
    assert database.run("SELECT 1").rows == [(1,)]


@pytest.mark.parametrize("sql", ["DELETE FROM t", "SELECT 1; COMMIT", "WITH x AS (DELETE FROM t RETURNING a) TABLE x"])
def test_denials_name_the_layer(reader: Database, sql: str) -> None:
    with pytest.raises(Refused) as error:
        reader.run(sql)
    assert error.value.layer == "role"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('/etc/passwd')",
        "SELECT * FROM pg_ls_dir('/')",
        "SELECT pg_stat_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "SELECT pg_reload_conf()",
        "SELECT secret FROM t",
        "SELECT * FROM t",
        "SELECT to_jsonb(t) FROM t",
        "SELECT * FROM pg_authid",
    ],
)
def test_the_roles_own_limits_are_refusals(reader: Database, sql: str) -> None:
    with pytest.raises(Refused) as error:
        reader.run(sql)
    assert error.value.layer == "role"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT lo_creat(-1)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT pg_advisory_lock(7)",
        "SELECT set_config('statement_timeout', '0', false), set_config('search_path', 'nowhere', false)",
        "SELECT set_config('default_transaction_read_only', 'off', false)",
    ],
)
def test_nothing_is_left_behind(database: Database, sql: str) -> None:
    before = state()
    try:
        database.run(sql)
    except SQLError:
        assert "lo_" in sql  # newer servers refuse these in a read-only transaction
    assert state() == before
    assert database.run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").rows == [(0,)]
    assert database.run("SELECT current_setting('transaction_read_only'), count(a) FROM t").rows == [("on", 2)]
    assert database.run("SELECT current_setting('statement_timeout')", timeout_s=1.5).rows == [("1500ms",)]


def test_errors_carry_the_servers_message(reader: Database) -> None:
    with pytest.raises(SQLError, match=r'^column "nam" does not exist; Perhaps you meant'):
        reader.run("SELECT nam FROM t")
    for sql in ("SELECT 1/0", "SELEC", "SELECT 'a\0'", "SELECT '\ud800'", "SELECT (", "SELECT 1 /* not closed"):
        with pytest.raises(SQLError):
            reader.run(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_sleep(3600)",
        "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b",
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c",
        f"SELECT repeat('a', 40) || '!' ~ '^{'(a+)+' * 4}$', pg_sleep(5)",
    ],
)
def test_time_limit_is_kept(reader: Database, sql: str) -> None:
    started = time.monotonic()
    with pytest.raises(Timeout):
        reader.run(sql, timeout_s=0.3)
    assert time.monotonic() - started < 1.6
    assert reader.run("SELECT 1").rows == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT repeat('x', 100000000)",
        "SELECT repeat('x', 1000000) FROM generate_series(1, 200)",
        "SELECT repeat('x', 1000000) FROM generate_series(1, 20)",
        "SELECT array_agg(g) FROM generate_series(1, 2000000) g",
    ],
)
def test_memory_is_capped(reader: Database, sql: str) -> None:
    with pytest.raises(Refused) as error:
        reader.run(sql, timeout_s=20)
    assert error.value.layer == "limits"
    assert reader.run("SELECT 1").rows == [(1,)]


def test_result_is_cut_at_the_row_cap(reader: Database) -> None:
    result = reader.run("SELECT * FROM generate_series(1, 1000000) AS n", max_rows=3)
    assert (result.columns, result.rows, result.truncated) == (("n",), [(1,), (2,), (3,)], True)
    assert not reader.run("SELECT a FROM t", max_rows=2).truncated


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT 1;", [(1,)]),
        ("/* report */ SELECT a FROM t -- trailing", [(1,), (3,)]),
        ("(SELECT 1) UNION ALL (SELECT 2)", [(1,), (2,)]),
        ("( /* a */ (SELECT 1))", [(1,)]),
        ("VALUES (1), (2)", [(1,), (2,)]),
        ("WITH x AS (SELECT 1 AS a) TABLE x", [(1,)]),
        ("SELECT name FROM t WHERE note = 'x; DROP TABLE t; --'", [("x",)]),
        ("SELECT $$; DROP TABLE t; --$$, E'\\'; --', 100 % 7, '%s'", [("; DROP TABLE t; --", "'; --", 2, "%s")]),
        ("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t", [(2.0,)]),
        ("SELECT sum(a), avg(a), count(*), 1.50::numeric(5,2), 1e30::numeric FROM t", [(4, 2.0, 2, 1.5, 10**30)]),
        ("SELECT true, NULL, 'é', '\\x00ff'::bytea, 'Infinity'::float8",
            [(True, None, "é", b"\x00\xff", float("inf"))]),
        ("SELECT DATE '2024-01-31', 'infinity'::date, '4714-11-24 BC'::date",
            [("2024-01-31", "infinity", "4714-11-24 BC")]),
        ("SELECT '{\"a\": [1]}'::jsonb, ARRAY[1,2], INTERVAL '1 day', ROW(1, 'x')",
            [('{"a": [1]}', "{1,2}", "1 day", "(1,x)")]),
    ],
)  # fmt: skip
def test_runs(reader: Database, sql: str, rows: list[tuple[object, ...]]) -> None:
    assert reader.run(sql).rows == rows


def test_warns_of_a_role_that_may_too_much(server: None) -> None:
    warnings = {}
    for role in ("reader", "writer", postgres_server.OWNER):
        with open_database(postgres_server.url(role, "shop")) as database:
            warnings[role] = database.warnings
    assert warnings == {
        "reader": (),
        "writer": ("The role writer may write: use a role that may only SELECT.",),
        "owner": ("The role owner is a superuser: use a role that may only SELECT.",),
    }


def test_a_role_that_may_read_nothing(server: None) -> None:
    with pytest.raises(DataError, match=r"no tables that nobody_special may read. Next: GRANT SELECT"):
        open_database(postgres_server.url("nobody_special", "shop"))


def test_a_lost_connection_is_opened_anew(reader: Database) -> None:
    reader.run("SELECT 1")
    postgres_server.execute("shop", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader'")
    assert reader.run("SELECT 1").rows == [(1,)]


def test_a_backslash_is_no_escape_whatever_the_role_says(server: None) -> None:
    url = postgres_server.url("reader", "shop")
    off = ("&" if "?" in url else "?") + "options=-c%20standard_conforming_strings%3Doff"
    with open_database(url + off) as database:
        assert database.run(r"SELECT 'a\', ' -- '").rows == [("a\\", " -- ")]


def test_is_known_to_the_server_by_name(reader: Database) -> None:
    names = reader.run("SELECT DISTINCT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")
    assert names.rows == [("sqltailor",)]


def test_nothing_listens() -> None:
    with pytest.raises(
        DataError, match=r"^postgresql://u:\*\*\*@127.0.0.1:1/d cannot be reached: .*Next: psql"
    ) as error:
        open_database("postgresql://u:geheim@127.0.0.1:1/d")
    assert "geheim" not in str(error.value)


@pytest.mark.slow
def test_a_server_that_never_answers_takes_bounded_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(DataError, match="cannot be reached"):
            open_database(f"postgresql://u@127.0.0.1:{silent.getsockname()[1]}/d?connect_timeout=2")
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("query", ["geheim=1", "password=geheim&x=1"])
def test_a_wrong_option_is_told_without_the_password(query: str) -> None:
    with pytest.raises(DataError) as error:
        open_database(f"postgresql://u:ge%40heim@127.0.0.1:1/d?{query}")
    assert "ge@heim" not in str(error.value)
    assert "ge%40heim" not in str(error.value)
    assert "=geheim" not in str(error.value)


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    assert importlib.util.find_spec("psycopg") is None
    with pytest.raises(MissingExtra, match=re.escape(f"PostgreSQL needs psycopg: {install_command('postgres')}")):
        open_database("postgresql://u@127.0.0.1:1/d")


SCHEMA = (
    "CREATE SCHEMA audit",
    'CREATE SCHEMA "Odd Space"',
    "CREATE SCHEMA closed",
    "CREATE TYPE mood AS ENUM ('happy', 'sad')",
    """CREATE TABLE country (code char(2) PRIMARY KEY, name varchar(40) NOT NULL, mood mood,
        size numeric(10,2), tags text[], opened timestamp with time zone, twice int GENERATED ALWAYS AS (2) STORED)""",
    "INSERT INTO country VALUES ('it', 'Italy', 'happy', 1.5, '{a}'), ('de', 'Germany', 'happy', 2, NULL)",
    "COMMENT ON TABLE country IS 'where customers live'",
    "COMMENT ON COLUMN country.code IS 'ISO 3166'",
    """CREATE TABLE city (id int GENERATED ALWAYS AS IDENTITY, "Country Code" char(2) REFERENCES country,
        a int, b int, PRIMARY KEY (b, a))""",
    "CREATE TABLE visit (x int, y int, FOREIGN KEY (y, x) REFERENCES city)",
    'CREATE TABLE "order" ("group" int, "Mixed" text, e_mail text)',
    "INSERT INTO \"order\" VALUES (1, 'm', 'a@b.org')",
    'CREATE VIEW "Big" AS SELECT name, count(*) AS n FROM country GROUP BY name',
    "CREATE MATERIALIZED VIEW stored AS SELECT code FROM country",
    "CREATE TABLE part (a int) PARTITION BY RANGE (a)",
    "CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM (1) TO (9)",
    "CREATE TABLE audit.log (city_a int, city_b int, FOREIGN KEY (city_b, city_a) REFERENCES city (b, a), doc json)",
    "INSERT INTO audit.log VALUES (NULL, NULL, '{}')",
    'CREATE TABLE "Odd Space".country (k int)',
    "CREATE TABLE closed.hidden (a int)",
    "CREATE TABLE hidden (a int)",
    "CREATE TABLE half (shown int, hidden int)",
    "CREATE ROLE analyst LOGIN",
    'GRANT USAGE ON SCHEMA audit, "Odd Space" TO analyst',
    'GRANT SELECT ON country, city, visit, "order", "Big", stored, part, audit.log, "Odd Space".country TO analyst',
    "GRANT SELECT ON closed.hidden TO analyst",
    "GRANT SELECT (shown) ON half TO analyst",
)


@pytest.fixture(scope="module")
def analyst(server: None) -> Iterator[Database]:
    postgres_server.execute("postgres", "CREATE DATABASE world")
    postgres_server.execute("world", *SCHEMA)
    with open_database(postgres_server.url("analyst", "world")) as database:
        yield database


def columns(schema: Schema, table: str, namespace: str | None = None) -> dict[str, Column]:
    return {c.name: c for t in schema.tables if (t.name, t.namespace) == (table, namespace) for c in t.columns}


def test_schema_is_what_the_role_may_read(analyst: Database) -> None:
    schema = analyst.read_schema()
    assert [(t.namespace, t.name, t.is_view) for t in schema.tables] == [
        (None, "country", False),
        (None, "city", False),
        (None, "visit", False),
        (None, "order", False),
        (None, "Big", True),
        (None, "stored", True),
        (None, "part", False),
        (None, "half", False),
        ("Odd Space", "country", False),
        ("audit", "log", False),
    ]
    assert list(columns(schema, "half")) == ["shown"]
    assert [t.namespace for t in analyst.read_schema(namespaces=["audit"]).tables] == [None] * 8 + ["audit"]


def test_a_view_of_a_denied_column_is_refused(analyst: Database) -> None:
    schema, grant = analyst.read_schema(), Grant(deny=("country.name",))
    verdict = check('SELECT n FROM "Big"', dialect="postgres", schema=schema, grant=grant)
    assert "The view 'Big' reads 'country.name', which is not granted." in (verdict.reason or "")
    assert check("SELECT code FROM stored", dialect="postgres", schema=schema, grant=grant).allowed


def test_schema_has_types_comments_and_keys(analyst: Database) -> None:
    schema = analyst.read_schema()
    assert {name: c.type for name, c in columns(schema, "country").items()} == {
        "code": "character(2)",
        "name": "character varying(40)",
        "mood": "mood",
        "size": "numeric(10,2)",
        "tags": "text[]",
        "opened": "timestamp with time zone",
        "twice": "integer",
    }
    assert next(t.comment for t in schema.tables) == "where customers live"
    assert columns(schema, "country")["code"].comment == "ISO 3166"
    assert columns(schema, "country")["mood"].comment == "one of 'happy', 'sad'"
    assert columns(schema, "country")["name"].comment is None
    assert [c.primary_key for c in columns(schema, "city").values()] == [False, False, True, True]
    assert columns(schema, "city")["Country Code"].references == Reference("country", "code")
    assert columns(schema, "visit")["x"].references == Reference("city", "a")
    assert columns(schema, "visit")["y"].references == Reference("city", "b")
    assert columns(schema, "log", "audit")["city_b"].references == Reference("city", "b")
    assert columns(schema, "Odd Space", "country") == {}
    assert list(columns(schema, "country", "Odd Space")) == ["k"]


def test_schema_samples(analyst: Database) -> None:
    schema = analyst.read_schema(samples=2)
    country = columns(schema, "country")
    assert country["mood"].samples == ("happy",)
    assert country["size"].samples == (1.5, 2.0)
    assert country["tags"].samples == ("{a}",)
    assert columns(schema, "order")["Mixed"].samples == ("m",)
    assert columns(schema, "order")["e_mail"].samples == ()
    assert columns(schema, "log", "audit")["doc"].samples == ()  # json has no equality
    assert columns(analyst.read_schema(samples=2, personal=True), "order")["e_mail"].samples == ("a@b.org",)
