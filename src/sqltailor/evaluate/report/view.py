"""From the contents of a run to what the page shows: plain values, sentences and plots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqltailor.evaluate.confidence import SURER
from sqltailor.evaluate.metrics.difference import DIFFERENCES
from sqltailor.evaluate.report import meanings, plots, sentences
from sqltailor.evaluate.report.cases import MAX_CASES, all_cases, listed
from sqltailor.evaluate.report.read import Contents, Row


def view(contents: Contents) -> dict[str, Any]:
    """Return the variables of the page's template."""
    scores, models = contents.scores, list(contents.scores.get("models", ()))
    measured = _measured(contents, models) if models else {}
    return {
        "name": contents.name,
        "facts": list(_facts(contents)),
        "models": models,
        "training": sentences.training(contents.steps),
        "curve": _curve(contents.steps),
        "gold_errors": scores.get("gold_errors", ()),
        "environment": contents.environment,
        "data": contents.data,
        "recipe": contents.recipe,
        "meanings": meanings.OUTCOMES,
        "difference_meanings": meanings.DIFFERENCES,
        "kinds": [*meanings.DIFFERENCES, *meanings.OUTCOMES],
        "slice_names": meanings.SLICES,
        "shown": MAX_CASES,
        **measured,
    }


def _measured(contents: Contents, models: Sequence[str]) -> dict[str, Any]:
    scores, metric = contents.scores, sentences.headline_metric(contents.scores)
    rates = {m: scores["models"][m].get(metric) for m in models}
    cases = list(all_cases(contents, models))
    compared = len(models) > 1
    wrong = [case for case in cases if not case.answers[-1].is_right]
    broken = [case for case in wrong if compared and case.answers[0].is_right]
    others = [case for case in wrong if case not in broken]
    differences = scores.get("differences", {})
    return {
        "verdict": sentences.verdict(scores),
        "tiles": [(m, sentences.percent(r["value"]), sentences.interval(r), r["n"]) for m, r in rates.items() if r],
        "charts": list(_charts(scores, models)),
        "weak": _weak(scores, models, metric),
        "metric": metric,
        "outcomes": scores["outcomes"],
        "outcomes_seen": {outcome for counts in scores["outcomes"].values() for outcome in counts},
        "outcome_plot": plots.stack(scores["outcomes"], title="Outcomes of all answers"),
        "differences": differences,
        "differences_seen": [d for d in DIFFERENCES if any(d in counts for counts in differences.values())],
        "wrong": listed(others),
        "broken": listed(broken),
        "fixed": listed([case for case in cases if compared and case not in wrong and not case.answers[0].is_right]),
        "timings": _timings(scores, models),
    }


def _facts(contents: Contents) -> Iterator[tuple[str, str]]:
    import yaml

    recipe = yaml.safe_load(contents.recipe) if contents.recipe else None
    scores, about, environment = contents.scores, contents.evaluation, contents.environment
    yield from (("Base model", recipe["base"]),) if isinstance(recipe, Mapping) and recipe.get("base") else ()
    yield from (("Questions", f"{scores['examples']:,}"),) if scores.get("examples") else ()
    yield from (("Database", about["database"]),) if about.get("database") else ()
    rows = _training_rows(contents.data, recipe)
    yield from (("Training rows", f"{rows:,}"),) if rows else ()
    yield from (("Evaluated", about["written"][:16].replace("T", " ")),) if about.get("written") else ()
    version = scores.get("version") or environment.get("packages", {}).get("sqltailor")
    yield from (("SQLTailor", version),) if version else ()
    yield from (("Commit", environment["git_commit"][:10]),) if environment.get("git_commit") else ()


def _training_rows(data: Mapping[str, Row], recipe: Any) -> int:
    """Return the rows of the files that are trained on; without a recipe that names them, of all files."""
    section = recipe.get("data") if isinstance(recipe, Mapping) else None
    named = section.get("train") if isinstance(section, Mapping) else None
    names = list(data) if named is None else [named] if isinstance(named, str) else named
    return sum(data[name].get("rows") or 0 for name in {str(Path(name)) for name in names} if name in data)


def _charts(scores: Row, models: Sequence[str]) -> Iterator[tuple[str, meanings.Meaning, str]]:
    """Yield (metric, its meaning, its plot): all questions, and every test file on its own."""
    parts = scores.get("breakdowns", {}).get("part", {})
    for metric in dict.fromkeys(metric for found in scores["models"].values() for metric in found):
        groups = {"all questions": [_bar(scores["models"][m].get(metric)) for m in models]}
        for part, found in parts.items():
            groups[part] = [_bar(found.get(m, {}).get(metric)) for m in models]
        title = f"{metric} by test part"
        yield metric, meanings.MEANINGS.get(metric, meanings.Meaning("", "")), plots.bars(groups, title=title)
    if bands := scores.get("confidence"):
        of_model = [[found[m] for name, found in bands.items() if name != SURER and m in found] for m in models]
        points = [[_point(band) for band in found] for found in of_model]
        yield (
            "confidence",
            meanings.MEANINGS["confidence"],
            plots.reliability(points, title="right answers by confidence"),
        )


def _point(band: Row) -> tuple[float, plots.Bar]:
    """Return what answers promise, and how often they are right."""
    return band.get("expected", band["share"]), plots.Bar(band["value"], band["low"], band["high"])


def _bar(rate: Row | None) -> plots.Bar | None:
    return plots.Bar(rate["value"], rate["low"], rate["high"]) if rate else None


def _weak(scores: Row, models: Sequence[str], metric: str | None) -> dict[str, Any]:
    """Return kind → value → one rate a model, of the verdict's metric."""
    kinds = {name: found for name, found in scores.get("breakdowns", {}).items() if name != "part"}
    return {
        kind: {value: [found.get(m, {}).get(metric) for m in models] for value, found in values.items()}
        for kind, values in kinds.items()
        if metric is not None
    }


def _timings(scores: Row, models: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return (what, one value a model) for everything that any model measured."""
    shown: dict[str, tuple[str, Callable[[float], str]]] = {
        "tokens_per_s": ("tokens a second", lambda x: f"{x:,.0f}"),
        "first_token_ms_p50": ("first token, median", lambda x: f"{x:,.0f} ms"),
        "total_ms_p50": ("whole batch, median", lambda x: f"{x:,.0f} ms"),
        "total_ms_p95": ("whole batch, 95th percentile", lambda x: f"{x:,.0f} ms"),
        "tokens_in_mean": ("tokens of a prompt, mean", lambda x: f"{x:,.0f}"),
        "tokens_out_mean": ("tokens of an answer, mean", lambda x: f"{x:,.1f}"),
    }
    found = scores.get("timings", {})
    return [
        (label, [show(found[m][key]) if key in found.get(m, {}) else "" for m in models])
        for key, (label, show) in shown.items()
        if any(key in found.get(m, {}) for m in models)
    ]


def _curve(steps: Sequence[Row]) -> str | None:
    train, evaluation, rate = (_series(steps, *keys) for keys in (("loss",), ("eval_loss",), ("lr", "learning_rate")))
    return plots.curves(train, evaluation, rate, title="Loss over training steps") if len(train.steps) > 1 else None


def _series(steps: Sequence[Row], *keys: str) -> plots.Curve:
    """Return the numbers that metrics.jsonl has under one of the keys; a loss that was NaN is left out."""
    found = [
        (row.get("step", i), row[key])
        for i, row in enumerate(steps)
        for key in keys
        if isinstance(row.get(key), (int, float))
    ]
    return plots.Curve([step for step, _ in found], [value for _, value in found])
