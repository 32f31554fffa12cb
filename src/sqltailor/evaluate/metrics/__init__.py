"""Metrics: one function each on one answer."""

from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.evaluate.metrics.by_name import (
    METRICS,
    NEEDS_EMBEDDER,
    NEEDS_RESULTS,
    OF_SOME_ANSWERS,
    ON_REQUEST,
    WHEN_NAMED,
    Metric,
    metrics_called,
    metrics_without_database,
)
from sqltailor.evaluate.metrics.exact import exact_match
from sqltailor.evaluate.metrics.execution import execution
from sqltailor.evaluate.metrics.features import features
from sqltailor.evaluate.metrics.gold import GoldAnswer
from sqltailor.evaluate.metrics.outcome import outcome
from sqltailor.evaluate.metrics.results import same_result
from sqltailor.evaluate.metrics.spider.exact_set import ExactSet, exact_set, exact_set_match
from sqltailor.evaluate.metrics.spider.hardness import HARDNESS, Hardness
from sqltailor.evaluate.metrics.validity import parse_valid, schema_valid

__all__ = [
    "HARDNESS",
    "METRICS",
    "NEEDS_EMBEDDER",
    "NEEDS_RESULTS",
    "OF_SOME_ANSWERS",
    "ON_REQUEST",
    "WHEN_NAMED",
    "Attempt",
    "ExactSet",
    "GoldAnswer",
    "Hardness",
    "Metric",
    "exact_match",
    "exact_set",
    "exact_set_match",
    "execution",
    "features",
    "metrics_called",
    "metrics_without_database",
    "outcome",
    "parse_valid",
    "same_result",
    "schema_valid",
]
