"""`sqltailor train`: train by a recipe, or plan it."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sqltailor.cli.output import Json, Words, note, print_json, print_table
from sqltailor.errors import counted

if TYPE_CHECKING:
    from sqltailor.recipe import Resolved


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
    from_run: Annotated[
        str | None, typer.Option("--from", metavar="RUN", help="Go on from this run instead of the recipe's base.")
    ] = None,
    add: Annotated[
        list[str] | None,
        typer.Option("--add", metavar="FILE", help="More training examples, such as feedback.jsonl; may be repeated."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan (memory, steps, time) and stop.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="AWS: do not ask before spending money.")] = False,
    max_usd: Annotated[
        float | None,
        typer.Option(
            "--max-usd", metavar="X", min=0, help="AWS: refuse a job that may cost more or has no known price."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="AWS: replace files of the same name in S3.")] = False,
    json: Json = False,
) -> None:
    """Tune a model by the recipe.

    The recipe names base model, data, method and settings. Repeat the command to resume an
    interrupted run. With `train.sweep`, every combination of values is a run of its own, and a table compares them.
    With `train.backend: bedrock` or `sagemaker`, the plan and its cost are printed and confirmed before any upload.

    Example: sqltailor train train.epochs=1

    Example: sqltailor train --from runs/shop --add feedback.jsonl

    Example: sqltailor train qlora-8b-24gb --dry-run

    Example: sqltailor train nova-micro-bedrock --max-usd 10
    """
    from sqltailor.recipe import load_recipe
    from sqltailor.train import plan, train
    from sqltailor.train.continuing import continued
    from sqltailor.train.planning.ready import check_named
    from sqltailor.train.running.processes import is_first_process
    from sqltailor.train.running.progress import live

    resolved = load_recipe(*recipe_and_words(recipe, words))
    check_named(resolved)
    if from_run or add:
        resolved = continued(resolved, from_run, add or ())
    if resolved.recipe.train.backend != "local":
        from sqltailor.cli.train_in_cloud import train_in_cloud

        train_in_cloud(resolved, dry_run=dry_run, yes=yes, max_usd=max_usd, overwrite=overwrite, json=json)
        return
    if resolved.recipe.train.sweep:
        _sweep(resolved, dry_run=dry_run, json=json)
        return
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
    if not is_first_process():
        return
    if json:
        print_json(dataclasses.asdict(result))
        return
    steps = counted(result.steps, "step")
    print(f"{result.run}: {steps} in {result.seconds:.0f} s, train loss {result.train_loss:.4f}")
    note('next:\n  sqltailor eval\n  sqltailor ask "…" --run')


def _sweep(resolved: Resolved, *, dry_run: bool, json: bool) -> None:
    """Plan or train every combination of a sweep, and print how they compare."""
    from sqltailor.train import plan, sweep
    from sqltailor.train.running.processes import is_first_process
    from sqltailor.train.running.progress import live
    from sqltailor.train.sweep import split

    if dry_run:
        plans = {values: plan(variant) for values, variant in split(resolved)}
        if json:
            print_json({values: planned.to_json() for values, planned in plans.items()})
        else:
            print("\n".join(f"{values}\n{planned.text()}" for values, planned in plans.items()))
        sys.exit(0 if all(planned.fits for planned in plans.values()) else 1)
    with live() as progress:
        found = sweep(resolved, progress=progress, on_plan=lambda planned: note(planned.text()), on_variant=note)
    if not is_first_process():
        return
    if json:
        print_json([variant.to_json() for variant in found])
        return
    rows = []
    for values, result in found:
        eval_loss = "" if result.eval_loss is None else f"{result.eval_loss:.4f}"
        row = (
            values,
            Path(result.run).name,
            result.steps,
            f"{result.train_loss:.4f}",
            eval_loss,
            f"{result.seconds:.0f}",
        )
        rows.append(row)
    print_table(("values", "run", "steps", "train loss", "validation loss", "seconds"), rows)
    note("next:\n  sqltailor eval " + " ".join(f"--model {result.run}" for _, result in found))
