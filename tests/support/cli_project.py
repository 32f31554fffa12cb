"""A small project for tests of the command line: a SQLite database of a tram network, questions, and no recipe yet."""

from __future__ import annotations

import functools
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import typer.main
import typer.testing
from typer.testing import CliRunner, Result

from sqltailor.cli import app

# CliRunner makes all commands anew in each call
typer.testing._get_command = functools.cache(typer.main.get_command)

SCRIPT = """
CREATE TABLE stop (id INTEGER PRIMARY KEY, name TEXT NOT NULL, zone INTEGER, opened DATE);
CREATE TABLE line (number TEXT PRIMARY KEY, colour TEXT, first_run TEXT);
CREATE TABLE serves (line_number TEXT REFERENCES line (number), stop_id INTEGER REFERENCES stop (id), "order" INTEGER);
CREATE TABLE driver (id INTEGER PRIMARY KEY, name TEXT, phone TEXT, line_number TEXT REFERENCES line (number));
INSERT INTO stop VALUES (1, 'Harbour', 1, '1921-05-01'), (2, 'Market', 1, '1921-05-01'), (3, 'Zoo', 2, '1968-09-12'),
    (4, 'Airport', 3, '2004-01-20');
INSERT INTO line VALUES ('1', 'red', '04:50'), ('7', 'green', '05:10'), ('N2', NULL, '23:30');
INSERT INTO serves VALUES ('1', 1, 1), ('1', 2, 2), ('1', 3, 3), ('7', 2, 1), ('7', 4, 2);
INSERT INTO driver VALUES (1, 'Ito', '555-0101', '1'), (2, 'Lund', '555-0102', '7'), (3, 'Mora', NULL, '1');
"""

QUESTIONS = {
    "How many stops are there?": "SELECT count(*) FROM stop",
    "Names of the stops in zone 1": "SELECT name FROM stop WHERE zone = 1",
    "Which stop opened last?": "SELECT name FROM stop ORDER BY opened DESC LIMIT 1",
    "Colours of the lines": "SELECT colour FROM line",
    "Which lines stop at the zoo?": "SELECT s.line_number FROM serves s JOIN stop ON stop.id = s.stop_id "
    "WHERE stop.name = 'Zoo'",
    "How many drivers does each line have?": "SELECT line_number, count(*) FROM driver GROUP BY line_number",
}


def make_database(path: Path) -> Path:
    """Write the tram network to a SQLite file and return its path."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"BEGIN; {SCRIPT} COMMIT")  # else each statement waits for the disk
    return path


def write_test_file(path: Path) -> Path:
    """Write the questions as a test file in our own format and return its path."""
    path.parent.mkdir(exist_ok=True)
    rows = [{"id": f"t{i}", "question": q, "sql": [sql]} for i, (q, sql) in enumerate(QUESTIONS.items(), 1)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(*arguments: str, input: str | bytes | None = None) -> Result:
    """Run a command in this process, whatever its exit code; a bug's exception is raised."""
    from sqltailor.errors import SQLTailorError

    result = CliRunner().invoke(app, [str(a) for a in arguments], input=input)
    if result.exception and not isinstance(result.exception, SystemExit | SQLTailorError):
        raise result.exception
    return result


def ok(*arguments: str, input: str | bytes | None = None) -> Result:
    """Run a command that succeeds."""
    result = run(*arguments, input=input)
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return result


def ok_json(*arguments: str, input: str | bytes | None = None) -> Any:
    """Run a command that succeeds with `--json` and return what it printed: JSON and nothing else."""
    return json.loads(ok(*arguments, "--json", input=input).stdout)
