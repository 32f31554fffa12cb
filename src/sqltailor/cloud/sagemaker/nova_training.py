"""The route to Amazon Nova on SageMaker: a training job with AWS's own recipe, then a custom model of Bedrock.

The request is what the SageMaker SDK sends for `ModelTrainer.from_recipe`. The weights stay in a bucket of AWS's;
Bedrock takes them over from there, and serves them as those of its own jobs.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqltailor.aws.s3 import Place, place, read_bytes
from sqltailor.aws.sagemaker_machines import nova_image
from sqltailor.aws.session import client
from sqltailor.cloud.account_checks import look_at_account
from sqltailor.cloud.bedrock.takeover import take_over
from sqltailor.cloud.cloud_plan import CloudPlan
from sqltailor.cloud.cloud_training import create_patiently, untuned, upload_files
from sqltailor.cloud.cost import storage_cost
from sqltailor.cloud.job_record import OnStatus, keep_metrics, known_job, metrics_rows, note_end, remember, wait
from sqltailor.cloud.material import write_material
from sqltailor.cloud.run_names import tags_in_capitals
from sqltailor.cloud.sagemaker.nova_recipe import nova_base, nova_recipe, shown
from sqltailor.cloud.sagemaker.training_jobs import billed, costs, get, status_of, submit
from sqltailor.errors import BackendError
from sqltailor.project import Project
from sqltailor.recipe import Recipe, Resolved
from sqltailor.runs import Run, write_text_atomic
from sqltailor.train.recording import record_prompt

RECIPE = "recipe.yaml"
IN_CONTAINER = f"/opt/ml/input/data/recipe/{RECIPE}"
METRICS = ("training_metrics.csv", "validation_metrics.csv")
"""What the names of a job's files of metrics end with."""


def check(recipe: Recipe) -> None:
    """Raise `ConfigError` for a Nova, a region or machines that SageMaker does not tune."""
    nova_recipe(recipe, name="check")


def plan_job(resolved: Resolved, project: Project, folder: Path) -> CloudPlan:
    """Return the plan of a job; its data is written into `folder`."""
    recipe = resolved.recipe
    base, settings = nova_base(recipe), recipe.train.sagemaker
    material = write_material(project, base.rules, folder)
    account = look_at_account(recipe.train)
    notes = list(account.notes)
    if settings.region not in base.on_demand_in:
        notes.append(f"Bedrock takes over and serves {base.id} in {', '.join(base.on_demand_in)}")
    return CloudPlan(
        account.where,
        base.id,
        shown(nova_recipe(recipe, name="plan")),
        recipe.train.epochs,
        material,
        [costs(recipe), storage_cost()],
        tuple(notes),
        account.role_age_s,
        f"{settings.instance_count} × {settings.instance_type}, at most {settings.max_runtime_s / 3600:g} h",
    )


def begin(project: Project, run: Run, planned: CloudPlan, overwrite: bool) -> None:
    """Upload a run's data and its recipe, and create its job."""
    import yaml

    here, recipe = planned.place, project.recipe
    base = nova_base(recipe)
    record_prompt(project, run, untuned(base.inference_id, here.region))
    material = planned.material
    written = material.train.parent / RECIPE
    known = remember(run, region=here.region, account=here.account, base=base.id, plan=planned.to_json())
    built = nova_recipe(recipe, name=known["name"])
    write_text_atomic(written, yaml.safe_dump(built, sort_keys=False))
    data, out = here.s3 / run.name / "data", here.s3 / run.name / "out/"
    remember(run, out=str(out), role=here.role)
    upload_files(run, (material.train, material.validation, written), data, here, overwrite=overwrite)
    request = job_request(
        recipe,
        built,
        name=known["name"],
        run=run.name,
        token=known["token"],
        role=here.role,
        train=str(data / "train.jsonl"),
        validation=str(data / "validation.jsonl") if material.validation else None,
        written=str(data / RECIPE),
        out=str(out),
    )
    sagemaker = client("sagemaker", here.region)
    create_patiently(lambda: submit(sagemaker, run, request, known["token"]), planned.role_age_s)


def job_request(
    recipe: Recipe,
    built: Mapping[str, Any],
    *,
    name: str,
    run: str,
    token: str,
    role: str,
    train: str,
    validation: str | None,
    written: str,
    out: str,
) -> dict[str, Any]:
    """Return the parameters of `create_training_job`; `built` is SageMaker's recipe."""
    settings = recipe.train.sagemaker
    channels = {"train": train, **({"validation": validation} if validation else {})}
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {
            "TrainingImage": settings.image or nova_image(settings.region),
            "TrainingInputMode": "File",
        },
        "HyperParameters": {
            "base_model": built["run"]["model_name_or_path"],
            "sagemaker_recipe_local_path": IN_CONTAINER,
        },
        "InputDataConfig": [
            *(channel(name, uri, kind="Converse") for name, uri in channels.items()),
            channel("recipe", written) | {"InputMode": "File"},
        ],
        "OutputDataConfig": {"S3OutputPath": out},
        "ResourceConfig": {
            "InstanceType": settings.instance_type,
            "InstanceCount": settings.instance_count,
            "VolumeSizeInGB": settings.volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": settings.max_runtime_s},
        "Tags": tags_in_capitals(run, token),
    }


def channel(name: str, uri: str, *, kind: str = "S3Prefix") -> dict[str, Any]:
    """Return one channel of a training job: all of its data on every machine."""
    source = {"S3DataType": kind, "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def finish(run: Run, on_status: OnStatus) -> dict[str, Any]:
    """Wait for a run's job, bring its metrics into the run, let Bedrock take over the model, and mark the run done.

    Raises `BackendError` when the job failed.
    """
    known = known_job(run)
    sagemaker = client("sagemaker", known["region"])
    found = wait(lambda: get(sagemaker, known["name"]), status_of, on_status)
    known = note_end(run, status_of(found))
    if "weights" not in known:
        archive = place(known["out"]) / known["name"] / "output/output.tar.gz"
        files = _texts(read_bytes(client("s3", known["region"]), archive, account=known["account"]))
        rows = [row for name, text in files.items() if name.endswith(METRICS) for row in metrics_rows(text)]
        weights = _weights(files, archive)
        known = remember(run, weights=weights, losses=keep_metrics(run, rows), **billed(found))
    known = remember(run, model_arn=take_over(run, known))
    run.mark_done()
    return known


def _texts(archive: bytes) -> dict[str, str]:
    """Return the files of a job's archive that are read here: its manifest and its metrics."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            opened = tar.extractfile(member) if member.name.endswith((".csv", "manifest.json")) else None
            if opened is not None:
                found[member.name] = opened.read().decode("utf-8")
    return found


def _weights(files: Mapping[str, str], archive: Place) -> str:
    manifests = [json.loads(text) for name, text in files.items() if name.endswith("manifest.json")]
    if not manifests or "checkpoint_s3_bucket" not in manifests[0]:
        raise BackendError(f"{archive} has no manifest.json that says where the weights are.")
    return str(manifests[0]["checkpoint_s3_bucket"])
