"""The route to our own trainer on SageMaker: a training job with AWS's PyTorch image, our wheel and the same recipe.

What it makes comes back into the run: adapter, metrics, log. The merged model stays in S3, for an endpoint.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from sqltailor.aws.s3 import place
from sqltailor.aws.sagemaker_machines import DLC_ACCOUNT, DLC_REGIONS
from sqltailor.aws.session import client
from sqltailor.cloud.account_checks import look_at_account
from sqltailor.cloud.cloud_plan import CloudPlan
from sqltailor.cloud.cloud_training import create_patiently, upload_files
from sqltailor.cloud.job_record import OnStatus, keep_metrics, known_job, note_end, remember, wait
from sqltailor.cloud.run_names import tags_in_capitals
from sqltailor.cloud.sagemaker.code_channel import CODE, ENTRY, write_code
from sqltailor.cloud.sagemaker.fetched import adopt, fetch
from sqltailor.cloud.sagemaker.gpu_memory import check_gpus
from sqltailor.cloud.sagemaker.nova_training import channel
from sqltailor.cloud.sagemaker.script_material import CONFIG, RECIPE, check_portable, write_files
from sqltailor.cloud.sagemaker.training_jobs import billed, costs, get, status_of, submit
from sqltailor.errors import ConfigError
from sqltailor.project import Project
from sqltailor.recipe import Recipe, Resolved
from sqltailor.runs import Run, read_jsonl
from sqltailor.train.recording import record_prompt

IMAGE = "huggingface-pytorch-training:2.9.0-transformers5.3.0-gpu-py312-cu130-ubuntu22.04"
METRICS = {"train_loss": r"train_loss=([0-9.eE+-]+)", "eval_loss": r"eval_loss=([0-9.eE+-]+)"}
"""Metric → how SageMaker finds it in what the entry script prints."""
CHECKPOINTS = "/opt/ml/checkpoints"
OURS = ("recipe.yaml", "prompt.json", "schema.json", "data.json", "hashes.json", "job.json", "environment.json")
"""Files that a run here keeps its own of."""


def check(recipe: Recipe) -> None:
    """Raise `ConfigError` for what a job cannot train, or not on such a machine."""
    settings = recipe.train.sagemaker
    check_portable(recipe)
    check_gpus(recipe)
    if settings.image is None and settings.region not in DLC_REGIONS:
        raise ConfigError(
            f"train.sagemaker.region is {settings.region}, whose account of images is not known here: set "
            f"train.sagemaker.image, or take {', '.join(DLC_REGIONS)}."
        )
    if settings.max_wait_s is not None and settings.max_wait_s < settings.max_runtime_s:
        raise ConfigError(f"train.sagemaker.max_wait_s is {settings.max_wait_s}, below max_runtime_s.")


def plan_job(resolved: Resolved, project: Project, folder: Path) -> CloudPlan:
    """Return the plan of a job; its data is written into `folder`."""
    recipe = resolved.recipe
    settings, train = recipe.train.sagemaker, recipe.train
    files = write_files(project, folder, run="plan")
    account = look_at_account(train)
    notes = [*account.notes, *check_gpus(recipe)]
    if settings.pass_hf_token:
        notes.append("HF_TOKEN is given to the job: who may describe it can read it")
    if settings.spot:
        notes.append("spare capacity: usually far below this, and interrupted jobs resume")
    shown = {
        "epochs": f"{train.epochs:g}",
        "learning_rate": f"{train.learning_rate:g}",
        "batch": str(train.batch),
        "adapter": f"r {train.lora.r}, alpha {train.lora.alpha:g}" if train.lora.enabled else "none",
    }
    return CloudPlan(
        account.where,
        recipe.base,
        shown,
        train.epochs,
        files.material,
        [costs(recipe)],
        tuple(notes),
        account.role_age_s,
        f"{settings.instance_count} × {settings.instance_type}{', spot' if settings.spot else ''}, at most "
        f"{settings.max_runtime_s / 3600:g} h",
    )


def begin(project: Project, run: Run, planned: CloudPlan, overwrite: bool) -> None:
    """Upload a run's code, data and recipe, and create its job."""
    here, recipe = planned.place, project.recipe
    record_prompt(project, run, recipe.base)
    known = remember(run, region=here.region, account=here.account, base=recipe.base, plan=planned.to_json())
    top = here.s3 / run.name
    remember(run, out=str(top / "out/"), role=here.role)
    folder = planned.material.train.parent
    material, config = write_files(project, folder, run=run.name)
    extras = ["train", *(["gpu"] if recipe.train.local.quantization != "none" else [])]
    channels = {
        "train": [material.train],
        "validation": [material.validation] if material.validation else [],
        "code": write_code(folder, extras=extras),
        "config": list(config),
    }
    for name, files in channels.items():
        upload_files(run, files, top / name, here, overwrite=overwrite)
    request = job_request(
        recipe,
        name=known["name"],
        run=run.name,
        token=known["token"],
        role=here.role,
        channels={name: str(top / f"{name}/") for name, files in channels.items() if files},
        out=str(top / "out/"),
        checkpoints=str(top / "checkpoints/"),
    )
    sagemaker = client("sagemaker", here.region)
    create_patiently(lambda: submit(sagemaker, run, request, known["token"]), planned.role_age_s)


