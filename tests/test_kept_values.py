"""Stored values on disk: read again only where something changed, seen by nobody else, never more than is granted."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from sqltailor import project
from sqltailor.database import Database, open_database
from sqltailor.errors import SQLError
from sqltailor.project import Project
from sqltailor.prompt import kept_values
from sqltailor.prompt.hints import Linker, TableValues, read_values
from sqltailor.prompt.kept_values import kept_linker
from sqltailor.recipe import load_recipe
from sqltailor.types import Cell, Table
from tests.support import mariadb_server, postgres_server

FILE = Path("kept/x.values")
SCRIPT = """
CREATE TABLE port (code VARCHAR(9), town VARCHAR(40));
CREATE TABLE ship (name VARCHAR(40), kind VARCHAR(40), master VARCHAR(40));
INSERT INTO port VALUES ('C7', 'Haven 7'), ('C8', 'Haven 8');
INSERT INTO ship VALUES ('Aurora', 'tanker', 'ida@sea.org'), ('Boreas', 'ferry', 'bo@sea.org');
"""
QUESTION = "Does the ferry Boreas call at Haven 7, or the Aurora?"
FOUND = ["ship.kind = 'ferry'", "ship.name = 'Boreas'", "port.town = 'Haven 7'", "ship.name = 'Aurora'"]


@pytest.fixture
def sea(tmp_path: Path) -> Path:
    """A SQLite file that nobody has just written."""
    path = tmp_path / "sea.db"
    change(path, SCRIPT)
    return path


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.executescript(statement)
    settle(path)


def settle(path: Path) -> None:
    """Let the next write of a file have another time stamp: each is 10 s after the one before."""
    last = settle.__dict__.get(str(path), time.time() - 3_600)
    settle.__dict__[str(path)] = last + 10
    os.utime(path, (last, last))


def link(url: str | Path) -> tuple[Linker, list[str]]:
    """Return what a new command makes of a database, and the tables that it reads."""
    with open_database(str(url)) as database:
        return link_open(database)


def link_open(database: Database, unreadable: str = "") -> tuple[Linker, list[str]]:
    read_tables: list[str] = []

    def read(table: Table, judged: Mapping[str, str]) -> TableValues:
        def fetch(sql: str) -> list[tuple[Cell, ...]]:
            if table.name == unreadable:
                raise SQLError("locked")
            return database.run(sql, max_rows=20_001).rows

        read_tables.append(table.name)
        return read_values(table, fetch, database.dialect, personal=False, judged=judged)

    return kept_linker(FILE, database.read_schema(), read, database.table_states), read_tables


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_next_command_reads_nothing_and_finds_the_same(sea: Path) -> None:
    first, read = link(sea)
    assert (first.hints(QUESTION, 8), read) == (FOUND, ["port", "ship"])
    second, read = link(sea)
    assert (second.hints(QUESTION, 8), read) == (FOUND, [])
    assert [s.table.name for s in second.find("tanker")] == ["ship"]


def test_columns_keep_the_order_of_the_schema_after_a_change(sea: Path) -> None:
    change(sea, "INSERT INTO ship VALUES ('Haven 7', 'Haven 7', NULL)")
    link(sea)
    change(sea, "INSERT INTO port VALUES ('Z', 'Zeebrugge')")
    named = link(sea)[0].hints("Haven 7 or Zeebrugge", 8)
    assert named == [
        "port.town = 'Haven 7'",
        "ship.name = 'Haven 7'",
        "ship.kind = 'Haven 7'",
        "port.town = 'Zeebrugge'",
    ]


def test_a_change_of_the_file_is_seen(sea: Path) -> None:
    link(sea)
    change(sea, "UPDATE ship SET name = 'Calypso' WHERE name = 'Aurora'")
    linker, read = link(sea)
    assert (linker.hints("Aurora or Calypso", 8), read) == (["ship.name = 'Calypso'"], ["port", "ship"])
    assert link(sea)[1] == []


def test_a_file_that_was_just_written_is_read_again(sea: Path) -> None:
    link(sea)
    os.utime(sea)
    assert link(sea)[1] == ["port", "ship"]
    assert link(sea)[0].hints(QUESTION, 8) == FOUND


def test_changes_in_a_write_ahead_log_are_seen(sea: Path) -> None:
    with closing(sqlite3.connect(sea)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("INSERT INTO ship VALUES ('Doris', 'tug', NULL)")
        db.commit()
        log = sea.with_name("sea.db-wal")
        settle(sea)
        settle(log)
        assert link(sea)[0].hints("Doris", 8) == ["ship.name = 'Doris'"]
        assert link(sea)[1] == []
        db.execute("UPDATE ship SET name = 'Erato' WHERE name = 'Doris'")
        db.commit()
        settle(log)
        assert link(sea)[0].hints("Doris, Erato", 8) == ["ship.name = 'Erato'"]


def test_a_changed_schema_is_seen_table_by_table(sea: Path) -> None:
    link(sea)
    change(sea, "ALTER TABLE ship ADD COLUMN flag TEXT", "UPDATE ship SET flag = 'Malta'", "DROP TABLE port")
    linker, _ = link(sea)
    assert linker.hints("Boreas of Malta in Haven 7", 8) == ["ship.name = 'Boreas'", "ship.flag = 'Malta'"]
    assert b"Haven 7" not in kept()


def kept() -> bytes:
    """Return all that is kept on disk."""
    return b"".join(file.read_bytes() for file in Path("kept").iterdir())


def test_what_looks_personal_is_not_written(sea: Path) -> None:
    link(sea)
    assert b"Boreas" in kept()
    assert b"sea.org" not in kept()
    change(sea, "UPDATE ship SET name = name || '@sea.org'")  # what was fit to be shown may no longer be
    assert link(sea)[0].hints("Boreas@sea.org, a ferry", 8) == ["ship.kind = 'ferry'"]
    assert b"oreas" not in kept()


def test_only_its_owner_can_read_the_file(sea: Path) -> None:
    old = os.umask(0)
    try:
        link(sea)
        change(sea, "INSERT INTO port VALUES ('Z', 'Zeebrugge')")
        link(sea)
    finally:
        os.umask(old)
    [file] = Path("kept").iterdir()
    assert (file.stat().st_mode & 0o777, Path("kept").stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_file_of_another_user_is_not_believed(sea: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link(sea)
    monkeypatch.setattr(os, "getuid", lambda: 12_345)
    assert link(sea)[1] == ["port", "ship"]


BREAK: dict[str, Callable[[Path], object]] = {
    "empty": lambda file: file.write_bytes(b""),
    "torn": lambda file: file.write_bytes(file.read_bytes()[:9_000]),
    "none": lambda file: file.write_text("not a database"),
    "overwritten": lambda file: file.write_bytes(file.read_bytes()[:4_096] + os.urandom(file.stat().st_size - 4_096)),
    "of another layout": lambda file: change(file, "DROP TABLE named"),
    "a state that is no JSON": lambda file: change(file, "UPDATE source SET hashes = '{', state = 'x'"),
    "a value that is no JSON": lambda file: change(file, "UPDATE named SET value = '{'"),
}


@pytest.mark.parametrize("fault", BREAK)
def test_a_broken_file_is_made_anew(fault: str, sea: Path) -> None:
    link(sea)
    BREAK[fault](FILE)
    change(sea, "INSERT INTO port VALUES ('Z', 'Zeebrugge')")
    with open_database(str(sea)) as database:  # which stays open: a fault may show only in use
        linker, _ = link_open(database)
        assert linker.hints("Zeebrugge", 8) == ["port.town = 'Zeebrugge'"]
        assert linker.hints(QUESTION, 8) == FOUND
    linker, read_tables = link(sea)
    assert (linker.hints(QUESTION, 8), read_tables) == (FOUND, [])


def test_a_file_that_goes_away_in_use_is_made_anew(sea: Path) -> None:
    link(sea)
    with open_database(str(sea)) as database:
        linker, _ = link_open(database)
        FILE.unlink()
        assert linker.hints(QUESTION, 8) == FOUND
    assert link(sea)[1] == []


def test_where_nothing_can_be_kept_hints_are_as_good(sea: Path, caplog: pytest.LogCaptureFixture) -> None:
    Path("kept").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert link(sea)[0].hints(QUESTION, 8) == FOUND
    assert "read again by the next command" in caplog.text


def test_a_table_that_could_not_be_read_is_tried_again(sea: Path) -> None:
    with open_database(str(sea)) as database:
        linker, _ = link_open(database, unreadable="ship")
        assert linker.hints(QUESTION, 8) == ["port.town = 'Haven 7'"]
    linker, read_tables = link(sea)
    assert (linker.hints(QUESTION, 8), read_tables) == (FOUND, ["ship"])


def test_the_least_recently_used_files_are_dropped(sea: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_values, "KEPT", 2)
    Path("kept").mkdir()
    for number, name in enumerate(("old.values", "used.values", ".a.values.part", "other.txt")):
        Path("kept", name).touch()
        os.utime(Path("kept", name), (1_000 + number, 1_000 + number))
    link(sea)
    assert sorted(os.listdir("kept")) == ["other.txt", "used.values", "x.values"]


PROCESS = """
import sys
from sqltailor.project import Project
from sqltailor.recipe import load_recipe
with Project(load_recipe(None, ["database.url=sqlite:///sea.db"]).recipe) as project:
    print(*sorted({f"{s.table.name}.{s.column}" for s in project.values_named(sys.argv[1])}))
