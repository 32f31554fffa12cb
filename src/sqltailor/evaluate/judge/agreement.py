"""How far a judge and execution agree: Cohen's kappa, and what the judge lets pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqltailor.evaluate.statistics import kappa, rate


def agreement(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what a judge says beside execution, of rows with `passes`, `mark`, `was_asked` and `execution`.

    Rows whose answer held no mark count in `unread` and in the rate of execution, which is that of all rows. A row
    that was not asked, since execution agrees already, counts as passed: where there are any, kappa is the most that
    it can be (`kappa_is_upper`).
    """
    read = [row for row in rows if row["passes"] is not None]
    both = [(row["passes"], row["execution"] == 1) for row in read if row["execution"] is not None]
    ours = rate(float(row["execution"] == 1) for row in rows if row["execution"] is not None)
    theirs = rate(float(row["passes"]) for row in read)
    marks = [row["mark"] for row in read if row["mark"] is not None]
    found = kappa(both)
    return {
        "asked": sum(row["was_asked"] for row in rows),
        "unread": sum(row["was_asked"] and row["passes"] is None for row in rows),
        "execution": ours and ours.to_json(),
        "judge": theirs and theirs.to_json(),
        "mean_mark": sum(marks) / len(marks) if marks else None,
        "kappa": None if found is None else round(found, 4),
        "kappa_is_upper": any(not row["was_asked"] for row in rows),
        "only_judge": [row["id"] for row in read if row["passes"] and row["execution"] == 0],
        "only_execution": [row["id"] for row in read if not row["passes"] and row["execution"] == 1],
    }
