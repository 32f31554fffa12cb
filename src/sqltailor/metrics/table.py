"""The metrics by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqltailor.errors import ConfigError, unknown
from sqltailor.metrics.attempt import Attempt
from sqltailor.metrics.exact import exact_match
from sqltailor.metrics.execution import execution
from sqltailor.metrics.validity import parse_valid, schema_valid

Metric = Callable[[Attempt], float | None]
"""A score between 0 and 1, or None where it cannot be computed: absent is never 0."""

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
