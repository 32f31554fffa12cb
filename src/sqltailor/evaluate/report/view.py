"""From the contents of a run to what the page shows: plain values, sentences and plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.evaluate.metrics.difference import DIFFERENCES
from sqltailor.evaluate.report import plots, sentences, sql
from sqltailor.evaluate.report.read import Contents, Row

RIGHT = frozenset({"correct", "empty_match"})
WITHOUT_SQL = frozenset({"no_sql", "declined"})
MAX_CASES = 200
"""Questions that a list on the page shows; the files have all of them."""
FEWEST_OF_A_KIND = 20
"""So many of each kind of failure are shown before more of the frequent ones are."""


class Given(NamedTuple):
    """One model's answer to one question: `sql` is HTML, `model` its place among the models, `kind` what it is
    filtered by: how a wrong result differs, else the outcome. `rows` are the first ones of its result.
    """

    model: int
    sql: str
    outcome: str
    kind: str
    reason: str | None
    is_right: bool
    rows: Row | None


class Case(NamedTuple):
    """One question with its gold statement, as HTML, and what the models made of it."""

    id: str
    question: str
    about: str
    gold: str
    gold_rows: Row | None
    answers: Sequence[Given]

    @property
    def kind(self) -> str:
        """The last model's kind of failure."""
        return self.answers[-1].kind


class Listed(NamedTuple):
    """A list of questions: how many there are, those that are shown, and how many there are of each kind."""

    total: int
    cases: Sequence[Case]
    kinds: Mapping[str, int]


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
        "meanings": sentences.OUTCOMES,
        "difference_meanings": sentences.DIFFERENCES,
        "kinds": [*sentences.DIFFERENCES, *sentences.OUTCOMES],
        "slice_names": sentences.SLICES,
        "shown": MAX_CASES,
        **measured,
    }


def _measured(contents: Contents, models: Sequence[str]) -> dict[str, Any]:
    scores, metric = contents.scores, sentences.headline_metric(contents.scores)
    rates = {m: scores["models"][m].get(metric) for m in models}
    cases = list(_cases(contents, models))
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
        "wrong": _listed(others),
        "broken": _listed(broken),
        "fixed": _listed([case for case in cases if compared and case not in wrong and not case.answers[0].is_right]),
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


def _charts(scores: Row, models: Sequence[str]) -> Iterator[tuple[str, sentences.Meaning, str]]:
    """Yield (metric, its meaning, its plot): all questions, and every test file on its own."""
    parts = scores.get("breakdowns", {}).get("part", {})
    for metric in dict.fromkeys(metric for found in scores["models"].values() for metric in found):
        groups = {"all questions": [_bar(scores["models"][m].get(metric)) for m in models]}
        for part, found in parts.items():
            groups[part] = [_bar(found.get(m, {}).get(metric)) for m in models]
        title = f"{metric} by test part"
        yield metric, sentences.MEANINGS.get(metric, sentences.Meaning("", "")), plots.bars(groups, title=title)
    if bands := scores.get("confidence"):
        groups = {name: [_bar(found.get(m)) for m in models] for name, found in bands.items()}
        yield "confidence", sentences.MEANINGS["confidence"], plots.bars(groups, title="execution by confidence")


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


def _cases(contents: Contents, models: Sequence[str]) -> Iterator[Case]:
    """Yield every question that some model got wrong, the gold's own failures apart."""
    tables = [contents.predictions.get(model, {}) for model in models]
    for key in dict.fromkeys(key for table in tables for key in table):
        rows = [table[key] for table in tables if key in table]
        if len(rows) < len(models) or all(row["outcome"] in RIGHT or row["outcome"] == "gold_error" for row in rows):
            continue
        example = contents.examples.get(key, {})
        golds = example.get("sql") or [""]
        about = " · ".join(str(example[k]) for k in ("source", "difficulty") if example.get(k))
        question = example.get("question") or str(example.get("spec") or key)
        answers = [_given(i, row, golds[0]) for i, row in enumerate(rows)]
        yield Case(key, question, about, _gold(golds, rows[-1]), (rows[-1].get("results") or {}).get("gold"), answers)


def _gold(golds: Sequence[str], last: Row) -> str:
    """Return the gold statements as HTML; in the first, what the last model's answer does not say is marked."""
    against = None if last["outcome"] in RIGHT | WITHOUT_SQL else last["predicted"]
    return " <u>or</u> ".join([sql.html(golds[0], against), *map(sql.html, golds[1:])])


def _listed(cases: Sequence[Case]) -> Listed:
    """Return a list as the page shows it: the first of every kind, and more of frequent ones while there is room."""
    seen: Counter[str] = Counter()
    ranks = []
    for place, case in enumerate(cases):
        ranks.append((max(seen[case.kind] - FEWEST_OF_A_KIND, 0), place))
        seen[case.kind] += 1
    shown = [cases[place] for place in sorted(place for _, place in sorted(ranks)[:MAX_CASES])]
    return Listed(len(cases), shown, dict(seen.most_common()))


def _given(model: int, row: Row, gold: str) -> Given:
    is_right = row["outcome"] in RIGHT
    text = sql.html(row["predicted"], None if is_right or row["outcome"] in WITHOUT_SQL else gold)
    kind = row.get("difference") or row["outcome"]
    rows = (row.get("results") or {}).get("predicted")
    return Given(model, text, row["outcome"], kind, row.get("reason"), is_right, rows)


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
