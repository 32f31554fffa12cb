"""`sqltailor config`: print every value of the recipe and its origin."""

from __future__ import annotations

from typing import Annotated

import typer

from sqltailor.cli.output import Json, Words, print_json, print_table


def config(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A path or a shipped name. Default: recipe.yaml.")
    ] = None,
    words: Words = None,
    json: Json = False,
) -> None:
    """Print every value of the recipe and where it comes from.

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
