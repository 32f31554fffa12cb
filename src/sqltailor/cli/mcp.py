"""`sqltailor mcp`: questions from an MCP host, such as an editor or an assistant."""

from __future__ import annotations

from typing import Annotated

import typer

from sqltailor.cli.output import DatabaseUrl, Recipe


def mcp(
    model: Annotated[
        str | None,
        typer.Option(
            metavar="REF",
            help="Named base, runs/NAME, folder, .gguf or Hub id. Default: the newest run, else `base`.",
        ),
    ] = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
) -> None:
    """Serve the tools `ask` and `schema` to an MCP host, over stdio.

    An MCP host starts this command in the folder of the recipe and talks to it on standard input and output.

    Example: sqltailor mcp --model runs/shop
    """
    from sqltailor.cli.defaults import asked_model, recipe_for
    from sqltailor.serve.mcp_server import serve_stdio

    found = recipe_for(recipe, database)
    serve_stdio(found, asked_model(model, found))
