"""The journey on the command line, with the real library on a real database; JSON shapes are held here."""

from __future__ import annotations

import csv
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from sqltailor.demo.journey import TESTS, prepare
from sqltailor.errors import ConfigError, DataError
from sqltailor.evaluate.metrics import metrics_called
from sqltailor.version import __version__
from tests.support.cli_project import QUESTIONS, make_database, ok, ok_json, run, write_test_file

METRICS = set(metrics_called(None))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder but for the database, with nothing set in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    make_database(tmp_path / "tram.db")
    return tmp_path


@pytest.fixture
def begun(project: Path) -> Path:
    """The project after `init`, with test questions in place."""
    ok("init", "sqlite:///tram.db")
    write_test_file(project / "data" / "test.jsonl")
    return project


@pytest.fixture
def echo(begun: Path) -> str:
    """A model that answers two of the six questions right, one with SQL that is refused, and declines one."""
    answers = dict(QUESTIONS)
    answers["Colours of the lines"] = "SELECT number FROM line"
    answers["Which lines stop at the zoo?"] = "```sql\nDELETE FROM line\n```"
    answers["Which stop opened last?"] = "-- cannot answer: no idea"
    answers["How many drivers does each line have?"] = "SELECT salary FROM driver"
    (begun / "answers.json").write_text(json.dumps(answers))
    return "echo:answers.json"


def test_version() -> None:
    assert ok("--version").stdout == f"{__version__}\n"


# init, schema, config


def test_init_writes_a_recipe_that_counts_and_an_env_file_for_secrets(project: Path) -> None:
    result = ok("init", "sqlite:///tram.db")
    assert "4 tables, 14 columns, dialect sqlite" in result.stderr
    assert result.stdout.startswith("wrote recipe.yaml")
    assert "sqltailor data import" in result.stdout
    assert "url: sqlite:///tram.db" in (project / "recipe.yaml").read_text()
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600
    assert ".env" in (project / ".gitignore").read_text().split()
    origins = {row["key"]: row for row in ok_json("config")}
    assert origins["database.url"]["value"] == "sqlite:///tram.db"
    assert origins["database.url"]["origin"].startswith("recipe.yaml:")


def test_init_as_json_and_elsewhere(project: Path) -> None:
    made = ok_json("init", "tram.db", "--out", "deep/er")
    assert (made["tables"], made["columns"], made["dialect"]) == (4, 14, "sqlite")
    assert set(made["written"]) >= {"deep/er/recipe.yaml"}
    assert made["next_commands"][0] == "cd deep/er"
    assert (project / "deep" / "er" / "recipe.yaml").is_file()


def test_init_copies_a_shipped_recipe(project: Path) -> None:
    ok("init", "sqlite:///tram.db", "--recipe", "qlora-8b-24gb")
    values = {row["key"]: row["value"] for row in ok_json("config")}
    assert (values["train.lora.r"], values["database.url"]) == ("256", "sqlite:///tram.db")


def test_schema_in_three_formats(begun: Path) -> None:
    ddl = ok("schema").stdout
    assert ddl.count("CREATE TABLE") == 4
    assert "line_number TEXT REFERENCES line(number)" in ddl
    assert '"order" INTEGER' in ddl
    assert " stop: id* int, name, zone int" in ok("schema", "--format", "compact").stdout
    tables = json.loads(ok("schema", "--format", "json").stdout)["tables"]
    assert {table["name"] for table in tables} == {"stop", "line", "serves", "driver"}
    [serves] = [table for table in tables if table["name"] == "serves"]
    assert serves["columns"][0] == {
        "name": "line_number",
        "type": "TEXT",
        "primary_key": False,
        "references": {"table": "line", "column": "number"},
        "comment": None,
    }


def test_samples_that_change_nothing_are_told(begun: Path) -> None:
    assert "--samples changes nothing" in ok("schema", "--format", "compact", "--samples", "2").stderr
    Path("s.sql").write_text("CREATE TABLE t (a INT)")
    assert "--samples changes nothing" in ok("schema", "s.sql", "--samples", "2").stderr
    assert "changes nothing" not in ok("schema", "--samples", "2").stderr


def test_the_schema_that_is_printed_can_be_read_again(begun: Path) -> None:
    Path("tram.sql").write_text(ok("schema").stdout)
    sql = "SELECT name FROM stop"
    assert ok_json("check-sql", sql, "--schema", "tram.sql")["allowed"]


