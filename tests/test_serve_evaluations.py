"""The evaluations of a server over real HTTP: what is listed, compared, filtered and shown, and to whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.cli_project import QUESTIONS, write_test_file
from tests.support.evaluated_runs import BASE, OTHER, PAIR, TUNED, evaluated_runs
from tests.support.http_service import Server, need_serve, serving, wait_for

need_serve()

from sqltailor.serve.api_keys import ROLES, KeyFile  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluated_runs(tmp_path_factory.mktemp("evaluated")).parent


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder, f"train.out={folder}/runs") as server:
        yield server


def shown(server: Server, kind: str = "view", **params: Any) -> Any:
    found = server.get(f"/evaluations/{kind}?{urlencode(params)}")
    assert found.status == 200, found.text
    return found.json


def ids(server: Server, **params: Any) -> list[str]:
    return [row["id"] for row in shown(server, **{"a": BASE, "b": TUNED} | params)["questions"]]


def test_runs_are_listed_with_rates_and_with_what_is_unfinished_or_broken(server: Server) -> None:
    found = {run["name"]: run for run in shown(server, "list")["runs"]}
    assert set(found) == {"shop", "other", "evaluations"}
    assert (found["shop"]["is_training"], found["shop"]["evaluations"]) == (True, [])
    listed = {one["folder"]: one for one in found["evaluations"]["evaluations"]}
    both = listed[PAIR]["models"]
    assert [(one["ref"], one["rate"]["shown"], one["rate"]["interval"]) for one in both] == [
        (BASE, "50 %", "19–81 %"),
        (TUNED, "50 %", "19–81 %"),
    ]
    assert (listed["evaluations/eval-3"]["models"], listed["evaluations/eval-3"]["answered"]) == ([], 12)
    assert "is not JSON" in listed["evaluations/eval-4"]["fault"]


def test_two_are_compared_as_the_command_does(server: Server) -> None:
    found = shown(server, a=BASE, b=TUNED)
    assert [side["ref"] for side in found["sides"]] == [BASE, TUNED]
    assert found["changes"] == {"fixed": 1, "broken": 1, "other": 2}
    assert found["sentence"].startswith("B gets 1 right that A gets wrong, and loses 1.")
    assert found["common"]["a"]["interval"] == "19–81 %"
    assert {row["id"]: row["change"] for row in found["questions"]} == {
        "t2": "other",
        "t3": "broken",
        "t4": "fixed",
        "t5": "other",
    }
    [broken] = [row for row in found["questions"] if row["id"] == "t3"]
    assert [(one["outcome"], one["difference"], one["is_right"]) for one in broken["answers"]] == [
        ("correct", None, True),
        ("wrong", "value", False),
    ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"show": "fixed"}, ["t4"]),
        ({"show": "broken"}, ["t3"]),
        ({"show": "other"}, ["t2", "t5"]),
        ({"outcome": "truncation"}, ["t2"]),
        ({"part": "part:stops"}, ["t2", "t3"]),
        ({"part": "feature:order by"}, ["t3"]),
        ({"part": "part:nowhere"}, []),
        ({"find": "DISTINCT"}, ["t2"]),
        ({"find": "colours"}, ["t4"]),
        ({"show": "other", "part": "part:lines", "find": "zoo"}, ["t5"]),
        ({"page": 9}, ["t2", "t3", "t4", "t5"]),
    ],
)
def test_questions_are_filtered(server: Server, filters: dict[str, Any], expected: list[str]) -> None:
    assert ids(server, **filters) == expected


def test_filters_say_how_many_they_leave(server: Server) -> None:
    found = shown(server, a=BASE, b=TUNED)
    assert {one["name"]: one["count"] for one in found["outcomes"]} == {"wrong": 4, "truncation": 1, "value": 4}
    parts = {part["kind"]: {one["name"]: one["count"] for one in part["names"]} for part in found["parts"]}
    assert parts["part"] == {"stops": 2, "lines": 2}


def test_one_evaluation_alone_shows_what_it_answers_wrong(server: Server) -> None:
    found = shown(server, b=OTHER)
    assert (len(found["sides"]), found["common"]) == (1, None)
    assert found["sentence"] == "5 of 6 questions answered right."
    assert [(row["id"], row["change"]) for row in found["questions"]] == [("t3", None)]
    assert found["questions"][0]["answers"] == [{"outcome": "schema_error", "difference": None, "is_right": False}]


def marked(pieces: list[list[Any]]) -> str:
    return "".join(text for text, _, is_marked in pieces if is_marked)


def test_one_question_shows_both_answers_and_both_results(server: Server) -> None:
    found = shown(server, "question", a=BASE, b=TUNED, id="t3")
    assert (found["question"], found["change"]) == ("Which stop opened last?", "broken")
    assert [marked(answer["predicted"]) for answer in found["answers"]] == ["DESC", ""]
    assert found["gold_result"]["rows"] == [["Airport"]]
    assert [answer["result"] and answer["result"]["rows"] for answer in found["answers"]] == [None, [["Harbour"]]]
    assert (found["place"], found["total"], found["before"], found["after"]) == (2, 4, "t2", "t4")
    assert [line.split(":")[0] for line in found["answers"][1]["reasons"]][-2:] == ["Wrong", "What helps"]


def test_answers_are_marked_against_the_gold_on_request(server: Server) -> None:
    found = shown(server, "question", a=BASE, b=TUNED, id="t2", against="gold")
    assert [marked(answer["predicted"]) for answer in found["answers"]] == ["", "DISTINCT zone"]
    assert marked(found["gold"][0]) == "nameWHERE zone = 1"


def test_neighbours_are_those_of_the_filtered_list(server: Server) -> None:
    found = shown(server, "question", a=BASE, b=TUNED, id="t2", show="other")
    assert (found["place"], found["total"], found["before"], found["after"]) == (1, 2, None, "t5")
    right = shown(server, "question", a=BASE, b=TUNED, id="t1")
    assert (right["place"], right["change"]) == (None, None)


def test_an_evaluation_that_is_written_anew_is_read_anew(folder: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(folder / "runs", tmp_path / "runs")
    with serving(tmp_path, f"train.out={tmp_path}/runs") as server:
        assert len(ids(server)) == 4
        file = tmp_path / "runs" / PAIR / "predictions-tuned.json.jsonl"
        file.write_text(file.read_text().replace("SELECT DISTINCT zone", "SELECT DISTINCT ZONE"))
        scores = tmp_path / "runs" / PAIR / "scores.json"
        scores.write_text(scores.read_text())
        assert ids(server, find="distinct zone") == ["t2"]
        assert "ZONE" in str(shown(server, "question", a=BASE, b=TUNED, id="t2")["answers"][1]["predicted"])


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ({}, 400, "b: Field required"),
        ({"b": "nowhere@x"}, 404, "no evaluation 'nowhere'"),
        ({"b": "../runs/evaluations/eval-1"}, 404, "no evaluation"),
        ({"b": "/etc"}, 404, "no evaluation"),
        ({"b": "shop"}, 404, "no evaluation"),
        ({"b": f"{PAIR}@tunde.json"}, 400, "Did you mean 'tuned.json'"),
        ({"b": "evaluations/eval-3@base.json"}, 404, "is not finished"),
        ({"b": "evaluations/eval-4"}, 404, "is not finished"),
        ({"b": TUNED, "show": "everything"}, 400, "show: Input should be"),
        ({"b": TUNED, "page": "0"}, 400, "page: Input should be"),
        ({"b": TUNED, "sql": "x"}, 400, "sql: Extra inputs"),
    ],
)
def test_what_is_not_there_is_said_in_a_sentence(server: Server, query: dict[str, str], status: int, said: str) -> None:
    found = server.get(f"/evaluations/view?{urlencode(query)}")
    assert (found.status, said in found.json["error"]) == (status, True), found.text


def test_an_unknown_question_is_404(server: Server) -> None:
    assert server.get(f"/evaluations/question?{urlencode({'b': TUNED, 'id': 't99'})}").status == 404
    assert server.get(f"/evaluations/question?{urlencode({'b': TUNED})}").status == 404


# a job


@pytest.fixture
def judged(tmp_path: Path) -> list[str]:
    """Words of a recipe with test questions, in whose folder `echo:answers.json` answers four of six."""
    write_test_file(tmp_path / "data" / "test.jsonl")
    answers = dict(QUESTIONS) | {"Colours of the lines": "SELECT 1", "Which stop opened last?": "SELECT 2"}
    (tmp_path / "answers.json").write_text(json.dumps(answers))
    return [f"train.out={tmp_path}/runs", f"data.test={tmp_path}/data/test.jsonl"]


def ended(server: Server) -> Any:
    wait_for(lambda: server.get("/evaluations/job").json["state"] != "running", within_s=60)
    return server.get("/evaluations/job").json


def test_an_evaluation_is_started_watched_and_listed(tmp_path: Path, judged: list[str]) -> None:
    with serving(tmp_path, *judged, name=f"echo:{tmp_path}/answers.json") as server:
        assert server.get("/evaluations/job").json["state"] == "none"
        begun = server.post("/evaluations/job", {"limit": 5})
        assert (begun.status, begun.json["state"]) == (202, "running")
        assert shown(server, "list")["job"]["state"] == "running"  # as a page that is opened now sees it
        second = server.post("/evaluations/job", {})
        assert (second.status, "runs already" in second.json["error"]) == (409, True)
        assert ended(server) == {
            "model": f"echo:{tmp_path}/answers.json",
            "state": "finished",
            "done": 5,
            "total": 5,
            "fault": None,
        }
        [run] = shown(server, "list")["runs"]
        [found] = run["evaluations"]
        assert (found["questions"], found["models"][0]["rate"]["shown"]) == (5, "60 %")
        assert shown(server, b=found["folder"])["total"] == 2


@pytest.mark.slow
def test_an_evaluation_is_stopped_and_what_fails_is_told(tmp_path: Path, judged: list[str]) -> None:
    with serving(tmp_path, *judged) as server:
        server.post("/evaluations/job", {})
        assert server.post("/evaluations/job/stop", {}).json["state"] == "stopped"
        assert server.post("/evaluations/job/stop", {}).json["state"] == "stopped"
        server.post("/evaluations/job", {})
        found = ended(server)
        assert (found["state"], "'tram'" in found["fault"]) == ("failed", True)
        server.post("/evaluations/job", {})
        process = server.service.job._process
        process.kill()
        assert "exit code -9" in ended(server)["fault"]
        server.post("/evaluations/job", {})
        process = server.service.job._process
    wait_for(lambda: not process.is_alive())  # the server's end is its end


def test_they_are_for_owners_who_may_see_all(folder: Path, tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    tokens = {role: file.add(role, role) for role in ROLES}
    tokens["narrow"] = file.add("narrow", "owner", deny=("driver",))
    with serving(folder, f"train.out={folder}/runs", keys=tmp_path / "keys.json") as server:
        assert server.get("/evaluations").status == 200
        for path in (
            "job",
            "list",
            f"view?{urlencode({'b': TUNED})}",
            f"question?{urlencode({'b': TUNED, 'id': 't2'})}",
        ):
            found = {
                name: server.get(f"/evaluations/{path}", Authorization=f"Bearer {token}").status
                for name, token in tokens.items()
            }
            assert found == {"reader": 403, "writer": 403, "analyst": 403, "owner": 200, "narrow": 403}
            assert server.get(f"/evaluations/{path}").status == 401
        for path in ("job", "job/stop"):
            for name in ("reader", "writer", "analyst", "narrow"):
                begun = server.post(f"/evaluations/{path}", {}, Authorization=f"Bearer {tokens[name]}")
                assert begun.status == 403
        for body in ({"limit": 0}, {"limit": "all"}, {"model": "x"}):
            assert server.post("/evaluations/job", body, Authorization=f"Bearer {tokens['owner']}").status == 400


def test_a_folder_without_runs_is_an_empty_list(tmp_path: Path) -> None:
    with serving(tmp_path, f"train.out={tmp_path}/runs") as server:
        assert shown(server, "list")["runs"] == []
