"""What users do wrong: every mistake is told in a sentence, with the right exit code, and never with a traceback."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from sqltailor.cli import main
from sqltailor.errors import ConfigError, DataError, MissingExtra, SQLTailorError, install_command
from sqltailor.generate import hub_access
from tests.support.cli_project import make_database, run, write_test_file


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a database, a recipe and test questions."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    make_database(tmp_path / "tram.db")
    (tmp_path / "recipe.yaml").write_text("database: {url: 'sqlite:///tram.db'}\n")
    write_test_file(tmp_path / "data" / "test.jsonl")
    return tmp_path


def program(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a user does, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | more
    command = [sys.executable, "-m", "sqltailor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=250)


def failure(*arguments: str) -> SQLTailorError:
    """Return the error that a command ends with, of a class that `main` turns into one line."""
    error = run(*arguments).exception
    assert isinstance(error, SQLTailorError), error
    return error


# exit codes, of the program itself

TEST = ("--data", "data/test.jsonl")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["schema"], 0, ""),
        (["check-sql", "-- x\nDELETE FROM stop", "--json"], 1, ""),
        (["frobnicate"], 2, "No such command 'frobnicate'"),
        (
            ["check-sql", "--file", "gone.tsv"],
            2,
            "error: The file of statements 'gone.tsv' cannot be read: no such file",
        ),
        (["ask", "How many?", "--model", "runs/gone"], 3, "error: There is no model at runs/gone"),
        (["ask", "What is the weather like?", "--model", "runs/gone"], 3, "error: There is no model at runs/gone"),
        (["ask", "What is the weather like?", "--model", "gone.gguf"], 3, "error: There is no model at gone.gguf"),
        (
            ["ask", "What is the weather like?", "--model", "echo:gone"],
            3,
            "error: gone cannot be read: there is no such file",
        ),
    ],
)
def test_exit_codes_of_the_process(project: Path, arguments: list[str], code: int, said: str) -> None:
    done = program(*arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    if code > 1:
        assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["check-sql", "SELECT name FROM stop"], 0, ""),
        (["eval", "--model", "echo:one.sql", "--fail-under", "execution=1", *TEST], 1, "below 1.0"),
        (["schema", "sqlite:///gone.db"], 2, "error: No such file: "),
        (["config", "basee=nano"], 2, "Did you mean 'base'?"),
        (["schema", "tram.db", "--format", "xml"], 2, "Known: ddl, compact, json."),
        (["init", "tram.db", "--out", "recipe.yaml/deep"], 2, "error: recipe.yaml/deep: Not a directory"),
    ],
)
def test_exit_codes(
    project: Path,
    arguments: list[str],
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (project / "one.sql").write_text("SELECT 1")
    monkeypatch.setattr(sys, "argv", ["sqltailor", *arguments])
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # as `main` sets it
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert (ended.value.code or 0) == code, printed.err
    assert said in printed.err
    if code > 1:
        assert printed.out == ""


def test_ctrl_c_ends_with_130(project: Path) -> None:
    # a gold statement that runs long enough to be interrupted
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000000) SELECT count(*) FROM n"
    row = {"id": "slow", "question": "count slowly", "sql": [slow]}
    (project / "slow.jsonl").write_text(json.dumps(row) + "\n")
    (project / "recipe.yaml").write_text("database: {url: 'sqlite:///tram.db'}\nevaluate: {timeout_s: 60}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "sqltailor", "eval", "--model", "gold", "--data", "slow.jsonl"],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell starts what runs in the background without Ctrl-C: these tests, perhaps
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until = time.monotonic() + 60
    while not children.read_text().split() and time.monotonic() < until:
        time.sleep(0.1)
    time.sleep(1.5)  # the database is open, now its statement runs
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said


def test_a_reader_that_goes_away_is_no_error(project: Path) -> None:
    for command in ("config", "--help", "schema"):
        shell = f"{sys.executable} -m sqltailor {command} | head -n 1"
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True)
        assert done.stdout.count("\n") == 1
        assert done.stderr == ""


# databases


def test_a_database_that_is_not_there(project: Path) -> None:
    for arguments in (
        ("init", "sqlite:///gone.db", "--out", "new"),
        ("schema", "gone.db"),
        ("data", "synth", "gone.db"),
    ):
        assert "gone.db" in str(failure(*arguments))
    assert not (project / "new").exists()
    error = failure("ask", "x", "--database", "postgresql://u:hidden@127.0.0.1:9/d", "--model", "gold")
    assert "cannot be reached" in str(error)
    assert "hidden" not in str(error)


def test_a_database_without_tables(project: Path) -> None:
    Path("empty.db").touch()
    with closing(sqlite3.connect("bare.db")) as connection:
        connection.execute("PRAGMA user_version = 1")
    for name in ("empty.db", "bare.db"):
        error = failure("init", f"sqlite:///{name}", "--out", "new")
        assert isinstance(error, DataError)
        assert "has no tables" in str(error)
    Path("text.db").write_text("this is not a database, but long enough to be taken for one" * 20)
    assert isinstance(failure("schema", "text.db"), DataError)


DRIVERS = ("psycopg", "pymysql", "duckdb")


def test_a_missing_driver_names_the_extra(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name in DRIVERS else find(name, *more))
    for name in DRIVERS:
        monkeypatch.setitem(sys.modules, name, None)
    Path("x.duckdb").touch()
    for url, extra in (("postgresql://h/d", "postgres"), ("mysql://h/d", "mysql"), ("duckdb:///x.duckdb", "duckdb")):
        error = failure("schema", url)
        assert isinstance(error, MissingExtra)
        assert install_command(extra) in str(error)


@pytest.mark.parametrize(
    ("origin", "command"),
    [
        (
            '{"url": "file:///home/a%20clone", "dir_info": {"editable": true}}',
            "pip install -e '/home/a clone[aws]'",
        ),
        ('{"url": "file:///home/me/clone", "dir_info": {}}', "pip install '/home/me/clone[aws]'"),
        ('{"url": "file:///w/s.whl", "archive_info": {}}', "pip install 'sqltailor[aws] @ file:///w/s.whl'"),
        (None, "pip install 'sqltailor[aws]'"),
    ],
)
def test_an_extra_is_added_from_where_the_package_came(
    monkeypatch: pytest.MonkeyPatch, origin: str | None, command: str
) -> None:
    monkeypatch.setattr(importlib.metadata.PathDistribution, "read_text", lambda self, name: origin)
    assert install_command("aws") == command


def test_an_unknown_kind_of_database(project: Path) -> None:
    message = str(failure("init", "oracle://u:hidden@host/d", "--out", "new"))
    assert "'oracle'" in message
    assert "sqlite, duckdb, postgresql, mysql, mariadb" in message
    assert "hidden" not in message


def test_no_database_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for arguments in (("schema",), ("ask", "x", "--model", "gold"), ("data", "synth"), ("check-sql", "SELECT 1")):
        assert "sqltailor init URL" in str(failure(*arguments))


# recipes


FIVE_FAULTS = """\
database: {url: 3}
basee: nano
train:
  epochs: -1
  lora: {rank: 8}
