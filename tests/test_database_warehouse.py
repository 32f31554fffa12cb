"""Warehouses through SQLAlchemy: by its entry points SQLite answers as Trino here, and PostgreSQL as Redshift."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sqltailor.database import dialect_of, open_database
from sqltailor.database.url import is_warehouse, locate
from sqltailor.errors import DataError, MissingExtra, Refused, SQLError, Timeout
from sqltailor.types import Column, Reference
from tests.support import postgres_server
from tests.support.cli_project import ok, ok_json, run
from tests.support.missing import missing

if importlib.util.find_spec("sqlalchemy") is None:
    missing("SQLAlchemy", "pip install 'sqltailor[warehouse]'")

ENTRY_POINTS = """[sqlalchemy.dialects]
trino = sqlalchemy.dialects.sqlite.pysqlite:SQLiteDialect_pysqlite
redshift = sqlalchemy.dialects.postgresql.psycopg:PGDialect_psycopg
"""
SCRIPT = """
CREATE TABLE port (code VARCHAR(9) PRIMARY KEY, town TEXT);
CREATE TABLE ship (id INTEGER PRIMARY KEY, name TEXT, home VARCHAR(9) REFERENCES port (code), tons NUMERIC(9, 2));
CREATE VIEW big AS SELECT name FROM ship WHERE tons > 100;
INSERT INTO port VALUES ('OSL', 'Oslo'), ('BGO', 'Bergen');
INSERT INTO ship VALUES (1, 'Aurora', 'OSL', 120.5), (2, '100% Boreas', 'BGO', 80);
"""
SAID = "no read-only session, and no limit that the server enforces"


@pytest.fixture
def sea(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a Trino that is SQLite, in an empty folder."""
    names = tmp_path / "site" / "names-1.dist-info"
    names.mkdir(parents=True)
    (names / "METADATA").write_text("Metadata-Version: 2.1\nName: names\nVersion: 1\n")
    (names / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with closing(sqlite3.connect("sea.db")) as db:
        db.executescript(SCRIPT)
    return f"trino:///{tmp_path}/sea.db"


def test_the_schema_is_read(sea: str) -> None:
    with open_database(sea) as database:
        schema = database.read_schema()
        assert (database.dialect, database.warnings) == ("trino", ())
    assert [(table.name, table.is_view, table.query) for table in schema.tables] == [
        ("port", False, None), ("ship", False, None), ("big", True, "SELECT name FROM ship WHERE tons > 100"),
    ]  # fmt: skip
    assert schema.tables[1].columns == (
        Column("id", "INTEGER", True), Column("name", "TEXT"),
        Column("home", "VARCHAR(9)", references=Reference("port", "code")), Column("tons", "NUMERIC(9, 2)"),
    )  # fmt: skip


def test_nothing_runs_unless_it_is_wished(sea: str) -> None:
    with open_database(sea) as database, pytest.raises(Refused, match=f"On trino there is {SAID}.*--unprotected"):
        database.run("SELECT name FROM ship")


def test_unprotected_it_runs_and_says_what_is_missing(sea: str) -> None:
    with open_database(sea, unprotected=True) as database:
        [warning] = database.warnings
        assert SAID in warning
        found = database.run("SELECT name, tons, date('2024-01-02') AS day FROM ship ORDER BY id", max_rows=1)
        assert (found.columns, found.rows, found.truncated) == (
            ("name", "tons", "day"), [("Aurora", 120.5, "2024-01-02")], True,
        )  # fmt: skip
        assert database.run("SELECT name FROM ship WHERE name LIKE '100%%'").rows == [("100% Boreas",)]
        assert database.read_schema(samples=2).tables[0].columns[1].samples == ("Bergen", "Oslo")
        for refused in ("DELETE FROM ship", "PRAGMA user_version = 7", "/* SELECT */ DROP TABLE ship", ""):
            with pytest.raises(Refused, match="Only SELECT"):
                database.run(refused)
        with pytest.raises(SQLError, match="no such column: nme"):
            database.run("SELECT nme FROM ship")
        with pytest.raises(SQLError, match="one statement at a time"):
            database.run("SELECT 1; DELETE FROM ship")
        assert database.run("SELECT count(*) FROM ship").rows == [(2,)]


def test_a_write_behind_with_is_rolled_back(sea: str) -> None:
    with open_database(sea, unprotected=True) as database:
        with pytest.raises(SQLError):
            database.run("WITH x AS (SELECT 1) DELETE FROM ship")
        assert database.run("SELECT count(*) FROM ship").rows == [(2,)]


def test_the_process_ends_when_time_is_up(sea: str) -> None:
    with open_database(sea, unprotected=True) as database:
        with pytest.raises(Timeout):
            database.run(
                "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c", timeout_s=0.3
            )
        assert database.run("SELECT 1").rows == [(1,)]


def test_postgresql_as_redshift(sea: str) -> None:
    postgres_server.url(postgres_server.OWNER)
    postgres_server.execute("postgres", "CREATE DATABASE redshifted")
    postgres_server.execute(
        "redshifted", SCRIPT, "COMMENT ON TABLE ship IS 'What sails'", "COMMENT ON COLUMN ship.tons IS 'gross'"
    )
    url = postgres_server.url(postgres_server.OWNER, "redshifted").replace("postgresql:", "redshift:")
    with open_database(url) as database:
        assert database.dialect == "redshift"
        _, ship, big = database.read_schema().tables
        with pytest.raises(Refused, match="On redshift"):
            database.run("SELECT 1")
    assert (ship.comment, ship.columns[3].comment, ship.columns[2].references) == (
        "What sails", "gross", Reference("port", "code"),
    )  # fmt: skip
    assert (big.is_view, ship.namespace, ship.home) == (True, None, ("public",))
    with open_database(url, unprotected=True) as database:
        found = database.run("SELECT name, tons, timestamp '2024-01-02 03:04:05' FROM ship WHERE name LIKE '%a'")
        assert found.rows == [("Aurora", 120.5, "2024-01-02 03:04:05")]
        with pytest.raises(SQLError, match="INTO is not allowed"):
            database.run("WITH d AS (DELETE FROM ship RETURNING id) SELECT 1 INTO TEMP t")
        with pytest.raises(SQLError, match="must not contain data-modifying"):
            database.run("WITH d AS (DELETE FROM ship RETURNING id) SELECT count(*) FROM d")
        assert database.run("SELECT count(*) FROM ship").rows == [(2,)]


@pytest.mark.parametrize(
    ("url", "dialect", "shown"),
    [
        (
            "snowflake://u:pw@account/db/schema?warehouse=w",
            "snowflake",
            "snowflake://u:***@account/db/schema?warehouse=w",
        ),
        (
            "bigquery://project/data?credentials_base64=abc",
            "bigquery",
            "bigquery://project/data?credentials_base64=***",
        ),
        ("databricks://token:dapi1@host?http_path=p", "databricks", "databricks://token:***@host?http_path=p"),
        ("mssql+pyodbc://u:pw@host/db?driver=x", "tsql", "mssql+pyodbc://u:***@host/db?driver=x"),
        ("trino://u@host:8080/hive", "trino", "trino://u@host:8080/hive"),
        ("redshift+psycopg2://u:pw@host/db", "redshift", "redshift+psycopg2://u:***@host/db"),
    ],
)
def test_urls(url: str, dialect: str, shown: str) -> None:
    assert (dialect_of(url), locate(url).shown, locate(url).url, is_warehouse(url)) == (dialect, shown, url, True)


def test_a_driver_that_is_missing_is_named(sea: str) -> None:
    with pytest.raises(
        DataError, match=r"snowflake://u:\*\*\*@account/db needs a driver: .*snowflake.* Next: pip install"
    ):
        open_database("snowflake://u:geheim99@account/db")


def test_what_cannot_be_reached_says_so_without_the_password(sea: str) -> None:
    with pytest.raises(DataError, match="cannot be reached") as caught:
        open_database("redshift://u:geheim99@127.0.0.1:1/db")
    assert "geheim99" not in str(caught.value)


def test_sqlalchemy_itself_is_an_extra(sea: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(MissingExtra, match=r"needs sqlalchemy: pip install .*warehouse"):
        open_database(sea)


def test_asking_and_checking_on_the_command_line(sea: str, caplog: pytest.LogCaptureFixture) -> None:
    Path("answer.sql").write_text("SELECT name FROM ship WHERE tons > 100")
    asked = ("ask", "Which ships are big?", "--model", "echo:answer.sql", "--database", sea)
    assert ok(*asked).stdout.strip() == "SELECT name FROM ship WHERE tons > 100"
    refused = run(*asked, "--run")
    assert (refused.exit_code, SAID in refused.stderr) == (1, True)
    assert ok_json(*asked, "--run", "--unprotected")["rows"] == [["Aurora"]]
    Path("answer.sql").write_text("DELETE FROM ship")
    assert run(*asked, "--run", "--unprotected").exit_code == 1
    row = {"id": "a", "question": "Which ships are big?", "sql": ["SELECT name FROM ship WHERE tons > 100"]}
    Path("gold.jsonl").write_text(json.dumps(row) + "\n")
    ok("data", "check", "gold.jsonl", "--database", sea)
    assert "only the names are checked" in caplog.text
    assert "database.unprotected=true" in str(run("data", "synth", sea, "-n", "5").exception)
    scored = ("eval", "--model", "gold", "--data", "gold.jsonl", "--database", sea, "--json")
    compared = run(*scored, "--out", "compared")
    assert "a warehouse, without --unprotected: SQL was compared" in compared.stderr
    assert "execution" not in json.loads(compared.stdout)["models"]["gold"]
    assert ok_json(*scored, "--unprotected", "--out", "run")["models"]["gold"]["execution"]["value"] == 1
