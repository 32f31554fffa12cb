"""Metrics: one function each on one answer; means, intervals and paired tests apart from them."""

from sqltailor.metrics.aggregate import Rate, rate
from sqltailor.metrics.attempt import Attempt
from sqltailor.metrics.exact import exact_match
from sqltailor.metrics.execution import execution
from sqltailor.metrics.features import features
from sqltailor.metrics.gold import GoldAnswer
from sqltailor.metrics.outcome import outcome
from sqltailor.metrics.paired import Paired, paired
from sqltailor.metrics.results import same_result
from sqltailor.metrics.table import METRICS, Metric, metrics_called
from sqltailor.metrics.validity import parse_valid, schema_valid

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
