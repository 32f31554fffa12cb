"""Commands about data: data import, check, show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sqltailor.cli.output import DatabaseUrl, Json, Recipe, note, print_counts, print_json

if TYPE_CHECKING:
    from sqltailor.data.dataset.importing import ImportSummary

group = typer.Typer(no_args_is_help=True, help="Read, check, show and make question–SQL pairs.")

Format = Annotated[
    str | None, typer.Option(metavar="FORMAT", help="Format of the files. Default: found out from each file.")
]
FromDialect = Annotated[
    str | None,
    typer.Option(metavar="DIALECT", help="Dialect of the SQL in the files, to be translated."),
]
Map = Annotated[
    str | None,
    typer.Option(
        "--map", metavar="NAME=COL,…", help="Columns of a CSV: question=COL,sql=COL (schema, evidence, id, … too)."
    ),
]


@group.command("import")
def import_(
    sources: Annotated[list[str], typer.Argument(metavar="SRC", help="Files in any known format.")],
    format: Format = None,
    map: Map = None,
    from_dialect: FromDialect = None,
    from_database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where that SQL ran until now: what gives another result here is rejected."),
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
        list[str] | None, typer.Option(metavar="FILE", help="Test file whose rows must not come in; may be repeated.")
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
        **_options(sources, recipe, database, format, map, against),
    )
    print_summary(summary, json, validation=validation, test=test)
    if not summary.kept:
        note("nothing was kept: see rejects.jsonl for the reasons")
        sys.exit(1)


@group.command()
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
    summary = check_data(file, folder, **_options([file], recipe, database, format, map, against))
    print_summary(summary, json)
    if summary.rejected:
        sys.exit(1)


@group.command()
def show(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of examples in any known format.")],
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", min=1, help="Examples to show.")] = 5,
    format: Format = None,
    map: Map = None,
    json: Json = False,
) -> None:
    """Print the first examples of a file as SQLTailor reads them.

    Example: sqltailor data show my.csv --map question=ask,sql=query -n 3
    """
    from itertools import islice

    from sqltailor.data.examples import to_json
    from sqltailor.data.readers import read_examples
    from sqltailor.types import Example

    items = list(islice(read_examples(file, format=format, mapping=_mapping(map, [file], format)), limit))
    if json:
        print_json([to_json(i) if isinstance(i, Example) else {"line": i.line, "rejected": i.reason} for i in items])
        return
    for item in items:
        if isinstance(item, Example):
            asked = item.question if item.question is not None else item.spec
            print(f"{item.id}: {asked}\n    {item.sql[0]}")
        else:
            print(f"line {item.line} rejected: {item.reason}: {item.detail}")


def _options(
    sources: list[str],
    recipe: str | None,
    database: str | None,
    format: str | None,
    map: str | None,
    against: list[str] | None,
) -> Any:
    from sqltailor.project import grant_of, read_schema_file
    from sqltailor.recipe import load_recipe

    found = load_recipe(recipe, [f"database.url={database}"] if database else []).recipe
    schema_file = found.database.schema_file
    return {
        "format": format or found.data.format,
        "mapping": _mapping(map, sources, format) or dict(found.data.mapping) or None,
        "database": found.database.url,
        "schema": read_schema_file(schema_file, found.dialect) if schema_file else None,
        "dialect": found.dialect if found.database.url is None else None,
        "grant": grant_of(found),
        "statements": found.data.statements,
        "against": tuple(against or ()) or None,
    }


def _mapping(text: str | None, sources: list[str], format: str | None) -> dict[str, str] | None:
    from sqltailor.data.readers import check_mapping
    from sqltailor.errors import ConfigError

    if text is None:
        return None
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and column.strip() for name, _, column in pairs):
        raise ConfigError(f"--map '{text}' is not a list of NAME=COLUMN, such as question=ask,sql=query.")
    mapping = {name.strip(): column.strip() for name, _, column in pairs}
    check_mapping(sources, format, mapping)
    return mapping


def print_summary(summary: ImportSummary, json: bool, **shares: float) -> None:
    """Print what an import did; `shares` are those that the parts were to have."""
    for part, share in shares.items():
        if share and summary.kept and not summary.parts[part]:
            note(f"note: no row for {part}: too few to split by {summary.split_by} (--by question, --{part} 0.3)")
    if json:
        print_json(summary.to_json())
        return
    print(f"read {summary.read:,}, kept {summary.kept:,}, rejected {summary.rejected:,}")
    print_counts(summary.reasons, "rejected")
    print_counts(summary.warnings, "warning ")
    if summary.parts:
        print(
            "  "
            + ", ".join(f"{part} {count:,}" for part, count in summary.parts.items())
            + f", split by {summary.split_by}"
        )
    note(f"see {summary.out}/card.html and {summary.out}/rejects.jsonl")


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.add_typer(group, name="data")
