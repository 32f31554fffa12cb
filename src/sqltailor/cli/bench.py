"""`sqltailor bench`: how models do in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sqltailor.cli.output import DatabaseUrl, Json, Recipe, Words, answering, note, print_json, print_table

if TYPE_CHECKING:
    from sqltailor.ops.timed_calls import Ops

group = typer.Typer(name="bench", help="Measure models in use: ops.", no_args_is_help=True)


@group.command("ops")
def ops(
    words: Words = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REF",
            help="Model, or with --url a name that is served; may be repeated. Default: the newest run and its base.",
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="File of examples; may be repeated. Default: data.test of the recipe."),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Ask a running server by OpenAI's API, such as http://127.0.0.1:8000/v1."),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(metavar="N", min=1, max=512, help="With --url: questions asked at a time.")
    ] = 1,
    warm: Annotated[int, typer.Option(metavar="N", min=1, help="Warm calls of each model.")] = 50,
    cold: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Cold calls, each by a fresh process. Default: 5; with --url none."),
    ] = None,
    prices: Annotated[
        str | None,
        typer.Option("--prices", metavar="FILE", help="YAML with your own prices, in the form of the price book."),
    ] = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Measure time to answer, tokens a second, and cost.

    The models answer the same questions, cold (a fresh process opens the model) and warm, and stand side by side with
    the difference in percent from the first. Times are from the question to the answer; p50, p95 and p99 are values
    that were measured, by the nearest rank. Tokens a second are all tokens written over the time of all warm calls.
    Answers are right by execution. What is not known is said to be so.

    Example: sqltailor bench ops --model small --model runs/shop

    Example: sqltailor bench ops --url http://127.0.0.1:8000/v1 --concurrency 8 --warm 200 --json
    """
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.ops.measure import Load, measure

    load = Load(url, concurrency, warm, cold)
    with answering("measuring") as on_progress:
        found = measure(
            recipe_for(recipe, database, words or ()),
            models=model,
            data=data,
            load=load,
            prices=prices,
            on_progress=on_progress,
        )
    first = found.models[0]
    if first.questions < first.calls:
        note(f"note: {first.questions} questions for {first.calls} warm calls: each is asked again, and may be faster")
    if not first.cold_calls:
        note("note: no cold calls" + (": the server runs already" if url else ""))
    print_json(found.to_json()) if json else _print(found.models)


def _print(models: tuple[Ops, ...]) -> None:
    from sqltailor.ops.timed_calls import difference

    first, *others = models
    changes = [difference(first, other) for other in others]
    columns = ["", *(ops.model for ops in models), *(f"{ops.model} against {first.model}" for ops in others)]
    rows = [
        [
            _label(name),
            *(_shown(name, ops.figures[name]) for ops in models),
            *(f"{change[name]:+.1f} %" if name in change else "" for change in changes),
        ]
        for name in first.figures
        if first.cold_calls or not name.startswith("cold_")
    ]
    right = ["right answers", *(_right(ops) for ops in models)]
    rows.append([*right, *(_points(first, ops) for ops in others)])
    print_table(columns, rows)


def _label(name: str) -> str:
    if name == "usd_per_1000_right":
        return "cost of 1,000 right answers"
    if name == "tokens_per_s":
        return "tokens a second"
    kind, _, percentile = name.removeprefix("cold_").rpartition("_ms_")
    what = {"first_token": "first token", "total": "whole answer"}[kind]
    return f"{'cold' if name.startswith('cold_') else 'warm'}: {what}, {percentile}"


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "not known"
    if name == "usd_per_1000_right":
        return f"${value:.4f}"
    return f"{value:,.1f}" if name == "tokens_per_s" else f"{value:,.1f} ms"


def _right(ops: Ops) -> str:
    from sqltailor.cli.scores import rate_shown

    return rate_shown(ops.right.to_json()) if ops.right else "not known"


def _points(before: Ops, after: Ops) -> str:
    return f"{100 * (after.right.value - before.right.value):+.1f} points" if before.right and after.right else ""
