"""What time it is for a statement: answers that depend on today's date are found, or pinned to one day.

Known are the usual functions of each dialect; one that is not keeps telling the real time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqltailor.errors import SQLError
from sqltailor.evaluate.audit.rerun import Finding, Trial
from sqltailor.sql.dialect import load_dialect, parse, write

if TYPE_CHECKING:
    from sqlglot.expressions import Expr, Expression

DAYS = (31, 366, 3_660, 36_600)
"""How far the clock is moved: a month, a year, ten years, a hundred."""
DAYS_BACK = (-31, -366, -3_660)
"""How far it is moved where nothing is found now: there may have been something when the statement was written."""
FORMATS = {"date": "%Y-%m-%d", "time": "%Y-%m-%d %H:%M:%S", "hour": "%H:%M:%S"}
_TYPES = {"date": "date", "time": "timestamp", "hour": "time"}
_BARE = frozenset({"date", "datetime", "time", "julianday", "unixepoch"})
_NAMES = frozenset({"now", "sysdate", "getdate", "today", "localtime", "localtimestamp", "curdate", "clock_timestamp"})
_DATES = frozenset({"today", "curdate"})


def moved_clock(trial: Trial) -> Iterator[Finding]:
    """Find answers that will be others on a later day, or were on an earlier one."""
    now = datetime.now(UTC)
    pinned = at(trial.tree, now, trial.dialect)
    # that it can be pinned to now without a change shows that pinning works
    if pinned is None or trial.changed(pinned):
        return
    finds_something = any(cell for row in trial.answer.result.rows for cell in row)
    for days in (*DAYS, *(() if finds_something else DAYS_BACK)):
        later = at(trial.tree, now + timedelta(days=days), trial.dialect)
        if changed := trial.changed(later) if later is not None else None:
            yield Finding("clock", f"{abs(days)} days {'on' if days > 0 else 'ago'}: {changed[0]}", changed[1])
            return


def pinned(sql: str, moment: datetime, dialect: str) -> str:
    """Return a statement for which it is `moment`, as it stands where it does not ask what time it is.

    >>> pinned("SELECT a FROM t WHERE day > date('now', '-1 month')", datetime(2024, 6, 30), "sqlite")
    "SELECT a FROM t WHERE day > DATE('2024-06-30 00:00:00', '-1 month')"
    """
    try:
        tree = at(parse(sql, dialect), moment, dialect)
    except SQLError:
        return sql
    return sql if tree is None else write(tree, dialect)


def at(tree: Expression, moment: datetime, dialect: str) -> Expression | None:
    """Return a copy of a statement that takes `moment` for now; None for one that does not ask what time it is."""
    from sqlglot import exp

    is_sqlite = load_dialect(dialect).base == "sqlite"
    tree = tree.copy()
    asks = False
    for node in list(tree.walk()):
        if is_sqlite and (name := _bare_name(node)) is not None:
            node.replace(exp.Anonymous(this=name, expressions=[exp.Literal.string(f"{moment:{FORMATS['time']}}")]))
            asks = True
        elif (kind := _kind(node)) is not None:
            literal = exp.Literal.string(f"{moment:{FORMATS[kind]}}")
            node.replace(literal if is_sqlite else exp.cast(literal, _TYPES[kind]))
            asks = True
    return tree if asks else None


def _kind(node: Expr) -> str | None:
    """Return `date`, `time` or `hour` for what stands for the current one, else None."""
    from sqlglot import exp

    if isinstance(node, (exp.CurrentDate, exp.UtcDate)):
        return "date"
    if isinstance(node, exp.CurrentTime):
        return "hour"
    if isinstance(node, (exp.CurrentTimestamp, exp.CurrentDatetime, exp.Localtimestamp, exp.UtcTimestamp)):
        return "time"
    if isinstance(node, exp.Anonymous) and node.name.lower() in _NAMES and not node.expressions:
        return "date" if node.name.lower() in _DATES else "time"
    is_now = isinstance(node, exp.Literal) and node.is_string and node.name.lower() == "now"
    return "time" if is_now and isinstance(node.parent, exp.Func) else None


def _bare_name(node: Expr) -> str | None:
    """Return the name of one of SQLite's functions of time without arguments, which take the current one, else None."""
    from sqlglot import exp

    if isinstance(node, exp.Date) and node.this is None:
        return "date"
    is_bare = isinstance(node, exp.Anonymous) and not node.expressions and node.name.lower() in _BARE
    return node.name if is_bare else None
