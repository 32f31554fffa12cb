"""MySQL and MariaDB (tested on MariaDB): read-only whatever the statement and the role, limits, schemas.

The tests that need a server are slow: it takes seconds to start.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sqltailor.database import Database, open_database
from sqltailor.errors import DataError, MissingExtra, Refused, SQLError, Timeout, install_command
from sqltailor.sql.guard import check
from sqltailor.types import Column, Grant, Reference, Schema
from tests.support import mariadb_server

MIB = 1 << 20

SETUP = (
    "CREATE DATABASE shop",
    """CREATE TABLE shop.t (a int PRIMARY KEY, b int COMMENT 'how many', name varchar(20), note text, d date,
        m decimal(10,2), raw blob, flag bit(1), kind enum('x','y'), e_mail text, secret text) COMMENT 'things'""",
    """INSERT INTO shop.t VALUES
        (1, 2, 'x', 'x; DROP TABLE t; --', '2024-01-31', 1.50, x'00ff', b'1', 'x', 'a@b.org', 's'),
        (3, 4, 'y', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)""",
    "CREATE TABLE shop.pair (x int, y int, PRIMARY KEY (y, x))",
    "CREATE TABLE shop.`odd ``name` (`group` int, p int, q int, FOREIGN KEY (p, q) REFERENCES shop.pair (y, x))",
    "INSERT INTO shop.`odd ``name` VALUES (7, NULL, NULL)",
    "CREATE VIEW shop.v AS SELECT a, count(*) AS n FROM shop.t GROUP BY a",
    "CREATE TABLE shop.hidden (a int)",
    "CREATE TABLE shop.numbers (seq int) SELECT seq FROM shop.seq_1_to_1000000",
    "CREATE DATABASE empty",
    "CREATE USER reader@localhost",
    "GRANT SELECT (a, b, name, note, d, m, raw, flag, kind, e_mail) ON shop.t TO reader@localhost",
    "GRANT SELECT ON shop.pair TO reader@localhost",
    "GRANT SELECT ON shop.`odd ``name` TO reader@localhost",
    "GRANT SELECT ON shop.numbers TO reader@localhost",
    "GRANT SELECT, SHOW VIEW ON shop.v TO reader@localhost",
    "GRANT SELECT ON empty.* TO reader@localhost",
    "CREATE USER writer@localhost",
    "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, CREATE TEMPORARY TABLES ON shop.* TO writer@localhost",
    "GRANT FILE ON *.* TO writer@localhost",
)


@pytest.fixture(scope="module")
def server() -> None:
    mariadb_server.url("root", "mysql")
    mariadb_server.execute(*SETUP)


@pytest.fixture(scope="module", params=["reader", "writer", "root"])
def database(server: None, request: pytest.FixtureRequest) -> Iterator[Database]:
    url = mariadb_server.url(request.param, "shop")
    with open_database(url, timeout_s=2.0, max_bytes=64 * MIB) as database:
        yield database


@pytest.fixture(scope="module")
def reader(server: None) -> Iterator[Database]:
    with open_database(mariadb_server.url("reader", "shop"), timeout_s=2.0, max_bytes=64 * MIB) as database:
        yield database


def state() -> Any:
    """Return what a statement must not change."""
    import pymysql

    with (
        pymysql.connect(user="root", unix_socket=str(mariadb_server.start())) as connection,
        connection.cursor() as cursor,
    ):
        found = []
        for sql in ("SELECT * FROM shop.t ORDER BY a", "SHOW DATABASES", "SHOW TABLES FROM shop", "SELECT @@read_only"):
            cursor.execute(sql)
            found.append(cursor.fetchall())
        return found


DENIED = [
    "INSERT INTO t (a) VALUES (9)",
    "REPLACE INTO t (a) VALUES (1)",
    "UPDATE t SET a = 0",
    "DELETE FROM t",
    "TRUNCATE t",
    "WITH x AS (SELECT 1) DELETE FROM t",
    "CREATE TABLE z (a int)",
    "CREATE TEMPORARY TABLE z (a int)",
    "CREATE TABLE z AS SELECT 1",
    "DROP TABLE t",
    "ALTER TABLE t ADD COLUMN x int",
    "COMMIT",
    "COMMIT; DROP TABLE t",
    "SELECT 1; DROP TABLE t",
    "SELECT 1; SELECT 2",
    "SELECT 1 # c\n; DROP TABLE t",
    "SELECT 1 --1; DROP TABLE t",
    "SET TRANSACTION READ WRITE",
    "SET SESSION max_statement_time = 0",
    "SET GLOBAL general_log = 1",
    "SET @x = 1",
    "SELECT 1 INTO @x",
    "SELECT * FROM t INTO OUTFILE '{folder}/loot'",
    "SELECT * FROM t INTO/**/OUTFILE '{folder}/loot'",
    "SELECT 1 INTO DUMPFILE '{folder}/loot'",
    "SELECT 1 /*!50000 INTO OUTFILE '{folder}/loot' */",
    "SELECT 1 /*M!50000 INTO OUTFILE '{folder}/loot' */",
    "SELECT /*!50000 SLEEP*/(0)",
    "/*!50000 DROP TABLE t */",
    "/*! DELETE FROM t */ SELECT 1",
    "SELECT load_file('/etc/passwd')",
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE t",
    "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t",
    "HANDLER t OPEN",
    "DO SLEEP(1)",
    "CALL p()",
    "BEGIN NOT ATOMIC DELETE FROM t; END",
    "PREPARE s FROM 'SELECT 1'",
    "EXECUTE IMMEDIATE 'DROP TABLE t'",
    "LOCK TABLES t WRITE",
    "SELECT * FROM t FOR UPDATE",
    "KILL 1",
    "SHOW GRANTS",
    "SHOW TABLES",
    "DESCRIBE t",
    "EXPLAIN SELECT 1",
    "ANALYZE TABLE t",
    "INSTALL SONAME 'x'",
    "GRANT ALL ON shop.* TO reader@localhost",
    "USE mysql",
    "DELIMITER //",
    "",
    "-- nothing",
]


@pytest.mark.slow
@pytest.mark.parametrize("sql", DENIED)
def test_is_denied_and_changes_nothing(database: Database, sql: str, tmp_path: Path) -> None:
    folder = tmp_path
    folder.chmod(0o777)
    before = state()
    with pytest.raises(SQLError):
        database.run(sql.replace("{folder}", str(folder)))
    assert state() == before
    assert not list(folder.iterdir())
    assert database.run("SELECT 1").rows == [(1,)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "sql", ["SELECT secret FROM t", "SELECT * FROM t", "SELECT * FROM hidden", "SELECT * FROM mysql.user"]
)
def test_the_roles_own_limits_are_refusals(reader: Database, sql: str) -> None:
    with pytest.raises(Refused) as error:
        reader.run(sql)
    assert error.value.layer == "role"


@pytest.mark.slow
def test_nothing_is_left_in_the_session(database: Database) -> None:
    assert database.run("SELECT @x := 7, get_lock('mine', 1)").rows == [(7, 1)]
    assert database.run("SELECT is_free_lock('mine')").rows == [(1,)]
    assert database.run("SELECT @x").rows == [(None,)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sleep(3600)",
        "SELECT count(*) FROM numbers a, numbers b WHERE a.seq + b.seq = 7",
        "SELECT a FROM t WHERE sleep(1000) = 0",
    ],
)
def test_time_limit_is_kept(reader: Database, sql: str) -> None:
    started = time.monotonic()
    with pytest.raises(Timeout):
        reader.run(sql, timeout_s=0.3)
    assert time.monotonic() - started < 1.6
    assert reader.run("SELECT 1").rows == [(1,)]


@pytest.mark.slow
def test_an_endless_benchmark_ends(reader: Database) -> None:
    started = time.monotonic()
    reader.run("SELECT benchmark(10000000000, md5('x'))", timeout_s=0.3)
    assert time.monotonic() - started < 1.6


@pytest.mark.slow
@pytest.mark.parametrize("rows", [20, 400])
def test_memory_is_capped(reader: Database, rows: int) -> None:
    with pytest.raises(Refused) as error:
        reader.run(f"SELECT repeat('x', 1000000) FROM numbers LIMIT {rows}", timeout_s=20)
    assert error.value.layer == "limits"
    assert reader.run("SELECT 1").rows == [(1,)]


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["", " LIMIT 900000"])
def test_result_is_cut_at_the_row_cap(reader: Database, limit: str) -> None:
    result = reader.run(f"SELECT seq AS n FROM numbers{limit}", max_rows=3)
    assert (result.columns, result.rows, result.truncated) == (("n",), [(1,), (2,), (3,)], True)
    assert not reader.run("SELECT a FROM t", max_rows=2).truncated


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT 1;", [(1,)]),
        ("/* report */ SELECT a FROM t -- trailing", [(1,), (3,)]),
        ("# a\n-- b\nSELECT 1", [(1,)]),
        ("(SELECT 1) UNION ALL (SELECT 2)", [(1,), (2,)]),
        ("VALUES (1), (2)", [(1,), (2,)]),
        ("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n<3) SELECT * FROM c", [(1,), (2,), (3,)]),
        ("SELECT name FROM t WHERE note = 'x; DROP TABLE t; --'", [("x",)]),
        ("SELECT 'a\\'; DROP TABLE t; -- ', 100 % 7, '%s'", [("a'; DROP TABLE t; -- ", 2, "%s")]),
        ("SELECT replace(name, 'x', 'z'), `kind` FROM `t` WHERE a = 1", [("z", "x")]),
        ("SELECT sum(a), avg(a), count(*), sum(m), 1e3, NULL, 'é😀' FROM t", [(4, 2.0, 2, 1.5, 1000.0, None, "é😀")]),
        ("SELECT d, m, raw, flag FROM t WHERE a = 1", [("2024-01-31", 1.5, b"\x00\xff", 1)]),
        ("SELECT json_extract('{\"a\": [1]}', '$.a'), CAST('10:00' AS TIME)", [("[1]", "10:00:00")]),
        ("SELECT count(*) FROM `odd ``name` WHERE `group` = 7", [(1,)]),
    ],
)
def test_runs(reader: Database, sql: str, rows: list[tuple[object, ...]]) -> None:
    assert reader.run(sql).rows == rows


@pytest.mark.slow
def test_errors_carry_the_servers_message(reader: Database) -> None:
    with pytest.raises(SQLError, match="Unknown column 'nope'"):
        reader.run("SELECT nope FROM pair")
    for sql in ("SELEC", "SELECT 'a\0'", "SELECT '\ud800'", "SELECT ("):
        with pytest.raises(SQLError):
            reader.run(sql)


@pytest.mark.slow
def test_warns_of_a_role_that_may_too_much(server: None) -> None:
    warnings = {}
    for role in ("reader", "writer", "root"):
        with open_database(mariadb_server.url(role, "shop")) as database:
            warnings[role] = database.warnings
    assert warnings["reader"] == ()
    assert "The role may FILE, INSERT, UPDATE, DELETE, CREATE, DROP" in warnings["writer"][0]
    assert "ALL PRIVILEGES" in warnings["root"][0]


@pytest.mark.slow
def test_modes_of_the_server_do_not_change_how_a_statement_is_read(server: None) -> None:
    mariadb_server.execute("SET GLOBAL sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES,ONLY_FULL_GROUP_BY'")
    try:
        with open_database(mariadb_server.url("reader", "shop")) as database:
            assert database.run("""SELECT "it''s", 'a\\'b'""").rows == [("it''s", "a'b")]
            modes = str(database.run("SELECT @@SESSION.sql_mode").rows[0][0])
            assert "ONLY_FULL_GROUP_BY" in modes
    finally:
        mariadb_server.execute("SET GLOBAL sql_mode = DEFAULT")


