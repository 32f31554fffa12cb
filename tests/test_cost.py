"""The price book and its arithmetic; the doctests of the module hold the article's own numbers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sqltailor.cloud.cost import Usage, instance_cost, serving_cost, training_cost
from sqltailor.cloud.estimate import estimate
from sqltailor.cloud.price_book import price_book
from sqltailor.cloud.usage import of_run
from sqltailor.errors import ConfigError
from sqltailor.runs import Run
from tests.support.cli_project import ok, ok_json, run

NOVA = "amazon.nova-micro-v1:0:128k"


def test_every_known_price_has_a_source_and_a_date_and_every_unknown_one_says_so() -> None:
    book = price_book()
    prices = [p for m in book.models.values() for p in (m.training, m.tokens_in, m.tokens_out, m.provisioned_hour)]
    prices += [*book.instances.values(), book.storage_month, book.import_unit_minute, book.import_storage_month]
    prices += [book.own_gpu_hour, book.article_instance_hour]
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
    assert [row.what for row in found.rows] == [
        "training", "endpoint ml.g5.2xlarge, a month", "own GPU, a month", "laptop",
    ]  # fmt: skip
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


def test_a_job_on_sagemaker_is_priced_by_what_it_took(folder: Path) -> None:
    recipe = ("nova-micro-sagemaker", "--training-hours", "2")
    assert rows(*recipe)["training"]["usd"] == 2 * 7.09
    run = Run(folder / "runs" / "tram")
    run.path.mkdir(parents=True)
    plan = {"examples": 100, "tokens": 50_000, "epochs": 3}
    run.job.write_text(json.dumps({"plan": plan, "billable_seconds": 1800}))
    assert rows("nova-micro-sagemaker", "--run", "tram")["training"]["usd"] == 7.09 / 2


def test_usage_cannot_be_negative_and_nothing_costs_nothing() -> None:
    with pytest.raises(ConfigError, match="queries_per_month is -1"):
        Usage(queries_per_month=-1)
    prices = price_book().model(NOVA)
    assert prices is not None
    assert training_cost(prices, tokens=0, epochs=5).usd == 0
    assert serving_cost(prices, queries=0, tokens_in=800, tokens_out=60).usd == 0
    assert estimate(NOVA, Usage(tokens_in=0, tokens_out=0)).break_even_queries_per_month is None


def rows(*words: str) -> dict[str, dict[str, object]]:
    found = ok_json("cost", *words)
    return {row["what"]: row for row in found["rows"]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_gives_the_articles_figures(folder: Path) -> None:
    found = rows("nova-micro-bedrock", "--users", "100", "--per-day", "10", "--days", "22")
    assert found["training"]["usd"] == 8.0
    month = found["on-demand use, a month"]
    assert round(float(str(month["usd"])), 2) == 0.80
    assert str(month["basis"]).startswith("22,000 queries × (800 in at $0.000035 + 60 out at $0.00014")
    assert str(month["basis"]).endswith("= $0.616 + $0.1848")
    assert found["storage of the model, a month"]["usd"] == 1.95
    sagemaker = found["or training on SageMaker"]
    assert sagemaker["usd"] == 81.44
    assert str(sagemaker["basis"]).endswith("the article took the EC2 rate, $16.288: $65.15")


def test_questions_a_month_may_be_given_at_once(folder: Path) -> None:
    assert rows("nova-micro-bedrock", "--queries-per-month", "22000") == rows("nova-micro-bedrock")


def test_the_table_says_where_the_numbers_are_from(folder: Path) -> None:
    result = ok("cost", "nova-micro-bedrock")
    assert "examples and tokens: from AWS's article: the recipe's data is not here" in result.stderr
    assert "not known" in result.stdout
    assert "30,383,242 questions a month" in result.stdout


def test_own_prices_win_and_keep_their_source(folder: Path) -> None:
    Path("prices.yaml").write_text(
        "own_gpu_hour: {usd: 0.5, date: 2026-11-01, source: our invoice}\n"
        "models: {amazon.nova-micro: {provisioned_hour: {usd: 10, date: 2026-11-02, source: our contract}}}\n"
    )
    found = rows("nova-micro-bedrock", "--prices", "prices.yaml")
    assert found["own GPU, a month"]["usd"] == 365.0
    assert found["own GPU, a month"]["source"] == "our invoice"
    assert found["Provisioned Throughput, a month"]["usd"] == 7300.0
    assert found["training"]["usd"] == 8.0


@pytest.mark.parametrize("text", ["storage_month: 3", "storage_month: {usd: 1}", "[1]", "a: {"])
def test_prices_of_another_form_are_refused(folder: Path, text: str) -> None:
    Path("prices.yaml").write_text(text)
    result = run("cost", "--prices", "prices.yaml")
    assert isinstance(result.exception, ConfigError)
    assert "prices.yaml" in str(result.exception)


def test_the_break_even_plot(folder: Path) -> None:
    pytest.importorskip("matplotlib")
    ok("cost", "nova-micro-bedrock", "--plot", "plots/cost.svg")
    assert "break-even: 30,383,242" in Path("plots/cost.svg").read_text()


def test_a_run_replaces_estimates(tmp_path: Path) -> None:
    run = Run(tmp_path / "shop")
    (run.path / "eval-1").mkdir(parents=True)
    plan = {"examples": 100, "tokens": 50_000, "epochs": 3}
    run.job.write_text(json.dumps({"plan": plan}))
    answers = [
        {"model": "runs/shop", "tokens_in": 700, "tokens_out": 20},
        {"model": "nano", "tokens_in": 1, "tokens_out": 1},
    ]
    answers.append({"model": "runs/shop", "tokens_in": 900, "tokens_out": 40})
    (run.path / "eval-1" / "predictions-x.jsonl").write_text("".join(json.dumps(a) + "\n" for a in answers))
    usage, basis, _ = of_run(run, Usage())
    assert (usage.examples, usage.tokens_per_example, usage.epochs) == (100, 500, 3)
    assert (usage.tokens_in, usage.tokens_out) == (800, 30)
    assert basis == "100 examples of shop and the means of 2 answers"
