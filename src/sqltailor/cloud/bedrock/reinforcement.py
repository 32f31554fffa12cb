"""Reinforcement fine-tuning on Bedrock: what a job is sent, and a look at its grader before anything is uploaded.

Request: Bedrock user guide, "Create and manage fine-tuning jobs for Amazon Nova models" (rft-submit-job).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqltailor.aws.policies import GRADERS
from sqltailor.aws.session import DENIED, client, code_of, told
from sqltailor.errors import BackendError, DataError
from sqltailor.evaluate.grading import schema_judged_by
from sqltailor.evaluate.scorer import Scorer
from sqltailor.evaluate.scoring import Scoring
from sqltailor.project import Project
from sqltailor.recipe import Train
from sqltailor.types import Example
from sqltailor.wire.chat_completions import graded_sample

HYPERPARAMETERS = {
    "epochCount": "epochs",
    "batchSize": "batch",
    "learningRate": "learning_rate",
    "maxPromptLength": "max_length",
    "trainingSamplePerPrompt": "grpo.generations",
    "inferenceMaxTokens": "grpo.max_tokens",
    "reasoningEffort": "bedrock.reasoning_effort",
}
"""Hyperparameter of the service → key below `train`. They are sent as numbers; those of other jobs are text."""
WHOLE = ("epochCount",)
WRONG = "-- cannot answer: this is no answer"
"""An answer that earns nothing."""
FIRST_CALL_S = 180
"""How long a function that is cold may take: it unpacks and opens the database."""
SHOWN = 5


def reinforcement_hyperparameters(train: Train) -> dict[str, Any]:
    """Return what is sent of the recipe."""
    found: dict[str, Any] = {}
    for name, key in HYPERPARAMETERS.items():
        found[name] = train
        for part in key.split("."):
            found[name] = getattr(found[name], part)
    return {name: int(value) if name in WHOLE else value for name, value in found.items() if value is not None}


def check_golds(project: Project, examples: Sequence[Example]) -> None:
    """Raise `DataError` for gold SQL that fails on the recipe's database: the grader would fail, and so the job."""
    failing = []
    with contextlib.closing(Scorer(Scoring.of(project))) as scorer:
        for example in examples:
            found = scorer.certified(example, schema_judged_by(example, scorer, project.schema))
            if found.failure is not None:
                failing.append(f"  {example.id}: {found.failure}")
    if failing:
        more = [f"  and {len(failing) - SHOWN} more"] if len(failing) > SHOWN else []
        raise DataError(
            "\n".join(
                [
                    "The grader could not judge by this gold SQL, so nothing was uploaded:",
                    *failing[:SHOWN],
                    *more,
                    "Change or remove these rows; `sqltailor data check` lists them all.",
                ]
            )
        )


def look_at_grader(train: Train, prompts: Path) -> list[str]:
    """Let the grader judge the first prompt's gold SQL, and an answer that is none; return notes of what is not known.

    Raises `BackendError` when the function is not there or not ready, fails, or does not tell the two apart.
    """
    from botocore.exceptions import ClientError

    arn = str(train.bedrock.grader)
    name = arn.split(":function:")[1].partition(":")[0]
    functions = client("lambda", train.bedrock.region, read_timeout_s=FIRST_CALL_S, attempts=3)
    notes = [] if name.startswith(GRADERS) else [f"the role of `aws setup` may only call functions named {GRADERS}…"]
    with told(f"try the grader {arn}"):
        try:
            found = functions.get_function_configuration(FunctionName=arn)
            if found.get("State", "Active") != "Active":
                raise BackendError(f"The grader {arn} is {found['State']}: {found.get('StateReason', 'wait for it')}.")
            with prompts.open(encoding="utf-8") as lines:
                event = _event(json.loads(next(lines)))
            answer = functions.invoke(FunctionName=arn, Payload=json.dumps(event).encode())
        except ClientError as e:
            if code_of(e) in DENIED:
                return [*notes, f"could not try the grader: {code_of(e)}, see `sqltailor aws policy`"]
            if code_of(e) != "ResourceNotFoundException":
                raise
            raise BackendError(
                f"There is no Lambda function {arn}. `sqltailor aws grader` writes its package and prints the command "
                "that creates it."
            ) from e
        said = answer["Payload"].read().decode("utf-8", "replace")
    _check_grades(arn, event, said, failed=bool(answer.get("FunctionError")))
    return notes


def _event(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    gold = row["reference_answer"]
    right = gold if isinstance(gold, str) else gold["sql"][0]
    return [graded_sample({**row, "id": id}, answer) for id, answer in (("gold", right), ("wrong", WRONG))]


def _check_grades(arn: str, event: Sequence[Mapping[str, Any]], said: str, *, failed: bool) -> None:
    if failed:
        raise BackendError(f"The grader {arn} failed: {said[:300]}. Build it again: sqltailor aws grader")
    try:
        earned = {grade["id"]: float(grade["aggregate_reward_score"]) for grade in json.loads(said)}
        gold, wrong = (earned[sample["id"]] for sample in event)
    except (KeyError, TypeError, ValueError) as e:
        raise BackendError(
            f"The grader {arn} answered {said[:200]}; needed: for each sample an object with id and "
            "aggregate_reward_score."
        ) from e
    if gold <= wrong:
        raise BackendError(
            f"The grader {arn} gives gold SQL {gold:g} and no answer {wrong:g}: nothing can be learned from it. "
            "Is its database that of the recipe? Build it again: sqltailor aws grader"
        )
