"""The metrics by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqltailor.errors import ConfigError, unknown
from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.evaluate.metrics.compiler import agrees_with_compiler
from sqltailor.evaluate.metrics.efficiency import efficiency
from sqltailor.evaluate.metrics.exact import exact_match
from sqltailor.evaluate.metrics.execution import execution
from sqltailor.evaluate.metrics.similarity import ast_similarity, embedding_similarity, token_f1
from sqltailor.evaluate.metrics.spider.exact_set import exact_set
from sqltailor.evaluate.metrics.validity import executable, names_exist, parse_valid, schema_valid

Metric = Callable[[Attempt], float | None]
"""A score between 0 and 1, or None where it cannot be computed: absent is never 0."""

METRICS: Mapping[str, Metric] = {
    "execution": execution,
    "exact_match": exact_match,
    "exact_set": exact_set,
    "parse_valid": parse_valid,
    "schema_valid": schema_valid,
    "names_exist": names_exist,
    "executable": executable,
    "token_f1": token_f1,
    "ast_similarity": ast_similarity,
    "embedding_similarity": embedding_similarity,
    "efficiency": efficiency,
    "agrees_with_compiler": agrees_with_compiler,
}
"""Name of each metric → its function. The order is that of reports."""

WHEN_NAMED = (
    *("names_exist", "executable", "token_f1", "ast_similarity", "embedding_similarity", "efficiency"),
    "agrees_with_compiler",
)
"""Metrics that are computed only where they are named, or, the last, where there are specifications."""

ON_REQUEST = ("exact_set", *WHEN_NAMED)
"""Those and the one that is computed without being named only where there is no database: a benchmark's own way."""

NEEDS_RESULTS = ("execution", "executable", "efficiency")
"""Metrics of results, so that without a database none can be computed."""

OF_SOME_ANSWERS = ("names_exist", "ast_similarity", "efficiency", "agrees_with_compiler", "exact_set")
"""Metrics that are about some answers by their nature: those that parse, are right, or have a gold statement or a
specification of a certain kind."""

NEEDS_EMBEDDER = ("embedding_similarity",)
"""Metrics for which a model is downloaded."""


def metrics_called(names: Iterable[str] | None) -> dict[str, Metric]:
    """Return the metrics with these names, for None all but those on request; raises `ConfigError` for unknown ones."""
    wanted = [name for name in METRICS if name not in ON_REQUEST] if names is None else list(names)
    for name in wanted:
        if name not in METRICS:
            raise ConfigError(unknown("metric", name, METRICS))
    return {name: METRICS[name] for name in wanted}


def metrics_without_database(*, made_up: bool) -> list[str]:
    """Return the names of the metrics to compute where there is no database; `made_up`: some are made up for it."""
    return [name for name in METRICS if name not in WHEN_NAMED and (made_up or name not in NEEDS_RESULTS)]
