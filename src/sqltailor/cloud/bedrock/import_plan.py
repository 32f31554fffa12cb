"""What importing a run's merged weights into Bedrock would do and cost: confirmed before anything is uploaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqltailor.aws.importable import IMPORT_REGIONS, import_fault, import_notes
from sqltailor.aws.s3 import Place, place
from sqltailor.aws.session import client, found_or_none, told
from sqltailor.cloud.account_checks import look_at_account
from sqltailor.cloud.bedrock.import_files import config_of
from sqltailor.cloud.cloud_plan import money
from sqltailor.cloud.cost import CostRow, import_costs
from sqltailor.cloud.run_names import LONGEST, RUN_TAG, aws_name, tags_of
from sqltailor.errors import BackendError, ConfigError
from sqltailor.recipe import Train
from sqltailor.runs import Run, read_json


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What `deploy import` would do. `arn`: of the imported model, where it is there.

    `weights` lie in S3 already, or are put there and deleted again after the import: `uploads`.
    """

    run: str
    name: str
    region: str
    account: str
    role: str
    weights: Place
    uploads: bool
    architecture: str
    arn: str | None
    rows: tuple[CostRow, ...]
    notes: tuple[str, ...]

    def text(self) -> str:
        """Return the plan in a few lines."""
        how = "already imported" if self.arn else "a new imported model: no cost for computing while nobody asks it"
        from_ = "merged here, uploaded, and deleted there after the import" if self.uploads else "in S3 already"
        return "\n".join(
            (
                f"account:  {self.account}, region {self.region}",
                f"model:    {self.architecture} of {self.run}: {self.weights}, {from_}",
                f"imported: {self.name}, {how}",
                *(f"cost:     {row.what}: {money(row.usd)}: {row.basis}" for row in self.rows),
                *(f"note:     {note}" for note in self.notes),
            )
        )


def plan_import(run: Run, train: Train, *, name: str | None = None) -> ImportPlan:
    """Return what importing a run would do. Raises `BackendError` and `ConfigError` for what cannot be imported."""
    known = read_json(run.job) if run.job.is_file() else {}
    if not run.is_done or ("merged" not in known and not run.has_weights):
        raise BackendError(f"{run.path} has no weights to import. Train some: sqltailor train spec-mistral-sagemaker")
    name = aws_name(run.name) if name is None else name
    if name != aws_name(name):
        raise ConfigError(f"--name '{name}': a model is called by 1 to {LONGEST} letters, digits and single hyphens.")
    notes: tuple[str, ...] = ()
    if "merged" in known:
        region, account, role, weights = known["region"], known["account"], known["role"], place(known["merged"])
        _check_region(region)
    else:
        _check_region(train.bedrock.region)
        looked = look_at_account(train.model_copy(update={"backend": "bedrock"}))
        here, notes = looked.where, looked.notes
        region, account, role, weights = here.region, here.account, here.role, here.s3 / run.name / "import/"
    config = config_of(run, weights if "merged" in known else None, region=region, account=account)
    if fault := import_fault(config):
        raise ConfigError(f"{run.path} cannot be imported: {fault}. Serve it elsewhere: sqltailor deploy sagemaker|hub")
    return ImportPlan(
        str(run.path),
        name,
        region,
        account,
        role,
        weights,
        "merged" not in known,
        config["architectures"][0],
        _imported(client("bedrock", region), name, run),
        import_costs(),
        (*notes, *import_notes(config)),
    )


def _check_region(region: str) -> None:
    if region not in IMPORT_REGIONS:
        raise ConfigError(f"Custom Model Import is not in {region}; it is in {', '.join(IMPORT_REGIONS)}.")


def _imported(bedrock: Any, name: str, run: Run) -> str | None:
    """Return the ARN of the imported model of a name, None where there is none. It must be this run's."""
    with told(f"look for the imported model {name}"):
        found = found_or_none(bedrock.get_imported_model, modelIdentifier=name)
        if found is None:
            return None
        if tags_of(bedrock, found["modelArn"]).get(RUN_TAG) != run.name:
            raise ConfigError(f"Another imported model is called {name}. Choose another name: --name NAME")
    return str(found["modelArn"])
