"""`sqltailor deploy bedrock`, `import` and `sagemaker`: planned with the cost, confirmed, and compared with the run."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Protocol

import typer

from sqltailor.cli.confirming import confirm
from sqltailor.cli.output import DatabaseUrl, Json, Recipe, note, print_json
from sqltailor.cli.watching import saying

if TYPE_CHECKING:
    from sqltailor.cloud.deploy_route import Target
    from sqltailor.project import Project
    from sqltailor.recipe import Recipe as RecipeValues
    from sqltailor.runs import Run

Keep = Annotated[bool, typer.Option("--keep", help="Keep a deployment whose answers differ from the run's.")]
Say = Callable[[str], None]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def bedrock(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run tuned on Bedrock. Default: the newest one.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of the deployment. Default: the run's name.")
    ] = None,
    keep: Keep = False,
    yes: Yes = False,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Serve a tuned Nova on Bedrock, on demand.

    Billed per token, plus monthly storage of the model. The plan is printed and confirmed. An existing deployment of
    the same name is updated in place. Afterwards `eval --model RUN` and `ask` use it. If an evaluation of the run is
    recorded, 50 of its questions are asked again; a deployment whose rates fall outside the recorded intervals is
    withdrawn (exit code 1).

    Example: sqltailor deploy bedrock runs/shop --name shop-sql
    """
    from sqltailor.cloud.bedrock.deployments import deploy, plan_deployment, withdraw

    settings, found = _settings_and_run(run, "bedrock", recipe, database)
    plan = plan_deployment(found, name=name)
    _deploy(
        _Target(settings, found, plan, "deployment", "Deploy?"),
        deploy=lambda project, say: deploy(found, plan, on_state=say),
        withdraw=lambda made, say: withdraw(found, plan, made, on_state=say),
        keep=keep, yes=yes, json=json,
    )  # fmt: skip


def sagemaker(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run trained by us on SageMaker. Default: the newest one.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of the endpoint. Default: the run's name.")
    ] = None,
    instance: Annotated[str, typer.Option("--instance", metavar="TYPE", help="Kind of machine.")] = "ml.g5.2xlarge",
    scale_to_zero: Annotated[
        bool, typer.Option("--scale-to-zero", help="No machine while nobody asks; the next question waits minutes.")
    ] = False,
    max_usd: Annotated[
        float | None,
        typer.Option("--max-usd", metavar="X", min=0, help="Refuse a higher price per hour, or an unknown one."),
    ] = None,
    keep: Keep = False,
    yes: Yes = False,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Serve a run that was trained on SageMaker at an endpoint.

    Billed by the hour until it is deleted, also while idle, unless with --scale-to-zero: from 0 to 2 machines, as it is
    asked. The plan is printed and confirmed. An existing endpoint of the same name is updated in place, unless it
    scales to zero. Afterwards `eval --model RUN` and `ask` use it, and so does `deploy invoke`. Where the run's weights
    are here and small, both are asked the test questions; an endpoint that answers otherwise is withdrawn (exit code
    1).

    Example: sqltailor deploy sagemaker runs/shop --instance ml.g5.2xlarge --max-usd 2
    """
    from sqltailor.cloud.sagemaker.endpoint_plan import plan_endpoint
    from sqltailor.cloud.sagemaker.endpoints import deploy_endpoint, withdraw_endpoint

    settings, found = _settings_and_run(run, "sagemaker", recipe, database)
    plan = plan_endpoint(found, name=name, instance_type=instance, to_zero=scale_to_zero)
    _deploy(
        _Target(settings, found, plan, "endpoint", "Deploy?", plan.usd, max_usd),
        deploy=lambda project, say: deploy_endpoint(found, plan, project, on_state=say),
        withdraw=lambda made, say: withdraw_endpoint(found, plan, on_state=say),
        keep=keep, yes=yes, json=json,
    )  # fmt: skip


def provisioned(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run tuned on Bedrock. Default: the newest one.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of the units. Default: the run's name.")
    ] = None,
    units: Annotated[int, typer.Option("--units", metavar="N", min=1, help="Model units to buy.")] = 1,
    commitment: Annotated[
        str, typer.Option("--commitment", metavar="TIME", help="none, 1-month or 6-months: cheaper, without an end.")
    ] = "none",
    max_usd: Annotated[
        float | None,
        typer.Option("--max-usd", metavar="X", min=0, help="Refuse a higher price per hour, or an unknown one."),
    ] = None,
    keep: Keep = False,
    yes: Yes = False,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Serve a tuned model on Bedrock by units of its own.

    Provisioned Throughput: billed by the hour until it is deleted, also while idle. For models that are not offered on
    demand, such as Llama 3.2, and for a rate that must be there. The plan is printed and confirmed. Existing
    units of the same name are updated in place. Units with a commitment cannot be deleted before it ends.

    Example: sqltailor deploy provisioned runs/shop --max-usd 70
    """
    from sqltailor.cloud.bedrock.provisioned import buy_units, plan_units, withdraw_units

    settings, found = _settings_and_run(run, "bedrock", recipe, database)
    plan = plan_units(found, name=name, units=units, commitment=commitment)
    _deploy(
        _Target(settings, found, plan, "units", "Buy them?", plan.row.usd, max_usd),
        deploy=lambda project, say: buy_units(found, plan, on_state=say),
        withdraw=lambda made, say: withdraw_units(found, plan, made, on_state=say),
        keep=keep or commitment != "none", yes=yes, json=json,
    )  # fmt: skip
    note(f"billed by the hour from now on, also while idle. When you are done: sqltailor deploy delete {plan.name}")


