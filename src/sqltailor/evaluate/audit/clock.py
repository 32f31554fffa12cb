"""Answers that depend on today's date: the statement runs again with the clock moved on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqltailor.evaluate.audit.rerun import Finding, Trial
from sqltailor.sql.dialect import load_dialect

if TYPE_CHECKING:
    from sqlglot.expressions import Expr, Expression

DAYS = (31, 366, 3_660, 36_600)
"""How far the clock is moved: a month, a year, ten years, a hundred."""
_NAMES = frozenset({"now", "sysdate", "getdate", "today", "localtime", "localtimestamp", "curdate", "utc_date"})
_DATES = frozenset({"today", "curdate", "utc_date"})


def moved_clock(trial: Trial) -> Iterator[Finding]:
    """Find answers that will be others on a later day."""
    now = datetime.now(UTC)
    pinned = at(trial.tree, now, trial.dialect)
    # that it can be pinned to now without a change shows that pinning works
    if pinned is None or trial.changed(pinned):
        return
    for days in DAYS:
        later = at(trial.tree, now + timedelta(days=days), trial.dialect)
        if changed := trial.changed(later) if later is not None else None:
            yield Finding("clock", f"{days} days on: {changed[0]}", changed[1])
            return


def at(tree: Expression, moment: datetime, dialect: str) -> Expression | None:
    """Return a copy of a statement that takes `moment` for now; None for one that does not ask what time it is."""
    from sqlglot import exp

    is_sqlite = load_dialect(dialect).base == "sqlite"
    tree = tree.copy()
    asks = False
    for node in list(tree.walk()):
        kind = _kind(node)
        if kind is None:
            continue
        asks = True
        text = f"{moment:%Y-%m-%d}" if kind == "date" else f"{moment:%Y-%m-%d %H:%M:%S}"
        literal = exp.Literal.string(text)
        node.replace(literal if is_sqlite else exp.cast(literal, "date" if kind == "date" else "timestamp"))
    return tree if asks else None


def _kind(node: Expr) -> str | None:
    """Return `date` or `time` for what stands for the current one, else None."""
    from sqlglot import exp

    if isinstance(node, exp.CurrentDate):
        return "date"
    if isinstance(node, (exp.CurrentTimestamp, exp.CurrentDatetime, exp.Localtimestamp)):
        return "time"
    if isinstance(node, exp.Anonymous) and node.name.lower() in _NAMES and not node.expressions:
        return "date" if node.name.lower() in _DATES else "time"
    is_now = isinstance(node, exp.Literal) and node.is_string and node.name.lower() == "now"
    return "time" if is_now and isinstance(node.parent, exp.Func) else None
