"""Provisioned Throughput, end to end over HTTP with real boto3: planned with its price, bought once, deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sqltailor.cloud.bedrock.provisioned import plan_units, units_request
from sqltailor.cloud.cost import units_cost
from sqltailor.cloud.price_book import price_book
from sqltailor.errors import BackendError, ConfigError
from sqltailor.runs import Run, read_json
from tests.support.cli_project import ok, ok_json, run
from tests.support.local_aws import (
    Crash,
    boto,
    crash_in,
    fault,
    quick,
    request_faults,
)

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock

pytestmark = pytest.mark.aws
BUY = ("deploy", "provisioned", "--yes")


@pytest.fixture
def tuned(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> Run:
    quick(monkeypatch)
    return Run(Path(ok_json("train", "--yes")["run"]))


def test_units_are_bought_asked_and_deleted(server: LocalBedrock, tuned: Run) -> None:
    result = ok(*BUY, "--units", "2")
    assert "cost:    an hour: not known: 2 × an unverified price an hour, also idle" in result.stderr
    assert f"When you are done: sqltailor deploy delete {read_json(tuned.deployment)['name']}" in result.stderr
    assert ":provisioned-model/" in read_json(tuned.deployment)["arn"]
    assert ok_json("ask", "How many stops are there, 0?", "--run")["rows"] == [[4]]
    items = ok_json("deploy", "list")
    assert [(i["kind"], i["usd_per_hour"]) for i in items] == [("model", 0.002671), ("provisioned", None)]
    assert items[1]["basis"] == "2 units, also idle"
    gone = ok_json("deploy", "delete", "--all", "--yes")["deleted"]
    assert [line.split()[1] for line in gone] == ["provisioned", "model"]
    assert not server.state.units
    assert not tuned.deployment.exists()


def test_a_price_that_is_too_high_or_unknown_is_refused(
    server: LocalBedrock, tuned: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "cannot be enforced" in str(run(*BUY, "--max-usd", "100").exception)
    Path("prices.yaml").write_text(
        "models: {amazon.nova-micro: {provisioned_hour: {usd: 60.5, date: 2026-11-28, source: quote}}}\n"
    )
    monkeypatch.setenv("SQLTAILOR_PRICES", "prices.yaml")
    assert r"costs $60.50, above --max-usd 60" in str(run(*BUY, "--max-usd", "60").exception)
    assert not server.state.units
    ok(*BUY, "--max-usd", "61")
    assert "1 units, also idle; about $" in ok_json("deploy", "list")[1]["basis"]
    assert units_cost(price_book().model("amazon.nova-micro"), units=1, committed=True).usd is None


def test_after_a_crash_units_are_bought_once(server: LocalBedrock, tuned: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, after in (("write_json_atomic", True), ("_create", True), ("_wait", False)):
        with monkeypatch.context() as patch:
            crash_in(patch, f"cloud.bedrock.provisioned.{name}", after=after)
            with pytest.raises(Crash):
                run(*BUY)
    ok(*BUY)
    assert len(server.state.units) == 1


def test_another_run_is_served_in_place(server: LocalBedrock, tuned: Run) -> None:
    second = Run(Path(ok_json("train", "--yes", "train.epochs=1")["run"]))
    arn = ok(*BUY, str(tuned.path), "--name", "tram").stdout
    result = ok(*BUY, str(second.path), "--name", "tram")
    assert "updated in place" in result.stderr
    assert result.stdout == arn
    assert len(server.state.units) == 1
    assert "already exist" in ok(*BUY, str(second.path), "--name", "tram").stderr


def test_committed_units_stay(server: LocalBedrock, tuned: Run) -> None:
    result = ok(*BUY, "--commitment", "1-month", "--name", "tram")
    assert "for 1-month: AWS refuses to end it" in result.stderr
    refused = run("deploy", "delete", "--all", "--yes")
    assert isinstance(refused.exception, BackendError)
    assert "tram is committed: AWS does not delete it before" in str(refused.exception)
    assert len(server.state.models) == len(server.state.units) == 1


def test_what_fails_or_makes_no_sense_is_told(server: LocalBedrock, tuned: Run) -> None:
    assert "Unknown commitment 'month'" in str(run(*BUY, "--commitment", "month").exception)
    assert "are called by 1 to 63" in str(run(*BUY, "--name", "a_b").exception)
    [model] = server.state.models
    boto(server, "bedrock").create_provisioned_model_throughput(
        provisionedModelName="theirs", modelId=model, modelUnits=1
    )
    result = run(*BUY, "--name", "theirs")
    assert isinstance(result.exception, ConfigError)
    assert "is not SQLTailor's" in str(result.exception)
    fault(server, "Units", "no capacity")
    assert "failed: no capacity. Delete it" in str(run(*BUY).exception)


def test_what_is_sent_is_what_the_service_takes(server: LocalBedrock, tuned: Run) -> None:
    for commitment in ("none", "6-months"):
        request = units_request(tuned.name, plan_units(tuned, commitment=commitment), "0" * 32)
        assert request_faults("bedrock", "CreateProvisionedModelThroughput", request) == []
