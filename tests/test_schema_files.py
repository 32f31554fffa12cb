"""Schema files and folders of migrations: encodings, order, and what commands say about what they cannot read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sqltailor.cli import app
from sqltailor.data.canonical import canonical_ddl, is_read_in_part
from sqltailor.data.schema_file import read_schema_file
from sqltailor.errors import DataError

DDL = "CREATE TABLE boat (id INTEGER PRIMARY KEY, name TEXT);\n-- Länge\nCREATE TABLE trip (id INTEGER, n INTEGER);\n"
PART = DDL + "CREATE VIEW old AS SELECT * FROM archive.boat;\n"
TOLD = "read 2 of 3 CREATE statements; not read: line 4 (The view 'old'"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_with_a_mark_is_read(encoding: str) -> None:
    Path("s.sql").write_text(DDL, encoding=encoding)
    assert [t.name for t in read_schema_file("s.sql").tables] == ["boat", "trip"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (DDL.encode("cp1252"), r"s\.sql is not UTF-8; it looks like cp1252 .*iconv -f cp1252 -t utf-8 s.sql"),
        (DDL.encode("utf-16-le"), r"s.sql is UTF-16 without a mark. Next: iconv"),
        (b"SQLite format 3\0\x10", r"s\.sql is not a text file"),
        (DDL.encode() + b"-- \xe4\n", r"s\.sql is not UTF-8 throughout: line 4"),
    ],
)
def test_text_in_other_encodings_is_one_clear_error(content: bytes, message: str) -> None:
    Path("s.sql").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_schema_file("s.sql")


def test_a_folder_of_migrations_is_run_in_the_order_of_its_numbers() -> None:
    scripts = {
        "V2__rename.sql": "ALTER TABLE boat RENAME COLUMN titel TO title;",
        "V10__drop.sql": "ALTER TABLE boat DROP COLUMN title;",
        "V1__first.sql": "CREATE TABLE boat (id INT, titel TEXT);",
        "U10__drop.sql": "DROP TABLE boat;",
        "sub/0001_pier.up.sql": "CREATE TABLE pier (id INT);",
        "sub/0001_pier.down.sql": "DROP TABLE pier;",
        "sub/0002_odd.sql": "\nCREATE TABLE odd (id !!);",
        "notes.txt": "no SQL",
    }
    for name, text in scripts.items():
        path = Path("migrations") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    result = CliRunner().invoke(app, ["schema", "migrations"])
    assert result.stdout == "CREATE TABLE pier (id INT);\nCREATE TABLE boat (id INT);\n"


def test_a_folder_without_scripts() -> None:
    Path("empty").mkdir()
    with pytest.raises(DataError, match=r"has no \.sql file"):
        read_schema_file("empty")


@pytest.mark.parametrize(
    "command",
    [
        ["schema", "s.sql"],
        ["init", "s.sql", "--out", "new"],
        ["check-sql", "SELECT name FROM boat", "--schema", "s.sql"],
        ["compile", "spec.json", "--schema", "s.sql"],
        ["data", "import", "rows.jsonl", "--recipe", "recipe.yaml", "--validation", "0", "--test", "0"],
    ],
)
def test_every_command_tells_what_it_cannot_read(command: list[str], caplog: pytest.LogCaptureFixture) -> None:
    Path("s.sql").write_text(PART, encoding="utf-8")
    Path("spec.json").write_text('{"table": "boat", "cols": ["name"]}')
    Path("rows.jsonl").write_text('{"question": "All names", "sql": "SELECT name FROM boat"}\n')
    Path("recipe.yaml").write_text("database:\n  schema: s.sql\ndialect: sqlite\n")
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert TOLD in caplog.text


def test_init_writes_a_recipe_for_a_schema_file() -> None:
    Path("s.sql").write_text(DDL, encoding="utf-8")
    assert CliRunner().invoke(app, ["init", "s.sql", "--dialect", "postgres"]).exit_code == 0
    assert "database:\n  schema: s.sql\n" in Path("recipe.yaml").read_text()
    assert CliRunner().invoke(app, ["check-sql", "SELECT name FROM boat"]).stdout == "allowed\n"


def test_rows_whose_schema_is_read_in_part_are_kept_with_a_warning() -> None:
    row = {"question": "All names", "context": PART, "answer": "SELECT name FROM boat"}
    Path("rows.jsonl").write_text(json.dumps(row) + "\n")
    result = CliRunner().invoke(app, ["data", "import", "rows.jsonl", "--validation", "0", "--test", "0"])
    assert "kept 1" in result.stdout
    assert "schema_in_part" in result.stdout
    assert not is_read_in_part(canonical_ddl(DDL))
