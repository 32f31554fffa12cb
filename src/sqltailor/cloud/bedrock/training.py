"""Tuning on Bedrock, from the recipe to a finished run: plan, confirm, upload, create the job, wait, fetch metrics."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqltailor.aws.s3 import upload
from sqltailor.aws.session import client, code_of, default_region
from sqltailor.cloud.bedrock.bedrock_plan import NEW_ROLE_S, BedrockPlan, base_of, costs, hyperparameters, look
from sqltailor.cloud.bedrock.job import OnStatus, finish, record, submit
from sqltailor.cloud.bedrock.material import write_material
from sqltailor.cloud.bedrock.run_names import aws_name, tags
from sqltailor.errors import BackendError, ConfigError
from sqltailor.project import Project, opened, record_prompt
from sqltailor.recipe import Recipe, Resolved, recipe_hash
from sqltailor.runs import Run, log_to, read_json, unfinished_run, write_json_atomic
from sqltailor.train import TrainResult
from sqltailor.train.planning.ready import check_ready
from sqltailor.train.rows.training_data import hash_material
from sqltailor.train.running.opening import run_of

logger = logging.getLogger(__name__)

PROPAGATES_S, PROPAGATES_TRIES = 10.0, 3
"""A new role is known everywhere after about this time: until then Bedrock says that access is denied."""
ONLY_FOR = ("stages", "sweep")


def plan(resolved: Resolved) -> BedrockPlan:
    """Return what `train` would do and cost. Nothing is uploaded or created."""
    _check_recipe(resolved.recipe)
    with opened(resolved.recipe) as project, tempfile.TemporaryDirectory() as folder:
        check_ready(resolved, project)
        return _plan(resolved, project, Path(folder))


def _check_recipe(recipe: Recipe) -> None:
    base_of(recipe)
    for name in ONLY_FOR:
        if getattr(recipe.train, name):
            raise ConfigError(f"train.{name} is for training on this machine: leave it out, or train.backend=local.")


def _plan(resolved: Resolved, project: Project, folder: Path) -> BedrockPlan:
    recipe = resolved.recipe
    material = write_material(project, base_of(recipe), folder)
    preflight = look(recipe)
    return BedrockPlan(preflight, material, hyperparameters(resolved), costs(recipe, preflight.base, material.tokens))


def train(
    resolved: Resolved,
    *,
    confirm: Callable[[BedrockPlan], None],
    on_status: OnStatus = lambda status: None,
    overwrite: bool = False,
) -> TrainResult:
    """Tune by a recipe, or go on with the unfinished run of an equal recipe on equal data: one job, however often.

    `confirm` is shown the plan before anything is uploaded or created, and raises to end here; a job that is there
    already is only waited for. `overwrite` replaces other files of the same names in S3. Raises `ConfigError` and
    `DataError` before any upload, `BackendError` when AWS refuses or the job fails.
    """
    recipe, began = resolved.recipe, time.monotonic()
    _check_recipe(recipe)
    with opened(recipe) as project:
        check_ready(resolved, project)
        with tempfile.TemporaryDirectory() as folder:
            planned = None if _has_job(recipe) else _plan(resolved, project, Path(folder))
            if planned is not None:
                confirm(planned)
            with run_of(resolved) as run, log_to(run):
                if "arn" not in record(run):
                    _begin(project, run, planned or _plan(resolved, project, Path(folder)), overwrite)
                known = finish(run, on_status)
    losses = known["losses"]
    seconds = known.get("seconds") or round(time.monotonic() - began, 1)
    measured = (losses["steps"], losses["train"], losses["validation"])
    return TrainResult(str(run.path), *measured, None, seconds, known["arn"])


def _has_job(recipe: Recipe) -> bool:
    """Say whether the run that would be continued has a job: then nothing more is paid for."""
    if recipe.train.resume != "auto":
        return False
    root = Path(recipe.train.out)
    found = unfinished_run(root, recipe_hash=recipe_hash(recipe), data=hash_material(recipe))
    return found is not None and found.job.is_file() and "arn" in read_json(found.job)


def _begin(project: Project, run: Run, planned: BedrockPlan, overwrite: bool) -> None:
    """Upload a run's data and create its job; each step, done before, is found to be done."""
    place = planned.preflight.where
    record_prompt(project, run, _untuned(planned))
    data, out = place.s3 / run.name / "data", place.s3 / run.name / "out/"
    s3 = client("s3", place.region)
    for file in (planned.material.train, planned.material.validation):
        if file is not None:
            kept = run.path / "bedrock" / file.name
            kept.parent.mkdir(exist_ok=True)
            shutil.copy(file, kept)
            upload(s3, kept, data / file.name, account=place.account, overwrite=overwrite)
    known = record(run)
    facts = {"region": place.region, "account": place.account, "base": planned.preflight.base.id, "out": str(out)}
    write_json_atomic(run.job, known | facts | {"plan": planned.to_json()})
    request = job_request(
        name=known["name"],
        run=run.name,
        token=known["token"],
        base=planned.preflight.base.id,
        role=place.role,
        hyperparameters=dict(planned.hyperparameters),
        train=str(data / "train.jsonl"),
        validation=str(data / "validation.jsonl") if planned.material.validation else None,
        out=str(out),
    )
    _submit(run, request, planned)


def _untuned(planned: BedrockPlan) -> str:
    """Return the reference of the untuned model: an ARN where its region is not the one that is asked by default."""
    region, id = planned.preflight.where.region, planned.preflight.base.inference_id
    return f"bedrock:{id if region == default_region() else f'arn:aws:bedrock:{region}::foundation-model/{id}'}"


def job_request(
    *,
    name: str,
    run: str,
    token: str,
    base: str,
    role: str,
    hyperparameters: dict[str, str],
    train: str,
    validation: str | None,
    out: str,
) -> dict[str, Any]:
    """Return the parameters of `create_model_customization_job`."""
    held_out = {"validationDataConfig": {"validators": [{"s3Uri": validation}]}} if validation else {}
    return {
        "jobName": name,
        "customModelName": aws_name(name),
        "roleArn": role,
        "clientRequestToken": token,
        "baseModelIdentifier": base,
        "customizationType": "FINE_TUNING",
        "hyperParameters": hyperparameters,
        "trainingDataConfig": {"s3Uri": train},
        **held_out,
        "outputDataConfig": {"s3Uri": out},
        "jobTags": tags(run),
        "customModelTags": tags(run),
    }


def _submit(run: Run, request: dict[str, Any], planned: BedrockPlan) -> None:
    age = planned.preflight.role_age_s
    tries = PROPAGATES_TRIES if age is not None and age < NEW_ROLE_S else 0
    bedrock = client("bedrock", planned.preflight.where.region)
    while True:
        try:
            submit(bedrock, run, request)
            return
        except BackendError as e:
            if not tries or code_of(e.__cause__) != "AccessDeniedException":
                raise
            tries -= 1
            logger.warning("the role is only %.0f s old and not visible everywhere yet: retrying", age)
            time.sleep(PROPAGATES_S)
