"""`sqltailor deploy`: deploy a tuned model; anything that costs money is planned first and confirmed."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import typer

from sqltailor.cli.confirming import confirm
from sqltailor.cli.export import run_reference
from sqltailor.cli.output import DatabaseUrl, Json, Recipe, answering, note, print_json, print_table
from sqltailor.cli.watching import saying

group = typer.Typer(help="Deploy a tuned model.", no_args_is_help=True, rich_markup_mode=None, add_completion=False)


@group.callback()
def _root() -> None:
    """Deploy a tuned model."""


@group.command()
def hub(
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="Run, or another model reference with weights. Default: the newest run."),
    ] = None,
    repo: Annotated[
        str | None, typer.Option("--repo", metavar="ID", help="NAME or ORG/NAME on the Hub. Default: the run's name.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of the endpoint. Default: the run's name.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="A new repository on the Hub is public.")] = False,
    accelerator: Annotated[str, typer.Option("--accelerator", metavar="KIND", help="cpu or gpu.")] = "gpu",
    instance_type: Annotated[
        str, typer.Option("--instance-type", metavar="TYPE", help="As in Hugging Face's catalogue.")
    ] = "nvidia-l4",
    instance_size: Annotated[str, typer.Option("--instance-size", metavar="SIZE", help="x1, x2, x4, …")] = "x1",
    vendor: Annotated[str, typer.Option("--vendor", metavar="CLOUD", help="aws, azure or gcp.")] = "aws",
    region: Annotated[str, typer.Option("--region", metavar="REGION", help="The cloud's region.")] = "us-east-1",
    replicas: Annotated[int, typer.Option("--replicas", metavar="N", min=1, help="Maximum number of machines.")] = 1,
    idle_minutes: Annotated[
        int,
        typer.Option(
            "--idle-minutes", metavar="N", min=15, help="Stop, and cost nothing, after so long without a question."
        ),
    ] = 15,
    max_usd: Annotated[
        float | None,
        typer.Option("--max-usd", metavar="X", min=0, help="Refuse a higher price per hour, or an unknown one."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Push a run to the Hugging Face Hub and serve it there.

    An Inference Endpoint serves it, which costs money while it runs: the plan is printed and confirmed before anything
    is uploaded. A merged model whose answers differ from its run's is not pushed (exit code 1). The token in HF_TOKEN
    needs the right to write, and to manage endpoints.

    Example: sqltailor deploy hub runs/shop --accelerator cpu --instance-type intel-spr
    """
    from sqltailor.cloud.huggingface import Deployed, Machine, check_price, deploy, plan_endpoint

    machine = Machine(vendor, region, accelerator, instance_type, instance_size, replicas, idle_minutes)
    plan = plan_endpoint(run_reference(run), repo=repo, name=name, private=not public, machine=machine)
    note(plan.text())
    check_price(plan, max_usd)
    confirm("Deploy?", yes)
    with answering() as on_progress:
        made = deploy(plan, on_progress=on_progress)
    print_json(dataclasses.asdict(made)) if json else print(made.out if not isinstance(made, Deployed) else made.page)
    if not isinstance(made, Deployed):
        note(f"error: too many answers differ from the run's, so nothing was pushed: see {made.out}/parity.json")
        sys.exit(1)
    note(f"{made.name} is {made.status}; it is stopped and removed at {made.page}")


@group.command()
def bedrock(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run tuned on Bedrock. Default: the newest one.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of the deployment. Default: the run's name.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep a deployment whose answers differ from the recorded evaluation.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Serve a run that was tuned on Bedrock, on demand.

    Billed per token, plus monthly storage of the model. The plan is printed and confirmed. An existing deployment of
    the same name is updated in place. Afterwards `eval --model RUN` and `ask` use it. If an evaluation of the run is
    recorded, 50 of its questions are asked again; a deployment whose rates fall outside the recorded intervals is
    withdrawn (exit code 1).

    Example: sqltailor deploy bedrock runs/shop --name shop-sql
    """
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.cloud.bedrock.deployments import newest_tuned, plan_deployment
    from sqltailor.cloud.recorded_parity import deploy_checked
    from sqltailor.project import Project
    from sqltailor.runs import find_run

    settings = recipe_for(recipe, database)
    root = Path(settings.train.out)
    found = find_run(root, run) if run else newest_tuned(root)
    plan = plan_deployment(found, name=name)
    note(plan.text())
    confirm("Deploy?", yes)
    with saying(f"deployment {plan.name}") as say, Project(settings) as project:
        checked = deploy_checked(found, plan, project, keep=keep, on_state=say)
    made, parity = checked.deployed, checked.parity
    note(parity.text() if parity else "not compared: the run has no recorded evaluation yet (sqltailor eval)")
    if checked.withdrawn:
        note("error: its answers differ from the recorded evaluation, so it was withdrawn; --keep keeps it")
        sys.exit(1)
    print_json(dataclasses.asdict(made)) if json else print(made.arn)
    note(f'next:\n  sqltailor eval --model {found.path}\n  sqltailor ask "…" --model {found.path} --run')


Region = Annotated[str | None, typer.Option("--region", metavar="REGION", help="AWS region. Default: the recipe's.")]


@group.command("list")
def list_(region: Region = None, recipe: Recipe = None, json: Json = False) -> None:
    """List what exists on Bedrock, its age and its cost.

    Deployments, models and running jobs that SQLTailor created, found by their tag.

    Example: sqltailor deploy list
    """
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.cloud.inventory import listed

    found = listed(region or recipe_for(recipe, None).train.aws.region)
    if json:
        print_json([dataclasses.asdict(item) for item in found])
        return
    rows = [
        (
            item.kind,
            item.name,
            item.status,
            item.since,
            "not known" if item.usd_per_hour is None else f"${item.usd_per_hour:.4f}",
            item.basis,
        )
        for item in found
    ]
    print_table(("what", "name", "status", "since", "an hour", "paid"), rows)


@group.command()
def delete(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Names, ARNs or runs, as `deploy list` shows them.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Everything that SQLTailor created in the region.")] = False,
    keep_model: Annotated[
        bool,
        typer.Option("--keep-model", help="Delete only the deployment; the model stays, billed for storage."),
    ] = False,
    data: Annotated[bool, typer.Option("--data", help="Also delete the objects of the runs in S3.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    region: Region = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Delete deployments and their models, so that nothing costs.

    Deployments first, then their models, as AWS requires. A deleted model cannot be restored, only trained again. Jobs
    are stopped with `jobs stop`. Objects in S3 are deleted with --data, or expire after 90 days.

    Example: sqltailor deploy delete --all --yes
    """
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.cloud.inventory import chosen, delete, listed
    from sqltailor.errors import ConfigError

    if bool(names) == all_:
        raise ConfigError("Name what to delete (see `sqltailor deploy list`), or pass --all.")
    settings = recipe_for(recipe, None).train
    where = region or settings.aws.region
    there = listed(where)
    items = chosen(there, names or (), keep_models=keep_model)
    for job in (item for item in there if item.kind == "job"):
        note(f"job {job.name} is still running; stop it with: sqltailor jobs stop {job.name}")
    for item in items:
        note(f"{item.kind} {item.name}, since {item.since}")
    if items:
        confirm("Delete them?", yes, reason="This cannot be undone")
    done = list(delete(where, items, root=Path(settings.out), data=data))
    print_json({"deleted": done}) if json else print("\n".join(done) or "nothing to delete")
