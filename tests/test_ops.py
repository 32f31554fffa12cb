"""`bench ops`: times, right answers and costs of models in use, through the library and at servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sqltailor.errors import BackendError, ConfigError, DataError
from sqltailor.evaluate.statistics import rate
from sqltailor.ops.cold_call import cold_call
from sqltailor.ops.measure import Load, Measured, measure
from sqltailor.ops.timed_calls import Call, Ops, difference, times, tokens
from sqltailor.recipe import Recipe, load_recipe
from sqltailor.types import Completion, Example
from tests.support.chat_server import serving as chat_serving
from tests.support.cli_project import QUESTIONS, SCRIPT, make_database, ok, ok_json, run, write_test_file
from tests.support.http_service import serving

NOVA = "bedrock:amazon.nova-micro-v1:0"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a database, test questions, a recipe that names both, and answers of which four are right."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "COLUMNS", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    make_database(tmp_path / "tram.db")
    write_test_file(tmp_path / "data" / "test.jsonl")
    (tmp_path / "recipe.yaml").write_text("database: {url: sqlite:///tram.db}\ndata: {test: [data/test.jsonl]}\n")
    (tmp_path / "right.json").write_text(json.dumps(QUESTIONS))
    wrong = {"Colours of the lines": "SELECT number FROM line", "Which stop opened last?": "-- cannot answer: no"}
    (tmp_path / "some.json").write_text(json.dumps(QUESTIONS | wrong))
    return tmp_path


def recipe() -> Recipe:
    return load_recipe(None).recipe


# figures


def call(took_ms: float = 10.0, **fields: Any) -> Call:
    return Call.of(Example(question="?"), Completion("SELECT 1", **fields), took_ms)


def test_all_that_the_model_did_not_time_came_before_its_first_token() -> None:
    assert call(100.0, first_token_ms=20.0, total_ms=70.0).first_token_ms == 50.0
    assert call(100.0).first_token_ms is None


def test_what_one_call_does_not_measure_is_not_known() -> None:
    measured, other = call(first_token_ms=1.0, total_ms=2.0, tokens_out=4), call()
    assert times([measured, other])["first_token_ms_p50"] is None
    assert times([measured, other])["total_ms_p99"] == 10.0
    assert set(times([]).values()) == {None}
    assert tokens([measured, measured], "tokens_out") == 8
    assert tokens([measured, other], "tokens_out") is None


def test_differences_are_of_the_first_model_and_only_of_what_both_have() -> None:
    base = Ops("base", 2, 0, 2, None, {"total_ms_p50": 200.0, "tokens_per_s": 0.0, "first_token_ms_p50": None})
    tuned = Ops("tuned", 2, 0, 2, rate([1, 0]), {"total_ms_p50": 250.0, "tokens_per_s": 3.0, "first_token_ms_p50": 1.0})
    assert difference(base, tuned) == {"total_ms_p50": 25.0}
    shown = Measured(Load(), (base, tuned)).to_json()
    assert shown["difference_percent"] == {"tuned": {"total_ms_p50": 25.0}}
    assert shown["models"]["tuned"]["right"]["value"] == 0.5
    assert shown["models"]["base"]["right"] is None


# through the library


def test_two_models_stand_side_by_side(project: Path) -> None:
    words = ("bench", "ops", "--model", "echo:some.json", "--model", "echo:right.json", "--warm", "12", "--cold", "1")
    found = ok_json(*words)
    assert (found["through"], found["concurrency"]) == ("library", 1)
    some, right = found["models"]["echo:some.json"], found["models"]["echo:right.json"]
    assert (some["calls"], some["cold_calls"], some["questions"]) == (12, 1, 6)
    assert (some["right"]["value"], some["right"]["n"]) == (pytest.approx(4 / 6), 6)  # not 12: asked twice
    assert right["right"]["value"] == 1.0
    assert 0 < some["total_ms_p50"] <= some["total_ms_p95"] <= some["total_ms_p99"]
    assert some["cold_total_ms_p50"] > some["total_ms_p99"]  # a process starts
    # canned answers have no tokens, and no price
    assert some["first_token_ms_p50"] is some["tokens_per_s"] is some["usd_per_1000_right"] is None
    assert set(found["difference_percent"]) == {"echo:right.json"}
    assert "cold_total_ms_p50" in found["difference_percent"]["echo:right.json"]


def test_the_table_says_what_is_not_known_and_that_questions_come_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    shown = ok("bench", "ops", "--model", "echo:some.json", "--model", "gold", "--warm", "7", "--cold", "0")
    assert "note: 6 questions for 7 warm calls: each is asked again, and may be faster" in shown.stderr
    assert "note: no cold calls" in shown.stderr
    assert "gold against echo:some.json" in shown.stdout
    lines = {line.split("│")[1].strip(): line for line in shown.stdout.splitlines() if "│" in line}
    assert "not known" in lines["warm: first token, p50"]
    assert "not known" in lines["cost of 1,000 right answers"]
    assert "+33.3 points" in lines["right answers"]
    assert not any(label.startswith("cold") for label in lines)


def test_nano_has_every_figure_but_a_price(project: Path) -> None:
    found = measure(recipe(), models=["nano"], load=Load(warm=2, cold=1)).models[0]
    for name, value in found.figures.items():
        assert (value is None) == (name == "usd_per_1000_right"), name
    figures = {name: value or 0.0 for name, value in found.figures.items()}
    assert 0 < figures["first_token_ms_p50"] < figures["total_ms_p99"] < figures["cold_first_token_ms_p50"]
    assert figures["tokens_per_s"] > 0


@pytest.mark.parametrize("model", [NOVA, "runs/deployed"])
def test_a_priced_model_costs_what_all_its_calls_cost_by_the_right_ones(
    project: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    from sqltailor.generate.canned import echo

    def nova(reference: str, **_: Any) -> Any:
        answers = echo(Path("some.json"))
        return lambda prompts, options: [
            Completion(c.text, tokens_in=800, tokens_out=60) for c in answers(prompts, options)
        ]

    monkeypatch.setattr("sqltailor.ops.library.load", nova)
    deployed = project / "runs" / "deployed"
    deployed.mkdir(parents=True)
    (deployed / "deployment.json").write_text('{"backend": "bedrock"}')
    (deployed / "prompt.json").write_text('{"base": "amazon.nova-micro-v1:0:128k"}')
    [found] = measure(recipe(), models=[model], load=Load(warm=6, cold=0)).models
    # $0.000035 and $0.00014 per 1,000 tokens, of six calls for four right answers
    each = (800 * 0.000035 + 60 * 0.00014) / 1000
    assert found.figures["usd_per_1000_right"] == pytest.approx(1000 * each * 6 / 4, abs=1e-6)
    (project / "data" / "test.jsonl").write_text(
        '{"id": "t", "question": "Colours of the lines", "sql": ["SELECT 1"]}\n'
    )
    [none] = measure(recipe(), models=[model], load=Load(warm=1, cold=0)).models
    assert none.right is not None
    assert none.right.value == 0
    assert none.figures["usd_per_1000_right"] is None


def test_a_fresh_process_that_fails_says_why(project: Path) -> None:
    example = Example(question="How many stops are there?")
    with pytest.raises(BackendError, match=r"did not answer with echo:none\.json: none\.json cannot be read.*--cold 0"):
        cold_call(recipe(), "echo:none.json", example)


# at a server


def test_our_server_is_asked_the_question_alone(project: Path) -> None:
    with serving(project) as server:
        found = measure(recipe(), load=Load(f"{server.url}/v1", concurrency=3, warm=12)).to_json()
    assert found["concurrency"] == 3
    tram = found["models"]["tram"]
    assert tram["right"]["value"] == 1.0
    assert (tram["calls"], tram["cold_calls"]) == (12, 0)
    assert 0 < tram["first_token_ms_p50"] <= tram["total_ms_p50"]
    assert tram["tokens_per_s"] > 0


def test_our_servers_limits_are_named(project: Path) -> None:
    with serving(project, rate_per_minute=6.0) as server:
        words = ("bench", "ops", "--url", f"{server.url}/v1", "--warm", "12")
        failed = run(*words)
    assert failed.exit_code != 0
    assert "answers 429" in str(failed.exception)
    assert "sqltailor serve --rate 0 --at-once 0" in str(failed.exception)


def test_another_server_gets_the_recipes_prompt_and_the_key(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k-1")
    with chat_serving(lambda asked: next(sql for q, sql in QUESTIONS.items() if q in asked)) as server:
        [found] = measure(recipe(), models=["qwen"], load=Load(server.url, warm=6)).models
    assert found.right == rate([1] * 6)
    assert found.figures["first_token_ms_p50"] is not None
    assert found.figures["usd_per_1000_right"] is None
    assert len(server.asked) == 7  # one goes before
    assert "CREATE TABLE" in server.asked[0]["messages"][0]["content"]
    assert server.asked[0]["stream_options"] == {"include_usage": True}
    assert set(server.keys) == {"Bearer k-1"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ('{"choices": []}', "answers without a stream"),
        ('data: {"error": {"message": "out of memory"}}\n\n', "breaks off: .*out of memory"),
        ("data: {\n\n", "breaks off"),
        (401, "answers 401 Unauthorized: not now Set OPENAI_API_KEY"),
    ],
)
def test_a_server_that_fails_is_quoted(project: Path, fault: int | str, said: str) -> None:
    with chat_serving(lambda asked: "SELECT 1") as server:
        server.faults = [fault]
        with pytest.raises(BackendError, match=said):
            measure(recipe(), load=Load(server.url, warm=1))


def test_a_name_that_is_not_served_is_named(project: Path) -> None:
    with chat_serving(lambda asked: "SELECT 1") as server:
        with pytest.raises(ConfigError, match=r"Unknown model of the server 'qwem'\. Did you mean 'qwen'\?"):
            measure(recipe(), models=["qwem"], load=Load(server.url))
        server.names = []
        with pytest.raises(BackendError, match="serves no model"):
            measure(recipe(), load=Load(server.url))


def test_gold_that_judges_nothing_is_told(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    row = {"id": "g", "question": "How many stops are there?", "sql": ["SELECT count(*) FROM tram"]}
    file = project / "data" / "test.jsonl"
    file.write_text(file.read_text() + json.dumps(row) + "\n")
    [found] = measure(recipe(), models=["echo:right.json"], load=Load(warm=7, cold=0)).models
    assert found.right == rate([1] * 6)
    assert "1 of 7 gold statements fail and count in no execution rate" in caplog.text
    file.write_text(json.dumps(row) + "\n")
    with pytest.raises(DataError, match="None of the 1 gold statements runs"):
        measure(recipe(), models=["echo:right.json"], load=Load(cold=0))


def test_without_a_database_nothing_is_judged(project: Path) -> None:
    (project / "recipe.yaml").write_text("database: {schema: schema.sql}\ndata: {test: [data/test.jsonl]}\n")
    (project / "schema.sql").write_text(SCRIPT)
    [found] = measure(recipe(), models=["echo:right.json"], load=Load(warm=6, cold=0)).models
    assert found.right is None
    assert found.figures["total_ms_p50"] is not None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--concurrency", "4"), "--concurrency 4 is for a server"),
        (("--url", "http://127.0.0.1:9/v1", "--cold", "2"), "--cold 2 starts fresh processes"),
        (("--url", "127.0.0.1:9"), "--url '127.0.0.1:9' is not the URL of an API"),
        (("--url", "http://127.0.0.1:9/v1"), "Start one with: sqltailor serve"),
        (("--model", "nanoo"), "nano"),
        (("--data", "none.jsonl"), "There are no test examples"),
    ],
)
def test_what_cannot_be_measured_is_said_before(project: Path, words: tuple[str, ...], said: str) -> None:
    failed = run("bench", "ops", *words)
    assert failed.exit_code != 0
    assert said in str(failed.exception)