data: {split: {by: colour}}
"""


def test_five_faults_are_told_at_once_with_their_lines(project: Path) -> None:
    Path("recipe.yaml").write_text(FIVE_FAULTS)
    for command in (("config",), ("train", "--dry-run"), ("eval",), ("ask", "x"), ("schema",)):
        error = failure(*command)
        assert isinstance(error, ConfigError)
        message = str(error)
        assert "5 faults" in message
        for line, part in (
            (1, "database.url is 3"),
            (2, "basee is not a key. Did you mean 'base'?"),
            (4, "train.epochs is -1"),
            (5, "train.lora.rank is not a key"),
            (6, "data.split.by is colour; allowed: one of database, schema, template, question"),
        ):
            assert f"recipe.yaml:{line}: {part}" in message


def test_a_recipe_that_is_not_there_or_no_yaml(project: Path) -> None:
    assert "Known: " in str(failure("config", "no-such-recipe"))
    assert "gone.yaml" in str(failure("train", "gone.yaml"))
    Path("recipe.yaml").write_text("a: [1\nb: {")
    assert "recipe.yaml" in str(failure("config"))


def test_init_replaces_nothing_without_force(project: Path) -> None:
    before = Path("recipe.yaml").read_text()
    assert "--force" in str(failure("init", "tram.db"))
    assert Path("recipe.yaml").read_text() == before
    assert run("init", "tram.db", "--force").exit_code == 0


# models


def test_unknown_models(project: Path) -> None:
    error = failure("ask", "x", "--model", "foo:bar")
    assert isinstance(error, ConfigError)
    assert "Forms: small, runs/NAME, hf:" in str(error)
    assert failure("eval", "--model", "runs/gone", *TEST).exit_code == 3
    assert "cannot be read" in str(failure("ask", "x", "--model", "echo:gone.txt"))
    assert "has no answer to it" in str(_asked_without_answer())


def _asked_without_answer() -> SQLTailorError:
    Path("answers.json").write_text('{"another question": "SELECT 1"}')
    return failure("ask", "how many?", "--model", "echo:answers.json")


def test_nothing_was_trained_yet(project: Path) -> None:
    assert "sqltailor train" in str(failure("eval"))
    assert "sqltailor eval" in str(failure("report"))
    assert "data.train lists nothing" in str(failure("train"))


# data


def test_files_of_examples_that_cannot_be_read(project: Path) -> None:
    for command in (("data", "import"), ("data", "show"), ("data", "check")):
        assert "gone.csv" in str(failure(*command, "gone.csv"))
    Path("broken.jsonl").write_text('{"id": "1", "question": "x"\n')
    assert "line 1" in str(failure("eval", "--model", "gold", "--data", "broken.jsonl"))
    assert "not JSON" in str(failure("data", "import", "broken.jsonl"))
    Path("empty.jsonl").touch()
    assert "empty" in str(failure("eval", "--model", "gold", "--data", "empty.jsonl"))
    assert "gone.jsonl" in str(failure("eval", "--model", "gold", "--data", "gone.jsonl"))


def test_broken_lines_and_missing_fields_are_rejected_one_by_one(project: Path) -> None:
    lines = [
        '{"question": "How many stops?", "sql": "SELECT count(*) FROM stop"}',
        '{"question": "broken",',
        '{"question": "no sql"}',
        '{"sql": "SELECT 1"}',
        '{"question": "unknown table", "sql": "SELECT * FROM bus"}',
    ]
    Path("mixed.jsonl").write_text("\n".join(lines) + "\n")
    result = run("data", "import", "mixed.jsonl", "--out", "out", "--json")
    summary = json.loads(result.stdout)
    assert (summary["read"], summary["kept"], summary["rejected"]) == (5, 1, 4)
    assert sum(summary["reasons"].values()) == 4
    rejected = [json.loads(line)["line"] for line in Path("out/rejects.jsonl").read_text().splitlines()]
    assert sorted(rejected) == [2, 3, 4, 5]


def test_a_map_that_is_no_map(project: Path) -> None:
    Path("my.csv").write_text("ask,query\nx,SELECT 1\n")
    assert "NAME=COLUMN" in str(failure("data", "import", "my.csv", "--map", "ask"))


def test_a_question_of_ten_thousand_characters(project: Path) -> None:
    error = failure("ask", "how many " * 1_112, "--model", "echo:data/test.jsonl")
    assert isinstance(error, DataError)
    assert "characters" in str(error)


# options


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ask"], "Give a question"),
        (["ask", "x", "--spec", "y"], "Give a question"),
        (["ask", "--spec", "gone.json"], "gone.json"),
        (["check-sql"], "0 statements"),
        (["check-sql", "SELECT", "name", "FROM", "stop"], "4 statements"),
        (["check-sql", "SELECT 1", "--schem", "s.sql"], "has no option --schem"),
        (["check-sql", "SELECT 1", "--schema", "gone.sql"], "gone.sql"),
        (["check-sql", "SELECT 1", "--dialect", "sqlit"], "Did you mean 'sqlite'?"),
        (["check-sql", "SELECT 1", "--allow", "stopp"], "Did you mean 'stop'?"),
        (["check-sql", "--file", "gone.tsv"], "gone.tsv"),
        (["eval", "--model", "gold", "--fail-under", "exec=0.8"], "Did you mean 'execution'?"),
        (["eval", "--model", "gold", "--fail-under", "execution=high"], "METRIC=NUMBER"),
        (["eval", "--model", "gold", "--fail-under", "execution=2"], "from 0 to 1"),
        (["eval", "--model", "gold", "--fail-under", "execution=nan"], "from 0 to 1"),
        (["report", "gone"], "gone"),
        (["data", "synth", "--kind", "poem"], "question or spec"),
        (["compile", "gone.json"], "gone.json"),
    ],
)
def test_wrong_options_say_what_is_right(project: Path, arguments: list[str], said: str) -> None:
    error = failure(*arguments)
    assert error.exit_code == 2
    assert said in str(error)


@pytest.mark.parametrize("sql", [b"SELECT '\xff'", b"\xff\xfe"])
def test_standard_input_that_is_no_text(project: Path, sql: bytes) -> None:
    result = run("check-sql", "-", input=sql)
    assert isinstance(result.exception, DataError)
    assert "UTF-8" in str(result.exception)


def test_an_env_file_that_is_broken_is_told(project: Path) -> None:
    (project / ".env").write_bytes(b"HF_TOKEN=\xff\n")
    done = program("config")
    assert done.returncode == 2
    assert ".env" in done.stderr
    assert "Traceback" not in done.stderr
    assert program("--help").returncode == 0


def test_the_help_lists_the_commands_by_purpose_and_cuts_no_description() -> None:
    listed = run("--help").output
    assert all(f"\n{heading}:\n" in listed for heading in ("Begin", "Data", "Train", "Measure", "Use", "Cloud"))
    assert "..." not in listed.partition("Begin:")[2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["eval", "--model", "nanoo", *TEST], "Did you mean 'nano'? A model is a named base (small,"),
        (["train", "base=nanoo", "data.train=data/test.jsonl", "data.test=[]", "--dry-run"], "Did you mean 'nano'?"),
        (["eval", "--model", "runs/gone", *TEST], "There is no model at runs/gone. A model is a named base"),
    ],
)
def test_a_model_of_another_name(
    project: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("trl")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    hub_access.hub_is_there.cache_clear()
    error = failure(*arguments)
    hub_access.hub_is_there.cache_clear()
    assert error.exit_code == 3
    assert said in str(error)
