"""`sqltailor jobs`: what is being trained in the cloud, also after this machine was closed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from sqltailor.cli.output import Json, Recipe, note, print_json, print_table
from sqltailor.cli.watching import watching

group = typer.Typer(
    help="Manage training jobs in the cloud: list, show, attach, stop.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
Region = Annotated[str | None, typer.Option("--region", metavar="REGION", help="AWS region. Default: the recipe's.")]
Job = Annotated[str, typer.Argument(metavar="JOB", help="A run, the name of a job, or its ARN.")]


@group.callback()
def _root() -> None:
    """Manage training jobs in the cloud: list, show, attach, stop."""


@group.command("list")
def list_(region: Region = None, recipe: Recipe = None, json: Json = False) -> None:
    """List the jobs that SQLTailor created, newest first.

    Example: sqltailor jobs list
    """
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.cloud.job_list import jobs

    found = jobs(region or recipe_for(recipe, None).train.aws.region)
    if json:
        print_json([dataclasses.asdict(job) for job in found])
        return
    print_table(("job", "run", "status", "created"), [(job.name, job.run, job.status, job.created) for job in found])


@group.command()
def show(job: Job, region: Region = None, recipe: Recipe = None) -> None:
    """Print everything AWS reports about a job, as JSON.

    Example: sqltailor jobs show runs/shop
    """
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.cloud.job_list import show

    settings = recipe_for(recipe, None).train
    print_json(show(job, region or settings.aws.region, Path(settings.out)))


@group.command()
def attach(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Default: the newest run with an unfinished job.")
    ] = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Wait for a run's job, as train does, and finish the run.

    Example: sqltailor jobs attach runs/shop
    """
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.cloud.job_list import attach

    with watching() as on_status:
        found = attach(Path(recipe_for(recipe, None).train.out), run, on_status)
    print_json({"run": str(found.path)}) if json else print(found.path)
    note(f"next:\n  sqltailor deploy run {found.path}")


@group.command()
def stop(
    job: Job,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    region: Region = None,
    recipe: Recipe = None,
) -> None:
    """Stop a job. Its training is lost, and still billed.

    Example: sqltailor jobs stop runs/shop --yes
    """
    from sqltailor.cli.confirming import confirm
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.cloud.job_list import stop

    settings = recipe_for(recipe, None).train
    confirm("Stop it?", yes, reason="The training so far would be lost")
    print(f"{stop(job, region or settings.aws.region, Path(settings.out))}: Stopping")
