"""The price book and its arithmetic; the doctests of the module hold the article's own numbers."""

from __future__ import annotations

import re

import pytest

from sqltailor.cloud.cost import Usage, estimate, instance_cost, price_book, serving_cost, training_cost
from sqltailor.errors import ConfigError

NOVA = "amazon.nova-micro-v1:0:128k"


def test_every_known_price_has_a_source_and_a_date_and_every_unknown_one_says_so() -> None:
    book = price_book()
    prices = [p for m in book.models.values() for p in (m.training, m.tokens_in, m.tokens_out, m.provisioned_hour)]
    prices += [*book.instances.values(), book.storage_month, book.import_unit_minute, book.import_storage_month]
    for price in prices:
        if price.usd is None:
            assert price.source.startswith("not verified")
        else:
            assert price.usd > 0
            assert price.source
            assert re.fullmatch(r"2026(-\d\d){0,2}", price.date or "")


def test_models_are_found_by_id_with_version_and_region() -> None:
    book = price_book()
    micro = book.model("amazon.nova-micro")
    assert micro is not None
    assert book.model(NOVA) is book.model("us.amazon.nova-micro-v1:0") is book.model(f"bedrock:{NOVA}") is micro
    assert book.model("meta.llama3-1-8b-instruct-v1:0:128k") is not None
    assert book.model("nano") is None


def test_the_articles_estimate() -> None:
    found = estimate(NOVA, Usage())
    by_name = {row.what: row for row in found.rows}
    assert by_name["training"].usd == 8.0
    assert by_name["training"].basis == "1,600,000 tokens × 5 epochs at $0.001 per 1,000 tokens, once"
    assert by_name["on-demand use, a month"].usd == pytest.approx(0.80, abs=0.005)
    assert by_name["storage of the model, a month"].usd == 1.95
    assert by_name["endpoint ml.g5.2xlarge, a month"].usd == pytest.approx(1105.95)
    # at the break-even, on-demand use costs what the endpoint does
    assert found.break_even_queries_per_month is not None
    even = estimate(NOVA, Usage(queries_per_month=found.break_even_queries_per_month))
    assert even.rows[2].usd == pytest.approx(1105.95, rel=1e-6)


def test_nothing_is_computed_from_an_unverified_price() -> None:
    found = estimate("meta.llama3-1-8b-instruct-v1:0:128k", Usage())
    by_name = {row.what: row for row in found.rows}
    assert by_name["training"].usd is None
    assert by_name["on-demand use, a month"].usd is None
    assert "an unverified price" in by_name["training"].basis
    assert found.break_even_queries_per_month is None
    assert instance_cost("training", "ml.p5.48xlarge", hours=4).usd is None


def test_a_model_without_prices_has_the_endpoint_only() -> None:
    found = estimate("nano", Usage(), backend="local")
    assert [row.what for row in found.rows] == ["training", "endpoint ml.g5.2xlarge, a month"]
    assert found.rows[0].usd == 0.0
    assert estimate("nano", Usage()).rows[0].usd is None


def test_sagemaker_training_is_paid_by_the_hour() -> None:
    options = {"backend": "sagemaker", "instance_type": "ml.g5.48xlarge"}
    known = estimate(
        NOVA, Usage(), backend="sagemaker", instance_type="ml.g5.48xlarge", training_hours=4, instance_count=2
    )
    assert known.rows[0].usd == pytest.approx(2 * 81.44)
    assert estimate(NOVA, Usage(), **options).rows[0].usd is None  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"Unknown instance type 'ml\.g5\.2large'\. Did you mean 'ml\.g5\.2xlarge'"):
        estimate(NOVA, Usage(), instance_type="ml.g5.2large")


def test_usage_cannot_be_negative_and_nothing_costs_nothing() -> None:
    with pytest.raises(ConfigError, match="queries_per_month is -1"):
        Usage(queries_per_month=-1)
    prices = price_book().model(NOVA)
    assert prices is not None
    assert training_cost(prices, tokens=0, epochs=5).usd == 0
    assert serving_cost(prices, queries=0, tokens_in=800, tokens_out=60).usd == 0
    assert estimate(NOVA, Usage(tokens_in=0, tokens_out=0)).break_even_queries_per_month is None
