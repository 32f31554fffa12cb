"""`sqltailor data augment`: more pairs from pairs, logs or a schema."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sqltailor.cli.output import DatabaseUrl, Json, Recipe, note, print_counts, print_json, progress


def augment(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SRC", help="Files of examples; for back-translate query logs.")
    ] = None,
    how: Annotated[
        str, typer.Option(metavar="HOW", help="rewrite, back-translate, propose, values or follow.")
    ] = "rewrite",
    model: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Model that writes: hf:ID_OR_PATH, runs/NAME, or answers in echo:FILE."),
    ] = None,
    checker: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Model that checks. Default: that of --model; for rewrite none."),
    ] = None,
    also_on: Annotated[
        list[str] | None,
        typer.Option(
            "--also-on", metavar="URL", help="Another database on which the round trip must hold; may be repeated."
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            metavar="N",
            min=1,
            help="Most a request makes: wordings (3), questions (1), pairs (4); or variants of a row (4).",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Maximum number of requests, or rows of SRC. Default: all; 100 for propose."
        ),
    ] = None,
    temperature: Annotated[
        float, typer.Option(metavar="T", min=0, max=2, help="Sampling temperature; 0 takes the likeliest words.")
    ] = 0.7,
    max_tokens: Annotated[
        int | None,
        typer.Option("--max-tokens", metavar="N", min=1, help="Longest answer; a model that thinks aloud needs more."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Seed of what is drawn.")] = 0,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="File to write. Default: data/HOW.jsonl.")] = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Make new pairs with or without a model; keep what passes.

    --how values, without a model: the questions in SRC, asked about other stored values; --how follow asks them so
    after the first, in few words: "and in zone 2?"

    With --model: rewrite words the questions in SRC anew, with every value and number of the SQL still in them;
    back-translate writes questions for the queries of the log SRC; propose makes new pairs over the schema, unlike
    those in SRC.

    SQL is parsed, guarded and run, and its result must say something. Then the round trip: a model, the checker,
    answers the new question, and the pair is kept only where both results are equal. A checker that is good at your
    SQL, such as runs/NAME, keeps more. --also-on names further databases on which they must be equal, such as those
    that data fuzz-db made.

    made = kept + rejected; rejects lie in NAME.rejects.jsonl with their reasons. Every answer is kept in
    NAME.answers.jsonl: the same command goes on where it was ended, and asks nothing twice. Exit code 1 when nothing
    is kept.

    Example: sqltailor data augment data/train.jsonl --how values

    Example: sqltailor data augment data/train.jsonl --how rewrite --model hf:Qwen/Qwen3-4B-Instruct-2507

    Example: sqltailor data augment data/log.jsonl --how back-translate --model hf:ID --checker runs/shop
    """
    from sqltailor.augment import augment as make
    from sqltailor.cli.defaults import recipe_for

    if model is not None and checker is None and how in ("back-translate", "propose"):
        note(f"checker: {model}, the writer itself (--checker REF)")
    settings = recipe_for(recipe, database)
    with progress() as bars:
        bar = bars.add_task(f"{model} writes" if model else "trying other values", total=None)
        made = make(
            how,  # type: ignore[arg-type]
            sources or (),
            out or f"data/{how}.jsonl",
            recipe=settings,
            model=model,
            checker=checker,
            also_on=also_on or (),
            n=n,
            limit=limit,
            temperature=temperature,
            max_tokens=max_tokens,
            seed=seed,
            progress=lambda done: bars.update(bar, completed=done),
        )
    if json:
        print_json(made.to_json())
    else:
        print(f"made {made.made:,}, kept {made.kept:,}, rejected {made.rejected:,}")
        print_counts(made.reasons, "rejected")
        print(f"wrote {made.out}")
        if made.kept and made.out not in settings.data.train:
            note("note: to train on it, list it in data.train of recipe.yaml")
    if not made.kept:
        sys.exit(1)
