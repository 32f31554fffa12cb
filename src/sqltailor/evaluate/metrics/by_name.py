"""The metrics by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqltailor.errors import ConfigError, unknown
from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.evaluate.metrics.exact import exact_match
from sqltailor.evaluate.metrics.execution import execution
from sqltailor.evaluate.metrics.spider.exact_set import exact_set
from sqltailor.evaluate.metrics.validity import parse_valid, schema_valid

Metric = Callable[[Attempt], float | None]
"""A score between 0 and 1, or None where it cannot be computed: absent is never 0."""

METRICS: Mapping[str, Metric] = {
    "execution": execution,
    "exact_match": exact_match,
    "exact_set": exact_set,
    "parse_valid": parse_valid,
    "schema_valid": schema_valid,
}
"""Name of each metric → its function. The order is that of reports."""

ON_REQUEST = ("exact_set",)
"""Metrics that are computed only where they are named or there is no database: one benchmark's way to compare SQL."""

NEEDS_RESULTS = ("execution",)
"""Metrics that compare results, so that without a database none can be computed."""


def metrics_called(names: Iterable[str] | None) -> dict[str, Metric]:
    """Return the metrics with these names, for None all but those on request; raises `ConfigError` for unknown ones."""
    wanted = [name for name in METRICS if name not in ON_REQUEST] if names is None else list(names)
    for name in wanted:
        if name not in METRICS:
            raise ConfigError(unknown("metric", name, METRICS))
    return {name: METRICS[name] for name in wanted}


def metrics_without_database(*, made_up: bool) -> list[str]:
    """Return the names of the metrics to compute where there is no database; `made_up`: some are made up for it."""
    return [name for name in METRICS if made_up or name not in NEEDS_RESULTS]
