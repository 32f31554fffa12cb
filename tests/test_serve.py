"""The server over real HTTP: answers, keys and roles, what is refused, limits, clients that leave, and the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sqltailor.errors import BackendError, ConfigError
from sqltailor.generate.leaving import stop_if_nobody_waits
from sqltailor.types import Completion
from tests.support.cli_project import make_database, ok, run
from tests.support.http_service import Server, canned, held, need_serve, serving, wait_for

need_serve()

from sqltailor.serve.api_keys import LOCAL, ROLES, KeyFile  # noqa: E402
from sqltailor.serve.http_faults import HttpFault  # noqa: E402
from sqltailor.serve.http_server import listen  # noqa: E402
from sqltailor.serve.options import ServeOptions  # noqa: E402
from sqltailor.serve.rates import Rates  # noqa: E402
from sqltailor.serve.worker import Worker  # noqa: E402

ASK = {"question": "How many stops are there?"}


@pytest.fixture(scope="module")
def tram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server without keys, which several tests ask."""
    with serving(tmp_path_factory.mktemp("tram"), "glossary={terminus: the last stop of a line}") as server:
        yield server


def audit(server: Server) -> list[dict[str, Any]]:
    path = server.service.options.audit
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# answers


def test_a_question_is_answered_with_sql_rows_and_verdict(tram: Server) -> None:
    found = tram.post("/ask", ASK)
    assert found.status == 200
    reply = found.json
    assert (reply["sql"], reply["allowed"], reply["layer"]) == ("SELECT count(*) FROM stop", True, None)
    assert (reply["columns"], reply["rows"], reply["truncated"]) == (["count(*)"], [[4]], False)
    assert (reply["verified"], reply["confidence"], reply["needs_approval"]) == (False, None, False)
    assert reply["understood"] == {"terms": {}, "values": [], "tables": ["stop"]}


def test_what_was_understood_names_terms_values_and_tables(tram: Server) -> None:
    asked = {"question": "Which lines stop at the zoo?", "run": False}
    assert tram.post("/ask", asked).json["understood"] == {
        "terms": {},
        "values": [{"table": "stop", "column": "name", "value": "Zoo"}],
        "tables": ["stop", "serves"],
    }


def test_a_stream_has_a_line_when_written_and_one_when_run(tram: Server) -> None:
    lines = [json.loads(line) for line in tram.post("/ask", ASK | {"stream": True}).text.splitlines()]
    assert [line["stage"] for line in lines] == ["written", "done"]
    assert [line["rows"] for line in lines] == [None, [[4]]]


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_guard_refuses_does_not_run_and_says_which_layer(tram: Server, stream: bool) -> None:
    text = tram.post("/ask", {"question": "Forget the drivers", "stream": stream}).text
    reply = json.loads(text.splitlines()[-1])
    assert (reply["allowed"], reply["layer"], reply["rows"]) == (False, "policy", None)
    assert "DELETE" in reply["reason"]


def test_a_specification_is_answered_too(tram: Server) -> None:
    reply = tram.post("/ask", {"spec": {"table": "stop", "note": "How many stops are there?"}})
    assert reply.json["rows"] == [[4]]


def test_a_changed_statement_runs_under_the_same_guard(tram: Server) -> None:
    assert tram.post("/run", {"sql": "SELECT name FROM line"}).json["reason"].startswith("There is no column 'name'")
    assert tram.post("/run", {"sql": "SELECT number FROM line ORDER BY 1"}).json["rows"] == [["1"], ["7"], ["N2"]]
    assert tram.post("/run", {"sql": "SELECT 1; SELECT 2"}).json["layer"] == "parse"


def test_cells_that_json_has_no_number_for_are_text(tram: Server) -> None:
    found = tram.post("/run", {"sql": "SELECT 9e999, -9e999, x'00ff', NULL"})
    assert found.json["rows"] == [["inf", "-inf", "00ff", None]]
    strange = tram.post("/run", b'{"sql": "SELECT \'\\ud800\'"}')
    assert strange.status == 400


def test_large_integers_are_json_numbers_with_all_their_digits(tram: Server) -> None:
    found = tram.post("/run", {"sql": "SELECT 9007199254740993, -9223372036854775807"})
    assert '"rows":[[9007199254740993,-9223372036854775807]]' in found.text


