"""The grader of reinforcement fine-tuning: AWS Lambda gives it answers, and it runs them on a copy of the database.

Events and answers: Bedrock user guide, "Setting up reward functions".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqltailor.database import open_database
from sqltailor.errors import DataError
from sqltailor.evaluate.grading import schema_of_guard
from sqltailor.evaluate.reward import rewarded
from sqltailor.evaluate.scorer import Scorer
from sqltailor.evaluate.scoring import Scoring
from sqltailor.types import Completion, Example, Grant

SETTINGS, DATABASE = "grader.json", "database.db"
"""Files beside the handler: how answers are graded, and on what."""

Sample = Mapping[str, Any]
Grade = dict[str, Any]


def open_grader(folder: Path) -> Callable[[Sequence[Sample]], list[Grade]]:
    """Return what grades samples, by the settings and the database in a folder.

    An answer earns what it earns in training by `grpo` here: 1 where it returns what the gold SQL does, at most 0.2
    where it runs on the right tables, else 0. The guard judges it first, and equal answers run once.
    """
    settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    database = open_database(f"sqlite:///{folder / DATABASE}", timeout_s=settings["timeout_s"])
    grant = Grant(tuple(settings["allow"]), tuple(settings["deny"]))
    scorer = Scorer(Scoring(database, grant, settings["timeout_s"]))
    known: dict[tuple[str, ...], Grade] = {}

    def grade(sample: Sample) -> Grade:
        golds, answer = _golds(sample), _answer(sample)
        if (*golds, answer) not in known:
            example = Example(sql=golds, question="", dialect=settings["dialect"])
            schema = schema_of_guard(example, scorer, None)
            if (gold := scorer.certified(example, schema)).failure is not None:
                raise DataError(f"The reference answer of '{sample['id']}' is not right itself: {gold.failure}")
            found = rewarded(scorer.attempt(example, Completion(answer), schema))
            right = {"name": "execution", "value": float(found.outcome == "correct"), "type": "Metric"}
            known[*golds, answer] = {"aggregate_reward_score": found.reward, "metrics_list": [right]}
        return {"id": sample["id"], **known[*golds, answer]}

    return lambda samples: [grade(sample) for sample in samples]


def _golds(sample: Sample) -> tuple[str, ...]:
    """Return the gold SQL of a sample: its reference answer, or several of which any will do."""
    found = sample.get("metadata", {}).get("reference_answer")
    golds = (found,) if isinstance(found, str) else tuple(found.get("sql", ())) if isinstance(found, dict) else ()
    if "id" not in sample or not golds or not all(isinstance(gold, str) for gold in golds):
        raise DataError('A sample needs an id, and as metadata.reference_answer its SQL, or {"sql": [...]}.')
    return golds


def _answer(sample: Sample) -> str:
    last = (sample.get("messages") or [{}])[-1]
    if last.get("role") != "assistant" or not isinstance(last.get("content"), str):
        raise DataError(f"The messages of '{sample['id']}' do not end with an answer of the assistant.")
    return str(last["content"])
