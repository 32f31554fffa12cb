"""What tuning and serving cost: arithmetic on the price book that shows its basis.

What depends on a price that is not known is None: never a guess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sqltailor.cloud.price_book import ModelPrices, Price, PriceBook, price_book
from sqltailor.errors import ConfigError, unknown

HOURS_PER_MONTH = 730
IMPORT_WINDOW_MINUTES = 5
CHARACTERS_PER_TOKEN = 6
"""AWS's own planning ratio; the tokenizer of Nova is not public."""
BATCH_SHARE = 0.5
"""What batch inference costs of the price on demand (Bedrock user guide, batch-inference)."""
UNIT_CHARACTERS = 1_000
"""What one text unit of a guardrail holds."""


@dataclass(frozen=True, slots=True)
class CostRow:
    """One line of an estimate. `basis` is the arithmetic in words."""

    what: str
    usd: float | None
    basis: str
    source: str
    date: str | None


@dataclass(frozen=True, slots=True)
class Usage:
    """How much is trained and asked; the defaults are those of AWS's article (100 users, 10 a day, 22 days)."""

    examples: int = 2_000
    tokens_per_example: int = 800
    epochs: float = 5
    queries_per_month: int = 22_000
    tokens_in: int = 800
    tokens_out: int = 60

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; it cannot be below 0.")


def training_cost(prices: ModelPrices, *, tokens: int, epochs: float) -> CostRow:
    """Return the fee of a customization job: tokens × epochs.

    >>> prices = price_book().model("amazon.nova-micro-v1:0:128k")
    >>> training_cost(prices, tokens=2_000 * 800, epochs=5).usd
    8.0
    """
    price = prices.training
    usd = None if price.usd is None else round(tokens * epochs / 1000 * price.usd, 6)
    basis = f"{tokens:,} tokens × {epochs:g} epochs at {rate(price)} per 1,000 tokens, once"
    return CostRow("training", usd, basis, price.source, price.date)


def reinforcement_cost() -> CostRow:
    """Return the fee of reinforcement fine-tuning, whose price is not known."""
    return CostRow("training", None, "no source gives the price of reinforcement fine-tuning", "not verified", None)


def serving_cost(prices: ModelPrices, *, queries: int, tokens_in: int, tokens_out: int) -> CostRow:
    """Return the fee of on-demand use for a month.

    >>> prices = price_book().model("amazon.nova-micro-v1:0:128k")
    >>> serving_cost(prices, queries=22_000, tokens_in=800, tokens_out=60).usd
    0.8008
    """
    into, out = prices.tokens_in, prices.tokens_out
    each = per_query(prices, tokens_in, tokens_out)
    usd = None if each is None else round(queries * each, 6)
    basis = f"{queries:,} queries × ({tokens_in} in at {rate(into)} + {tokens_out} out at {rate(out)} per 1,000 tokens)"
    if into.usd is not None and out.usd is not None:
        parts = (queries * tokens_in * into.usd / 1000, queries * tokens_out * out.usd / 1000)
        basis += f" = ${parts[0]:.4g} + ${parts[1]:.4g}"
    return CostRow("on-demand use, a month", usd, basis, into.source, into.date)


def per_query(prices: ModelPrices, tokens_in: int, tokens_out: int) -> float | None:
    """Return what one question costs on demand, None where a price is not known."""
    if prices.tokens_in.usd is None or prices.tokens_out.usd is None:
        return None
    return (tokens_in * prices.tokens_in.usd + tokens_out * prices.tokens_out.usd) / 1000


def instance_price(instance_type: str, book: PriceBook | None = None) -> Price:
    """Return the hourly price of a SageMaker instance; ConfigError when the book does not know it."""
    instances = (book or price_book()).instances
    if instance_type not in instances:
        raise ConfigError(unknown("instance type", instance_type, instances))
    return instances[instance_type]


def instance_cost(
    what: str, instance_type: str, *, hours: float, count: int = 1, book: PriceBook | None = None
) -> CostRow:
    """Return the fee of SageMaker instances that run for so many hours.

    >>> instance_cost("training", "ml.g5.48xlarge", hours=4).usd
    81.44
    """
    price = instance_price(instance_type, book)
    usd = None if price.usd is None else round(price.usd * hours * count, 6)
    machines = f"{count} × " if count > 1 else ""
    basis = f"{machines}{instance_type} × {hours:g} h at {rate(price)} an hour"
    return CostRow(what, usd, basis, price.source, price.date)


def storage_cost(book: PriceBook | None = None) -> CostRow:
    """Return the monthly fee for keeping one tuned model."""
    price = (book or price_book()).storage_month
    return CostRow(
        "storage of the model, a month", price.usd, f"1 model at {rate(price)} a month", price.source, price.date
    )