def test_the_schema_and_what_the_page_needs(tram: Server) -> None:
    assert [table["name"] for table in tram.get("/schema").json["tables"]] == ["stop", "line", "serves", "driver"]
    about = tram.get("/about").json
    assert (about["model"], about["dialect"], about["name"]) == ("tram", "sqlite", "local")
    assert set(about["rights"]) == ROLES["owner"]
    assert about["starters"]


def test_known_pairs_answer_and_start(tmp_path: Path) -> None:
    pair = {
        "id": "k1",
        "question": "When did the Zoo stop open?",
        "sql": ["SELECT opened FROM stop WHERE name = 'Zoo'"],
    }
    (tmp_path / "train.jsonl").write_text(json.dumps(pair) + "\n")
    with serving(tmp_path, f"data.train=[{tmp_path}/train.jsonl]") as server:
        assert server.get("/about").json["starters"] == ["When did the Zoo stop open?"]
        reply = server.post("/ask", {"question": "When did the Market stop open?"}).json
        assert (reply["verified"], reply["pair"], reply["rows"]) == (True, "k1", [["1921-05-01"]])
        assert reply["values"] == [{"column": "name", "text": "Market", "is_number": False}]


def test_a_verified_answer_is_asked_again_with_other_values(tmp_path: Path) -> None:
    pair = {
        "id": "k1",
        "question": "When did the Zoo stop open?",
        "sql": ["SELECT opened FROM stop WHERE name = 'Zoo'"],
    }
    (tmp_path / "train.jsonl").write_text(json.dumps(pair) + "\n")
    keys = KeyFile(tmp_path / "keys.json")
    reader, narrow = keys.add("ada", "reader"), keys.add("bo", "analyst", deny=("stop.opened",))
    asked = {"question": "When did the Zoo stop open?", "values": ["Airport"]}
    with serving(tmp_path, f"data.train=[{tmp_path}/train.jsonl]") as server:
        found = server.post("/ask", asked, Authorization=f"Bearer {reader}").json
        assert (found["verified"], found["rows"], found["sql"]) == (True, [["2004-01-20"]], None)
        assert found["understood"]["values"] == []
        hostile = asked | {"values": ["' UNION SELECT phone FROM driver --"]}
        found = server.post("/ask", hostile, Authorization=f"Bearer {reader}").json
        assert (found["verified"], found["rows"]) == (True, [])
        refused = [
            server.post("/ask", asked, Authorization=f"Bearer {narrow}"),
            server.post("/ask", asked | {"values": []}, Authorization=f"Bearer {reader}"),
            server.post("/ask", asked | {"values": ["x" * 201]}, Authorization=f"Bearer {reader}"),
            server.post("/ask", asked | {"values": [7]}, Authorization=f"Bearer {reader}"),
            server.post("/ask", ASK | {"values": ["7"], "stream": True}, Authorization=f"Bearer {reader}"),
            server.post("/ask", {"spec": {"table": "stop"}, "values": ["7"]}, Authorization=f"Bearer {reader}"),
        ]
        assert [found.status for found in refused] == [400] * 6
        assert "No known pair answers this question" in refused[0].json["error"]


# keys, roles and grants


