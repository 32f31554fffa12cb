"""Deploy a run and ask whether the deployment answers as the run does; what does not is withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from sqltailor.cloud import recorded_parity
from sqltailor.cloud.sagemaker.gpu_memory import billion_parameters
from sqltailor.data.canonical import read_schema_text
from sqltailor.errors import DataError
from sqltailor.export import parity as twin_parity
from sqltailor.generate.deployed import open_deployed
from sqltailor.project import Project, read_parts
from sqltailor.runs import Run, read_json
from sqltailor.types import Generate, OnProgress, Prompt

Made = TypeVar("Made")
TWIN_BILLIONS = 1.0
"""Up to this size, the run's own weights are asked here, too, to compare with; larger ones take too long on a CPU."""


@dataclass(frozen=True, slots=True)
class Checked(Generic[Made]):
    """A deployment, and how it compares, in words; None where there was nothing to compare with."""

    deployed: Made
    compared: str | None
    withdrawn: bool


def deploy_checked(
    run: Run,
    project: Project,
    *,
    deploy: Callable[[], Made],
    withdraw: Callable[[Made], None],
    keep: bool = False,
    on_progress: OnProgress = lambda model, done, total: None,
) -> Checked[Made]:
    """Deploy a run, and withdraw the deployment when it answers otherwise, unless `keep`.

    Where the weights are here, too, and small, both are asked the same test questions, and 99 % of the SQL must agree;
    else the rates must lie within the intervals of the run's recorded evaluation.
    """
    made = deploy()
    compared, passed = _compare(run, project, on_progress)
    fails = not passed and not keep
    if fails:
        withdraw(made)
    return Checked(made, compared, fails)


def _compare(run: Run, project: Project, on_progress: OnProgress) -> tuple[str | None, bool]:
    prompts = _twin_prompts(run, project)
    if prompts:
        found = twin_parity.compare(
            prompts,
            {"the run": lambda: _twin(run), "its deployment": lambda: open_deployed(run)},
            options=replace(project.options, guardrail=None),  # the weights are compared, not what checks them
            on_progress=on_progress,
        )
        [pair] = found.pairs
        return f"{pair.agree:.1%} of {pair.n} answers agree with the run's own weights", found.passed
    recorded = recorded_parity.compare(run, project, on_progress)
    return (None, True) if recorded is None else (recorded.text(), recorded.passed)


def _twin(run: Run) -> Generate:
    from sqltailor.generate.local import LocalModel
    from sqltailor.generate.open_model import open_model

    return LocalModel(open_model(str(run.path)))


def _twin_prompts(run: Run, project: Project) -> list[Prompt]:
    """Return test questions to ask a run's weights, too; none where these are not here, or large."""
    base: Any = read_json(run.job if run.job.is_file() else run.prompt).get("base", "")
    if not run.has_weights or not project.has_schema or (billion_parameters(base) or 9) > TWIN_BILLIONS:
        return []
    try:
        examples = read_parts(project.recipe.data.test, project, what="test")[: twin_parity.QUESTIONS]
    except DataError:  # there are none
        return []
    ask = project.prompts(str(run.path), None)
    schemas = (None if e.schema is None else read_schema_text(e.schema, e.dialect) for e in examples)
    return [ask(e, own or project.schema) for e, own in zip(examples, schemas, strict=True)]
