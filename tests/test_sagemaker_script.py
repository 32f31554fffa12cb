"""Our own trainer on SageMaker: what is uploaded and asked for, what the entry script does, what comes back."""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sqltailor.cloud.sagemaker import sm_entry
from sqltailor.cloud.sagemaker.code_channel import write_code, write_wheel
from sqltailor.cloud.sagemaker.gpu_memory import billion_parameters, check_gpus
from sqltailor.cloud.sagemaker.script_material import check_portable, write_files
from sqltailor.cloud.sagemaker.script_training import METRICS, job_request
from sqltailor.data.examples import load_examples
from sqltailor.errors import ConfigError
from sqltailor.local_bedrock.script_image import with_base
from sqltailor.project import Project
from sqltailor.recipe import Recipe, dump, load_recipe
from sqltailor.runs import Run, read_json, read_jsonl
from sqltailor.types import Example
from tests.support.cli_project import ok, ok_json, run
from tests.support.local_aws import (
    ACCOUNT,
    Crash,
    crash_in,
    fault,
    imitate_training,
    local_aws,
    make_project,
    need_aws,
    request_faults,
    upload_little,
)

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock

pytestmark = pytest.mark.aws
RECIPE = (
    "base: org/Big-7B\n"
    "database: {url: sqlite:///tram.db}\n"
    "data: {train: data/train.jsonl, validation: data/validation.jsonl, test: data/test.jsonl}\n"
    "train: {backend: sagemaker, epochs: 2, sagemaker: {spot: true, max_runtime_s: 3600}}\n"
    "generate: {known: false}\n"
)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sqltailor-sagemaker"


@pytest.fixture(scope="module")
def server(server: LocalBedrock) -> LocalBedrock:
    imitate_training(server)
    return server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path)
    Path("recipe.yaml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def aws(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> LocalBedrock:
    Path("recipe.yaml").write_text(RECIPE)
    upload_little(monkeypatch)
    return aws


def test_what_a_job_makes_comes_back_into_the_run(aws: LocalBedrock) -> None:
    made = ok_json("train", "--yes")
    trained = Run(Path(made["run"]))
    assert (made["steps"], made["train_loss"], made["eval_loss"]) == (2, 1.5, 0.5)
    assert trained.is_done
    assert (trained.adapter / "adapter_config.json").is_file()
    assert [row["step"] for row in read_jsonl(trained.metrics)] == [1, 2, 2]
    assert (trained.path / "log-job.txt").read_text() == "the log of the job\n"
    known = read_json(trained.job)
    assert known["merged"].startswith(f"s3://sqltailor-{ACCOUNT}-us-east-1/{trained.name}/out/")
    assert known["billable_seconds"] >= 1
    assert read_json(trained.prompt)["base"] == "org/Big-7B"
    assert not (trained.path / ".fetched").exists()
    [job] = aws.state.training_jobs.values()
    assert job.request["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
    assert job.request["EnableManagedSpotTraining"] is True


def test_the_job_gets_code_data_and_a_recipe_of_its_own(aws: LocalBedrock) -> None:
    trained = Run(Path(ok_json("train", "--yes")["run"]))
    kept = {file.name for file in (trained.path / "uploaded").iterdir()}
    assert kept == {"train.jsonl", "validation.jsonl", "requirements.txt", "sm_entry.py", "recipe.yaml", "schema.sql"}
    sent = load_recipe(trained.path / "uploaded" / "recipe.yaml", env={}).recipe
    assert (sent.train.backend, sent.train.name, sent.base) == ("local", trained.name, "org/Big-7B")
    assert sent.database.url is None
    assert sent.database.schema_file == "/opt/ml/input/data/config/schema.sql"
    assert sent.data.train == ("/opt/ml/input/data/train/train.jsonl",)
    [job] = aws.state.training_jobs.values()
    channels = [channel["ChannelName"] for channel in job.request["InputDataConfig"]]
    assert channels == ["train", "validation", "code", "config"]


TRAIN_CRASHES = [
    ("cloud.sagemaker.script_training.record_prompt", False),
    ("cloud.cloud_training.upload", True),
    ("cloud.sagemaker.script_training.submit", False),
    ("cloud.sagemaker.training_jobs.remember", False),
    ("cloud.sagemaker.script_training.status_of", True),
    ("cloud.sagemaker.fetched.download", True),
    ("cloud.sagemaker.script_training._adopt", False),
    ("cloud.sagemaker.script_training._adopt", True),
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
    trained = Run(Path(ok_json("train", "--yes")["run"]))
    assert len(aws.state.training_jobs) == len(list(Path("runs").iterdir())) == 1
    assert trained.is_done
    assert trained.has_weights


def test_a_job_that_fails_says_why(aws: LocalBedrock) -> None:
    fault(aws, "TrainingJob", "AlgorithmError: CUDA out of memory, exit code: 1")
    assert "CUDA out of memory" in str(run("train", "--yes").exception)


def test_what_is_sent_is_what_the_service_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    need_aws()
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    names = {"name": "shop", "run": "shop", "token": "t", "role": ROLE}
    places = {"channels": {"train": "s3://b/shop/train/"}, "out": "s3://b/out/", "checkpoints": "s3://b/checkpoints/"}
    recipe = load_recipe("spec-mistral-sagemaker", env={}).recipe
    request = job_request(recipe, **names, **places)  # type: ignore[arg-type]
    assert request_faults("sagemaker", "CreateTrainingJob", request) == []
    assert request["Environment"]["HF_TOKEN"] == "hf_secret"
    open_base = load_recipe("spec-mistral-sagemaker", ["train.sagemaker.pass_hf_token=false"], env={}).recipe
    assert "HF_TOKEN" not in job_request(open_base, **names, **places)["Environment"]  # type: ignore[arg-type]
    assert all(len(word) <= 256 for word in request["AlgorithmSpecification"]["ContainerArguments"])


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("train.sagemaker.instance_type=ml.p3.2xlarge",
         "its V100 GPUs have 16 GB, no bfloat16, and no kernels in the image, which is built with CUDA 13. "
         "org/Big-7B alone takes 17 GB"),
        ("train.sagemaker.instance_type=ml.g4dn.xlarge", "takes about 17 GB to train so, and each T4 of"),
        ("train.lora.enabled=false", "takes about 115 GB"),
        ("train.method=dpo", "has no database and no documents: train by sft there"),
        ("prompt.examples=2", "prompt.examples reads the database"),
        ("prompt.samples=2", "prompt.samples reads the database"),
        ("train.sagemaker.region=eu-central-1", "set train.sagemaker.image, or take us-east-1"),
        ("train.sagemaker.max_wait_s=60", "max_wait_s is 60, below max_runtime_s"),
        ("base=./weights", "base is ./weights, on this machine"),
        ("train.sweep={learning_rate: [1e-4]}", "train.sweep is for training on this machine"),
    ],
)  # fmt: skip
def test_what_a_job_cannot_do_is_refused_before_any_upload(aws: LocalBedrock, word: str, said: str) -> None:
    result = run("train", "--yes", word)
    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)
    assert not aws.state.training_jobs
    assert not Path("runs").exists()


