"""What is wrong with an answer, by the trees of its statement and of the gold, and what to do about it.

An answer may have several mistakes. They say where two statements differ, which for a wrong answer is nearly always
where it goes wrong; a part that is written in another way but means the same may be among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqltailor.errors import SQLError
from sqltailor.evaluate.mistakes.statement_parts import StatementParts, parts_of
from sqltailor.prompt.extract import is_declined
from sqltailor.sql.dialect import parse_loose
from sqltailor.types import Example, Prediction

HINTS: Mapping[str, str] = {
    "table": "say in a comment or the glossary what the tables hold; add pairs that ask about the right one",
    "column": "comment the column, or put the question's word for it into the glossary",
    "join": "declare the foreign keys; add pairs that join these tables",
    "condition": "put the words that ask for it into the glossary; add pairs with such conditions",
    "value": "show stored values: prompt.hints, or prompt.samples",
    "aggregate": "add pairs with this aggregate; say in the glossary how the number is worked out",
    "grouping": "add pairs of this shape: data synth makes some for each table",
    "order": "add pairs that ask for an order, in both directions",
    "limit": "add pairs that ask for the first, the last and the best few",
    "distinct": "say in the question whether repeated rows count; add pairs for both",
    "set operation": "add pairs of this shape: data synth makes some for each table",
    "empty": "look at the conditions: stored values may be spelt in another way (prompt.hints)",
    "other": "compare the two statements: no class names the difference, such as a cast or another function",
    "name": "keep the model to names that exist: generate.constrain; show all tables it needs: prompt.show",
    "unparsed": "keep the model to what parses: generate.constrain",
    "no SQL": "train on answers that are SQL and nothing else; raise generate.max_tokens if it thinks aloud",
    "declined": "add pairs with questions like this; show all tables it needs: prompt.show",
    "answered": "add pairs that decline such questions: data synth --declines 0.1",
    "failed": "read the database's message; add pairs in its dialect",
    "refused": "the guard's reason says what may not be read: grant it, or add pairs that do without",
    "truncated": "raise generate.max_tokens",
    "timeout": "index what it joins and filters by, or raise evaluate.timeout_s",
}
"""Class of mistake → what to do, in the order of reports; those of the trees first."""

_BY_OUTCOME = {
    "no_sql": "no SQL", "declined": "declined", "unparsed": "unparsed", "schema_error": "name", "sql_error": "failed",
    "refused": "refused", "truncated": "truncated", "timeout": "timeout",
}  # fmt: skip
RIGHT = ("correct", "empty_match", "gold_error")


def mistakes(prediction: Prediction, example: Example) -> tuple[str, ...]:
    """Return the classes of an answer's mistakes, the gravest first; none for one that is right.

    Of several accepted gold statements the nearest counts.
    """
    p = prediction
    return mistakes_in(p.predicted, example.sql, outcome=p.outcome, results=p.results, dialect=example.dialect)


def mistakes_in(
    predicted: str, golds: Sequence[str], *, outcome: str, results: Mapping[str, Any] | None, dialect: str
) -> tuple[str, ...]:
    """Return what `mistakes` does, of the parts of a prediction and its example."""
    if outcome in RIGHT:
        return ()
    if is_declined(golds[0]):
        return ("answered",)
    if outcome in _BY_OUTCOME:
        return (_BY_OUTCOME[outcome],)
    ours, parts = _parts(predicted, dialect), [_parts(sql, dialect) for sql in golds]
    found = [differing(ours, gold) for gold in parts if ours is not None and gold is not None]
    nearest = min(found, key=len, default=())
    return (*nearest, *(["empty"] if _came_back_empty(results) else [])) or ("other",)


@lru_cache(maxsize=4096)
def _parts(sql: str, dialect: str) -> StatementParts | None:
    try:
        return parts_of(parse_loose(sql, (), dialect))
    except (SQLError, RecursionError):
        return None


def differing(ours: StatementParts, gold: StatementParts) -> tuple[str, ...]:
    """Return the parts in which two statements differ; a part is left out where a graver one explains it.

    >>> from sqltailor.sql.dialect import parse
    >>> a, b = (parts_of(parse(f"SELECT name FROM t WHERE {c}")) for c in ("age > 5 LIMIT 1", "age > 6"))
    >>> differing(a, b)
    ('value', 'limit')
    """
    same_tables = ours.tables == gold.tables
    same_conditions = ours.conditions == gold.conditions
    differs = {
        "table": not same_tables,
        "join": same_tables and ours.joins != gold.joins,
        "column": ours.columns != gold.columns,
        "aggregate": ours.aggregates != gold.aggregates,
        "condition": not same_conditions,
        "value": same_conditions and ours.values != gold.values,
        "grouping": ours.grouping != gold.grouping,
        "set operation": ours.set_operations != gold.set_operations,
        "distinct": ours.distinct != gold.distinct,
        "order": ours.order != gold.order,
        "limit": ours.limit != gold.limit,
    }
    found = tuple(name for name, is_there in differs.items() if is_there)
    return found or (("column",) if ours.owned != gold.owned else ())


def _came_back_empty(results: Mapping[str, Any] | None) -> bool:
    return results is not None and results["predicted"]["count"] == 0 < results["gold"]["count"]


def counted_mistakes(examples: Sequence[Example], predictions: Iterable[Prediction]) -> dict[str, dict[str, Any]]:
    """Return class → how many answers have the mistake, some of them by id, and what to do; most frequent first."""
    by_id = {example.id: example for example in examples}
    having: dict[str, list[str]] = {}
    for prediction in predictions:
        for name in mistakes(prediction, by_id[prediction.id]):
            having.setdefault(name, []).append(prediction.id)
    counts = Counter({name: len(ids) for name, ids in having.items()})
    return {
        name: {"count": count, "hint": HINTS[name], "examples": having[name][:5]}
        for name, count in counts.most_common()
    }
