"""`deploy hub` against a Hub on this machine: planned, confirmed, pushed, and an endpoint asked for, in this order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sqltailor.cli import app
from sqltailor.errors import BackendError, ConfigError, SQLTailorError

torch = pytest.importorskip("torch")
pytest.importorskip("peft")

from sqltailor.cloud.huggingface import Deployed, Machine, check_price, deploy, plan_endpoint  # noqa: E402
from sqltailor.cloud.price_book import Price, price_book  # noqa: E402
from tests import test_export  # noqa: E402
from tests.support.hub_double import TOKEN, Hub, hub_double  # noqa: E402
from tests.test_export import make_run  # noqa: E402

folder = test_export.folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with hub_double() as double:
        monkeypatch.setenv("HF_ENDPOINT", double.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        for module in ("huggingface_hub.constants", "huggingface_hub.hf_api.constants"):
            monkeypatch.setattr(f"{module}.INFERENCE_ENDPOINTS_ENDPOINT", f"{double.url}/v2")
        yield double


def run_deploy(*words: str) -> Any:
    return CliRunner().invoke(app, ["deploy", "hub", *words])


def test_a_run_becomes_an_endpoint(folder: Path, hub: Hub) -> None:
    make_run(name="My_Shop")
    words = ("My_Shop", "--repo", "team/shop", "--accelerator", "cpu", "--instance-type", "intel-spr")
    result = run_deploy(*words, "--idle-minutes", "30", "--yes", "--json")
    assert result.exit_code == 0, result.output
    assert '"status": "pending"' in result.stdout
    assert "machine:  cpu intel-spr x1 at aws us-east-1, 0 to 1 of them, none after 30 idle minutes" in result.stderr
    assert "price unknown here" in result.stderr
    assert hub.repos["team/shop"].get("private") or hub.repos["team/shop"].get("visibility") == "private"
    assert "config.json" in hub.files["team/shop"]
    asked = hub.endpoints["team/my-shop"]
    assert asked["model"]["repository"] == "team/shop"
    assert asked["compute"]["instanceType"] == "intel-spr"
    assert asked["compute"]["scaling"] == {"minReplica": 0, "maxReplica": 1, "scaleToZeroTimeout": 30}
    assert asked["type"] != "public"


def test_nothing_happens_without_a_yes(folder: Path, hub: Hub) -> None:
    make_run()
    result = run_deploy("r")
    assert isinstance(result.exception, ConfigError)
    assert "give --yes" in str(result.exception)
    assert "endpoint: r, asked with a token" in result.stderr
    assert not hub.repos
    assert not hub.endpoints


def test_what_may_cost_more_than_is_allowed_or_is_unknown_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_endpoint("runs/shop", machine=Machine(replicas=2))
    check_price(plan, None)
    with pytest.raises(ConfigError, match="cannot be kept"):
        check_price(plan, 5)
    prices = {"hf.aws.nvidia-l4.x1": Price(0.8, "a test", "2026-01-01")}
    known = dataclasses.replace(price_book(), instances=prices)
    monkeypatch.setattr("sqltailor.cloud.huggingface.price_book", lambda: known)
    check_price(plan, 1.6)
    with pytest.raises(ConfigError, match=r"\$1\.6 an hour, above --max-usd 1"):
        check_price(plan, 1)
    assert "$0.8 an hour each" in plan.text()


@pytest.mark.parametrize(
    ("status", "said"), [(400, "no such machine"), (402, "means of payment"), (403, "may not manage"), (409, "--name")]
)
def test_a_refused_endpoint_says_that_the_model_is_on_the_hub(folder: Path, hub: Hub, status: int, said: str) -> None:
    hub.refuse_endpoints = status
    plan = plan_endpoint(str(make_run()), repo="team/shop", machine=Machine())
    with pytest.raises(BackendError, match=f"{said}.*is on the Hub as team/shop; nothing runs"):
        deploy(plan)


def test_a_model_that_answers_otherwise_is_not_pushed(folder: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqltailor.export.merge.with_lora", lambda weight, adapter, module: -weight)
    made = deploy(plan_endpoint(str(make_run()), machine=Machine()))
    assert not isinstance(made, Deployed)
    assert not made.passed
    assert not hub.repos
    assert not hub.endpoints


@pytest.mark.parametrize("name", ["Shop", "-shop", "shop_1", "s" * 33])
def test_names_that_are_refused_there_are_told_here(name: str) -> None:
    with pytest.raises(SQLTailorError, match="an endpoint is called by"):
        plan_endpoint("runs/shop", name=name, machine=Machine())
