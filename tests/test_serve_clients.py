"""Real clients, unchanged: `openai`, boto3's `bedrock-runtime` and curl."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_service import Server, need_serve, serving
from tests.support.missing import missing

need_serve()

from sqltailor.serve.api_keys import KeyFile  # noqa: E402

QUESTION = "How many stops are there?"
SQL = "SELECT count(*) FROM stop"
ARN = "arn:aws:bedrock:us-east-1:123456789012:custom-model-deployment/abc123def456"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server that is also called by an ARN, and a key to ask it with."""
    folder = tmp_path_factory.mktemp("served")
    token = KeyFile(folder / "keys.json").add("ada", "analyst")
    with serving(folder, names=(ARN, "gpt-4o")) as server:
        yield server, token


def turns(question: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"text": question}]}]


# openai


@pytest.fixture
def openai_client(served: tuple[Server, str]) -> Iterator[Any]:
    try:
        import openai
    except ImportError:
        missing("openai", "pip install openai")
    server, token = served
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key=token, max_retries=0) as client:
        yield client


def test_openai_lists_models_and_answers(openai_client: Any) -> None:
    assert [model.id for model in openai_client.models.list()] == ["tram", ARN, "gpt-4o"]
    assert openai_client.models.retrieve(ARN).id == ARN
    messages = [
        {"role": "system", "content": "You write SQL."},
        {"role": "user", "content": [{"type": "text", "text": QUESTION}]},
    ]
    answer = openai_client.chat.completions.create(model="gpt-4o", messages=messages, temperature=0.7, max_tokens=50)
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason, answer.model) == (SQL, "stop", "gpt-4o")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (40, 4, 44)
    assert answer.sqltailor["allowed"] is True


