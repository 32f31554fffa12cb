"""Requests to AWS, checked strictly before they are sent: by their own service's model, and in what they say."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sqltailor.aws.bedrock_models import MODELS, tunable
from sqltailor.aws.iam import Setup
from sqltailor.aws.policies import bucket_policy, caller_policy, data_policy, trust_policy
from sqltailor.aws.s3 import place
from sqltailor.aws.session import _session
from sqltailor.cloud.bedrock.bedrock_plan import base_of, hyperparameters
from sqltailor.cloud.bedrock.training import job_request
from sqltailor.cloud.cloud_plan import check_budget
from sqltailor.cloud.job_record import metrics_rows
from sqltailor.cloud.run_names import aws_name
from sqltailor.errors import ConfigError, install_command
from sqltailor.recipe import load_recipe
from sqltailor.types import Completion, GenerateOptions, Message, Prompt
from sqltailor.wire.converse import (
    completion,
    completion_of_events,
    conversation,
    events,
    messages_of,
    options_of,
    request,
    response,
    training_record,
)
from tests.support.cli_project import ok, ok_json, run
from tests.support.local_aws import need_aws, request_faults

ROLE = "arn:aws:iam::111122223333:role/sqltailor-bedrock"
DEPLOYMENT = "arn:aws:bedrock:us-east-1:111122223333:custom-model-deployment/abcdefghijkl"
PROMPT = Prompt((Message("system", "a schema"), Message("user", "how many?")))


def a_job(**changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "name": aws_name("shop-20261128-1200"),
        "run": "shop_20261128-1200",
        "token": "0123456789abcdef0123456789abcdef",
        "base": "amazon.nova-micro-v1:0:128k",
        "role": ROLE,
        "hyperparameters": {"epochCount": "5", "learningRate": "0.00001", "learningRateWarmupSteps": "10"},
        "train": "s3://a-bucket/shop/data/train.jsonl",
        "validation": "s3://a-bucket/shop/data/validation.jsonl",
        "out": "s3://a-bucket/shop/out/",
    }
    return job_request(**settings | changes)


@pytest.mark.aws
@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("bedrock", "CreateModelCustomizationJob", a_job()),
        ("bedrock", "CreateModelCustomizationJob", a_job(validation=None)),
        ("bedrock-runtime", "Converse", request(DEPLOYMENT, PROMPT, GenerateOptions(stop=(";",), top_p=0.9))),
        ("bedrock-runtime", "ConverseStream", request("amazon.nova-micro-v1:0", PROMPT, GenerateOptions())),
    ],
)
def test_what_is_sent_is_what_the_service_takes(service: str, operation: str, params: dict[str, Any]) -> None:
    assert request_faults(service, operation, params) == []


@pytest.mark.aws
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "a_b"}, "jobName is 'a_b', which does not match"),
        ({"name": "x" * 64}, "has 64 characters; allowed: from 1 to 63"),
        ({"role": "admin"}, "roleArn is 'admin'"),
        ({"train": "s3://a-bucket/dt=2026-11-28/train.jsonl"}, "trainingDataConfig.s3Uri is"),
        ({"out": "s3://a-bucket//out/"}, "outputDataConfig.s3Uri is"),
        ({"hyperparameters": {"epochCount": 5}}, "hyperParameters.epochCount is 5, not text"),
        ({"token": "a b"}, "clientRequestToken is"),
    ],
)
def test_what_botocore_would_send_and_the_service_refuse_is_found(changes: dict[str, Any], said: str) -> None:
    assert said in "; ".join(request_faults("bedrock", "CreateModelCustomizationJob", a_job(**changes)))


@pytest.mark.aws
def test_enums_unknown_and_missing_parameters_numbers_and_lists_are_checked() -> None:
    job = a_job() | {"customizationType": "MAGIC", "colour": "red"}
    del job["roleArn"]
    found = "; ".join(request_faults("bedrock", "CreateModelCustomizationJob", job))
    assert "customizationType is 'MAGIC', not one of FINE_TUNING" in found
    assert "colour is unknown" in found
    assert "roleArn is missing" in found
    asked = request(DEPLOYMENT, PROMPT, GenerateOptions(temperature=1.5))
    asked["messages"][0]["content"] = [{"text": "a", "image": {}}]
    found = "; ".join(request_faults("bedrock-runtime", "Converse", asked))
    assert "inferenceConfig.temperature is 1.5; allowed: from 0 to 1" in found
    assert "messages[0].content[0] takes exactly one of text" in found


@pytest.mark.aws
def test_a_client_refuses_a_bad_request_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    need_aws()
    from sqltailor.aws.session import client

    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", "http://127.0.0.1:9")
    with pytest.raises(ConfigError, match=r"StopModelCustomizationJob would be refused: jobIdentifier is 'a b'"):
        client("bedrock", "us-east-1").stop_model_customization_job(jobIdentifier="a b")


def test_batch_size_is_sent_only_where_the_user_sets_it() -> None:
    assert hyperparameters(load_recipe("nova-micro-bedrock", env={})) == {
        "epochCount": "5",
        "learningRate": "0.00001",
        "learningRateWarmupSteps": "10",
    }
    assert hyperparameters(load_recipe("nova-micro-bedrock", ["train.batch=8"], env={}))["batchSize"] == "8"
    small = hyperparameters(load_recipe("nova-micro-bedrock", ["train.learning_rate=2.5e-6"], env={}))
    assert small["learningRate"] == "0.0000025"


def test_llama_has_no_warm_up(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("base: meta.llama3-2-3b-instruct-v1:0:128k\ntrain: {backend: bedrock, epochs: 3}\n")
    assert hyperparameters(load_recipe(recipe, env={})) == {"epochCount": "3", "learningRate": "0.0001"}
    with pytest.raises(ConfigError, match=r"train.warmup_steps is not a setting of bedrock for Llama 3"):
        load_recipe(recipe, ["train.warmup_steps=5"], env={})


def test_a_value_out_of_range_is_refused_with_the_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("train", "nova-micro-bedrock", "train.epochs=9")
    assert isinstance(result.exception, ConfigError)
    assert "train.epochs is 9; bedrock takes a whole number from 1 to 5 for Amazon Nova." in str(result.exception)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["base=anthropic.claude-3-haiku-20240307-v1:0:200k", "train.batch=32"], "end of life since 2026-09-10"),
        (["base=meta.llama3-1-8b-instruct-v1:0:128k"], "is tuned on prompts and completions"),
        (
            ["base=meta.llama3-2-3b-instruct-v1:0:128k"],
            r"region is us-east-1; meta.llama3-2-3b\S+ is tuned in us-west-2",
        ),
        (["train.method=pretrain", "data.documents=[a.md]"], "is pretrain, which bedrock no longer offers"),
        (["train.bedrock.region=us-west-2"], r"region is us-west-2; amazon.nova-micro-v1:0:128k is tuned in us-east-1"),
        (["base=amazon.nova-micro-v9"], "Bedrock does not tune 'amazon.nova-micro-v9'"),
    ],
)
def test_a_model_that_cannot_be_tuned_there_is_refused(tmp_path: Path, words: list[str], said: str) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("base: amazon.nova-micro-v1:0:128k\ntrain: {backend: bedrock}\n")
    with pytest.raises(ConfigError, match=said):
        base_of(load_recipe(recipe, words, env={}).recipe)


def test_the_catalog_knows_models_with_and_without_their_context_length() -> None:
    for id, model in MODELS.items():
        assert tunable(id) is tunable(model.inference_id) is model
    assert tunable("nano") is None


def test_names_fit_jobs_models_and_deployments() -> None:
    assert aws_name("shop_v1.2--x") == "shop-v1-2-x"
    assert aws_name("…") == "run"
    long = aws_name("a" * 80)
    assert len(long) == 63
    assert aws_name("a" * 81) != long
    assert aws_name(long) == long


def test_a_budget_is_held_also_where_the_price_is_unknown() -> None:
    check_budget(8.0, None, "the training")
    check_budget(8.0, 8, "the training")
    with pytest.raises(ConfigError, match=r"the training costs \$8\.00, above --max-usd 7"):
        check_budget(8.0, 7, "the training")
    with pytest.raises(ConfigError, match="cannot be enforced"):
        check_budget(None, 7, "the training")


def test_a_training_record_holds_the_prompt_that_is_asked_later() -> None:
    record = training_record(PROMPT.messages, "SELECT 1")
    asked = request("m", PROMPT, GenerateOptions())
    assert record["system"] == asked["system"] == [{"text": "a schema"}]
    assert record["messages"][:-1] == asked["messages"]
    assert record["messages"][-1] == {"role": "assistant", "content": [{"text": "SELECT 1"}]}
    assert messages_of(asked) == PROMPT.messages
    assert "system" not in conversation([Message("user", "q")])


def test_options_and_answers_survive_the_wire() -> None:
    options = GenerateOptions(max_tokens=7, temperature=0.5, top_p=0.9, stop=(";",))
    assert options_of(request("m", PROMPT, options)) == options
    for stop in ("end", "stop", "length"):
        answer = Completion("SELECT 1", stop, 5, 2, None, 30.0)  # type: ignore[arg-type]
        assert completion(response(answer), total_ms=30.0) == answer


@pytest.mark.parametrize("reason", ["max_tokens", "content_filtered", "malformed_model_output"])
def test_every_other_stop_reason_is_a_cut_answer(reason: str) -> None:
    said = response(Completion("SELECT", "end", 1, 1)) | {"stopReason": reason}
    assert completion(said, total_ms=1).stop == "length"


def test_a_stream_says_what_the_whole_response_does() -> None:
    answer = Completion("SELECT 1", "stop", 5, 2, 7.0, 30.0)
    sent = [{kind: value} for kind, value in events(["SELECT", "", " 1", answer])]
    assert completion_of_events(sent, first_token_ms=7.0, total_ms=30.0) == answer
    assert completion_of_events(sent[:3], first_token_ms=7.0, total_ms=30.0).stop == "length"


def test_metrics_of_both_files() -> None:
    assert list(metrics_rows("step_number,epoch_number,validation_loss,perplexity\n7,1,0.5,1.65\n8,1,,\n")) == [
        {"step": 8, "eval_loss": 0.5, "epoch": 1}
    ]


def test_places_in_s3() -> None:
    assert str(place("s3://a/b/") / "c") == str(place("s3://a/b") / "c") == "s3://a/b/c"
    assert str(place("s3://a") / "c") == "s3://a/c"


def test_policies_name_only_what_is_needed() -> None:
    trust = json.dumps(trust_policy("111122223333", "us-east-1"))
    assert '"aws:SourceAccount": "111122223333"' in trust
    assert "arn:aws:bedrock:us-east-1:111122223333:model-customization-job/*" in trust
    for policy in (data_policy("b", "us-east-1"), caller_policy("111122223333", "us-east-1", "b", ROLE)):
        for statement in policy["Statement"]:
            assert not [action for action in statement["Action"] if action.endswith("*")]
            if statement["Resource"] == ["*"]:
                assert all("List" in a or "Get" in a for a in statement["Action"])
    assert "SecureTransport" in json.dumps(bucket_policy("b", "us-east-1"))
    assert "arn:aws-cn:s3:::b" in json.dumps(data_policy("b", "cn-north-1"))
    assert "no public access" in Setup("111122223333", "us-east-1", "b").text()


def test_the_policy_for_an_administrator_needs_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    policy = ok_json_of("aws", "policy", "--account", "444455556666")
    passed = policy["Statement"][-1]
    assert passed["Action"] == ["iam:PassRole"]
    assert passed["Resource"] == ["arn:aws:iam::444455556666:role/sqltailor-bedrock"]
    assert passed["Condition"] == {
        "StringEquals": {"iam:PassedToService": ["bedrock.amazonaws.com", "sagemaker.amazonaws.com"]}
    }


def test_buying_units_is_a_permission_of_its_own() -> None:
    plain, buying = (json.dumps(caller_policy("1", "us-east-1", "b", ROLE, provisioned=p)) for p in (False, True))
    assert "CreateProvisionedModelThroughput" not in plain
    assert "DeleteProvisionedModelThroughput" in plain
    assert "CreateProvisionedModelThroughput" in buying


def test_without_boto3_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("boto3", "botocore", "botocore.exceptions", "botocore.config"):
        monkeypatch.setitem(sys.modules, name, None)
    _session.cache_clear()
    result = run("deploy", "list")
    assert str(result.exception) == f"Amazon Web Services needs boto3: {install_command('aws')}"
    assert "111122223333" in ok("aws", "policy").stdout
    assert rows_of_cost() == 8.0


def rows_of_cost() -> float:
    return float(ok_json("cost", "nova-micro-bedrock")["rows"][0]["usd"])


def ok_json_of(*words: str) -> Any:
    return json.loads(ok(*words).stdout)


def test_the_shipped_recipe_is_the_articles() -> None:
    shown = {row["key"]: row["value"] for row in ok_json("config", "nova-micro-bedrock")}
    assert shown["train.epochs"] in (5, "5", "5.0")
    assert shown["generate.max_tokens"] in (512, "512")
