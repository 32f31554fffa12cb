"""Augmentation without a model: the questions of example files, asked about other stored values."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Sequence

from sqltailor.augment.follow_ups import follow_up
from sqltailor.augment.question_checks import Known
from sqltailor.augment.statement_fitness import Trial
from sqltailor.augment.swap import swap_values
from sqltailor.augment.tasks import read_sources
from sqltailor.data.querylog.fill import Filler
from sqltailor.data.rows import Reject, RowError, shown
from sqltailor.errors import SQLError
from sqltailor.project import Project
from sqltailor.prompt.extract import is_declined
from sqltailor.types import Cell, Example

MADE, NEXT = "other values", "as a follow-up"


def variants(
    sources: Sequence[str], project: Project, trial: Trial, n: int, limit: int | None, seed: int, *, follows: bool
) -> Iterator[Example | Reject]:
    """Yield up to `n` variants of each of the first `limit` examples, none like another, and what is not kept.

    `follows`: each is worded as a question that follows its example.
    """
    known = Known()
    examples: list[Example] = []
    for row in read_sources(sources, project.recipe):
        if isinstance(row, Reject):
            yield row
        else:
            known.add(row)
            examples.append(row)

    def rows(sql: str) -> Sequence[Sequence[Cell]]:
        return trial.database.run(sql, timeout_s=trial.timeout_s).rows

    filler = Filler(project.granted, trial.values, trial.dialect, rows)
    for example in examples[:limit]:
        rng = random.Random(f"{seed} {example.id} {example.question}")
        found = _of_one(example, trial, filler, known, n, rng)
        yield from (_following(example, row, rng) for row in found) if follows else found


def _following(example: Example, row: Example | Reject, rng: random.Random) -> Example | Reject:
    if isinstance(row, Reject):
        return row
    made = follow_up(example, row, rng)
    if made is None:
        detail = "the two questions differ in more than one value, or in a bare number"
        return _reject(example, "no_value", detail, f"{example.question}\n{row.question}")
    return dataclasses.replace(made, id=f"{row.id}-next", source=f"{row.source}, {NEXT}")


def _of_one(
    example: Example, trial: Trial, filler: Filler, known: Known, n: int, rng: random.Random
) -> Iterator[Example | Reject]:
    if example.question is None:
        yield _reject(example, "no_question", "the row has a specification", "")
        return
    if is_declined(example.sql[0]):
        yield _reject(example, "no_value", "the question cannot be answered, with other values neither", "")
        return
    kept = 0
    drawn = set(example.sql)
    beside = "\n".join([*(turn.content for turn in example.history), example.evidence or ""])
    for _ in range(3 * n):
        try:
            found = swap_values(example.question, example.sql[0], filler, rng, beside)
        except SQLError as e:
            yield _reject(example, "unparsed", str(e), example.sql[0])
            return
        if found is None:
            yield _reject(
                example,
                "no_value",
                "no value of the SQL stands in the question just once, or none other can be put there",
                example.sql[0],
            )
            return
        question, sql = found
        if sql in drawn:
            continue
        drawn.add(sql)
        source = f"{example.source}, {MADE}" if example.source else MADE
        made = dataclasses.replace(
            example, id=f"{example.id}~{kept + 1}", question=question, dialect=trial.dialect, source=source
        )
        try:
            made = dataclasses.replace(made, sql=(trial.passed(sql),))
            known.check(made, new_sql=False)
        except RowError as e:
            yield _reject(example, e.reason, str(e), f"{question}\n{sql}")
            continue
        kept += 1
        yield made
        if kept == n:
            return


def _reject(example: Example, reason: str, detail: str, text: str) -> Reject:
    return Reject(example.line or 0, reason, detail, shown(text), example.source)