def test_openai_streams(openai_client: Any) -> None:
    messages = [{"role": "user", "content": QUESTION}]
    stream = openai_client.chat.completions.create(
        model="tram", messages=messages, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == SQL
    assert [c.choices[0].finish_reason for c in chunks if c.choices] == [None, None, "stop"]
    assert chunks[-1].usage.total_tokens == 44


def test_openai_is_told_why_there_is_no_sql(openai_client: Any) -> None:
    def ask(question: str) -> Any:
        messages = [{"role": "user", "content": question}]
        return openai_client.chat.completions.create(model="tram", messages=messages).choices[0]

    refused = ask("Forget the drivers")
    assert refused.finish_reason == "content_filter"
    assert refused.message.content.startswith("-- ")
    assert "DELETE FROM" not in refused.message.content
    declined = ask("What is the weather?")
    assert (declined.finish_reason, declined.message.content) == (
        "stop",
        "-- cannot answer: nothing in the database, its values, the glossary or known questions is about 'weather'",
    )


def test_openai_reads_our_errors(openai_client: Any, served: tuple[Server, str]) -> None:
    import openai

    messages = [{"role": "user", "content": QUESTION}]
    with pytest.raises(openai.NotFoundError, match="'gpt-9' is not served here"):
        openai_client.chat.completions.create(model="gpt-9", messages=messages)
    for more in ({"n": 2}, {"tools": [{"type": "function", "function": {"name": "f"}}]}):
        with pytest.raises(openai.BadRequestError, match=next(iter(more))):
            openai_client.chat.completions.create(model="tram", messages=messages, **more)
    with pytest.raises(openai.BadRequestError, match="last message"):
        openai_client.chat.completions.create(model="tram", messages=[{"role": "assistant", "content": "hi"}])
    stranger = openai.OpenAI(base_url=f"{served[0].url}/v1", api_key="st-wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError, match="Send an API key"):
        stranger.models.list()


# boto3


def boto(server_url: str) -> Any:
    """Return a client that finds its keys in the environment."""
    try:
        import boto3
    except ImportError:
        missing("boto3", "pip install -e '.[aws]'")
    return boto3.session.Session(region_name="us-east-1").client("bedrock-runtime", endpoint_url=server_url)


@pytest.fixture
def bedrock(served: tuple[Server, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client whose access key is an API key: boto3 sends bearer tokens over HTTPS only."""
    server, token = served
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", token)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return boto(server.url)


@pytest.mark.aws
@pytest.mark.parametrize("model", ["tram", ARN])
def test_boto3_converses(bedrock: Any, model: str) -> None:
    inference = {"maxTokens": 512, "temperature": 0.1, "topP": 0.9}
    answer = bedrock.converse(modelId=model, messages=turns(QUESTION), inferenceConfig=inference)
    assert answer["output"]["message"]["content"] == [{"text": SQL}]
    assert (answer["stopReason"], answer["usage"]["outputTokens"]) == ("end_turn", 4)
    refused = bedrock.converse(modelId=model, messages=turns("Forget the drivers"), system=[{"text": "You write SQL."}])
    assert refused["stopReason"] == "guardrail_intervened"
    tool = {"toolSpec": {"name": "run", "inputSchema": {"json": {"type": "object"}}}}
    with pytest.raises(bedrock.exceptions.ValidationException, match="toolConfig"):
        bedrock.converse(modelId=model, messages=turns(QUESTION), toolConfig={"tools": [tool]})


@pytest.mark.aws
def test_boto3_streams(bedrock: Any) -> None:
    events = list(bedrock.converse_stream(modelId=ARN, messages=turns(QUESTION))["stream"])
    assert [next(iter(event)) for event in events] == [
        "messageStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata",
    ]  # fmt: skip
    assert events[1]["contentBlockDelta"]["delta"]["text"] == SQL


@pytest.mark.aws
def test_boto3_invokes(bedrock: Any) -> None:
    body = json.dumps({"messages": turns(QUESTION)})
    answer = json.loads(bedrock.invoke_model(modelId=ARN, body=body)["body"].read())
    assert answer["output"]["message"]["content"][0]["text"] == SQL
    stream = bedrock.invoke_model_with_response_stream(modelId=ARN, body=body, contentType="application/json")["body"]
    parts = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert parts[1]["contentBlockDelta"]["delta"]["text"] == SQL


@pytest.mark.aws
def test_boto3_reads_our_errors(bedrock: Any, served: tuple[Server, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException, match="not served here"):
        bedrock.converse(modelId="amazon.nova-micro-v1:0", messages=turns(QUESTION))
    image = {"image": {"format": "png", "source": {"bytes": b"x"}}}
    with pytest.raises(bedrock.exceptions.ValidationException, match="image"):
        bedrock.converse(modelId="tram", messages=[{"role": "user", "content": [image]}])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "st-wrong")
    stranger = boto(served[0].url)
    with pytest.raises(stranger.exceptions.ClientError, match="UnrecognizedClientException"):
        stranger.converse(modelId="tram", messages=turns(QUESTION))


@pytest.mark.aws
def test_boto3_sends_a_bearer_token_over_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openssl = shutil.which("openssl") or missing("openssl", "apt-get install openssl")
    files = {"certificate": tmp_path / "cert.pem", "certificate_key": tmp_path / "key.pem"}
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(files["certificate"])]
    subprocess.run([*command, "-keyout", str(files["certificate_key"])], check=True, capture_output=True)
    token = KeyFile(tmp_path / "keys.json").add("ada", "writer")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", token)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(files["certificate"]))
    with serving(tmp_path, **files) as server:
        answer = boto(server.url.replace("http:", "https:")).converse(modelId="tram", messages=turns(QUESTION))
    assert answer["output"]["message"]["content"] == [{"text": SQL}]


# curl


def test_curl_asks_and_streams(served: tuple[Server, str], tmp_path: Path) -> None:
    curl = shutil.which("curl") or missing("curl", "apt-get install curl")
    server, token = served
    command = [curl, "-sS", "-N", f"{server.url}/ask", "-H", f"Authorization: Bearer {token}"]
    ask = [*command, "--json", json.dumps({"question": QUESTION, "stream": True})]
    done = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=20)
    lines = [json.loads(line) for line in io.StringIO(done.stdout)]
    assert (lines[0]["sql"], lines[1]["rows"]) == (SQL, [[4]])
    plain = [*command, "-d", json.dumps({"question": QUESTION})]  # curl's own content type is a form's
    done = subprocess.run(plain, capture_output=True, text=True, check=True, timeout=20)
    assert "send application/json" in done.stdout
