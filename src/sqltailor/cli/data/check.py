"""`sqltailor data check`: report what an import would reject or warn about."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sqltailor.cli.data.options import Format, Map, import_options, print_summary
from sqltailor.cli.output import DatabaseUrl, Json, Recipe


def check(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of examples in any known format.")],
    format: Format = None,
    map: Map = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder of the data card and rejects. Default: FILE-check.")
    ] = None,
    against: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Test file to compare with; may be repeated.")
    ] = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Check a file as import does, and write its data card (HTML).

    Exit code 1 when a row is rejected.

    Example: sqltailor data check data/train.jsonl --database sqlite:///x.db --against data/test.jsonl
    """
    from sqltailor.data.dataset.importing import check_data

    folder = out or str(Path(file).with_suffix("")) + "-check"
    summary = check_data(file, folder, **import_options([file], recipe, database, format, map, against))
    print_summary(summary, json)
    if summary.rejected:
        sys.exit(1)
