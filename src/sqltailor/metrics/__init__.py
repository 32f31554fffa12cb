"""Metrics: one function each on one answer; means, intervals and paired tests apart from them.

A metric returns a score between 0 and 1, or None where it cannot be computed: absent is never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqltailor.errors import ConfigError, unknown
from sqltailor.metrics.aggregate import Rate, rate
from sqltailor.metrics.attempt import Attempt
from sqltailor.metrics.exact import exact_match
from sqltailor.metrics.execution import execution
from sqltailor.metrics.features import features
from sqltailor.metrics.gold import GoldAnswer
from sqltailor.metrics.outcome import outcome
from sqltailor.metrics.paired import Paired, paired
from sqltailor.metrics.results import same_result
from sqltailor.metrics.validity import parse_valid, schema_valid

Metric = Callable[[Attempt], float | None]

METRICS: Mapping[str, Metric] = {
    "execution": execution,
    "exact_match": exact_match,
    "parse_valid": parse_valid,
    "schema_valid": schema_valid,
}
"""Name of each metric → its function. The order is that of reports."""


def metrics_called(names: Iterable[str] | None) -> dict[str, Metric]:
    """Return the metrics with these names, all for None; raises `ConfigError` for an unknown one."""
    wanted = list(METRICS if names is None else names)
    for name in wanted:
        if name not in METRICS:
            raise ConfigError(unknown("metric", name, METRICS))
    return {name: METRICS[name] for name in wanted}


__all__ = [
    "METRICS",
    "Attempt",
    "GoldAnswer",
    "Metric",
    "Paired",
    "Rate",
    "exact_match",
    "execution",
    "features",
    "metrics_called",
    "outcome",
    "paired",
    "parse_valid",
    "rate",
    "same_result",
    "schema_valid",
]
