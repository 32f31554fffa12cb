"""What tuning a model and serving it for a month cost, line by line, on demand and by the hour."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from sqltailor.cloud.cost import (
    HOURS_PER_MONTH,
    CostRow,
    Usage,
    guardrail_cost,
    instance_cost,
    instance_price,
    own_machine_costs,
    per_query,
    provisioned_cost,
    rate,
    reinforcement_cost,
    serving_cost,
    storage_cost,
    training_cost,
)
from sqltailor.cloud.price_book import ModelPrices, PriceBook, price_book

ARTICLE_INSTANCE, ARTICLE_HOURS = "ml.g5.48xlarge", 4.0
"""What AWS's article trained on, and how long."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The lines of an estimate, and the use at which an always-on endpoint costs what on-demand use does."""

    rows: tuple[CostRow, ...]
    break_even_queries_per_month: int | None


def article_training(book: PriceBook, *, hours: float) -> CostRow:
    """Return what the same training costs on a SageMaker instance, beside the figure of AWS's article.

    >>> article_training(price_book(), hours=4).basis
    'ml.g5.48xlarge × 4 h at $20.36 an hour; the article took the EC2 rate, $16.288: $65.15'
    """
    row = instance_cost("or training on SageMaker", ARTICLE_INSTANCE, hours=hours, book=book)
    taken = book.article_instance_hour
    if taken.usd is None:
        return row
    said = f"; the article took the EC2 rate, {rate(taken)}: ${taken.usd * hours:.2f}"
    return dataclasses.replace(row, basis=row.basis + said)


def break_even(prices: ModelPrices, usage: Usage, *, hour_usd: float) -> int | None:
    """Return the queries a month at which an endpoint that runs all the time costs what on-demand use does.

    >>> break_even(price_book().model("amazon.nova-micro"), Usage(), hour_usd=1.515)
    30383242
    """
    each = per_query(prices, usage.tokens_in, usage.tokens_out)
    return None if not each else round(hour_usd * HOURS_PER_MONTH / each)


def estimate(
    base: str,
    usage: Usage,
    *,
    backend: str = "bedrock",
    method: str = "sft",
    instance_type: str = "ml.g5.2xlarge",
    trained_on: str | None = None,
    instance_count: int = 1,
    training_hours: float | None = None,
    has_guardrail: bool = False,
    book: PriceBook | None = None,
) -> Estimate:
    """Return what training and a month of use cost for a base model on a backend.

    On Bedrock everything is by tokens; on SageMaker training is by the hour, so `training_hours` must be known for a
    price; on this machine there is no fee. `trained_on` is the kind of machine that trains, where it is another than
    `instance_type`, which serves. Every estimate has the endpoint that would serve the model all month.
    """
    book = book or price_book()
    prices = book.model(base)
    trains = trained_on or instance_type
    if backend == "bedrock" and method == "grpo":
        rows = [reinforcement_cost()]
    else:
        rows = [_training(base, usage, backend, prices, trains, instance_count, training_hours, book)]
    if prices:
        rows.append(storage_cost(book))
        use = {"queries": usage.queries_per_month, "tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out}
        rows.append(serving_cost(prices, **use))
        rows.append(provisioned_cost(prices))
    if has_guardrail:
        rows.append(guardrail_cost(queries=usage.queries_per_month, tokens_out=usage.tokens_out, book=book))
    hosting = f"endpoint {instance_type}, a month"
    rows.append(instance_cost(hosting, instance_type, hours=HOURS_PER_MONTH, book=book))
    rows += own_machine_costs(book)
    if backend == "bedrock" and prices:
        rows.append(article_training(book, hours=training_hours or ARTICLE_HOURS))
    hour_usd = instance_price(instance_type, book).usd
    even = break_even(prices, usage, hour_usd=hour_usd) if prices and hour_usd is not None else None
    return Estimate(tuple(rows), even)


def _training(
    base: str,
    usage: Usage,
    backend: str,
    prices: ModelPrices | None,
    instance_type: str,
    instance_count: int,
    hours: float | None,
    book: PriceBook,
) -> CostRow:
    if backend == "local":
        return CostRow("training", 0.0, "no fee: this machine trains", "local backend", None)
    if backend == "sagemaker":
        if hours is not None:
            return instance_cost("training", instance_type, hours=hours, count=instance_count, book=book)
        return CostRow("training", None, f"hours of {instance_type} are not known", "price book", None)
    if prices is None:
        return CostRow("training", None, f"no price for {base} in the price book", "price book", None)
    return training_cost(prices, tokens=usage.examples * usage.tokens_per_example, epochs=usage.epochs)