"""


def test_processes_at_once_do_no_harm(sea: Path, tmp_path: Path) -> None:
    environment = os.environ | {"SQLTAILOR_CACHE": str(tmp_path / "cache")}
    for count in (1, 2):
        change(sea, f"UPDATE ship SET name = 'Aurora {count}' WHERE kind = 'tanker'")
        command = [sys.executable, "-c", PROCESS, f"Aurora {count}, Haven 7"]
        started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(count)]
        assert {process.communicate()[0].strip() for process in started} == {"port.town ship.name"}
    [file] = (tmp_path / "cache" / "values").iterdir()
    assert file.suffix == ".values"


def test_each_grant_has_a_file_of_its_own(sea: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "cache_folder", lambda: tmp_path / "cache")

    def files(*words: str) -> tuple[list[str], set[Path]]:
        before = set((tmp_path / "cache").rglob("*.values"))
        with Project(load_recipe(None, ["database.url=sqlite:///sea.db", "prompt.hints=8", *words]).recipe) as opened:
            found = sorted({f"{s.table.name}.{s.column}" for s in opened.values_named(QUESTION)})
        return found, set((tmp_path / "cache").rglob("*.values")) - before

    denied, [narrow] = files('database.deny=["ship.name"]')
    assert denied == ["port.town", "ship.kind"]
    assert b"Boreas" not in narrow.read_bytes()
    granted, [wide] = files()
    assert granted == ["port.town", "ship.kind", "ship.name"]
    assert b"Boreas" in wide.read_bytes()
    assert files('database.deny=["ship.name"]') == (denied, set())
    personal, [_] = files("database.sample_personal=true")
    assert personal == granted


# other engines


def test_duckdb_is_read_again_when_its_file_changed(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "sea.duckdb"

    def write(*statements: str) -> None:
        with duckdb.connect(str(path)) as db:
            for statement in statements:
                db.execute(statement)
        settle(path)

    write(*SCRIPT.strip().split(";\n"))
    assert link(path)[0].hints(QUESTION, 8) == FOUND
    linker, read = link(path)
    assert (linker.hints(QUESTION, 8), read) == (FOUND, [])
    write("UPDATE ship SET name = 'Calypso' WHERE name = 'Aurora'")
    assert link(path)[0].hints("Aurora or Calypso", 8) == ["ship.name = 'Calypso'"]


@pytest.fixture(scope="module")
def postgres() -> str:
    url = postgres_server.url(postgres_server.OWNER, "kept")
    postgres_server.execute("postgres", "CREATE DATABASE kept")
    postgres_server.execute(
        "kept", SCRIPT, "CREATE SCHEMA yard",
        "CREATE TABLE yard.dock (name text)", "INSERT INTO yard.dock VALUES ('Long Dock')",
        "CREATE VIEW tankers AS SELECT name FROM ship WHERE kind = 'tanker'",
        "CREATE TABLE crew (rank text) PARTITION BY LIST (rank)", "CREATE TABLE crew_1 PARTITION OF crew DEFAULT",
    )  # fmt: skip
    return url


def test_postgresql_reads_only_the_table_that_changed(postgres: str) -> None:
    always = ["crew", "tankers"]  # what other tables hold
    link(postgres)
    assert sorted(link(postgres)[1]) == always
    for statement, question, found in (
        ("UPDATE ship SET name = 'Calypso' WHERE name = 'Boreas'", "Boreas or Calypso", ["ship.name = 'Calypso'"]),
        (
            "INSERT INTO ship VALUES ('Doris', 'tug', NULL)",
            "the tug Doris",
            ["ship.kind = 'tug'", "ship.name = 'Doris'"],
        ),
        ("DELETE FROM ship WHERE kind = 'tug'", "the tug Doris", []),
        ("TRUNCATE yard.dock", "Long Dock", []),
    ):
        postgres_server.execute("kept", statement)
        changed = "dock" if "dock" in statement else "ship"
        linker, read = link(postgres)
        assert (linker.hints(question, 8), sorted(read)) == (found, sorted([*always, changed])), statement
        assert sorted(link(postgres)[1]) == always


def test_postgresql_that_does_not_count_is_read_again(postgres: str) -> None:
    postgres_server.execute("postgres", "ALTER DATABASE kept SET track_counts = off")
    try:
        link(postgres)
        assert "ship" in link(postgres)[1]
    finally:
        postgres_server.execute("postgres", "ALTER DATABASE kept RESET track_counts")


def test_mariadb_is_read_again_and_finds_the_same() -> None:
    url = mariadb_server.url("root", "kept")
    mariadb_server.execute(
        "CREATE DATABASE kept",
        "USE kept",
        *SCRIPT.strip().rstrip(";").split(";\n"),
    )
    link(url)
    before = FILE.stat().st_ino
    linker, read = link(url)
    assert (linker.hints(QUESTION, 8), read) == (FOUND, ["port", "ship"])
    assert FILE.stat().st_ino == before  # nothing to write
    mariadb_server.execute("TRUNCATE kept.ship")
    assert link(url)[0].hints(QUESTION, 8) == ["port.town = 'Haven 7'"]
