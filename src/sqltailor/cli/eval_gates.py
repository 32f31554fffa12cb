"""The gates of `sqltailor eval`: what its last model is held against, and whether the command ends with 0."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from sqltailor.cli.output import note
from sqltailor.cli.scores import compared
from sqltailor.errors import ConfigError, counted

if TYPE_CHECKING:
    from sqltailor.evaluate import Evaluation
    from sqltailor.evaluate.comparison import Comparison, Side
    from sqltailor.types import Example


class Gates(NamedTuple):
    """The least rate of a metric, the run that is compared with, and its name where the model must not be worse."""

    minimum: tuple[str, float] | None
    before: Side | None
    worse_than: str | None

    @classmethod
    def of(cls, fail_under: str | None, fail_if_worse_than: str | None, against: str | None) -> Self:
        """Return the gates of the command line; the other run is read as it is before anything is asked."""
        from sqltailor.evaluate.comparison import read_side

        other = against or fail_if_worse_than
        return cls(_least_rate(fail_under), read_side(Path(other)) if other else None, fail_if_worse_than)

    def comparison(self, run: Path) -> Comparison | None:
        """Return the comparison of the run with the other one, None without one."""
        from sqltailor.evaluate.comparison import compare_runs, read_side

        return compare_runs(self.before, read_side(run)) if self.before else None

    def are_passed(self, result: Evaluation, examples: Sequence[Example], comparison: Comparison | None) -> bool:
        """Tell whether the last model passes, and say where it does not."""
        passed = [self.minimum is None or _reaches(result, *self.minimum)]
        metrics = [self.minimum[0]] if self.minimum else []
        if self.worse_than and comparison:
            metrics.append(comparison.metric)
            passed.append(not comparison.is_worse)
            if comparison.is_worse:
                note(f"worse than {self.worse_than}: {comparison.metric} {compared(comparison.pair)}")
        passed += [_covers_all(result, examples, metric) for metric in dict.fromkeys(metrics)]
        return all(passed)


def _least_rate(text: str | None) -> tuple[str, float] | None:
    """Return the metric and rate of `--fail-under`; raises `ConfigError` where it is none."""
    from sqltailor.evaluate.metrics import metrics_called

    if text is None:
        return None
    metric, _, value = text.partition("=")
    metrics_called([metric])
    try:
        least = float(value)
    except ValueError as e:
        raise ConfigError(f"--fail-under '{text}' is not METRIC=NUMBER, such as execution=0.8.") from e
    if not 0 <= least <= 1:
        raise ConfigError(f"--fail-under '{text}': a rate is a number from 0 to 1, such as execution=0.8.")
    return metric, least


def _covers_all(result: Evaluation, examples: Sequence[Example], metric: str) -> bool:
    """Tell whether the last model has a score for each example, and say how many it lacks.

    Questions whose gold statement fails or that cannot be answered may lack one, and all may of a metric that is about
    some answers by its nature.
    """
    from sqltailor.evaluate.metrics import OF_SOME_ANSWERS
    from sqltailor.prompt.extract import is_declined

    if metric in OF_SOME_ANSWERS:
        return True
    model, predictions = list(result.predictions.items())[-1]
    aside = {error["id"] for error in result.scores["gold_errors"]}
    aside |= {example.id for example in examples if is_declined(example.sql[0])}
    lacking = [p.id for p in predictions if metric not in p.scores and p.id not in aside]
    if lacking:
        few = f"{len(lacking):,} of {counted(len(predictions), 'question')}, such as '{lacking[0]}'"
        note(f"{model} has no {metric} for {few}: a gate is not passed on the others alone")
    return not lacking


def _reaches(result: Evaluation, metric: str, least: float) -> bool:
    model, rates = list(result.scores["models"].items())[-1]
    if metric not in rates:
        raise ConfigError(f"--fail-under: {metric} could not be computed here. There is: {', '.join(rates)}.")
    if rates[metric]["value"] >= least:
        return True
    note(f"{model} has {metric} {rates[metric]['value']:.3f}, below {least}")
    return False
