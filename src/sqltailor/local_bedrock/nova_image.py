"""What SageMaker's image for Amazon Nova does: reads its recipe and its channels, tunes, and leaves the weights.

The local base is tuned in place of Nova; the weights lie in a bucket of AWS's, where only Bedrock finds them.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

from sqltailor.aws.bedrock_models import MODELS
from sqltailor.aws.sagemaker_machines import NOVA_MACHINES
from sqltailor.data.checks.rules import check_files
from sqltailor.errors import DataError
from sqltailor.local_bedrock.resources import Escrow, TrainingJob, new_id
from sqltailor.local_bedrock.sagemaker_jobs import fetch_channel, output_of
from sqltailor.local_bedrock.state import ACCOUNT, State
from sqltailor.local_bedrock.tuning import Order, Tune, Tuned, metrics_csv
from sqltailor.recipe.limits import family

NOVA_IMAGE = "nova-fine-tune-repo"
FIELDS: Mapping[str, str] = {
    "max_length": "max_length",
    "global_batch_size": "batch",
    "trainer.max_epochs": "epochs",
    "model.optim.lr": "learning_rate",
    "model.optim.weight_decay": "weight_decay",
    "model.optim.sched.warmup_steps": "warmup_steps",
    "model.peft.lora_tuning.alpha": "lora.alpha",
    "model.peft.lora_tuning.adapter_dropout": "lora.dropout",
}
"""Field below `training_config` → key of a recipe that has the same range."""


class NovaImage:
    """Runs a job. `tune` is what trains."""

    def __init__(self, tune: Tune, s3: Any) -> None:
        self.tune, self.s3 = tune, s3

    def __call__(self, state: State, job: TrainingJob) -> None:
        channels = {c["ChannelName"]: fetch_channel(self.s3, c) for c in job.request["InputDataConfig"]}
        if not {"train", "recipe"} <= set(channels) <= {"train", "validation", "recipe"}:
            raise DataError(f"The channels are {', '.join(channels)}; needed: train, recipe and maybe validation")
        base_id, fields = _read_recipe(next(iter(channels["recipe"].values())), job)
        folder = state.home / f"{job.name}-{new_id()}"
        folder.mkdir(parents=True)
        paths = {}
        for name in ("train", "validation"):
            if name in channels:
                paths[name] = folder / f"{name}.jsonl"
                paths[name].write_bytes(b"".join(channels[name].values()))
        found = check_files("bedrock", [paths["train"]], [], model="nova")
        errors = [violation for violation in found if violation.level == "error"]
        if errors:
            raise DataError(f"{len(errors)} errors in the data, the first: line {errors[0].line}: {errors[0].detail}")
        epochs, warmup = int(fields["trainer.max_epochs"]), int(fields["model.optim.sched.warmup_steps"])
        tuned = self.tune(Order(folder, paths["train"], paths.get("validation"), epochs, warmup, job.stop))
        job.enter("Uploading")
        self._leave(state, job, base_id, tuned)

    def _leave(self, state: State, job: TrainingJob, base_id: str, tuned: Tuned) -> None:
        bucket = f"customer-escrow-{ACCOUNT}-smtj-{new_id()[:6]}"
        self.s3.create_bucket(Bucket=bucket)
        weights = f"s3://{bucket}/{job.name}/step{len(tuned.steps)}"
        self.s3.put_object(Bucket=bucket, Key=f"{job.name}/step{len(tuned.steps)}/weights", Body=b"only AWS reads this")
        state.escrow[weights] = Escrow(base_id, tuned.reference)
        files = {"manifest.json": json.dumps({"checkpoint_s3_bucket": weights})}
        if tuned.steps:
            files["step_wise_training_metrics.csv"] = metrics_csv("training_loss", tuned.steps)
        if tuned.validation:
            files["validation_metrics.csv"] = metrics_csv("validation_loss", tuned.validation)
        at = output_of(job) / "output.tar.gz"
        self.s3.put_object(Bucket=at.bucket, Key=at.key, Body=_archive(files))


def _archive(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def _read_recipe(text: bytes, job: TrainingJob) -> tuple[str, dict[str, float]]:
    """Return the model that a recipe tunes, and the fields that count here; refuse what is out of range."""
    import yaml

    recipe = yaml.safe_load(text)
    run, config = recipe["run"], recipe["training_config"]
    base = MODELS.get(run["model_type"])
    name = str(run["model_name_or_path"]).removesuffix("/prod")
    machines = NOVA_MACHINES.get(name, {})
    given = job.request["ResourceConfig"]
    if base is None or not base.id.startswith(f"amazon.{name}-v1"):
        raise DataError(f"run.model_type {run['model_type']} is not {run['model_name_or_path']}")
    if job.request.get("HyperParameters", {}).get("base_model") != run["model_name_or_path"]:
        raise DataError("The hyperparameter base_model is not the recipe's run.model_name_or_path")
    if run["replicas"] != given["InstanceCount"] or run["replicas"] not in machines.get(given["InstanceType"], ()):
        raise DataError(f"{name} is not tuned on {given['InstanceCount']} of {given['InstanceType']}")
    limits = getattr(family("sagemaker", base.id), "limits", {})
    fields = {}
    for field, key in FIELDS.items():
        value: Any = config
        for part in field.split("."):
            value = value[part]
        if not limits[key].allows(float(value)):
            raise DataError(f"training_config.{field} is {value}; allowed: {limits[key]}")
        fields[field] = value
    return base.id, fields
