"""Tuning on AWS, from the recipe to a finished run: plan, confirm, upload, create the job, wait, fetch what it made.

Each route of `cloud.ROUTES` is a module with the four functions of `Route`.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, cast

from sqltailor.aws.s3 import Place, upload
from sqltailor.aws.session import client, code_of, default_region
from sqltailor.cloud import route_module, route_of
from sqltailor.cloud.cloud_plan import CloudPlan
from sqltailor.cloud.job_record import OnStatus, record
from sqltailor.cloud.run_names import Where
from sqltailor.errors import BackendError, ConfigError
from sqltailor.project import Project, opened
from sqltailor.recipe import Recipe, Resolved, recipe_hash
from sqltailor.runs import Run, log_to, read_json, unfinished_run
from sqltailor.train import TrainResult
from sqltailor.train.planning.ready import check_ready
from sqltailor.train.rows.training_data import hash_material
from sqltailor.train.running.opening import run_of

logger = logging.getLogger(__name__)

NEW_ROLE_S = 120
"""A role younger than this may not be known everywhere yet."""
PROPAGATES_S, PROPAGATES_TRIES = 10.0, 3
"""A new role is known everywhere after about this time: until then AWS says that access is denied."""


class Route(Protocol):
    """How one kind of job is planned, begun and finished."""

    def check(self, recipe: Recipe) -> None:
        """Raise `ConfigError` for a recipe that cannot be trained so; AWS is not asked."""

    def plan_job(self, resolved: Resolved, project: Project, folder: Path) -> CloudPlan:
        """Ask AWS whether the job can run, and write its files into `folder`; nothing is uploaded or created."""

    def begin(self, project: Project, run: Run, planned: CloudPlan, overwrite: bool) -> None:
        """Upload a run's files and create its job; each step, done before, is found to be done."""

    def finish(self, run: Run, on_status: OnStatus) -> dict[str, Any]:
        """Wait for a run's job, bring what it made into the run, mark it done; return what `job.json` then holds."""


def plan(resolved: Resolved) -> CloudPlan:
    """Return what `train` would do and cost. Nothing is uploaded or created."""
    route = _route(resolved.recipe)
    with opened(resolved.recipe) as project, tempfile.TemporaryDirectory() as folder:
        check_ready(resolved, project)
        return route.plan_job(resolved, project, Path(folder))


def train(
    resolved: Resolved,
    *,
    confirm: Callable[[CloudPlan], None],
    on_status: OnStatus = lambda status: None,
    overwrite: bool = False,
) -> TrainResult:
    """Tune by a recipe, or go on with the unfinished run of an equal recipe on equal data: one job, however often.

    `confirm` is shown the plan before anything is uploaded or created, and raises to end here; a job that is there
    already is only waited for. `overwrite` replaces other files of the same names in S3. Raises `ConfigError` and
    `DataError` before any upload, `BackendError` when AWS refuses or the job fails.
    """
    recipe, began = resolved.recipe, time.monotonic()
    route = _route(recipe)
    with opened(recipe) as project:
        check_ready(resolved, project)
        with tempfile.TemporaryDirectory() as folder:
            planned = None if _has_job(recipe) else route.plan_job(resolved, project, Path(folder))
            if planned is not None:
                confirm(planned)
            with run_of(resolved) as run, log_to(run):
                if "arn" not in record(run, route_of(recipe)):
                    planned = planned or route.plan_job(resolved, project, Path(folder))
                    route.begin(project, run, planned, overwrite)
                known = route.finish(run, on_status)
    losses = known["losses"]
    seconds = known.get("seconds") or round(time.monotonic() - began, 1)
    measured = (losses["steps"], losses["train"], losses["validation"])
    return TrainResult(str(run.path), *measured, None, seconds, known["arn"])


def finish(run: Run, on_status: OnStatus) -> dict[str, Any]:
    """Wait for the job that a run remembers, and finish the run."""
    return _module(read_json(run.job)["backend"]).finish(run, on_status)


def _module(route: str) -> Route:
    return cast(Route, route_module(route))


def _route(recipe: Recipe) -> Route:
    """Return the route of a recipe. Raises `ConfigError` for what it cannot train."""
    for name in ("stages", "sweep"):
        if getattr(recipe.train, name):
            raise ConfigError(f"train.{name} is for training on this machine: leave it out, or train.backend=local.")
    route = _module(route_of(recipe))
    route.check(recipe)
    return route


def _has_job(recipe: Recipe) -> bool:
    """Say whether the run that would be continued has a job: then nothing more is paid for."""
    if recipe.train.resume != "auto":
        return False
    root = Path(recipe.train.out)
    found = unfinished_run(root, recipe_hash=recipe_hash(recipe), data=hash_material(recipe))
    return found is not None and found.job.is_file() and "arn" in read_json(found.job)


def upload_files(run: Run, files: Iterable[Path | None], to: Place, where: Where, *, overwrite: bool) -> None:
    """Put a job's files into S3, and keep those that are text in its run."""
    s3 = client("s3", where.region)
    kept = run.path / "uploaded"
    for file in files:
        if file is not None:
            kept.mkdir(exist_ok=True)
            if file.suffix != ".whl":
                shutil.copy(file, kept / file.name)
            upload(s3, file, to / file.name, account=where.account, overwrite=overwrite)


def untuned(id: str, region: str) -> str:
    """Return the reference of a model on Bedrock: an ARN where its region is not the one that is asked by default."""
    return f"bedrock:{id if region == default_region() else f'arn:aws:bedrock:{region}::foundation-model/{id}'}"


def create_patiently(create: Callable[[], None], role_age_s: float | None) -> None:
    """Create a job, and again where a role that was just made is not visible everywhere yet."""
    tries = PROPAGATES_TRIES if role_age_s is not None and role_age_s < NEW_ROLE_S else 0
    while True:
        try:
            create()
            return
        except BackendError as e:
            if not tries or code_of(e.__cause__) != "AccessDeniedException":
                raise
            tries -= 1
            logger.warning("the role is only %.0f s old and not visible everywhere yet: retrying", role_age_s)
            time.sleep(PROPAGATES_S)