def job_request(
    recipe: Recipe,
    *,
    name: str,
    run: str,
    token: str,
    role: str,
    channels: dict[str, str],
    out: str,
    checkpoints: str,
) -> dict[str, Any]:
    """Return the parameters of `create_training_job`. `channels`: name → the beginning of its keys."""
    settings = recipe.train.sagemaker
    spot = {"MaxWaitTimeInSeconds": settings.max_wait_s or 2 * settings.max_runtime_s} if settings.spot else {}
    environment = {"HF_HOME": "/tmp/hf", "PYTHONUNBUFFERED": "1"}
    if settings.pass_hf_token and os.environ.get("HF_TOKEN"):
        environment["HF_TOKEN"] = os.environ["HF_TOKEN"]
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "AlgorithmSpecification": {
            "TrainingImage": settings.image or f"{DLC_ACCOUNT}.dkr.ecr.{settings.region}.amazonaws.com/{IMAGE}",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["/bin/bash", "-c"],
            "ContainerArguments": [f"pip install -r {CODE}/requirements.txt && exec python {CODE}/{ENTRY}"],
            "MetricDefinitions": [{"Name": name, "Regex": regex} for name, regex in METRICS.items()],
        },
        "HyperParameters": {"recipe": f"{CONFIG}/{RECIPE}", "run": run},
        "InputDataConfig": [channel(name, uri) | {"InputMode": "File"} for name, uri in channels.items()],
        "OutputDataConfig": {"S3OutputPath": out, "CompressionType": "NONE"},
        "CheckpointConfig": {"S3Uri": checkpoints, "LocalPath": CHECKPOINTS},
        "EnableManagedSpotTraining": settings.spot,
        "ResourceConfig": {
            "InstanceType": settings.instance_type,
            "InstanceCount": settings.instance_count,
            "VolumeSizeInGB": settings.volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": settings.max_runtime_s, **spot},
        "Environment": environment,
        "Tags": tags_in_capitals(run, token),
    }


def finish(run: Run, on_status: OnStatus) -> dict[str, Any]:
    """Wait for a run's job, bring what it made into the run, and mark it done. Raises `BackendError` when it failed."""
    known = known_job(run)
    sagemaker = client("sagemaker", known["region"])
    found = wait(lambda: get(sagemaker, known["name"]), status_of, on_status)
    known = note_end(run, status_of(found))
    model = place(known["out"]) / known["name"] / "output/model"
    fetched = fetch(run, model / "run/", known)
    metrics = fetched / "metrics.jsonl"
    losses = keep_metrics(run, read_jsonl(metrics) if metrics.is_file() else ())
    _adopt(run, fetched)
    known = remember(run, losses=losses, merged=str(model / "merged/"), **billed(found))
    run.mark_done()
    return known


def _adopt(run: Run, fetched: Path) -> None:
    """Move what was downloaded into the run, where that has no file of its own; the job's log is kept apart."""
    for item in sorted(fetched.iterdir()):
        name = "log-job.txt" if item.name == "log.txt" else item.name
        target = run.path / name
        if item.name in OURS or item.name in ("DONE", "metrics.jsonl"):
            continue
        adopt(item, target)
    shutil.rmtree(fetched)
