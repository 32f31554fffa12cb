"""`sqltailor init`: write recipe.yaml for a database."""

from __future__ import annotations

from typing import Annotated

import typer

from sqltailor.cli.output import Json, note, print_json
from sqltailor.errors import counted


def init(
    url: Annotated[
        str,
        typer.Argument(metavar="URL", help="sqlite:///shop.db, postgresql://user:pw@host/db, …; or schema.sql."),
    ],
    dialect: Annotated[
        str | None, typer.Option(metavar="DIALECT", help="sqlglot name or YAML file. Default: the database's own.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Copy this shipped recipe (such as qlora-8b-24gb) instead of the short one."),
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="T[.C]", help="Only these tables T and columns T.C may be named.")
    ] = None,
    deny: Annotated[
        list[str] | None, typer.Option(metavar="T[.C]", help="These tables T and columns T.C may not be named.")
    ] = None,
    out: Annotated[str, typer.Option(metavar="DIR", help="Folder to write into.")] = ".",
    force: Annotated[bool, typer.Option("--force", help="Replace an existing recipe.yaml.")] = False,
    json: Json = False,
) -> None:
    """Read a database's schema and write recipe.yaml for it.

    A password goes to .env, never into the recipe. Of a server, the SQL of a role is printed that may
    read what is granted and nothing else; nothing is run.

    Example: sqltailor init sqlite:///shop.db
    """
    import dataclasses

    from sqltailor.init import init
    from sqltailor.types import Grant

    grant = Grant(tuple(allow or ()), tuple(deny or ()))
    project = init(url, out=out, dialect=dialect, recipe=recipe, grant=grant, force=force)
    if json:
        print_json(dataclasses.asdict(project))
        return
    found = f"{counted(project.tables, 'table')}, {counted(project.columns, 'column')}"
    note(f"{project.url_shown}: {found}, dialect {project.dialect}")
    for line in project.notes:
        note(f"note: {line}")
    print(f"wrote {', '.join(map(str, project.written))}")
    print("next:\n  " + "\n  ".join(project.next_commands))
    if project.role_sql:
        print("a role that may read this and nothing else, for an administrator to make:")
        print("".join(f"  {statement};\n" for statement in project.role_sql), end="")
