"""Amazon Nova on SageMaker, end to end over HTTP with real boto3, against the local SageMaker and Bedrock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from sqltailor.cloud.run_names import aws_name
from sqltailor.cloud.sagemaker.nova_recipe import KEYS, nova_recipe
from sqltailor.cloud.sagemaker.nova_training import job_request
from sqltailor.errors import BackendError, ConfigError
from sqltailor.recipe import Resolved, load_recipe
from sqltailor.runs import Run, read_json, read_jsonl
from tests.support.cli_project import ok, ok_json, run
from tests.support.local_aws import (
    ACCOUNT,
    Crash,
    boto,
    crash_in,
    fault,
    need_aws,
    request_faults,
)

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock

pytestmark = pytest.mark.aws
RECIPE = (
    "base: amazon.nova-micro-v1:0:128k\n"
    "database: {url: sqlite:///tram.db}\n"
    "data: {train: data/train.jsonl, validation: data/validation.jsonl, test: data/test.jsonl}\n"
    "train: {backend: sagemaker, epochs: 2, sagemaker: {instance_type: ml.g5.12xlarge, max_runtime_s: 3600}}\n"
    "generate: {known: false}\n"
)


@pytest.fixture
def aws(aws: LocalBedrock) -> LocalBedrock:
    Path("recipe.yaml").write_text(RECIPE)
    return aws


def trained(*words: str) -> Run:
    return Run(Path(ok_json("train", "--yes", *words)["run"]))


def test_train_take_over_deploy_ask_and_delete(aws: LocalBedrock) -> None:
    made = ok_json("train", "--yes")
    tuned = Run(Path(made["run"]))
    assert (made["steps"], made["eval_loss"]) == (16, 0.5)
    assert made["job"] == f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:training-job/{aws_name(tuned.name)}"
    assert [row["step"] for row in read_jsonl(tuned.metrics)] == [*range(1, 17), 16]
    known = read_json(tuned.job)
    assert known["weights"].startswith(f"s3://customer-escrow-{ACCOUNT}-smtj-")
    assert known["model_arn"].startswith(f"arn:aws:bedrock:us-east-1:{ACCOUNT}:custom-model/imported/")
    assert known["billable_seconds"] >= 1

    arn = ok("deploy", "bedrock", "--yes").stdout.strip()
    assert ok_json("ask", "How many stops are there, 0?", "--run")["rows"] == [[4]]
    scores = ok_json("eval", "--data", "data/train.jsonl")["models"]
    assert scores[str(tuned.path)]["execution"]["value"] == 1.0
    assert [(item["kind"], item["uses"]) for item in ok_json("deploy", "list")] == [
        ("deployment", known["model_arn"]),
        ("model", None),
    ]
    assert read_json(tuned.deployment)["arn"] == arn
    gone = ok_json("deploy", "delete", "--all", "--yes", "--data")["deleted"]
    assert [line.split()[1] for line in gone] == ["deployment", "model", "4"]
    assert ok_json("deploy", "list") == []


def test_the_request_is_the_sdks(aws: LocalBedrock) -> None:
    tuned = trained()
    [job] = aws.state.training_jobs.values()
    place = f"s3://sqltailor-{ACCOUNT}-us-east-1/{tuned.name}"
    tags = {tag["Key"]: tag["Value"] for tag in job.request["Tags"]}
    assert tags.pop("sqltailor:token") == read_json(tuned.job)["token"]
    assert tags == {"created-by": "sqltailor", "sqltailor:run": tuned.name}

    def channel(name: str, file: str, kind: str = "Converse") -> dict[str, Any]:
        source = {"S3DataType": kind, "S3Uri": f"{place}/data/{file}", "S3DataDistributionType": "FullyReplicated"}
        return {"ChannelName": name, "DataSource": {"S3DataSource": source}}

    assert {name: value for name, value in job.request.items() if name != "Tags"} == {
        "TrainingJobName": aws_name(tuned.name),
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/sqltailor-sagemaker",
        "AlgorithmSpecification": {
            "TrainingImage": "708977205387.dkr.ecr.us-east-1.amazonaws.com/nova-fine-tune-repo:SM-TJ-SFT-latest",
            "TrainingInputMode": "File",
        },
        "HyperParameters": {
            "base_model": "nova-micro/prod",
            "sagemaker_recipe_local_path": "/opt/ml/input/data/recipe/recipe.yaml",
        },
        "InputDataConfig": [
            channel("train", "train.jsonl"),
            channel("validation", "validation.jsonl"),
            channel("recipe", "recipe.yaml", "S3Prefix") | {"InputMode": "File"},
        ],
        "OutputDataConfig": {"S3OutputPath": f"{place}/out/"},
        "ResourceConfig": {"InstanceType": "ml.g5.12xlarge", "InstanceCount": 1, "VolumeSizeInGB": 100},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
    sent = yaml.safe_load((tuned.path / "uploaded" / "recipe.yaml").read_text())
    assert sent["run"] | {"name": ""} == {
        "name": "",
        "model_type": "amazon.nova-micro-v1:0:128k",
        "model_name_or_path": "nova-micro/prod",
        "data_s3_path": "",
        "output_s3_path": "",
        "replicas": 1,
    }
    assert sent["training_config"] == {
        "max_length": 8192,
        "global_batch_size": 64,
        "trainer": {"max_epochs": 2},
        "model": {
            "hidden_dropout": 0.0,
            "attention_dropout": 0.0,
            "ffn_dropout": 0.0,
            "optim": {
                "lr": 1e-5,
                "name": "distributed_fused_adam",
                "adam_w_mode": True,
                "eps": 1e-6,
                "weight_decay": 0.0,
                "betas": [0.9, 0.999],
                "sched": {"warmup_steps": 10, "constant_steps": 0, "min_lr": 1e-6},
            },
            "peft": {
                "peft_scheme": "lora",
                "lora_tuning": {"loraplus_lr_ratio": 16.0, "alpha": 128, "adapter_dropout": 0.01},
            },
        },
    }


def resolved(*words: str) -> Resolved:
    return load_recipe("nova-micro-sagemaker", list(words), env={})


def test_what_is_sent_is_what_the_service_takes() -> None:
    need_aws()
    recipe = resolved().recipe
    built = nova_recipe(recipe, name="shop")
    names = {"name": "shop", "run": "shop", "token": "t", "role": f"arn:aws:iam::{ACCOUNT}:role/sqltailor-sagemaker"}
    uris = {"train": "s3://b/t.jsonl", "validation": None, "written": "s3://b/recipe.yaml", "out": "s3://b/out/"}
    request = job_request(recipe, built, **names, **uris)
    assert request_faults("sagemaker", "CreateTrainingJob", request) == []
    too_long = job_request(recipe, built, **names | {"name": "x" * 64}, **uris)
    assert "has 64 characters" in "; ".join(request_faults("sagemaker", "CreateTrainingJob", too_long))


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("train.max_length=1000", "is 1000; sagemaker takes a whole number from 1024 to 65536, a multiple of 1024"),
        ("train.max_length=9216", "on ml.g5.12xlarge, Amazon Nova reads at most 8192 tokens"),
        ("train.batch=8", "is 8; sagemaker takes one of 16, 32, 64"),
        ("train.weight_decay=2", "train.weight_decay is 2; allowed: a number from 0, at most 1"),
        ("train.lora.alpha=100", "is 100; sagemaker takes one of 32, 64, 96, 128, 160, 192"),
        ("train.lora.r=16", "lora.r is fixed by SageMaker's recipe for Amazon Nova: remove it"),
        ("train.epochs=1.5", "is 1.5; sagemaker takes a whole number"),
        ("train.sagemaker.nova.hidden_dropout=1.5", "hidden_dropout is 1.5; allowed: a number from 0, at most 1"),
        ("train.sagemaker.nova.betas=[0.9, 1.5]", "nova.betas"),
        ("train.sagemaker.nova.min_lr=1e-4", "min_lr is above train.learning_rate"),
        ("train.sagemaker.nova.loraplus_lr_ratio=-1", "loraplus_lr_ratio is -1; allowed: a number from 0"),
        ("train.sagemaker.nova.constant_steps=-1", "constant_steps is -1; allowed: a whole number from 0"),
        ("train.sagemaker.spot=true", "is not for Amazon Nova, whose jobs cannot resume"),
        ("train.sagemaker.instance_type=ml.g5.2xlarge", "is tuned on ml.g5.12xlarge, ml.g5.48xlarge"),
        ("train.sagemaker.instance_count=2", "takes 1 of ml.g5.12xlarge"),
        ("train.sagemaker.region=eu-central-1", "tunes Nova in us-east-1, us-west-2, eu-west-2"),
        ("train.sagemaker.nova.recipe_overrides={training_config: {max_length: 4096}}", "set train.max_length instead"),
        ("base=amazon.nova-2-lite-v1:0:256k", "tune Nova Micro, Lite and Pro"),
    ],
)
def test_a_value_out_of_range_is_refused_before_any_upload(aws: LocalBedrock, word: str, said: str) -> None:
    result = run("train", "--yes", "nova-micro-sagemaker", word)
    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)
    assert not aws.state.training_jobs
    assert not Path("runs").exists()


def test_every_field_is_a_key_and_the_rest_can_be_overridden() -> None:
    over = "train.sagemaker.nova.recipe_overrides={run: {mlflow_experiment_name: tram}}"
    built = nova_recipe(resolved(over, "train.sagemaker.nova.ffn_dropout=0.25").recipe, name="tram")
    assert built["run"]["mlflow_experiment_name"] == "tram"
    assert built["run"]["replicas"] == 1
    assert built["training_config"]["model"]["ffn_dropout"] == 0.25
    assert len(KEYS) == 17


def test_the_plan_comes_first_with_what_it_costs_at_most(aws: LocalBedrock) -> None:
    result = run("train")
    assert isinstance(result.exception, ConfigError)
    assert "runs on:  1 × ml.g5.12xlarge, at most 1 h" in result.stderr
    assert "training, at most: $7.09: ml.g5.12xlarge × 1 h at $7.09 an hour" in result.stderr
    assert not aws.state.training_jobs
    assert not Path("runs").exists()
    assert "above --max-usd 5" in str(run("train", "--yes", "--max-usd", "5").exception)
    unknown = run("train", "--yes", "--max-usd", "5", "train.sagemaker.instance_type=ml.p5.48xlarge")
    assert "cannot be enforced" in str(unknown.exception)
    assert ok_json("train", "--dry-run")["usd"] == 7.09


TRAIN_CRASHES = [
    ("cloud.sagemaker.nova_training.record_prompt", False),
    ("cloud.cloud_training.upload", False),
    ("cloud.cloud_training.upload", True),
    ("cloud.sagemaker.nova_training.submit", False),
    ("cloud.sagemaker.training_jobs.remember", False),
    ("cloud.sagemaker.nova_training.status_of", True),
    ("cloud.sagemaker.nova_training.read_bytes", True),
    ("cloud.sagemaker.nova_training.keep_metrics", True),
    ("cloud.sagemaker.nova_training.take_over", False),
    ("cloud.sagemaker.nova_training.take_over", True),
    ("cloud.bedrock.takeover.takeover_request", True),
    ("runs:Run.mark_done", False),
]


@pytest.mark.parametrize(("name", "after"), TRAIN_CRASHES)
def test_after_a_crash_the_same_command_ends_with_one_job_and_one_model(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch, name: str, after: bool
) -> None:
    with monkeypatch.context() as patch:
        crash_in(patch, name, after=after)
        with pytest.raises(Crash):
            run("train", "--yes")
    made = ok_json("train", "--yes")
    assert len(aws.state.training_jobs) == len(aws.state.models) == 1
    assert Run(Path(made["run"])).is_done
    assert len(list(Path("runs").iterdir())) == 1


def test_a_failed_job_is_told_and_a_new_run_begins(aws: LocalBedrock) -> None:
    fault(aws, "TrainingJob", "CapacityError: Unable to provision requested ML compute capacity")
    result = run("train", "--yes")
    assert "ended as Failed: CapacityError" in str(result.exception)
    assert trained().is_done
    assert sorted(job.status for job in aws.state.training_jobs.values()) == ["Completed", "Failed"]


def test_a_limit_of_the_account_is_told(aws: LocalBedrock) -> None:
    fault(aws, "CreateTrainingJob", "ResourceLimitExceeded", 9)
    with pytest.raises(BackendError, match=r"Service Quotas → Amazon SageMaker"):
        raise run("train", "--yes").exception or AssertionError


def test_a_model_that_bedrock_cannot_take_over_keeps_its_job(aws: LocalBedrock) -> None:
    fault(aws, "CustomModel", "the weights cannot be read")
    result = run("train", "--yes")
    assert "could not take over the model" in str(result.exception)
    ok("deploy", "delete", "--all", "--yes")
    assert trained().is_done
    assert len(aws.state.training_jobs) == 1


def test_where_on_demand_is_refused_provisioned_throughput_is_named(aws: LocalBedrock) -> None:
    trained()
    fault(aws, "CreateCustomModelDeployment", "ValidationException")
    result = run("deploy", "bedrock", "--yes")
    assert "only with Provisioned Throughput" in str(result.exception)


def test_jobs_are_listed_shown_and_stopped(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.state.speed = 0.1
    with monkeypatch.context() as patch:
        crash_in(patch, "cloud.sagemaker.nova_training.status_of", after=False)
        with pytest.raises(Crash):
            run("train", "--yes")
    [path] = Path("runs").iterdir()
    [listed] = ok_json("jobs", "list")
    assert (listed["run"], listed["status"]) == (path.name, "InProgress")
    for word in (path.name, listed["name"], listed["arn"]):
        assert json.loads(ok("jobs", "show", word).stdout)["TrainingJobArn"] == listed["arn"]
    assert "No job is called 'nothing'" in str(run("jobs", "show", "nothing").exception)
    [item] = ok_json("deploy", "list")
    assert (item["kind"], item["basis"]) == ("job", "paid by the second until it ends")
    ok("jobs", "stop", listed["name"], "--yes")
    result = run("jobs", "attach")
    assert "ended as Stopped" in str(result.exception)
    assert Run(path).has_failed


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"TrainingJobName": "a_b"}, "ValidationException"),
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/sqltailor-bedrock"}, "ValidationException"),
        ({"AlgorithmSpecification": {"TrainingImage": "my/image", "TrainingInputMode": "File"}}, "ValidationException"),
        ({"OutputDataConfig": {"S3OutputPath": "s3://no-such-bucket/"}}, "ValidationException"),
        ({"EnableManagedSpotTraining": True}, "ValidationException"),
        ({"TrainingJobName": "there"}, "ResourceInUse"),
    ],
)
def test_what_the_service_would_refuse_is_refused(aws: LocalBedrock, changes: dict[str, Any], code: str) -> None:
    from botocore.exceptions import ClientError

    trained()
    [job] = aws.state.training_jobs.values()
    there = dict(job.request) | {"TrainingJobName": "there"}
    sagemaker = boto(aws, "sagemaker")
    sagemaker.create_training_job(**there)
    with pytest.raises(ClientError) as caught:
        sagemaker.create_training_job(**there | {"TrainingJobName": "other"} | changes)
    assert caught.value.response["Error"]["Code"] == code


def test_a_role_for_sagemaker_is_set_up(aws: LocalBedrock) -> None:
    planned = ok("aws", "setup").stdout
    assert "role/sqltailor-sagemaker, which jobs of sagemaker in this account assume" in planned
    assert "sagemaker.amazonaws.com" in planned
    assert f"customer-escrow-{ACCOUNT}-*" in planned
    ok("aws", "setup", "--apply", "--yes")
    policy = json.loads(ok("aws", "policy").stdout)
    actions = [action for statement in policy["Statement"] for action in statement["Action"]]
    assert {"sagemaker:CreateTrainingJob", "bedrock:CreateCustomModel"} <= set(actions)
