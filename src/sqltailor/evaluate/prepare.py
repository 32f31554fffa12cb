"""Prepare an evaluation: every example gets a schema and an id of its own, and the gold statements run."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqltailor.data.canonical import read_schema_text
from sqltailor.data.examples import to_json
from sqltailor.database import Database
from sqltailor.errors import DataError
from sqltailor.evaluate.fuzzed import FuzzedDatabases
from sqltailor.evaluate.scorer import Scorer, Scoring
from sqltailor.types import Example, Schema

logger = logging.getLogger(__name__)


class Exam(NamedTuple):
    """What is asked, and the judge of the answers."""

    examples: Sequence[Example]
    schemas: Sequence[Schema]
    scorer: Scorer

    def inputs(self, *asked: object) -> str:
        """Return the hash of a model's inputs: examples, how they are scored, and what it is asked."""
        scoring = described(self.scorer.scoring)
        content = [[to_json(example) for example in self.examples], scoring, *asked]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def prepare(examples: Sequence[Example], scoring: Scoring, schema: Schema | None) -> Exam:
    """Return the exam, or raise `DataError` for what cannot be evaluated.

    `schema` is for examples that carry none; without it the database's own is read.
    """
    if not examples:
        raise DataError("There are no examples to evaluate.")
    twice = [i for i, n in Counter(example.id for example in examples).items() if n > 1]
    if twice:
        raise DataError(f"{len(twice)} ids occur more than once, such as '{twice[0]}'. An example needs its own id.")
    scorer = Scorer(scoring, FuzzedDatabases(examples, scoring.fuzz) if scoring.fuzz else None)
    read_schema = functools.cache(Database.read_schema)
    return Exam(examples, [_schema(example, schema, scorer, read_schema) for example in examples], scorer)


def _schema(
    example: Example, schema: Schema | None, scorer: Scorer, read_schema: Callable[[Database], Schema]
) -> Schema:
    try:
        if example.schema is not None:
            return read_schema_text(example.schema, example.dialect)
    except DataError as e:
        raise DataError(f"Example '{example.id}': {e}") from e
    if schema is not None:
        return schema
    if (database := scorer.database(example)) is None:
        raise DataError(f"Example '{example.id}' has no schema. Give the database that it is about: --database URL")
    return read_schema(database)


def audit(exam: Exam) -> dict[str, Any]:
    """Run every gold statement before a model is asked. Returns what `scores.json` says of them."""
    golds = [(example, exam.scorer.gold(example)) for example in exam.examples]
    errors = [{"id": e.id, "sql": e.sql[0], "reason": gold.failure} for e, gold in golds if gold.failure is not None]
    judged = sum(bool(gold.answers) for _, gold in golds)
    if errors:
        first = f"the first is '{errors[0]['id']}': {errors[0]['reason']}"
        if not judged:
            raise DataError(f"None of the {len(errors)} gold statements runs. {_hint(exam)} {first}")
        logger.warning(
            "%d of %d gold statements fail and count in no execution rate; %s", len(errors), len(golds), first
        )
    empty = sum(any(not answer.result.rows for answer in gold.answers) for _, gold in golds)
    return {"gold_errors": errors, "gold_empty": empty}


def _hint(exam: Exam) -> str:
    if exam.scorer.scoring.fuzz:
        return "Databases that are made up are SQLite's: is the SQL?"
    brings_schemas = all(example.schema is not None for example in exam.examples)
    return "Is it the right database?" + " For rows with their own schema: --fuzz 3." * brings_schemas


def described(scoring: Scoring) -> dict[str, Any]:
    """Return how answers are scored, as plain JSON values."""
    database = scoring.database
    shown = database.url_shown if isinstance(database, Database) else "by db_id" if database is not None else None
    return {
        "database": shown,
        "grant": [list(scoring.grant.allow), list(scoring.grant.deny)],
        "timeout_s": scoring.timeout_s,
        "max_rows": scoring.max_rows,
        "metrics": None if scoring.metrics is None else list(scoring.metrics),
        **({"fuzz": scoring.fuzz} if scoring.fuzz else {}),
    }
