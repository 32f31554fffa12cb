"""`sqltailor demo`: the whole journey on the sample database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sqltailor.cli.output import Json, answering, note, print_json, print_table

if TYPE_CHECKING:
    from sqltailor.demo.journey import Demo


def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to work in; an interrupted demo resumes there.")
    ] = Path("sqltailor-demo"),
    base: Annotated[
        str, typer.Option(metavar="NAME", help="Base to tune: a name of `sqltailor bases`. nano takes two minutes.")
    ] = "small",
    questions: Annotated[
        int, typer.Option(metavar="N", min=1, max=100, help="Questions to ask of each of the two test parts.")
    ] = 50,
    json: Json = False,
) -> None:
    """Tune a base model on a sample database, and measure it.

    Runs everything in minutes on a CPU: database, data, training, an evaluation before and after, a report, an
    answered question. The base is downloaded on first use.

    Example: sqltailor demo --out my-demo
    """
    from sqltailor.demo.journey import run_demo
    from sqltailor.train.running.progress import live

    result = run_demo(out, base=base, questions=questions, on_step=note, show_training=live, show_answers=answering)
    print_json(result.to_json()) if json else _print(result)


def _rates(models: dict[str, Any], metric: str) -> list[str]:
    """Return how many were asked, and each model's rate with its 95 % interval."""
    rates = [rates[metric] for rates in models.values()]
    return [f"{rates[0]['n']}", *(f"{r['value']:.0%} [{r['low']:.0%}, {r['high']:.0%}]" for r in rates)]


def _print(result: Demo) -> None:
    from sqltailor.demo.journey import QUESTION

    scores = result.measured.result.scores
    rows = [
        (part.replace("_", " "), *_rates(models, "execution"))
        for part, models in scores["breakdowns"].get("part", {}).items()
    ]
    print_table(("right by execution", "asked", f"{result.base}, untuned", f"{result.base}, tuned"), rows)
    for pair in scores["paired"]:
        if pair["metric"] == "execution":
            print(f"{pair['fixed']} answers fixed, {pair['broken']} broken, p = {pair['p']:.2g} (exact McNemar)")
    shares = [f"{rates['schema_valid']['value']:.0%}" for rates in scores["models"].values()]
    print(f"answers whose tables and columns all exist: {' → '.join(shares)}")
    print(f"\n{QUESTION}\n{result.reply.sql}")
    if result.reply.result is not None:
        print_table(result.reply.result.columns, result.reply.result.rows)
    print(f"\n{result.seconds:.0f} s. Open {result.folder / result.measured.report} in a browser, then try:")
    print(f"  cd {result.folder}")
    print('  sqltailor ask "Which three brands have the most items?" --run')
    print("  sqltailor eval --show 3")
    print("  sqltailor init sqlite:////path/to/your.db --out my-project")
