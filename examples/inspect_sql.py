"""A text-to-SQL task of inspect_ai (pip install inspect_ai) whose answers are scored by SQLTailor, by running them.

    inspect eval inspect_sql.py --model openai/MODEL -T data=gold.jsonl -T database=shop.db

`data` is JSON Lines with question and sql, as `sqltailor data import` writes it; `database` is a file, a URL, or a
folder with one database a db_id. Examples whose gold statement is not right itself are not scored.
"""

from __future__ import annotations

from pathlib import Path

import anyio
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import CORRECT, INCORRECT, Score, Scorer, Target, accuracy, scorer, stderr
from inspect_ai.solver import TaskState, generate, system_message

import sqltailor


@scorer(metrics=[accuracy(), stderr()])
def execution(database: str) -> Scorer:
    """Score an answer by what its SQL returns beside what the gold returns."""
    score_answer = sqltailor.open_scorer(database)

    async def score(state: TaskState, target: Target) -> Score:
        answer, golds, db_id = state.output.completion, list(target), state.metadata.get("db_id")
        found = await anyio.to_thread.run_sync(score_answer, answer, golds, db_id)
        if "execution" not in found.scores:
            return Score.unscored(reason=found.reason or found.outcome, answer=found.predicted)
        return Score(
            value=CORRECT if found.scores["execution"] == 1 else INCORRECT,
            answer=found.predicted,
            explanation=found.reason or found.outcome,
            metadata={"outcome": found.outcome, "difference": found.difference, "results": found.results},
        )

    return score


@task
def text_to_sql(data: str, database: str, schema: str = "") -> Task:
    """Ask every question of a file; `schema` is a file of CREATE TABLE statements for the prompt."""
    shown = Path(schema).read_text(encoding="utf-8") if schema else ""
    return Task(
        dataset=[
            Sample(
                input=example.question or "", target=list(example.sql), id=example.id, metadata={"db_id": example.db_id}
            )
            for example in sqltailor.load_examples(data)
        ],
        solver=[system_message(f"Answer with one SQL statement and nothing else.\n\n{shown}"), generate()],
        scorer=execution(database),
    )
