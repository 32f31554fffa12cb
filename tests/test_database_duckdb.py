"""DuckDB: what a statement can do without the guard, and what it cannot."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqltailor.database import Database, open_database
from sqltailor.errors import DataError, MissingExtra, Refused, SQLError, Timeout, install_command
from sqltailor.sql.guard import check
from sqltailor.types import Column, Grant, Reference, Schema

duckdb = pytest.importorskip("duckdb")

MIB = 1 << 20

TABLES = """
CREATE SEQUENCE counter;
CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER, d DATE, name TEXT, "weird col" TEXT, l INTEGER[], m DECIMAL(10,2));
INSERT INTO t VALUES (1, 2, '2024-01-31', 'x; DROP TABLE t; --', NULL, [1, 2], 1.50),
    (3, 4, NULL, 'y', NULL, NULL, NULL);
CREATE TABLE "order" (id INTEGER, "group" INTEGER REFERENCES t (a));
CREATE VIEW v AS SELECT a, count(*) AS n FROM t GROUP BY a;
CREATE MACRO above(x) AS TABLE SELECT a FROM t WHERE a > x;
CREATE SCHEMA other;
CREATE TABLE other.u (x INTEGER, y INTEGER, z VARCHAR, PRIMARY KEY (y, x));
CREATE TABLE other.w (p INTEGER, q INTEGER, FOREIGN KEY (p, q) REFERENCES other.u (y, x));
COMMENT ON TABLE t IS 'things';
COMMENT ON COLUMN t.b IS 'how many';
COMMENT ON VIEW v IS 'counted';
"""


def make(path: Path, script: str = TABLES) -> Path:
    connection = duckdb.connect(str(path))
    connection.execute(script)
    connection.close()
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("duckdb") / "t.duckdb")


@pytest.fixture(scope="module")
def database(path: Path) -> Iterator[Database]:
    with open_database(f"duckdb:///{path}", timeout_s=2.0, max_bytes=64 * MIB) as database:
        yield database


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


DENIED = [
    "INSERT INTO t VALUES (9)",
    "UPDATE t SET a = 0",
    "DELETE FROM t",
    "TRUNCATE t",
    "WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x",
    "WITH x AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM x",
    "CREATE TABLE z (a INTEGER)",
    "CREATE TEMP TABLE z AS SELECT * FROM t",
    "CREATE TEMP MACRO f() AS 1",
    "DROP TABLE t",
    "ALTER TABLE t ADD COLUMN x INTEGER",
    "COPY t TO 'o.csv'",
    "COPY (SELECT * FROM t) TO 'o.parquet'",
    "COPY t FROM '/etc/passwd'",
    "EXPORT DATABASE 'exp'",
    "IMPORT DATABASE 'exp'",
    "ATTACH 'evil.duckdb' AS e",
    "ATTACH ':memory:' AS m",
    "DETACH t",
    "USE other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET threads = 64",
    "SET memory_limit = '100GB'",
    "SET temp_directory = '/tmp/x'",
    "SET VARIABLE x = 1",
    "RESET threads",
    "PRAGMA enable_profiling",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "CHECKPOINT",
    "VACUUM",
    "ANALYZE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "PREPARE q AS SELECT 1",
    "EXECUTE q",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "DESCRIBE t",
    "SHOW TABLES",
    "SUMMARIZE t",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd', header = false, sep = '|')",
    "FROM read_text('/etc/passwd')",
    "FROM read_blob('/etc/passwd')",
    "SELECT * FROM (SELECT * FROM (SELECT * FROM glob('/etc/*')))",
    "SELECT (SELECT max(content) FROM read_text('/etc/passwd'))",
    "WITH x AS (FROM read_text('/etc/passwd')) SELECT 1 WHERE EXISTS (FROM x)",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM 't.csv'",
    "SELECT * FROM parquet_scan('x')",
    "SELECT * FROM READ_CSV('x')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('t')",
    "SELECT * FROM main.query('SELECT 1')",
    "SELECT * FROM json_execute_serialized_sql('{}')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT path FROM duckdb_databases()",
    "SELECT * FROM duckdb_tables",
    "SELECT sql FROM sqlite_master",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM INFORMATION_SCHEMA.TABLES",
    "SELECT * FROM pragma_table_info('t')",
    "SELECT current_setting('memory_limit')",
    "SELECT nextval('counter')",
    "SELECT a FROM t ORDER BY nextval('counter')",
    "SELECT sleep_ms(10)",
    "SELECT pg_sleep(0.01)",
    "SELECT write_log('x')",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE t",
    "SELECT 1 --\n; DROP TABLE t",
    "",
    "-- nothing",
    ";",
]


@pytest.mark.parametrize("sql", DENIED)
def test_is_denied_and_changes_nothing(database: Database, path: Path, sql: str) -> None:
    before = files(path)
    with pytest.raises(Refused) as error:
        database.run(sql)
    assert error.value.layer == "role"
    assert files(path) == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT no_such_column FROM t",
        'SELECT "x" FROM t',
        "SELECT a FROM nowhere",
        "SELECT * FROM '/etc/passwd'",
        "SELECT nosuch(a) FROM t",
        "SELECT * FROM local_python_dataframe",
        "SELECT * INTO loot FROM t",
        "SELEC",
        "SELECT (",
        "SELECT 1 /* not closed",
        "SELECT getenv('HOME')",
        "SELECT x.query() FROM (SELECT 'SELECT 1' AS x) x",
        "SELECT 'a\0'",
        "SELECT '\ud800'",
        "SELECT CAST('x' AS INTEGER)",
        "SELECT " + "(" * 3000 + "1" + ")" * 3000,
    ],
)
def test_is_an_error_of_the_statement(database: Database, sql: str) -> None:
    local_python_dataframe = [1]
    assert local_python_dataframe
    with pytest.raises(SQLError) as error:
        database.run(sql)
    assert type(error.value) is SQLError


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(100000000000)",
        "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = 7",
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c",
    ],
)
def test_time_limit_is_kept(database: Database, sql: str) -> None:
    started = time.monotonic()
    with pytest.raises(Timeout, match=r"longer than 0\.3 s"):
        database.run(sql, timeout_s=0.3)
    assert time.monotonic() - started < 1.6
    assert database.run("SELECT 1").rows == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT list_sum(range(3000000000))",
        "SELECT repeat('x', 1000000000)",
        "SELECT string_agg(repeat('x', 1000000), '') FROM range(1000)",
        "SELECT list(range) FROM range(100000000)",
        "SELECT DISTINCT repeat('x', 1000) || range FROM range(10000000)",
        "SELECT repeat('x', 1000) || range FROM range(10000000) ORDER BY 1",
        "SELECT repeat('x', 1000000) FROM range(20)",
    ],
)
def test_memory_is_capped(database: Database, sql: str) -> None:
    with pytest.raises(Refused) as error:
        database.run(sql, timeout_s=10)
    assert error.value.layer == "limits"
    assert database.run("SELECT 1").rows == [(1,)]


def test_result_is_cut_at_the_row_cap(database: Database) -> None:
    result = database.run("SELECT range AS n FROM range(100000000)", max_rows=3)
    assert (result.columns, result.rows, result.truncated) == (("n",), [(0,), (1,), (2,)], True)
    assert not database.run("SELECT a FROM t", max_rows=2).truncated


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT 1;", [(1,)]),
        ("/* report */ SELECT a FROM t -- trailing", [(1,), (3,)]),
        ("SELECT DATE '2024-01-31'; -- trailing", [("2024-01-31",)]),
        ("(SELECT 1) UNION ALL (SELECT 2)", [(1,), (2,)]),
        ("VALUES (1), (2)", [(1,), (2,)]),
        ("FROM t SELECT a", [(1,), (3,)]),
        ("SELECT a FROM t WHERE name = 'x; DROP TABLE t; --'", [(1,)]),
        ("SELECT 1 AS \"delete\", $$; DROP TABLE t; --$$", [(1, "; DROP TABLE t; --")]),
        ("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n<3) SELECT * FROM c", [(1,), (2,), (3,)]),
        ("SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t", [(2.0,)]),
        ("SELECT a, row_number() OVER (ORDER BY a DESC) FROM t ORDER BY a", [(1, 2), (3, 1)]),
        ("SELECT count(*) FROM \"order\" WHERE \"group\" = 1", [(0,)]),
        ("SELECT value FROM json_each('[1,2]')", [("1",), ("2",)]),
        ("SELECT * FROM unnest([1, 2])", [(1,), (2,)]),
        ("SELECT * FROM range(2)", [(0,), (1,)]),
        ("SELECT a FROM v ORDER BY a", [(1,), (3,)]),
        ("SELECT a FROM above(1)", [(3,)]),
        ("SELECT count(*) FROM other.u", [(0,)]),
        ("SELECT current_date IS NOT NULL, sum(a), 1e30::HUGEINT FROM t", [(True, 4, 10**30 + 19884624838656)]),
        ("SELECT m, sum(a), avg(a), 2::DECIMAL(5,0) FROM t WHERE a = 1 GROUP BY m", [(1.5, 1, 1.0, 2)]),
        ("SELECT 'é', '\\xFF'::BLOB, true, NULL, 'inf'::DOUBLE", [("é", b"\xff", True, None, float("inf"))]),
        ("SELECT d, l FROM t ORDER BY a DESC", [(None, None), ("2024-01-31", "[1, 2]")]),
        ("SELECT 'infinity'::DATE, '0044-01-01 (BC)'::DATE, TIMESTAMPTZ '2024-01-01 00:00:00+00'",
            [("infinity", "0044-01-01 (BC)", "2024-01-01 00:00:00+00")]),
        ("SELECT {'a': [1]}, INTERVAL 1 DAY, TIME '10:00', 'a'::ENUM ('a')",
            [("{'a': [1]}", "1 day", "10:00:00", "a")]),
    ],
)  # fmt: skip
def test_runs(database: Database, sql: str, rows: list[tuple[object, ...]]) -> None:
    assert database.run(sql).rows == rows


def test_names_its_columns(database: Database) -> None:
    assert database.run('SELECT d, a AS "weird ""x", a AS d, count(*) FROM t GROUP BY ALL').columns == (
        "d",
        'weird "x',
        "d",
        "count_star()",
    )


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"No such file: .*/no\.duckdb"):
        open_database(f"duckdb:///{tmp_path}/no.duckdb")
    assert not list(tmp_path.iterdir())


def test_no_tables(tmp_path: Path) -> None:
    path = make(tmp_path / "e.duckdb", "CREATE TABLE t (a INTEGER); DROP TABLE t;")
    with pytest.raises(DataError, match=rf"{path} has no tables\. Next: duckdb"):
        open_database(str(path))


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.duckdb"
    path.write_text("dear diary, " * 1000)
    with pytest.raises(DataError, match=rf"{path} cannot be opened: .*not a valid DuckDB.* Next: duckdb"):
        open_database(f"duckdb:///{path}")


def test_locked(tmp_path: Path) -> None:
    path = make(tmp_path / "t.duckdb")
    script = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(DataError, match=rf"{path} is locked by another program\. Next:"):
            open_database(f"duckdb:///{path}")
        writer.kill()


def test_changes_that_wait_in_the_log_are_read(tmp_path: Path) -> None:
    path = make(tmp_path / "t.duckdb", "CREATE TABLE t (a INTEGER)")
    writer = duckdb.connect(str(path), config={"checkpoint_threshold": "1GB"})
    writer.execute("INSERT INTO t VALUES (7)")
    crashed = tmp_path / "crashed.duckdb"
    crashed.write_bytes(path.read_bytes())
    (tmp_path / "crashed.duckdb.wal").write_bytes((tmp_path / "t.duckdb.wal").read_bytes())
    writer.close()
    with open_database(f"duckdb:///{crashed}") as database:
        assert database.run("SELECT a FROM t").rows == [(7,)]


def test_a_missing_driver_names_the_extra(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(MissingExtra, match=re.escape(f"DuckDB needs duckdb: {install_command('duckdb')}")):
        open_database(f"duckdb:///{path}")


def columns(schema: Schema, table: str) -> dict[str, Column]:
    return {c.name: c for t in schema.tables if t.name == table for c in t.columns}


def test_schema(database: Database) -> None:
    schema = database.read_schema(samples=1)
    assert [(t.namespace, t.name, t.is_view, t.comment) for t in schema.tables] == [
        (None, "t", False, "things"),
        (None, "order", False, None),
        (None, "v", True, "counted"),
        ("other", "u", False, None),
        ("other", "w", False, None),
    ]
    assert columns(schema, "t")["a"] == Column("a", "INTEGER", primary_key=True, samples=(1,))
    assert columns(schema, "t")["b"] == Column("b", "INTEGER", comment="how many", samples=(2,))
    assert columns(schema, "t")["l"].samples == ("[1, 2]",)
    assert columns(schema, "t")["m"] == Column("m", "DECIMAL(10,2)", samples=(1.5,))
    assert columns(schema, "v")["n"].type == "BIGINT"
    assert columns(schema, "order")["group"].references == Reference("t", "a")
    assert [c.primary_key for c in columns(schema, "u").values()] == [True, True, False]
    assert columns(schema, "w")["p"].references == Reference("u", "y", "other")
    assert columns(schema, "w")["q"].references == Reference("u", "x", "other")
    assert {t.namespace for t in database.read_schema(namespaces=["nothing"]).tables} == {None}


def test_a_view_of_a_denied_column_is_refused(tmp_path: Path) -> None:
    sql = "CREATE TABLE k (id INTEGER, email TEXT); CREATE VIEW alle AS FROM k; CREATE VIEW ids AS SELECT id FROM k;"
    with open_database(f"duckdb:///{make(tmp_path / 'k.duckdb', sql)}") as database:
        schema = database.read_schema()
    grant = Grant(deny=("k.email",))
    verdict = check("SELECT email FROM alle", dialect="duckdb", schema=schema, grant=grant)
    assert "The view 'alle' reads 'k.email', which is not granted." in (verdict.reason or "")
    assert check("SELECT id FROM ids", dialect="duckdb", schema=schema, grant=grant).allowed
