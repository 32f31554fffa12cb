"""The command that trains."""

from __future__ import annotations

import dataclasses
import sys
from typing import Annotated

import typer

from sqltailor.cli.output import Json, Words, note, print_json
from sqltailor.errors import counted


def recipe_and_words(recipe: str | None, words: list[str] | None) -> tuple[str | None, list[str]]:
    """Return the recipe and the `key=value` words: the recipe may be left out, so the first word may be a value."""
    if recipe is not None and "=" in recipe:
        return None, [recipe, *(words or [])]
    return recipe, list(words or [])


def train(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A path or a shipped name. Default: recipe.yaml.")
    ] = None,
    words: Words = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan (memory, steps, time) and stop.")] = False,
    json: Json = False,
) -> None:
    """Tune a model by the recipe.

    An interrupted run continues when the command is given again.

    Example: sqltailor train train.epochs=1

    Example: sqltailor train qlora-8b-24gb --dry-run
    """
    from sqltailor.recipe import load_recipe
    from sqltailor.train import plan, train
    from sqltailor.train.progress import live

    resolved = load_recipe(*recipe_and_words(recipe, words))
    if dry_run:
        planned = plan(resolved)
        print_json(planned.to_json()) if json else print(planned.text())
        sys.exit(0 if planned.fits else 1)
    try:
        with live() as progress:
            result = train(resolved, progress=progress, on_plan=lambda planned: note(planned.text()))
    except KeyboardInterrupt as e:
        if str(e):
            note(str(e))
        raise
    if json:
        print_json(dataclasses.asdict(result))
        return
    steps = counted(result.steps, "step")
    print(f"{result.run}: {steps} in {result.seconds:.0f} s, train loss {result.train_loss:.4f}")
    note('next:\n  sqltailor eval\n  sqltailor ask "…" --run')


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(train)