def test_a_key_is_kept_as_a_hash_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    token = file.add("ada", "reader", allow=("stop",))
    text = file.path.read_text()
    assert token not in text
    assert token.removeprefix("st-") not in text
    assert file.path.stat().st_mode & 0o777 == 0o600
    found = file.find(token)
    assert found is not None
    assert (found.name, found.role, found.allow) == ("ada", "reader", ("stop",))
    assert file.find(token + "x") is None
    with pytest.raises(ConfigError, match="a key 'ada' already"):
        file.add("ada", "reader")
    with pytest.raises(ConfigError, match="Did you mean 'reader'"):
        file.add("bob", "raeder")


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server with a key of each role, and their headers by the names of the roles."""
    file = KeyFile(tmp_path / "keys.json")
    tokens = {role: file.add(role, role) for role in ROLES}
    with serving(tmp_path) as server:
        yield server, {role: f"Bearer {token}" for role, token in tokens.items()}


def test_each_role_sees_and_does_what_it_may(keyed: tuple[Server, dict[str, str]]) -> None:
    server, tokens = keyed
    chat = {"model": "tram", "messages": [{"role": "user", "content": ASK["question"]}]}
    requests = {
        "/ask": ASK,
        "/run": {"sql": "SELECT 1"},
        "/v1/chat/completions": chat,
        "/schema": None,
        "/metrics": None,
    }
    seen = {
        role: {
            path: (
                server.post(path, body, Authorization=token) if body else server.get(path, Authorization=token)
            ).status
            for path, body in requests.items()
        }
        for role, token in tokens.items()
    }
    assert {role: list(found.values()) for role, found in seen.items()} == {
        "reader": [200, 403, 403, 200, 403],
        "writer": [200, 403, 200, 200, 403],
        "analyst": [200, 200, 200, 200, 403],
        "owner": [200, 200, 200, 200, 200],
    }
    reader, writer = (server.post("/ask", ASK, Authorization=tokens[role]).json for role in ("reader", "writer"))
    assert (reader["sql"], reader["rows"]) == (None, [[4]])
    assert (writer["sql"], writer["rows"]) == ("SELECT count(*) FROM stop", None)


def test_starters_differ_in_shape_then_in_tables(tmp_path: Path) -> None:
    pairs = {
        **{f"How many stops has zone {zone}?": f"SELECT count(*) FROM stop WHERE zone = {zone}" for zone in range(60)},
        "How many red lines are there?": "SELECT count(*) FROM line WHERE colour = 'red'",
        "Names of the drivers": "SELECT name FROM driver",
        "Names of the stops": "SELECT name FROM stop",
        "The newest stop": "SELECT name FROM stop ORDER BY opened DESC LIMIT 1",
    }
    rows = ({"id": f"k{i}", "question": q, "sql": [sql]} for i, (q, sql) in enumerate(pairs.items()))
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with serving(tmp_path, f"data.train=[{tmp_path}/train.jsonl]") as server:
        assert server.get("/about").json["starters"] == [
            "How many stops has zone 0?",
            "Names of the drivers",
            "The newest stop",
            "How many red lines are there?",
            "Names of the stops",
            "How many stops has zone 1?",
        ]


def test_a_refusal_names_the_path_that_was_asked_for(keyed: tuple[Server, dict[str, str]]) -> None:
    server, tokens = keyed
    found = server.post("/model/runs/tram/converse", {}, Authorization=tokens["reader"])
    assert found.status == 403
    assert found.json["message"].endswith("may not use /model/runs/tram/converse.")


def test_without_a_valid_key_nothing_but_health_is_answered(keyed: tuple[Server, dict[str, str]]) -> None:
    server, tokens = keyed
    assert server.get("/healthz").json == {"status": "ok"}
    assert server.get("/readyz").json == {"status": "ready"}
    for headers in (
        {},
        {"Authorization": "Bearer st-guess"},
        {"Authorization": tokens["owner"].replace("Bearer", "Basic")},
    ):
        found = server.post("/ask", ASK, **headers)
        assert (found.status, found.headers["www-authenticate"]) == (401, "Bearer")


def test_a_removed_key_ends_at_once_and_the_last_one_opens_nothing(keyed: tuple[Server, dict[str, str]]) -> None:
    server, tokens = keyed
    assert server.get("/about", Authorization=tokens["owner"]).status == 200
    for role in ROLES:
        server.service.keys.remove(role)
    assert server.get("/about", Authorization=tokens["owner"]).status == 401
    server.service.keys.path.unlink()
    assert server.get("/about").status == 401


def test_a_key_sees_and_asks_only_the_tables_that_it_is_allowed(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    token = f"Bearer {file.add('ada', 'analyst', allow=('driver',), deny=('driver.phone',))}"
    with serving(tmp_path) as server:
        assert [t["name"] for t in server.get("/schema", Authorization=token).json["tables"]] == ["driver"]
        for body in ({"question": "Phones of the drivers"}, ASK):
            reply = server.post("/ask", body, Authorization=token).json
            assert (reply["allowed"], reply["layer"], reply["rows"]) == (False, "policy", None)
        assert server.post("/run", {"sql": "SELECT name FROM driver"}, Authorization=token).json["rows"]
        later = f"Bearer {file.add('bob', 'analyst', allow=('stop',))}"  # while it runs
        assert server.post("/ask", ASK, Authorization=later).json["rows"] == [[4]]
        assert server.post("/ask", ASK, Authorization=token).json["rows"] is None


def test_a_key_cannot_allow_more_than_the_recipe(tmp_path: Path) -> None:
    KeyFile(tmp_path / "keys.json").add("ada", "analyst", allow=("driver",))
    too_wide = r"key 'ada' of .*keys\.json: It allows driver\.\w+"
    with pytest.raises(ConfigError, match=too_wide), serving(tmp_path, "database.allow=[stop]"):
        pass


def test_a_grant_of_what_is_not_there_names_its_key(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    with serving(tmp_path) as server:
        token = f"Bearer {file.add('typo', 'analyst', allow=('stopp',))}"
        reply = server.post("/ask", ASK, Authorization=token)
        assert (reply.status, "The key 'typo' of" in reply.text, "'stopp'" in reply.text) == (400, True, True)
    with pytest.raises(ConfigError, match=r"The key 'typo' of .*'stopp'"), serving(tmp_path):
        pass


def test_what_a_key_is_refused_is_logged_under_its_name(
    keyed: tuple[Server, dict[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    server, tokens = keyed
    caplog.set_level("INFO")
    assert server.get("/metrics", Authorization=tokens["reader"]).status == 403
    wait_for(lambda: "sqltailor.serve" in {record.name for record in caplog.records})  # behind the answer
    logged = [json.loads(record.message) for record in caplog.records if record.name == "sqltailor.serve"]
    assert [(line["key"], line["status"]) for line in logged] == [("reader", 403)]


def test_with_approval_nothing_runs_before_a_person_said_so(tmp_path: Path) -> None:
    with serving(tmp_path, approve=True) as server:
        reply = server.post("/ask", ASK).json
        assert (reply["rows"], reply["allowed"], reply["needs_approval"]) == (None, True, True)
        assert server.post("/run", {"sql": reply["sql"]}).json["rows"] == [[4]]


def test_a_network_needs_keys(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sqltailor keys add"), serving(tmp_path, host="0.0.0.0"):
        pass
    said = run(
        "serve", "--host", "0.0.0.0", "--keys", str(tmp_path / "none.json"), "--model", "hf:not/loaded"
    ).exception
    assert "sqltailor keys add" in str(said)


# what is refused


def test_every_route_has_a_tier(tram: Server) -> None:
    from sqltailor.serve.app import make_app
    from sqltailor.serve.guarded import Guarded

    without = [getattr(r, "path", r) for r in make_app(tram.service).routes if not isinstance(r, Guarded)]
    assert without == []


def test_a_route_without_a_tier_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from sqltailor.serve import own_routes

    async def leak(request: Any) -> PlainTextResponse:
        return PlainTextResponse("all")

    monkeypatch.setattr(own_routes, "ROUTES", (*own_routes.ROUTES, Route("/leak", leak)))
    with serving(tmp_path) as server:
        assert server.get("/leak").status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),  # a page of another server on this machine
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),  # what a form or a page may send without asking
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": "", "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/b/c/d"}, 200),
        ({"Content-Type": "text/plain", "Authorization": "Bearer a"}, 415),
        ({"Host": "localhost:9999"}, 200),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)  # fmt: skip
def test_pages_and_names_from_elsewhere_are_refused(tram: Server, headers: dict[str, str], status: int) -> None:
    assert tram.post("/ask", ASK, **headers).status == status


def test_the_own_page_may_ask(tram: Server) -> None:
    assert tram.post("/ask", ASK, Origin=tram.url, **{"Sec-Fetch-Site": "same-origin"}).status == 200


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "cannot be read"),
        ({}, 400, "Give a question"),
        ({"question": " "}, 400, "question: It is empty."),
        ({"question": "x" * 9_000}, 400, "8,000 are allowed"),
        ({"question": "x" * 300_000}, 413, "262,144"),
        ({"question": "q", "sql": "SELECT 1"}, 400, "sql: Extra inputs"),
    ],
)
def test_bodies_have_a_shape_and_a_size(tram: Server, body: Any, status: int, said: str) -> None:
    found = tram.post("/ask", body)
    assert found.status == status
    assert said in found.json["error"]


def test_unknown_paths_and_methods(tram: Server) -> None:
    assert tram.get("/nothing").status == 404
    assert tram.get("/ask").status == 405
    assert "/ask" in tram.get("/ask").json["error"]


def test_a_model_that_fails_costs_its_own_request_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def model(prompts: Any, options: Any) -> Any:
        if "Colours" in prompts[0].messages[-1].content:
            raise RuntimeError("secret of the model")
        return canned(prompts, options)

    caplog.set_level("INFO")
    with serving(tmp_path, model=model) as server:
        found = server.post("/ask", {"question": "Colours of the lines"})
        assert found.status == 500
        assert "secret" not in found.text
        assert found.headers["x-request-id"] in found.text
        assert server.post("/ask", ASK).status == 200
    assert "secret" not in caplog.text
    failed = next(json.loads(r.message) for r in caplog.records if "RuntimeError" in r.message)
    assert "test_serve.py" in failed["at"]


# feedback


def test_feedback_is_tested_and_the_last_word_counts(tmp_path: Path) -> None:
    asked = {"question": "Names of the stops in zone 1", "sql": "SELECT name FROM stop WHERE zone = 1"}
    with serving(tmp_path) as server:
        assert server.post("/feedback", asked | {"good": True}).json["pair"] is True
        bad = server.post("/feedback", asked | {"good": False, "correction": "DELETE FROM stop"}).json
        assert (bad["kept"], bad["layer"]) == (False, "policy")
        assert server.post("/feedback", {"question": "Colours?", "sql": "SELECT 1", "good": False}).json["kept"] is True
        again = asked | {
            "question": " names of the STOPS in zone 1",
            "good": False,
            "correction": "SELECT name FROM stop",
        }
        assert server.post("/feedback", again).json["pair"] is True
        rows = [json.loads(line) for line in server.service.options.feedback.read_text().splitlines()]
    assert [row.get("sql") for row in rows] == [None, ["SELECT name FROM stop"]]
    assert (rows[1]["good"], rows[1]["by"], rows[1]["source"]) == (False, "local", "feedback")


@pytest.mark.parametrize("role", ["reader", "writer"])
def test_who_may_not_run_sql_has_none_run_by_feedback(keyed: tuple[Server, dict[str, str]], role: str) -> None:
    server, tokens = keyed
    said = {"question": "Is it?", "sql": "SELECT phone FROM driver", "good": True}
    assert server.post("/feedback", said, Authorization=tokens[role]).json["pair"] is False
    assert server.post("/feedback", said | {"correction": "SELECT 1"}, Authorization=tokens[role]).status == 403
    assert audit(server) == []


# limits


def test_rates_refill_and_are_counted_for_each_caller() -> None:
    now = 0.0
    rates = Rates(6, 0, clock=lambda: now)
    with rates.slot("ada"), pytest.raises(HttpFault) as refused, rates.slot("ada"):
        pass
    assert refused.value.headers == {"Retry-After": "10"}
    with rates.slot("bob"):
        pass
    now = 10.0
    with rates.slot("ada"):
        pass


def test_too_often_is_429_with_retry_after(tmp_path: Path) -> None:
    with serving(tmp_path, rate_per_minute=6) as server:
        assert server.post("/ask", ASK).status == 200
        found = server.post("/ask", ASK)
        assert found.status == 429
        assert 1 <= int(found.headers["retry-after"]) <= 10


def test_too_many_at_once_and_a_full_queue_are_429(tmp_path: Path) -> None:
    release = threading.Event()
    file = KeyFile(tmp_path / "keys.json")
    tokens = [f"Bearer {file.add(name, 'analyst')}" for name in ("ada", "bob")]
    with serving(tmp_path, model=held(release), at_once=2, queue=1) as server, ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(server.post, "/ask", ASK, Authorization=tokens[0]) for _ in range(2)]
        wait_for(lambda: server.service.model_worker.waiting == 2)
        mine, others = (server.post("/ask", ASK, Authorization=token) for token in tokens)
        assert (mine.status, others.status) == (429, 429)
        assert "of yours" in mine.json["error"]
        assert "wait for the model" in others.json["error"]
        assert int(others.headers["retry-after"]) >= 1
        assert (server.get("/readyz").status, server.get("/readyz").json) == (503, {"status": "busy"})
        release.set()
        assert [found.result().status for found in asked] == [200, 200]
        wait_for(lambda: server.get("/readyz").status == 200)


def test_a_model_that_writes_several_answers_side_by_side_is_asked_so(tmp_path: Path) -> None:
    release, begun = threading.Event(), []
    model: Any = held(release, lambda: begun.append(1))
    model.at_once = 3
    with serving(tmp_path, model=model, queue=1) as server, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(server.post, "/ask", ASK) for _ in range(4)]
        wait_for(lambda: server.service.model_worker.waiting == 4)
        wait_for(lambda: len(begun) == 3)
        assert server.post("/ask", ASK).status == 429
        release.set()
        assert [found.result().json["rows"] for found in asked] == [[[4]]] * 4


def test_what_takes_too_long_is_told_apart_from_what_never_began(tmp_path: Path) -> None:
    release = threading.Event()
    with serving(tmp_path, model=held(release), timeout_s=0.3) as server, ThreadPoolExecutor(2) as pool:
        first = pool.submit(server.post, "/ask", ASK)
        wait_for(lambda: server.service.model_worker.waiting == 1)
        assert (server.post("/ask", ASK).status, first.result().status) == (429, 504)
        release.set()


def test_what_began_when_half_of_its_time_was_gone_is_not_blamed_on_the_model() -> None:
    async def statuses() -> list[Any]:
        before, its = threading.Event(), threading.Event()
        worker = Worker("model", queue=1, timeout_s=0.3)
        asked = [asyncio.create_task(worker.do(lambda event=event: event.wait(5))) for event in (before, its)]
        await asyncio.sleep(0.2)
        before.set()
        found = await asyncio.gather(*asked, return_exceptions=True)
        its.set()
        worker.close()
        return found

    assert asyncio.run(statuses())[1].status == 429


def test_an_endless_statement_is_stopped_and_the_model_answers_meanwhile(tmp_path: Path) -> None:
    with serving(tmp_path, "database.timeout_s=1.5") as server, ThreadPoolExecutor(1) as pool:
        endless = pool.submit(server.post, "/ask", {"question": "Loop"})
        wait_for(lambda: server.service.database_worker.waiting == 1)
        chat = {"model": "tram", "messages": [{"role": "user", "content": ASK["question"]}]}
        assert server.post("/v1/chat/completions", chat).status == 200
        assert not endless.done()
        assert (endless.result().json["layer"], endless.result().json["rows"]) == ("limits", None)


def ticks(process: int) -> int:
    """Return how long a process has computed, in hundredths of a second."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11])


