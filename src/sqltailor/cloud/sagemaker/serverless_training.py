"""The route to SageMaker's serverless customization: small open models, tuned by AWS's own trainer, no machines.

Data and hyperparameters: SageMaker AI guide, "SFT" (customizing-models-sft, read 2026-11). What the job leaves, an
adapter and merged weights, comes back into the run, which then exports and serves like one that was trained here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqltailor.aws.policies import TAGS, partition
from sqltailor.aws.s3 import Place, keys_below, place
from sqltailor.aws.sagemaker_machines import SERVERLESS, SERVERLESS_REGIONS
from sqltailor.aws.session import client, found_or_none, told
from sqltailor.cloud.account_checks import look_at_account
from sqltailor.cloud.cloud_plan import CloudPlan
from sqltailor.cloud.cloud_training import create_patiently, upload_files
from sqltailor.cloud.cost import CHARACTERS_PER_TOKEN, CostRow
from sqltailor.cloud.job_record import OnStatus, keep_metrics, known_job, note_end, remember, wait
from sqltailor.cloud.material import Material
from sqltailor.cloud.run_names import tags_in_capitals
from sqltailor.cloud.sagemaker.fetched import adopt, fetch
from sqltailor.cloud.sagemaker.nova_training import channel
from sqltailor.cloud.sagemaker.training_jobs import get, status_of, submit
from sqltailor.data.examples import json_line
from sqltailor.errors import BackendError, ConfigError
from sqltailor.project import Project
from sqltailor.prompt.text import completion_text
from sqltailor.recipe import Recipe, Resolved
from sqltailor.recipe.limits import Limit
from sqltailor.runs import Run, read_json, write_json_atomic, write_text_atomic
from sqltailor.train.recording import record_prompt
from sqltailor.train.rows.training_data import asked_prompts, read_material
from sqltailor.types import Example, Prompt

GROUP = "sqltailor"
"""The model package group that SageMaker registers what it made in; costs nothing."""
LIMITS = {
    "epochs": Limit(1, 100, 3),
    "batch": Limit(8, 1024, 8, choices=(8, 16, 32, 64, 128, 256, 512, 1024)),
    "learning_rate": Limit(5e-7, 1e-4, 1e-4, whole=False),
    "weight_decay": Limit(0, 1, 0, whole=False),
    "max_grad_norm": Limit(0, 5, 1, whole=False),
    "max_length": Limit(256, 131_072, 2048),
    "seed": Limit(0, 2_147_483_647, 0),
    "lora.r": Limit(8, 128, 16, choices=(8, 16, 32, 64, 128)),
    "lora.alpha": Limit(16, 256, 32, choices=(16, 32, 64, 128, 256)),
    "lora.dropout": Limit(0, 1, 0, whole=False),
}
"""Key below `train` → what the service takes."""


def check(recipe: Recipe) -> None:
    """Raise `ConfigError` for a base, a region or a value that serverless customization does not take."""
    train = recipe.train
    if recipe.base not in SERVERLESS:
        raise ConfigError(f"Serverless customization here tunes {', '.join(SERVERLESS)}; base is '{recipe.base}'.")
    if not train.sagemaker.accept_eula:
        raise ConfigError(f"Read the licence of {recipe.base}, then set train.sagemaker.accept_eula=true.")
    if train.method != "sft" or not train.lora.enabled or train.schedule == "linear":
        raise ConfigError("Serverless customization trains an adapter by sft, on a constant or cosine schedule.")
    for name, value in _values(recipe):
        if not LIMITS[name].allows(value):
            raise ConfigError(f"train.{name} is {value:g}; serverless customization takes {LIMITS[name]}.")
    _check_shapes()


def _check_shapes() -> None:
    """Raise `BackendError` where the installed botocore is older than serverless customization."""
    shape = client("sagemaker", "us-east-1").meta.service_model.operation_model("CreateTrainingJob").input_shape
    if not {"ServerlessJobConfig", "ModelPackageConfig"} <= set(shape.members):
        raise BackendError(
            "The installed botocore does not know serverless customization (ServerlessJobConfig). "
            "Install a newer one: pip install -U boto3"
        )


def _values(recipe: Recipe) -> Iterator[tuple[str, float]]:
    for name in LIMITS:
        value: Any = recipe.train
        for part in name.split("."):
            value = getattr(value, part)
        yield name, float(value)


def plan_job(resolved: Resolved, project: Project, folder: Path) -> CloudPlan:
    """Return the plan of a job; its data is written into `folder`."""
    recipe = resolved.recipe
    material = _material(project, folder)
    account = look_at_account(recipe.train)
    row = CostRow("training", None, "by the token; no source gives the price", "not verified", None)
    sent = hyperparameters(recipe, material.examples)
    machines = "serverless: AWS chooses the machines"
    epochs, notes = recipe.train.epochs, account.notes
    if account.where.region not in SERVERLESS_REGIONS:
        notes = (*notes, f"whether {account.where.region} offers this is not known; {', '.join(SERVERLESS_REGIONS)} do")
    return CloudPlan(
        account.where, recipe.base, sent, epochs, material, [row], notes, account.role_age_s, machines
    )  # fmt: skip


def _material(project: Project, folder: Path) -> Material:
    data = read_material(project.recipe, folder)
    paths: dict[str, Path] = {}
    for name, examples in (("train", data.train), ("validation", data.validation)):
        if examples:
            paths[name] = folder / f"{name}.jsonl"
            asked = asked_prompts(project, examples)
            lines = [_line(prompt, example) for prompt, example in zip(asked, examples, strict=True)]
            write_text_atomic(paths[name], "".join(lines))
    size = paths["train"].stat().st_size
    counts = (len(data.train), len(data.validation), sum(data.rejected.values()))
    return Material(paths["train"], paths.get("validation"), *counts, -(-size // CHARACTERS_PER_TOKEN))


def _line(prompt: Prompt, example: Example) -> str:
    turns = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
    return json_line({"messages": [*turns, {"role": "assistant", "content": completion_text(example)}]})


def hyperparameters(recipe: Recipe, examples: int) -> dict[str, str]:
    """Return what is sent of the recipe: always as text."""
    train = recipe.train
    steps = max(1, round(examples * train.epochs / train.batch))
    values: dict[str, float | str] = {
        "max_epochs": int(train.epochs),
        "global_batch_size": train.batch,
        "learning_rate": f"{train.learning_rate:.10f}".rstrip("0"),
        "lr_scheduler": train.schedule,
        "lr_warmup_steps_ratio": f"{min(train.warmup_steps / steps, 1):.4f}",
        "weight_decay": train.weight_decay,
        "gradient_clipping": "true" if train.max_grad_norm else "false",
        "gradient_clipping_threshold": train.max_grad_norm,
        "dataset_max_len": train.max_length,
        "seed": train.seed,
        "logging_steps": 1,
        "lora_rank": train.lora.r,
        "lora_alpha": int(train.lora.alpha),
        "lora_dropout": train.lora.dropout,
        "merge_weights": "true",
    }
    return {name: str(value) for name, value in values.items()}


def begin(project: Project, run: Run, planned: CloudPlan, overwrite: bool) -> None:
    """Upload a run's data, and create its job."""
    here, recipe = planned.place, project.recipe
    record_prompt(project, run, recipe.base)
    top = here.s3 / run.name
    facts = {"region": here.region, "account": here.account, "base": recipe.base, "role": here.role}
    known = remember(run, **facts, out=str(top / "out/"), plan=planned.to_json())
    material = planned.material
    upload_files(run, (material.train, material.validation), top / "data", here, overwrite=overwrite)
    sagemaker = client("sagemaker", here.region)
    request = job_request(
        recipe,
        name=known["name"],
        run=run.name,
        token=known["token"],
        role=here.role,
        account=here.account,
        hyperparameters=dict(planned.hyperparameters),
        train=str(top / "data/train.jsonl"),
        validation=str(top / "data/validation.jsonl") if material.validation else None,
        out=known["out"],
    )
    _group(sagemaker)
    create_patiently(lambda: submit(sagemaker, run, request, known["token"]), planned.role_age_s)


