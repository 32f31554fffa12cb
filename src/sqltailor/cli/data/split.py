"""`sqltailor data split`: divide a file into train, validation and test."""

from __future__ import annotations

from typing import Annotated

import typer

from sqltailor.cli.output import Json


def split(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of examples in any known format.")],
    by: Annotated[str, typer.Option(metavar="WHAT", help="database, schema, template or question.")] = "template",
    out: Annotated[str, typer.Option(metavar="DIR", help="Folder of the data set.")] = "data",
    validation: Annotated[float, typer.Option(metavar="SHARE", min=0, max=0.9, help="Share for validation.")] = 0.1,
    test: Annotated[float, typer.Option(metavar="SHARE", min=0, max=0.9, help="Share for testing.")] = 0.1,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the split.")] = 0,
    json: Json = False,
) -> None:
    """Divide a file into train, validation and test, without leaks.

    Example: sqltailor data split pairs.jsonl --by template --out data
    """
    from sqltailor.cli.data.options import print_summary
    from sqltailor.data.dataset.importing import import_data

    summary = import_data([file], out, by=by, seed=seed, validation_share=validation, test_share=test)
    print_summary(summary, json, validation=validation, test=test)
