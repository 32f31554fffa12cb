"""`sqltailor deploy hub`: push a run to the Hugging Face Hub and serve it there."""

from __future__ import annotations

import dataclasses
import sys
from typing import Annotated

import typer

from sqltailor.cli.confirming import confirm
from sqltailor.cli.export import run_reference
from sqltailor.cli.output import Json, answering, note, print_json


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
