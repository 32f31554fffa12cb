"""The local Bedrock itself, as a plain boto3 program sees it: strict, faulty when told, and with nano really tuned."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sqltailor.errors import ConfigError
from sqltailor.local_bedrock.faults import Fault, Faults, parse_fault
from sqltailor.runs import Run, read_jsonl
from tests.support.cli_project import ok, ok_json
from tests.support.local_aws import ACCOUNT, learn_by_heart, local_aws, make_project, need_aws, recite

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock

pytestmark = pytest.mark.aws
NOVA = "amazon.nova-micro-v1:0:128k"
BUCKET = f"sqltailor-{ACCOUNT}-us-east-1"


def boto(service: str, **more: Any) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(retries={"mode": "standard", "total_max_attempts": 1})
    return boto3.client(service, region_name="us-east-1", config=config, **more)


def record(question: str) -> dict[str, Any]:
    turns = [("user", question), ("assistant", "SELECT 1")]
    return {"messages": [{"role": role, "content": [{"text": text}]} for role, text in turns]}


def a_job(rows: int = 8, question: str = "how many?", **changes: Any) -> dict[str, Any]:
    """Upload a training file and return the request of a job that reads it."""
    body = "".join(json.dumps(record(f"{question} {i}")) + "\n" for i in range(rows))
    boto("s3").put_object(Bucket=BUCKET, Key="plain/train.jsonl", Body=body.encode())
    return {
        "jobName": "plain",
        "customModelName": "plain",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/sqltailor-bedrock",
        "baseModelIdentifier": NOVA,
        "hyperParameters": {"epochCount": "1"},
        "trainingDataConfig": {"s3Uri": f"s3://{BUCKET}/plain/train.jsonl"},
        "outputDataConfig": {"s3Uri": f"s3://{BUCKET}/plain/out/"},
    } | changes


def ended(arn: str) -> dict[str, Any]:
    import time

    for _ in range(200):
        found = boto("bedrock").get_model_customization_job(jobIdentifier=arn)
        if found["status"] not in ("InProgress", "Stopping"):
            return dict(found)
        time.sleep(0.02)
    raise AssertionError("the job does not end")


def code_of(call: Any, **params: Any) -> tuple[str, int]:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def deployed(aws: LocalBedrock) -> str:
    import time

    bedrock = boto("bedrock")
    model = ended(bedrock.create_model_customization_job(**a_job())["jobArn"])["outputModelArn"]
    arn = str(
        bedrock.create_custom_model_deployment(modelDeploymentName="plain", modelArn=model)["customModelDeploymentArn"]
    )
    while bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=arn)["status"] != "Active":
        time.sleep(0.02)
    return arn


def test_a_plain_boto3_program_trains_deploys_and_converses(aws: LocalBedrock) -> None:
    arn = deployed(aws)
    [model] = boto("bedrock").list_custom_models()["modelSummaries"]
    assert (model["modelName"], model["modelStatus"]) == ("plain", "Active")
    metrics = boto("s3").list_objects_v2(Bucket=BUCKET, Prefix="plain/out/")["Contents"]
    [key] = [found["Key"] for found in metrics]
    [job] = aws.state.jobs.values()
    job_id = job.arn.rpartition("/")[2]
    assert key == f"plain/out/model-customization-job-{job_id}/training_artifacts/step_wise_training_metrics.csv"
    text = boto("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
    assert text.splitlines()[0] == "step_number,epoch_number,training_loss,perplexity"

    runtime = boto("bedrock-runtime")
    asked = {"modelId": arn, "messages": record("how many? 3")["messages"][:1]}
    answer = runtime.converse(**asked)
    assert answer["output"]["message"]["content"] == [{"text": "SELECT 1"}]
    assert (answer["stopReason"], answer["usage"]["totalTokens"]) == ("end_turn", 102)
    kinds = [next(iter(event)) for event in runtime.converse_stream(**asked)["stream"]]
    assert kinds == [
        "messageStart", "contentBlockDelta", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata",
    ]  # fmt: skip


def test_jobs_are_listed_by_name_and_status_page_by_page(aws: LocalBedrock) -> None:
    bedrock = boto("bedrock")
    for i in range(3):
        ended(bedrock.create_model_customization_job(**a_job(jobName=f"j{i}", customModelName=f"m{i}"))["jobArn"])
    found = bedrock.list_model_customization_jobs(nameContains="j", statusEquals="Completed", maxResults=2)
    assert [job["jobName"] for job in found["modelCustomizationJobSummaries"]] == ["j2", "j1"]
    more = bedrock.list_model_customization_jobs(nextToken=found["nextToken"], maxResults=2)
    assert [job["jobName"] for job in more["modelCustomizationJobSummaries"]] == ["j0"]
    west = boto_in("us-west-2")
    assert west.list_model_customization_jobs()["modelCustomizationJobSummaries"] == []


def boto_in(region: str) -> Any:
    import boto3

    return boto3.client("bedrock", region_name=region)


def test_the_same_token_makes_one_job_and_another_request_a_conflict(aws: LocalBedrock) -> None:
    create = boto("bedrock").create_model_customization_job
    job = a_job(clientRequestToken="token-1")
    assert create(**job)["jobArn"] == create(**job)["jobArn"]
    assert code_of(create, **job | {"jobName": "other"}) == ("ConflictException", 400)
    assert code_of(create, **job | {"clientRequestToken": "token-2"}) == ("ConflictException", 400)


@pytest.mark.parametrize(
    "changes",
    [
        {"jobName": "a_b"},
        {"hyperParameters": {"epochCount": "6"}},
        {"hyperParameters": {"epochCount": "many"}},
        {"hyperParameters": {"colour": "1"}},
        {"baseModelIdentifier": "amazon.nova-micro-v1:0"},
        {"baseModelIdentifier": "meta.llama3-3-70b-instruct-v1:0:128k"},
        {"customizationType": "CONTINUED_PRE_TRAINING"},
        {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"},
        {"trainingDataConfig": {"s3Uri": f"s3://{BUCKET}/plain/nothing.jsonl"}},
        {"outputDataConfig": {"s3Uri": "s3://no-such-bucket/out/"}},
        {"outputDataConfig": {"s3Uri": f"s3://{BUCKET}/a=b/"}},
    ],
    ids=lambda changes: json.dumps(changes)[:60],
)
def test_what_the_service_would_refuse_is_refused(aws: LocalBedrock, changes: dict[str, Any]) -> None:
    create = boto("bedrock").create_model_customization_job
    assert code_of(create, **a_job(**changes)) == ("ValidationException", 400)
    assert not aws.state.jobs


@pytest.mark.parametrize(
    ("rows", "question", "said"),
    [
        (7, "how many?", "7 training records; nova needs at least 8"),
        (8, "the User: said", "'user:' in the user message 1"),
        (8, "", "the user message 1 is empty"),
    ],
)
def test_a_job_whose_data_breaks_a_rule_fails(aws: LocalBedrock, rows: int, question: str, said: str) -> None:
    job = a_job(rows, question)
    if not question:
        body = "".join(json.dumps(record(" ")) + "\n" for _ in range(rows))
        boto("s3").put_object(Bucket=BUCKET, Key="plain/train.jsonl", Body=body.encode())
    found = ended(boto("bedrock").create_model_customization_job(**job)["jobArn"])
    assert found["status"] == found["statusDetails"]["validationDetails"]["status"] == "Failed"
    assert said in found["failureMessage"]
    assert "outputModelArn" not in found


def test_states_change_with_time(aws: LocalBedrock) -> None:
    aws.state.speed = 600.0
    bedrock = boto("bedrock")
    arn = bedrock.create_model_customization_job(**a_job())["jobArn"]
    first = bedrock.get_model_customization_job(jobIdentifier=arn)
    assert first["statusDetails"]["trainingDetails"]["status"] == "NotStarted"
    model = ended(arn)["outputModelArn"]
    made = bedrock.create_custom_model_deployment(modelDeploymentName="d", modelArn=model)["customModelDeploymentArn"]
    assert bedrock.get_custom_model_deployment(customModelDeploymentIdentifier=made)["status"] == "Creating"
    runtime = boto("bedrock-runtime")
    turns = record("q")["messages"][:1]
    assert code_of(runtime.converse, modelId=made, messages=turns) == ("ModelNotReadyException", 429)
    assert (
        code_of(bedrock.delete_custom_model_deployment, customModelDeploymentIdentifier=made)[0] == "ConflictException"
    )
    assert code_of(bedrock.delete_custom_model, modelIdentifier=model) == ("ConflictException", 400)


def test_quotas(aws: LocalBedrock) -> None:
    deployed(aws)
    aws.state.speed = 0.01
    bedrock = boto("bedrock")
    [model] = aws.state.models
    for name in ("d1", "d2"):
        bedrock.create_custom_model_deployment(modelDeploymentName=name, modelArn=model)
    create = bedrock.create_custom_model_deployment
    assert code_of(create, modelDeploymentName="d3", modelArn=model) == ("ServiceQuotaExceededException", 400)
    for i in range(10):
        bedrock.create_model_customization_job(**a_job(jobName=f"q{i}", customModelName=f"q{i}"))
    more = a_job(jobName="one-more", customModelName="one-more")
    assert code_of(bedrock.create_model_customization_job, **more)[0] == "ServiceQuotaExceededException"
    aws.forget()


@pytest.mark.parametrize(
    "changes",
    [
        {"inferenceConfig": {"maxTokens": 9000}},
        {"inferenceConfig": {"temperature": 1.5}},
        {"messages": [{"role": "assistant", "content": [{"text": "a"}]}]},
        {"messages": [{"role": "user", "content": [{"text": " "}]}]},
        {"modelId": NOVA},
    ],
    ids=lambda changes: json.dumps(changes)[:50],
)
def test_converse_is_strict(aws: LocalBedrock, changes: dict[str, Any]) -> None:
    asked = {"modelId": "amazon.nova-micro-v1:0", "messages": record("q")["messages"][:1]} | changes
    assert code_of(boto("bedrock-runtime").converse, **asked) == ("ValidationException", 400)


def test_what_is_not_there(aws: LocalBedrock) -> None:
    bedrock = boto("bedrock")
    assert code_of(bedrock.get_model_customization_job, jobIdentifier="nobody") == ("ResourceNotFoundException", 404)
    assert code_of(bedrock.get_foundation_model, modelIdentifier="amazon.titan-text-express-v1")[1] == 404
    assert code_of(bedrock.list_guardrails)[0] == "UnknownOperationException"


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [
        ("Converse", "ThrottlingException", 429),
        ("*", "ExpiredTokenException", 403),
        ("Converse", "ModelErrorException", 424),
        ("Converse", "ServiceUnavailableException", 503),
    ],
)
def test_faults_happen_as_often_as_told(aws: LocalBedrock, operation: str, code: str, status: int) -> None:
    body = json.dumps({"operation": operation, "error": code, "times": 2}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{aws.url}/_local/faults", body, method="POST")).close()
    runtime = boto("bedrock-runtime")
    asked = {"modelId": "amazon.nova-micro-v1:0", "messages": record("q")["messages"][:1]}
    for _ in range(2):
        assert code_of(runtime.converse, **asked) == (code, status)
    assert runtime.converse(**asked)["stopReason"] == "end_turn"


def test_faults_of_the_command_line() -> None:
    assert parse_fault("*=ExpiredTokenException") == Fault("*", "ExpiredTokenException")
    assert parse_fault("CustomizationJob=no luck today").error == "no luck today"
    with pytest.raises(ConfigError, match="is not OPERATION=ERROR"):
        parse_fault("Converse")
    faults = Faults()
    faults.add(Fault("Converse", "X"))
    faults.clear()
    assert faults.take("Converse") is None


def test_an_unknown_base_is_told() -> None:
    from sqltailor.local_bedrock.local_server import LocalBedrock

    with pytest.raises(ConfigError, match="Unknown base 'nanoo'"):
        LocalBedrock(base="nanoo")


def test_the_port_may_be_taken(aws: LocalBedrock) -> None:
    from sqltailor.errors import BackendError
    from sqltailor.local_bedrock.local_server import LocalBedrock

    with pytest.raises(BackendError, match="Give another: --port N"):
        LocalBedrock(base="nano", port=int(aws.url.rpartition(":")[2]), tune=learn_by_heart, open_answers=recite)


def test_the_command_prints_where_it_is_and_ends_when_told(tmp_path: Path) -> None:
    need_aws()
    words = ["local-bedrock", "--base", "nano", "--port", "0", "--fault", "GetFoundationModel=ThrottlingException"]
    process = subprocess.Popen([sys.executable, "-m", "sqltailor", *words], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(5)]
        found = dict(line.removeprefix("export ").split("=", 1) for line in lines)
        bedrock = boto("bedrock", endpoint_url=found["AWS_ENDPOINT_URL"])
        assert code_of(bedrock.get_foundation_model, modelIdentifier=NOVA)[0] == "ThrottlingException"
        assert (
            bedrock.get_foundation_model(modelIdentifier=NOVA)["modelDetails"]["modelLifecycle"]["status"] == "ACTIVE"
        )
    finally:
        process.terminate()
        assert process.wait(timeout=20) == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["nova-micro-bedrock", "nova-micro-sagemaker"])
def test_the_shipped_recipe_really_tunes_nano(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_aws()
    pytest.importorskip("trl")
    from sqltailor.local_bedrock.runtime import open_answers
    from sqltailor.local_bedrock.tuning import tune_with

    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, examples=24)
    (tmp_path / "recipe.yaml").unlink()
    recipe = ("--recipe", name, "--database", "sqlite:///tram.db")
    with local_aws(monkeypatch, speed=1000.0, tune=tune_with("nano"), open_answers=open_answers) as server:
        words = (name, "database.url=sqlite:///tram.db", "train.epochs=2", "--yes")
        made = ok_json("train", *words)
        run = Run(Path(made["run"]))
        assert made["steps"] > 2
        rows = [row for row in read_jsonl(run.metrics) if "loss" in row]
        assert rows[-1]["loss"] < rows[0]["loss"]
        assert made["eval_loss"] > 0
        ok("deploy", "bedrock", "--yes")
        scores = ok_json("eval", *recipe)["models"]
        assert set(scores) == {"bedrock:amazon.nova-micro-v1:0", str(run.path)}
        assert scores[str(run.path)]["execution"]["n"] == 6
        ok("deploy", "delete", "--all", "--yes")
        assert not server.state.models
