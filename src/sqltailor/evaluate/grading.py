"""Grade one question: its gold against itself, then every different answer to it. Picklable in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqltailor.data.canonical import read_schema_text
from sqltailor.errors import DataError
from sqltailor.evaluate.certificate import GoldCheck
from sqltailor.evaluate.fuzzed import FuzzedDatabases
from sqltailor.evaluate.scorer import Scorer
from sqltailor.evaluate.scoring import Scoring
from sqltailor.types import Completion, Example, Prediction, Schema


class Unit(NamedTuple):
    """An example, which stands for all with equal gold on the same database, and the different answers to them."""

    place: int
    example: Example
    answers: tuple[Completion, ...]


class Graded(NamedTuple):
    """What became of a unit. `late` are the places of answers whose time was up; with `gold_is_late`, all are."""

    unit: Unit
    check: GoldCheck
    predictions: tuple[Prediction, ...]
    late: tuple[int, ...] = ()
    gold_is_late: bool = False


class Grader:
    """Grades one unit a call; databases are opened when they are first needed, in the process that needs them."""

    def __init__(self, examples: Sequence[Example], scoring: Scoring, schema: Schema | None) -> None:
        self._scorer = Scorer(scoring, FuzzedDatabases(examples, scoring.fuzz) if scoring.fuzz else None)
        self._schema = schema

    def __call__(self, unit: Unit) -> Graded:
        example = unit.example
        schema = schema_of_guard(example, self._scorer, self._schema)
        gold = self._scorer.certified(example, schema)
        found = tuple(self._scorer.score(example, answer, schema=schema, model="") for answer in unit.answers)
        late = tuple(i for i, prediction in enumerate(found) if prediction.outcome == "timeout")
        ties_are_late = any(answer.is_late for answer in gold.answers)
        return Graded(unit, GoldCheck.of(gold), found, late, gold.is_late or ties_are_late)

    def close(self) -> None:
        """Remove the databases that were made up."""
        self._scorer.close()


def schema_of_guard(example: Example, scorer: Scorer, given: Schema | None) -> Schema:
    """Return what the guard judges by: the schema of the example's database, else its own or the given one."""
    try:
        if (real := scorer.golds.schema(example)) is not None:
            return given or real
    except DataError:
        if example.db_id is None:
            raise
        return Schema()  # the gold cannot be judged either, and says why
    if example.schema is not None:
        return read_schema_text(example.schema, example.dialect)
    return given or Schema()
