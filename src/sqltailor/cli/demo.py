"""`sqltailor demo`: the whole journey on the sample database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sqltailor.cli.output import Json, answering, note, print_json, print_table

if TYPE_CHECKING:
    from sqltailor.demo.run import Demo


def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder to work in; given again, an interrupted demo goes on there.")
    ] = Path("sqltailor-demo"),
    json: Json = False,
) -> None:
    """Tune the embedded model on a sample database, and measure it.

    Everything at once, in minutes on a CPU: database, data, training, an evaluation before and after, a report, an
    answered question.

    Example: sqltailor demo --out my-demo
    """
    from sqltailor.demo.run import run_demo
    from sqltailor.train.running.progress import live

    result = run_demo(out, on_step=note, show_training=live, show_answers=answering)
    print_json(result.to_json()) if json else _print(result)


def _print(result: Demo) -> None:
    from sqltailor.cli.eval import print_scores
    from sqltailor.demo.run import QUESTION

    parts = result.measured.result.scores["breakdowns"].get("part", {})
    rows = []
    for part, models in parts.items():
        shown = [
            f"{r['execution']['value']:.0%} [{r['execution']['low']:.0%}, {r['execution']['high']:.0%}]"
            for r in models.values()
        ]
        rows.append((part.replace("_", " "), next(iter(models.values()))["execution"]["n"], *shown))
    print_table(("right by execution", "questions", "base (nano)", "tuned"), rows)
    print_scores(result.measured.result)
    print(f"\n{QUESTION}\n{result.reply.sql}")
    if result.reply.result is not None:
        print_table(result.reply.result.columns, result.reply.result.rows)
    print(f"\n{result.seconds:.0f} s. Open {result.folder / result.measured.report} in a browser, then try:")
    print(f"  cd {result.folder}")
    print('  sqltailor ask "Which three brands have the most items?" --run')
    print("  sqltailor eval --show 3")
    print("  sqltailor init sqlite:////path/to/your.db --out my-project")