def test_schema_shows_values_but_not_personal_ones(begun: Path) -> None:
    ddl = ok("schema", "--samples", "2").stdout
    assert "green" in ddl or "red" in ddl
    assert "555-01" not in ddl


def test_schema_of_a_database_that_no_recipe_names(project: Path) -> None:
    assert "CREATE TABLE driver" in ok("schema", "tram.db").stdout


def test_config_masks_secrets_and_says_where_values_come_from(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://reader:s3cret@db.example/tram")
    Path("recipe.yaml").write_text("database: {url: '${DATABASE_URL}'}\ntrain: {epochs: 2}\n")
    given = "database.url=postgresql://reader:s3cret@db.example/tram"
    for words in ([], ["--json"], [given], [given, "--json"]):
        assert "s3cret" not in ok("config", *words).stdout
    rows = {row["key"]: row for row in ok_json("config", "train.batch=4")}
    assert rows["database.url"]["value"] == "${DATABASE_URL}"
    assert rows["train.epochs"] == {"key": "train.epochs", "value": "2.0", "origin": "recipe.yaml:2"}
    assert rows["train.batch"]["origin"] == "command line"
    assert rows["train.seed"]["origin"] == "default"


# data


def test_import_keeps_what_is_right_and_names_why_the_rest_is_not(begun: Path) -> None:
    with open("my.csv", "w", newline="") as file:
        write = csv.writer(file)
        write.writerow(["ask", "query"])
        write.writerow(["How many lines are there?", "SELECT count(*) FROM line"])
        write.writerow(["Broken", "SELEC count(* FROM line"])
        write.writerow(["Length of the lines", "SELECT kilometres FROM line"])
    words = ("data", "import", "my.csv", "--map", "question=ask,sql=query")
    assert "data/test.jsonl exists, and no import made it" in str(run(*words).exception)
    Path("data/test.jsonl").unlink()
    result = ok(*words)
    assert "read 3, kept 1, rejected 2" in result.stdout
    assert "rejected 1: unparsed" in result.stdout
    assert "rejected 1: unknown_column" in result.stdout
    rejects = [json.loads(line) for line in Path("data/rejects.jsonl").read_text().splitlines()]
    assert [(row["line"], row["reason"]) for row in rejects] == [(3, "unparsed"), (4, "unknown_column")]
    assert "kilometres" in rejects[1]["detail"]
    assert Path("data/card.html").is_file()
    summary = ok_json(*words, "--out", "again")
    assert {name: summary[name] for name in ("read", "kept", "rejected", "reasons", "out")} == {
        "read": 3,
        "kept": 1,
        "rejected": 2,
        "reasons": {"unparsed": 1, "unknown_column": 1},
        "out": "again",
    }


def test_import_of_nothing_usable_fails(begun: Path) -> None:
    Path("my.csv").write_text("question,sql\nlength?,SELECT kilometres FROM line\n")
    result = run("data", "import", "my.csv", "--out", "new")
    assert result.exit_code == 1
    assert "nothing was kept" in result.stderr


def test_check_fails_when_a_row_is_rejected(begun: Path) -> None:
    assert ok_json("data", "check", "data/test.jsonl")["kept"] == len(QUESTIONS)
    Path("more.csv").write_text("question,sql\nStops?,SELECT * FROM stop\nlength?,SELECT kilometres FROM line\n")
    result = run("data", "check", "more.csv", "--json")
    summary = json.loads(result.stdout)
    assert (result.exit_code, summary["kept"], summary["reasons"]) == (1, 1, {"unknown_column": 1})


def test_show_prints_examples_as_they_are_read(begun: Path) -> None:
    shown = ok("data", "show", "data/test.jsonl", "-n", "2").stdout
    assert shown.splitlines() == [
        "t1: How many stops are there?",
        "    SELECT count(*) FROM stop",
        "t2: Names of the stops in zone 1",
        "    SELECT name FROM stop WHERE zone = 1",
    ]
    [first] = ok_json("data", "show", "data/test.jsonl", "-n", "1")
    assert (first["id"], first["sql"]) == ("t1", ["SELECT count(*) FROM stop"])


def test_show_prints_the_prompt_that_a_model_is_given(begun: Path) -> None:
    shown = ok("data", "show", "data/test.jsonl", "-n", "1", "--prompt").stdout
    _, system, user = shown.split("\n--- ")
    assert system.startswith("system\n")
    assert "zone" in system
    assert user.strip().endswith("How many stops are there?")
    [first] = ok_json("data", "show", "data/test.jsonl", "-n", "1", "--prompt")
    assert [message["role"] for message in first["prompt"]] == ["system", "user"]


def test_rows_without_a_dialect_are_in_the_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("recipe.yaml").write_text("dialect: postgres\ndatabase:\n  schema: s.sql\nprompt:\n  name: compact\n")
    Path("s.sql").write_text("CREATE TABLE ride (id int, at timestamptz);")
    row = {"id": "a", "question": "Rides today?", "sql": "SELECT id::text FROM ride WHERE at > now()"}
    Path("t.jsonl").write_text(json.dumps(row))
    [shown] = ok_json("data", "show", "t.jsonl", "--prompt")
    assert shown["dialect"] == "postgres"
    assert "postgres" in shown["prompt"][0]["content"].lower()
    ok("data", "export", "t.jsonl", "--format", "examples", "--out", "o.jsonl")
    assert json.loads(Path("o.jsonl").read_text())["dialect"] == "postgres"
    imported = run("data", "import", "t.jsonl", "--against", "t.jsonl", "--out", "out", "--json")
    assert json.loads(imported.stdout)["reasons"] == {"in_test": 1}


def test_synth_writes_pairs_that_import_accepts(begun: Path) -> None:
    made = ok_json("data", "synth", "-n", "20")
    assert made["out"] == "data/synth.jsonl"
    assert made["kept"] == 20 <= made["made"]
    assert made["seconds"] > 0
    checked = ok_json("data", "check", "data/synth.jsonl", "--out", "checked")
    assert (checked["read"], checked["rejected"]) == (20, checked["reasons"].get("duplicate", 0))


# check-sql


def verdict(*arguments: str, input: str | bytes | None = None) -> tuple[int, Any]:
    result = run("check-sql", *arguments, "--json", input=input)
    assert result.stdout, result.exception
    return result.exit_code, json.loads(result.stdout)


def test_check_sql_says_yes_or_which_layer_says_no(project: Path) -> None:
    Path("s.sql").write_text("CREATE TABLE t (a INT, b TEXT);")
    given = ("--dialect", "sqlite", "--schema", "s.sql")
    assert verdict("SELECT a FROM t", *given) == (0, {"allowed": True, "layer": None, "reason": None})
    code, answer = verdict("DELETE FROM t", *given)
    assert (code, answer["allowed"], answer["layer"]) == (1, False, "policy")
    assert "DELETE" in answer["reason"]
    assert verdict("SELECT FROM WHERE", *given)[1]["layer"] == "parse"
    assert ok("check-sql", "SELECT a FROM t", *given).stdout == "allowed\n"
    assert run("check-sql", "DROP TABLE t", *given).stdout.startswith("refused by policy: ")


@pytest.mark.parametrize("place", ["first", "last", "after --"])
def test_sql_that_begins_with_a_comment_reaches_the_guard(project: Path, place: str) -> None:
    Path("s.sql").write_text("CREATE TABLE t (a INT);")
    given = ["--dialect", "sqlite", "--schema", "s.sql"]
    for sql, allowed in (("-- x\nDELETE FROM t", False), ("-- x\nSELECT a FROM t", True), ("--\nDELETE FROM t", False)):
        words = {"first": [sql, *given], "last": [*given, sql], "after --": [*given, "--", sql]}[place]
        if place == "after --":
            words = [*given, "--json", "--", sql]
            result = run("check-sql", *words)
            code, answer = result.exit_code, json.loads(result.stdout)
        else:
            code, answer = verdict(*words)
        assert (code, answer["allowed"]) == (0 if allowed else 1, allowed)


def test_check_sql_reads_standard_input(project: Path) -> None:
    Path("s.sql").write_text("CREATE TABLE t (a INT);")
    assert verdict("-", "--schema", "s.sql", input="-- x\nSELECT a\nFROM t;\n")[0] == 0
    assert verdict("-", "--schema", "s.sql", input="DELETE FROM t")[0] == 1


def test_check_sql_reads_a_file_of_statements(project: Path) -> None:
    Path("s.sql").write_text("CREATE TABLE t (a INT);")
    Path("all.tsv").write_text("# id, note, statement\ngood\tfine\tSELECT a FROM t\nbad\tno\t-- x\\nDELETE FROM t\n")
    code, rows = verdict("--file", "all.tsv", "--schema", "s.sql")
    assert code == 1
    assert [(row["id"], row["allowed"], row["layer"]) for row in rows] == [
        ("good", True, None),
        ("bad", False, "policy"),
    ]
    result = run("check-sql", "--file", "all.tsv", "--schema", "s.sql")
    assert "1 of 2 allowed" in result.stderr
    Path("all.tsv").write_text("SELECT a FROM t\n")
    assert verdict("--file", "all.tsv", "--schema", "s.sql")[0] == 0


def test_grants_of_the_command_line_narrow_those_of_the_recipe(begun: Path) -> None:
    Path("recipe.yaml").write_text("database: {url: 'sqlite:///tram.db', deny: [driver.phone]}\n")
    assert verdict("SELECT name FROM driver")[0] == 0
    assert verdict("SELECT phone FROM driver")[0] == 1
    assert verdict("SELECT phone FROM driver", "--allow", "driver")[0] == 1
    assert verdict("SELECT name FROM driver", "--deny", "driver")[0] == 1
    assert verdict("SELECT name FROM stop", "--allow", "line", "--allow", "driver")[0] == 1


# eval, report


def is_rate(value: Any) -> bool:
    return set(value) == {"value", "low", "high", "n"} and 0 <= value["low"] <= value["value"] <= value["high"] <= 1


def test_eval_compares_models(echo: str) -> None:
    result = ok_json("eval", "--model", "gold", "--model", echo)
    assert set(result) == {
        "run", "models", "paired", "outcomes", "differences", "mistakes", "declines", "ceiling", "gold_errors",
    }  # fmt: skip
    assert set(result["models"]) == {"gold", echo}
    for rates in result["models"].values():
        assert set(rates) == METRICS
        assert all(is_rate(rate) for rate in rates.values())
    assert result["models"]["gold"]["execution"]["value"] == 1.0
    assert result["models"][echo]["execution"] | {"low": 0, "high": 0} == {
        "value": pytest.approx(2 / 6, abs=1e-4),
        "low": 0,
        "high": 0,
        "n": 6,
    }
    pair = next(pair for pair in result["paired"] if pair["metric"] == "execution")
    assert set(pair) == {"a", "b", "metric", "fixed", "broken", "p", "n", "difference", "detectable"}
    assert (pair["a"], pair["b"], pair["fixed"], pair["broken"]) == ("gold", echo, 0, 4)
    folder = Path(result["run"])
    outcomes = {}
    for line in (folder / f"predictions-{echo.replace(':', '-')}.jsonl").read_text().splitlines():
        outcomes[json.loads(line)["id"]] = json.loads(line)["outcome"]
    assert list(outcomes.values()) == ["correct", "correct", "declined", "wrong", "refused", "schema_error"]
    assert (folder / "report.html").is_file()


def test_eval_prints_a_table_and_wrong_answers(echo: str) -> None:
    result = ok("eval", "--model", "gold", "--model", echo, "--limit", "4", "--show", "1")
    assert re.search(r"execution .*100\.0% .*n=4.*50\.0%", result.stdout)
    assert "0 fixed, 2 broken" in result.stdout
    assert f"{echo}: t3 (declined)" in result.stderr
    assert "t4" not in result.stderr
    assert "report.html" in result.stderr


def test_eval_can_be_a_gate(echo: str) -> None:
    assert run("eval", "--model", "gold", "--fail-under", "execution=0.9").exit_code == 0
    result = run("eval", "--model", echo, "--fail-under", "execution=0.9")
    assert result.exit_code == 1
    assert "below 0.9" in result.stderr


def test_a_test_part_that_says_little_is_told(project: Path) -> None:
    for count, told in ((60, "only 6 rows for test, so that a rate is known to ±31 points"), (400, "")):
        rows = (
            {"question": f"Stops of zone {n}?", "sql": f"SELECT name FROM stop WHERE zone = {n}"} for n in range(count)
        )
        (project / "many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        words = ("--by", "question", "--out", f"out-{count}", "--database", "tram.db")
        said = ok("data", "import", "many.jsonl", *words).stderr
        assert told in said
        assert ("for test" in said) == bool(told)


def test_values_of_the_command_line_win_over_the_recipe(echo: str) -> None:
    found = ok_json("eval", "--model", "gold", "evaluate.metrics=[exact_match]", "--limit", "2")
    assert set(found["models"]["gold"]) >= {"exact_match"}
    assert "execution" not in found["models"]["gold"]
    told = str(run("eval", "--model", "gold", "generate.constrian=false").exception)
    assert "generate.constrian is not a key. Did you mean 'generate.constrain'?" in told
    assert "nope is not a key" in str(run("bench", "ops", "nope=1", "--model", "gold").exception)
    assert "nope is not a key" in str(run("serve", "nope=1", "--model", "gold").exception)


def test_eval_takes_files_and_a_database_without_a_recipe(project: Path) -> None:
    write_test_file(project / "mine" / "questions.jsonl")
    words = ("--model", "gold", "--data", "mine/questions.jsonl", "--database", "tram.db", "--out", "found")
    result = ok_json("eval", *words)
    assert (result["run"], result["models"]["gold"]["execution"]["n"]) == ("found", 6)


def test_eval_reads_what_import_reads(project: Path) -> None:
    Path("recipe.yaml").write_text(
        "database: {url: 'sqlite:///tram.db'}\ndata: {mapping: {question: Ask, sql: Query}, test: mine.csv}\n"
    )
    Path("mine.csv").write_text("sep=;\nAsk;Query\nHow many stops?;SELECT count(*) FROM stop -- all\nWhy?;\n")
    bird = {"db_id": "tram", "question": "Names?", "evidence": "", "SQL": "SELECT `name` FROM stop"}
    spider = {"db_id": "tram", "question": "Red?", "query": 'SELECT number FROM line WHERE colour = "red"', "sql": {}}
    Path("bird.json").write_text(json.dumps([bird]))
    Path("spider.json").write_text(json.dumps([spider]))
    Path("defog.csv").write_text('db_name,question,query\ntram,Zones?,"SELECT {zone, name} FROM stop WHERE zone > 1"\n')
    for file in ("mine.csv", "bird.json", "spider.json", "defog.csv"):
        result = run("eval", "--model", "gold", "--data", file, "--out", f"out-{file}", "--json")
        rates = json.loads(result.stdout)["models"]["gold"]
        assert (rates["execution"]["value"], rates["execution"]["n"]) == (1.0, 1)
    assert ok_json("eval", "--model", "gold")["models"]["gold"]["exact_match"]["value"] == 1.0


def test_eval_maps_columns_as_import_does(project: Path) -> None:
    (project / "odd.csv").write_text('was,wird\nRed lines,"SELECT number FROM line WHERE colour = ""red"""\n')
    words = ("eval", "--model", "gold", "--data", "odd.csv", "--database", "tram.db", "--out", "out-odd")
    assert "--map question=COL" in str(run(*words).exception)
    scores = ok_json(*words, "--map", "question=was,sql=wird")["models"]["gold"]
    assert (scores["execution"]["value"], scores["schema_valid"]["value"]) == (1.0, 1.0)


def test_eval_of_rows_with_their_own_schema_needs_no_database(project: Path) -> None:
    context = "CREATE TABLE ferry (name VARCHAR, deck INTEGER)"
    asked = {"Big?": "SELECT name FROM ferry WHERE deck > 2", "How many?": "SELECT COUNT(*) FROM ferry"}
    Path("scc.json").write_text(
        json.dumps([{"question": q, "context": context, "answer": a} for q, a in asked.items()])
    )
    said = [json.dumps({"question": q, "sql": a.replace("> 2", ">= 3")}) for q, a in asked.items()]
    Path("said.jsonl").write_text("\n".join(said) + "\n")
    words = ("eval", "--model", "echo:said.jsonl", "--data", "scc.json")
    compared = run(*words, "--out", "compared")
    assert "no database: SQL was compared, not run" in compared.stderr
    rates = json.loads(Path("compared/scores.json").read_text())["models"]["echo:said.jsonl"]
    assert {name: rate["value"] for name, rate in rates.items()} == {
        "exact_match": 0.5, "exact_set": 0.5, "parse_valid": 1.0, "schema_valid": 1.0,
    }  # fmt: skip
    found = ok_json(*words, "--fuzz", "2", "--out", "fuzzed")["models"]["echo:said.jsonl"]
    assert (found["execution"]["value"], found["exact_match"]["value"]) == (1.0, 0.5)


def test_report_is_written_again(echo: str) -> None:
    folder = Path(ok_json("eval", "--model", "gold", "--model", echo)["run"])
    (folder / "report.html").unlink()
    assert ok("report").stdout == f"{folder}/report.html\n"
    text = (folder / "report.html").read_text()
    assert "Which lines stop at the zoo?" in text
    assert not re.search(r"(?:src|href)=[\"']?https?:", text)
    (folder / "report.html").unlink()
    assert ok("report", str(folder)).stdout == f"{folder}/report.html\n"


def test_what_a_grant_hides_stays_hidden(begun: Path) -> None:
    Path("recipe.yaml").write_text("database: {url: 'sqlite:///tram.db', deny: [driver.phone]}\n")
    assert "phone" not in ok("schema").stdout
    for sql in ("SELECT phone FROM driver", "SELECT * FROM driver"):
        Path("answer.sql").write_text(sql)
        result = run("ask", "phones?", "--run", "--model", "echo:answer.sql", "--json")
        reply = json.loads(result.stdout)
        assert (result.exit_code, reply["allowed"], reply["rows"]) == (1, False, None)
        assert "phone" in reply["reason"]
    Path("answer.sql").write_text("SELECT name FROM driver")
    assert len(ok_json("ask", "names?", "--run", "--model", "echo:answer.sql")["rows"]) == 3
    test = {"id": "1", "question": "names?", "sql": ["SELECT name FROM driver"]}
    Path("test.jsonl").write_text(json.dumps(test) + "\n")
    found = ok_json("eval", "--model", "echo:answer.sql", "--data", "test.jsonl")
    assert found["models"]["echo:answer.sql"]["execution"]["value"] == 1.0


# ask


def test_ask_writes_sql_and_runs_it(begun: Path) -> None:
    Path("answer.sql").write_text("SELECT number, colour FROM line ORDER BY number")
    result = ok("ask", "Which lines are there?", "--model", "echo:answer.sql", "--run")
    assert result.stdout.startswith("SELECT number, colour FROM line ORDER BY number\n")
    assert re.search(r"N2 .*NULL", result.stdout)
    reply = ok_json("ask", "Which lines are there?", "--model", "echo:answer.sql", "--run")
    assert set(reply) == {
        "sql", "reason", "allowed", "layer", "columns", "rows", "truncated", "verified", "pair", "values", "confidence",
        "expected", "asks_back", "declined", "agrees_with_compiler", "readings", "repairs", "timings_ms", "model",
    }  # fmt: skip
    assert reply["columns"] == ["number", "colour"]
    assert reply["rows"] == [["1", "red"], ["7", "green"], ["N2", None]]
    assert set(reply["timings_ms"]) == {"first_token", "total"}
    assert (reply["model"], reply["allowed"], reply["reason"]) == ("echo:answer.sql", True, None)


def test_ask_without_run_runs_nothing(begun: Path) -> None:
    Path("answer.sql").write_text("SELECT number FROM line")
    reply = ok_json("ask", "Which lines?", "--model", "echo:answer.sql")
    assert (reply["sql"], reply["columns"], reply["rows"]) == ("SELECT number FROM line", None, None)


def test_ask_never_runs_what_the_guard_refuses(begun: Path) -> None:
    Path("answer.sql").write_text("DELETE FROM line")
    result = run("ask", "Clear the lines", "--model", "echo:answer.sql", "--run")
    assert result.exit_code == 1
    assert "not allowed: " in result.stderr
    Path("answer.sql").write_text("SELECT count(*) FROM line")
    assert ok_json("ask", "Lines?", "--model", "echo:answer.sql", "--run")["rows"] == [[3]]


def test_ask_says_when_a_model_declines(begun: Path) -> None:
    Path("answer.sql").write_text("-- cannot answer: there is no table of fares")
    reply = ok_json("ask", "What does a line cost?", "--model", "echo:answer.sql", "--run")
    assert (reply["sql"], reply["rows"], reply["allowed"]) == (None, None, None)
    assert reply["declined"] == "there is no table of fares"
    shown = ok("ask", "What does a line cost?", "--model", "echo:answer.sql", "--run")
    assert shown.stdout == "This cannot be answered: there is no table of fares.\n"


def test_ask_says_without_the_model_that_a_question_is_about_something_else(begun: Path) -> None:
    Path("answer.sql").write_text("SELECT count(*) FROM line")
    asked = ("ask", "what will the weather be?", "--model", "echo:answer.sql", "--run")
    assert ok(*asked).stdout == (
        "This cannot be answered: nothing in the database, its values, the glossary or known questions is about "
        "'weather'.\n"
    )
    assert ok_json(*asked)["declined"].endswith("is about 'weather'")
    assert ok_json("ask", "what will be at the airport?", "--model", "echo:answer.sql")["declined"] is None  # a value
    Path("answers.jsonl").write_text('{"question": "weather?", "sql": "SELECT count(*) FROM line"}')
    assert ok_json("ask", "weather?", "--model", "echo:answers.jsonl", "--run")["rows"] == [[3]]  # the file knows it
    text = Path("recipe.yaml").read_text()
    Path("recipe.yaml").write_text(text + "\ngenerate: {decline: false}\n")
    assert ok_json(*asked)["rows"] == [[3]]


def test_ask_loads_no_model_for_a_question_that_needs_none(begun: Path) -> None:
    Path("empty.sql").touch()  # loading a file without an answer is an error
    empty = ("--model", "echo:empty.sql")
    assert ok_json("ask", "what will the weather be?", *empty)["declined"]
    assert "empty.sql" in str(run("ask", "How many lines?", *empty).exception)


def test_ask_fails_when_the_statement_did_not_run(begun: Path) -> None:
    Path("answer.sql").write_text("SELECT abs(-9223372036854775808)")
    assert ok("ask", "Overflow?", "--model", "echo:answer.sql").stdout
    result = run("ask", "Overflow?", "--model", "echo:answer.sql", "--run")
    assert result.exit_code == 1
    assert "the database says: " in result.stderr


def test_a_schema_over_its_budget_is_told_by_the_models_own_tokens(begun: Path) -> None:
    text = Path("recipe.yaml").read_text()
    Path("recipe.yaml").write_text(text.replace("prompt:\n", "prompt:\n  max_schema_tokens: 1\n"))
    error = run("ask", "Which lines?", "--model", "nano").exception
    assert isinstance(error, DataError)
    assert "tokens" in str(error)


def test_ask_takes_no_empty_question(begun: Path) -> None:
    error = run("ask", "  ").exception
    assert isinstance(error, ConfigError)


def test_ask_takes_a_specification(begun: Path) -> None:
    Path("answer.sql").write_text("SELECT name FROM stop")
    spec = '{"table": "stop", "cols": ["name"]}'
    assert len(ok_json("ask", "--spec", "-", "--run", "--model", "echo:answer.sql", input=spec)["rows"]) == 4
    Path("spec.json").write_text(spec)
    assert ok_json("ask", "--spec", "spec.json", "--model", "echo:answer.sql")["sql"] == "SELECT name FROM stop"


@pytest.mark.parametrize(
    ("spec", "run", "agrees"),
    [
        ({"table": "stop", "cols": ["name"]}, True, True),
        ({"table": "stop", "cols": ["name"]}, False, True),
        ({"table": "stop", "cols": ["name"], "filters": [{"column": "id", "operator": ">", "value": 0}]}, True, True),
        (
            {"table": "stop", "cols": ["name"], "filters": [{"column": "zone", "operator": "=", "value": 1}]},
            True,
            False,
        ),
        ({"table": "stop", "cols": ["name"], "filters": [{"column": "id", "operator": ">", "value": 0}]}, False, None),
        ({"table": "stop", "cols": ["nothing"]}, True, None),
    ],
)
def test_the_compiler_is_the_referee_of_a_specification(
    begun: Path, spec: dict[str, Any], run: bool, agrees: bool | None
) -> None:
    Path("answer.sql").write_text("SELECT name FROM stop")
    Path("spec.json").write_text(json.dumps(spec))
    asked = ("ask", "--spec", "spec.json", "--model", "echo:answer.sql", *(["--run"] if run else []))
    assert ok_json(*asked)["agrees_with_compiler"] is agrees
    assert ("the compiler makes something else" in ok(*asked).stderr) == (agrees is False)


def test_values_of_the_database_cannot_drive_the_terminal(begun: Path) -> None:
    Path("answer.sql").write_text("SELECT char(27) || '[2J' AS \"[red]x\", '[bold]y[/bold]'")
    shown = ok("ask", "Anything", "--model", "echo:answer.sql", "--run").stdout
    assert "\x1b" not in shown
    assert "[bold]y[/bold]" in shown
    assert "[red]x" in shown


# compile, export, doctor


def test_compile_needs_no_model(begun: Path) -> None:
    spec = {"table": "stop", "cols": ["name"], "filters": [{"column": "zone", "operator": "=", "value": 1}]}
    found = ok_json("compile", "-", "--database", "tram.db", input=json.dumps(spec))
    assert found == {"sql": "SELECT name FROM stop WHERE zone = 1"}


def test_compile_takes_schema_and_dialect_from_the_recipe(begun: Path) -> None:
    spec = json.dumps({"table": "serves", "cols": ["order"]})
    assert ok_json("compile", "-", input=spec) == {"sql": 'SELECT "order" FROM serves'}
    unknown = run("compile", "-", input=json.dumps({"table": "serves", "cols": ["ordre"]}))
    assert "Did you mean 'order'?" in str(unknown.exception) + unknown.stderr
    Path("s.sql").write_text("CREATE TABLE serves (ordre INTEGER)")
    assert ok_json("compile", "-", "--schema", "s.sql", "--dialect", "mysql", input=json.dumps({"table": "serves"}))


def test_export_writes_training_files(begun: Path) -> None:
    found = ok_json("data", "export", "data/test.jsonl", "--format", "prompt-completion", "--out", "out")
    assert found == {"written": {"out/test.jsonl": 6}, "violations": []}
    first = json.loads(Path("out/test.jsonl").read_text().splitlines()[0])
    assert set(first) == {"prompt", "completion"}


def test_doctor_finds_recipe_and_database(begun: Path) -> None:
    result = run("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(result.stdout)}
    assert all(set(check) == {"name", "status", "found", "remedy"} for check in checks.values())
    assert checks["recipe"]["status"] == checks["database"]["status"] == "ok"
    assert "4 tables, 14 columns" in checks["database"]["found"]
    assert result.exit_code == (1 if any(check["status"] == "fail" for check in checks.values()) else 0)
    (begun / "tram.db").unlink()
    assert run("doctor").exit_code == 1


# the sample database


def test_the_demo_project_holds_what_its_recipe_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    prepare(tmp_path)
    values = {row["key"]: row["value"] for row in ok_json("config")}
    assert json.loads(values["data.test"]) == [f"data/{name}.jsonl" for name in TESTS]
    found = ok_json("eval", "--model", "gold", "--limit", "20")
    assert found["models"]["gold"]["execution"] | {"low": 0} == {"value": 1.0, "low": 0, "high": 1.0, "n": 20}
    Path("answer.sql").write_text("SELECT COUNT(*) FROM cust")
    assert ok_json("ask", "How many customers?", "--model", "echo:answer.sql", "--run")["rows"][0][0] > 1000


def test_init_names_a_folder_with_spaces_so_that_a_shell_takes_it(begun: Path) -> None:
    assert "cd 'a b'" in ok("init", "sqlite:///tram.db", "--out", "a b").stdout


def test_export_says_which_rule_is_broken_where(begun: Path) -> None:
    said = run("data", "export", "data/test.jsonl", "--format", "bedrock", "--out", "b").stdout
    assert re.search(r"b/test.jsonl, the file: too_few_records: .*8", said)


def test_ask_says_when_the_schema_does_not_fit_the_model(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqltailor import asker
    from sqltailor.types import Completion

    monkeypatch.setattr(asker, "load", lambda *_, **__: lambda *_: [Completion("", "length", 54_505, 0)])
    result = run("ask", "Which lines are there?")
    assert result.exit_code == 1
    assert "the prompt has 54,505 tokens" in result.stderr
    assert "database.allow" in result.stderr


def test_an_interrupted_training_says_how_to_go_on(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt("Saved step 3 of runs/x. Continue with the same command.")

    monkeypatch.setattr("sqltailor.train.train", interrupted)
    result = run("train")
    assert result.exit_code == 130
    assert "Saved step 3 of runs/x. Continue with the same command." in result.stderr