def _group(sagemaker: Any) -> None:
    with told(f"make the model package group {GROUP}"):
        if found_or_none(sagemaker.describe_model_package_group, ModelPackageGroupName=GROUP) is None:
            tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
            sagemaker.create_model_package_group(ModelPackageGroupName=GROUP, Tags=tags)


def job_request(
    recipe: Recipe,
    *,
    name: str,
    run: str,
    token: str,
    role: str,
    account: str,
    hyperparameters: dict[str, str],
    train: str,
    validation: str | None,
    out: str,
) -> dict[str, Any]:
    """Return the parameters of `create_training_job`."""
    region = recipe.train.sagemaker.region
    arn = f"arn:{partition(region)}:sagemaker:{region}"
    channels = {"train": train, **({"validation": validation} if validation else {})}
    return {
        "TrainingJobName": name,
        "RoleArn": role,
        "ServerlessJobConfig": {
            "BaseModelArn": f"{arn}:aws:hub-content/SageMakerPublicHub/Model/{SERVERLESS[recipe.base]}",
            "AcceptEula": True,
            "JobType": "FineTuning",
            "CustomizationTechnique": "SFT",
            "Peft": "LORA",
        },
        "HyperParameters": hyperparameters,
        "InputDataConfig": [channel(name, uri) for name, uri in channels.items()],
        "OutputDataConfig": {"S3OutputPath": out, "CompressionType": "NONE"},
        "ModelPackageConfig": {"ModelPackageGroupArn": f"{arn}:{account}:model-package-group/{GROUP}"},
        "StoppingCondition": {"MaxRuntimeInSeconds": recipe.train.sagemaker.max_runtime_s},
        "Tags": tags_in_capitals(run, token),
    }


def finish(run: Run, on_status: OnStatus) -> dict[str, Any]:
    """Wait for a run's job, bring its adapter into the run, and mark it done. Raises `BackendError` when it failed."""
    known = known_job(run)
    sagemaker = client("sagemaker", known["region"])
    found = wait(lambda: get(sagemaker, known["name"]), status_of, on_status)
    known = note_end(run, status_of(found))
    made = place(found["ModelArtifacts"]["S3ModelArtifacts"].rstrip("/")) / "checkpoints"
    adapter, merged = made / "hf/", made / "hf_merged/"
    if keys_below(client("s3", known["region"]), adapter, account=known["account"]):
        _adopt(run, adapter, "adapter", known)
    else:
        _adopt(run, merged, "model", known)
    tokens = {"billable_tokens": found["BillableTokenCount"]} if "BillableTokenCount" in found else {}
    known = remember(run, merged=str(merged), losses=keep_metrics(run, ()), **tokens)
    run.mark_done()
    return known


def _adopt(run: Run, below: Place, name: str, known: dict[str, Any]) -> None:
    fetched = fetch(run, below, known)
    config = fetched / "adapter_config.json"
    if config.is_file() and not (fetched / "base.json").is_file():
        # the job's own path of the base means nothing here
        write_json_atomic(config, read_json(config) | {"base_model_name_or_path": known["base"]})
    adopt(fetched, run.path / name)
