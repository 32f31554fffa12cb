"""Sort keys that deceive: numbers stored as text, and NULL that comes first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqltailor.evaluate.audit.rerun import Finding, Trial
from sqltailor.sql.dialect import quote_name
from sqltailor.sql.schema import find_column
from sqltailor.types import Table

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.expressions import Expression

MAX_VALUES = 5_000
"""Different values of a column that are looked at."""
_NUMBER = re.compile(r"\s*[+-]?(\d+(\.\d*)?|\.\d+)\s*")


def text_as_numbers(trial: Trial) -> Iterator[Finding]:
    """Find columns of text that hold nothing but numbers, where sorting or comparing by number changes the answer."""
    tree = trial.tree.copy()
    numeric = {
        (table.name, column.name.lower())
        for column in _sized(tree)
        if (table := _owner(column, trial)) is not None and _is_numeric_text(table, column.name, trial)
    }
    if not numeric:
        return
    _cast(tree, numeric, trial)
    if changed := trial.changed(tree, loosely=True):
        names = ", ".join(sorted(column for _, column in numeric))
        yield Finding("text_order", f"{names} as numbers: {changed[0]}", changed[1])


def _cast(tree: Expression, numeric: set[tuple[str, str]], trial: Trial) -> None:
    """Write columns as numbers wherever they stand, but where they are equal to another text."""
    from sqlglot import exp

    meant = [c for c in tree.find_all(exp.Column) if (t := _owner(c, trial)) and (t.name, c.name.lower()) in numeric]
    for column in meant:
        other = next((side for side in column.parent.iter_expressions() if side is not column), None)  # type: ignore[union-attr]
        compared = isinstance(column.parent, (exp.EQ, exp.NEQ, exp.In))
        if not compared or isinstance(other, (exp.Query, exp.Subquery)):
            column.replace(exp.cast(column.copy(), "double"))
    for literal in [node for node in tree.find_all(exp.Literal) if node.is_string and _NUMBER.fullmatch(node.name)]:
        if isinstance(literal.parent, _comparisons()) and literal.parent.find(exp.Cast):
            literal.replace(exp.Literal.number(literal.name.strip()))


def _sized(tree: Expression) -> Iterator[exp.Column]:
    """Yield the columns that are sorted by or compared by size, an alias or a place in the result seen through."""
    from sqlglot import exp

    for node in list(tree.walk()):
        if isinstance(node, exp.Ordered):
            _see_through(node)
            key = node.this
        elif isinstance(node, (exp.Max, exp.Min)):
            key = node.this
        elif isinstance(node, _comparisons()):
            yield from (side for side in node.iter_expressions() if isinstance(side, exp.Column))
            continue
        else:
            continue
        if isinstance(key, exp.Column):
            yield key


def _comparisons() -> tuple[type[exp.Expression], ...]:
    from sqlglot import exp

    return exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between


def _see_through(ordered: exp.Ordered) -> None:
    """Replace a sort key that is an alias or a place by the column that it stands for."""
    from sqlglot import exp

    select = ordered.find_ancestor(exp.Select)
    key = ordered.this
    if select is None or select.args.get("distinct"):
        return
    if isinstance(key, exp.Literal) and key.is_int and 0 < int(key.name) <= len(select.selects):
        meant = select.selects[int(key.name) - 1].unalias()
    elif isinstance(key, exp.Column) and not key.table:
        named = [s.this for s in select.selects if isinstance(s, exp.Alias) and s.alias.lower() == key.name.lower()]
        meant = named[0] if named else key
    else:
        return
    if isinstance(meant, exp.Column) and meant is not key:
        ordered.set("this", meant.copy())


def _owner(column: exp.Column, trial: Trial) -> Table | None:
    """Return the only table of the statement that a column can be of."""
    from sqlglot import exp

    read = [t for t in trial.tree.find_all(exp.Table) if column.table.lower() in ("", t.alias_or_name.lower())]
    names = {t.name.lower() for t in read}
    owners = [t for t in trial.schema.tables if t.name.lower() in names and find_column(t, column.name)]
    return owners[0] if len(owners) == 1 else None


def _is_numeric_text(table: Table, column: str, trial: Trial) -> bool:
    name, source = (quote_name(part, trial.dialect) for part in (column, table.name))
    space = f"{quote_name(table.namespace, trial.dialect)}." if table.namespace else ""
    found = trial.run(f"SELECT DISTINCT {name} FROM {space}{source} WHERE {name} IS NOT NULL LIMIT {MAX_VALUES}")
    values = [row[0] for row in found.rows] if found else []
    return bool(values) and all(isinstance(value, str) and _NUMBER.fullmatch(value) for value in values)


def nulls_first(trial: Trial) -> Iterator[Finding]:
    """Find LIMIT behind a sort that puts NULL first, where NULL last changes the answer."""
    from sqlglot import exp

    if re.search(r"\bnulls\s+first\b", trial.sql, re.IGNORECASE):
        return  # it is said, so it is meant
    tree = trial.tree.copy()
    bounded = [s for s in tree.find_all(exp.Query) if s.args.get("order") and s.args.get("limit")]
    moved = False
    for ordered in (term for query in bounded for term in query.args["order"].expressions):
        moved |= bool(ordered.args.get("nulls_first"))
        ordered.set("nulls_first", False)
    if moved and (changed := trial.changed(tree)):
        yield Finding("null_order", f"with NULL last: {changed[0]}", changed[1])
