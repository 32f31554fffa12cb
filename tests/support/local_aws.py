"""A local Bedrock for tests, reached by real boto3 over HTTP, and a project of a tram network to tune for."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.cli_project import QUESTIONS, make_database, run
from tests.support.missing import missing

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock
    from sqltailor.local_bedrock.tuning import Order, Tuned
    from sqltailor.types import Completion, GenerateOptions, Message

ACCOUNT = "123456789012"
SPEED = 5000.0


def need_aws() -> None:
    """Skip the tests of a module where boto3 or moto is missing; under CI they fail."""
    try:
        import boto3  # noqa: F401
        import flask_cors  # noqa: F401
        import moto  # noqa: F401
    except ImportError:
        missing("boto3 and moto", "pip install -e '.[local-bedrock]'")
    import botocore.loaders
    import botocore.session

    # each test has a session of its own: it shall not read the services' models again
    botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)


@contextmanager
def local_aws(monkeypatch: pytest.MonkeyPatch, **options: Any) -> Iterator[LocalBedrock]:
    """Serve a local Bedrock that learns and answers without a model, and let boto3 find it."""
    from sqltailor.aws.session import _session
    from sqltailor.local_bedrock.local_server import LocalBedrock

    stand_ins = {"tune": learn_by_heart, "open_answers": recite, "open_chat": recite_chat}
    options = {"base": "nano", "speed": SPEED} | ({} if "open_answers" in options else stand_ins) | options
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    _session.cache_clear()
    with LocalBedrock(**options) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server
    _session.cache_clear()


def learn_by_heart(order: Order) -> Tuned:
    """Stand for training: keep what is asked and its answer."""
    from sqltailor.local_bedrock.tuning import Tuned

    rows = [json.loads(line) for line in order.train.read_text().splitlines()]
    learned = dict(map(_lesson, rows))
    known = json.loads(Path(order.start).read_text()) if order.start else {}
    (order.folder / "learned.json").write_text(json.dumps(known | learned))
    steps = [{"step": i, "epoch": i // 8, "loss": 2.0 / (i + 1)} for i in range(order.epochs * 8)]
    validation = [{"step": len(steps) - 1, "epoch": order.epochs - 1, "loss": 0.5}] if order.validation else []
    return Tuned(str(order.folder / "learned.json"), steps, validation)


def _lesson(row: dict[str, Any]) -> tuple[str, str]:
    """Return what a line of training data asks, and its answer; a prompt has what it is judged by."""
    if "reference_answer" in row:
        return row["messages"][-1]["content"], row["reference_answer"]
    asked, answer = (turn["content"][0]["text"] for turn in row["messages"][-2:])
    return asked, answer


def recite(reference: str) -> Any:
    """Stand for a model: the answer that was learned, else a statement that is always allowed."""
    from sqltailor.types import Completion

    learned = json.loads(Path(reference).read_text()) if reference.endswith(".json") else {}

    def answer(messages: Sequence[Message], options: GenerateOptions) -> Iterator[str | Completion]:
        text = learned.get(messages[-1].content, "SELECT 1")
        words = text.split(" ")
        cut = len(words) > options.max_tokens
        text = " ".join(words[: options.max_tokens])
        for i, word in enumerate(words[: options.max_tokens]):
            yield word if i == 0 else f" {word}"
        yield Completion(text, "length" if cut else "end", 100, min(len(words), options.max_tokens))

    return answer


def recite_chat(folder: str) -> Any:
    """Stand for a model at an endpoint: the answer to the question that a message ends with."""
    from sqltailor.types import Message

    file = Path(folder) / "learned.json"
    learned: dict[str, str] = json.loads(file.read_text())
    answer = recite(str(file))

    def ask(messages: Sequence[Message], options: GenerateOptions) -> Iterator[str | Completion]:
        said = messages[-1].content
        known = next((asked for asked in learned if said.endswith(asked)), said)
        return answer([Message("user", known)], options)  # type: ignore[no-any-return]

    return ask


def upload_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let jobs that run our own trainer get a wheel without nano's weights: packing these takes seconds."""
    monkeypatch.setattr("sqltailor.cloud.sagemaker.code_channel._files", lambda root: iter([root / "version.py"]))