@pytest.mark.slow
def test_no_tables(server: None) -> None:
    with pytest.raises(DataError, match=r"no tables that its role may read\. Next: GRANT SELECT"):
        open_database(mariadb_server.url("reader", "empty"))


@pytest.mark.slow
def test_wrong_account(server: None) -> None:
    with pytest.raises(DataError, match=r"cannot be reached: Access denied.*Next: mysqladmin") as error:
        open_database(mariadb_server.url("reader", "shop", "geheim"))
    assert "geheim" not in str(error.value)


@pytest.mark.slow
def test_a_lost_connection_is_opened_anew(reader: Database) -> None:
    connection = reader.run("SELECT connection_id()").rows[0][0]
    mariadb_server.execute(f"KILL {connection}")
    assert reader.run("SELECT 1").rows == [(1,)]


def columns(schema: Schema, table: str) -> dict[str, Column]:
    return {c.name: c for t in schema.tables if t.name == table for c in t.columns}


@pytest.mark.slow
def test_schema_is_what_the_role_may_read(reader: Database) -> None:
    schema = reader.read_schema(samples=2)
    assert [(t.namespace, t.name, t.is_view, t.comment) for t in schema.tables] == [
        (None, "numbers", False, None),
        (None, "odd `name", False, None),
        (None, "pair", False, None),
        (None, "t", False, "things"),
        (None, "v", True, None),
    ]
    t = columns(schema, "t")
    assert "secret" not in t
    assert t["a"] == Column("a", "int(11)", primary_key=True, samples=(1, 3))
    assert t["b"] == Column("b", "int(11)", comment="how many", samples=(2, 4))
    assert t["kind"] == Column("kind", "enum('x','y')", samples=("x",))
    assert t["m"].samples == (1.5,)
    assert t["e_mail"].samples == ()
    assert t["raw"].samples == ()
    assert [c.primary_key for c in columns(schema, "pair").values()] == [True, True]
    assert columns(schema, "odd `name")["p"].references == Reference("pair", "y")
    assert columns(schema, "odd `name")["q"].references == Reference("pair", "x")
    assert columns(schema, "odd `name")["group"].samples == (7,)


