"""Measure models in use: warm calls, at a server several at a time, then cold ones; one model after the other."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqltailor.cloud.cost import serving_cost
from sqltailor.cloud.price_book import ModelPrices, price_book
from sqltailor.errors import BackendError, ConfigError, unknown
from sqltailor.evaluate.by_recipe import run_and_base
from sqltailor.evaluate.certificate import GoldCheck, certificate
from sqltailor.evaluate.scorer import Scorer
from sqltailor.evaluate.scoring_options import ScoringOptions, scoring_of
from sqltailor.evaluate.statistics import Rate, rate
from sqltailor.ops.cold_call import cold_call
from sqltailor.ops.library import opened_model, schema_of
from sqltailor.ops.streamed_call import ChatStream
from sqltailor.ops.timed_calls import Ask, Call, Ops, difference, timed, times, tokens
from sqltailor.project import Project, read_parts
from sqltailor.recipe import Recipe
from sqltailor.runs import Run, newest_training, read_json
from sqltailor.types import Completion, Example, Message, OnProgress, Prompt

WARM, COLD = 50, 5
"""Calls of each model where none are named."""


@dataclass(frozen=True, slots=True)
class Load:
    """How models are asked: through the library, or at `url`, `concurrency` calls at a time; and how often."""

    url: str | None = None
    concurrency: int = 1
    warm: int = WARM
    cold: int | None = None

    @property
    def cold_calls(self) -> int:
        """The number of cold calls: a server that runs has none."""
        return self.cold if self.cold is not None else 0 if self.url else COLD

    def check(self) -> None:
        """Raise `ConfigError` where the settings do not go together."""
        if self.url is None and self.concurrency > 1:
            raise ConfigError(
                f"--concurrency {self.concurrency} is for a server; through the library one question is asked at a "
                "time. Start one with sqltailor serve, and name it: --url http://127.0.0.1:8000/v1"
            )
        if self.url is not None and self.cold:
            raise ConfigError(f"--cold {self.cold} starts fresh processes; a server runs already. Leave --url out.")


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of each model, the first beside which the others stand."""

    load: Load
    models: tuple[Ops, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the shape of `bench ops --json`; differences are percent of the first model's figure."""
        first, *others = self.models
        return {
            "through": self.load.url or "library",
            "concurrency": self.load.concurrency,
            "models": {ops.model: ops.to_json() for ops in self.models},
            "difference_percent": {ops.model: difference(first, ops) for ops in others},
        }


def measure(
    recipe: Recipe,
    *,
    models: Sequence[str] | None = None,
    data: Sequence[str] | None = None,
    load: Load = Load(),
    prices: str | None = None,
    on_progress: OnProgress = lambda model, done, total: None,
) -> Measured:
    """Ask each model the test questions of the recipe (or of `data`), in turn and again from the first.

    Without `models`: the newest run and its base; at a URL, what is served there first. One call of each model goes
    before, unmeasured. Gold statements are run first, as `eval` does, and answers when all are there. Raises
    `ConfigError`, `DataError`, `BackendError`.
    """
    load.check()
    book = price_book(prices)
    with Project(recipe) as project, scoring_of(project, ScoringOptions()) as (scoring, _):
        examples = read_parts(data or recipe.data.test, project, what="test", all_of_them=bool(data))
        asked = list(itertools.islice(itertools.cycle(examples), load.warm))
        with contextlib.closing(Scorer(scoring)) as scorer:
            _certify(project, scorer, examples[: load.warm])
            found = []
            for model in _models(recipe, models, load):
                warm, seconds = _warm(project, model, asked, load, on_progress)
                cold = _cold(recipe, model, examples, load.cold_calls, on_progress)
                right = _right(project, scorer, model, warm)
                priced = book.model(_base(model)) if load.url is None else None
                figures = {
                    **times(warm),
                    "tokens_per_s": _speed(warm, seconds),
                    "usd_per_1000_right": _cost(warm, right, priced),
                    **times(cold, "cold_"),
                }
                found.append(Ops(model, len(warm), len(cold), min(len(examples), load.warm), right, figures))
    return Measured(load, tuple(found))


def _models(recipe: Recipe, models: Sequence[str] | None, load: Load) -> list[str]:
    if load.url is not None:
        served = ChatStream(load.url).served().names
        if wrong := [model for model in models or () if model not in served]:
            raise ConfigError(unknown("model of the server", wrong[0], served))
        if not served:
            raise BackendError(f"{load.url} serves no model. Start a server with: sqltailor serve")
        return list(dict.fromkeys(models or served[:1]))
    return list(dict.fromkeys(models or run_and_base(newest_training(Path(recipe.train.out)))))


def _warm(
    project: Project, model: str, asked: Sequence[Example], load: Load, on_progress: OnProgress
) -> tuple[list[Call], float]:
    """Return the warm calls, and the seconds from the first question to the last answer."""
    ask = opened_model(project, model, asked) if load.url is None else _at_server(project, model, asked, load.url)
    ask(asked[0])  # what is read once is read
    calls = []
    with ThreadPoolExecutor(load.concurrency) as pool:
        each = map if load.concurrency == 1 else pool.map  # torch is at its best in the first thread
        began = time.perf_counter()
        for call in each(functools.partial(timed, ask), asked):
            calls.append(call)
            on_progress(f"{model}, warm", len(calls), len(asked))
        seconds = time.perf_counter() - began
    return calls, seconds


def _at_server(project: Project, model: str, asked: Sequence[Example], url: str) -> Ask:
    """Return what asks a server. Another than our own is sent the recipe's prompt, which is built before."""
    server, options = ChatStream(url), project.options
    if server.served().is_ours:
        prompts = {id(example): _bare(example) for example in asked}
    else:
        build = project.prompts(model, None)
        prompts = {id(example): build(example, schema_of(project, example)) for example in asked}

    def ask(example: Example) -> Completion:
        return server.ask(model, prompts[id(example)], options)

    return ask


def _bare(example: Example) -> Prompt:
    question = example.question if example.question is not None else json.dumps(example.spec, ensure_ascii=False)
    return Prompt((*example.history, Message("user", question)), dialect=example.dialect)


def _cold(recipe: Recipe, model: str, examples: Sequence[Example], count: int, on_progress: OnProgress) -> list[Call]:
    calls = []
    for example in itertools.islice(itertools.cycle(examples), count):
        calls.append(cold_call(recipe, model, example))
        on_progress(f"{model}, cold", len(calls), count)
    return calls


def _certify(project: Project, scorer: Scorer, examples: Sequence[Example]) -> None:
    """Warn of gold statements by which nothing can be judged. Raises `DataError` where all are such."""
    with_gold = [example for example in examples if example.sql]
    checks = [GoldCheck.of(scorer.certified(example, schema_of(project, example))) for example in with_gold]
    certificate(with_gold, checks, fuzz=0)


def _right(project: Project, scorer: Scorer, model: str, calls: Sequence[Call]) -> Rate | None:
    """Return how many questions are answered rightly by execution, each at its first call; None where nothing ran.

    To ask a question again times it once more, but says nothing new about the model.
    """
    scores = []
    first = {id(call.example): call for call in reversed(calls)}
    for call in (call for call in first.values() if call.example.sql):
        schema = schema_of(project, call.example)
        scores.append(scorer.score(call.example, call.completion, schema=schema, model=model).scores.get("execution"))
    return rate(score for score in scores if score is not None)


def _speed(calls: Sequence[Call], seconds: float) -> float | None:
    written = tokens(calls, "tokens_out")
    return round(written / seconds, 1) if written and seconds > 0 else None


def _cost(calls: Sequence[Call], right: Rate | None, prices: ModelPrices | None) -> float | None:
    """Return what 1,000 right answers cost at this share of right ones; None where a price or a count is not known."""
    into, out = tokens(calls, "tokens_in"), tokens(calls, "tokens_out")
    if prices is None or not right or not right.value or into is None or out is None:
        return None
    usd = serving_cost(prices, queries=1_000, tokens_in=into, tokens_out=out).usd
    return None if usd is None else round(usd / (right.value * len(calls)), 6)


def _base(model: str) -> str:
    """Return the model that a reference is paid as: the base of a run that is deployed on Bedrock, else itself."""
    run = Run(Path(model))
    if run.deployment.is_file() and read_json(run.deployment).get("backend") == "bedrock":
        return str(read_json(run.prompt).get("base", model))
    return model
