"""The verdicts of Defog: exact, or correct because the gold's columns are among those of the result.

The definitions are those of defog-ai/sql-eval@b833324, eval/eval.py. Its quirks, all kept here:

- Duplicate rows do not count, and rows are sorted before they are compared, unless the category is `order_by` or the
  question has the word order, sort or arrange, if only as a noun. (Ours: a bag, in order under ORDER BY.)
- Where order counts, both results are sorted by what stands behind their own ORDER BY, descending if it does not say:
  `ORDER BY id` and `ORDER BY id DESC` are then the same.
- One row, or one column, equals any number of equal ones; a result without rows equals one row of anything.
- A result whose sorting mixes numbers and text counts as wrong.
- An empty gold result is never among the columns of another; two empty results are exact.

A gold statement with `{a, b}`, or several apart by `;`, stands as several accepted statements in `Example.sql`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqltailor.evaluate.compat.defog_tables import (
    Table,
    broadcast_equal,
    close,
    equal,
    numbered,
    ordered_by,
    same_cells,
    same_values,
    table_of,
    without_duplicates,
)
from sqltailor.evaluate.compat.raw_runs import Case, RawRuns, Verdicts, by_database

TIMEOUT_S = 10.0
_ASKS_FOR_ORDER = re.compile(r"\b(order|sort|arrange)\b", re.IGNORECASE)
_ORDER_BY = re.compile(r"ORDER BY(.*?)(?=;|,|\)|$)", re.IGNORECASE)
_NO_COLUMNS = frozenset({"desc", "asc", "nulls", "last", "first", "limit"})


def defog_verdicts(cases: Sequence[Case], location: str) -> Verdicts:
    """Return `defog_exact` and `defog_correct`, which is exact or subset; absent where no gold statement runs."""
    scores: list[dict[str, float]] = [{} for _ in cases]
    with RawRuns() as runs:
        for url, places in by_database(cases, location):
            for place in places:
                case = cases[place]
                results = [runs.run(url, sql, TIMEOUT_S) for sql in case.example.sql]
                golds = [table_of(result) for result in results if result is not None]
                answer = runs.run(url, case.predicted, TIMEOUT_S)
                if golds:
                    exact, correct = (False, False) if answer is None else verdict(case, golds, table_of(answer))
                    scores[place] = {"defog_exact": float(exact), "defog_correct": float(correct)}
    return Verdicts(scores, [{} for _ in cases])


def verdict(case: Case, golds: Sequence[Table], answer: Table) -> tuple[bool, bool]:
    """Return whether a result is exact, and whether it is correct."""
    question, category = case.example.question or "", case.example.difficulty
    keeps_order = category == "order_by" or _ASKS_FOR_ORDER.search(question) is not None
    correct = False
    for gold in golds:
        try:
            if is_exact(gold, answer, keeps_order, "; ".join(case.example.sql), case.predicted):
                return True, True
            correct = correct or is_subset(gold, answer, keeps_order)
        except (TypeError, ValueError):
            return False, False  # the script's own error, counted as a wrong answer
    return False, correct


def is_exact(gold: Table, answer: Table, keeps_order: bool, gold_sql: str, sql: str) -> bool:
    """Tell whether two results are equal as they are, or once both are made alike."""
    if broadcast_equal(gold, answer):
        return True
    a, b = alike(gold, keeps_order, gold_sql), alike(answer, keeps_order, sql)
    if (len(a.rows), len(a.names)) != (len(b.rows), len(b.names)):
        return False
    return same_cells(a, b, equal)


def is_subset(gold: Table, answer: Table, keeps_order: bool) -> bool:
    """Tell whether each gold column is a column of the answer, and these hold the gold's rows."""
    if not gold.rows:
        return False
    gold, left = numbered(gold), list(range(len(answer.names)))
    matched = []
    for place in range(len(gold.names)):
        found = next((i for i in left if same_values(gold.column(place), answer.column(i))), None)
        if found is None:
            return False
        left.remove(found)
        matched.append(found)
    if any(answer.names.count(answer.names[i]) > 1 for i in matched):
        raise ValueError("Two columns of the answer have one name.")
    a = alike(gold, keeps_order, None)
    b = alike(answer.chosen(matched)._replace(names=gold.names), keeps_order, None)
    return a.names == b.names and len(a.rows) == len(b.rows) and same_cells(a, b, close)


def alike(table: Table, keeps_order: bool, sql: str | None) -> Table:
    """Return a result without duplicates, its columns sorted by name and, unless order counts, its rows by values."""
    is_sorted = not keeps_order or (sql is not None and "order by" in sql.lower())
    if len(set(table.names)) < len(table.names) and (is_sorted or list(table.names) != sorted(table.names)):
        raise ValueError("Two columns have one name, and one of them is asked for.")
    table = without_duplicates(table)
    table = table.chosen(sorted(range(len(table.names)), key=table.names.__getitem__))
    everything = range(len(table.names))
    if not keeps_order:
        return ordered_by(table, everything)
    if not is_sorted:
        return table
    found = _ORDER_BY.search(sql or "")  # nothing where the clause goes on in another line
    words = [word.rpartition(".")[2].replace(",", "").replace("(", "") for word in (found[1] if found else "").split()]
    named = [word for word in words if word.lower() not in _NO_COLUMNS]
    first = [table.names.index(word) for word in named if word in table.names]
    rest = [i for i in everything if table.names[i] not in named]
    descending = "DESC" in [w.upper() for w in words] or "ASC" not in [w.upper() for w in words]
    return ordered_by(table, [*first, *rest], descending=descending).chosen([*rest, *first])
