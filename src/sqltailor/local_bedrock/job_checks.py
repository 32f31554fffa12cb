"""What the service refuses when a customization job is asked for, checked before there is one."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any

from sqltailor.aws.bedrock_models import MODELS, QUOTAS, Tunable
from sqltailor.aws.s3 import Place, place
from sqltailor.local_bedrock.protocol import error
from sqltailor.local_bedrock.state import State
from sqltailor.recipe.limits import family

NAMES = {"epochCount": "epochs", "learningRate": "learning_rate", "learningRateWarmupSteps": "warmup_steps"}
NAMES |= {"batchSize": "batch"}
"""Hyperparameter → key of a recipe that has the same range."""
REINFORCEMENT = "REINFORCEMENT_FINE_TUNING"


def check_job(state: State, params: Mapping[str, Any], region: str, *, s3: Any, iam: Any) -> Tunable:
    """Return the model that a request tunes. Raises `AwsError` for what the service would refuse."""
    wanted = params["baseModelIdentifier"]
    tuned = state.models.get(wanted)
    base = MODELS.get(tuned.base_id if tuned else wanted.rpartition("foundation-model/")[2])
    if base is None:
        raise error("ValidationException", f"The model {params['baseModelIdentifier']} cannot be customized")
    if region not in base.tuned_in or state.lifecycles.get(base.id) == "LEGACY":
        raise error("ValidationException", f"{base.id} takes no customization job in {region}")
    kind = params.get("customizationType", "FINE_TUNING")
    if kind == REINFORCEMENT:
        _check_reinforcement(state, params, base, region, iam)
    elif kind != "FINE_TUNING":
        raise error("ValidationException", f"{base.id} does not support {kind}")
    if any(job.name == params["jobName"] for job in state.jobs.values()):
        raise error("ConflictException", f"There is a job {params['jobName']} already")
    if any(model.name == params["customModelName"] for model in state.models.values()):
        raise error("ConflictException", f"There is a custom model {params['customModelName']} already")
    running = sum(job.status == "InProgress" for job in state.jobs.values())
    if running >= QUOTAS["scheduled customization jobs"]:
        raise error("ServiceQuotaExceededException", f"{running} customization jobs are scheduled")
    for name, text in params.get("hyperParameters", {}).items():
        _check_hyperparameter(base, name, text)
    check_role(iam, params["roleArn"], "bedrock")
    validators = params.get("validationDataConfig", {}).get("validators", ())
    for uri in (params["trainingDataConfig"]["s3Uri"], *(v["s3Uri"] for v in validators)):
        check_object(s3, place(uri))
    check_bucket(s3, place(params["outputDataConfig"]["s3Uri"]))
    return base


def _check_reinforcement(state: State, params: Mapping[str, Any], base: Tunable, region: str, iam: Any) -> None:
    """Refuse what has no grader that the role may call; numbers are checked by their shape."""
    if getattr(family("bedrock", base.id, "grpo"), "method", "") != "grpo":
        raise error("ValidationException", f"{base.id} does not support {REINFORCEMENT}")
    if "hyperParameters" in params:
        raise error("ValidationException", "hyperParameters of reinforcement go into customizationConfig.rftConfig")
    grader = grader_of(params)
    if grader not in state.functions or grader.split(":")[3] != region:
        raise error("ValidationException", f"There is no grader {grader} in {region}")
    role = params["roleArn"].rpartition("/")[2]
    allowed = [
        resource
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
        if "lambda:InvokeFunction" in statement["Action"]
        for resource in statement["Resource"]
    ]
    if not any(fnmatch.fnmatchcase(grader, resource) for resource in allowed):
        raise error("ValidationException", f"The role {params['roleArn']} may not call {grader}")


def grader_of(params: Mapping[str, Any]) -> str:
    """Return the ARN of the function that grades; empty for a job that has none."""
    config = params.get("customizationConfig", {}).get("rftConfig", {})
    return str(config.get("graderConfig", {}).get("lambdaGrader", {}).get("lambdaArn", ""))


def check_role(iam: Any, arn: str, service: str) -> None:
    """Refuse a role that is not there, or that the service may not assume."""
    from botocore.exceptions import ClientError

    try:
        role = iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
    except ClientError as e:
        raise error("ValidationException", f"Could not assume provided IAM role {arn}") from e
    trusted = str(role["AssumeRolePolicyDocument"])
    if role["Arn"] != arn or f"{service}.amazonaws.com" not in trusted:
        raise error("ValidationException", f"Could not assume provided IAM role {arn}")


def check_object(s3: Any, at: Place) -> None:
    """Refuse an object that is not there."""
    from botocore.exceptions import ClientError

    try:
        s3.head_object(Bucket=at.bucket, Key=at.key)
    except ClientError as e:
        raise error("ValidationException", f"There is no object {at}, or the role may not read it") from e


def check_bucket(s3: Any, at: Place) -> None:
    """Refuse a bucket that is not there."""
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=at.bucket)
    except ClientError as e:
        raise error("ValidationException", f"There is no bucket {at.bucket}") from e


def _check_hyperparameter(base: Tunable, name: str, text: str) -> None:
    limits = getattr(family("bedrock", base.id), "limits", {})
    limit = limits.get(NAMES.get(name, ""))
    if limit is None:
        raise error("ValidationException", f"{base.id} has no hyperparameter {name}")
    try:
        value = float(text)
    except ValueError as e:
        raise error("ValidationException", f"The hyperparameter {name} is {text!r}, not a number") from e
    if not limit.allows(value):
        raise error("ValidationException", f"The hyperparameter {name} is {text}; allowed: {limit}")