def import_costs(book: PriceBook | None = None) -> tuple[CostRow, CostRow]:
    """Return the fees of an imported model for one custom model unit: five minutes in use, and a month of storage.

    >>> round(import_costs()[0].usd, 4)
    0.2859
    """
    book = book or price_book()
    minute, month = book.import_unit_minute, book.import_storage_month
    used = None if minute.usd is None else round(minute.usd * IMPORT_WINDOW_MINUTES, 6)
    windows = (
        f"1 custom model unit × {IMPORT_WINDOW_MINUTES} min at {rate(minute)} a minute, in windows of so long, only "
        "while it is asked; AWS says the number of units after the import (8 B Llama: 2)"
    )
    kept = f"1 custom model unit at {rate(month)} a month"
    return (
        CostRow("5 minutes of use, a unit", used, windows, minute.source, minute.date),
        CostRow("storage, a month, a unit", month.usd, kept, month.source, month.date),
    )


def batch_cost(prices: ModelPrices | None, *, tokens_in: int, tokens_out: int) -> CostRow:
    """Return the fee of a batch inference job at most: half of what the tokens cost on demand.

    >>> batch_cost(price_book().model("amazon.nova-micro-v1:0"), tokens_in=2_000_000, tokens_out=0).usd
    0.035
    """
    if prices is None:
        return CostRow("the job, at most", None, "no price for the model in the price book", "price book", None)
    each = per_query(prices, tokens_in, tokens_out)
    usd = None if each is None else round(each * BATCH_SHARE, 6)
    into, out = rate(prices.tokens_in), rate(prices.tokens_out)
    basis = f"half of {tokens_in:,} tokens in at {into} and at most {tokens_out:,} out at {out} per 1,000"
    return CostRow("the job, at most", usd, basis, prices.tokens_in.source, prices.tokens_in.date)


def guardrail_cost(*, queries: int, tokens_out: int, book: PriceBook | None = None) -> CostRow:
    """Return the fee of a guardrail for a month: it checks each question and each answer, not the schema.

    >>> guardrail_cost(queries=1_000, tokens_out=60).basis
    '1,000 queries × (1 text unit in + 1 out) at an unverified price, for a question of up to 1,000 characters'
    """
    price = (book or price_book()).guardrail_unit
    out = math.ceil(tokens_out * CHARACTERS_PER_TOKEN / UNIT_CHARACTERS)
    usd = None if price.usd is None else round(queries * (1 + out) * price.usd, 6)
    basis = (
        f"{queries:,} queries × (1 text unit in + {out} out) at {rate(price)}, for a question of up to "
        f"{UNIT_CHARACTERS:,} characters"
    )
    return CostRow("guardrail, a month", usd, basis, price.source, price.date)


def provisioned_cost(prices: ModelPrices) -> CostRow:
    """Return the monthly fee of one unit of Provisioned Throughput, paid from its creation until its deletion."""
    price = prices.provisioned_hour
    usd = None if price.usd is None else round(price.usd * HOURS_PER_MONTH, 6)
    basis = f"1 unit without commitment × {HOURS_PER_MONTH} h at {rate(price)} an hour"
    return CostRow("Provisioned Throughput, a month", usd, basis, price.source, price.date)


def units_cost(prices: ModelPrices | None, *, units: int, committed: bool) -> CostRow:
    """Return the fee of units of Provisioned Throughput for an hour; what a commitment saves is not in the book.

    >>> units_cost(price_book().model("amazon.nova-2-lite-v1:0"), units=2, committed=False).usd
    121.0
    """
    price = prices.provisioned_hour if prices and not committed else Price(None, "not verified", None)
    usd = None if price.usd is None else round(price.usd * units, 6)
    return CostRow("an hour", usd, f"{units} × {rate(price)} an hour, also idle", price.source, price.date)


def own_machine_costs(book: PriceBook) -> tuple[CostRow, CostRow]:
    """Return the cost of serving on your own machines: a GPU all month, and a laptop."""
    price = book.own_gpu_hour
    usd = None if price.usd is None else round(price.usd * HOURS_PER_MONTH, 6)
    gpu = f"1 GPU × {HOURS_PER_MONTH} h at {rate(price)} an hour; yours: own_gpu_hour in --prices FILE"
    return (
        CostRow("own GPU, a month", usd, gpu, price.source, price.date),
        CostRow("laptop", 0.0, "no fee", "no fee", None),
    )


def rate(price: Price) -> str:
    """Return a price as estimates show it."""
    return "an unverified price" if price.usd is None else "$" + f"{price.usd:.10f}".rstrip("0").rstrip(".")
