"""The dated price book: what clouds ask for models, instances and storage, each price with its source.

A price that no trustworthy source gave is None, never a guess. Prices are US dollars before tax, without free tiers and
discounts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqltailor.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Price:
    """One price with where and when it was read; `usd` None when it is not verified."""

    usd: float | None
    source: str
    date: str | None


@dataclass(frozen=True, slots=True)
class ModelPrices:
    """Prices of one family of models: per 1 000 tokens, and per hour of provisioned throughput."""

    training: Price
    tokens_in: Price
    tokens_out: Price
    provisioned_hour: Price


@dataclass(frozen=True, slots=True)
class PriceBook:
    """All prices: models by the beginning of their id, SageMaker instances by type."""

    models: Mapping[str, ModelPrices]
    instances: Mapping[str, Price]
    storage_month: Price
    import_unit_minute: Price
    import_storage_month: Price
    guardrail_unit: Price
    own_gpu_hour: Price
    article_instance_hour: Price

    def model(self, base: str) -> ModelPrices | None:
        """Return the prices of a Bedrock model id, with or without a region's prefix, or None."""
        name = base.removeprefix("bedrock:")
        name = name.split(".", 1)[1] if name.split(".", 1)[0] in ("us", "eu", "apac", "global") else name
        found = [ids for ids in self.models if name.startswith(ids)]
        return self.models[max(found, key=len)] if found else None


def price_book(override: str | Path | None = None) -> PriceBook:
    """Return the price book that comes with the package, with the rows of an own file in place of its rows.

    The file has the form of `prices.yaml`, and only the rows that it changes; without one SQLTAILOR_PRICES may name it.
    Raises `ConfigError` when it cannot be read or a row lacks its price, source or date.
    """
    changed = override or os.environ.get("SQLTAILOR_PRICES")
    return _book(_over(_shipped(), _read_prices(Path(changed))), str(changed)) if changed else _shipped_book()


@cache
def _shipped() -> dict[str, Any]:
    return _read_prices(Path(__file__).parent / "prices.yaml")


@cache
def _shipped_book() -> PriceBook:
    return _book(_shipped(), "prices.yaml")


def _book(values: Mapping[str, Any], name: str) -> PriceBook:
    try:
        keys = ("training", "in", "out", "provisioned_hour")
        models = {ids: ModelPrices(*(_price(row[key]) for key in keys)) for ids, row in values["models"].items()}
        instances = {name: _price(row) for name, row in values["instances"].items()}
        single = (
            "storage_month",
            "import_unit_minute",
            "import_storage_month",
            "guardrail_unit",
            "own_gpu_hour",
            "article_instance_hour",
        )
        return PriceBook(models, instances, *(_price(values[key]) for key in single))
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise ConfigError(
            f"{name}: a price is written as {{usd: 1.5, date: 2026-11-28, source: who says so}}; usd null where it "
            f"is not known ({type(e).__name__}: {e})."
        ) from e


def _read_prices(path: Path) -> dict[str, Any]:
    import yaml

    try:
        # BaseLoader: dates stay text
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except OSError as e:
        raise ConfigError(f"The prices {path} cannot be read: {e.strerror}.") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigError(f"The prices {path} are not YAML: {' '.join(str(e).split())}") from e
    if not isinstance(values, dict):
        raise ConfigError(f"The prices {path} are not a mapping such as `storage_month: {{usd: …}}`.")
    return values


def _over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return one mapping laid over another; a price replaces a price whole, so that it keeps no other's source."""
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        if isinstance(below, dict) and isinstance(value, dict) and "usd" not in below:
            value = _over(below, value)
        merged[name] = value
    return merged


def _price(row: Mapping[str, str]) -> Price:
    known = {key: None if value == "null" else value for key, value in row.items()}
    usd = known["usd"]
    return Price(None if usd is None else float(usd), str(known["source"]), known["date"])
