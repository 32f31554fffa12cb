"""The report's sentences: numbers in plain words, with what they do and do not show."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqltailor.errors import counted
from sqltailor.evaluate.confidence import SURER

HEADLINE_METRICS = ("execution", "exact_match")
"""The first of these that the models share is what the verdict is about."""


class Verdict(NamedTuple):
    """The answer to "is it better?" in one sentence, what stands behind it, and what to keep in mind."""

    headline: str
    detail: str
    notes: tuple[str, ...]


def verdict(scores: Mapping[str, Any]) -> Verdict:
    """Return what `scores.json` says of the last model against the first."""
    models = list(scores["models"])
    metric = headline_metric(scores)
    notes = tuple(_notes(scores))
    if metric is None:
        return Verdict("No accuracy could be measured.", "There is neither execution nor exact match.", notes)
    first, last = models[0], models[-1]
    after = scores["models"][last][metric]
    right = "right" if metric == "execution" else "with exactly the gold statement"
    headline = f"{last} answers {hits(after)} of {after['n']} {right}"
    if first == last:
        return Verdict(f"{headline}.", f"95 % interval: {interval(after)}. {_meaning(metric)}", notes)
    before = scores["models"][first][metric]
    points = 100 * (after["value"] - before["value"])
    pair = next((p for p in scores["paired"] if (p["a"], p["b"], p["metric"]) == (first, last, metric)), None)
    significance = f", {p_value(pair['p'])}" if pair else ""
    sign = "+" if points >= 0 else "−"
    headline += f", {first} {hits(before)}: {sign}{_decimal(abs(points))} points{significance}."
    return Verdict(headline, f"{changed(pair, first, last)} {_meaning(metric)}".strip(), notes)


def headline_metric(scores: Mapping[str, Any]) -> str | None:
    """Return the metric that the verdict is about, or None when the models share none."""
    shared = [m for m in HEADLINE_METRICS if all(m in found for found in scores["models"].values())]
    return shared[0] if shared and scores["models"] else None


def _meaning(metric: str) -> str:
    if metric == "execution":
        return "Right means: the predicted SQL ran and returned the rows of the gold SQL."
    return "There was no database to run SQL on, so statements were compared, not results."


def changed(pair: Mapping[str, Any] | None, first: str, last: str) -> str:
    """Return what a paired comparison shows; empty where there is none."""
    if pair is None:
        return ""
    told = f"{last} gets {pair['fixed']} right that {first} gets wrong, and loses {pair['broken']}."
    if spread := pair.get("difference"):
        low, high = (f"{100 * spread[name]:+.1f}".replace("-", "−") for name in ("low", "high"))
        told += f" The difference is between {low} and {high} points (95 %)."
    if pair["p"] >= 0.05:
        return f"{told} A difference of this size may be chance."
    return f"{told} A difference of this size is hardly chance."


def _notes(scores: Mapping[str, Any]) -> Sequence[str]:
    notes = []
    asked = int(scores.get("examples", 0))
    metric = headline_metric(scores)
    if (ceiling := scores.get("ceiling")) and hits(ceiling) == ceiling["n"]:
        notes.append("Every gold statement, run again, agrees with itself.")
    if least := max((found.get(metric, 0) for found in scores.get("detectable", {}).values()), default=0):
        notes.append(f"With this many questions, a difference below {_decimal(100 * least)} points may well be chance.")
    for model, found in scores.get("clustered", {}).items():
        if rate := found.get(metric):
            notes.append(f"On other databases than these {rate['databases']}, {model} may reach {interval(rate)}.")
    if failing := len(scores.get("gold_errors", ())):
        whose, them = ("its own result", "it") if failing == 1 else ("their own results", "them")
        notes.append(
            f"{counted(failing, 'gold statement')} of {asked} failed or did not match {whose}: "
            f"execution rates leave {them} out."
        )
    if empty := scores.get("gold_empty"):
        notes.append(
            f"{counted(empty, 'gold result')} {'is' if empty == 1 else 'are'} empty: matching one proves little."
        )
    if 0 < asked < 100:
        notes.append(f"{counted(asked, 'question')}: the intervals are wide. A hundred or more compare models better.")
    for model, outcomes in scores.get("outcomes", {}).items():
        if cut := outcomes.get("truncated"):
            notes.append(
                f"{counted(cut, 'answer')} of {model} hit the length limit: generate.max_tokens may be too low."
            )
        if late := outcomes.get("timeout"):
            notes.append(f"{counted(late, 'statement')} of {model} timed out, which also depends on this machine.")
    for model, led in scores.get("constraint", {}).items():
        back, short = led.get("went_back", 0), led.get("shortened", 0) + led.get("cut", 0)
        notes.append(
            f"Kept to the schema, {model} went back to write another name in {counted(back, 'answer')} and was held to "
            f"a shorter statement in {short}."
        )
    for model, rate in scores.get("confidence", {}).get(SURER, {}).items():
        notes.append(f"Of the half that {model} is surest of, {percent(rate['value'])} is right ({interval(rate)}).")
    for model, found in scores.get("calibration_error", {}).items():
        kind = "expected" if "expected" in found else "share"
        said = "What validation answers promise" if kind == "expected" else "The share of candidates that agree"
        notes.append(f"{said} is off by {_decimal(100 * found[kind])} points in the mean for {model}.")
    notes += [f"{model} {declined(found)}." for model, found in scores.get("declines", {}).items()]
    for model, found in scores.get("repairs", {}).items():
        again = counted(found["asked_again"], "statement")
        notes.append(f"{again} of {model} did not run and {model} was told why: {found['ran']} then ran.")
    return notes


def declined(counts: Mapping[str, int]) -> str:
    """Return what a model did with the questions that cannot be answered, and how often it took others for such.

    >>> declined({"rightly": 3, "wrongly": 1, "missed": 0})
    'declined 3 of 3 questions that cannot be answered, and 1 that can'
    """
    asked = counted(counts["rightly"] + counts["missed"], "question")
    return f"declined {counts['rightly']:,} of {asked} that cannot be answered, and {counts['wrongly']:,} that can"


def hits(rate: Mapping[str, Any]) -> int:
    """Return how many scores of 1 a rate stands for."""
    return round(float(rate["value"]) * int(rate["n"]))


def percent(value: float) -> str:
    """Return a share as text.

    >>> percent(0.71), percent(0.235)
    ('71 %', '23.5 %')
    """
    return f"{_decimal(100 * value)} %"


def _decimal(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def interval(rate: Mapping[str, Any]) -> str:
    """Return a rate's interval as text.

    >>> interval({"low": 0.61, "high": 0.794, "n": 100})
    '61–79 %'
    """
    digits = 1 if rate["n"] >= 500 else 0
    return f"{100 * rate['low']:.{digits}f}–{100 * rate['high']:.{digits}f} %"


def p_value(p: float) -> str:
    """Return a p-value as one writes it.

    >>> p_value(0.00001), p_value(0.0386), p_value(0.21), p_value(1.0)
    ('p < 0.001', 'p = 0.039', 'p = 0.21', 'p = 1')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def training(steps: Sequence[Mapping[str, Any]]) -> str:
    """Return what the lines of metrics.jsonl say, in one sentence; empty for none."""
    losses = [row for row in steps if isinstance(row.get("loss"), (int, float))]
    if not losses:
        return ""
    first, last = losses[0], losses[-1]
    sentence = f"{last.get('step', len(losses)):,} steps; training loss {first['loss']:.3g} → {last['loss']:.3g}"
    evaluated = [row["eval_loss"] for row in steps if isinstance(row.get("eval_loss"), (int, float))]
    if evaluated:
        sentence += f", evaluation loss {evaluated[-1]:.3g} (lowest {min(evaluated):.3g})"
    speeds = [row["tokens_per_s"] for row in losses if isinstance(row.get("tokens_per_s"), (int, float))]
    if speeds:
        sentence += f"; {statistics.median(speeds):,.0f} tokens/s"
    if isinstance(seconds := last.get("elapsed_s"), (int, float)):
        sentence += f"; {duration(seconds)}"
    return f"{sentence}."


def duration(seconds: float) -> str:
    """Return a duration as text.

    >>> duration(7.25), duration(95), duration(7384)
    ('7.2 s', '1 min 35 s', '2 h 3 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
