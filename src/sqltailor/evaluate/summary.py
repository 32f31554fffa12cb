"""From predictions to numbers: rates with intervals, paired comparisons, outcomes, breakdowns, timings."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqltailor.evaluate.confidence import confidences
from sqltailor.evaluate.mistakes import counted_mistakes
from sqltailor.evaluate.slices import slices
from sqltailor.evaluate.statistics import Paired, bootstrap, clustered_rate, detectable, paired, percentile, rate
from sqltailor.generate.calibration import Calibration
from sqltailor.prompt.extract import is_declined
from sqltailor.types import Example, Prediction

Predictions = Mapping[str, Sequence[Prediction]]
"""Model reference → one prediction for each example."""


def summarise(
    examples: Sequence[Example],
    predictions: Predictions,
    metrics: Sequence[str],
    calibrations: Mapping[str, Calibration] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return what `scores.json` says of predictions, as plain JSON values.

    `models` and `paired` have the shape of `eval --json`. Pairs are in the order of `predictions`, so the base comes
    first. `calibrations`: model → what its confidence is worth, where that is known.
    """
    clusters = {example.id: example.db_id for example in examples if example.db_id}
    return {
        "models": {model: rates(rows, metrics) for model, rows in predictions.items()},
        "clustered": clustered(predictions, metrics, clusters),
        "detectable": {model: smallest(rows, metrics) for model, rows in predictions.items()},
        "paired": compare(predictions, metrics, clusters),
        "outcomes": {model: dict(Counter(p.outcome for p in rows)) for model, rows in predictions.items()},
        "differences": {
            model: dict(Counter(p.difference for p in rows if p.difference)) for model, rows in predictions.items()
        },
        "mistakes": {model: counted_mistakes(examples, rows) for model, rows in predictions.items()},
        "breakdowns": breakdowns(examples, predictions, metrics),
        "timings": {model: timings(rows) for model, rows in predictions.items()},
        "constraint": {model: led for model, rows in predictions.items() if (led := constraint(rows))},
        "declines": {model: found for model, rows in predictions.items() if (found := declines(examples, rows))},
        "repairs": {model: found for model, rows in predictions.items() if (found := repaired(rows))},
    } | confidences(predictions, calibrations)


def rates(predictions: Iterable[Prediction], metrics: Sequence[str]) -> dict[str, dict[str, float | int]]:
    """Return metric → rate with its interval; a metric without scores is absent."""
    rows = list(predictions)
    found = {metric: rate(p.scores[metric] for p in rows if metric in p.scores) for metric in metrics}
    return {metric: value.to_json() for metric, value in found.items() if value is not None}


def smallest(predictions: Sequence[Prediction], metrics: Sequence[str]) -> dict[str, float]:
    """Return metric → the smallest difference from another model that so many questions can show.

    As if the other were as good and made its mistakes independently; models that agree more often show smaller ones.
    """
    found = {metric: rate(p.scores[metric] for p in predictions if metric in p.scores) for metric in metrics}
    independent = {m: detectable(r.n, 2 * r.value * (1 - r.value)) for m, r in found.items() if r is not None}
    return {metric: round(value, 6) for metric, value in independent.items()}


def compare(predictions: Predictions, metrics: Sequence[str], clusters: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the paired comparison of every two models by every metric that both have.

    `clusters`: example id → its database. `difference` is that of the rates on the rows that both were scored on.
    """
    models = list(predictions)
    found = []
    for i, a in enumerate(models):
        for b in models[i + 1 :]:
            for metric in metrics:
                scores = [{p.id: p.scores[metric] for p in predictions[m] if metric in p.scores} for m in (a, b)]
                if (pair := paired(*scores)) is not None:
                    about = {"a": a, "b": b, "metric": metric}
                    found.append(about | pair_json(pair, *scores, clusters=clusters))
    return found


def pair_json(
    pair: Paired, a: Mapping[str, float], b: Mapping[str, float], *, clusters: Mapping[str, str]
) -> dict[str, Any]:
    """Return a paired comparison as `--json` shows it, with the interval of the difference and what n can show."""
    spread = bootstrap({row: b[row] - a[row] for row in a if row in b}, clusters)
    return {
        "fixed": pair.fixed,
        "broken": pair.broken,
        "p": pair.p,
        "n": pair.n,
        "difference": {name: round(value, 6) for name, value in spread._asdict().items()},
        "detectable": round(detectable(pair.n, (pair.fixed + pair.broken) / pair.n), 6),
    }


def clustered(predictions: Predictions, metrics: Sequence[str], clusters: Mapping[str, str]) -> dict[str, Any]:
    """Return model → metric → rate with an interval for other databases than these; nothing for a few databases."""
    found: dict[str, Any] = {}
    for model, rows in predictions.items():
        for metric in metrics:
            scores: dict[str, list[float]] = {}
            for row in rows:
                if metric in row.scores:
                    scores.setdefault(clusters.get(row.id, ""), []).append(row.scores[metric])
            if (value := clustered_rate(scores)) is not None:
                found.setdefault(model, {})[metric] = value.to_json() | {"databases": len(scores)}
    return found


def breakdowns(examples: Sequence[Example], predictions: Predictions, metrics: Sequence[str]) -> dict[str, Any]:
    """Return the rates of every slice: kind → name → model → rates."""
    return {
        kind: {
            name: {m: rates((p for p in rows if p.id in ids), metrics) for m, rows in predictions.items()}
            for name, ids in named.items()
        }
        for kind, named in slices(examples).items()
    }


def constraint(predictions: Iterable[Prediction]) -> dict[str, int]:
    """Return how many answers a constraint led in which way (`Led`); empty where there was none."""
    return dict(Counter(p.led for p in predictions if p.led is not None))


def declines(examples: Sequence[Example], predictions: Iterable[Prediction]) -> dict[str, int]:
    """Return how many answers declined `rightly`, `wrongly`, or did not where that was right (`missed`); {} for none.

    By the gold: an answer that declines a question that can be answered is wrong, and the other way round.
    """
    unanswerable = {example.id for example in examples if is_declined(example.sql[0])}
    counts = Counter(
        "wrongly" if p.id not in unanswerable else "rightly" if p.outcome == "correct" else "missed"
        for p in predictions
        if p.id in unanswerable or p.outcome == "declined"
    )
    return {name: counts[name] for name in ("rightly", "wrongly", "missed")} if counts else {}


def repaired(predictions: Iterable[Prediction]) -> dict[str, int]:
    """Return how many answers were asked for again because they did not run, and how many of them ran then."""
    outcomes = [p.outcome for p in predictions if p.repairs]
    ran = sum(outcome in ("correct", "empty_match", "wrong") for outcome in outcomes)
    return {"asked_again": len(outcomes), "ran": ran} if outcomes else {}


def timings(predictions: Iterable[Prediction]) -> dict[str, float | int]:
    """Return medians, 95th percentiles and means of what was measured; nothing that was not."""
    rows = list(predictions)
    found: dict[str, float | int] = {}
    for name in ("first_token_ms", "total_ms"):
        values = [v for p in rows if (v := getattr(p, name)) is not None]
        for percent in (50, 95) if values else ():
            found[f"{name}_p{percent}"] = round(percentile(values, percent), 1)
    for name in ("tokens_in", "tokens_out"):
        counts = [v for p in rows if (v := getattr(p, name)) is not None]
        if counts:
            found[f"{name}_mean"] = round(statistics.fmean(counts), 1)
    return found