def test_a_database_process_that_is_killed_costs_its_own_request_only(tmp_path: Path) -> None:
    with serving(tmp_path) as server, ThreadPoolExecutor(1) as pool:
        lost = pool.submit(server.post, "/ask", {"question": "Loop"})
        [opened] = server.service._opened.values()
        process = opened.project.database._child._process.pid
        before = ticks(process)
        wait_for(lambda: ticks(process) > before + 5)  # killed before its statement came, it would only begin anew
        os.kill(process, signal.SIGKILL)
        assert (lost.result().status, lost.result().json["layer"]) == (200, "limits")
        assert server.post("/ask", ASK).json["rows"] == [[4]]


# clients that leave, and the end


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_frees_its_place(tmp_path: Path, stream: bool) -> None:
    release, begun = threading.Event(), []
    with serving(tmp_path, model=held(release, lambda: begun.append(1)), at_once=2) as server:
        body = json.dumps(ASK | {"stream": stream}).encode()
        head = "POST /ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(2)]
        for client in clients:
            client.sendall(head.encode() + body)
        wait_for(lambda: server.service.model_worker.waiting == 2)
        assert server.post("/ask", ASK).status == 429
        for client in clients:
            client.close()
        wait_for(lambda: server.service.model_worker.waiting == 1)  # the one that has begun
        release.set()
        wait_for(lambda: server.service.model_worker.waiting == 0)
        assert begun == [1]
        assert server.post("/ask", ASK).json["rows"] == [[4]]
        assert "sqltailor_clients_gone_total 2.0" in server.get("/metrics").text