def imitate_training(server: LocalBedrock) -> None:
    """Let jobs that run our own trainer leave what it would, without running it."""
    from sqltailor.local_bedrock.resources import TrainingJob
    from sqltailor.local_bedrock.sagemaker_jobs import fetch_channel, output_of
    from sqltailor.local_bedrock.script_image import SCRIPT_IMAGE
    from sqltailor.local_bedrock.state import State

    def train(state: State, job: TrainingJob) -> None:
        channels = {c["ChannelName"]: fetch_channel(s3, c) for c in job.request["InputDataConfig"]}
        rows = [json.loads(line) for line in channels["train"]["train.jsonl"].decode().splitlines()]
        asked = {json.dumps(r["spec"]) if r.get("spec") else r["question"]: r["sql"][0] for r in rows}
        config = {"architectures": ["LlamaForCausalLM"], "rope_parameters": {"rope_theta": 500000.0}}
        metrics = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}, {"step": 2, "eval_loss": 0.5}]
        files = {
            "run/adapter/adapter_config.json": "{}",
            "run/metrics.jsonl": "".join(json.dumps(row) + "\n" for row in metrics),
            "run/log.txt": "the log of the job\n",
            "run/prompt.json": "{}",
            "run/DONE": "now\n",
            "merged/learned.json": json.dumps(asked),
            "merged/config.json": json.dumps(config),
            "merged/tokenizer_config.json": '{"tokenizer_class": "LlamaTokenizer"}',
            "merged/chat_template.jinja": "{{ messages }}",
            "merged/tokenizer.json": "{}",
            "merged/model.safetensors": "",
        }
        at = output_of(job) / "model"
        for name, text in files.items():
            s3.put_object(Bucket=at.bucket, Key=(at / name).key, Body=text.encode())

    s3 = boto(server, "s3", aws_access_key_id="local", aws_secret_access_key="local")
    server.images[SCRIPT_IMAGE] = train


def make_project(folder: Path, *, examples: int = 12) -> None:
    """Write the tram network, `data/train.jsonl`, `validation.jsonl` and `test.jsonl`, and a recipe for Bedrock."""
    make_database(folder / "tram.db")
    (folder / "data").mkdir()
    pairs = list(QUESTIONS.items())
    rows = [
        {"id": f"e{i}", "question": f"{pairs[i % len(pairs)][0].rstrip('?')}, {i}?", "sql": [pairs[i % len(pairs)][1]]}
        for i in range(examples)
    ]
    parts = {"train": rows, "validation": _as_rows("v", pairs[:2]), "test": _as_rows("t", pairs)}
    for name, part in parts.items():
        (folder / "data" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    (folder / "recipe.yaml").write_text(
        "base: amazon.nova-micro-v1:0:128k\n"
        "database: {url: sqlite:///tram.db}\n"
        "data: {train: data/train.jsonl, validation: data/validation.jsonl, test: data/test.jsonl}\n"
        "train: {backend: bedrock, epochs: 2}\n"
        "generate: {known: false}\n"  # the model answers what it was trained on, too
    )


def _as_rows(prefix: str, pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"id": f"{prefix}{i}", "question": question, "sql": [sql]} for i, (question, sql) in enumerate(pairs)]


def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing in the cloud be waited for longer than a moment."""
    for name in (
        "cloud.job_record.FIRST_LOOK_S",
        "generate.aws_chat.READY_EVERY_S",
        "cloud.inventory.FIRST_LOOK_S",
        "cloud.cloud_training.PROPAGATES_S",
        "generate.bedrock.READY_EVERY_S",
    ):
        monkeypatch.setattr(f"sqltailor.{name}", 0.02)


def boto(server: LocalBedrock, service: str, **more: Any) -> Any:
    import boto3

    return boto3.client(service, endpoint_url=server.url, region_name="us-east-1", **more)


def fault(server: LocalBedrock, operation: str, error: str, times: int = 1, after: int = 0) -> None:
    from sqltailor.local_bedrock.faults import Fault

    server.state.faults.add(Fault(operation, error, times, after))


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore not wait between its tries, nor ask more slowly after a throttling."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.0)
    monkeypatch.setattr("botocore.retries.bucket.TokenBucket.acquire", lambda self, *amount, **options: True)


class Crash(BaseException):
    """The process ended here."""


def crash_in(monkeypatch: pytest.MonkeyPatch, name: str, *, after: bool, times: int = 1, skip: int = 0) -> None:
    """Let the first calls of a function, after some that are skipped, end the process before or after their work."""
    module, _, attribute = name.rpartition(".")
    owner: Any = __import__(f"sqltailor.{module.partition(':')[0]}", fromlist=["x"])
    owner = getattr(owner, module.partition(":")[2]) if ":" in module else owner
    work = getattr(owner, attribute)
    calls = 0

    def crashing(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if not skip < calls <= skip + times:
            return work(*args, **kwargs)
        if after:
            work(*args, **kwargs)
        raise Crash

    monkeypatch.setattr(owner, attribute, crashing)


def until_it_works(monkeypatch: pytest.MonkeyPatch, writer: str, words: tuple[str, ...]) -> int:
    """Give a command again and again, ended at its next write each time, and return how often it was ended.

    A write that was done is not done again, so that each one is met.
    """
    for ended in range(40):
        with monkeypatch.context() as patch:
            crash_in(patch, writer, after=ended % 2 == 1, times=1, skip=ended // 2)
            try:
                assert run(*words).exit_code == 0
            except Crash:
                continue
            return ended
    raise AssertionError("the command never ends")


def request_faults(service: str, operation: str, params: dict[str, Any]) -> list[str]:
    """Return what is wrong with a request by our own check, and by botocore's."""
    need_aws()
    import botocore.session
    import botocore.validate

    from sqltailor.aws.validate import check_request

    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    own = botocore.validate.ParamValidator().validate(params, shape).generate_report()
    return [*check_request(shape, params), *([own] if own else [])]
