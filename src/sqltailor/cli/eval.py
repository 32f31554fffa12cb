"""`sqltailor eval`: measure models on test questions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sqltailor.cli.output import DatabaseUrl, Json, Recipe, Votes, answering, note, print_json, print_table

if TYPE_CHECKING:
    from sqltailor.evaluate import Evaluation
    from sqltailor.types import Example


def eval_(
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REF",
            help="Named base, runs/NAME, folder, .gguf or Hub id; may be repeated. Default: the newest run, its base.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="File of examples; may be repeated. Default: data.test of the recipe."),
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Ask only the first N questions.")] = None,
    fuzz: Annotated[
        int, typer.Option(metavar="N", min=0, help="Run rows with their own schema on N databases made up for it.")
    ] = 0,
    votes: Votes = None,
    show: Annotated[int, typer.Option(metavar="N", min=0, help="Print N wrong answers of each model.")] = 0,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder to write into. Default: inside the run.")
    ] = None,
    fail_under: Annotated[
        str | None, typer.Option(metavar="METRIC=X", help="Exit with 1 when the last model scores less.")
    ] = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Ask models the test questions, run their SQL, and compare.

    Prints rates with 95 % intervals and a paired test for each pair of models, and writes report.html. Files may be in
    any format that data import reads. Rows that bring their own schema need no database: without --fuzz they are
    compared with their gold SQL and not run.

    Example: sqltailor eval --limit 20 --show 3

    Example: sqltailor eval --model nano --model runs/shop

    Example: sqltailor eval --model runs/shop --data sql_create_context.json --fuzz 3
    """
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.evaluate.by_recipe import evaluate_models

    found = recipe_for(recipe, database)
    minimum = _minimum(fail_under)
    if data is None and found.data.test:
        note(f"questions: {', '.join(found.data.test)}")
    with answering() as on_progress:
        evaluation = evaluate_models(
            found, models=model, data=data, limit=limit, votes=votes, out=out, fuzz=fuzz, on_progress=on_progress
        )
    if found.database.url is None and not fuzz:
        note("note: no database: SQL was compared, not run (--database URL, or --fuzz 3 for rows with their schemas)")
    if json:
        print_json(evaluation.result.to_json())
    else:
        print_scores(evaluation.result)
        note(f"report: {evaluation.report}")
    if show:
        _print_wrong(evaluation.result, evaluation.examples, show)
    if minimum and not _reaches(evaluation.result, *minimum):
        sys.exit(1)


def print_scores(result: Evaluation) -> None:
    """Print a table of rates with their 95 % intervals, and what changed between each two models."""
    models: dict[str, Any] = dict(result.scores["models"])
    metrics = list(dict.fromkeys(m for rates in models.values() for m in rates))
    rows = [[metric, *(_rate(rates.get(metric)) for rates in models.values())] for metric in metrics]
    print_table(("metric", *models), rows)
    for pair in result.scores["paired"]:
        if pair["metric"] == metrics[0]:
            print(
                f"{pair['metric']}: {pair['b']} against {pair['a']}: {pair['fixed']} fixed, {pair['broken']} broken, "
                f"p = {pair['p']:.2g} (exact McNemar)"
            )


def _rate(rate: dict[str, float] | None) -> str:
    if rate is None:
        return "—"
    return f"{rate['value']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}] n={rate['n']}"


def _print_wrong(result: Evaluation, examples: list[Example], show: int) -> None:
    by_id = {e.id: e for e in examples}
    for model, predictions in result.predictions.items():
        wrong = [p for p in predictions if p.outcome not in ("correct", "empty_match")][:show]
        for p in wrong:
            example = by_id[p.id]
            note(f"\n{model}: {p.id} ({p.outcome})\n  question   {example.question or example.spec}")
            note(f"  gold       {example.sql[0]}\n  predicted  {p.predicted}")


def _minimum(text: str | None) -> tuple[str, float] | None:
    from sqltailor.errors import ConfigError
    from sqltailor.evaluate.metrics import metrics_called

    if text is None:
        return None
    metric, _, value = text.partition("=")
    metrics_called([metric])
    try:
        least = float(value)
    except ValueError as e:
        raise ConfigError(f"--fail-under '{text}' is not METRIC=NUMBER, such as execution=0.8.") from e
    if not 0 <= least <= 1:
        raise ConfigError(f"--fail-under '{text}': a rate is a number from 0 to 1, such as execution=0.8.")
    return metric, least


def _reaches(result: Evaluation, metric: str, least: float) -> bool:
    from sqltailor.errors import ConfigError

    model, rates = list(result.scores["models"].items())[-1]
    if metric not in rates:
        raise ConfigError(f"--fail-under: {metric} could not be computed here. There is: {', '.join(rates)}.")
    if rates[metric]["value"] >= least:
        return True
    note(f"{model} has {metric} {rates[metric]['value']:.3f}, below {least}")
    return False
