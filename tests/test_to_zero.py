"""Endpoints that scale to zero, end to end over HTTP with real boto3: made, asleep, woken by a question, deleted."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sqltailor.cloud.sagemaker.endpoint_plan import plan_endpoint
from sqltailor.cloud.sagemaker.endpoints import endpoint_requests
from sqltailor.cloud.sagemaker.to_zero import scaling_requests
from sqltailor.errors import BackendError, ConfigError
from sqltailor.generate import load
from sqltailor.runs import Run, read_json
from sqltailor.types import GenerateOptions, Message, Prompt
from tests.support.cli_project import ok, ok_json, run
from tests.support.local_aws import (
    Crash,
    boto,
    crash_in,
    fault,
    imitate_training,
    quick,
    request_faults,
    upload_little,
)
from tests.test_sagemaker_script import RECIPE

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock

pytestmark = pytest.mark.aws
ASKED = "How many stops are there, 0?"
DEPLOY = ("deploy", "sagemaker", "--scale-to-zero", "--yes")


@pytest.fixture(scope="module")
def server(server: LocalBedrock) -> LocalBedrock:
    imitate_training(server)
    return server


@pytest.fixture
def tuned(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> Run:
    Path("recipe.yaml").write_text(RECIPE)
    quick(monkeypatch)
    upload_little(monkeypatch)
    return Run(Path(ok_json("train", "--yes")["run"]))


def alarms(server: LocalBedrock) -> list[str]:
    return [alarm["AlarmName"] for alarm in boto(server, "cloudwatch").describe_alarms()["MetricAlarms"]]


def test_it_sleeps_is_woken_by_a_question_and_deleted(server: LocalBedrock, tuned: Run) -> None:
    result = ok(*DEPLOY, "--name", "tram")
    assert "from 0 to 2 machines as it is asked" in result.stderr
    assert "cost:     an hour of a machine: $1.51" in result.stderr
    assert read_json(tuned.deployment)["component"] == "tram"
    time.sleep(300 / server.state.speed)
    items = {item["kind"]: item for item in ok_json("deploy", "list")}
    assert items["endpoint"]["usd_per_hour"] == 0.0
    assert items["endpoint"]["basis"] == "0 × ml.g5.2xlarge, none after 5 idle minutes"
    assert items["endpoint component"]["basis"].startswith("0 copies")
    assert ok_json("ask", ASKED, "--run")["rows"] == [[4]]
    assert alarms(server) == ["sqltailor-wake-tram"]
    assert '"sql"' in ok("deploy", "invoke", str(tuned.path), "--question", ASKED).stdout
    asked = load("sagemaker:tram#tram")([Prompt((Message("user", ASKED),))], GenerateOptions(max_tokens=50))
    assert asked[0].text == "SELECT count(*) FROM stop"
    with pytest.raises(BackendError, match="Inference Component Name header is required"):
        load("sagemaker:tram")([Prompt((Message("user", ASKED),))], GenerateOptions())
    gone = ok_json("deploy", "delete", "tram", "--yes")["deleted"]
    assert [line.removeprefix("deleted ").rpartition(" ")[0] for line in gone] == [
        "endpoint component", "endpoint", "endpoint config", "endpoint model",
    ]  # fmt: skip
    assert not server.state.serving
    assert alarms(server) == []


def test_after_a_crash_the_same_command_ends_with_one_of_each(
    server: LocalBedrock, tuned: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("endpoints._once", "to_zero._wait", "to_zero._target"):
        with monkeypatch.context() as patch:
            crash_in(patch, f"cloud.sagemaker.{name}", after=True)
            with pytest.raises(Crash):
                run(*DEPLOY)
    ok(*DEPLOY)
    assert len(server.state.serving) == 4
    with monkeypatch.context() as patch:
        crash_in(patch, "cloud.sagemaker.sagemaker_inventory.stop_scaling", after=True)
        with pytest.raises(Crash):
            run("deploy", "delete", "--all", "--yes")
    ok("deploy", "delete", "--all", "--yes")
    assert not server.state.serving


def test_a_component_that_fails_is_told(server: LocalBedrock, tuned: Run) -> None:
    fault(server, "Component", "no GPU is free")
    assert "failed: no GPU is free. Delete it" in str(run(*DEPLOY).exception)
    ok("deploy", "delete", "--all", "--yes")
    assert not server.state.serving


def test_one_that_answers_otherwise_is_withdrawn(server: LocalBedrock, tuned: Run) -> None:
    ok(*DEPLOY)
    ok("eval", "--data", "data/train.jsonl", "--model", str(tuned.path))
    ok("deploy", "delete", "--all", "--yes")
    merged = read_json(tuned.job)["merged"].removeprefix("s3://").partition("/")
    boto(server, "s3").put_object(Bucket=merged[0], Key=f"{merged[2]}learned.json", Body=b"{}")
    result = run(*DEPLOY)
    assert (result.exit_code, "withdrawn" in result.stderr) == (1, True)
    assert not server.state.serving
    assert alarms(server) == []


def test_what_serves_otherwise_is_not_changed_in_place(server: LocalBedrock, tuned: Run) -> None:
    ok("deploy", "sagemaker", "--yes", "--name", "plain")
    ok(*DEPLOY, "--name", "zero")
    for words in ((*DEPLOY, "--name", "plain"), ("deploy", "sagemaker", "--yes", "--name", "zero")):
        result = run(*words)
        assert isinstance(result.exception, ConfigError)
        assert "cannot be changed in place" in str(result.exception)
    assert "already exists" in ok(*DEPLOY, "--name", "zero").stderr


def test_what_is_sent_is_what_the_services_take(server: LocalBedrock, tuned: Run) -> None:
    plan = plan_endpoint(tuned, to_zero=True)
    config = endpoint_requests(plan, tuned.name, "t")["config"]
    assert request_faults("sagemaker", "CreateEndpointConfig", config) == []
    requests = scaling_requests(plan, tuned.name, "t")
    for name, service, operation in (
        ("component", "sagemaker", "CreateInferenceComponent"),
        ("target", "application-autoscaling", "RegisterScalableTarget"),
        ("track", "application-autoscaling", "PutScalingPolicy"),
        ("wake", "application-autoscaling", "PutScalingPolicy"),
        ("alarm", "cloudwatch", "PutMetricAlarm"),
    ):
        assert request_faults(service, operation, requests[name]) == []
