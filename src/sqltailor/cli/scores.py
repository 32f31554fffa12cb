"""What evaluations print: shared by `eval`, `compare` and `bench`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqltailor.cli.output import note, print_table

if TYPE_CHECKING:
    from sqltailor.evaluate import Evaluation
    from sqltailor.types import Example


def print_scores(result: Evaluation) -> None:
    """Print what the gold allows, a table of rates with their 95 % intervals, and what changed between two models."""
    from sqltailor.evaluate.report.sentences import declined

    scores = result.scores
    models: dict[str, Any] = dict(scores["models"])
    if ceiling := scores["ceiling"]:
        right, asked = round(ceiling["value"] * ceiling["n"]), ceiling["n"]
        rest = "" if right == asked else f"; execution rates leave out the other {asked - right:,}"
        print(f"gold against itself: {right:,} of {asked:,} right{rest}")
    metrics = list(dict.fromkeys(m for rates in models.values() for m in rates))
    rows = [[metric, *(rate_shown(rates.get(metric)) for rates in models.values())] for metric in metrics]
    print_table(("metric", *models), rows)
    for model in models:
        print(f"{model}: {kinds_shown(scores['outcomes'][model], scores['differences'][model])}")
        if found := scores["declines"].get(model):
            print(f"{model} {declined(found)}")
    for pair in scores["paired"]:
        if pair["metric"] == metrics[0]:
            print(f"{pair['metric']}: {pair['b']} against {pair['a']}: {compared(pair)}")
    for model, found in scores["detectable"].items():
        if len(models) == 1 and metrics[0] in found:
            print(f"{metrics[0]}: another model must differ by {points(found[metrics[0]])} to be told from {model}")
    for model, found in scores["clustered"].items():
        if rate := found.get(metrics[0]):
            print(f"{metrics[0]} of {model} on other databases than these {rate['databases']}: {rate_shown(rate)}")


def kinds_shown(outcomes: Mapping[str, int], differences: Mapping[str, int]) -> str:
    """Return what became of a model's answers, and how the wrong results differ."""
    told, kinds = (
        ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda pair: -pair[1]))
        for counts in (outcomes, differences)
    )
    return f"{told}; wrong by: {kinds}" if kinds else told


def compared(pair: Mapping[str, Any]) -> str:
    """Return a paired comparison as a sentence: the difference with its interval, what changed, what could be told."""
    value, low, high = (100 * pair["difference"][name] for name in ("value", "low", "high"))
    return (
        f"{value:+.1f} points [{low:+.1f}, {high:+.1f}], {pair['fixed']} fixed, {pair['broken']} broken, "
        f"p = {pair['p']:.2g} (exact McNemar); a difference of {points(pair['detectable'])} could be told"
    )


def points(share: float) -> str:
    """Return a difference of shares in points."""
    return f"{100 * share:.1f} points"


def rate_shown(rate: Mapping[str, float] | None) -> str:
    """Return a rate with its interval."""
    if rate is None:
        return "—"
    return f"{rate['value']:.1%} [{rate['low']:.1%}, {rate['high']:.1%}] n={rate['n']}"


def print_wrong(result: Evaluation, examples: list[Example], show: int, only: str | None) -> None:
    """Print answers of each model that are wrong, or of one kind."""
    by_id = {e.id: e for e in examples}
    for model, predictions in result.predictions.items():
        wrong = [p for p in predictions if p.outcome not in ("correct", "empty_match") or only == p.outcome]
        for p in [p for p in wrong if only in (None, p.outcome, p.difference)][:show]:
            example = by_id[p.id]
            kind = f"{p.outcome}, {p.difference}" if p.difference else p.outcome
            note(f"\n{model}: {p.id} ({kind}){f': {p.reason}' if p.reason else ''}")
            note(f"  question   {example.question or example.spec}")
            note(f"  gold       {example.sql[0]}\n  predicted  {p.predicted}")


def known_kind(only: str | None, *more: str) -> str | None:
    """Return an outcome, a class of difference or one of `more`; raises `ConfigError` for any other name."""
    from typing import get_args

    from sqltailor.errors import ConfigError, unknown
    from sqltailor.types import Difference, Outcome

    known = (*more, *get_args(Difference), *get_args(Outcome))
    if only is not None and only not in known:
        raise ConfigError(unknown("kind", only, known))
    return only
