"""`eval --batch`: base models on Bedrock asked by one job, against the local Bedrock with real boto3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sqltailor.cli.watching import watching
from sqltailor.cloud.bedrock.batch_inference import BatchModel, batch_request
from sqltailor.cloud.bedrock.batch_plan import batch_model_id
from sqltailor.errors import BackendError, ConfigError, DataError
from sqltailor.local_bedrock.protocol import error
from sqltailor.local_bedrock.runtime import Runtime
from sqltailor.recipe import load_recipe
from sqltailor.runs import read_json, read_jsonl
from sqltailor.types import Completion, GenerateOptions, Message, Prompt
from tests.support.cli_project import ok, ok_json, run
from tests.support.local_aws import (
    SPEED,
    Crash,
    boto,
    crash_in,
    fault,
    request_faults,
)

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock

pytestmark = pytest.mark.aws
NOVA = "bedrock:amazon.nova-micro-v1:0"
EVAL = ("eval", "--model", NOVA, "--data", "many.jsonl", "--batch", "--yes")


@pytest.fixture
def aws(aws: LocalBedrock) -> LocalBedrock:
    """The server, and a project with a hundred different questions, of which two are asked twice."""
    rows = [{"id": f"q{i}", "question": f"What is the number {i % 100}?", "sql": ["SELECT 1"]} for i in range(102)]
    Path("many.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return aws


def folder() -> Path:
    [found] = Path("runs/evaluations").glob("batch-*")
    return found


def ask() -> list[Completion]:
    """Ask the hundred questions by a job, as `eval --batch` does, but without scoring."""
    model = BatchModel(NOVA, load_recipe("recipe.yaml").recipe, confirm=lambda plan: None, watch=watching)
    return model([Prompt((Message("user", f"What is the number {i}?"),)) for i in range(100)], GenerateOptions())


def predictions(made: dict[str, Any]) -> list[dict[str, Any]]:
    [file] = Path(made["run"]).glob("predictions-*.jsonl")
    return list(read_jsonl(file))


def test_a_hundred_questions_are_one_job_and_the_same_evaluation(aws: LocalBedrock) -> None:
    made = ok_json(*EVAL)
    [job] = aws.state.batches.values()
    assert (job.status, job.total, job.errors) == ("Completed", 100, 0)
    rows = predictions(made)
    assert (len(rows), {row["outcome"] for row in rows}, rows[0]["tokens_in"]) == (102, {"correct"}, 100)
    assert "tokens_per_s" not in read_json(Path(made["run"]) / "scores.json")["timings"][NOVA]
    assert len(list(read_jsonl(folder() / "input.jsonl"))) == 100
    # a part of it is asked again: the answers are here
    ok(*EVAL, "--limit", "5")
    assert len(aws.state.batches) == 1
    [listed] = ok_json("jobs", "list")
    assert listed["arn"] == job.arn
    assert json.loads(ok("jobs", "show", job.arn).stdout)["status"] == "Completed"


def test_the_request_is_what_the_service_takes(aws: LocalBedrock) -> None:
    ask()
    known = read_json(folder() / "job.json")
    role = "arn:aws:iam::111122223333:role/sqltailor-bedrock"
    request = batch_request(known, role, "s3://a-bucket/in.jsonl", "s3://a-bucket/out/")
    assert request_faults("bedrock", "CreateModelInvocationJob", request) == []
    assert request_faults("bedrock", "CreateModelInvocationJob", request | {"jobName": "a_b", "modelId": "a b"})


def test_the_plan_comes_first(aws: LocalBedrock) -> None:
    asked = run(*EVAL[:-1])
    assert "not a terminal to confirm in" in str(asked.exception)
    for said in ("100 questions", "one batch inference job", "the job, at most: $0.0"):
        assert said in asked.stderr
    with pytest.raises(ConfigError, match="above --max-usd 0"):
        raise run(*EVAL, "--max-usd", "0").exception or AssertionError
    assert not aws.state.batches
    assert not list(Path("runs/evaluations").glob("batch-*"))


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        (("--limit", "99"), DataError, "takes 100 to 50,000 different questions; these are 99"),
        (("--votes", "3"), ConfigError, "asks each question once"),
        (("--predictions", "p.jsonl"), ConfigError, "leave out --predictions"),
        (("--model", "small"), ConfigError, "not 'small'"),
        (("--model", "bedrock:arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abcdefghijkl"),
         ConfigError, "takes base models"),
    ],
)  # fmt: skip
def test_what_no_job_can_do_is_refused(
    aws: LocalBedrock, words: tuple[str, ...], kind: type[Exception], said: str
) -> None:
    words = ("eval", *EVAL[3:], *words) if "--predictions" in words else (*EVAL, *words)
    with pytest.raises(kind, match=said):
        raise run(*words).exception or AssertionError
    assert not aws.state.batches


CRASHES = [
    ("cloud.bedrock.batch_inference.upload", True),
    ("cloud.bedrock.batch_inference.submit_batch", True),
    ("cloud.bedrock.batch_inference.get_batch", True),
    ("cloud.bedrock.batch_inference.write_text_atomic", True),
]


@pytest.mark.parametrize(("where", "after"), CRASHES, ids=[name.rpartition(".")[2] for name, _ in CRASHES])
def test_after_a_crash_the_same_command_ends_with_one_job(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch, where: str, after: bool
) -> None:
    with monkeypatch.context() as patch:
        crash_in(patch, where, after=after)
        with pytest.raises(Crash):
            ask()
    assert [answer.text for answer in ask()] == ["SELECT 1"] * 100
    assert len(aws.state.batches) == 1


def test_after_a_crash_in_scoring_nothing_is_asked_again(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        crash_in(patch, "evaluate.run.append_jsonl", after=True)
        with pytest.raises(Crash):
            run(*EVAL)
    assert len(predictions(ok_json(*EVAL))) == 102
    assert len(aws.state.batches) == 1


def test_a_job_that_fails_is_told_and_the_next_command_begins_another(aws: LocalBedrock) -> None:
    fault(aws, "InvocationJob", "no capacity")
    with pytest.raises(BackendError, match="ended as Failed with 0 of 100 answers: no capacity"):
        ask()
    assert len(ask()) == 100
    assert [job.status for job in aws.state.batches.values()] == ["Failed", "Completed"]


@pytest.mark.parametrize(("every", "fails"), [(50, False), (5, True)])
def test_what_a_job_did_not_answer_is_asked_once_more(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, every: int, fails: bool
) -> None:
    answer, calls = Runtime.answer, 0

    def sometimes(self: Runtime, state: Any, params: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls % every == 0:
            raise error("ModelTimeoutException", "too slow")
        return answer(self, state, params)

    monkeypatch.setattr(Runtime, "answer", sometimes)
    if fails:
        with pytest.raises(BackendError, match="PartiallyCompleted with 80 of 100 answers: too slow"):
            ask()
        return
    assert [answer.text for answer in ask()] == ["SELECT 1"] * 100
    assert "did not answer 2 of 100 questions" in caplog.text
    [job] = aws.state.batches.values()
    assert (job.status, job.errors) == ("PartiallyCompleted", 2)


def test_a_job_can_be_stopped(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.state.speed = 1.0
    with monkeypatch.context() as patch:
        crash_in(patch, "cloud.bedrock.batch_inference.get_batch", after=True)
        with pytest.raises(Crash):
            ask()
    [job] = aws.state.batches.values()
    ok("jobs", "stop", job.arn, "--yes")
    with pytest.raises(BackendError, match="ended as Stopped with 0 of 100 answers"):
        ask()
    aws.state.speed = SPEED


def test_a_guardrail_checks_beside_the_job(aws: LocalBedrock) -> None:
    words = {"wordsConfig": [{"text": "number 7"}]}
    made = boto(aws, "bedrock").create_guardrail(
        name="g", wordPolicyConfig=words, blockedInputMessaging="no", blockedOutputsMessaging="no"
    )
    text = Path("recipe.yaml").read_text().replace("known: false", f"guardrail: {{id: {made['guardrailId']}}}")
    Path("recipe.yaml").write_text(text)
    with pytest.raises(DataError, match="these are 99"):
        raise run(*EVAL).exception or AssertionError


def test_which_models_a_job_asks() -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0"
    assert batch_model_id(f"bedrock:{arn}") == arn
    with pytest.raises(ConfigError, match="such as bedrock:amazon"):
        batch_model_id("gold")
