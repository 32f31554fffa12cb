"""Spider's exact-set match and hardness: are two statements made of the same parts, whatever their order?

The definitions are those of the official script (taoyds/test-suite-sql-eval@e97acc5, evaluation.py, with its defaults:
neither values nor DISTINCT are compared), introduced by Yu et al. 2018, "Spider", section 6. The verdict is the
script's wherever both read the statements; `to_parts.py` says what either refuses. Its peculiarities belong to it:

- Columns that foreign keys connect are one column, if their tables are in the outermost FROM.
- What JOIN … ON says is not compared, but for the words OR, NOT, IN and LIKE; nor is the number after LIMIT.
- Selected columns, conditions of WHERE and tables are bags. GROUP BY, HAVING and ORDER BY are lists; an aggregate in
  GROUP BY is not compared.
- A subquery in a condition must be the same part by part and in the same order, with DISTINCT and the left sides of
  its join conditions, and without foreign keys. One in FROM must have the same values, too.
- The operands of UNION and INTERSECT keep their places.

Two deliberate differences. The script replaces the text `value` in predictions by `1`, so that a statement about
`market_value` is never right; here only the bare word `value` stands for any value. Of a column with two foreign keys
`Schema` holds one: 1 of Spider's 166 databases has other groups for that, none of dev.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.evaluate.metrics.spider.components import is_same
from sqltailor.evaluate.metrics.spider.hardness import Hardness, hardness
from sqltailor.evaluate.metrics.spider.parts import Query, with_merged_columns, without_values
from sqltailor.evaluate.metrics.spider.to_parts import read_query
from sqltailor.types import Schema


class ExactSet(NamedTuple):
    """Whether a prediction is an exact-set match of its gold statement, and how hard the gold statement is."""

    is_match: bool
    hardness: Hardness


def exact_set(attempt: Attempt) -> float | None:
    """Return 1 when the statement is an exact-set match of an accepted gold statement, else 0.

    None where no gold statement is within Spider's subset of SQL.
    """
    if attempt.gold_declined:
        return float(attempt.declined is not None)
    verdicts = [exact_set_match(attempt.predicted, gold, attempt.schema, attempt.dialect) for gold in attempt.gold]
    matches = [verdict.is_match for verdict in verdicts if verdict is not None]
    return float(any(matches)) if matches else None


def exact_set_match(predicted: str | None, gold: str, schema: Schema, dialect: str = "sqlite") -> ExactSet | None:
    """Return the verdict on one prediction, or None when the gold statement is outside Spider's subset of SQL.

    A prediction that is None, cannot be parsed or is outside the subset is no match. `schema` is that of the whole
    database with its foreign keys.

    >>> from sqltailor.sql.schema import from_ddl
    >>> schema = from_ddl("CREATE TABLE t (a INT, b INT)")
    >>> exact_set_match("SELECT b, a FROM t WHERE a > 5", "SELECT a, b FROM t WHERE a > 1", schema)
    ExactSet(is_match=True, hardness='medium')
    """
    try:
        right = read_query(gold, schema, dialect)
    except SQLError:
        return None
    try:
        answer = read_query(predicted or "", schema, dialect)
    except SQLError:
        return ExactSet(False, hardness(right))
    groups = key_groups(schema)
    return ExactSet(is_same(compared(answer, groups), compared(right, groups)), hardness(right))


@lru_cache(maxsize=256)
def key_groups(schema: Schema) -> Mapping[str, str]:
    """Return column → the first, in the schema's order, of the columns that foreign keys connect it with.

    A foreign key joins the first group that has either of its columns; two groups never become one, as in the script.

    >>> from sqltailor.sql.schema import from_ddl
    >>> key_groups(from_ddl("CREATE TABLE a (id INT); CREATE TABLE b (a_id INT REFERENCES a (id), n INT)"))
    {'a.id': 'a.id', 'b.a_id': 'a.id'}
    """
    columns = [f"{table.name}.{column.name}".lower() for table in schema.tables for column in table.columns]
    keys = [
        (f"{table.name}.{column.name}".lower(), f"{column.references.table}.{column.references.column}".lower())
        for table in schema.tables
        for column in table.columns
        if column.references
    ]
    return grouped(columns, keys)


def grouped(columns: Sequence[str], keys: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return column → the first of its group, by all columns in their order and the keys, in theirs, between two."""
    places = {column: place for place, column in reversed(list(enumerate(columns)))}
    groups: list[set[str]] = []
    for key in keys:
        if key[1] not in places:
            continue
        group = next((g for g in groups if not g.isdisjoint(key)), None)
        if group is None:
            groups.append(set(key))
        else:
            group.update(key)
    return {column: min(group, key=places.__getitem__) for group in groups for column in sorted(group)}


def compared(query: Query, groups: Mapping[str, str]) -> Query:
    """Return what is compared of a statement, with the columns of a group as one."""
    firsts = {column: first for column, first in groups.items() if column.rpartition(".")[0] in query.tables}
    return with_merged_columns(without_values(query), firsts)
