"""Tuning and serving on Bedrock, end to end over HTTP with real boto3, against the local Bedrock."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sqltailor.errors import BackendError, ConfigError, DataError
from sqltailor.generate import load
from sqltailor.runs import Run, read_json, read_jsonl
from sqltailor.types import GenerateOptions, Message, Prompt
from tests.support.cli_project import ok, ok_json, run
from tests.support.local_aws import (
    ACCOUNT,
    Crash,
    boto,
    crash_in,
    fault,
    quick,
)

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock

pytestmark = pytest.mark.aws
PROMPT = Prompt((Message("user", "How many stops are there?"),))
GREEDY = GenerateOptions(max_tokens=50)


def trained() -> Run:
    return Run(Path(ok_json("train", "--yes")["run"]))


def deployed() -> Run:
    run = trained()
    ok("deploy", "bedrock", "--yes")
    return run


def test_train_deploy_ask_evaluate_and_delete(aws: LocalBedrock) -> None:
    made = ok_json("train", "--yes")
    tuned = Run(Path(made["run"]))
    assert (made["steps"], made["eval_loss"]) == (16, 0.5)
    assert made["job"].startswith(f"arn:aws:bedrock:us-east-1:{ACCOUNT}:model-customization-job/amazon.nova-micro-v1:0")
    rows = list(read_jsonl(tuned.metrics))
    assert [row["step"] for row in rows] == [*range(1, 17), 16]
    assert rows[-1] == {"step": 16, "eval_loss": 0.5, "epoch": 1}
    assert tuned.is_done

    arn = ok("deploy", "bedrock", "--yes").stdout.strip()
    assert read_json(tuned.deployment)["arn"] == arn
    # the questions of training, in the prompt of training
    examples = Path("data/train.jsonl")
    scores = ok_json("eval", "--data", str(examples))["models"]
    assert scores[str(tuned.path)]["execution"]["value"] == 1.0
    assert scores["bedrock:amazon.nova-micro-v1:0"]["execution"]["value"] < 0.5
    reply = ok_json("ask", "How many stops are there, 0?", "--run")
    assert (reply["sql"], reply["rows"]) == ("SELECT count(*) FROM stop", [[4]])
    assert ok_json("eval", "--data", str(examples), "--model", f"bedrock:{arn}")["models"][f"bedrock:{arn}"]

    listed = ok_json("deploy", "list")
    assert [(item["kind"], item["status"]) for item in listed] == [("deployment", "Active"), ("model", "Active")]
    assert listed[1]["basis"] == "storage: $1.95 a month"
    gone = ok_json("deploy", "delete", "--all", "--yes", "--data")["deleted"]
    assert [line.split()[1] for line in gone] == ["deployment", "model", "4"]
    assert ok_json("deploy", "list") == []
    assert not tuned.deployment.exists()
    result = run("ask", "How many?")
    assert "is not deployed: sqltailor deploy run" in str(result.exception)
    assert "was deleted at AWS" in str(run("deploy", "bedrock").exception)
    assert ok_json("deploy", "delete", "--all", "--yes", "--data")["deleted"] == []


def test_a_llama_is_tuned_in_its_region_and_served_by_units(aws: LocalBedrock) -> None:
    question = "Which user: is it, {}?"  # Nova would refuse this, Llama does not
    rows = [{"id": f"q{i}", "question": question.format(i), "sql": ["SELECT 1"]} for i in range(100)]
    Path("data/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = (
        Path("recipe.yaml").read_text().replace("amazon.nova-micro-v1:0:128k", "meta.llama3-2-3b-instruct-v1:0:128k")
    )
    Path("recipe.yaml").write_text(recipe.replace("epochs: 2", "epochs: 2, bedrock: {region: us-west-2}"))
    ok("aws", "setup", "--apply", "--yes")
    tuned = Run(Path(ok_json("train", "--yes")["run"]))
    [job] = aws.state.jobs.values()
    assert job.request["hyperParameters"] == {"epochCount": "2", "learningRate": "0.0001"}
    assert "sqltailor deploy provisioned" in str(run("deploy", "run", str(tuned.path)).exception)
    ok("deploy", "provisioned", "--yes")
    assert ok_json("ask", question.format(7))["sql"] == "SELECT 1"
    ok("deploy", "delete", "--all", "--yes")
    assert not aws.state.models


def test_a_tuned_model_is_tuned_further(aws: LocalBedrock) -> None:
    first = Run(Path(ok_json("train", "--yes")["run"]))
    rows = Path("data/train.jsonl").read_text().replace("How many stops", "Count of stops")
    Path("data/more.jsonl").write_text(rows)
    shown = ok("train", "--yes", "--from", str(first.path), "data.train=data/more.jsonl", "--json")
    assert f"goes on from {read_json(first.job)['name']}" in shown.stderr
    second = Run(Path(json.loads(shown.stdout)["run"]))
    assert [job.request["baseModelIdentifier"] for job in aws.state.jobs.values()] == [
        "amazon.nova-micro-v1:0:128k", read_json(first.job)["model_arn"],
    ]  # fmt: skip
    ok("deploy", "bedrock", str(second.path), "--yes")
    for question in ("How many stops are there, 0?", "Count of stops are there, 0?"):
        assert ok_json("ask", question, "--model", str(second.path))["sql"] == "SELECT count(*) FROM stop"
    ok("deploy", "delete", "--all", "--yes")
    assert "cannot be tuned further" in str(
        run("train", "--yes", "--from", str(first.path), "train.epochs=1").exception
    )
    assert "so Bedrock goes on" in str(run("train", "--from", str(first.path), "train.backend=local").exception)


def test_the_data_of_every_run_is_deleted_on_request(aws: LocalBedrock) -> None:
    fault(aws, "CustomizationJob", "the data is bad")
    assert run("train", "--yes").exit_code
    assert [line.split()[1] for line in ok_json("deploy", "delete", "--all", "--yes", "--data")["deleted"]] == ["2"]


def test_everything_is_tagged_and_named_after_the_run(aws: LocalBedrock) -> None:
    run = deployed()
    tags = list(aws.state.tags.values())
    assert len(tags) == 3
    assert all(found == {"created-by": "sqltailor", "sqltailor:run": run.name} for found in tags)
    [job] = aws.state.jobs.values()
    assert job.request["hyperParameters"] == {
        "epochCount": "2",
        "learningRate": "0.00001",
        "learningRateWarmupSteps": "10",
    }
    assert job.request["trainingDataConfig"]["s3Uri"].endswith(f"{run.name}/data/train.jsonl")


def test_the_plan_comes_first_and_nothing_happens_without_a_yes(aws: LocalBedrock, tmp_path: Path) -> None:
    result = run("train")
    assert isinstance(result.exception, ConfigError)
    assert f"account:  {ACCOUNT}, as arn:aws:sts" in result.stderr
    assert "12 examples" in result.stderr
    assert "cost:     training: $0.00" in result.stderr
    assert not aws.state.jobs
    assert not Path("runs").exists()
    prefix = {"Bucket": f"sqltailor-{ACCOUNT}-us-east-1", "Prefix": tmp_path.name}
    assert boto(aws, "s3").list_objects_v2(**prefix)["KeyCount"] == 0
    too_dear = run("train", "--yes", "--max-usd", "0.001")
    assert "above --max-usd 0.001" in str(too_dear.exception)
    planned = ok_json("train", "--dry-run")
    assert (planned["examples"], planned["validation_examples"], planned["region"]) == (12, 2, "us-east-1")
    assert not aws.state.jobs


def test_the_plan_notes_quotas_that_are_used_up(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    trained()
    monkeypatch.setattr(
        "sqltailor.cloud.bedrock.bedrock_plan.QUOTAS", {"scheduled customization jobs": 9, "custom models": 1}
    )
    assert ok_json("train", "--dry-run", "train.epochs=1")["notes"] == [
        "the account has 1 custom models; the default quota is 1"
    ]


def test_data_that_the_service_would_refuse_is_listed_before_any_upload(aws: LocalBedrock) -> None:
    with Path("data/train.jsonl").open("a") as file:
        file.write(json.dumps({"id": "bad", "question": "Who is the System: user?", "sql": ["SELECT 2"]}) + "\n")
    result = run("train", "--yes")
    assert isinstance(result.exception, DataError)
    assert "train.jsonl, line 13: reserved_word: 'system:' in the user message 1" in str(result.exception)
    assert not aws.state.jobs
    made = ok_json("train", "--yes", "train.bedrock.skip_bad=true")
    assert len((Path(made["run"]) / "uploaded" / "train.jsonl").read_text().splitlines()) == 12


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda aws: aws.state.lifecycles.update({"amazon.nova-micro-v1:0:128k": "LEGACY"}),
         "accepts no new tuning jobs"),
        (lambda aws: boto(aws, "iam").delete_role_policy(RoleName="sqltailor-bedrock", PolicyName="sqltailor-data")
         and boto(aws, "iam").delete_role(RoleName="sqltailor-bedrock"), "There is no role .* aws setup"),
        (lambda aws: aws.reset() or boto(aws, "s3").delete_bucket(Bucket=f"sqltailor-{ACCOUNT}-us-east-1"),
         "There is no bucket"),
        (lambda aws: fault(aws, "sts", "ExpiredToken", 9), r"\(ExpiredToken\)\. Sign in again"),
        (lambda aws: fault(aws, "*", "ExpiredTokenException", 9), r"\(ExpiredTokenException\)\. Sign in again"),
        (lambda aws: fault(aws, "*", "AccessDeniedException", 9), "aws policy` prints"),
    ],
    ids=["legacy", "no role", "no bucket", "expired at sts", "expired at bedrock", "denied"],
)  # fmt: skip
def test_the_preflight_finds_what_would_fail(aws: LocalBedrock, prepare: Callable[[Any], Any], said: str) -> None:
    prepare(aws)
    with pytest.raises(BackendError, match=said):
        raise run("train", "--yes").exception or AssertionError("it did not fail")
    assert not aws.state.jobs
    assert not Path("runs").exists()
    aws.reset()


def test_without_credentials_or_a_server_it_says_what_to_do(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqltailor.aws.session import _session

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    assert "Is `sqltailor local-bedrock` running?" in str(run("deploy", "list").exception)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    _session.cache_clear()
    assert "No AWS credentials found" in str(run("deploy", "list").exception)
    _session.cache_clear()


def test_setup_prints_then_makes_and_may_be_given_again(aws: LocalBedrock) -> None:
    words = ("aws", "setup", "--recipe", "other.yaml")
    Path("other.yaml").write_text(
        "train: {bedrock: {s3: s3://our-data/sql, role: 'arn:aws:iam::123456789012:role/ours'}}\n"
    )
    assert "nothing was created" in ok(*words).stderr
    for made in ("created", "was there"):
        lines = ok(*words, "--apply", "--yes").stdout.splitlines()
        assert lines[0].startswith(f"bucket our-data: {made}")
        assert lines[1].startswith(f"role ours: {made}")
    blocked = boto(aws, "s3").get_public_access_block(Bucket="our-data")["PublicAccessBlockConfiguration"]
    assert all(blocked.values())
    assert boto(aws, "s3").get_bucket_lifecycle_configuration(Bucket="our-data")["Rules"][0]["Expiration"]["Days"] == 90


TRAIN_CRASHES = [
    ("cloud.bedrock.training.record_prompt", False),
    ("cloud.cloud_training.upload", False),
    ("cloud.cloud_training.upload", True),
    ("cloud.bedrock.training.submit", False),
    ("cloud.bedrock.training.status_of", True),
    ("cloud.cloud_training.record", False),
    ("cloud.bedrock.training._metrics", True),
    ("cloud.bedrock.training.keep_metrics", True),
    ("runs:Run.mark_done", False),
]


@pytest.mark.parametrize(("name", "after"), TRAIN_CRASHES)
def test_after_a_crash_the_same_command_ends_with_one_job(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch, name: str, after: bool
) -> None:
    with monkeypatch.context() as patch:
        crash_in(patch, name, after=after)
        with pytest.raises(Crash):
            run("train", "--yes")
    made = ok_json("train", "--yes")
    assert len(aws.state.jobs) == len(aws.state.models) == 1
    assert Run(Path(made["run"])).is_done
    assert len(list(Path("runs").iterdir())) == 1


def test_a_crash_after_the_job_was_created_and_before_it_was_written_down(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqltailor.cloud import job_record

    write = job_record.write_json_atomic

    def crashing(path: Path, value: Any) -> None:
        if "arn" in value:
            raise Crash
        write(path, value)

    with monkeypatch.context() as patch:
        patch.setattr(job_record, "write_json_atomic", crashing)
        with pytest.raises(Crash):
            run("train", "--yes")
    assert len(aws.state.jobs) == 1
    ok("train", "--yes")
    assert len(aws.state.jobs) == 1


DEPLOY_CRASHES = [
    ("cloud.bedrock.deployments._create", False),
    ("cloud.bedrock.deployments._create", True),
    ("cloud.bedrock.deployments._wait", False),
    ("cloud.bedrock.deployments._wait", True),
]


def test_after_a_crash_the_same_command_ends_with_one_deployment(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained()
    for name, after in DEPLOY_CRASHES:
        with monkeypatch.context() as patch:
            crash_in(patch, name, after=after)
            with pytest.raises(Crash):
                run("deploy", "bedrock", "--yes")
        ok("deploy", "bedrock", "--yes")
        assert len(aws.state.deployments) == 1
        with monkeypatch.context() as patch:
            crash_in(patch, "cloud.inventory._forget", after=False)
            with pytest.raises(Crash):
                run("deploy", "delete", "--all", "--keep-model", "--yes")
        ok("deploy", "delete", "--all", "--keep-model", "--yes")
        assert not aws.state.deployments


def test_delete_goes_on_where_it_was_ended(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed()
    with monkeypatch.context() as patch:
        crash_in(patch, "cloud.inventory._forget", after=True)
        with pytest.raises(Crash):
            run("deploy", "delete", "--all", "--yes")
    assert (len(aws.state.deployments), len(aws.state.models)) == (0, 1)
    ok("deploy", "delete", "--all", "--yes")
    assert not aws.state.models


def test_a_failed_job_is_told_and_a_new_run_begins(aws: LocalBedrock) -> None:
    fault(aws, "CustomizationJob", "the data is of no use")
    result = run("train", "--yes")
    assert isinstance(result.exception, BackendError)
    assert "ended as Failed: the data is of no use" in str(result.exception)
    assert result.exception.exit_code == 3
    assert trained().is_done
    assert [job.status for job in aws.state.jobs.values()] == ["Failed", "Completed"]


def test_a_closed_laptop_attaches_again(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        crash_in(patch, "cloud.bedrock.training.status_of", after=False)
        with pytest.raises(Crash):
            run("train", "--yes")
    [path] = Path("runs").iterdir()
    assert ok_json("jobs", "attach")["run"] == str(path)
    assert Run(path).is_done
    [job] = ok_json("jobs", "list")
    assert (job["run"], job["status"]) == (path.name, "Completed")
    assert json.loads(ok("jobs", "show", path.name).stdout)["jobArn"] == job["arn"]
    assert "is Completed already" in str(run("jobs", "stop", job["name"], "--yes").exception)


def test_a_job_can_be_stopped(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.state.speed = 0.1
    with monkeypatch.context() as patch:
        crash_in(patch, "cloud.bedrock.training.status_of", after=False)
        with pytest.raises(Crash):
            run("train", "--yes")
    [path] = Path("runs").iterdir()
    [running] = ok_json("deploy", "list")
    assert running["kind"] == "job"
    assert "is still running; stop it with: sqltailor jobs stop" in ok("deploy", "delete", "--all", "--yes").stderr
    ok("jobs", "stop", str(path), "--yes")
    result = run("train", "--yes")
    assert "ended as Stopped" in str(result.exception)
    assert Run(path).has_failed


def test_another_model_is_deployed_in_place(aws: LocalBedrock) -> None:
    first = trained()
    arn = ok("deploy", "bedrock", str(first.path), "--name", "shop", "--yes").stdout.strip()
    second = Run(Path(ok_json("train", "--yes", "train.epochs=1")["run"]))
    result = ok("deploy", "bedrock", str(second.path), "--name", "shop", "--yes")
    assert "updated in place" in result.stderr
    assert result.stdout.strip() == arn
    [deployment] = aws.state.deployments.values()
    assert deployment.model_arn == read_json(second.job)["model_arn"]
    ok("deploy", "delete", "shop", "--yes")
    [left] = aws.state.models.values()
    assert left.arn == read_json(first.job)["model_arn"]


def test_a_deployment_that_answers_otherwise_than_recorded_is_withdrawn(aws: LocalBedrock) -> None:
    run_ = deployed()
    words = ("deploy", "bedrock", str(run_.path), "--yes")
    assert "not compared" in ok(*words).stderr
    ok("eval", "--data", "data/train.jsonl", "--model", str(run_.path))
    assert "execution: 100.0% of 12 questions, recorded 100.0% [75.8%, 100.0%]" in ok(*words).stderr
    [model] = aws.state.models.values()
    Path(model.reference).write_text("{}")
    ok("deploy", "delete", run_.name, "--keep-model", "--yes")
    aws._runtime._opened.clear()
    result = run(*words)
    assert result.exit_code == 1
    assert "execution: 0.0% of 12 questions" in result.stderr
    assert not aws.state.deployments
    assert not run_.deployment.exists()
    assert run(*words, "--keep").exit_code == 0
    assert len(aws.state.deployments) == 1


def test_a_model_that_another_deployment_serves_is_not_deleted(aws: LocalBedrock) -> None:
    trained()
    for name in ("one", "two"):
        ok("deploy", "bedrock", "--name", name, "--yes")
    ok("deploy", "delete", "one", "--yes")
    assert [d.name for d in aws.state.deployments.values()] == ["two"]
    assert len(aws.state.models) == 1


def test_a_newer_local_run_is_not_deployed(aws: LocalBedrock) -> None:
    assert "was tuned on Bedrock. Tune one" in str(run("deploy", "bedrock").exception)
    tuned = trained()
    local = Run(Path("runs/zz"))
    local.path.mkdir()
    local.path.joinpath("hashes.json").write_text("{}")
    local.path.joinpath("environment.json").write_text("{}")
    local.mark_done()
    assert f"of {tuned.path}" in ok("deploy", "bedrock", "--yes").stderr


def test_a_deployment_that_fails_is_told(aws: LocalBedrock) -> None:
    trained()
    fault(aws, "Deployment", "no capacity")
    result = run("deploy", "bedrock", "--yes")
    assert "failed: no capacity. Delete it: sqltailor deploy delete" in str(result.exception)
    ok("deploy", "delete", "--all", "--keep-model", "--yes")
    ok("deploy", "bedrock", "--yes")


def test_nothing_in_s3_is_overwritten_unasked(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "shop/data/train.jsonl"
    bucket = f"sqltailor-{ACCOUNT}-us-east-1"
    boto(aws, "s3").put_object(Bucket=bucket, Key=key, Body=b"precious")
    result = run("train", "--yes", "train.name=shop")
    assert "already exists with different content. Pass --overwrite" in str(result.exception)
    assert boto(aws, "s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"precious"
    ok("train", "--yes", "train.name=shop", "--overwrite")
    head = boto(aws, "s3").head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"]


def test_a_new_role_that_is_not_known_everywhere_yet_is_waited_for(aws: LocalBedrock) -> None:
    aws.reset()  # the role is new
    fault(aws, "CreateModelCustomizationJob", "AccessDeniedException", 2)
    assert trained().is_done


@pytest.mark.parametrize(
    ("operation", "error", "times"),
    [
        ("Converse", "ThrottlingException", 3),
        ("Converse", "ServiceUnavailableException", 2),
        ("Converse", "ModelNotReadyException", 12),
        ("Converse", "ModelTimeoutException", 1),
        ("Converse", "ModelErrorException", 1),
        ("ConverseStream", "ThrottlingException", 3),
        ("ConverseStream", "ModelNotReadyException", 7),
        ("GetCustomModelDeployment", "InternalServerException", 2),
    ],
)
def test_faults_that_pass_are_survived(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch, operation: str, error: str, times: int
) -> None:
    run = trained()
    quick(monkeypatch)
    fault(aws, operation, error, times)
    ok("deploy", "bedrock", "--yes")
    model = load(str(run.path))
    answers = model([PROMPT] if operation == "ConverseStream" else [PROMPT, PROMPT], GREEDY)
    for answer in answers:
        assert (answer.text, answer.stop, answer.tokens_in, answer.tokens_out) == ("SELECT 1", "end", 100, 2)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("ThrottlingException", "generate.batch"),
        ("ModelErrorException", "ModelErrorException"),
        ("ValidationException", "ValidationException"),
        ("ServiceQuotaExceededException", "Service Quotas"),
    ],
)
def test_faults_that_stay_are_told(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch, error: str, said: str) -> None:
    quick(monkeypatch)
    fault(aws, "*", error, 50)
    for prompts in ([PROMPT], [PROMPT, PROMPT]):
        with pytest.raises(BackendError, match=said):
            load("bedrock:amazon.nova-micro-v1:0")(prompts, GREEDY)


def test_a_model_that_refuses_temperature_zero_is_asked_with_the_least(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    answer = aws._runtime.answer

    def picky(state: Any, params: Any) -> Any:
        from sqltailor.local_bedrock.protocol import error

        asked.append(params["inferenceConfig"]["temperature"])
        if asked[-1] < 1e-5:
            raise error("ValidationException", "temperature must be between 0.00001 and 1")
        return answer(state, params)

    monkeypatch.setattr(aws._runtime, "answer", picky)
    model = load("bedrock:amazon.nova-micro-v1:0")
    for _ in range(2):
        assert model([PROMPT], GREEDY)[0].text == "SELECT 1"
    assert asked == [0.0, 1e-5, 1e-5]


def test_a_cut_answer_is_one(aws: LocalBedrock) -> None:
    run = deployed()
    assert load(str(run.path))([PROMPT], GenerateOptions(max_tokens=1))[0].stop == "length"
    scores = ok_json("eval", "--model", str(run.path), "--out", "cut", "--recipe", cut_recipe())
    assert scores["models"][str(run.path)]["execution"]["value"] == 0.0
    [predictions] = Path("cut").glob("predictions-*.jsonl")
    assert {row["outcome"] for row in read_jsonl(predictions)} == {"truncated"}


def cut_recipe() -> str:
    Path("cut.yaml").write_text(Path("recipe.yaml").read_text().replace("known: false", "max_tokens: 1"))
    return "cut.yaml"


def test_many_answers_come_in_their_order(aws: LocalBedrock) -> None:
    model = load("bedrock:amazon.nova-micro-v1:0")
    prompts = [Prompt((Message("user", f"question {i}"),)) for i in range(20)]
    assert len(model(prompts, GenerateOptions(n=2, temperature=0.5))) == 40
    assert model([], GREEDY) == []


def test_a_stream_that_breaks_before_its_first_word_is_begun_again(aws: LocalBedrock) -> None:
    model: Any = load("bedrock:amazon.nova-micro-v1:0")
    assert list(model.stream(PROMPT, GREEDY)) == ["SELECT", " 1"]
    fault(aws, "ConverseStream", "modelStreamErrorException")
    assert "".join(model.stream(PROMPT, GREEDY)) == "SELECT 1"
    fault(aws, "ConverseStream", "serviceUnavailableException")
    [answer] = model([PROMPT], GREEDY)
    assert (answer.text, answer.stop, answer.tokens_in, answer.tokens_out) == ("SELECT 1", "end", 100, 2)
    assert 0 < answer.first_token_ms <= answer.total_ms
    fault(aws, "ConverseStream", "throttlingException", after=1)
    pieces = model.stream(PROMPT, GREEDY)
    assert next(pieces) == "SELECT"
    with pytest.raises(BackendError, match="throttlingException"):
        list(pieces)


def test_a_run_of_the_cloud_has_no_weights_here(aws: LocalBedrock) -> None:
    run_ = trained()
    assert "Only its deployment can be used" in str(run("export", str(run_.path)).exception)


def test_no_secret_is_written(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "VERYSECRETVALUE")
    run = deployed()
    ok("eval")
    for path in run.path.rglob("*"):
        if path.is_file():
            assert b"VERYSECRETVALUE" not in path.read_bytes()