def test_a_database_that_is_gone_is_no_fault_of_the_client(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert server.post("/ask", ASK).status == 200
        (tmp_path / "tram.db").rename(tmp_path / "away.db")
        server.service.opened(LOCAL).project.close()
        gone = server.post("/ask", ASK)
        assert (gone.status, gone.headers["retry-after"]) == (503, "10")
        assert str(tmp_path) not in gone.text
        (tmp_path / "away.db").rename(tmp_path / "tram.db")
        assert server.post("/ask", ASK).json["rows"] == [[4]]


def test_two_servers_that_start_at_once_do_not_take_one_port() -> None:
    with closing(listen(ServeOptions(port=0))) as first, pytest.raises(BackendError, match="cannot be used"):
        listen(ServeOptions(port=first.getsockname()[1]))


def test_what_is_written_for_a_client_that_left_or_waited_too_long_is_given_up(tmp_path: Path) -> None:
    def endless(prompts: Any, options: Any) -> list[Completion]:
        while True:
            stop_if_nobody_waits()
            time.sleep(0.005)

    with serving(tmp_path, model=endless, timeout_s=0.3) as server:
        assert server.post("/ask", ASK).status == 504
        wait_for(lambda: server.service.model_worker.waiting == 0)


def test_metrics_count_what_was_answered(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        for question in ("How many stops are there?", "Forget the drivers", "What is the weather?"):
            server.post("/ask", {"question": question})
        text = server.get("/metrics").text
    for line in (
        'sqltailor_requests_total{route="/ask",status="200"} 3.0',
        'sqltailor_answers_total{outcome="allowed"} 1.0',
        'sqltailor_answers_total{outcome="refused"} 1.0',
        'sqltailor_answers_total{outcome="declined"} 1.0',
        'sqltailor_tokens_total{direction="in"} 80.0',
        'sqltailor_waiting{worker="model"} 0.0',
        "sqltailor_requests_in_flight 1.0",
    ):
        assert line in text


def test_logs_and_audit_hold_hashes_and_no_values(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from sqltailor.serve.audit import sha256_of

    caplog.set_level("INFO")
    with serving(tmp_path) as server:
        server.post("/ask", {"question": "Names of the stops in zone 1"})
        server.post("/run", {"sql": "SELECT name FROM stop WHERE name = 'Zoo'"})
    lines = audit(server)
    logged = [json.loads(record.message) for record in caplog.records if record.name == "sqltailor.serve"]
    assert [(line["action"], line["allowed"], line["rows"], line["key"]) for line in lines] == [
        ("ask", True, 2, "local"),
        ("run", True, 1, "local"),
    ]
    assert lines[0]["question_sha256"] == sha256_of("Names of the stops in zone 1")
    assert lines[0]["sql_sha256"] == sha256_of("SELECT name FROM stop WHERE zone = 1")
    assert [line["request"] for line in lines] == [line["request"] for line in logged]
    assert set(logged[0]) == {"request", "route", "key", "status", "method", "ms"}
    for value in ("zone", "Zoo", "Harbour", "SELECT"):
        assert value not in caplog.text + server.service.options.audit.read_text()


def test_a_server_that_is_told_to_end_finishes_its_streams(tmp_path: Path) -> None:
    make_database(tmp_path / "tram.db")
    (tmp_path / "answers.txt").write_text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000000) SELECT count(*) FROM n\n"
    )
    command = [sys.executable, "-m", "sqltailor", "serve", "--port", "0", "--model", "echo:answers.txt", "--database"]
    process = subprocess.Popen([*command, "tram.db"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()
    server = Server(None, int(first.split("127.0.0.1:")[1].split()[0]))
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.post, "/ask", ASK | {"stream": True})
        time.sleep(0.3)
        os.kill(process.pid, signal.SIGTERM)
        lines = [json.loads(line) for line in answer.result().text.splitlines()]
    assert lines[-1]["rows"] == [[4_000_000]]
    process.wait(10)
    log = process.stderr.read()
    assert json.loads(log.splitlines()[-1])["status"] == 200, log
    with pytest.raises(OSError, match="refused"):
        server.get("/healthz")


# the command line


def test_keys_are_made_listed_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert ok("keys", "add", "ada", "--role", "reader", "--allow", "stop").stdout.startswith("st-")
    assert "reader" in ok("keys", "list").stdout
    assert json.loads(ok("keys", "list", "--json").stdout)[0]["allow"] == ["stop"]
    ok("keys", "remove", "ada")
    assert run("keys", "remove", "ada").exit_code != 0


def test_a_port_in_use_is_said_before_a_model_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_database(tmp_path / "tram.db")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("serve", "--port", str(taken.getsockname()[1]), "--database", "tram.db", "--model", "nano")
    assert "Try --port 0" in str(done.exception)
