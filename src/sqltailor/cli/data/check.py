"""`sqltailor data check`: report what an import would reject or warn about."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sqltailor.cli.data.options import Format, Map, import_options, print_summary
from sqltailor.cli.output import DatabaseUrl, Json, Recipe, note


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
    fail_on_smell: Annotated[
        bool, typer.Option("--fail-on-smell", help="Exit with 1 also when a rerun shows that gold SQL is doubtful.")
    ] = False,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Check a file as import does, and write its data card (HTML).

    On a database, gold SQL also runs in other ways: with text sorted as the numbers that it holds, NULL last, rows
    read in another order, another day. What changes the answer is a smell, with the statement in smells.jsonl.
    Exit code 1 when a row is rejected.

    Example: sqltailor data check data/train.jsonl --database sqlite:///x.db --against data/test.jsonl

    Example: sqltailor data check gold.jsonl --database sqlite:///x.db --fail-on-smell
    """
    from sqltailor.data.dataset.importing import check_data
    from sqltailor.errors import ConfigError, counted
    from sqltailor.evaluate.audit import SMELLS
    from sqltailor.evaluate.audit.probing import probe

    folder = out or str(Path(file).with_suffix("")) + "-check"
    options = import_options([file], recipe, database, format, map, against)
    if fail_on_smell and options["database"] is None:
        raise ConfigError("--fail-on-smell asks the database: name it with --database URL.")
    summary = check_data(file, folder, probe=probe if options["database"] else None, **options)
    print_summary(summary, json)
    if smells := sum(summary.warnings.get(name, 0) for name in SMELLS):
        note(f"{counted(smells, 'smell')} that reruns show: {folder}/smells.jsonl")
    if summary.rejected or (fail_on_smell and smells):
        sys.exit(1)
