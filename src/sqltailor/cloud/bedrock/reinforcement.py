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
from sqltailor.data.checks.rules import CHARACTERS_PER_TOKEN
from sqltailor.errors import BackendError, DataError
from sqltailor.evaluate.grading import schema_of_guard
from sqltailor.evaluate.scorer import Scorer
from sqltailor.evaluate.scoring import Scoring
from sqltailor.project import Project
from sqltailor.prompt.extract import is_declined
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
DECLINED = "-- cannot answer: this is only a test"
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


def look_at_prompts(project: Project, file: Path) -> list[str]:
    """Judge every gold SQL of a job's prompts as its grader will, and try the grader; return notes.

    Raises `DataError` for gold SQL that the grader could not judge by, `BackendError` for a grader that would fail.
    """
    train = project.recipe.train
    with file.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    _check_golds(project, rows)
    notes = [f"graded by {train.bedrock.grader}", *_look_at_grader(train, rows[0])]
    tokens = [sum(len(turn["content"]) for turn in row["messages"]) / CHARACTERS_PER_TOKEN for row in rows]
    if longer := sum(count > train.max_length for count in tokens):  # what becomes of those is not documented
        notes.append(f"{longer} of {len(rows)} prompts may be longer than train.max_length, {train.max_length}")
    return notes


def _check_golds(project: Project, rows: Sequence[Mapping[str, Any]]) -> None:
    failing = []
    with contextlib.closing(Scorer(Scoring.of(project))) as scorer:
        for row in rows:
            example = Example(sql=tuple(_golds(row)), question="", dialect=project.dialect)
            found = scorer.certified(example, schema_of_guard(example, scorer, project.schema))
            if found.failure is not None:
                failing.append(f"  {row['id']}: {found.failure}")
    if failing:
        more = [f"  and {len(failing) - SHOWN} more"] if len(failing) > SHOWN else []
        shown = ["The grader could not judge by this gold SQL, so nothing was uploaded:", *failing[:SHOWN], *more]
        raise DataError("\n".join([*shown, "Change or remove these rows; `sqltailor data check` lists them all."]))


def _golds(row: Mapping[str, Any]) -> list[str]:
    gold = row["reference_answer"]
    return [gold] if isinstance(gold, str) else gold["sql"]


def _look_at_grader(train: Train, row: Mapping[str, Any]) -> list[str]:
    """Let the grader judge a prompt's gold SQL, and an answer that is not right; return notes of what is not known."""
    from botocore.exceptions import ClientError

    arn = str(train.bedrock.grader)
    name = arn.split(":function:")[1].partition(":")[0]
    functions = client("lambda", train.bedrock.region, read_timeout_s=FIRST_CALL_S, attempts=3)
    notes = [] if name.startswith(GRADERS) else [f"the role of `aws setup` may only call functions named {GRADERS}…"]
    with told(f"try the grader {arn}"):
        try:
            found = functions.get_function_configuration(FunctionName=arn)
            if found.get("State") in ("Pending", "Failed"):
                raise BackendError(f"The grader {arn} is {found['State']}: {found.get('StateReason', 'wait for it')}.")
            event = _event(row)
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
    right = _golds(row)[0]
    wrong = "SELECT 1" if is_declined(right) else DECLINED
    return [graded_sample({**row, "id": id}, answer) for id, answer in (("gold", right), ("wrong", wrong))]


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
