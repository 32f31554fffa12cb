"""Reinforcement fine-tuning on Bedrock, end to end over HTTP with real boto3: a grader in Lambda, and a job by it."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sqltailor.cloud.bedrock.reinforcement import reinforcement_hyperparameters
from sqltailor.cloud.bedrock.training import job_request
from sqltailor.cloud.job_record import metrics_rows
from sqltailor.errors import BackendError, ConfigError, DataError
from sqltailor.recipe import load_recipe
from sqltailor.runs import Run, read_jsonl
from tests.support.cli_project import ok, ok_json, run
from tests.support.local_aws import (
    ACCOUNT,
    boto,
    fault,
    local_aws,
    make_project,
    need_aws,
    quick,
    request_faults,
    until_it_works,
)

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock

pytestmark = pytest.mark.aws
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:sqltailor-grader"
RECIPE = ("nova-2-lite-reinforced", "database.url=sqlite:///tram.db", f"train.bedrock.grader={ARN}")
TRAIN = ("train", *RECIPE, "--yes")
FAIR = """
def handle(event, context):
    right = [s["messages"][-1]["content"] == s["metadata"]["reference_answer"] for s in event]
    return [{"id": s["id"], "aggregate_reward_score": float(r)} for s, r in zip(event, right)]
"""


@pytest.fixture
def aws(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> LocalBedrock:
    quick(monkeypatch)
    make_data(100)
    return aws


def make_data(examples: int) -> None:
    [*rows] = read_jsonl(Path("data/train.jsonl"))
    more = [rows[i % len(rows)] | {"id": f"r{i}", "question": f"Question {i}?"} for i in range(examples)]
    Path("data/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in more))
    Path("recipe.yaml").unlink()


def make_grader(server: LocalBedrock, code: str = FAIR, name: str = "sqltailor-grader", **changes: Any) -> None:
    """Create a function from a package of one file."""
    boto(server, "lambda").create_function(**a_function(server, code, name) | changes)


def a_function(server: LocalBedrock, code: str, name: str = "sqltailor-grader") -> dict[str, Any]:
    iam, packed = boto(server, "iam"), io.BytesIO()
    trust = {"Statement": [{"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    try:
        role = iam.create_role(
            RoleName="grader", AssumeRolePolicyDocument=json.dumps(trust | {"Version": "2012-10-17"})
        )
    except iam.exceptions.EntityAlreadyExistsException:
        role = iam.get_role(RoleName="grader")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("own.py", code)
    return {
        "FunctionName": name,
        "Runtime": "python3.12",
        "Handler": "own.handle",
        "Role": role["Role"]["Arn"],
        "Timeout": 60,
        "Code": {"ZipFile": packed.getvalue()},
    }


def test_train_deploy_ask_and_delete(aws: LocalBedrock) -> None:
    make_grader(aws)
    planned = ok_json("train", *RECIPE, "--dry-run")
    assert (planned["usd"], planned["notes"]) == (None, [f"graded by {ARN}"])
    assert "cannot be enforced" in str(run(*TRAIN, "--max-usd", "5").exception)
    assert not aws.state.jobs
    tuned = Run(Path(ok_json(*TRAIN)["run"]))
    [job] = aws.state.jobs.values()
    assert job.request["customizationType"] == "REINFORCEMENT_FINE_TUNING"
    assert "hyperParameters" not in job.request
    assert job.request["customizationConfig"]["rftConfig"] == {
        "graderConfig": {"lambdaGrader": {"lambdaArn": ARN}},
        "hyperParameters": {
            "epochCount": 2, "batchSize": 64, "learningRate": 1e-5, "maxPromptLength": 8192,
            "trainingSamplePerPrompt": 4, "inferenceMaxTokens": 2048,
        },
    }  # fmt: skip
    first = json.loads((tuned.path / "uploaded" / "train.jsonl").read_text().splitlines()[0])
    assert [turn["role"] for turn in first["messages"]] == ["system", "user"]
    assert first["reference_answer"] == "SELECT count(*) FROM stop"
    told = boto(aws, "bedrock").get_model_customization_job(jobIdentifier=job.arn)
    assert told["customizationType"] == "REINFORCEMENT_FINE_TUNING"
    ok("deploy", "bedrock", str(tuned.path), "--yes", "--recipe", RECIPE[0], "--database", "sqlite:///tram.db")
    asked = ("ask", "Question 0?", "--recipe", RECIPE[0], "--database", "sqlite:///tram.db", "--model", str(tuned.path))
    assert ok_json(*asked, "--run")["rows"] == [[4]]
    ok("deploy", "delete", "--all", "--yes")
    assert ok_json("deploy", "list") == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (None, "There is no Lambda function .* aws grader"),
        ("def handle(event, context): return 1 / 0", "failed: .*division by zero"),
        ("def handle(event, context): return [{'id': s['id']} for s in event]", "needed: for each sample"),
        (FAIR.replace("float(", "1 + 0 * float("), "gives gold SQL 1 and no answer 1"),
        ("import time\ndef handle(event, context): time.sleep(9)", "Task timed out after 1.00 seconds"),
        ("def handle(event, context): raise SystemExit", "failed: .*Runtime exited"),
    ],
    ids=["missing", "failing", "malformed", "always content", "slow", "ending"],
)
def test_a_grader_that_would_fail_is_found_before_any_upload(aws: LocalBedrock, code: str | None, said: str) -> None:
    if code:
        make_grader(aws, code, **({"Timeout": 1} if "sleep" in code else {}))
    with pytest.raises(BackendError, match=said):
        raise run(*TRAIN).exception or AssertionError("it did not fail")
    assert not aws.state.jobs
    assert not Path("runs").exists()


def test_a_grader_that_cannot_be_looked_at_is_noted(aws: LocalBedrock) -> None:
    make_grader(aws)
    fault(aws, "GetFunctionConfiguration", "AccessDeniedException")
    assert "could not try the grader: AccessDeniedException" in ok_json("train", *RECIPE, "--dry-run")["notes"][1]
    make_grader(aws, name="ours")
    notes = ok_json(
        "train", *RECIPE[:2], f"train.bedrock.grader={ARN.replace('sqltailor-grader', 'ours')}", "--dry-run"
    )
    assert "may only call functions named sqltailor-…" in notes["notes"][1]
    aws.state.speed = 0.1
    make_grader(aws, name="sqltailor-new")
    new = f"train.bedrock.grader={ARN.replace('grader', 'new')}"
    assert "is Pending: The function is being created" in str(run(*TRAIN, new).exception)


def test_a_question_that_is_declined_tries_the_grader_too(aws: LocalBedrock) -> None:
    make_grader(aws)
    declined = {"id": "d", "question": "Who drives?", "sql": ["-- cannot answer: no drivers are recorded"]}
    lines = Path("data/train.jsonl").read_text()
    Path("data/train.jsonl").write_text(json.dumps(declined) + "\n" + lines)
    assert ok_json("train", *RECIPE, "--dry-run")["examples"] == 101


def test_prompts_that_may_be_too_long_are_noted(aws: LocalBedrock) -> None:
    make_grader(aws)
    assert ok_json("train", *RECIPE, "train.max_length=20", "--dry-run")["notes"][1] == (
        "100 of 100 prompts may be longer than train.max_length, 20"
    )


def test_a_crash_at_any_write_of_what_is_remembered_makes_one_job(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_grader(aws)
    assert until_it_works(monkeypatch, "cloud.job_record.write_json_atomic", TRAIN) >= 4
    assert len(aws.state.jobs) == len(aws.state.models) == len(list(Path("runs").iterdir())) == 1


def test_gold_sql_that_fails_is_listed_before_any_upload(aws: LocalBedrock) -> None:
    with Path("data/train.jsonl").open("a") as file:
        file.write(json.dumps({"id": "bad", "question": "Which?", "sql": ["SELECT nothing FROM nowhere"]}) + "\n")
    with pytest.raises(DataError, match=r"could not judge by this gold SQL.*\n  bad: "):
        raise run(*TRAIN).exception or AssertionError("it did not fail")
    make_data_short()
    with pytest.raises(DataError, match="99 training records; nova-2-lite-rft needs at least 100"):
        raise run(*TRAIN).exception or AssertionError("it did not fail")


def make_data_short() -> None:
    lines = Path("data/train.jsonl").read_text().splitlines(keepends=True)
    Path("data/train.jsonl").write_text("".join(lines[:99]))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((RECIPE[0], RECIPE[1]), "needs a function that grades: `sqltailor aws grader`"),
        ((*RECIPE, "train.grpo.temperature=0.5"), "train.grpo.temperature is not a setting of bedrock"),
        ((*RECIPE, "train.batch=8"), "batch is 8; bedrock takes a whole number from 16 to 512"),
        ((*RECIPE, "train.grpo.generations=32"), "from 2 to 16"),
        ((*RECIPE, "train.method=sft", "train.epochs=2"), "train.bedrock.grader is for method grpo, not sft"),
        ((*RECIPE, "base=amazon.nova-micro-v1:0:128k", "train.epochs=2"), "tunes Amazon Nova by sft only"),
        ((*RECIPE, f"train.bedrock.grader={ARN.replace('east-1', 'west-2')}"), "is in us-west-2; the job runs in"),
        ((*RECIPE, "train.bedrock.grader=sqltailor-grader"), "train.bedrock.grader"),
    ],
)
def test_a_recipe_that_the_service_would_refuse(aws: LocalBedrock, words: tuple[str, ...], said: str) -> None:
    found = run("train", *words, "--yes").exception
    assert isinstance(found, ConfigError)
    assert said in str(found)


def a_request(**changes: Any) -> dict[str, Any]:
    train = load_recipe(RECIPE[0], ["train.bedrock.reasoning_effort=low"], env={}).recipe.train
    where = f"s3://sqltailor-{ACCOUNT}-us-east-1"
    return job_request(
        name="reinforced",
        run="reinforced",
        token="token",
        base="amazon.nova-2-lite-v1:0:256k",
        role=f"arn:aws:iam::{ACCOUNT}:role/sqltailor-bedrock",
        hyperparameters=reinforcement_hyperparameters(train),
        train=f"{where}/train.jsonl",
        validation=None,
        out=f"{where}/out/",
        grader=ARN,
    ) | changes  # fmt: skip


def test_what_is_sent_is_what_the_service_takes() -> None:
    assert request_faults("bedrock", "CreateModelCustomizationJob", a_request()) == []
    wrong = a_request()
    wrong["customizationConfig"]["rftConfig"]["hyperParameters"]["batchSize"] = 8
    assert "batchSize is 8; allowed: from 16 to 512" in str(
        request_faults("bedrock", "CreateModelCustomizationJob", wrong)
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"baseModelIdentifier": "amazon.nova-micro-v1:0:128k"}, "does not support REINFORCEMENT_FINE_TUNING"),
        ({"hyperParameters": {"epochCount": "1"}}, "go into customizationConfig"),
        ({"customizationConfig": {"rftConfig": {}}}, "There is no grader"),
        ({}, "may not call"),
    ],
)
def test_what_the_local_bedrock_refuses(aws: LocalBedrock, changes: dict[str, Any], said: str) -> None:
    make_grader(aws)
    name = boto(aws, "iam").list_role_policies(RoleName="sqltailor-bedrock")["PolicyNames"][0]
    policy = boto(aws, "iam").get_role_policy(RoleName="sqltailor-bedrock", PolicyName=name)["PolicyDocument"]
    if not changes:
        boto(aws, "iam").delete_role_policy(RoleName="sqltailor-bedrock", PolicyName=name)
    with pytest.raises(boto(aws, "bedrock").exceptions.ValidationException, match=said):
        boto(aws, "bedrock").create_model_customization_job(**a_request(**changes))
    boto(aws, "iam").put_role_policy(RoleName="sqltailor-bedrock", PolicyName=name, PolicyDocument=json.dumps(policy))


def test_functions_are_created_once_found_and_deleted(aws: LocalBedrock) -> None:
    functions = boto(aws, "lambda")
    make_grader(aws)
    with pytest.raises(functions.exceptions.ResourceConflictException):
        make_grader(aws)
    for changes, said in (
        ({"Code": {"ZipFile": b"no archive"}}, "Could not unzip"),
        ({"Role": f"arn:aws:iam::{ACCOUNT}:role/sqltailor-bedrock"}, "Could not assume"),
        ({"Code": {"S3Bucket": f"sqltailor-{ACCOUNT}-us-east-1", "S3Key": "no.zip"}}, "There is no object"),
    ):
        with pytest.raises(Exception, match=said):
            make_grader(aws, name="other", **changes)
    functions.delete_function(FunctionName="sqltailor-grader")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function_configuration(FunctionName=ARN)


def test_rewards_are_read_where_the_file_has_them() -> None:
    text = "step_number,epoch_number,training_loss,perplexity,critic/rewards/mean\n0,0,0.5,1.6,0.25\n1,0,0.4,1.5,\n"
    assert [row.get("reward") for row in metrics_rows(text)] == [0.25, None]


@pytest.mark.slow
def test_nano_learns_from_what_the_package_of_aws_grader_rewards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_aws()
    pytest.importorskip("trl")
    from sqltailor.local_bedrock import tuning
    from sqltailor.local_bedrock.runtime import open_answers

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tuning, "GRADED", {**tuning.GRADED, "train.max_steps": 2})
    make_project(tmp_path)
    make_data(100)
    with local_aws(monkeypatch, speed=1000.0, tune=tuning.tune_with("nano"), open_answers=open_answers) as server:
        built = ok_json("aws", "grader", "--database", "sqlite:///tram.db")
        function = a_function(server, "") | {"Handler": built["handler"], "Runtime": built["runtime"], "Timeout": 900}
        boto(server, "lambda").create_function(**function | {"Code": {"ZipFile": Path(built["path"]).read_bytes()}})
        tuned = Run(Path(ok_json(*TRAIN)["run"]))
        rows = list(read_jsonl(tuned.metrics))
        assert [row["step"] for row in rows] == [1, 2]
        assert all(0 <= row["reward"] <= 1 for row in rows)