def test_nothing_listens() -> None:
    with pytest.raises(
        DataError, match=r"mysql://u:\*\*\*@127\.0\.0\.1:1/d cannot be reached: .* Next: mysql"
    ) as error:
        open_database("mysql://u:geheim@127.0.0.1:1/d")
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize("option", ["local_infile=1", "init_command=DROP", "client_flag=65536", "read_default_file=/x"])
def test_options_that_could_do_harm_are_unknown(option: str) -> None:
    with pytest.raises(DataError, match="Unknown URL option"):
        open_database(f"mysql://u@127.0.0.1:1/d?{option}")


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(MissingExtra, match=re.escape(f"MySQL needs pymysql: {install_command('mysql')}")):
        open_database("mariadb://u@127.0.0.1:1/d")


@pytest.mark.slow
def test_a_view_of_a_denied_column_is_refused(reader: Database) -> None:
    schema = reader.read_schema()
    verdict = check("SELECT n FROM v", dialect="mysql", schema=schema, grant=Grant(deny=("t.a",)))
    assert "The view 'v' reads 't.a', which is not granted." in (verdict.reason or "")
    assert check("SELECT n FROM v", dialect="mysql", schema=schema, grant=Grant(deny=("t.b",))).allowed


def test_a_table_is_found_with_its_database_before_it(reader: Database) -> None:
    schema = reader.read_schema()
    for sql, allowed in (("SELECT shop.t.a FROM shop.t", True), ("SELECT a FROM empty.t", False)):
        assert check(sql, dialect="mysql", schema=schema).allowed == allowed
