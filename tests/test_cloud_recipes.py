"""The shipped recipes for AWS, each from training to deletion by the commands that the documents name, and crashes.

Here jobs learn by heart; the slow tests beside (test_local_bedrock, test_sagemaker_script) really train nano.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sqltailor.runs import Run, read_json
from tests.support.cli_project import ok, ok_json
from tests.support.local_aws import (
    imitate_training,
    until_it_works,
    upload_little,
)

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock

pytestmark = pytest.mark.aws
NAMES = ["nova-micro-bedrock", "nova-micro-sagemaker", "spec-mistral-sagemaker"]
DATABASE = "sqlite:///tram.db"


@pytest.fixture(scope="module")
def server(server: LocalBedrock) -> LocalBedrock:
    imitate_training(server)
    return server


@pytest.fixture
def aws(aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch) -> LocalBedrock:
    Path("recipe.yaml").unlink()
    upload_little(monkeypatch)
    return aws


def count(aws: LocalBedrock) -> tuple[int, int, int]:
    """Return how many jobs, models and deployments there are."""
    state = aws.state
    endpoints = [kind for kind, _ in state.serving]
    return (
        len(state.jobs) + len(state.training_jobs),
        len(state.models) + len(state.imported) + endpoints.count("ModelName"),
        len(state.deployments) + len(state.imported) + endpoints.count("EndpointName"),
    )


@pytest.mark.parametrize("name", NAMES)
def test_from_an_empty_account_to_an_empty_account(aws: LocalBedrock, name: str) -> None:
    recipe = ("--recipe", name, "--database", DATABASE)
    ok("aws", "setup", "--recipe", name, "--apply", "--yes")
    assert ok_json("train", name, f"database.url={DATABASE}", "--dry-run")["usd"] is not None
    made = ok_json("train", name, f"database.url={DATABASE}", "--yes")
    ok("deploy", "run", made["run"], "--yes", *recipe)
    assert count(aws) == (1, 1, 1)
    asked = ok_json("ask", "How many stops are there, 0?", "--model", made["run"], *recipe)
    assert asked["sql"].lower() == "select count(*) from stop"
    scores = ok_json("eval", "--data", "data/train.jsonl", "--model", made["run"], *recipe)["models"]
    assert scores[made["run"]]["execution"]["value"] == 1.0
    assert [job["run"] for job in ok_json("jobs", "list")] == [Path(made["run"]).name]
    assert ok_json("cost", name, "--run", Path(made["run"]).name)["rows"][0]["usd"] is not None
    ok("deploy", "delete", "--all", "--data", "--yes")
    assert ok_json("deploy", "list") == []


@pytest.mark.parametrize("name", NAMES)
def test_a_crash_at_any_write_of_what_is_remembered_makes_nothing_twice(
    aws: LocalBedrock, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Every time that job.json or deployment.json is written, the process ends before it once, and after it once."""
    train = ("train", name, f"database.url={DATABASE}", "--yes")
    ended = until_it_works(monkeypatch, "cloud.job_record.write_json_atomic", train)
    assert ended >= 4
    [path] = Path("runs").iterdir()
    assert count(aws)[:2] == ((1, 0) if name.startswith("spec") else (1, 1))
    assert Run(path).is_done
    where = "cloud.bedrock.model_imports" if name.startswith("spec") else "cloud.bedrock.deployments"
    deploy = ("deploy", "run", str(path), "--yes", "--recipe", name, "--database", DATABASE)
    assert until_it_works(monkeypatch, f"{where}.write_json_atomic", deploy) >= 2
    assert count(aws) == (1, 1, 1)
    assert read_json(Run(path).deployment)["arn"]
