"""Prepare an evaluation: what is asked, and the hash of everything that its scores depend on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqltailor.data.canonical import read_schema_text
from sqltailor.data.examples import to_json
from sqltailor.database import Database
from sqltailor.errors import DataError
from sqltailor.evaluate.metrics import NEEDS_EMBEDDER, metrics_called
from sqltailor.evaluate.scorer import Scorer
from sqltailor.evaluate.scoring import Scoring
from sqltailor.generate.embedder import embedder_folder
from sqltailor.types import Example, Schema


class Exam(NamedTuple):
    """What is asked, and how answers are scored."""

    examples: Sequence[Example]
    scoring: Scoring

    def inputs(self, *asked: object) -> str:
        """Return the hash of a model's inputs: examples, how they are scored, and what it is asked."""
        content = [[to_json(example) for example in self.examples], described(self.scoring), *asked]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def checked(examples: Sequence[Example], scoring: Scoring) -> Exam:
    """Return the exam, or raise `DataError` for examples that cannot be told apart.

    The model that a metric needs is downloaded here, before anything is scored, or `BackendError` raised.
    """
    if not examples:
        raise DataError("There are no examples to evaluate.")
    twice = [i for i, n in Counter(example.id for example in examples).items() if n > 1]
    if twice:
        raise DataError(f"{len(twice)} ids occur more than once, such as '{twice[0]}'. An example needs its own id.")
    if scoring.metrics is None and any(example.spec is not None for example in examples):
        scoring = dataclasses.replace(scoring, metrics=[*metrics_called(None), "agrees_with_compiler"])
    if not set(NEEDS_EMBEDDER).isdisjoint(metrics_called(scoring.metrics)):
        embedder_folder()
    return Exam(examples, scoring)


def schema_shown(example: Example, schema: Schema | None, scorer: Scorer) -> Schema:
    """Return the schema that a model sees with an example: its own, else the given one, else its database's.

    Raises `DataError` where there is none.
    """
    try:
        if example.schema is not None:
            return read_schema_text(example.schema, example.dialect)
    except DataError as e:
        raise DataError(f"Example '{example.id}': {e}") from e
    if schema is not None:
        return schema
    if (found := scorer.golds.schema(example)) is None:
        raise DataError(f"Example '{example.id}' has no schema. Give the database that it is about: --database URL")
    return found


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
        **({"columns_in_order": True} if scoring.columns_in_order else {}),
        **({"quoted_text": True} if scoring.quoted_text else {}),
        **({"now": scoring.now.isoformat()} if scoring.now else {}),
        **({"stamp": scoring.stamp} if scoring.stamp else {}),
    }
