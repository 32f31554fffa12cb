"""`sqltailor data synth`: make question–SQL pairs from a database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sqltailor.cli.output import Json, Recipe, note, print_json, progress


def synth(
    url: Annotated[
        str | None, typer.Argument(metavar="URL", help="Database URL or file. Default: the recipe's.")
    ] = None,
    n: Annotated[int, typer.Option("-n", metavar="KEPT", min=1, help="Pairs to keep.")] = 2000,
    kind: Annotated[str, typer.Option(metavar="KIND", help="question, or spec for JSON specifications.")] = "question",
    out: Annotated[str, typer.Option(metavar="FILE", help="File to write.")] = "data/synth.jsonl",
    wordings: Annotated[int, typer.Option(metavar="N", min=1, help="Questions written for each statement.")] = 1,
    typos: Annotated[
        float, typer.Option(metavar="RATE", min=0, max=1, help="Share of questions with a typing error.")
    ] = 0.02,
    declines: Annotated[
        float,
        typer.Option(metavar="SHARE", min=0, max=0.9, help="Share of questions that the schema cannot answer."),
    ] = 0,
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same pairs.")] = 0,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Make question–SQL pairs from nothing but the database.

    Each one is guarded, executed, and kept only if its result is informative.

    Example: sqltailor data synth sqlite:///shop.db -n 2000

    Example: sqltailor data synth -n 2000 --declines 0.05
    """
    from sqltailor.cli.defaults import project_for
    from sqltailor.data.examples import write_examples
    from sqltailor.synth.synthesis import synthesise

    with project_for(recipe, url) as project, progress() as bars:
        bar = bars.add_task("making pairs", total=n)
        made = synthesise(
            project.runnable,
            n,
            kind=kind,  # type: ignore[arg-type]
            seed=seed,
            schema=project.schema,
            grant=project.grant,
            glossary=project.recipe.glossary,
            dialect=project.dialect,
            wordings=wordings,
            typo_rate=typos,
            declines=declines,
            personal=project.recipe.database.sample_personal,
            progress=lambda kept: bars.update(bar, completed=kept),
        )
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    write_examples(out, made.examples)
    if json:
        print_json({**made.to_json(), "out": out})
        return
    speed = made.kept / made.seconds if made.seconds else 0
    print(
        f"kept {made.kept:,} of {made.made:,} made, {made.templates:,} templates, {made.seconds:.1f} s ({speed:,.0f}/s)"
    )
    for reason, count in made.dropped.items():
        print(f"  dropped {count:,}: {reason}")
    if made.declines:
        print(f"  {made.declines:,} of them cannot be answered, and say why")
    if made.joins_guessed:
        note(f"note: joins that no foreign key declares, judged by names and values: {'; '.join(made.joins_guessed)}")
    if made.kept < n:
        note(f"note: the schema and its values gave {made.kept:,} pairs, not {n:,}")
    print(f"wrote {out}")
