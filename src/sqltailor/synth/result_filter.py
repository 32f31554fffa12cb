"""Decide whether a result is worth asking for: empty, whole-table and constant results teach nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqltailor.synth.query import Agg, Query
from sqltailor.types import Cell, QueryResult

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

MAX_ROWS = 300
"""Longer lists are not what people ask for."""


def fault(query: Query, result: QueryResult, counts: Mapping[str, int]) -> str | None:
    """Return why a result says nothing, or None: `empty`, `whole table`, `constant` or `too long`.

    `counts` are the numbers of rows by table.
    """
    rows = result.rows
    if not rows or all(cell is None for row in rows for cell in row):
        return "empty"
    if result.truncated or len(rows) > MAX_ROWS:
        return "too long"
    is_total = not query.group_by and any(isinstance(expr, Agg) for expr in query.select)
    if is_total:
        return _fault_of_total(query, rows, counts)
    if len(rows) == 1 and all(cell is None or cell == 0 for cell in rows[0]):
        return "constant"
    if len(rows) > 2 and len(set(rows)) == 1:
        return "constant"
    return _fault_of_list(query, rows, counts)


def fault_of_tree(tree: Expression, result: QueryResult, held: int | None) -> str | None:
    """Return the same for any statement, by its syntax tree; `held` is the number of rows of the table it reads first.

    A result is the whole table only where the statement neither groups, limits nor joins.
    """
    from sqlglot import exp

    rows = result.rows
    if not rows or all(cell is None for row in rows for cell in row):
        return "empty"
    if result.truncated or len(rows) > MAX_ROWS:
        return "too long"
    if len(rows) == 1 and all(cell is None or cell == 0 for cell in rows[0]):
        return "constant"
    if len(rows) > 2 and len(set(rows)) == 1:
        return "constant"
    parts = ("joins", "group", "limit", "distinct", "having")
    if held is None or not isinstance(tree, exp.Select) or any(tree.args.get(part) for part in parts):
        return None
    is_count = len(tree.selects) == 1 and isinstance(tree.selects[0].unalias(), exp.Count)
    if is_count or tree.find(exp.AggFunc) is not None:
        return "whole table" if is_count and tree.args.get("where") and rows[0][0] == held else None
    is_whole = len(rows) >= held
    return "whole table" if is_whole and (tree.args.get("where") or not tree.args.get("order")) else None


def _fault_of_total(query: Query, rows: Sequence[tuple[Cell, ...]], counts: Mapping[str, int]) -> str | None:
    if any(cell is None or cell == 0 for cell in rows[0]):
        return "constant"
    is_count = isinstance(query.select[0], Agg) and query.select[0].argument is None
    if is_count and query.where and rows[0][0] == counts.get(query.uses[0].table):
        return "whole table"
    return None


def _fault_of_list(query: Query, rows: Sequence[tuple[Cell, ...]], counts: Mapping[str, int]) -> str | None:
    if query.group_by:
        numbers = [row[i] for row in rows for i, e in enumerate(query.select) if isinstance(e, Agg)]
        return "constant" if len(rows) > 3 and numbers and len(set(numbers)) == 1 else None
    if query.limit is not None or query.distinct or query.set_operation or query.shape in ("case", "rank", "running"):
        return None
    is_whole = len(rows) >= counts.get(query.uses[0].table, len(rows) + 1)
    if is_whole and (query.where or not query.order_by):
        return "whole table"
    return None
