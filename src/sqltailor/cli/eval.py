"""`sqltailor eval`: measure models, or predictions that are there already, on test questions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sqltailor.cli.data.options import Format, Map
from sqltailor.cli.eval_tables import print_benchmarks, print_mistakes
from sqltailor.cli.output import Json, Recipe, Unprotected, Votes, Words, answering, note, print_json

if TYPE_CHECKING:
    from sqltailor import recipe as recipes
    from sqltailor.evaluate.by_recipe import Measured
    from sqltailor.evaluate.comparison import Comparison


def eval_(
    words: Words = None,
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
    format: Format = None,
    map: Map = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Ask only the first N questions.")] = None,
    fuzz: Annotated[int, typer.Option(metavar="N", min=0, help="Run also on N databases made up for each schema.")] = 0,
    columns_in_order: Annotated[
        bool, typer.Option("--columns-in-order", help="Count the right columns in another order as wrong.")
    ] = False,
    timeout: Annotated[
        float | None, typer.Option(metavar="S", min=0.01, help="Limit of a statement. Default: evaluate.timeout_s.")
    ] = None,
    now: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Run statements as if it were then, such as 2024-06-30. Default: now."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes that score predictions. Default: one a core.")
    ] = None,
    engine: Annotated[
        str, typer.Option(metavar="NAME", help="What scores predictions: processes of this machine, or a ray cluster.")
    ] = "processes",
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Metric to compute; may be repeated. Default: evaluate.metrics."),
    ] = None,
    compat: Annotated[
        str | None,
        typer.Option(metavar="BENCHMARK", help="Add its verdicts: spider, test-suite, bird, bird-ves, defog, wikisql."),
    ] = None,
    votes: Votes = None,
    calibrate: Annotated[
        bool,
        typer.Option(
            "--calibrate", help="Ask data.validation instead, and keep in the run what its confidence is worth."
        ),
    ] = False,
    batch: Annotated[
        bool, typer.Option("--batch", help="Ask base models on Bedrock by one job each, at half the price.")
    ] = False,
    max_usd: Annotated[
        float | None,
        typer.Option("--max-usd", metavar="X", min=0, help="With --batch: refuse a job that may cost more."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --batch: do not ask.")] = False,
    show: Annotated[int, typer.Option(metavar="N", min=0, help="Print N wrong answers of each model.")] = 0,
    only: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="With --show: an outcome or a difference, such as order."),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder to write into; an evaluation of something else there is moved aside. Default: inside the run.",
        ),
    ] = None,
    fail_under: Annotated[
        str | None, typer.Option(metavar="METRIC=X", help="Exit with 1 when the last model scores less.")
    ] = None,
    fail_if_worse_than: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Exit with 1 when the last model is right less often than RUN's."),
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="RUN", help="Compare with the last model of a run or evaluation folder.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for the summary of a CI job.")] = False,
    database: Annotated[
        str | None,
        typer.Option(metavar="URL", help="URL, file, or folder with one database a db_id. Default: the recipe's."),
    ] = None,
    unprotected: Unprotected = False,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Ask models the test questions, run their SQL, and compare.

    With --predictions, answers that others made are scored instead. First every gold statement is run and scored
    against itself. Prints rates with 95 % intervals and a paired test for each pair of models, and writes
    report.html. Files may be in any format that data import reads; predictions are JSON Lines or CSV with id and
    predicted, a JSON list or object, or one statement a line in the order of the examples. What was interrupted goes
    on where it was. Rows that bring their own schema need no database: without --fuzz they are compared with their
    gold SQL and not run.

    Example: sqltailor eval --limit 20 --show 3

    Example: sqltailor eval --model nano --model runs/shop

    Example: sqltailor eval generate.constrain=false generate.repairs=1

    Example: sqltailor eval --votes 7 --calibrate

    Example: sqltailor eval --model bedrock:amazon.nova-micro-v1:0 --batch --max-usd 2

    Example: sqltailor eval --predictions p.jsonl --data gold.jsonl --database dbs/

    Example: sqltailor eval --predictions predict.txt --data dev.json --compat spider --database database/

    Example: sqltailor eval --predictions p.jsonl --data gold.jsonl --database dbs/ --engine ray

    Example: sqltailor eval --model runs/shop --data sql_create_context.json --fuzz 3

    Example: sqltailor eval --model runs/B --fail-if-worse-than runs/A
    """
    from sqltailor.cli.defaults import recipe_and_folder
    from sqltailor.cli.eval_asking import ask_models, moment, with_options
    from sqltailor.cli.eval_asking import calibrate as calibrate_models
    from sqltailor.cli.eval_gates import Gates
    from sqltailor.cli.scores import known_kind, print_wrong
    from sqltailor.errors import ConfigError
    from sqltailor.evaluate.by_recipe import evaluate_predictions
    from sqltailor.evaluate.compat import benchmark_called
    from sqltailor.evaluate.scoring_options import ScoringOptions

    refused = {
        "--calibrate asks a run: --predictions do not tell what its confidence is worth.": predictions and calibrate,
        "--model asks models, --predictions scores answers that are there: give one of them.": predictions and model,
        f"--engine {engine} scores --predictions FILE; models are asked on this machine.": engine != "processes"
        and not predictions,
        "--fail-if-worse-than compares as --against does: give one of them.": against and fail_if_worse_than,
        "--batch asks models: leave out --predictions and --calibrate.": batch and (predictions or calibrate),
    }
    for why, is_given in refused.items():
        if is_given:
            raise ConfigError(why)
    if compat is not None:
        benchmark_called(compat)
    found, folder = recipe_and_folder(recipe, database, words or (), unprotected=unprotected)
    found = with_options(found, metric, data, format, map)
    gates, wanted = Gates.of(fail_under, fail_if_worse_than, against), known_kind(only)
    if data is None and found.data.test and not calibrate:
        note(f"questions: {', '.join(found.data.test)}")
    options = ScoringOptions(folder, fuzz, timeout, columns_in_order, moment(now))
    how: dict[str, Any] = {"data": data, "limit": limit, "out": out, "scoring_options": options, "compat": compat}
    if predictions:
        with answering("scoring", "scored") as on_progress:
            measured = evaluate_predictions(
                found, predictions, workers=workers, engine=engine, on_progress=on_progress, **how
            )
    elif calibrate:
        measured = calibrate_models(found, model, votes, how)
    else:
        measured = ask_models(found, model, votes, is_batch=batch, yes=yes, max_usd=max_usd, how=how)
    if folder is None and not fuzz:
        _tell_what_did_not_run(found)
    comparison = gates.comparison(measured.result.run)
    _print(measured, comparison, json=json, markdown=markdown)
    if show:
        print_wrong(measured.result, measured.examples, show, wanted)
    if not gates.are_passed(measured.result, measured.examples, comparison):
        sys.exit(1)


def _tell_what_did_not_run(recipe: recipes.Recipe) -> None:
    from sqltailor.project import Project

    if not Project(recipe).may_run:
        why = "no database" if recipe.database.url is None else "a warehouse, without --unprotected"
        note(f"note: {why}: SQL was compared, not run (--database URL, or --fuzz 3 for rows with their schemas)")


def _print(measured: Measured, comparison: Comparison | None, *, json: bool, markdown: bool) -> None:
    from sqltailor.cli.compare import print_comparison
    from sqltailor.cli.scores import print_scores
    from sqltailor.evaluate.markdown import comparison_markdown, scores_markdown

    scores = measured.result.scores
    if json:
        print_json(measured.result.to_json() | ({"against": comparison.to_json()} if comparison else {}))
    elif markdown:
        print(scores_markdown(scores) + ("\n" + comparison_markdown(comparison) if comparison else ""))
    else:
        print_scores(measured.result)
        print_mistakes(scores)
        print_benchmarks(scores)
        if comparison:
            print_comparison(comparison)
        note(f"report: {measured.report}")
