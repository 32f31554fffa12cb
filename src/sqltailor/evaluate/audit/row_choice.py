"""Which rows, in which order: ties that LIMIT cuts, answers that depend on how rows are stored, rows that repeat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqltailor.errors import counted
from sqltailor.evaluate.audit.rerun import Finding, Trial
from sqltailor.evaluate.metrics.difference import shown
from sqltailor.evaluate.metrics.results import plain
from sqltailor.sql.dialect import write
from sqltailor.sql.schema import find_table
from sqltailor.types import Table

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

NO_LIMIT = 2**63 - 1
"""A limit that cuts nothing, but keeps databases from dropping the order of a subquery."""


def cut_ties(trial: Trial) -> Iterator[Finding]:
    """Find a top-level LIMIT that leaves out rows which have as good a claim, and would be another answer."""
    if trial.tree.args.get("limit") is None or trial.answer.segments is None:
        return
    for segment in trial.answer.segments:
        different = dict.fromkeys(tuple(map(plain, row)) for row in segment.rows)
        if segment.take >= len(segment.rows) or len(different) < 2:
            continue
        whole = trial.tree.copy()
        whole.set("limit", None)
        whole.set("offset", None)
        is_sorted = trial.answer.ordered
        rows = ", ".join("(" + ", ".join(map(shown, row)) + ")" for row in list(segment.rows)[:3])
        why = "tie for" if is_sorted else "could be"
        says = f"{counted(len(segment.rows), 'row')} {why} the {counted(segment.take, 'place')}: {rows}, …"
        yield Finding("limit_ties" if is_sorted else "limit_unordered", says, write(whole, trial.dialect))


def nested_cuts(trial: Trial) -> Iterator[Finding]:
    """Find a LIMIT inside the statement whose choice among tied rows, or all rows, changes the whole answer."""
    from sqlglot import exp

    queries = list(trial.tree.find_all(exp.Select))
    for place, query in enumerate(queries):
        if query is trial.tree or not (query.args.get("limit") or query.args.get("fetch")):
            continue
        for desc in (False, True):
            tree = trial.tree.copy()
            chosen = list(tree.find_all(exp.Select))[place]
            order = chosen.args.get("order") or exp.Order(expressions=[])
            keys = [select.unalias().copy() for select in chosen.selects if not select.is_star]
            order.set("expressions", [*order.expressions, *(exp.Ordered(this=key, desc=desc) for key in keys)])
            chosen.set("order", order)
            if keys and (changed := trial.changed(tree)):
                smell = "limit_ties" if query.args.get("order") else "limit_unordered"
                yield Finding(smell, f"with another choice inside: {changed[0]}", changed[1])
                return


def row_order(trial: Trial) -> Iterator[Finding]:
    """Find answers that change when the tables are read in another order."""
    if not _may_depend(trial.tree):
        return
    for turn in range(3):
        tree = shuffled(trial, turn)
        if changed := trial.changed(tree) if tree is not None else None:
            says = f"with rows read in another order: {changed[0]}"
            yield Finding(_cause(trial.tree), says, changed[1])
            return


def _may_depend(tree: Expression) -> bool:
    """Tell whether the order of stored rows can matter: not at top level, where ties are known without a rerun."""
    from sqlglot import exp

    ordered = (exp.Window, exp.GroupConcat, exp.ArrayAgg, exp.First, exp.Last, exp.AnyValue, exp.JSONArrayAgg)
    nested = any(limit.parent is not tree for limit in tree.find_all(exp.Limit, exp.Fetch))
    return nested or tree.find(*ordered) is not None or any(map(_has_bare_column, tree.find_all(exp.Select)))


def _has_bare_column(select: Expression) -> bool:
    """Tell whether an aggregated SELECT also takes a column that is no group's key."""
    from sqlglot import exp

    group = select.args.get("group")
    outputs = [*select.args["expressions"], *(select.args["order"].expressions if select.args.get("order") else ())]
    inside = [
        node for output in outputs for node in output.walk(prune=lambda n: isinstance(n, (exp.AggFunc, exp.Query)))
    ]
    if group is None and not any(isinstance(node, exp.AggFunc) for node in inside):
        return False
    keys = {key.name.lower() for key in group.expressions if isinstance(key, exp.Column)} if group else set()
    aliases = {s.alias.lower() for s in select.args["expressions"] if isinstance(s, exp.Alias)}
    bare = [n for n in inside if isinstance(n, exp.Column) and n.name.lower() not in keys | aliases]
    return bool(bare) or any(isinstance(n, exp.Star) for n in inside)


def _cause(tree: Expression) -> str:
    from sqlglot import exp

    nested = [limit.parent for limit in tree.find_all(exp.Limit, exp.Fetch) if limit.parent is not tree]
    if any(query is not None and query.args.get("order") is None for query in nested):
        return "limit_unordered"
    return "limit_ties" if nested else "storage_order"


def shuffled(trial: Trial, turn: int) -> Expression | None:
    """Return the statement with every table read in another order; `turn` says which. None where there is no table."""
    from sqlglot import exp

    tree = trial.tree.copy()
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    found = False
    for source in list(tree.find_all(exp.Table)):
        table = find_table(trial.schema, source.name)
        if table is None or source.name.lower() in own or source.args.get("joins"):
            continue
        found = True
        name = source.args.get("alias") or exp.TableAlias(this=exp.to_identifier(source.name, quoted=True))
        bare = source.copy()
        bare.set("alias", None)
        read = exp.select("*").from_(bare).order_by(*_keys(table, turn)).limit(NO_LIMIT)
        source.replace(exp.Subquery(this=read, alias=name.copy()))
    return tree if found else None


def _keys(table: Table, turn: int) -> list[Expression]:
    from sqlglot import exp

    start = turn * len(table.columns) // 3
    columns = [*table.columns[start:], *table.columns[:start]]
    return [
        exp.Ordered(this=exp.column(exp.to_identifier(column.name, quoted=True)), desc=(place + turn) % 2 == 0)
        for place, column in enumerate(columns)
    ]


def repeated_rows(trial: Trial) -> Iterator[Finding]:
    """Find whole rows that the answer holds more than once, and would not with DISTINCT."""
    rows = [tuple(map(plain, row)) for row in trial.answer.result.rows]
    more = len(rows) - len(set(rows))
    if more:
        rerun = f"SELECT DISTINCT * FROM ({write(trial.tree, trial.dialect)}) AS answer"
        yield Finding("duplicate_rows", f"{more} of {counted(len(rows), 'row')} repeat another one", rerun)
