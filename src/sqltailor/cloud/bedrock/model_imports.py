"""Custom Model Import: a run's merged weights become a model of Bedrock, paid while it is asked."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqltailor.aws.s3 import delete_below
from sqltailor.aws.session import client, found_or_none, told
from sqltailor.cloud.bedrock.import_files import change_there, put_weights
from sqltailor.cloud.bedrock.import_plan import ImportPlan
from sqltailor.cloud.job_record import Pauses
from sqltailor.cloud.run_names import LONGEST, tags
from sqltailor.errors import BackendError
from sqltailor.runs import Run, read_json, write_json_atomic

OnState = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """An imported model: the shape of `deploy import --json`. `units`: custom model units of one running copy."""

    run: str
    name: str
    arn: str
    region: str
    units: int | None
    seconds: float


def import_model(run: Run, plan: ImportPlan, *, on_state: OnState = lambda state: None) -> Imported:
    """Import a run's weights, wait until the model is there, and remember it in the run.

    After a crash anywhere in between, the same call ends with the same one model. Raises `BackendError` when AWS
    refuses or the import fails.
    """
    began = time.monotonic()
    bedrock = client("bedrock", plan.region)
    token = _token(run, plan)
    arn = plan.arn or _import(bedrock, run, plan, token, on_state)
    if plan.uploads:  # Bedrock has its own copy now
        delete_below(client("s3", plan.region), plan.weights, account=plan.account)
    here = {"backend": "import", "name": plan.name, "region": plan.region}
    write_json_atomic(run.deployment, {**here, "token": token, "arn": arn})
    with told(f"look at the model {plan.name}"):
        units = bedrock.get_imported_model(modelIdentifier=arn).get("customModelUnits", {})
    seconds = round(time.monotonic() - began, 1)
    each = units.get("customModelUnitsPerModelCopy")
    return Imported(str(run.path), plan.name, arn, plan.region, each, seconds)


def withdraw_import(run: Run, made: Imported) -> None:
    """Undo an import."""
    with told(f"withdraw the model {made.name}"):
        client("bedrock", made.region).delete_imported_model(modelIdentifier=made.arn)
    run.deployment.unlink(missing_ok=True)


def import_request(run: str, plan: ImportPlan, token: str) -> dict[str, Any]:
    """Return the parameters of `create_model_import_job`. A failed job keeps its name, so each try has its own."""
    return {
        "jobName": f"{plan.name[: LONGEST - 9].rstrip('-')}-{token[:8]}",
        "importedModelName": plan.name,
        "roleArn": plan.role,
        "modelDataSource": {"s3DataSource": {"s3Uri": str(plan.weights)}},
        "jobTags": tags(run),
        "importedModelTags": tags(run),
        "clientRequestToken": token,
    }


def _token(run: Run, plan: ImportPlan) -> str:
    """Return the token by which an earlier try's job is found; on the first call a new one, written at once."""
    known = read_json(run.deployment) if run.deployment.is_file() else {}
    if (known.get("backend"), known.get("name")) != ("import", plan.name) or "token" not in known:
        known = {"backend": "import", "name": plan.name, "token": uuid.uuid4().hex}
        write_json_atomic(run.deployment, known)
    return str(known["token"])


def _import(bedrock: Any, run: Run, plan: ImportPlan, token: str, on_state: OnState) -> str:
    request = import_request(run.name, plan, token)
    name = request["jobName"]
    if _job(bedrock, name) is None:
        on_state("uploading")
        if plan.uploads:
            put_weights(run, plan.weights, region=plan.region, account=plan.account)
        else:
            change_there(plan.weights, region=plan.region, account=plan.account)
        with told(f"import the model {plan.name}"):
            bedrock.create_model_import_job(**request)
    pauses = Pauses()
    while True:
        found = _job(bedrock, name) or {"status": "InProgress"}
        on_state(found["status"])
        if found["status"] == "Completed":
            return str(found["importedModelArn"])
        if found["status"] == "Failed":
            run.deployment.unlink()
            why = found.get("failureMessage") or "no reason given"
            raise BackendError(f"The import {name} failed: {why}. Repeat the command to try again.")
        pauses.rest()


def _job(bedrock: Any, name: str) -> dict[str, Any] | None:
    with told(f"look at the import {name}"):
        return found_or_none(bedrock.get_model_import_job, jobIdentifier=name)
