"""Scores and comparisons as Markdown, for the summary of a CI job or a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqltailor.evaluate.comparison import Comparison
from sqltailor.evaluate.report.sentences import interval, p_value, percent

SHOWN = 10
"""Questions, and slices, that a comparison lists."""


def scores_markdown(scores: Mapping[str, Any]) -> str:
    """Return what an evaluation found: a table of rates, outcomes, and comparisons of its models."""
    return "\n".join(_scores(scores)) + "\n"


def _scores(scores: Mapping[str, Any]) -> Iterator[str]:
    models = dict(scores["models"])
    yield from _table(
        ["metric", *models],
        [
            [metric, *(_rate(rates.get(metric)) for rates in models.values())]
            for metric in dict.fromkeys(m for rates in models.values() for m in rates)
        ],
    )
    yield ""
    if ceiling := scores["ceiling"]:
        rest = "; the rest counts in no execution rate" if ceiling["value"] < 1 else ""
        yield f"- gold against itself: {percent(ceiling['value'])} right{rest}"
    for model, outcomes in scores["outcomes"].items():
        kinds = scores["differences"][model]
        told = ", ".join(f"{n} {name}" for name, n in outcomes.items())
        yield f"- {_code(model)}: {told}" + (f" ({_counts(kinds)})" if kinds else "")
    for pair in scores["paired"]:
        if pair["metric"] == next(iter(next(iter(models.values())))):
            yield f"- {pair['metric']}: {_code(pair['b'])} against {_code(pair['a'])}: {_pair(pair)}"


def comparison_markdown(found: Comparison) -> str:
    """Return what a comparison found: rates, what changed and where, and the questions that broke."""
    return "\n".join(_comparison(found)) + "\n"


def _comparison(found: Comparison) -> Iterator[str]:
    rates = [["before", _code(found.a), _rate(found.rates["a"])], ["after", _code(found.b), _rate(found.rates["b"])]]
    yield from _table(["", "run", found.metric], rates)
    yield ""
    yield f"{_pair(found.pair)}."
    moved = [
        (abs(s["fixed"] - s["broken"]), [f"{kind}: {_cell(name)}", str(s["n"]), percent(s["a"]), percent(s["b"])])
        for kind, named in found.slices.items()
        for name, s in named.items()
        if s["fixed"] != s["broken"]
    ]
    if moved:
        yield ""
        rows = [row for _, row in sorted(moved, key=lambda pair: -pair[0])[:SHOWN]]
        yield from _table(["slice", "questions", "before", "after"], rows)
    broken = [change for change in found.changes if change.change == "broken"]
    if broken:
        yield ""
        rows = [[_cell(c.question), _code(c.gold), _code(c.after["predicted"])] for c in broken[:SHOWN]]
        yield f"Broken ({len(broken)}{f', {SHOWN} shown' if len(broken) > SHOWN else ''}):\n"
        yield from _table(["question", "gold", "predicted"], rows)


def _pair(pair: Mapping[str, Any]) -> str:
    value, low, high = (100 * pair["difference"][name] for name in ("value", "low", "high"))
    changed = f"{pair['fixed']} fixed, {pair['broken']} broken, {p_value(pair['p'])}"
    return f"{value:+.1f} points [{low:+.1f}, {high:+.1f}], {changed}, n = {pair['n']}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _rate(rate: Mapping[str, Any] | None) -> str:
    return f"{percent(rate['value'])} ({interval(rate)}, n = {rate['n']})" if rate else "—"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} by {name}" for name, n in counts.items())


def _cell(text: str) -> str:
    """Return text that stays in its cell and is no markup.

    >>> _cell("a|b <i>\\n*c*")
    'a\\\\|b &lt;i> \\\\*c\\\\*'
    """
    text = " ".join(text.split()).replace("<", "&lt;")
    return "".join(f"\\{c}" if c in "\\|*_`[]" else c for c in text)


def _code(text: str) -> str:
    """Return text as code within a cell.

    >>> _code("a | b `c`")
    '`a \\\\| b ´c´`'
    """
    return f"`{' '.join(text.split()).replace('`', '´').replace('|', chr(92) + '|')}`"
