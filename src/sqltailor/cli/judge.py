"""`sqltailor judge`: have a model mark the answers of an evaluation."""

from __future__ import annotations

from typing import Annotated

import typer

from sqltailor.cli.output import DatabaseUrl, Json, Recipe, answering, note, print_json, print_table


def judge(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Run or evaluation folder. Default: the newest with answers.")
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="REF", help="The judge: any model reference, such as openai:URL#MODEL.")
    ] = "small",
    rubric: Annotated[
        str, typer.Option(metavar="NAME", help="score100: marks from 0 to 100; equivalent: yes or no.")
    ] = "score100",
    all_: Annotated[bool, typer.Option("--all", help="Ask also about answers that execution calls right.")] = False,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Have a model mark answers, beside what execution says.

    Judges let wrong answers pass: what they say is shown beside execution accuracy, with Cohen's kappa. Answers that
    execution calls right are not asked about, unless --all; kappa is then the most that it can be. Verdicts are kept:
    the same command asks nothing twice.

    Example: sqltailor judge runs/shop --model openai:http://127.0.0.1:8080/v1#qwen --all
    """
    from sqltailor.cli.defaults import answers_folder, recipe_for
    from sqltailor.evaluate.judge import judge_answers, verdict_lines
    from sqltailor.generate import load
    from sqltailor.project import opened
    from sqltailor.types import Schema

    found = recipe_for(recipe, database)
    folder = answers_folder(run, found)
    with opened(found) as project, answering() as on_progress:
        told = judge_answers(
            folder, model, load(model), rubric=rubric, ask_all=all_, on_progress=on_progress,
            schema=project.schema if project.has_schema else Schema(),
        )  # fmt: skip
    if json:
        print_json(told)
        return
    print_table(("model", "execution", f"judge: {rubric}", "kappa", "no mark"), verdict_lines(told))
    for name, one in told["models"].items():
        passed = f"{len(one['only_judge']):,} answers pass that execution calls wrong"
        print(f"{name}: {one['asked']:,} asked; {passed}: {', '.join(one['only_judge'][:10]) or '—'}")
    note(f"verdicts: {folder}")
