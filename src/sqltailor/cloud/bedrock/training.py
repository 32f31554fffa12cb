"""The route to a customization job of Bedrock: planned, begun, finished."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqltailor.aws.s3 import Place, keys_below, place, read_text
from sqltailor.aws.session import client
from sqltailor.cloud.bedrock.bedrock_plan import base_of, costs, hyperparameters, look
from sqltailor.cloud.bedrock.job import get, status_of, submit
from sqltailor.cloud.bedrock.reinforcement import look_at_prompts, reinforcement_hyperparameters
from sqltailor.cloud.cloud_plan import CloudPlan
from sqltailor.cloud.cloud_training import create_patiently, untuned, upload_files
from sqltailor.cloud.job_record import OnStatus, keep_metrics, known_job, metrics_rows, note_end, remember, wait
from sqltailor.cloud.material import write_material
from sqltailor.cloud.run_names import aws_name, tags
from sqltailor.errors import ConfigError
from sqltailor.project import Project
from sqltailor.recipe import Recipe, Resolved
from sqltailor.runs import Run
from sqltailor.train.recording import record_prompt

METRICS = ("step_wise_training_metrics.csv", "validation_metrics.csv")
"""What the keys of a job's files of metrics end with."""


def check(recipe: Recipe) -> None:
    """Raise `ConfigError` for a base that Bedrock does not tune in the recipe's region, or without a grader."""
    base_of(recipe)
    if recipe.train.method == "grpo" and recipe.train.bedrock.grader is None:
        raise ConfigError(
            "On Bedrock, grpo needs a function that grades: `sqltailor aws grader` writes its package and prints the "
            "command that creates it; then set train.bedrock.grader=ARN."
        )


def plan_job(resolved: Resolved, project: Project, folder: Path) -> CloudPlan:
    """Return the plan of a customization job; its data is written into `folder`."""
    recipe = resolved.recipe
    base = base_of(recipe)
    material = write_material(project, base.rules, folder)
    account = look(recipe)
    rows, notes = costs(recipe, base, material.tokens), account.notes
    sent: Mapping[str, Any] = hyperparameters(resolved)
    if recipe.train.method == "grpo":
        sent = reinforcement_hyperparameters(recipe.train)
        notes = (*look_at_prompts(project, material.train), *notes)
    return CloudPlan(account.where, base.id, sent, recipe.train.epochs, material, rows, notes, account.role_age_s)


def begin(project: Project, run: Run, planned: CloudPlan, overwrite: bool) -> None:
    """Upload a run's data and create its job."""
    here, base = planned.place, base_of(project.recipe)
    record_prompt(project, run, untuned(base.inference_id, here.region))
    data, out = here.s3 / run.name / "data", here.s3 / run.name / "out/"
    upload_files(run, (planned.material.train, planned.material.validation), data, here, overwrite=overwrite)
    facts = {"region": here.region, "account": here.account, "base": base.id, "out": str(out)}
    known = remember(run, **facts, plan=planned.to_json())
    request = job_request(
        name=known["name"],
        run=run.name,
        token=known["token"],
        base=project.recipe.train.bedrock.continue_from or base.id,
        role=here.role,
        hyperparameters=dict(planned.hyperparameters),
        grader=project.recipe.train.bedrock.grader,
        train=str(data / "train.jsonl"),
        validation=str(data / "validation.jsonl") if planned.material.validation else None,
        out=str(out),
    )
    bedrock = client("bedrock", here.region)
    create_patiently(lambda: submit(bedrock, run, request), planned.role_age_s)


def finish(run: Run, on_status: OnStatus) -> dict[str, Any]:
    """Wait for a run's job, bring its metrics into the run, and mark it done. Raises `BackendError` when it failed."""
    known = known_job(run)
    bedrock = client("bedrock", known["region"])
    found = wait(lambda: get(bedrock, known["arn"]), status_of, on_status)
    known = note_end(run, status_of(found))
    rows = _metrics(client("s3", known["region"]), place(known["out"]), known["arn"], known["account"])
    known = remember(run, model_arn=found["outputModelArn"], losses=keep_metrics(run, rows))
    run.mark_done()
    return known


def _metrics(s3: Any, out: Place, arn: str, account: str) -> list[dict[str, Any]]:
    """Return the job's two files of metrics as lines of metrics.jsonl; they are found by their names' ends."""
    below = out / f"model-customization-job-{arn.rpartition('/')[2]}/"
    rows: list[dict[str, Any]] = []
    for key in keys_below(s3, below, account=account):
        if key.endswith(METRICS):
            rows += metrics_rows(read_text(s3, Place(out.bucket, key), account=account))
    return rows


def job_request(
    *,
    name: str,
    run: str,
    token: str,
    base: str,
    role: str,
    hyperparameters: dict[str, Any],
    train: str,
    validation: str | None,
    out: str,
    grader: str | None = None,
) -> dict[str, Any]:
    """Return the parameters of `create_model_customization_job`: by reinforcement where there is a grader."""
    how = {"customizationType": "FINE_TUNING", "hyperParameters": hyperparameters}
    if grader is not None:
        graded = {"graderConfig": {"lambdaGrader": {"lambdaArn": grader}}, "hyperParameters": hyperparameters}
        how = {"customizationType": "REINFORCEMENT_FINE_TUNING", "customizationConfig": {"rftConfig": graded}}
    held_out = {"validationDataConfig": {"validators": [{"s3Uri": validation}]}} if validation else {}
    return {
        "jobName": name,
        "customModelName": aws_name(name),
        "roleArn": role,
        "clientRequestToken": token,
        "baseModelIdentifier": base,
        **how,
        "trainingDataConfig": {"s3Uri": train},
        **held_out,
        "outputDataConfig": {"s3Uri": out},
        "jobTags": tags(run),
        "customModelTags": tags(run),
    }
