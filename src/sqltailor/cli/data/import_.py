"""`sqltailor data import`: turn files of any known format into one checked data set."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sqltailor.cli.data.options import Format, FromDialect, Map, import_options, print_summary
from sqltailor.cli.output import DatabaseUrl, Json, Recipe, note


def import_(
    sources: Annotated[list[str], typer.Argument(metavar="SRC", help="Files in any known format.")],
    format: Format = None,
    map: Map = None,
    from_dialect: FromDialect = None,
    from_database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Database that this SQL ran on: rows with a different result are rejected."),
    ] = None,
    out: Annotated[str, typer.Option(metavar="DIR", help="Folder of the data set.")] = "data",
    by: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="Split by database, schema, template or question. Default: what fits."),
    ] = None,
    validation: Annotated[
        float, typer.Option(metavar="SHARE", min=0, max=0.9, help="Share set aside for validation.")
    ] = 0.1,
    test: Annotated[float, typer.Option(metavar="SHARE", min=0, max=0.9, help="Share set aside for testing.")] = 0.1,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the split.")] = 0,
    against: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Test file whose rows are kept out; may be repeated.")
    ] = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Read, check, deduplicate and split examples.

    Every removed row goes to rejects.jsonl with its reason: read = kept + rejected. Exit code 1 when none is kept.

    Example: sqltailor data import my.csv --map question=ask,sql=query
    """
    from sqltailor.data.dataset.importing import import_data

    summary = import_data(
        sources,
        out,
        by=by,
        seed=seed,
        validation_share=validation,
        test_share=test,
        from_dialect=from_dialect,
        from_database=from_database,
        **import_options(sources, recipe, database, format, map, against),
    )
    print_summary(summary, json, validation=validation, test=test)
    if not summary.kept:
        note("nothing was kept: see rejects.jsonl for the reasons")
        sys.exit(1)
