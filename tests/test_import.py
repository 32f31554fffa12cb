"""Custom Model Import, end to end over HTTP with real boto3: merged weights imported, asked, deleted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sqltailor.aws.importable import import_fault, tokenizer_for_import
from sqltailor.cloud.bedrock.import_plan import plan_import
from sqltailor.cloud.bedrock.model_imports import import_request
from sqltailor.errors import BackendError, ConfigError
from sqltailor.generate import load
from sqltailor.generate.references import NANO
from sqltailor.recipe import load_recipe
from sqltailor.runs import Run, read_json, write_json_atomic
from sqltailor.types import GenerateOptions, Message, Prompt
from tests.support.cli_project import ok, ok_json, run
from tests.support.local_aws import (
    ACCOUNT,
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
GREEDY = GenerateOptions(max_tokens=50)
ASKED, COUNTED = "How many stops are there, 0?", "SELECT count(*) FROM stop"


@pytest.fixture(scope="module")
def server(server: LocalBedrock) -> LocalBedrock:
    imitate_training(server)
    return server


@pytest.fixture
def aws(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> LocalBedrock:
    Path("recipe.yaml").write_text(RECIPE)
    quick(monkeypatch)
    upload_little(monkeypatch)
    return aws


def trained(*words: str) -> Run:
    return Run(Path(ok_json("train", "--yes", *words)["run"]))


def full(folder: str = "runs/here", **config: Any) -> Run:
    """Return a run of this machine that trained nano in full."""
    made = Run(Path(folder))
    shutil.copytree(NANO, made.model)
    write_json_atomic(made.model / "config.json", read_json(NANO / "config.json") | config)
    write_json_atomic(made.prompt, {"name": "compact", "version": 1, "base": "nano", "schema_hash": None})
    made.mark_done()
    return made


def test_weights_from_sagemaker_are_imported_asked_and_deleted(aws: LocalBedrock) -> None:
    tuned = trained()
    result = ok("deploy", "run", "--yes")
    assert "5 minutes of use, a unit: $0.29: 1 custom model unit × 5 min at $0.05718 a minute" in result.stderr
    arn = result.stdout.strip()
    assert read_json(tuned.deployment)["arn"] == arn
    assert ok_json("ask", ASKED, "--run")["rows"] == [[4]]
    scores = ok_json("eval", "--data", "data/train.jsonl", "--model", str(tuned.path))["models"]
    assert scores[str(tuned.path)]["execution"]["value"] == 1.0
    [item] = ok_json("deploy", "list")
    assert (item["kind"], item["usd_per_hour"]) == ("imported model", 0.002671)
    assert item["basis"] == "storage, 1 units; $3.43 an hour while it is asked"
    assert "already imported" in ok("deploy", "import", "--yes").stderr
    assert ok_json("deploy", "delete", tuned.name, "--yes")["deleted"] == [f"deleted imported model {item['name']}"]
    assert ok_json("deploy", "list") == []
    assert not tuned.deployment.exists()


def test_weights_of_this_machine_are_uploaded_for_as_long_as_it_takes(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    fetch = aws._imports._fetch

    def fetching(state: Any, job: Any) -> Any:
        seen.update(item["Key"].rpartition("/")[2] for item in objects(aws))
        return fetch(state, job)

    monkeypatch.setattr(aws._imports, "_fetch", fetching)
    monkeypatch.setattr("sqltailor.cloud.checked_deployment._twin_prompts", lambda run, project: [])
    made = full()
    assert "here: import" in ok("deploy", "run", str(made.path), "--yes").stderr
    assert seen == {
        "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert objects(aws) == []
    assert not (made.path / "export" / "import").exists()
    [model] = aws.state.imported.values()
    assert "chat_template" in read_json(model.folder / "tokenizer_config.json")
    assert read_json(model.folder / "config.json")["torch_dtype"] == "bfloat16"


def objects(aws: LocalBedrock) -> list[dict[str, Any]]:
    found = boto(aws, "s3").list_objects_v2(Bucket=f"sqltailor-{ACCOUNT}-us-east-1", Prefix="here/")
    return found.get("Contents", [])  # type: ignore[no-any-return]


def test_any_program_asks_it_by_invoke_model(aws: LocalBedrock) -> None:
    trained()
    arn = ok("deploy", "import", "--yes", "--name", "tram").stdout.strip()
    model: Any = load(f"bedrock:{arn}")
    prompt = Prompt((Message("user", ASKED),))
    assert "".join(model.stream(prompt, GREEDY)) == COUNTED  # waits until it is loaded
    runtime, asked = boto(aws, "bedrock-runtime"), {"messages": [{"role": "user", "content": ASKED}]}
    answer = json.loads(runtime.invoke_model(modelId=arn, body=json.dumps(asked))["body"].read())
    assert answer["choices"][0]["message"]["content"] == COUNTED
    stream = runtime.invoke_model_with_response_stream(modelId=arn, body=json.dumps(asked))["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert "".join(e["choices"][0]["delta"].get("content", "") for e in events) == COUNTED
    with pytest.raises(Exception, match="OpenAIChatCompletion bodies only"):
        runtime.invoke_model(modelId=arn, body=json.dumps({"prompt": "a"}))
    [one], two = model([prompt], GREEDY), model([prompt, prompt], GREEDY)
    assert [one.text, one.stop] == [two[0].text, two[1].stop] == [COUNTED, "end"]
    for operation in ("InvokeModel", "InvokeModelWithResponseStream"):
        fault(aws, operation, "ModelNotReadyException", 9)
    assert model([prompt, prompt], GREEDY)[1].text == model([prompt], GREEDY)[0].text == COUNTED


IMPORT_CRASHES = [("_token", 0), ("change_there", 0), ("_job", 0), ("_job", 1), ("_import", 0)]


def test_after_a_crash_the_same_command_ends_with_one_model(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    tuned = trained()
    for name, skip in IMPORT_CRASHES:
        with monkeypatch.context() as patch:
            crash_in(patch, f"cloud.bedrock.model_imports.{name}", after=True, skip=skip)
            with pytest.raises(Crash):
                run("deploy", "run", "--yes")
        ok("deploy", "run", "--yes")
        assert (len(aws.state.imports), len(aws.state.imported)) == (1, 1)
        tuned.deployment.unlink()
        aws.forget()


def test_an_import_that_fails_is_told_and_tried_again(aws: LocalBedrock) -> None:
    trained()
    fault(aws, "ImportJob", "the role may not read the bucket")
    assert "failed: the role may not read the bucket. Repeat" in str(run("deploy", "import", "--yes").exception)
    ok("deploy", "import", "--yes")
    assert len(aws.state.imports) == 2


def test_a_model_that_answers_otherwise_is_withdrawn(aws: LocalBedrock) -> None:
    tuned = trained()
    ok("deploy", "import", "--yes")
    ok("eval", "--data", "data/train.jsonl", "--model", str(tuned.path))
    ok("deploy", "delete", "--all", "--yes")
    merged = read_json(tuned.job)["merged"].removeprefix("s3://").partition("/")
    boto(aws, "s3").put_object(Bucket=merged[0], Key=f"{merged[2]}learned.json", Body=b"{}")
    result = run("deploy", "import", "--yes")
    assert (result.exit_code, "withdrawn" in result.stderr) == (1, True)
    assert not aws.state.imported
    assert run("deploy", "import", "--yes", "--keep").exit_code == 0


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"architectures": ["GemmaForCausalLM"]}, "its architecture is GemmaForCausalLM"),
        ({"max_position_embeddings": 262_144}, "its context is 262,144 tokens"),
        ({"quantization_config": {}}, "quantised"),
    ],
)
def test_what_cannot_be_imported_goes_elsewhere(aws: LocalBedrock, config: dict[str, Any], said: str) -> None:
    made = full(**config)
    result = run("deploy", "import", str(made.path), "--yes")
    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)
    assert "here: hub" in run("deploy", "run", str(made.path)).stderr


def test_what_makes_no_sense_is_refused(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqltailor.cloud.checked_deployment._twin_prompts", lambda run, project: [])
    made = full()
    with pytest.raises(ConfigError, match=r"not in eu-west-1; it is in us-east-1"):
        plan_import(made, load_recipe("recipe.yaml", ["train.bedrock.region=eu-west-1"], env={}).recipe.train)
    assert "is called by 1 to 63" in str(run("deploy", "import", str(made.path), "--name", "a_b").exception)
    ok("deploy", "import", str(made.path), "--name", "tram", "--yes", "--keep")
    other = full("runs/other")
    assert "Another imported model is called tram" in str(
        run("deploy", "import", str(other.path), "--name", "tram").exception
    )
    (made.path / "DONE").unlink()
    with pytest.raises(BackendError, match="has no weights to import"):
        plan_import(made, load_recipe("recipe.yaml", env={}).recipe.train)


def test_what_is_sent_is_what_the_service_takes(aws: LocalBedrock) -> None:
    made = full("runs/" + "x" * 70)
    plan = plan_import(made, load_recipe("recipe.yaml", env={}).recipe.train)
    assert request_faults("bedrock", "CreateModelImportJob", import_request(made.name, plan, "0" * 32)) == []
    assert plan.role == f"arn:aws:iam::{ACCOUNT}:role/sqltailor-bedrock"


def test_a_template_of_its_own_is_kept() -> None:
    assert tokenizer_for_import({"chat_template": "a"}, "b") == {"chat_template": "a"}
    assert import_fault({}) == "its architecture is not named, which Custom Model Import does not take"
