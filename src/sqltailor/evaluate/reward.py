"""What an answer earns by execution, for methods that learn from a model's own answers."""

from __future__ import annotations

from typing import NamedTuple

from sqltailor.data.facts import tables_of, tables_read
from sqltailor.evaluate.metrics.attempt import Attempt
from sqltailor.evaluate.metrics.outcome import outcome
from sqltailor.types import Outcome

RIGHT = 1.0
PARTLY = 0.2
"""Most that a statement can earn which runs on the right tables but returns something else."""


class Rewarded(NamedTuple):
    """What became of an answer, and what it earns: 1 for the right result, up to `PARTLY` else."""

    outcome: Outcome
    reward: float


def rewarded(attempt: Attempt) -> Rewarded:
    """Return what an answer earns."""
    word, _ = outcome(attempt)
    if attempt.was_cut:  # else a model learns to go on and on after the answer
        return Rewarded(word, 0.0)
    wanted = frozenset().union(*(tables_of(gold, attempt.dialect) for gold in attempt.gold))
    read = frozenset(tables_read(attempt.tree.walk())) if attempt.tree is not None else frozenset()
    if word == "correct":  # a number that is guessed, from none of the tables, is not
        return Rewarded(word, RIGHT if wanted & read or not wanted else 0.0)
    if attempt.result is None:
        return Rewarded(word, 0.0)
    # it runs, but proves nothing (empty beside empty) or is wrong: what counts is whether it reads the right tables
    return Rewarded(word, PARTLY * len(wanted & read) / max(len(wanted | read), 1))
