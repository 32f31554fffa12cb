"""The verdicts of BIRD: EX, soft F1, and the time rewards VES and R-VES (bird-bench/mini_dev@4d970a9, evaluation/).

Its quirks, all kept here, and what our own `execution` does instead:

- Rows are a set: neither their order nor how often they occur matters. (Ours: a bag, in order under ORDER BY.)
- Columns must stand in the gold's order. (Ours: any order.)
- A gold statement that fails counts against the prediction. (Ours: `gold_error`, counted apart.)
- Two empty results are equal. (Ours: equal, but told apart as `empty_match`.)
- Soft F1 pairs rows by their place, so that it changes with the order of rows.
- R-VES leaves out times more than three deviations from their mean, and where all are equal it leaves out all and
  gives 0; BIRD's own numbers are the best of five runs of 100.

Not kept: predictions run on a connection that may write, so that a DELETE changes what the gold statement finds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from sqltailor.evaluate.compat.raw_runs import Case, RawRuns, Verdicts, by_database
from sqltailor.types import QueryResult

TIMEOUT_S = 30.0
REPEATS = 100
REWARDS = ((2.0, 1.25), (1.0, 1.0), (0.5, 0.75), (0.25, 0.5))
"""Least ratio of the gold's time to the prediction's, and the reward; below the last it is 0.25."""

Rows = Sequence[tuple[Any, ...]]


def bird_verdicts(cases: Sequence[Case], location: str, *, repeats: int = 0) -> Verdicts:
    """Return `bird_ex` and `bird_soft_f1`; with `repeats`, so many timed runs of each right prediction, VES and R-VES.

    The two are no scores from 0 to 1 and stand among the notes, and as percentages among the totals.
    """
    scores: list[dict[str, float]] = [{} for _ in cases]
    notes: list[dict[str, Any]] = [{} for _ in cases]
    with RawRuns() as runs:
        for url, places in by_database(cases, location):
            golds: dict[str, QueryResult | None] = {}
            for place in places:
                gold, predicted = cases[place].example.sql[0], as_predicted(cases[place].predicted)
                answer = runs.run(url, predicted, TIMEOUT_S)
                if gold not in golds:
                    golds[gold] = runs.run(url, gold, TIMEOUT_S)
                scores[place] = _scores(answer, golds[gold])
                if repeats:
                    is_right = scores[place]["bird_ex"] == 1
                    ratios = _ratios(runs, url, predicted, gold, repeats) if is_right else []
                    notes[place] = {"ves": ves(ratios), "r_ves": r_ves(ratios)}
    totals = {name: 100 * statistics.fmean(note[name] for note in notes) for name in ("ves", "r_ves") if repeats}
    return Verdicts(scores, notes, totals)


def as_predicted(text: str) -> str:
    """Return the statement of a prediction, which BIRD's files write with the database behind it."""
    return text.split("\t----- bird -----\t")[0].strip()


def _scores(answer: QueryResult | None, gold: QueryResult | None) -> dict[str, float]:
    is_late = answer and gold and answer.elapsed_ms + gold.elapsed_ms > TIMEOUT_S * 1000
    if answer is None or gold is None or is_late:
        return {"bird_ex": 0.0, "bird_soft_f1": 0.0}
    is_right = set(answer.rows) == set(gold.rows)
    return {"bird_ex": float(is_right), "bird_soft_f1": soft_f1(answer.rows, gold.rows)}


def soft_f1(predicted: Rows, gold: Rows) -> float:
    """Return F1 over cells, rows being paired by their place once duplicates are gone.

    >>> soft_f1([(1, 2), (3, 4)], [(2, 1), (3, 9)]), soft_f1([], []), soft_f1([(1,)], [])
    (0.75, 1.0, 0)
    """
    if not predicted and not gold:
        return 1.0
    ours, theirs = list(dict.fromkeys(predicted)), list(dict.fromkeys(gold))
    matched = surplus = missed = 0.0
    for row, right in zip(ours, theirs, strict=False):
        matched += sum(cell in right for cell in row) / len(right)
        surplus += sum(cell not in right for cell in row) / len(right)
        missed += sum(cell not in row for cell in right) / len(right)
    surplus += max(len(ours) - len(theirs), 0)
    missed += max(len(theirs) - len(ours), 0)
    precision = matched / (matched + surplus) if matched + surplus else 0
    recall = matched / (matched + missed) if matched + missed else 0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0


def ves(ratios: Sequence[float]) -> float:
    """Return the root of the mean of the gold's times over the prediction's: 1 is as fast, 0 is wrong.

    >>> ves([3.0, 5.0]), ves([])
    (2.0, 0.0)
    """
    return math.sqrt(_mean(ratios))


def r_ves(ratios: Sequence[float]) -> float:
    """Return the root of the reward for the mean ratio.

    >>> r_ves([0.9, 1.3] * 50), r_ves([2.1] * 3), r_ves([])
    (1.0, 0.0, 0.0)
    """
    ratio = _mean(ratios)
    return math.sqrt(next((reward for least, reward in REWARDS if ratio >= least), 0.25)) if ratio else 0.0


def _mean(ratios: Sequence[float]) -> float:
    """Return the mean of those that lie within three deviations of the mean, 0 where none does."""
    mean, deviation = (statistics.fmean(ratios), statistics.pstdev(ratios)) if ratios else (0.0, 0.0)
    kept = [ratio for ratio in ratios if mean - 3 * deviation < ratio < mean + 3 * deviation]
    return statistics.fmean(kept) if kept else 0.0


def _ratios(runs: RawRuns, url: str, predicted: str, gold: str, repeats: int) -> list[float]:
    """Return the gold's time over the prediction's, again and again; nothing where one fails."""
    found = []
    for _ in range(repeats):
        answer, right = runs.run(url, predicted, TIMEOUT_S), runs.run(url, gold, TIMEOUT_S)
        if answer is None or right is None:
            return []
        found.append(right.elapsed_ms / answer.elapsed_ms)
    return found
