"""The role that may read what is granted: its SQL, and what `check-sql` and `doctor` say of it and of others."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sqltailor.database import open_database
from sqltailor.database.read_role import PASSWORD, ROLE, read_role
from sqltailor.doctor import Check, examine
from sqltailor.errors import SQLError
from sqltailor.sql.guard.granted_views import visible
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Column, Grant, Schema, Table
from tests.support import mariadb_server, postgres_server
from tests.support.cli_project import run

SHOP = from_ddl(
    'CREATE TABLE customer (id INT, email TEXT); CREATE TABLE "order" (id INT); CREATE TABLE secret (s TEXT);'
)
GRANT = Grant(deny=("secret", "customer.email"))


def test_postgres_grants_tables_and_columns_and_no_more() -> None:
    shop = Schema((*SHOP.tables, Table("Log", (Column("id"),), namespace="audit")))
    role = read_role(shop, visible(shop, GRANT, "postgres"), "postgres", database="my shop")
    assert role[0].startswith("CREATE ROLE sqltailor_reader LOGIN PASSWORD 'choose-a-password' NOSUPERUSER ")
    assert role[1:] == [
        "ALTER ROLE sqltailor_reader SET default_transaction_read_only = on",
        'GRANT CONNECT ON DATABASE "my shop" TO sqltailor_reader',
        "GRANT USAGE ON SCHEMA public TO sqltailor_reader",
        "GRANT USAGE ON SCHEMA audit TO sqltailor_reader",
        "GRANT SELECT (id) ON customer TO sqltailor_reader",
        'GRANT SELECT ON "order" TO sqltailor_reader',
        'GRANT SELECT ON audit."Log" TO sqltailor_reader',
    ]


def test_mysql_grants_tables_columns_and_the_query_of_views() -> None:
    shop = Schema((*SHOP.tables, Table("totals", (Column("n"),), is_view=True)))
    role = read_role(shop, visible(shop, GRANT, "mysql"), "mysql", database="shop")
    assert role == [
        "CREATE USER 'sqltailor_reader'@'%' IDENTIFIED BY 'choose-a-password'",
        "GRANT SELECT (id) ON `shop`.`customer` TO 'sqltailor_reader'@'%'",
        "GRANT SELECT ON `shop`.`order` TO 'sqltailor_reader'@'%'",
        "GRANT SELECT, SHOW VIEW ON `shop`.`totals` TO 'sqltailor_reader'@'%'",
    ]


def test_a_file_has_no_roles() -> None:
    assert read_role(SHOP, SHOP, "sqlite", database="shop") == []


# On real servers


DDL = (
    "CREATE TABLE customer (id INTEGER, email TEXT, file TEXT)",
    'CREATE TABLE "order" (id INTEGER, customer_id INTEGER)',
    "CREATE TABLE secret (s TEXT)",
)
STORED = from_ddl(";".join(DDL))
CORPUS = """\
fine\tPASS\tSELECT count(*) FROM customer WHERE id > 1
star\tAUTHZ\tSELECT * FROM customer
column\tAUTHZ\tSELECT id FROM customer ORDER BY email
table\tAUTHZ\tSELECT s FROM secret
write\tREJECT\t-- tidy up\\nDELETE FROM customer
two\tREJECT\tSELECT 1; DROP TABLE customer
"""


def in_sqlite(folder: Path) -> tuple[str, str]:
    with closing(sqlite3.connect(folder / "shop.db")) as db:
        db.executescript(";".join(DDL))
    return f"sqlite:///{folder / 'shop.db'}", ""


def in_duckdb(folder: Path) -> tuple[str, str]:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect(str(folder / "shop.duckdb")) as db:
        db.execute(";".join(DDL))
    return f"duckdb:///{folder / 'shop.duckdb'}", ""


def in_postgres(_: Path) -> tuple[str, str]:
    role = read_role(STORED, visible(STORED, GRANT, "postgres"), "postgres", database="least")
    postgres_server.execute("postgres", "DROP DATABASE IF EXISTS least", "CREATE DATABASE least")
    postgres_server.execute("least", f"DROP ROLE IF EXISTS {ROLE}", *DDL, *role)
    return postgres_server.url(postgres_server.OWNER, "least"), postgres_server.url(ROLE, "least")


def in_mariadb(_: Path) -> tuple[str, str]:
    owner = mariadb_server.url("root", "least")
    role = read_role(STORED, visible(STORED, GRANT, "mysql"), "mysql", database="least")
    tables = [statement.replace('"', "`") for statement in DDL]
    mariadb_server.execute(
        "CREATE OR REPLACE DATABASE least", "USE least", f"DROP USER IF EXISTS {ROLE}", *tables, *role
    )
    return owner, mariadb_server.url(ROLE, "least", PASSWORD)


Made = Callable[[Path], tuple[str, str]]
SERVERS = [in_postgres, pytest.param(in_mariadb, marks=pytest.mark.slow)]


@pytest.mark.parametrize("make", [in_sqlite, in_duckdb, *SERVERS])
def test_check_sql_judges_a_file_by_the_schema_of_a_database(
    make: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url, _ = make(tmp_path)
    Path("corpus.tsv").write_text(CORPUS)
    grant = ("--deny", "secret", "--deny", "customer.email")
    result = run("check-sql", "--file", "corpus.tsv", "--database", url, *grant, "--json")
    assert result.exit_code == 1, result.output
    assert [(row["id"], row["allowed"], row["layer"]) for row in json.loads(result.stdout)] == [
        ("fine", True, None),
        ("star", False, "policy"),
        ("column", False, "policy"),
        ("table", False, "policy"),
        ("write", False, "policy"),
        ("two", False, "parse"),
    ]


@pytest.mark.parametrize("make", SERVERS)
def test_init_prints_the_role_of_the_server(make: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    owner, _ = make(tmp_path)
    result = run("init", owner, "--out", str(tmp_path / "new"), "--deny", "secret", "--deny", "customer.email")
    assert result.exit_code == 0, result.output
    printed = result.stdout.split("for an administrator to make:\n")[1].splitlines()
    dialect = "postgres" if owner.startswith("postgres") else "mysql"
    role = read_role(STORED, visible(STORED, GRANT, dialect), dialect, database="least")
    assert sorted(printed) == sorted(f"  {statement};" for statement in role)
    assert "deny:" in (tmp_path / "new" / "recipe.yaml").read_text()


@pytest.mark.parametrize("make", SERVERS)
def test_the_role_reads_what_is_granted_and_nothing_else(make: Made, tmp_path: Path) -> None:
    _, url = make(tmp_path)
    with open_database(url) as database:
        assert {t.name: [c.name for c in t.columns] for t in database.read_schema().tables} == {
            "customer": ["id", "file"],
            "order": ["id", "customer_id"],
        }
        assert database.run("SELECT count(id) FROM customer").rows == [(0,)]
        for sql in ("SELECT * FROM customer", "SELECT email FROM customer", "SELECT s FROM secret"):
            with pytest.raises(SQLError):
                database.run(sql)
        assert database.warnings == ()


@pytest.mark.parametrize("make", SERVERS)
def test_the_doctor_reports_a_role_that_may_more(make: Made, tmp_path: Path) -> None:
    def examined(url: str) -> Check:
        (tmp_path / "recipe.yaml").write_text("database: {url: '${DATABASE_URL}'}\n")
        return next(c for c in examine(cwd=tmp_path, env={"DATABASE_URL": url}) if c.name == "database")

    owner, reader = map(examined, make(tmp_path))
    assert (owner.status, reader.status, reader.remedy) == ("warn", "ok", None)
    assert "is a superuser" in owner.found or "ALL PRIVILEGES" in owner.found
    assert "sqltailor init" in (owner.remedy or "")


def test_every_right_that_a_postgres_role_should_not_have_is_named(tmp_path: Path) -> None:
    _, url = in_postgres(tmp_path)
    postgres_server.execute(
        "least",
        f"ALTER ROLE {ROLE} CREATEDB",
        f"GRANT pg_read_server_files TO {ROLE}",
        f"GRANT INSERT ON secret TO {ROLE}",
    )
    with open_database(url) as database:
        assert database.warnings == (
            f"The role {ROLE} may use files of the server and may manage roles, databases, replication or row security "
            "and may write: use a role that may only SELECT.",
        )


@pytest.mark.slow
def test_a_right_that_mariadb_lets_pass_on_is_named(tmp_path: Path) -> None:
    _, url = in_mariadb(tmp_path)
    mariadb_server.execute(
        f"GRANT SELECT ON least.customer TO {ROLE} WITH GRANT OPTION", f"GRANT PROCESS ON *.* TO {ROLE}"
    )
    with open_database(url) as database:
        assert database.warnings == ("The role may PROCESS, GRANT OPTION: use a role that may only SELECT.",)
