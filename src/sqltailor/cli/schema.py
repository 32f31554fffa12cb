"""`sqltailor schema`: print a database's schema as a model sees it."""

from __future__ import annotations

from typing import Annotated

import typer

from sqltailor.cli.output import Recipe, note, print_json


def schema(
    url: Annotated[
        str | None,
        typer.Argument(metavar="URL", help="Database URL or file, or a file or folder of DDL. Default: the recipe's."),
    ] = None,
    format: Annotated[str, typer.Option(metavar="FORMAT", help="ddl, compact (as nano sees it) or json.")] = "ddl",
    samples: Annotated[
        int, typer.Option(metavar="N", min=0, max=20, help="Stored values to show for each column.")
    ] = 0,
    dialect: Annotated[
        str | None, typer.Option(metavar="DIALECT", help="Dialect of a DDL file. Default: the recipe's.")
    ] = None,
    recipe: Recipe = None,
) -> None:
    """Print a database's schema as a model sees it.

    Of a DDL file what is not understood is told, with its line.

    Example: sqltailor schema sqlite:///shop.db --format compact
    """
    from sqltailor.data.schema_file import is_schema_file
    from sqltailor.errors import ConfigError, unknown
    from sqltailor.project import Project
    from sqltailor.prompt.text import compact_schema
    from sqltailor.recipe import load_recipe
    from sqltailor.sql.schema import to_ddl, to_json

    if format not in ("ddl", "compact", "json"):
        raise ConfigError(unknown("format", format, ("ddl", "compact", "json")))
    words = [f"dialect={dialect}"] if dialect else []
    if url:
        words += [f"database.schema={url}", "database.url=null"] if is_schema_file(url) else [f"database.url={url}"]
    resolved = load_recipe(recipe, [*words, f"database.samples={samples}"] if samples else words).recipe
    with Project(resolved) as project:
        found, spoken = project.granted, project.dialect
    if samples and format == "compact":
        note("note: compact shows no stored values, so --samples changes nothing: --format ddl or json shows them")
    elif samples and resolved.database.schema_file is not None:
        note("note: a schema file has no stored values, so --samples changes nothing: name the database")
    if format == "json":
        print_json(to_json(found))
    elif format == "compact":
        print(compact_schema(found, spoken))
    else:
        print(to_ddl(found, spoken, samples=samples > 0).replace("; CREATE", ";\nCREATE") + ";")