def test_a_small_base_of_unknown_size_is_noted() -> None:
    recipe = load_recipe("spec-mistral-sagemaker", ["base=org/model"], env={}).recipe
    assert check_gpus(recipe) == ["the size of org/model is not known: whether it fits 24 GB was not checked"]
    assert check_gpus(load_recipe("spec-mistral-sagemaker", env={}).recipe) == []
    assert billion_parameters("Qwen/Qwen2.5-Coder-0.5B-Instruct") == 0.5
    assert billion_parameters("nano") == pytest.approx(0.0064, abs=1e-4)


def test_prompts_in_the_job_are_those_that_are_asked_later(folder: Path) -> None:
    Path("recipe.yaml").write_text(RECIPE + "prompt: {hints: 4}\nglossary: {harbour: the first stop}\n")
    question = "Which lines stop at the Zoo or the Harbour?"
    row = {"id": "z", "question": question, "sql": ["SELECT 1"], "evidence": "Zoo is a stop"}
    with Path("data/train.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    here = load_recipe("recipe.yaml", env={}).recipe
    check_portable(here)
    out = folder / "job"
    out.mkdir()
    with Project(here) as project:
        write_files(project, out, run="r")
        later = project.prompts(here.base, None)(
            Example(question=question, evidence="Zoo is a stop"), project.schema
        ).messages
    text = (out / "recipe.yaml").read_text().replace("/opt/ml/input/data/config", str(out))
    (out / "recipe.yaml").write_text(text)
    there = load_recipe(out / "recipe.yaml", env={}).recipe
    [example] = [e for e in load_examples(out / "train.jsonl") if e.id == "z"]
    with Project(there) as project:
        taught = project.prompts(there.base, None)(example, project.schema).messages
    assert "stop.name = 'Zoo'" in taught[-1].content
    assert taught == later


def test_the_wheel_is_whole_and_always_the_same(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, again = write_wheel(tmp_path / "a"), write_wheel(tmp_path / "b")
    assert first.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(first) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read("sqltailor-0.1.0.dist-info/METADATA").decode()
    assert {"sqltailor/cli/train.py", "sqltailor/cloud/prices.yaml", "sqltailor/nano/model.safetensors"} <= names
    assert not [name for name in names if "__pycache__" in name]
    assert "Requires-Dist: sqlglot" in metadata


def test_a_base_of_the_hub_is_replaced_on_this_machine(folder: Path) -> None:
    recipe = load_recipe("recipe.yaml", env={}).recipe
    assert load_text(with_base(dump(recipe), "nano")) == recipe.model_copy(update={"base": "nano"})
    named = dump(recipe.model_copy(update={"base": "small"}))
    assert with_base(named, "nano") == named


def load_text(recipe: str) -> Recipe:
    Path("other.yaml").write_text(recipe)
    return load_recipe("other.yaml", env={}).recipe


def test_the_image_keeps_its_torch(tmp_path: Path) -> None:
    write_code(tmp_path, extras=["train", "gpu"])
    lines = (tmp_path / "requirements.txt").read_text().splitlines()
    assert lines[0] == "/opt/ml/input/data/code/sqltailor-0.1.0-py3-none-any.whl"
    packages = {re.split(r"[<>=]", line)[0] for line in lines[1:]}
    assert {"trl", "peft", "transformers", "accelerate", "bitsandbytes"} <= packages
    assert "torch" not in packages


def test_the_entry_starts_a_process_for_each_gpu_of_each_machine() -> None:
    alone = {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert sm_entry.launcher(alone, 0) == sm_entry.launcher(alone, 1) == [sys.executable]
    assert "--nproc_per_node=4" in sm_entry.launcher(alone, 4)
    second = sm_entry.launcher({"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}, 1)
    assert second[3:] == [
        "--nnodes=2", "--node_rank=1", "--nproc_per_node=1", "--master_addr=algo-1", "--master_port=29500",
    ]  # fmt: skip


def test_metrics_are_printed_once_as_they_come_and_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "metrics.jsonl"
    assert sm_entry.show_metrics(file, 0) == 0
    file.write_text('{"step": 1, "loss": 2.5, "lr": 1e-4}\n{"step": 1, "ev')
    shown = sm_entry.show_metrics(file, 0)
    file.write_text('{"step": 1, "loss": 2.5, "lr": 1e-4}\n{"step": 1, "eval_loss": 1e-05}\n')
    assert sm_entry.show_metrics(file, shown) == 2
    printed = capsys.readouterr().out
    assert printed == "sqltailor: step=1 train_loss=2.5\nsqltailor: step=1 eval_loss=1e-05\n"
    assert {name: [float(x) for x in re.findall(regex, printed)] for name, regex in METRICS.items()} == {
        "train_loss": [2.5],
        "eval_loss": [1e-5],
    }


def test_status_shows_the_last_metrics(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime

    from sqltailor.cloud.sagemaker.training_jobs import status_of

    found: dict[str, Any] = {
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Training",
        "CreationTime": datetime.now(UTC),
        "FinalMetricDataList": [{"MetricName": "train_loss", "Value": 1.23456}],
    }
    assert status_of(found).text() == "InProgress, training, train_loss 1.235"
    ended = status_of(found | {"TrainingJobStatus": "Stopped", "SecondaryStatus": "MaxRuntimeExceeded"})
    assert ended.failure == "it took longer than train.sagemaker.max_runtime_s"


@pytest.mark.slow
def test_nano_is_really_trained_interrupted_resumed_and_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped recipe, really run: its entry script, an interruption, the merged model at an endpoint."""
    need_aws()
    pytest.importorskip("trl")
    from sqltailor.local_bedrock.runtime import open_answers

    monkeypatch.chdir(tmp_path)
    make_project(tmp_path)
    Path("recipe.yaml").unlink()
    words = ["train.local.quantization=none", "train.local.dtype=fp32", "train.learning_rate=2e-3", "train.epochs=6"]
    words += ["base=nano", "database.url=sqlite:///tram.db", "train.max_length=512", "train.batch=4"]
    with local_aws(monkeypatch, speed=1000.0, open_answers=open_answers) as server:
        fault(server, "SpotInterruption", "no capacity")
        trained = Run(Path(ok_json("train", "spec-mistral-sagemaker", *words, "--yes")["run"]))
        [job] = server.state.training_jobs.values()
        assert "Interrupted" in [name for name, _ in job.transitions]
        losses = [row["loss"] for row in read_jsonl(trained.metrics) if "loss" in row]
        assert len(losses) == 18
        assert losses[-1] < losses[0]
        recipe = ("--recipe", str(trained.recipe))
        served = ok("deploy", "sagemaker", str(trained.path), "--yes", *recipe)
        assert "answers agree with the run's own weights" in served.stderr
        for asked in (["--question", "How many stops are there?"], ["--body", '{"text": "{\\"table\\": \\"stop\\"}"}']):
            assert json.loads(ok("deploy", "invoke", str(trained.path), *asked, *recipe).stdout)["sql"]
        ok("deploy", "delete", "--all", "--yes", *recipe)
        assert ok_json("deploy", "list", *recipe) == []
