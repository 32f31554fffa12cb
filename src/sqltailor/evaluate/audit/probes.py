"""All probes of one gold statement, in the order in which their smells are told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sqltailor.database import Database
from sqltailor.errors import SQLError
from sqltailor.evaluate.audit.clock import moved_clock
from sqltailor.evaluate.audit.rerun import Finding, Trial
from sqltailor.evaluate.audit.row_choice import cut_ties, nested_cuts, repeated_rows, row_order
from sqltailor.evaluate.audit.sorting import nulls_first, text_as_numbers
from sqltailor.evaluate.metrics.gold import GoldAnswer
from sqltailor.prompt.extract import is_declined
from sqltailor.sql.dialect import load_dialect, parse
from sqltailor.types import Example, Schema

SLOW_S = 3.0
"""A statement that takes longer, twice, is slow: evaluation runs thousands of them."""

PROBES: tuple[Callable[[Trial], Iterator[Finding]], ...] = (
    text_as_numbers,
    cut_ties,
    nested_cuts,
    row_order,
    nulls_first,
    repeated_rows,
    moved_clock,
)
SMELLS = (
    *("text_order", "limit_ties", "limit_unordered", "storage_order", "null_order", "duplicate_rows", "clock", "slow"),
)
"""Everything that a probe can find; their meanings: `WARNINGS` of `data.checks.example`."""


class Audit(NamedTuple):
    """What the probes of one example found; `unanswered` counts reruns that failed or ran too long."""

    findings: tuple[Finding, ...] = ()
    unanswered: int = 0


def audit(example: Example, database: Database, schema: Schema) -> Audit:
    """Return what reruns of the preferred gold statement show; nothing where it does not run."""
    sql = example.sql[0]
    if is_declined(sql):
        return Audit()
    dialect = example.dialect if load_dialect(example.dialect).base == database.dialect else database.dialect
    try:
        tree = parse(sql, dialect)
        answer = GoldAnswer(sql, dialect=dialect, run=functools.partial(database.run, exact=True))
    except SQLError:
        return Audit()
    trial = Trial(sql, dialect, tree, schema, database, answer)
    if trial.changed(tree) or trial.failed:
        return Audit(unanswered=1)  # what is written back says something else, so that no rerun would tell
    found: dict[str, Finding] = {}
    for finding in (finding for probe in (*PROBES, _slow) for finding in probe(trial)):
        found.setdefault(finding.smell, finding)
    return Audit(tuple(found.values()), trial.failed)


def _slow(trial: Trial) -> Iterator[Finding]:
    first = trial.answer.result.elapsed_ms
    if first > SLOW_S * 1000 and (again := trial.run(trial.sql)) and again.elapsed_ms > SLOW_S * 1000:
        yield Finding("slow", f"it took {first / 1000:.1f} s, and {again.elapsed_ms / 1000:.1f} s again", trial.sql)
