"""Predictions from elsewhere, scored on real databases: shapes of files, kills, limits, writes, and every engine."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sqltailor.database import Database, open_database
from sqltailor.errors import DataError, SQLError, Timeout, install_command
from sqltailor.evaluate import Evaluation, Scoring, read_answers, score_predictions
from sqltailor.evaluate.audit.clock import pinned
from sqltailor.evaluate.scorer import Scorer
from sqltailor.types import Completion, Example, Grant
from tests.support import mariadb_server, postgres_server
from tests.support.cli_project import ok, ok_json, run

SETUP = (
    "CREATE TABLE ride (id INTEGER PRIMARY KEY, driver VARCHAR(20), km INTEGER, fare VARCHAR(9))",
    "INSERT INTO ride VALUES (1, 'Ada', 7, '9.50'), (2, 'Ada', 7, '11.00'), (3, 'Ben', 3, '4.00'), "
    "(4, 'Cem', 1, '2.00')",
)
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT MAX(x) FROM n"
GOLD = {
    "far": "SELECT driver FROM ride WHERE km > 2",
    "count": "SELECT COUNT(*) FROM ride",
    "sorted": "SELECT driver, km FROM ride ORDER BY km DESC, driver",
    "ben": "SELECT km FROM ride WHERE driver = 'Ben'",
}
EXAMPLES = [Example(name, (sql,), question=f"{name}?", db_id="taxi") for name, sql in GOLD.items()]


def make(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as db, db:
        for statement in SETUP:
            db.execute(statement)
    return path


@pytest.fixture
def taxi(tmp_path: Path) -> Iterator[Database]:
    with open_database(str(make(tmp_path / "taxi.sqlite")), timeout_s=5) as database:
        yield database


def scored(
    said: Mapping[str, str], folder: Path, scoring: Scoring, *, examples: list[Example] = EXAMPLES, **more: Any
) -> Evaluation:
    answers = {name: Completion(sql) for name, sql in said.items()}
    return score_predictions(examples, {"said": answers}, out_dir=folder, scoring=scoring, **more)


def outcomes(found: Evaluation) -> dict[str, str]:
    return {p.id: p.outcome for p in found.predictions["said"]}


# files of predictions


SAID = list(GOLD.values())
SHAPES: dict[str, str] = {
    "JSON Lines": "".join(json.dumps({"id": i, "predicted": sql}) + "\n" for i, sql in GOLD.items()),
    "other keys": "".join(json.dumps({"question_id": i, "pred_sql": sql}) + "\n" for i, sql in GOLD.items()),
    "JSON Lines in order": "".join(json.dumps({"sql": sql}) + "\n" for sql in SAID),
    "a torn last line": "".join(json.dumps({"id": i, "predicted": sql}) + "\n" for i, sql in GOLD.items()) + '{"id',
    "JSON list of objects": json.dumps([{"id": i, "predicted": sql} for i, sql in GOLD.items()], indent=1),
    "JSON list of texts": json.dumps(SAID),
    "JSON object": json.dumps(GOLD),
    "BIRD": json.dumps({str(n): f"{sql}\t----- bird -----\ttaxi" for n, sql in enumerate(SAID)}),
    "lines": "\n".join(SAID),
    "lines with blank ones between": "\n\n".join(SAID) + "\n",
    "JSON Lines with a byte order mark": "\ufeff" + "".join(json.dumps({"sql": sql}) + "\r\n" for sql in SAID),
    "lines with CRLF and an end": "\r\n".join(SAID) + "\r\n\r\n",
    "other names": "".join(json.dumps({"Question ID": i, "SQL": sql}) + "\n" for i, sql in GOLD.items()),
    "answers": "".join(json.dumps({"id": i, "answer": sql}) + "\n" for i, sql in GOLD.items()),
    "lines with the database": "\n".join(f"{sql}\ttaxi" for sql in SAID),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_predictions_is_read(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_bytes(SHAPES[shape].encode())
    found = read_answers(path, EXAMPLES)
    assert {i: answer.text for i, answer in found.items()} == GOLD


def test_a_blank_line_is_an_answer_without_sql(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_text("\n".join([SAID[0], "", *SAID[2:]]))
    assert [answer.text for answer in read_answers(path, EXAMPLES).values()] == [SAID[0], "", *SAID[2:]]
    path.write_text("\n".join([*SAID[:2], "", *SAID[2:]]))
    with pytest.raises(DataError, match="5 lines for 4 examples, of which 1 is blank, the first line 3"):
        read_answers(path, EXAMPLES)


def test_numbers_may_be_the_end_of_an_id(tmp_path: Path) -> None:
    examples = [Example(f"dev-{i}", ("SELECT 1",), question="?") for i in (3, 8)]
    (tmp_path / "p").write_text('{"8": "SELECT 8", "3": "SELECT 3"}')
    assert {i: a.text for i, a in read_answers(tmp_path / "p", examples).items()} == {
        "dev-3": "SELECT 3", "dev-8": "SELECT 8"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"id": "nobody", "predicted": "SELECT 1"}\n', "1 answer, such as 'nobody', belong to no example"),
        ('[{"id": "far", "predicted": "SELECT 1"}, {"predicted": "SELECT 2"}]', "1 have no id"),
        ('{"id": "far", "predicted": 7}\n', "prediction 1: it has `id` and `predicted`, a text, not 7 for it"),
        ('{"id": "far", "sql": "SELECT 1"}\n{"id": "far", "sql": "SELECT 2"}\n', "two answers to 'far'"),
        ("", "is empty"),
        ("SELECT 1\n", "1 line for 4 examples"),
        ('{"id": \n{"id": "far"}\n', "prediction 1: neither JSON nor one statement a line"),
    ],
)
def test_what_is_no_file_of_predictions_is_told(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(text)
    with pytest.raises(DataError, match=says):
        read_answers(tmp_path / "p", EXAMPLES)


def test_tables_of_predictions_are_read(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("id,predicted\n" + "".join(f'{i},"{sql}"\n' for i, sql in GOLD.items()))
    (tmp_path / "p.tsv").write_text("prediction\ttokens_in\n" + "".join(f"{sql}\t7\n" for sql in SAID))
    excel = "ID\tSQL\r\n" + "".join(f"{i}\t{sql}\r\n" for i, sql in GOLD.items())
    (tmp_path / "excel.tsv").write_bytes(excel.encode("utf-16"))
    for name in ("p.csv", "p.tsv", "excel.tsv"):
        assert {i: answer.text for i, answer in read_answers(tmp_path / name, EXAMPLES).items()} == GOLD
    (tmp_path / "p.csv").write_text('id,predicted\nfar,"SELECT 1\n')
    with pytest.raises(DataError, match=r"p\.csv, line 2: "):
        read_answers(tmp_path / "p.csv", EXAMPLES)


def test_an_answer_that_is_null_is_one_without_sql(tmp_path: Path) -> None:
    (tmp_path / "p").write_text('{"id": "far", "predicted": null}\n{"id": "ben", "error": "too long"}\n')
    assert {i: answer.text for i, answer in read_answers(tmp_path / "p", EXAMPLES).items()} == {"far": "", "ben": ""}


@pytest.mark.parametrize(("encoding", "says"), [("utf-16-le", "is UTF-16"), ("cp1252", "iconv -f cp1252")])
def test_predictions_in_another_encoding_are_told(encoding: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(
        "\n".join([*SAID[:3], "SELECT km FROM ride WHERE driver = 'Jürgen'"]), encoding=encoding
    )
    with pytest.raises(DataError, match=says):
        read_answers(tmp_path / "p", EXAMPLES)


# the command line, in an empty folder


def write(folder: Path, said: Mapping[str, str]) -> None:
    rows = [{"id": e.id, "question": e.question, "db_id": "taxi", "sql": list(e.sql)} for e in EXAMPLES]
    (folder / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "p.jsonl").write_text("".join(json.dumps({"id": i, "predicted": s}) + "\n" for i, s in said.items()))


def test_the_first_questions_of_a_whole_file_of_predictions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "dbs" / "taxi.db")
    write(tmp_path, GOLD)
    (tmp_path / "p.txt").write_text("\n".join(SAID))
    found = ok_json(
        *("eval", "--predictions", "p.jsonl", "--predictions", "p.txt", "--data", "gold.jsonl", "--database", "dbs"),
        *("--limit", "2", "--workers", "1"),
    )
    assert found["outcomes"] == {"p.jsonl": {"correct": 2}, "p.txt": {"correct": 2}}


@pytest.mark.parametrize("place", ["dbs/taxi/taxi.sqlite", "dbs/taxi.db", "dbs/taxi/taxi.duckdb"])
def test_eval_of_predictions_needs_no_recipe(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if place.endswith(".duckdb"):
        duckdb = pytest.importorskip("duckdb")
        Path(place).parent.mkdir(parents=True)
        with closing(duckdb.connect(place)) as db:
            for statement in SETUP:
                db.execute(statement)
    else:
        make(Path(place))
    write(tmp_path, GOLD | {"sorted": "SELECT km, driver FROM ride ORDER BY km", "count": "SELECT '4'"})
    words = ("eval", "--predictions", "p.jsonl", "--data", "gold.jsonl", "--database", "dbs")
    found = ok_json(*words)
    assert found["models"]["p.jsonl"]["execution"]["value"] == 0.5
    assert found["outcomes"] == {"p.jsonl": {"correct": 2, "wrong": 2}}
    assert found["differences"] == {"p.jsonl": {"order": 1, "type": 1}}
    assert (found["ceiling"]["value"], found["ceiling"]["n"], found["gold_errors"]) == (1.0, 4, [])
    folder = Path(found["run"])
    assert (folder / "report.html").is_file()
    shown = ok(*words, "--show", "9", "--only", "type")
    assert "gold against itself: 4 of 4 right" in shown.stdout
    assert re.search("p.jsonl: 2 correct, 2 wrong; wrong by: 1 (type, 1 order|order, 1 type)", shown.stdout)
    assert "p.jsonl: count (wrong, type): the right values in other types: '4', the gold result has 4" in shown.stderr
    assert "sorted (wrong" not in shown.stderr


def test_rows_without_a_database_are_not_left_out_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "dbs" / "taxi.db")
    write(tmp_path, GOLD)
    lines = (tmp_path / "gold.jsonl").read_text().splitlines()
    named, nameless = lines[:1], [line.replace('"db_id": "taxi", ', "") for line in lines[1:]]
    (tmp_path / "gold.jsonl").write_text("\n".join([*named, *nameless]))
    words = ("eval", "--predictions", "p.jsonl", "--data", "gold.jsonl", "--database", "dbs", "--workers", "1")
    assert ok_json(*words)["models"]["p.jsonl"]["execution"]["n"] == 4  # the only database is that of all
    make(tmp_path / "dbs" / "bus" / "bus.sqlite")
    said = str(run(*words).exception)
    assert "3 of 4 examples name no database, the first is 'count' (line 2), and dbs holds several" in said
    assert "Give each row a db_id, or name the database of all: --database FILE" in said
    said = str(run("eval", "--model", "gold", "--data", "gold.jsonl", "--database", "dbs").exception)
    assert "3 of 4 examples name no database" in said


def test_a_gate_is_not_passed_on_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "dbs" / "taxi.db")
    own = "CREATE TABLE ride (id INTEGER, driver TEXT, km INTEGER)"
    rows = [{"id": e.id, "question": "?", "sql": e.sql[0]} for e in EXAMPLES]
    rows += [{"id": "no", "question": "?", "sql": "-- cannot answer: no weather here"}]
    for row, more in zip(rows, ({"schema": own}, {}, {}, {}, {}), strict=True):
        row |= more
    (tmp_path / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "p.json").write_text(json.dumps({row["id"]: row["sql"] for row in rows}))
    words = ("eval", "--predictions", "p.json", "--data", "gold.jsonl", "--metric", "schema_valid", "--workers", "1")
    result = run(*words, "--fail-under", "schema_valid=0.9")
    assert result.exit_code == 1
    assert "p.json has no schema_valid for 3 of 5 questions, such as 'count': a gate is not passed on" in result.stderr
    words = (*words[:-4], "--workers", "1", "--database", "dbs")
    assert run(*words, "--fail-under", "execution=0.9").exit_code == 0
    rows[0]["sql"] = "SELECT nothing FROM ride"  # a gold error is told, and is not the model's fault
    (tmp_path / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run(*words, "--fail-under", "execution=0.9")
    assert result.exit_code == 0
    assert "gold against itself: 4 of 5 right; execution rates leave out the other 1" in result.stdout


def test_wrong_use_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, GOLD)
    (tmp_path / "empty").mkdir()
    make(tmp_path / "taxi.db")
    words = ("eval", "--predictions", "p.jsonl", "--data", "gold.jsonl")
    assert "holds no database" in str(run(*words, "--database", "empty").exception)
    assert "No such file: nope.jsonl" in str(run(*words, "--data", "nope.jsonl", "--database", "taxi.db").exception)
    assert "give one of them" in str(run(*words, "--model", "nano").exception)
    assert "Did you mean 'order'" in str(run(*words, "--show", "1", "--only", "ordr").exception)
    assert "Did you mean 'ray'" in str(run(*words, "--database", "taxi.db", "--engine", "rai").exception)
    assert "models are asked on this machine" in str(run("eval", "--model", "nano", "--engine", "ray").exception)
    monkeypatch.setitem(sys.modules, "ray", None)
    assert install_command("ray") in str(run(*words, "--database", "taxi.db", "--engine", "ray").exception)


@pytest.mark.parametrize(
    ("dialect", "sql", "pinned_to"),
    [
        ("sqlite", "SELECT date(), TIME(), x FROM t", "DATE('{day} 00:00:00'), TIME('{day} 00:00:00')"),
        ("sqlite", "SELECT strftime('%Y', 'now'), CURRENT_TIME", "STRFTIME('%Y', '{day} 00:00:00'), '00:00:00'"),
        ("postgres", "SELECT now(), current_date", "CAST('{day} 00:00:00' AS TIMESTAMP), CAST('{day}' AS DATE)"),
        ("mysql", "SELECT utc_timestamp(), curdate()", "CAST('{day} 00:00:00' AS DATETIME), CAST('{day}' AS DATE)"),
        ("duckdb", "SELECT today(), now()", "CAST('{day}' AS DATE), CAST('{day} 00:00:00' AS TIMESTAMP)"),
    ],
)
def test_a_statement_is_pinned_to_a_day(dialect: str, sql: str, pinned_to: str) -> None:
    found = pinned(sql, datetime(2024, 6, 30), dialect)
    assert found.removeprefix("SELECT ").removesuffix(", x FROM t") == pinned_to.format(day="2024-06-30")


@pytest.mark.parametrize("sql", ["SELECT a FROM t WHERE b = 'now'", "SELECT date(x) FROM t", "SELEC now"])
def test_what_does_not_ask_for_the_time_stays_as_it_is(sql: str) -> None:
    assert pinned(sql, datetime(2024, 6, 30), "sqlite") == sql


def test_answers_that_depend_on_the_date_are_scored_on_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(sqlite3.connect("shop.db")) as db, db:
        db.execute("CREATE TABLE sale (day TEXT)")
        db.execute("INSERT INTO sale VALUES ('2024-06-20'), ('2024-06-28'), ('2023-01-01')")
    gold = "SELECT COUNT(*) FROM sale WHERE day > date('now', '-1 month')"
    said = "SELECT COUNT(*) FROM sale WHERE day > date(CURRENT_DATE, '-14 days')"
    Path("gold.jsonl").write_text(json.dumps({"id": "1", "question": "Lately?", "sql": gold}) + "\n")
    Path("p.txt").write_text(said + "\n")
    words = ("eval", "--predictions", "p.txt", "--data", "gold.jsonl", "--database", "shop.db")
    for day, outcome in [("2024-06-30", "correct"), ("2024-07-10", "wrong"), ("2024-06-30T12:00+02:00", "correct")]:
        found = ok_json(*words, "--now", day)
        assert found["outcomes"] == {"p.txt": {outcome: 1}}, day
    assert json.loads(Path(found["run"], "evaluation.json").read_text())["now"] == "2024-06-30T10:00:00"
    assert "--now takes a day or a time" in str(run(*words, "--now", "soon").exception)


# gold


def test_gold_that_fails_or_is_missing_is_never_blamed_on_the_model(tmp_path: Path) -> None:
    make(tmp_path / "dbs" / "taxi.db")
    from sqltailor.data.checks.execute import Databases

    databases = Databases(str(tmp_path / "dbs"))
    examples = [
        *EXAMPLES,
        Example("broken", ("SELECT nowhere FROM ride",), question="?", db_id="taxi"),
        Example("denied", ("SELECT fare FROM ride",), question="?", db_id="taxi"),
        Example("elsewhere", ("SELECT 1",), question="?", db_id="ships"),
        Example("several", ("SELECT nowhere FROM ride", "SELECT 5"), question="?", db_id="taxi"),
    ]
    scoring = Scoring(lambda i: databases.find(i)[0], Grant(deny=("ride.fare",)))
    said = GOLD | {"broken": "SELECT 1", "denied": "SELECT 1", "elsewhere": "SELECT 1", "several": "SELECT 5"}
    found = scored(said, tmp_path / "eval", scoring, examples=examples)
    databases.close()
    assert outcomes(found) == dict.fromkeys(GOLD, "correct") | {
        "broken": "gold_error", "denied": "gold_error", "elsewhere": "gold_error", "several": "correct"
    }  # fmt: skip
    assert (found.scores["models"]["said"]["execution"]["value"], found.scores["models"]["said"]["execution"]["n"]) == (
        1.0,
        5,
    )
    assert (found.scores["ceiling"]["value"], found.scores["ceiling"]["n"]) == (0.625, 8)
    reasons = {error["id"]: error["reason"] for error in found.scores["gold_errors"]}
    assert "no such column" in reasons["broken"]
    assert "it is no right answer to itself (refused)" in reasons["denied"]
    assert "no database 'ships'" in reasons["elsewhere"]


def test_text_in_double_quotes_is_read_as_sqlite_reads_it(taxi: Database, tmp_path: Path) -> None:
    examples = [Example("ben", ('SELECT km FROM ride WHERE driver = "Ben"',), question="?")]
    said = {"ben": 'SELECT "km" AS "how far" FROM ride WHERE driver = "Ben" ORDER BY "how far"'}
    found = scored(said, tmp_path / "as sqlite", Scoring(taxi, quoted_text=True), examples=examples)
    assert outcomes(found) == {"ben": "correct"}
    same = scored({"ben": examples[0].sql[0]}, tmp_path / "same", Scoring(taxi, quoted_text=True), examples=examples)
    assert set(same.predictions["said"][0].scores.values()) == {1.0}


# kills, pools and limits


def test_the_number_of_processes_and_interruptions_leave_no_trace(taxi: Database, tmp_path: Path) -> None:
    examples = [Example(f"q{i}", (f"SELECT driver FROM ride WHERE km > {i % 8}",), question="?") for i in range(60)]
    said = {e.id: e.sql[0].replace(">", ">=") if i % 3 else e.sql[0] for i, e in enumerate(examples)}
    whole = scored(said, tmp_path / "whole", Scoring(taxi), examples=examples)

    def stop(_: str, done: int, total: int) -> None:
        if done >= stop_at:
            raise KeyboardInterrupt

    for stop_at in (1, 9, 30):  # noqa: B007
        with pytest.raises(KeyboardInterrupt):
            scored(said, tmp_path / "cut", Scoring(taxi), examples=examples, workers=2, on_progress=stop)
        path = tmp_path / "cut" / "predictions-said.jsonl"
        path.write_text(path.read_text()[:-20]) if path.exists() else None
    scored(said, tmp_path / "cut", Scoring(taxi), examples=examples, workers=2)
    for file in ("scores.json", "predictions-said.jsonl"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "cut" / file).read_bytes()
    assert whole.scores["outcomes"]["said"]["correct"] > 20


def test_equal_answers_to_equal_gold_run_once(taxi: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    original = Database.run

    def counted(self: Database, sql: str, **more: Any) -> Any:
        ran.append(sql)
        return original(self, sql, **more)

    monkeypatch.setattr(Database, "run", counted)
    examples = [Example(f"q{i}", (GOLD["count"],), question=f"{i}?") for i in range(5)]
    answers = {e.id: Completion("SELECT 4") for e in examples}
    found = score_predictions(examples, {"a": answers, "b": answers}, out_dir=tmp_path / "eval", scoring=Scoring(taxi))
    assert [len(rows) for rows in found.predictions.values()] == [5, 5]
    assert ran.count("SELECT 4") == 1
    assert ran.count(GOLD["count"]) == 2  # once, and once more as an answer to itself


def test_a_killed_command_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "dbs" / "taxi.db")
    write(tmp_path, GOLD | {"far": ENDLESS})
    words = [sys.executable, "-m", "sqltailor", "eval", "--predictions", "p.jsonl", "--data", "gold.jsonl"]
    words += ["--database", "dbs", "--out", "out", "--timeout", "0.5", "--workers", "2"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    gold = tmp_path / "out" / "gold.jsonl"
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline and not gold.exists():
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "out" / "scores.json").exists()
    found = ok_json("eval", *words[4:])
    assert found["outcomes"]["p.jsonl"] == {"timeout": 1, "correct": 3}


ATTACKS = {
    "endless": ENDLESS,
    "cross join": "SELECT COUNT(*) FROM " + ", ".join(f"ride r{i}" for i in range(16)),
    "big value": "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM t) SELECT MAX(LENGTH(s)) FROM t",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_limits_fire_in_time(attack: str, taxi: Database) -> None:
    started = time.monotonic()
    with pytest.raises(SQLError):
        taxi.run(ATTACKS[attack], timeout_s=1)
    assert time.monotonic() - started < 1.2


def test_a_statement_that_is_late_beside_others_runs_again_alone(
    taxi: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, parent = Scorer._run, os.getpid()

    def slow(self: Scorer, sql: str, database: Database, *, rows: int) -> Any:
        return original(self, sql, database, rows=rows) if os.getpid() == parent else (None, Timeout("too slow"))

    monkeypatch.setattr(Scorer, "_run", slow)
    found = scored(GOLD | {"far": ENDLESS}, tmp_path / "eval", Scoring(taxi, timeout_s=0.3), workers=2)
    assert outcomes(found) == {"far": "timeout", "count": "correct", "sorted": "correct", "ben": "correct"}


WRITES = [
    "DELETE FROM ride", "DROP TABLE ride", "INSERT INTO ride VALUES (9, 'x', 1, '1')", "PRAGMA journal_mode = WAL",
    "ATTACH 'other.db' AS o", "VACUUM", "SELECT 1; DELETE FROM ride", "CREATE TABLE x AS SELECT 1",
    "WITH gone AS (DELETE FROM ride RETURNING 1) SELECT * FROM gone", "SELECT writefile('out.txt', 'x')",
]  # fmt: skip


def test_no_prediction_writes(tmp_path: Path) -> None:
    path = make(tmp_path / "dbs" / "taxi.db")
    before = hashlib.sha256(path.read_bytes()).hexdigest(), sorted(p.name for p in path.parent.iterdir())
    examples = [Example(f"q{i}", (GOLD["count"],), question="?") for i in range(len(WRITES))]
    with open_database(str(path)) as database:
        said = dict(zip((e.id for e in examples), WRITES, strict=True))
        found = scored(said, tmp_path / "eval", Scoring(database), examples=examples)
    assert set(outcomes(found).values()) <= {"refused", "unparsed", "schema_error", "no_sql"}
    assert (hashlib.sha256(path.read_bytes()).hexdigest(), sorted(p.name for p in path.parent.iterdir())) == before


# every engine, on the real server


@pytest.fixture(params=["sqlite", "duckdb", "postgresql", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(make(tmp_path / "taxi.sqlite"))
    if request.param == "duckdb":
        duckdb = pytest.importorskip("duckdb")
        with closing(duckdb.connect(str(tmp_path / "taxi.duckdb"))) as db:
            for statement in SETUP:
                db.execute(statement)
        return str(tmp_path / "taxi.duckdb")
    if request.param == "postgresql":
        found = postgres_server.url(postgres_server.OWNER, "taxi")
        postgres_server.execute("postgres", "DROP DATABASE IF EXISTS taxi", "CREATE DATABASE taxi")
        postgres_server.execute("taxi", *SETUP)
        return found
    found = mariadb_server.url("root", "taxi")
    mariadb_server.execute("DROP DATABASE IF EXISTS taxi", "CREATE DATABASE taxi", "USE taxi", *SETUP)
    return found


SAYS = {
    "far": ("SELECT DISTINCT driver FROM ride WHERE km > 2", "wrong", "multiplicity"),
    "count": ("SELECT COUNT(*), 1 FROM ride", "wrong", "column"),
    "sorted": ("SELECT driver, km FROM ride ORDER BY km, driver", "wrong", "order"),
    "ben": (f"SELECT SUM(r0.km * r19.km) FROM {', '.join(f'ride r{i}' for i in range(20))}", "timeout", None),
    "cut": ("SELECT driver FROM ride WHERE km > 5 LIMIT 1", "wrong", "truncation"),
    "typed": ("SELECT CAST(km AS CHAR(5)) FROM ride WHERE id = 1", "wrong", "type"),
    "other": ("SELECT km + 1 FROM ride WHERE id = 1", "wrong", "value"),
    "write": ("DELETE FROM ride", "refused", None),
    "nobody": ("SELECT id FROM ride WHERE km > 99", "empty_match", None),
}
MORE = {
    "cut": "SELECT driver FROM ride WHERE km > 2",
    "typed": "SELECT km FROM ride WHERE id = 1",
    "other": "SELECT km FROM ride WHERE id = 1",
    "write": "SELECT COUNT(*) FROM ride",
    "nobody": "SELECT km FROM ride WHERE km > 50",
}


def test_every_class_of_difference_on_every_engine(url: str, tmp_path: Path) -> None:
    with open_database(url, timeout_s=2) as database:
        golds = GOLD | MORE
        examples = [Example(i, (sql,), question="?", dialect=database.dialect) for i, sql in golds.items()]
        said = {name: sql for name, (sql, *_) in SAYS.items()}
        found = scored(said, tmp_path / "eval", Scoring(database, timeout_s=0.5), examples=examples, workers=2)
        assert {p.id: (p.outcome, p.difference) for p in found.predictions["said"]} == {
            name: (outcome, kind) for name, (_, outcome, kind) in SAYS.items()
        }
        assert database.run("SELECT COUNT(*) FROM ride").rows == [(4,)]
    assert found.scores["ceiling"]["value"] == 1.0
    rows = {p.id: p.results for p in found.predictions["said"]}
    assert rows["sorted"] is not None
    assert rows["sorted"]["gold"]["rows"][0] == ["Ada", 7]
    assert rows["sorted"]["predicted"]["rows"][0] == ["Cem", 1]
    assert rows["nobody"] is None


# both kinds of databases


def test_the_real_database_and_made_up_ones_must_both_agree(taxi: Database, tmp_path: Path) -> None:
    lucky = {"far": "SELECT driver FROM ride WHERE km >= 3", "count": "SELECT 4", "ben": GOLD["ben"]}
    said = lucky | {"sorted": GOLD["sorted"]}
    real = scored(said, tmp_path / "real", Scoring(taxi))
    assert set(outcomes(real).values()) == {"correct"}
    both = scored(said, tmp_path / "both", Scoring(taxi, fuzz=3))
    assert outcomes(both) == {"far": "correct", "count": "wrong", "sorted": "correct", "ben": "correct"}


def test_bytes_and_text_that_is_no_text_are_told_apart(taxi: Database, tmp_path: Path) -> None:
    golds = {"ff": "SELECT CAST(x'ff41' AS TEXT)", "blob": "SELECT x'41'", "same": "SELECT CAST(x'fe' AS TEXT)"}
    examples = [Example(i, (sql,), question="?") for i, sql in golds.items()]
    said = {"ff": "SELECT CAST(x'fe41' AS TEXT)", "blob": "SELECT 'A'", "same": "SELECT CAST(x'fe' AS TEXT)"}
    found = scored(said, tmp_path / "eval", Scoring(taxi), examples=examples)
    assert {p.id: (p.outcome, p.difference) for p in found.predictions["said"]} == {
        "ff": ("wrong", "value"), "blob": ("wrong", "type"), "same": ("correct", None)
    }  # fmt: skip
    assert taxi.run("SELECT CAST(x'ff41' AS TEXT)").rows == [("\N{REPLACEMENT CHARACTER}A",)]
