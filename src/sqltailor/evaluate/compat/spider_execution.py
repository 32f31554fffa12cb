"""Execution accuracy as Spider's test-suite script gives it (taoyds/test-suite-sql-eval@e97acc5, exec_eval.py).

Its quirks, all kept here, and what our own `execution` does instead:

- Every DISTINCT is deleted from both statements. (Ours: duplicates count.)
- Order matters when the gold text has `order by` anywhere, also inside a subquery. (Ours: only the outermost.)
- Rows that tie must stand in the order of the gold result. (Ours: they may change places.)
- Two empty results are equal, whatever their columns. (Ours: equal, but told apart as `empty_match`.)
- Numbers are equal to the last bit. (Ours: within 1e-9.) Where a row mixes kinds, 1 and 1.0 may count as different,
  because cells are sorted as text before they are compared.
- Any order of columns will do, and two equal columns may hide a wrong one.

Not kept: its time limit never ends a statement (here, after 60 s), and it runs predictions on a writable connection.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqltailor.database.pipe import Written
from sqltailor.evaluate.compat.raw_runs import Case, RawRuns
from sqltailor.evaluate.compat.spider_match import as_predicted
from sqltailor.sql.dialect.lexer import lex

TIMEOUT_S = 60.0
AT_A_TIME = 100
"""So many predictions run before their results are compared: the results lie in memory for so long."""
Rows = Sequence[tuple[Any, ...]]
_Pair = tuple[str, str]

_YEAR = re.compile(r"YEAR\s*\(\s*CURDATE\s*\(\s*\)\s*\)\s*", re.IGNORECASE)


def executed_matches(cases: Sequence[Case], files: Iterable[str], runs: RawRuns) -> list[bool | None]:
    """Return for each case of one database whether its result is the gold's on every file.

    None where the script would stop: the gold statement fails on a file that the prediction has come to.
    """
    read = functools.cache(as_run)
    pairs = [(read(case.example.sql[0]), read(as_predicted(case.predicted))) for case in cases]
    found: list[bool | None] = [True] * len(cases)
    for file in files:
        waiting = [place for place, verdict in enumerate(found) if verdict]
        if not waiting:
            break
        verdicts = _verdicts(dict.fromkeys(pairs[place] for place in waiting), file, runs)
        for place in waiting:
            found[place] = verdicts[pairs[place]]
    return found


def _verdicts(pairs: Collection[_Pair], file: str, runs: RawRuns) -> dict[_Pair, bool | None]:
    """Return for each gold statement and prediction whether their results on a file are equal, None without a gold's.

    A prediction runs once for all gold results of the same length, and not at all where it is a gold statement.
    """
    statements = dict.fromkeys(gold for gold, _ in pairs)
    golds = dict(zip(statements, runs.run_all(file, statements, TIMEOUT_S), strict=True))
    verdicts: dict[_Pair, bool | None] = {}
    others: dict[tuple[str, int], list[str]] = {}
    for gold, predicted in pairs:
        right = golds[gold]
        if right is None:
            verdicts[gold, predicted] = None
        elif predicted in golds:
            verdicts[gold, predicted] = gold == predicted or _is_right(gold, right, golds[predicted])
        else:
            others.setdefault((predicted, len(right.rows)), []).append(gold)
    waiting = list(others)
    for at in range(0, len(waiting), AT_A_TIME):
        asked = waiting[at : at + AT_A_TIME]
        for wanted, answer in zip(asked, runs.run_counted(file, asked, TIMEOUT_S), strict=True):
            for gold in others[wanted]:
                verdicts[gold, wanted[0]] = _is_right(gold, golds[gold], answer)
    return verdicts


def _is_right(gold: str, right: Written | None, answer: Written | None) -> bool:
    if right is None or answer is None or right.must_differ(answer):
        return False
    return right.text == answer.text or same_denotation(right.rows, answer.rows, ordered="order by" in gold.lower())


def as_run(sql: str) -> str:
    """Return a statement as the script runs it.

    >>> as_run("SELECT count(DISTINCT a) FROM t WHERE b > = 1; SELECT 2")
    'SELECT count( a) FROM t WHERE b >= 1;'
    """
    for apart in ("> =", "< =", "! ="):
        sql = sql.replace(apart, apart.replace(" ", ""))
    if ";" in sql or "distinct" in sql.lower():
        tokens = [token.raw for token in lex(sql)]
        end = tokens.index(";") + 1 if ";" in tokens else len(tokens)
        sql = "".join(token for token in tokens[:end] if token.lower() != "distinct")
    return _YEAR.sub("2020", sql)


def same_denotation(gold: Rows, predicted: Rows, *, ordered: bool) -> bool:
    """Tell whether two results are equal under some order of the columns and, unless `ordered`, of the rows."""
    if not gold and not predicted:
        return True
    if len(gold) != len(predicted) or len(gold[0]) != len(predicted[0]):
        return False
    if not _fit(gold, predicted, ordered):
        return False
    if not {int, float} <= {type(cell) for row in itertools.chain(gold, predicted) for cell in row}:
        return True
    # the script compares rows of sorted cells first, as text: (1, 1.5) and (1.0, 1.5) are not equal to it
    a, b = [_sorted(row) for row in gold], [_sorted(row) for row in predicted]
    return a == b if ordered else set(a) == set(b)


def _sorted(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted(row, key=lambda cell: f"{cell}{type(cell)}"))


def _fit(gold: Rows, predicted: Rows, ordered: bool) -> bool:
    """Tell whether some order of the predicted columns makes the results equal, trying one column after another."""
    if gold == predicted:
        return True
    columns = list(zip(*predicted, strict=True))
    bags = [Counter(column) for column in columns]
    wanted = [Counter(column) for column in zip(*gold, strict=True)]
    if any(bag not in bags for bag in wanted):
        return False  # by far the most wrong results, and sooner known than by whole rows
    if not ordered and Counter(gold) == Counter(predicted):
        return True

    def equal(order: tuple[int, ...]) -> bool:
        ours = [row[: len(order)] for row in gold]
        theirs = list(zip(*(columns[i] for i in order), strict=True))
        return ours == theirs if ordered else Counter(ours) == Counter(theirs)

    def assign(order: tuple[int, ...]) -> bool:
        if len(order) == len(columns):
            return True
        seen = set()
        for i, column in enumerate(columns):
            if i in order or column in seen or bags[i] != wanted[len(order)]:
                continue
            seen.add(column)  # an equal column would do the same
            if equal((*order, i)) and assign((*order, i)):
                return True
        return False

    return assign(())
