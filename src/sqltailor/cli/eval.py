"""`sqltailor eval`: measure models, or predictions that are there already, on test questions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sqltailor.cli.output import Json, Recipe, Votes, answering, note, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    predictions: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="Score the answers in a file instead of asking a model; may be repeated."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="File of examples; may be repeated. Default: data.test of the recipe."),
    ] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Ask only the first N questions.")] = None,
    fuzz: Annotated[int, typer.Option(metavar="N", min=0, help="Run also on N databases made up for each schema.")] = 0,
    columns_in_order: Annotated[
        bool, typer.Option("--columns-in-order", help="Count the right columns in another order as wrong.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", min=0.01, help="Limit of a statement. Default: evaluate.timeout_s.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes that score predictions. Default: one a core.")
    ] = None,
    votes: Votes = None,
    show: Annotated[int, typer.Option(metavar="N", min=0, help="Print N wrong answers of each model.")] = 0,
    only: Annotated[
        str | None,
        typer.Option(metavar="CLASS", help="With --show: an outcome or a difference, such as order."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder to write into. Default: inside the run.")
    ] = None,
    fail_under: Annotated[
        str | None, typer.Option(metavar="METRIC=X", help="Exit with 1 when the last model scores less.")
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="URL, file, or folder with one database a db_id. Default: the recipe's."),
    ] = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Ask models the test questions, run their SQL, and compare.

    With --predictions, answers that others made are scored instead. First every gold statement is run and scored
    against itself. Prints rates with 95 % intervals and a paired test for each pair of models, and writes
    report.html. Files may be in any format that data import reads; predictions are JSON Lines with id and predicted,
    a JSON list or object, or one statement a line in the order of the examples. What was interrupted goes on where
    it was. Rows that bring their own schema need no database: without --fuzz they are compared with their gold SQL
    and not run.

    Example: sqltailor eval --limit 20 --show 3

    Example: sqltailor eval --model nano --model runs/shop

    Example: sqltailor eval --predictions p.jsonl --data gold.jsonl --database dbs/

    Example: sqltailor eval --model runs/shop --data sql_create_context.json --fuzz 3
    """
    from sqltailor.errors import ConfigError
    from sqltailor.evaluate.by_recipe import evaluate_models, evaluate_predictions
    from sqltailor.evaluate.judging import Judging

    if predictions and model:
        raise ConfigError("--model asks models, --predictions scores answers that are there: give one of them.")
    folder = database if database and Path(database).is_dir() else None
    found = _recipe(recipe, database, folder)
    minimum, wanted = _minimum(fail_under), _class(only)
    if data is None and found.data.test:
        note(f"questions: {', '.join(found.data.test)}")
    judging = Judging(folder, fuzz, timeout, columns_in_order)
    if predictions:
        with answering("scoring", "scored") as on_progress:
            evaluation = evaluate_predictions(
                found, predictions, data=data, limit=limit, out=out, judging=judging, workers=workers,
                on_progress=on_progress,
            )  # fmt: skip
    else:
        with answering() as on_progress:
            evaluation = evaluate_models(
                found, models=model, data=data, limit=limit, votes=votes, out=out, judging=judging,
                on_progress=on_progress,
            )  # fmt: skip
    if found.database.url is None and folder is None and not fuzz:
        note("note: no database: SQL was compared, not run (--database URL, or --fuzz 3 for rows with their schemas)")
    if json:
        print_json(evaluation.result.to_json())
    else:
        print_scores(evaluation.result)
        note(f"report: {evaluation.report}")
    if show:
        _print_wrong(evaluation.result, evaluation.examples, show, wanted)
    if minimum and not _reaches(evaluation.result, *minimum):
        sys.exit(1)


def _recipe(path: str | None, database: str | None, folder: str | None) -> Any:
    """Return the recipe with the database of the command line; a folder takes the place of the recipe's own."""
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.data.checks.execute import dialect_of_folder
    from sqltailor.errors import DataError

    if folder is None:
        return recipe_for(path, database)
    if (dialect := dialect_of_folder(Path(folder))) is None:
        raise DataError(f"{folder} holds no database. It needs DB_ID/DB_ID.sqlite or DB_ID.sqlite (.db, .duckdb).")
    found = recipe_for(path, None)
    more: dict[str, Any] = {"database": found.database.model_copy(update={"url": None})}
    return found.model_copy(update=more | ({"dialect": dialect} if found.dialect == "sqlite" else {}))


