"""`sqltailor eval`: measure models, or predictions that are there already, on test questions."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from sqltailor.cli.data.options import Format, Map, mapping_of
from sqltailor.cli.eval_tables import print_benchmarks, print_mistakes
from sqltailor.cli.output import Json, Recipe, Unprotected, Votes, answering, note, print_json


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
    report.html. Files may be in any format that data import reads; predictions are JSON Lines with id and predicted,
    a JSON list or object, or one statement a line in the order of the examples. What was interrupted goes on where
    it was. Rows that bring their own schema need no database: without --fuzz they are compared with their gold SQL
    and not run.

    Example: sqltailor eval --limit 20 --show 3

    Example: sqltailor eval --model nano --model runs/shop

    Example: sqltailor eval --votes 7 --calibrate

    Example: sqltailor eval --model bedrock:amazon.nova-micro-v1:0 --batch --max-usd 2

    Example: sqltailor eval --predictions p.jsonl --data gold.jsonl --database dbs/

    Example: sqltailor eval --predictions predict.txt --data dev.json --compat spider --database database/

    Example: sqltailor eval --predictions p.jsonl --data gold.jsonl --database dbs/ --engine ray

    Example: sqltailor eval --model runs/shop --data sql_create_context.json --fuzz 3

    Example: sqltailor eval --model runs/B --fail-if-worse-than runs/A
    """
    from sqltailor.cli.compare import print_comparison
    from sqltailor.cli.defaults import recipe_and_folder
    from sqltailor.cli.eval_batch import batch_models, quiet
    from sqltailor.cli.scores import compared, known_kind, least_rate, moment, print_scores, print_wrong, reaches
    from sqltailor.errors import ConfigError
    from sqltailor.evaluate.by_recipe import calibrate_models, evaluate_models, evaluate_predictions
    from sqltailor.evaluate.comparison import compare_runs, read_side
    from sqltailor.evaluate.compat import benchmark_called
    from sqltailor.evaluate.markdown import comparison_markdown, scores_markdown
    from sqltailor.evaluate.metrics import metrics_called
    from sqltailor.evaluate.scoring_options import ScoringOptions
    from sqltailor.project import Project

    if predictions and calibrate:
        raise ConfigError("--calibrate asks a run: it cannot be told from --predictions what a confidence is worth.")
    if predictions and model:
        raise ConfigError("--model asks models, --predictions scores answers that are there: give one of them.")
    if engine != "processes" and not predictions:
        raise ConfigError(f"--engine {engine} scores --predictions FILE; models are asked on this machine.")
    found, folder = recipe_and_folder(recipe, database, unprotected=unprotected)
    if compat is not None:
        benchmark_called(compat)
    if metric is not None:
        metrics_called(metric)
        found = found.model_copy(update={"evaluate": found.evaluate.model_copy(update={"metrics": metric})})
    if format is not None or map is not None:
        read = {
            "format": format,
            "mapping": mapping_of(map, list(data or found.data.test), format) or found.data.mapping,
        }
        found = found.model_copy(update={"data": found.data.model_copy(update=read)})
    minimum, wanted = least_rate(fail_under), known_kind(only)
    if against and fail_if_worse_than:
        raise ConfigError("--fail-if-worse-than compares as --against does: give one of them.")
    other = against or fail_if_worse_than
    before = read_side(Path(other)) if other else None  # as it is before anything is asked
    if batch and (predictions or calibrate):
        raise ConfigError("--batch asks models: leave out --predictions and --calibrate.")
    whole, opened_models = batch_models(found, model, votes, yes=yes, max_usd=max_usd) if batch else (found, {})
    if data is None and found.data.test and not calibrate:
        note(f"questions: {', '.join(found.data.test)}")
    scoring_options = ScoringOptions(folder, fuzz, timeout, columns_in_order, moment(now))
    if predictions:
        with answering("scoring", "scored") as on_progress:
            evaluation = evaluate_predictions(
                found, predictions, data=data, limit=limit, out=out, scoring_options=scoring_options, compat=compat,
                workers=workers, engine=engine, on_progress=on_progress,
            )  # fmt: skip
    elif calibrate:
        with answering() as on_progress:
            evaluation, calibrations = calibrate_models(
                found, models=model, data=data, limit=limit, votes=votes, out=out, scoring_options=scoring_options,
                compat=compat, on_progress=on_progress,
            )  # fmt: skip
        for name, calibration in calibrations.items():
            told = ", ".join(f"{share:.0%} agree: {rate:.0%} right" for share, rate in calibration.rates)
            note(f"{name}: {told}")
    else:
        # a job has its own display
        with contextlib.nullcontext(quiet) if batch else answering() as on_progress:
            evaluation = evaluate_models(
                whole, models=model, data=data, limit=limit, votes=votes, out=out, scoring_options=scoring_options,
                compat=compat, opened_models=opened_models, on_progress=on_progress,
            )  # fmt: skip
    if folder is None and not fuzz and not Project(found).may_run:
        why = "no database" if found.database.url is None else "a warehouse, without --unprotected"
        note(f"note: {why}: SQL was compared, not run (--database URL, or --fuzz 3 for rows with their schemas)")
    comparison = compare_runs(before, read_side(evaluation.result.run)) if before else None
    if json:
        print_json(evaluation.result.to_json() | ({"against": comparison.to_json()} if comparison else {}))
    elif markdown:
        print(
            scores_markdown(evaluation.result.scores) + ("\n" + comparison_markdown(comparison) if comparison else "")
        )
    else:
        print_scores(evaluation.result)
        print_mistakes(evaluation.result.scores)
        print_benchmarks(evaluation.result.scores)
        if comparison:
            print_comparison(comparison)
        note(f"report: {evaluation.report}")
    if show:
        print_wrong(evaluation.result, evaluation.examples, show, wanted)
    passes = minimum is None or reaches(evaluation.result, *minimum)
    if fail_if_worse_than and comparison and comparison.is_worse:
        note(f"worse than {fail_if_worse_than}: {comparison.metric} {compared(comparison.pair)}")
        passes = False
    if not passes:
        sys.exit(1)
