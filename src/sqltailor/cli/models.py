"""`sqltailor models`: which models can be tuned where, by what, and how they are then served."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from sqltailor.cli.output import Json, note, print_json, print_table


def models(
    tunable: Annotated[bool, typer.Option("--tunable", help="Only models that can be tuned.")] = False,
    region: Annotated[
        str | None, typer.Option("--region", metavar="REGION", help="Only what can be tuned in this AWS region.")
    ] = None,
    json: Json = False,
) -> None:
    """List the models that can be tuned on AWS, where and how.

    By what each is tuned, in which regions, how it is then served, and which `train.backend` does it. From AWS's
    documentation, with its date; before a job, `train` asks AWS itself. docs/choosing.md says which to take.

    Example: sqltailor models --tunable --region us-east-1
    """
    from sqltailor.aws.bedrock_models import READ
    from sqltailor.cloud.model_catalog import entries, table

    found = entries(tunable=tunable, region=region)
    if json:
        print_json({"read": READ, "models": [dataclasses.asdict(entry) for entry in found]})
        return
    if found:
        print_table(("model", "tuned by", "regions", "served", "backend"), table(found))
    note(f"{len(found)} entries, from AWS's documentation as of {READ}")
