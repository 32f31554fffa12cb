"""Metrics: one function each on one answer; means, intervals and paired tests apart from them."""

from sqltailor.metrics.aggregate import Rate, rate
from sqltailor.metrics.attempt import Attempt
from sqltailor.metrics.exact import exact_match
from sqltailor.metrics.exact_set import HARDNESS, ExactSet, Hardness, exact_set, exact_set_match
from sqltailor.metrics.execution import execution
from sqltailor.metrics.features import features
from sqltailor.metrics.gold import GoldAnswer
from sqltailor.metrics.outcome import outcome
from sqltailor.metrics.paired import Paired, paired
from sqltailor.metrics.results import same_result
from sqltailor.metrics.table import METRICS, ON_REQUEST, Metric, metrics_called
from sqltailor.metrics.validity import parse_valid, schema_valid

__all__ = [
    "HARDNESS",
    "METRICS",
    "ON_REQUEST",
    "Attempt",
    "ExactSet",
    "GoldAnswer",
    "Hardness",
    "Metric",
    "Paired",
    "Rate",
    "exact_match",
    "exact_set",
    "exact_set_match",
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
