"""Commands about a project: init, schema, config, doctor."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sqltailor.cli.output import Json, Recipe, Words, note, print_json, print_table
from sqltailor.errors import counted


def init(
    url: Annotated[
        str,
        typer.Argument(metavar="URL", help="sqlite:///shop.db, duckdb:///x.duckdb, postgresql://user:pw@host/db, …"),
    ],
    dialect: Annotated[
        str | None, typer.Option(metavar="DIALECT", help="sqlglot name or YAML file. Default: the database's own.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Copy this shipped recipe (such as qlora-8b-24gb) instead of the short one."),
    ] = None,
    out: Annotated[str, typer.Option(metavar="DIR", help="Folder to write into.")] = ".",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing recipe.yaml.")] = False,
    json: Json = False,
) -> None:
    """Read a database's schema and write recipe.yaml for it.

    A password goes to .env, never into the recipe.

    Example: sqltailor init sqlite:///shop.db
    """
    import dataclasses

    from sqltailor.init import init

    project = init(url, out=out, dialect=dialect, recipe=recipe, force=force)
    if json:
        print_json(dataclasses.asdict(project))
        return
    found = f"{counted(project.tables, 'table')}, {counted(project.columns, 'column')}"
    note(f"{project.url_shown}: {found}, dialect {project.dialect}")
    for line in project.notes:
        note(f"note: {line}")
    print(f"wrote {', '.join(map(str, project.written))}")
    print("next:\n  " + "\n  ".join(project.next_commands))


def schema(
    url: Annotated[
        str | None, typer.Argument(metavar="URL", help="Database URL or file. Default: the recipe's.")
    ] = None,
    format: Annotated[str, typer.Option(metavar="FORMAT", help="ddl, compact (as nano sees it) or json.")] = "ddl",
    samples: Annotated[
        int, typer.Option(metavar="N", min=0, max=20, help="Stored values to show for each column.")
    ] = 0,
    recipe: Recipe = None,
) -> None:
    """Print a database's schema as a model sees it.

    Example: sqltailor schema sqlite:///shop.db --format compact
    """
    from sqltailor.errors import ConfigError, unknown
    from sqltailor.project import granted_schema, open_recipe_database, schema_of
    from sqltailor.prompt.text import compact_schema
    from sqltailor.recipe import load_recipe
    from sqltailor.sql.schema import to_ddl, to_json

    if format not in ("ddl", "compact", "json"):
        raise ConfigError(unknown("format", format, ("ddl", "compact", "json")))
    words = [f"database.url={url}"] if url else []
    resolved = load_recipe(recipe, [*words, f"database.samples={samples}"] if samples else words).recipe
    with open_recipe_database(resolved) as database:
        found = granted_schema(resolved, schema_of(resolved, database))
        if format == "json":
            print_json(to_json(found))
        elif format == "compact":
            print(compact_schema(found))
        else:
            print(to_ddl(found, database.dialect, samples=samples > 0).replace("; CREATE", ";\nCREATE") + ";")


def config(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A path or a shipped name. Default: recipe.yaml.")
    ] = None,
    words: Words = None,
    json: Json = False,
) -> None:
    """Print every value of the recipe with where it comes from.

    Secrets are masked. Values given as KEY=VALUE win over the environment, .env and the recipe.

    Example: sqltailor config qlora-8b-24gb train.epochs=1
    """
    from sqltailor.cli.train import recipe_and_words
    from sqltailor.recipe import load_recipe, rows

    resolved = load_recipe(*recipe_and_words(recipe, words))
    found = rows(resolved)
    if json:
        print_json([{"key": key, "value": value, "origin": origin} for key, value, origin in found])
    else:
        print_table(("key", "value", "from"), found)


def doctor(recipe: Recipe = None, json: Json = False) -> None:
    """Check this machine, the packages, the recipe and its database.

    Exit code 1 when something fails; each finding comes with its remedy.

    Example: sqltailor doctor --json
    """
    import dataclasses

    from sqltailor.doctor import examine

    checks = examine(recipe)
    if json:
        print_json([dataclasses.asdict(check) for check in checks])
    else:
        print_table(
            ("check", "status", "found", "remedy"), [(c.name, c.status, c.found, c.remedy or "") for c in checks]
        )
    if any(check.status == "fail" for check in checks):
        sys.exit(1)


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    for command in (init, schema, config, doctor):
        app.command()(command)
