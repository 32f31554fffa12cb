"""Logical form accuracy of WikiSQL (salesforce/WikiSQL@7857cfd, evaluate.py and lib/query.py).

Two queries are the same when they select the same column under the same aggregate, and their conditions are the same
set, values as text in lower case. So repeating a condition, or the case of a value, makes no difference, while `5` and
`5.0` do. (Ours: `exact_match` compares values exactly, and statements of any shape.)

A prediction is WikiSQL's own JSON, `{"query": {"sel": 0, "agg": 0, "conds": [[1, 0, "x"]]}}`, where `{"error": …}` is
wrong, or SQL of that shape.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqltailor.data.canonical import read_schema_text
from sqltailor.data.readers.wikisql import AGGREGATES
from sqltailor.errors import SQLError
from sqltailor.evaluate.compat.raw_runs import Case, Verdicts
from sqltailor.sql.dialect import parse_loose
from sqltailor.sql.schema import names
from sqltailor.types import Schema

_OPERATORS = {"eq": 0, "gt": 1, "lt": 2}
"""Comparisons by sqlglot's names, in WikiSQL's numbers."""


class LogicalForm(NamedTuple):
    """A column and an aggregate by their numbers, and the conditions: column, operator, value."""

    selected: int
    aggregate: int
    conditions: frozenset[tuple[int, int, str]]


def wikisql_verdicts(cases: Sequence[Case]) -> Verdicts:
    """Return `wikisql_lf`: absent where the gold statement has no logical form."""
    scores: list[dict[str, float]] = []
    for example, predicted in cases:
        schema = read_schema_text(example.schema, example.dialect) if example.schema else Schema()
        gold = logical_form(example.sql[0], schema)
        scores.append({} if gold is None else {"wikisql_lf": float(logical_form(predicted, schema) == gold)})
    return Verdicts(scores, [{} for _ in cases])


def logical_form(text: str, schema: Schema) -> LogicalForm | None:
    """Return the logical form of a statement or of WikiSQL's JSON; None for what has none.

    >>> from sqltailor.sql.schema import from_ddl
    >>> logical_form("SELECT MAX(b) FROM t WHERE a = 'X'", from_ddl("CREATE TABLE t (a TEXT, b INT)"))
    LogicalForm(selected=1, aggregate=1, conditions=frozenset({(0, 0, 'x')}))
    """
    try:
        if text.lstrip().startswith("{"):
            row = json.loads(text)
            return _from_json(row.get("query", row))
        return _from_sql(text, schema)
    except (SQLError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _from_json(query: Mapping[str, Any]) -> LogicalForm:
    conditions = frozenset((column, operator, str(value).lower()) for column, operator, value in query["conds"])
    return LogicalForm(query["sel"], query["agg"], conditions)


def _from_sql(sql: str, schema: Schema) -> LogicalForm:
    tree = parse_loose(sql, names(schema), "sqlite")
    tables = [table.name.lower() for table in schema.tables]
    columns = [
        column.name.lower() for column in schema.tables[tables.index(tree.args["from_"].this.name.lower())].columns
    ]
    (selected,) = tree.expressions
    unread = {part for part, content in tree.args.items() if content} - {"expressions", "from_", "where"}
    if unread:
        raise ValueError(f"WikiSQL has no {min(unread)}.")
    aggregate = 0 if selected.key == "column" else AGGREGATES.index(selected.key.upper())
    column = selected if aggregate == 0 else selected.this
    where = tree.args.get("where")
    waiting, found = [where.this] if where else [], set()
    while waiting:
        node = waiting.pop()
        if node.key == "and":
            waiting += [node.this, node.expression]
        else:
            found.add((columns.index(node.this.name.lower()), _OPERATORS[node.key], _value(node.expression)))
    return LogicalForm(columns.index(column.name.lower()), aggregate, frozenset(found))


def _value(node: Any) -> str:
    if node.key == "neg":
        return f"-{_value(node.this)}"
    if node.key not in ("literal", "column"):  # a text in double quotes is read as a column
        raise ValueError(f"WikiSQL compares with a value, not with a {node.key}.")
    return str(node.name).lower()
