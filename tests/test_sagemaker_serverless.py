"""SageMaker's serverless customization of small open models, end to end against the local SageMaker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sqltailor.cloud.sagemaker import serverless_training
from sqltailor.cloud.sagemaker.serverless_training import LIMITS, hyperparameters, job_request
from sqltailor.errors import BackendError, ConfigError
from sqltailor.recipe import load_recipe
from sqltailor.runs import Run, read_json
from tests.support.cli_project import ok, ok_json, run
from tests.support.local_aws import (
    ACCOUNT,
    Crash,
    crash_in,
    local_aws,
    make_project,
    need_aws,
    request_faults,
)

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock

pytestmark = pytest.mark.aws
NAME = "qwen3-sagemaker-serverless"
WORDS = (NAME, "database.url=sqlite:///tram.db")
RECIPE = ("--recipe", NAME, "--database", "sqlite:///tram.db")


@pytest.fixture
def aws(aws: LocalBedrock) -> LocalBedrock:
    Path("recipe.yaml").unlink()
    return aws


def test_train_serve_ask_and_delete(aws: LocalBedrock) -> None:
    tuned = Run(Path(ok_json("train", *WORDS, "--yes")["run"]))
    assert tuned.has_weights
    assert read_json(tuned.adapter / "adapter_config.json") == {"base_model_name_or_path": "Qwen/Qwen3-1.7B"}
    first = json.loads((tuned.path / "uploaded" / "train.jsonl").read_text().splitlines()[0])
    assert [turn["role"] for turn in first["messages"]] == ["system", "user", "assistant"]
    assert first["messages"][-1]["content"] == "SELECT count(*) FROM stop"
    [job] = aws.state.training_jobs.values()
    assert "ResourceConfig" not in job.request
    ok("deploy", "sagemaker", str(tuned.path), "--yes", *RECIPE)
    question = "How many stops are there, 0?"
    assert ok_json("ask", question, "--model", str(tuned.path), *RECIPE)["sql"].lower() == "select count(*) from stop"
    ok("deploy", "delete", "--all", "--yes")
    assert ok_json("deploy", "list") == []


def test_what_is_sent_is_what_the_service_takes() -> None:
    need_aws()
    recipe = load_recipe(NAME, env={}).recipe
    sent = hyperparameters(recipe, 100)
    assert sent["lr_warmup_steps_ratio"] == "0.0000"
    assert (sent["learning_rate"], sent["lora_rank"], sent["merge_weights"]) == ("0.0001", "32", "true")
    request = job_request(
        recipe,
        name="shop",
        run="shop",
        token="t",
        role=f"arn:aws:iam::{ACCOUNT}:role/sqltailor-sagemaker",
        account=ACCOUNT,
        hyperparameters=sent,
        train="s3://b/train.jsonl",
        validation="s3://b/validation.jsonl",
        out="s3://b/out/",
    )
    assert request_faults("sagemaker", "CreateTrainingJob", request) == []
    base = request["ServerlessJobConfig"]["BaseModelArn"]
    assert base == (
        "arn:aws:sagemaker:us-east-1:aws:hub-content/SageMakerPublicHub/Model/huggingface-reasoning-qwen3-1-7b"
    )


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("base=nano", "tunes Qwen/Qwen3-0.6B"),
        ("train.batch=4", "train.batch is 4; serverless customization takes one of 8, 16, 32"),
        ("train.learning_rate=2e-4", "takes a number from 5e-07 to 0.0001"),
        ("train.lora.r=4", "train.lora.r is 4"),
        ("train.epochs=1.5", "a whole number from 1 to 100"),
        ("train.schedule=linear", "constant or cosine"),
        ("train.method=dpo", "by sft"),
        ("train.sagemaker.accept_eula=false", "Read the licence of Qwen/Qwen3-1.7B"),
    ],
)
def test_what_the_service_does_not_take_is_refused(aws: LocalBedrock, word: str, said: str) -> None:
    result = run("train", *WORDS, word, "--yes")
    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)
    assert not aws.state.training_jobs
    assert len(LIMITS) == 10


def test_an_unknown_price_is_said_and_held(aws: LocalBedrock) -> None:
    planned = ok_json("train", *WORDS, "--dry-run")
    assert (planned["usd"], planned["machines"]) == (None, "serverless: AWS chooses the machines")
    assert "cannot be enforced" in str(run("train", *WORDS, "--yes", "--max-usd", "5").exception)


def test_an_old_botocore_is_told(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    class Old:
        class meta:
            class service_model:
                @staticmethod
                def operation_model(name: str) -> object:
                    return type("Operation", (), {"input_shape": type("Shape", (), {"members": {}})})

    monkeypatch.setattr(serverless_training, "client", lambda *_: Old)
    with pytest.raises(BackendError, match="pip install -U boto3"):
        raise run("train", *WORDS, "--yes").exception or AssertionError


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("cloud.sagemaker.serverless_training._group", True),
        ("cloud.sagemaker.serverless_training.submit", False),
        ("cloud.sagemaker.training_jobs.remember", False),
        ("cloud.sagemaker.serverless_training._adopt", True),
        ("runs:Run.mark_done", False),
    ],
)
def test_after_a_crash_the_same_command_ends_with_one_job(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch, name: str, after: bool
) -> None:
    with monkeypatch.context() as patch:
        crash_in(patch, name, after=after)
        with pytest.raises(Crash):
            run("train", *WORDS, "--yes")
    assert Run(Path(ok_json("train", *WORDS, "--yes")["run"])).is_done
    assert len(aws.state.training_jobs) == 1


@pytest.mark.slow
def test_nano_is_really_tuned_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_aws()
    pytest.importorskip("trl")
    from sqltailor.local_bedrock.runtime import open_answers
    from sqltailor.local_bedrock.tuning import tune_with

    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, examples=24)
    Path("recipe.yaml").unlink()
    with local_aws(monkeypatch, speed=1000.0, tune=tune_with("nano"), open_answers=open_answers):
        tuned = Run(Path(ok_json("train", *WORDS, "--yes")["run"]))
        assert read_json(tuned.adapter / "base.json")["reference"] == "nano"  # the local stand-in for Qwen3
        scores = ok_json("eval", "--model", str(tuned.path), *RECIPE)["models"]
        assert scores[str(tuned.path)]["execution"]["n"] == 6
        ok("export", str(tuned.path), "--to", "merged", "--no-parity")
        ok("deploy", "sagemaker", str(tuned.path), "--yes", "--keep", *RECIPE)
        ok("deploy", "delete", "--all", "--yes")
