"""An AWS account, really: what it costs is planned before, added up, and stays below a ceiling.

    SQLTAILOR_LIVE_MAX_USD=5 pytest -m live tests/test_live.py

Credentials are found as boto3 finds them; the bucket and the role of `sqltailor aws setup --apply` must be there. What
is made is deleted again, also after a failure.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqltailor.cloud.cost import serving_cost
from sqltailor.cloud.price_book import price_book
from sqltailor.generate import load
from sqltailor.runs import Run
from sqltailor.types import GenerateOptions, Message, Prompt
from tests.support.cli_project import ok, ok_json
from tests.support.local_aws import make_project

pytestmark = [pytest.mark.live, pytest.mark.timeout(4 * 3600)]
CEILING = "SQLTAILOR_LIVE_MAX_USD"
PROMPT = Prompt((Message("user", "Say SELECT 1 and nothing else."),))


class Ledger:
    """What was planned to be spent so far, of what may be."""

    def __init__(self, ceiling_usd: float) -> None:
        self.left_usd = ceiling_usd

    def spend(self, usd: float | None, what: str) -> None:
        """Count something that is about to be paid for; skip the test that would go over the ceiling."""
        if usd is None or usd > self.left_usd:
            price = "at an unknown price" if usd is None else f"for ${usd:.4f}"
            pytest.skip(f"{what} {price} would go over {CEILING}: ${self.left_usd:.4f} are left")
        self.left_usd -= usd


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    if CEILING not in os.environ:
        pytest.skip(f"{CEILING} says how many dollars may be spent; it is not set")
    return Ledger(float(os.environ[CEILING]))


@pytest.fixture
def folder(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path)
    yield tmp_path
    for run in (Run(path) for path in Path("runs").glob("*")):
        ours = [item for item in ok_json("deploy", "list") if item["run"] == run.name and item["kind"] != "job"]
        if ours:
            ok("deploy", "delete", run.name, "--data", "--yes")


def test_a_nova_takes_temperature_zero(ledger: Ledger, folder: Path) -> None:
    prices = price_book().model("amazon.nova-micro")
    assert prices is not None
    ledger.spend(serving_cost(prices, queries=1, tokens_in=100, tokens_out=20).usd, "one answer of Nova Micro")
    [answer] = load("bedrock:amazon.nova-micro-v1:0")([PROMPT], GenerateOptions(max_tokens=20, temperature=0.0))
    assert answer.text.strip()


def test_a_nova_is_tuned_deployed_asked_and_deleted(ledger: Ledger, folder: Path) -> None:
    planned = ok_json("train", "train.epochs=1", "--dry-run")
    storage = price_book().storage_month.usd
    whole = None if planned["usd"] is None or storage is None else planned["usd"] + storage
    ledger.spend(whole, "tuning Nova Micro, and a month of its storage,")
    made = ok_json("train", "train.epochs=1", "--yes", "--max-usd", f"{planned['usd']:.6f}")
    ok("deploy", "run", made["run"], "--yes")
    [answer] = load(made["run"])([PROMPT], GenerateOptions(max_tokens=20))
    assert answer.text.strip()
    ok("deploy", "delete", Path(made["run"]).name, "--data", "--yes")
    assert not [item for item in ok_json("deploy", "list") if item["run"] == Path(made["run"]).name]
