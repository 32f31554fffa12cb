"""Gold SQL that runs and may be wrong: every smell fires when a rerun changes the answer, and not otherwise."""

from __future__ import annotations

import csv
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sqltailor.data.checks.example import WARNINGS
from sqltailor.database import Database, open_database
from sqltailor.evaluate.audit import SMELLS, audit
from sqltailor.types import Example
from tests.support import mariadb_server, postgres_server
from tests.support.cli_project import ok, run

BENCH = Path(__file__).parent.parent / "bench"
with (BENCH / "planted_faults.tsv").open(encoding="utf-8", newline="") as _file:
    PLANTED = list(csv.DictReader(_file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("harbour") / "harbour.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript((BENCH / "harbour.sql").read_text(encoding="utf-8"))
    return path


@pytest.fixture(scope="module")
def database(harbour: Path) -> Iterator[Database]:
    with open_database(str(harbour)) as database:
        yield database


def smells(sql: str, database: Database, dialect: str = "sqlite") -> dict[str, str]:
    found = audit(Example("1", (sql,), "?", dialect=dialect), database, database.read_schema())
    assert found.unanswered == 0
    return {finding.smell: finding.says for finding in found.findings}


@pytest.mark.parametrize("planted", PLANTED, ids=lambda row: row["question"])
def test_a_planted_fault_is_found_and_nothing_else(planted: dict[str, str], database: Database) -> None:
    found = smells(planted["sql"], database)
    assert planted["fault"] in found if planted["fault"] else not found


def test_what_a_rerun_showed_is_told_with_its_statement(database: Database, harbour: Path) -> None:
    before = hashlib.sha256(harbour.read_bytes()).hexdigest()
    example = Example("1", ("SELECT name FROM ship ORDER BY tonnage DESC LIMIT 1",), "?")
    [finding] = audit(example, database, database.read_schema()).findings
    assert finding.says == "tonnage as numbers: 'Eider', the gold result is 'Brisk'"
    assert database.run(finding.rerun).rows == [("Eider",)]
    tie = smells("SELECT name FROM ship WHERE id <> 7 ORDER BY built DESC LIMIT 1", database)
    assert tie == {"limit_ties": "2 rows tie for the 1 place: ('Brisk'), ('Corvo'), …"}
    assert hashlib.sha256(harbour.read_bytes()).hexdigest() == before


@pytest.mark.parametrize(
    "sql", ["SELECT nowhere FROM ship", "-- cannot answer: no prices", "SELECT name FROM ship WHERE id = 99", "SELECT"]
)
def test_what_does_not_run_or_finds_nothing_has_no_smell(sql: str, database: Database) -> None:
    assert audit(Example("1", (sql,), "?"), database, database.read_schema()).findings == ()


def test_a_slow_statement_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqltailor.evaluate.audit.probes.SLOW_S", 1e-9)
    assert list(smells("SELECT COUNT(*) FROM ship", database)) == ["slow"]


def test_every_smell_has_a_meaning() -> None:
    assert set(SMELLS) <= WARNINGS.keys()
    assert {row["fault"] for row in PLANTED} | {"slow", ""} == {*SMELLS, ""}


# on servers, whose rows and NULL sort otherwise

SERVER = (
    "CREATE TABLE gate (id INTEGER PRIMARY KEY, name VARCHAR(20), width VARCHAR(9), built DATE, depth INTEGER)",
    "INSERT INTO gate VALUES (1, 'Ost', '9', '1950-01-01', 3), (2, 'West', '12', '1960-01-01', NULL), "
    "(3, 'Nord', '24', '1960-01-01', 4), (4, 'Ost', '9', '2099-01-01', 5)",
)
ON_SERVERS = {
    "SELECT name FROM gate ORDER BY width DESC LIMIT 1": "text_order",
    "SELECT name FROM gate WHERE id < 4 ORDER BY built DESC LIMIT 1": "limit_ties",
    "SELECT id FROM gate LIMIT 2": "limit_unordered",
    "SELECT SUM(depth) FROM (SELECT depth FROM gate LIMIT 3) AS some_gates": "limit_unordered",
    "SELECT name FROM gate": "duplicate_rows",
    "SELECT COUNT(*) FROM gate WHERE built > CURRENT_DATE": "clock",
    "SELECT name, COUNT(*) FROM gate GROUP BY name": None,
    "SELECT name FROM gate WHERE depth > 3 ORDER BY depth LIMIT 1": None,
}


@pytest.fixture(params=["duckdb", "postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "duckdb":
        duckdb = pytest.importorskip("duckdb")
        with closing(duckdb.connect(str(tmp_path / "canal.duckdb"))) as db:
            for statement in SERVER:
                db.execute(statement)
        return str(tmp_path / "canal.duckdb")
    if request.param == "postgresql":
        found = postgres_server.url(postgres_server.OWNER, "canal")
        postgres_server.execute("postgres", "DROP DATABASE IF EXISTS canal", "CREATE DATABASE canal")
        postgres_server.execute("canal", *SERVER)
        return found
    found = mariadb_server.url("root", "canal")
    mariadb_server.execute("DROP DATABASE IF EXISTS canal", "CREATE DATABASE canal", "USE canal", *SERVER)
    return found


def test_smells_on_every_engine(server: str) -> None:
    with open_database(server) as database:
        for sql, smell in ON_SERVERS.items():
            found = smells(sql, database, database.dialect)
            assert smell in found if smell else not found, (sql, found)
        first = "DESC" if database.dialect == "postgres" else "ASC"  # where NULL comes first by itself
        null = smells(f"SELECT name FROM gate ORDER BY depth {first} LIMIT 1", database, database.dialect)
        assert ("null_order" in null) is (database.dialect != "duckdb")


# the command


def test_data_check_can_fail_on_a_smell(harbour: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"id": f"g{i}", "question": row["question"], "sql": row["sql"]} for i, row in enumerate(PLANTED)]
    clean = [row for row, planted in zip(rows, PLANTED, strict=True) if not planted["fault"]]
    Path("gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows[:3]))
    Path("clean.jsonl").write_text("".join(json.dumps(row) + "\n" for row in clean[:6]))
    words = ("data", "check", "gold.jsonl", "--database", str(harbour))
    told = ok(*words)
    assert "smells that reruns show: gold-check/smells.jsonl" in told.stderr
    assert run(*words, "--fail-on-smell").exit_code == 1
    found = {row["id"]: row for row in map(json.loads, Path("gold-check/smells.jsonl").read_text().splitlines())}
    assert found["g0"]["smell"] == "text_order"
    assert found["g0"]["rerun"].startswith("SELECT name FROM ship ORDER BY CAST(tonnage AS")
    assert ok("data", "check", "clean.jsonl", "--database", str(harbour), "--fail-on-smell").exit_code == 0
    assert "name it with --database" in str(run("data", "check", "gold.jsonl", "--fail-on-smell").exception)
