"""`sqltailor models`: which models can be tuned where, by what, and how they are then served."""

from __future__ import annotations

import dataclasses
import shutil
import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from sqltailor.cli.output import Json, note, print_json

if TYPE_CHECKING:
    from sqltailor.cloud.model_catalog import Entry


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
    from sqltailor.cloud.model_catalog import entries, regions
    from sqltailor.errors import ConfigError, unknown

    if region is not None and region not in regions():
        raise ConfigError(unknown("region of tuning", region, regions()))
    found = entries(tunable=tunable, region=region)
    if json:
        print_json({"read": READ, "models": [dataclasses.asdict(entry) for entry in found]})
        return
    for entry in found:
        _print_entry(entry)
    note(f"{len(found)} entries, from AWS's documentation as of {READ}")


def _print_entry(entry: Entry) -> None:
    """Print a model and a paragraph for each way to tune it: in a table its long name would be broken."""
    ways = [
        f"{way.by}: {', '.join(way.regions) or 'anywhere'}; served {way.served}; "
        + (f"train.backend={way.backend}" if way.backend else "not built")
        for way in entry.ways
    ]
    print(entry.model)
    for line in ways or [entry.note or "cannot be tuned"]:
        width = shutil.get_terminal_size().columns
        print(textwrap.fill(line, width, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False))
