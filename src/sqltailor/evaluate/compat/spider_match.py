"""Exact-set match with its components and hardness, as Spider's official script gives them, quirks included.

`metrics/spider/exact_set.py` has the definitions. This is what the script says of the text itself: a `value` in a
prediction becomes a `1` wherever it stands, `a=1` without spaces cannot be read, and a prediction that cannot be read
has no part at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqltailor.errors import SQLError
from sqltailor.evaluate.compat.spider_reader import read_as_spider
from sqltailor.evaluate.compat.spider_terms import Columns
from sqltailor.evaluate.metrics.spider.components import COMPONENTS, Component, components, has_same_tables
from sqltailor.evaluate.metrics.spider.exact_set import compared, grouped
from sqltailor.evaluate.metrics.spider.hardness import HARDNESS, Hardness, hardness
from sqltailor.evaluate.metrics.spider.parts import Conditions, Query

_NOTHING = Query((), False, (), Conditions(), Conditions(), (), Conditions(), (), False, False, None)


class Match(NamedTuple):
    """The verdict on one prediction."""

    is_match: bool
    hardness: Hardness
    components: Mapping[str, Component]


def as_predicted(text: str) -> str:
    """Return a prediction as the script takes it."""
    return text.strip().split("\t")[0].replace("value", "1")


class Gold(NamedTuple):
    """A gold statement, ready to be compared with, and what is known of its database."""

    query: Query
    hardness: Hardness
    columns: Columns
    groups: Mapping[str, str]


def read_gold(sql: str, columns: Columns, groups: Mapping[str, str]) -> Gold | None:
    """Return a gold statement, or None where the script stops because it cannot read it."""
    try:
        query = read_as_spider(sql, columns)
    except SQLError:
        return None
    return Gold(compared(query, groups), hardness(query), columns, groups)


def spider_match(predicted: str, gold: Gold) -> Match:
    """Return the script's verdict on a prediction.

    >>> gold = read_gold("SELECT a FROM t WHERE b = 1", {"t": ["a", "b"]}, {})
    >>> [spider_match(f"SELECT a FROM t WHERE {condition}", gold).is_match for condition in ("b = 2", "b=1")]
    [True, False]
    """
    try:
        answer = read_as_spider(as_predicted(predicted), gold.columns)
    except SQLError:
        answer = _NOTHING
    answer = compared(answer, gold.groups)
    found = components(answer, gold.query)
    is_match = all(component.is_same for component in found.values()) and has_same_tables(answer, gold.query)
    return Match(is_match, gold.hardness, found)


def groups_of(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return column → the first of the columns that foreign keys connect it with, by an entry of tables.json."""
    tables = entry["table_names_original"]
    columns = [
        f"{tables[table]}.{name}".lower() if table >= 0 else "*" for table, name in entry["column_names_original"]
    ]
    return grouped(columns, [(columns[a], columns[b]) for a, b in entry["foreign_keys"]])


def totals(matches: Iterable[tuple[Match, Mapping[str, float]]]) -> dict[str, dict[str, Any]]:
    """Return the tables that the script prints: level of hardness → count, scores, and components.

    `matches` come with their scores by metric. Of a component there are the accuracy over predictions that have the
    part, the recall over gold statements that have it, and F1, which is 1 where both are 0.
    """
    rows = list(matches)
    found = {}
    for level in (*HARDNESS, "all"):
        chosen = [(match, scores) for match, scores in rows if level in (match.hardness, "all")]
        metrics = dict.fromkeys(name for _, scores in chosen for name in scores)
        found[level] = {
            "count": len(chosen),
            **{name: _mean([scores.get(name, 0.0) for _, scores in chosen]) for name in metrics},
            "components": {name: _component([match.components[name] for match, _ in chosen]) for name in COMPONENTS},
        }
    return found


def _component(parts: list[Component]) -> dict[str, float]:
    accuracy = _mean([float(part.is_same) for part in parts if part.predicted])
    recall = _mean([float(part.is_same) for part in parts if part.gold])
    f1 = 2 * accuracy * recall / (accuracy + recall) if accuracy + recall else 1.0
    return {"accuracy": accuracy, "recall": recall, "f1": f1}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
