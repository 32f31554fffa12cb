"""The catalog of models: what can be tuned where, and the page that is generated from it."""

from __future__ import annotations

from pathlib import Path

from sqltailor.aws.bedrock_models import MODELS, READ
from sqltailor.aws.sagemaker_machines import NOVA_ACCOUNTS
from sqltailor.cloud.model_catalog import ON_DEMAND, PROVISIONED, entries, table
from tests.support.cli_project import ok, ok_json, run

ROOT = Path(__file__).parent.parent


def test_every_model_that_train_knows_is_listed() -> None:
    listed = {entry.model: entry for entry in entries()}
    assert set(MODELS) <= set(listed)
    micro = listed["amazon.nova-micro-v1:0:128k"]
    assert [(way.by, way.regions, way.served, way.backend) for way in micro.ways] == [
        ("Bedrock customization job", ("us-east-1",), ON_DEMAND, "bedrock"),
        ("SageMaker job with AWS's recipe", tuple(NOVA_ACCOUNTS), ON_DEMAND, "sagemaker"),
    ]
    assert listed["meta.llama3-1-8b-instruct-v1:0:128k"].ways[0].served == PROVISIONED
    haiku = listed["anthropic.claude-3-haiku-20240307-v1:0:200k"]
    assert (haiku.ways, haiku.note) == ((), "end of life since 2026-09-10")


def test_what_cannot_be_tuned_there_is_left_out() -> None:
    assert all(entry.ways for entry in entries(tunable=True))
    there = entries(region="eu-west-2")
    assert [entry.model.partition("-v1")[0] for entry in there] == [
        "amazon.nova-micro", "amazon.nova-lite", "amazon.nova-pro",
    ]  # fmt: skip
    assert entries(region="mars-1") == []


def test_the_command_prints_the_dated_table() -> None:
    assert "Known: eu-west-1, eu-west-2, us-east-1" in str(run("models", "--region", "mars-1").exception)
    printed = ok("models", "--tunable", "--region", "us-east-1")
    assert "SageMaker job" in printed.stdout
    assert "Titan" not in printed.stdout
    assert f"from AWS's documentation as of {READ}" in printed.stderr
    assert ok_json("models")["read"] == READ
    assert len(ok_json("models", "--tunable")["models"]) < len(ok_json("models")["models"])


def test_the_page_holds_every_row() -> None:
    page = (ROOT / "docs" / "choosing.md").read_text(encoding="utf-8")
    for row in table(entries()):
        assert "| " + " | ".join(row) + " |" in page
