"""`sqltailor deploy`: deploy a tuned model; anything that costs money is planned first and confirmed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from sqltailor.cli.confirming import confirm
from sqltailor.cli.deploy_aws import Yes, bedrock, import_, provisioned, sagemaker
from sqltailor.cli.deploy_hub import hub
from sqltailor.cli.output import DatabaseUrl, Json, Recipe, note, print_json, print_table

group = typer.Typer(help="Deploy a tuned model.", no_args_is_help=True, rich_markup_mode=None, add_completion=False)


@group.callback()
def _root() -> None:
    """Deploy a tuned model."""


for _command in (hub, bedrock, provisioned, sagemaker):
    group.command()(_command)
group.command("import")(import_)


@group.command("run")
def run_(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="Default: the newest finished run.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Of what serves it. Default: the run's name.")
    ] = None,
    yes: Yes = False,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Serve a run where it belongs.

    A Nova tuned on Bedrock or SageMaker: on Bedrock, on demand. Merged weights of a Llama, Qwen or Mistral: imported
    into Bedrock, paid while they are asked. Other weights: at an endpoint if SageMaker trained them, else on the
    Hugging Face Hub. As `deploy bedrock`, `import`, `sagemaker` and `hub` do.

    Example: sqltailor deploy run runs/shop
    """
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.cloud.deploy_route import target_of
    from sqltailor.runs import find_run, newest_training

    settings = recipe_for(recipe, database).train
    root = Path(settings.out)
    found = find_run(root, run) if run else newest_training(root)
    target = target_of(found, settings)
    note(f"{found.path}: {target}")
    if target == "hub":
        hub(str(found.path), name=name, yes=yes, json=json)
    elif target == "bedrock":
        bedrock(str(found.path), name=name, yes=yes, database=database, recipe=recipe, json=json)
    elif target == "import":
        import_(str(found.path), name=name, yes=yes, database=database, recipe=recipe, json=json)
    else:
        sagemaker(str(found.path), name=name, yes=yes, database=database, recipe=recipe, json=json)


@group.command()
def invoke(
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", help="Name of an endpoint, or a run that has one.")],
    question: Annotated[str | None, typer.Option(metavar="TEXT", help="A question, in words.")] = None,
    spec: Annotated[
        str | None, typer.Option(metavar="FILE", help="A JSON query specification: a file, or - for stdin.")
    ] = None,
    body: Annotated[
        str | None, typer.Option(metavar="JSON", help='The body as it is: {"text": "<spec as JSON>"}, {"messages": …}.')
    ] = None,
    region: Annotated[str | None, typer.Option("--region", metavar="REGION", help="Default: the recipe's.")] = None,
    recipe: Recipe = None,
) -> None:
    """Ask an endpoint of SageMaker itself, and print its JSON.

    What any program gets that calls InvokeEndpoint: no guard has looked at the SQL.

    Example: sqltailor deploy invoke shop --question "how many customers do we have?"
    """
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.cli.inputs import read_spec
    from sqltailor.cloud.sagemaker.invoking import body_of, invoke

    settings = recipe_for(recipe, None).train
    sent = body_of(question=question, spec=read_spec(spec) if spec else None, body=body)
    print_json(invoke(endpoint, sent, region=region or settings.aws.region))


Region = Annotated[str | None, typer.Option("--region", metavar="REGION", help="AWS region. Default: the recipe's.")]


@group.command("list")
def list_(region: Region = None, recipe: Recipe = None, json: Json = False) -> None:
    """List what exists on AWS, its age and its cost.

    Deployments, models, endpoints and running jobs that SQLTailor created, found by their tag.

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
    data: Annotated[
        bool, typer.Option("--data", help="Also delete the runs' objects in S3; with --all, of every run.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    region: Region = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Delete deployments, endpoints and models: nothing costs.

    What serves first, then what it served, as AWS requires. A deleted model cannot be restored, only trained again.
    Jobs are stopped with `jobs stop`. Objects in S3 are deleted with --data, or expire after 90 days.

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
    if data:
        note("and the objects of " + ("every run here" if all_ else "their runs") + " in S3")
    if items or data:
        confirm("Delete them?", yes, reason="This cannot be undone")
    runs = {item.run for item in items}
    done = list(delete(where, items, root=Path(settings.out), data_of=lambda run: data and (all_ or run in runs)))
    print_json({"deleted": done}) if json else print("\n".join(done) or "nothing to delete")