def print_scores(result: Evaluation) -> None:
    """Print what the gold allows, a table of rates with their 95 % intervals, and what changed between two models."""
    models: dict[str, Any] = dict(result.scores["models"])
    if ceiling := result.scores["ceiling"]:
        right, asked = round(ceiling["value"] * ceiling["n"]), ceiling["n"]
        print(f"gold against itself: {right:,} of {asked:,} right; no model can do better than {ceiling['value']:.1%}")
    metrics = list(dict.fromkeys(m for rates in models.values() for m in rates))
    rows = [[metric, *(_rate(rates.get(metric)) for rates in models.values())] for metric in metrics]
    print_table(("metric", *models), rows)
    for model in models:
        print_kinds(model, result.scores["outcomes"][model], result.scores["differences"][model])
    for pair in result.scores["paired"]:
        if pair["metric"] == metrics[0]:
            print(f"{pair['metric']}: {pair['b']} against {pair['a']}: {compared(pair)}")
    if len(models) == 1:
        for model, found in result.scores["detectable"].items():
            print(
                f"{metrics[0]}: {points(found[metrics[0]])} between {model} and another model is the least to be told"
            )
    for model, found in result.scores["clustered"].items():
        rate = found[metrics[0]]
        print(f"{metrics[0]} of {model} on other databases than these {rate['databases']}: {_rate(rate)}")


def compared(pair: Mapping[str, Any]) -> str:
    """Return a paired comparison as a sentence: the difference with its interval, what changed, what could be told."""
    value, low, high = (100 * pair["difference"][name] for name in ("value", "low", "high"))
    return (
        f"{value:+.1f} points [{low:+.1f}, {high:+.1f}], {pair['fixed']} fixed, {pair['broken']} broken, "
        f"p = {pair['p']:.2g} (exact McNemar); a difference of {points(pair['detectable'])} could be told"
    )


def points(share: float) -> str:
    """Return a difference of shares in points."""
    return f"{100 * share:.1f} points"


def print_kinds(model: str, outcomes: dict[str, int], differences: dict[str, int]) -> None:
    """Print what became of a model's answers, and how the wrong results differ."""
    told = [f"{count:,} {name}" for name, count in sorted(outcomes.items(), key=lambda pair: -pair[1])]
    kinds = [f"{count:,} {name}" for name, count in sorted(differences.items(), key=lambda pair: -pair[1])]
    print(f"{model}: {', '.join(told)}" + (f"; wrong by: {', '.join(kinds)}" if kinds else ""))


def _rate(rate: dict[str, float] | None) -> str:
    if rate is None:
        return "—"
    return f"{rate['value']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}] n={rate['n']}"


def _print_wrong(result: Evaluation, examples: list[Example], show: int, only: str | None) -> None:
    by_id = {e.id: e for e in examples}
    for model, predictions in result.predictions.items():
        wrong = [p for p in predictions if p.outcome not in ("correct", "empty_match") or only == p.outcome]
        for p in [p for p in wrong if only in (None, p.outcome, p.difference)][:show]:
            example = by_id[p.id]
            kind = f"{p.outcome}, {p.difference}" if p.difference else p.outcome
            note(f"\n{model}: {p.id} ({kind}){f': {p.reason}' if p.reason else ''}")
            note(f"  question   {example.question or example.spec}")
            note(f"  gold       {example.sql[0]}\n  predicted  {p.predicted}")


def _class(only: str | None) -> str | None:
    from typing import get_args

    from sqltailor.errors import ConfigError, unknown
    from sqltailor.types import Difference, Outcome

    known = (*get_args(Difference), *get_args(Outcome))
    if only is not None and only not in known:
        raise ConfigError(unknown("class", only, known))
    return only


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