def import_(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run with weights. Default: the newest one.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of the imported model. Default: the run's name.")
    ] = None,
    keep: Keep = False,
    yes: Yes = False,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Import a run's merged weights into Bedrock.

    For Llama, Qwen and Mistral, trained here or on SageMaker. Billed by the five minutes while it is asked, plus
    monthly storage; loading a model that was not asked for a while takes minutes. The plan is printed and confirmed.
    Afterwards `eval --model RUN` and `ask` use it. Where the run's weights are here and small, both are asked the test
    questions; a model that answers otherwise is withdrawn (exit code 1).

    Example: sqltailor deploy import runs/shop
    """
    from sqltailor.cloud.bedrock.import_plan import plan_import
    from sqltailor.cloud.bedrock.model_imports import import_model, withdraw_import

    settings, found = _settings_and_run(run, "import", recipe, database)
    plan = plan_import(found, settings.train, name=name)
    _deploy(
        _Target(settings, found, plan, "import", "Import?"),
        deploy=lambda project, say: import_model(found, plan, on_state=say),
        withdraw=lambda made, say: withdraw_import(found, made),
        keep=keep, yes=yes, json=json,
    )  # fmt: skip


class _Plan(Protocol):
    @property
    def name(self) -> str: ...

    def text(self) -> str: ...


class _Target(NamedTuple):
    """What is deployed and how it is called, and what an hour of it costs and may cost."""

    settings: RecipeValues
    run: Run
    plan: _Plan
    kind: str
    question: str
    usd: float | None = None
    max_usd: float | None = None


def _settings_and_run(
    run: str | None, target: Target, recipe: str | None, database: str | None
) -> tuple[RecipeValues, Run]:
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.cloud.deploy_route import newest_for
    from sqltailor.runs import find_run

    settings = recipe_for(recipe, database)
    root = Path(settings.train.out)
    return settings, find_run(root, run) if run else newest_for(root, target)


def _deploy(
    target: _Target,
    *,
    deploy: Callable[[Project, Say], Any],
    withdraw: Callable[[Any, Say], None],
    keep: bool,
    yes: bool,
    json: bool,
) -> None:
    """Show the plan, confirm it, deploy, compare with the run, and tell; a deployment that is withdrawn ends here."""
    from sqltailor.cloud.checked_deployment import deploy_checked
    from sqltailor.cloud.cloud_plan import check_budget
    from sqltailor.project import Project

    run, plan = target.run, target.plan
    note(plan.text())
    check_budget(target.usd, target.max_usd, f"an hour of the {target.kind}")
    confirm(target.question, yes)
    with saying(f"{target.kind} {plan.name}") as say, Project(target.settings) as project:
        checked = deploy_checked(
            run,
            project,
            deploy=lambda: deploy(project, say),
            withdraw=lambda made: withdraw(made, say),
            keep=keep,
        )
    made = checked.deployed
    note(checked.compared or "not compared: the run has no recorded evaluation yet (sqltailor eval)")
    if checked.withdrawn:
        note("error: its answers differ from the run's, so it was withdrawn; --keep keeps it")
        sys.exit(1)
    print_json(dataclasses.asdict(made)) if json else print(made.arn)
    note(f'next:\n  sqltailor eval --model {run.path}\n  sqltailor ask "…" --model {run.path} --run')
