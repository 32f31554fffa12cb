"""Endpoints of SageMaker, end to end over HTTP with real boto3: made, asked in every form, changed, deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sqltailor.cloud.sagemaker.endpoint_plan import plan_endpoint
from sqltailor.cloud.sagemaker.endpoints import endpoint_requests, serving
from sqltailor.cloud.sagemaker.served.serving_text import answer_of, chat_of
from sqltailor.errors import BackendError, ConfigError
from sqltailor.generate import load
from sqltailor.local_bedrock.sagemaker_endpoints import _whole as chat_response
from sqltailor.project import Project
from sqltailor.recipe import load_recipe
from sqltailor.runs import Run, read_json
from sqltailor.types import Completion, GenerateOptions, Message, Prompt
from sqltailor.wire.chat_completions import chat_completion, chat_events, chat_pieces, completion_of_chat
from tests.support.cli_project import ok, ok_json, run
from tests.support.local_aws import (
    Crash,
    boto,
    crash_in,
    fault,
    imitate_training,
    quick,
    request_faults,
    upload_little,
)
from tests.test_sagemaker_script import RECIPE

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock

pytestmark = pytest.mark.aws
SPEC = {"table": "stop", "aggregates": [{"function": "count", "column": "*"}]}
GREEDY = GenerateOptions(max_tokens=50)


@pytest.fixture(scope="module")
def server(server: LocalBedrock) -> LocalBedrock:
    imitate_training(server)
    return server


@pytest.fixture
def aws(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> LocalBedrock:
    Path("recipe.yaml").write_text(RECIPE)
    with Path("data/train.jsonl").open("a") as file:
        file.write(json.dumps({"id": "spec", "spec": SPEC, "sql": ["SELECT count(*) FROM stop"]}) + "\n")
    upload_little(monkeypatch)
    return aws


def trained(*words: str) -> Run:
    return Run(Path(ok_json("train", "--yes", *words)["run"]))


def invoked(*words: str) -> dict[str, Any]:
    return json.loads(ok("deploy", "invoke", *words).stdout)  # type: ignore[no-any-return]


def test_an_endpoint_is_made_asked_and_deleted(aws: LocalBedrock) -> None:
    tuned = trained()
    result = ok("deploy", "sagemaker", "--yes")
    assert "endpoint: " in result.stderr
    assert "cost:     an hour: $1.51: ml.g5.2xlarge × 1 h at $1.515 an hour" in result.stderr
    arn = result.stdout.strip()
    assert read_json(tuned.deployment) | {"arn": arn} == read_json(tuned.deployment)
    assert ok_json("ask", "How many stops are there, 0?", "--run")["rows"] == [[4]]
    scores = ok_json("eval", "--data", "data/train.jsonl", "--model", str(tuned.path))["models"]
    assert scores[str(tuned.path)]["execution"]["value"] == 1.0

    items = ok_json("deploy", "list")
    assert [(item["kind"], item["usd_per_hour"]) for item in items] == [
        ("endpoint", 1.515), ("endpoint config", 0.0), ("endpoint model", 0.0),
    ]  # fmt: skip
    gone = ok_json("deploy", "delete", tuned.name, "--yes")["deleted"]
    assert [line.removeprefix("deleted ").rpartition(" ")[0] for line in gone] == [
        "endpoint", "endpoint config", "endpoint model",
    ]  # fmt: skip
    assert ok_json("deploy", "list") == []
    assert not tuned.deployment.exists()


def test_every_form_of_a_body_is_answered(aws: LocalBedrock) -> None:
    tuned = trained()
    ok("deploy", "sagemaker", "--yes", "--name", "tram")
    question, counted = "How many stops are there, 0?", "SELECT count(*) FROM stop"
    Path("spec.json").write_text(json.dumps(SPEC))
    forms = [("--question", question), ("--spec", "spec.json"), ("--body", json.dumps({"text": json.dumps(SPEC)}))]
    for words in forms:
        answer = invoked("tram", *words)
        assert (answer["sql"], answer["finish_reason"]) == (counted, "stop")
    assert invoked(str(tuned.path), "--spec", "spec.json")["sql"] == counted

    # as any program calls it
    runtime = boto(aws, "sagemaker-runtime")
    chat = {"messages": [{"role": "user", "content": question}], "max_tokens": 50}
    asked = {"EndpointName": "tram", "ContentType": "application/json"}
    found = runtime.invoke_endpoint(Body=json.dumps(chat), **asked)
    assert json.loads(found["Body"].read())["choices"][0]["message"]["content"] == counted
    assert found["InvokedProductionVariant"] == "AllTraffic"
    streamed = runtime.invoke_endpoint_with_response_stream(Body=json.dumps(chat | {"stream": True}), **asked)
    parts = [part["PayloadPart"]["Bytes"] for part in streamed["Body"]]
    assert len(parts) > 3
    assert completion_of_chat(chat_events(parts), first_token_ms=1, total_ms=2).text == counted
    model: Any = load("sagemaker:tram")
    prompt = Prompt((Message("user", question),))
    assert "".join(model.stream(prompt, GREEDY)) == counted
    [one], two = model([prompt], GREEDY), model([prompt, prompt], GREEDY)
    assert (one.text, one.stop, one.tokens_in) == (counted, "end", 100)
    assert [answer.text for answer in two] == [counted, counted]
    assert model([prompt], GenerateOptions(max_tokens=1))[0].stop == "length"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "a body is"),
        ({"text": "no json"}, "the specification is not JSON"),
        ({"text": "[1]"}, "a body is"),
        ({"question": " "}, "a body is"),
    ],
)
def test_a_body_without_sense_is_refused_by_the_endpoint(aws: LocalBedrock, body: dict[str, Any], said: str) -> None:
    trained()
    ok("deploy", "sagemaker", "--yes", "--name", "tram")
    result = run("deploy", "invoke", "tram", "--body", json.dumps(body))
    assert isinstance(result.exception, BackendError)
    assert said in str(result.exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Give one of --question, --spec and --body"),
        (["--question", "a", "--body", "{}"], "Give one of"),
        (["--body", "{"], "--body is not JSON"),
        (["--body", "[]"], "--body is not an object"),
    ],
)
def test_a_call_without_sense_is_not_sent(aws: LocalBedrock, words: list[str], said: str) -> None:
    result = run("deploy", "invoke", "tram", *words)
    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)


DEPLOY_CRASHES = [
    ("cloud.sagemaker.endpoints._lay_beside", True),
    ("cloud.sagemaker.endpoints._once", True),
    ("cloud.sagemaker.endpoints._wait", False),
    ("cloud.sagemaker.endpoints._wait", True),
]


def test_after_a_crash_the_same_command_ends_with_one_endpoint(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained()
    for name, after in DEPLOY_CRASHES:
        with monkeypatch.context() as patch:
            crash_in(patch, name, after=after)
            with pytest.raises(Crash):
                run("deploy", "sagemaker", "--yes")
        ok("deploy", "sagemaker", "--yes")
        assert len(aws.state.serving) == 3
        with monkeypatch.context() as patch:
            crash_in(patch, "cloud.inventory._forget", after=False)
            with pytest.raises(Crash):
                run("deploy", "delete", "--all", "--yes")
        ok("deploy", "delete", "--all", "--yes")
        assert not aws.state.serving


def test_another_run_is_served_in_place(aws: LocalBedrock) -> None:
    first, second = trained(), trained("train.epochs=1")
    arn = ok("deploy", "sagemaker", str(first.path), "--name", "tram", "--yes").stdout
    result = ok("deploy", "sagemaker", str(second.path), "--name", "tram", "--yes")
    assert "updated in place" in result.stderr
    assert result.stdout == arn
    assert sum(kind == "EndpointName" for kind, _ in aws.state.serving) == 1
    ok("deploy", "delete", "--all", "--yes")
    assert not aws.state.serving


def test_an_endpoint_that_fails_is_told(aws: LocalBedrock) -> None:
    trained()
    fault(aws, "Endpoint", "Unable to provision requested ML compute capacity")
    result = run("deploy", "sagemaker", "--yes")
    assert "failed: Unable to provision" in str(result.exception)
    ok("deploy", "delete", "--all", "--yes")
    assert not aws.state.serving


def test_an_endpoint_that_answers_otherwise_is_withdrawn(aws: LocalBedrock) -> None:
    tuned = trained()
    words = ("deploy", "sagemaker", str(tuned.path), "--yes")
    assert "not compared" in ok(*words).stderr
    ok("eval", "--data", "data/train.jsonl", "--model", str(tuned.path))
    ok("deploy", "delete", "--all", "--yes")
    merged = read_json(tuned.job)["merged"].removeprefix("s3://").partition("/")
    boto(aws, "s3").put_object(Bucket=merged[0], Key=f"{merged[2]}learned.json", Body=b"{}")
    result = run(*words)
    assert result.exit_code == 1
    assert "withdrawn" in result.stderr
    assert not aws.state.serving
    assert run(*words, "--keep").exit_code == 0


@pytest.mark.parametrize(
    ("operation", "error", "times"),
    [("InvokeEndpoint", "ServiceUnavailable", 9), ("InvokeEndpoint", "ModelNotReadyException", 9)],
)
def test_faults_that_pass_are_survived(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch, operation: str, error: str, times: int
) -> None:
    trained()
    ok("deploy", "sagemaker", "--yes", "--name", "tram")
    quick(monkeypatch)
    fault(aws, operation, error, times)
    assert load("sagemaker:tram")([Prompt((Message("user", "q"),))], GREEDY)[0].stop == "end"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--instance", "ml.p3.2xlarge"], "needs a GPU that the image has kernels for: ml.g4dn.xlarge"),
        (["--instance", "ml.m5.large"], "needs a GPU"),
        (["--name", "a_b"], "is called by 1 to 63 letters"),
        (["--max-usd", "1"], r"an hour of the endpoint costs \$1.51, above --max-usd 1"),
    ],
)
def test_a_plan_without_sense_is_refused(aws: LocalBedrock, words: list[str], said: str) -> None:
    trained()
    with pytest.raises(ConfigError, match=said):
        raise run("deploy", "sagemaker", "--yes", *words).exception or AssertionError
    assert not aws.state.serving


def test_what_cannot_be_served_says_what_can(aws: LocalBedrock) -> None:
    assert "was tuned on SageMaker by our own trainer" in str(run("deploy", "sagemaker").exception)
    tuned = trained()
    assert "has no model on Bedrock" in str(run("deploy", "bedrock", str(tuned.path)).exception)
    boto(aws, "sagemaker").create_model(
        ModelName="theirs",
        ExecutionRoleArn=read_json(tuned.job)["role"],
        PrimaryContainer={
            "Image": "i",
            "ModelDataSource": {
                "S3DataSource": {
                    "S3Uri": read_json(tuned.job)["merged"],
                    "S3DataType": "S3Prefix",
                    "CompressionType": "None",
                }
            },
        },
    )
    boto(aws, "sagemaker").create_endpoint_config(
        EndpointConfigName="theirs",
        ProductionVariants=[{"VariantName": "v", "ModelName": "theirs", "InstanceType": "ml.g5.xlarge"}],
    )
    boto(aws, "sagemaker").create_endpoint(EndpointName="theirs", EndpointConfigName="theirs")
    assert "is not SQLTailor's" in str(run("deploy", "sagemaker", "--name", "theirs", "--yes").exception)
    assert ok_json("deploy", "list") == []


def test_what_is_sent_is_what_the_service_takes(aws: LocalBedrock) -> None:
    tuned = trained()
    requests = endpoint_requests(plan_endpoint(tuned), tuned.name, "t")
    for name, operation in (
        ("model", "CreateModel"),
        ("config", "CreateEndpointConfig"),
        ("endpoint", "CreateEndpoint"),
    ):
        assert request_faults("sagemaker", operation, requests[name]) == []


def test_the_endpoint_asks_in_the_words_of_training(aws: LocalBedrock) -> None:
    tuned = trained()
    with Project(load_recipe("recipe.yaml", env={}).recipe) as project:
        told = serving(tuned, project)
        from sqltailor.types import Example

        ask = project.prompts(str(tuned.path), None)
        for body, example in (
            ({"question": "How many?"}, Example(question="How many?")),
            ({"text": json.dumps(SPEC)}, Example(spec=SPEC)),
        ):
            messages = [Message(m["role"], m["content"]) for m in chat_of(body, told)["messages"]]
            assert tuple(messages) == ask(example, project.schema).messages
    linked = load_recipe("recipe.yaml", ["prompt.show=linked"], env={}).recipe
    tuned.prompt.write_text(json.dumps(read_json(tuned.prompt) | {"show": "linked"}))
    with Project(linked) as project, pytest.raises(ValueError, match="depends on the question: send messages"):
        chat_of({"question": "How many?"}, serving(tuned, project))


def test_answers_survive_the_wire() -> None:
    for stop, said in (("end", "end"), ("stop", "end"), ("length", "length")):
        answer = Completion("SELECT 1", stop, 5, 2)  # type: ignore[arg-type]
        assert chat_completion(chat_response(answer), total_ms=3.0) == Completion("SELECT 1", said, 5, 2, None, 3.0)  # type: ignore[arg-type]
    broken = b"".join(chat_pieces(["SELECT", " ä", Completion("SELECT ä", "end", 5, 2)], whole=chat_response))
    parts = [broken[i : i + 7] for i in range(0, len(broken), 7)]
    assert completion_of_chat(chat_events(parts), first_token_ms=1.0, total_ms=3.0).text == "SELECT ä"
    assert completion_of_chat(chat_events(parts[:3]), first_token_ms=1.0, total_ms=3.0).stop == "length"
    assert answer_of(chat_response(Completion(" SELECT 1 ", "end", 5, 2)))["sql"] == "SELECT 1"
