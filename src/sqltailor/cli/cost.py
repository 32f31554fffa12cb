"""`sqltailor cost`: what tuning and serving cost, before and after."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sqltailor.cli.output import Json, note, print_json, print_table

if TYPE_CHECKING:
    from sqltailor.cloud.usage import Known
    from sqltailor.recipe import Recipe


def cost(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A path or a shipped name. Default: recipe.yaml.")
    ] = None,
    queries_per_month: Annotated[
        int | None, typer.Option("--queries-per-month", metavar="N", min=0, help="Questions asked.")
    ] = None,
    users: Annotated[int, typer.Option("--users", metavar="N", min=0, help="Users who ask.")] = 100,
    per_day: Annotated[int, typer.Option("--per-day", metavar="N", min=0, help="Questions of each a day.")] = 10,
    days: Annotated[int, typer.Option("--days", metavar="N", min=0, help="Days a month.")] = 22,
    tokens_in: Annotated[
        int | None, typer.Option("--tokens-in", metavar="N", min=0, help="Tokens of a prompt. Default: 800.")
    ] = None,
    tokens_out: Annotated[
        int | None, typer.Option("--tokens-out", metavar="N", min=0, help="Tokens of an answer. Default: 60.")
    ] = None,
    examples: Annotated[
        int | None, typer.Option("--examples", metavar="N", min=0, help="Training examples. Default: the data's.")
    ] = None,
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Use the actual data and token counts of this run.")
    ] = None,
    instance: Annotated[
        str, typer.Option("--instance", metavar="TYPE", help="SageMaker instance type of the endpoint.")
    ] = "ml.g5.2xlarge",
    training_hours: Annotated[
        float | None, typer.Option("--training-hours", metavar="H", min=0, help="Hours of training on SageMaker.")
    ] = None,
    prices: Annotated[
        str | None,
        typer.Option("--prices", metavar="FILE", help="YAML with your own prices, in the form of the price book."),
    ] = None,
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="FILE", help="Write the break-even plot: .svg, .png or .pdf.")
    ] = None,
    json: Json = False,
) -> None:
    """Estimate what training and a month of questions cost.

    On Bedrock, on SageMaker and on your own machines. Every price has a source and date; nothing is computed from a
    price without a trustworthy source. Examples and tokens come from the recipe's data or from a run; otherwise from
    AWS's article on Nova Micro: 2,000 examples, 800 tokens in, 60 out.

    Example: sqltailor cost nova-micro-bedrock --users 100 --per-day 10 --days 22
    """
    from sqltailor.cloud.cost import Usage
    from sqltailor.cloud.estimate import estimate
    from sqltailor.cloud.price_book import price_book
    from sqltailor.recipe import load_recipe

    resolved = load_recipe(recipe).recipe
    asked = users * per_day * days if queries_per_month is None else queries_per_month
    known = _known(resolved, run, Usage(queries_per_month=asked))
    given = {"tokens_in": tokens_in, "tokens_out": tokens_out, "examples": examples}
    usage = dataclasses.replace(known.usage, **{name: value for name, value in given.items() if value is not None})
    backend, sagemaker = resolved.train.backend, resolved.train.sagemaker
    found = estimate(
        resolved.base,
        usage,
        backend=backend,
        method=resolved.train.method,
        instance_type=instance,
        trained_on=sagemaker.instance_type if backend == "sagemaker" else None,
        instance_count=sagemaker.instance_count if known.machine_hours is None else 1,
        training_hours=known.machine_hours if training_hours is None else training_hours,
        has_guardrail=resolved.generate.guardrail.id is not None,
        book=price_book(prices),
    )
    if plot:
        from sqltailor.cloud.cost_plot import draw

        draw(found, usage, Path(plot))
        note(f"plot: {plot}")
    if json:
        print_json(_json(found))
        return
    note(f"{resolved.base}, {backend}; examples and tokens: {known.basis}")
    rows = [
        (row.what, "not known" if row.usd is None else f"${row.usd:,.2f}", row.basis, _source(row))
        for row in found.rows
    ]
    print_table(("what", "US dollars", "how it is computed", "source of the price"), rows)
    if found.break_even_queries_per_month:
        even = f"{found.break_even_queries_per_month:,} questions a month"
        print(f"an endpoint of {instance} costs what on-demand use does at {even}")


def _known(recipe: Recipe, run: str | None, usage: Any) -> Known:
    from sqltailor.cloud.usage import of_recipe, of_run
    from sqltailor.runs import find_run

    return of_run(find_run(Path(recipe.train.out), run), usage) if run else of_recipe(recipe, usage)


def _source(row: Any) -> str:
    return f"{row.source}, {row.date}" if row.date else row.source


def _json(found: Any) -> dict[str, Any]:
    return {
        "rows": [dataclasses.asdict(row) for row in found.rows],
        "break_even_queries_per_month": found.break_even_queries_per_month,
    }
