"""`sqltailor data export`: write examples as files for a trainer."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sqltailor.cli.output import DatabaseUrl, Json, Recipe, print_json
from sqltailor.errors import counted


def export(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Training files in any known format.")],
    format: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="bedrock, claude, prompt-completion, openai, rft, sharegpt, alpaca, input-output, text or examples.",
        ),
    ],
    out: Annotated[str, typer.Option(metavar="PATH", help="Folder, or a file for a single FILE.")],
    validation: Annotated[str | None, typer.Option(metavar="FILE", help="Validation file.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Rules to check: nova, nova-2-lite, llama, claude-3-haiku.")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Drop rows that break a rule on their own.")] = False,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Write examples for another trainer.

    Lists every violation of the trainer's rules, by line; exit code 1 if there is one.

    Example: sqltailor data export data/train.jsonl --format bedrock --out bedrock/
    """
    from sqltailor.cli.defaults import project_for
    from sqltailor.data.dataset.exporting import export

    with project_for(recipe, database) as project:
        summary = export(
            files,
            format,
            out,
            validation=validation,
            schema=project.granted if project.has_schema else None,
            dialect=project.dialect,
            model=model,
            skip_bad=skip_bad,
            complete=project.complete,
        )
    if json:
        print_json(summary.to_json())
    else:
        for path, count in summary.written.items():
            print(f"{path}: {counted(count, 'row')}")
        for violation in summary.violations:
            where = f"line {violation.line}" if violation.line else "the file"
            print(f"  {violation.file}, {where}: {violation.rule}: {violation.detail}")
    if summary.violations:
        sys.exit(1)
