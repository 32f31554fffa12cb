"""Options and output that several data commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sqltailor.cli.output import note, print_counts, print_json
from sqltailor.errors import counted

if TYPE_CHECKING:
    from sqltailor.data.dataset.importing import ImportSummary

Format = Annotated[
    str | None, typer.Option(metavar="FORMAT", help="Format of the files. Default: recognised for each file.")
]
FromDialect = Annotated[
    str | None,
    typer.Option(metavar="DIALECT", help="Dialect of the SQL in the files; it is translated."),
]
Map = Annotated[
    str | None,
    typer.Option(
        "--map", metavar="NAME=COL,…", help="Columns of a CSV: question=COL,sql=COL (schema, evidence, id, … too)."
    ),
]


FEW = 30
"""Test questions of which fewer say little."""


def import_options(
    sources: list[str],
    recipe: str | None,
    database: str | None,
    format: str | None,
    map: str | None,
    against: list[str] | None,
) -> Any:
    """Return what `data import` and `data check` pass on: the recipe's values, with those of the command line."""
    from sqltailor.data.schema_file import read_schema_file
    from sqltailor.project import Project
    from sqltailor.recipe import load_recipe

    found = load_recipe(recipe, [f"database.url={database}"] if database else []).recipe
    schema_file = found.database.schema_file
    return {
        "format": format or found.data.format,
        "mapping": mapping_of(map, sources, format) or dict(found.data.mapping) or None,
        "database": found.database.url,
        "schema": read_schema_file(schema_file, found.dialect) if schema_file else None,
        "dialect": found.dialect if found.database.url is None else None,
        "grant": Project(found).grant,
        "statements": found.data.statements,
        "against": tuple(against or ()) or None,
    }


def mapping_of(text: str | None, sources: list[str], format: str | None) -> dict[str, str] | None:
    """Return the mapping that `--map` gives. Raises `ConfigError` where it is none, or not about these files."""
    from sqltailor.data.readers import check_mapping

    if text is None:
        return None
    mapping = named_columns(text, "question=ask,sql=query")
    check_mapping(sources, format, mapping)
    return mapping


def named_columns(text: str, such_as: str) -> dict[str, str]:
    """Return name → column of a list `NAME=COLUMN,…`; raises `ConfigError` where it is none."""
    from sqltailor.errors import ConfigError

    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and column.strip() for name, _, column in pairs):
        raise ConfigError(f"--map '{text}' is not a list of NAME=COLUMN, such as {such_as}.")
    return {name.strip(): column.strip() for name, _, column in pairs}


def print_summary(summary: ImportSummary, json: bool, **shares: float) -> None:
    """Print what an import did; `shares` are those that the parts were to have."""
    for part, share in shares.items():
        if share and summary.kept and not summary.parts[part]:
            note(f"note: no row for {part}: too few to split by {summary.split_by} (--by question, --{part} 0.3)")
    if 0 < (count := summary.parts.get("test", 0)) < FEW:
        from sqltailor.evaluate.statistics import rate

        half = rate([0.5] * count)
        assert half is not None
        told = f"{counted(count, 'row')} for test, so that a rate is known to ±{100 * (half.high - 0.5):.0f} points"
        note(f"note: only {told} (more: --by question, --test 0.3)")
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
