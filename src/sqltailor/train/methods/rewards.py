"""Rewards by execution, for methods that learn from the model's own answers: guarded, limited, and cached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.outcome import outcome
from sqltailor.evaluate.scorer import Scorer
from sqltailor.evaluate.scoring import Scoring
from sqltailor.generate.references import resolve
from sqltailor.generate.weights import open_tokenizer
from sqltailor.project import Project
from sqltailor.prompt.encode import encode_pair
from sqltailor.prompt.text import completion_text
from sqltailor.sql.dialect import parse
from sqltailor.train.rows.training_data import build_prompts
from sqltailor.train.running.base_model import give_template
from sqltailor.train.running.stage import Stage, read_lessons
from sqltailor.types import Completion, Example, Outcome, Prompt

if TYPE_CHECKING:
    from sqlglot.expressions import Expression

RIGHT = 1.0
PARTLY = 0.2
"""Most that a statement can earn which runs on the right tables but returns something else."""


class Question(NamedTuple):
    """An example with its prompt, and both as token ids."""

    example: Example
    prompt: Prompt
    prompt_ids: list[int]
    gold_ids: list[int]


class Rewarded(NamedTuple):
    """What became of an answer, and what it earns: 1 for the right result, up to `PARTLY` else."""

    outcome: Outcome
    reward: float


def read_questions(stage: Stage, project: Project) -> list[Question]:
    """Return the stage's training examples that fit `max_length`."""
    recipe = stage.recipe
    tokenizer = open_tokenizer(resolve(stage.base))
    give_template(tokenizer, recipe)
    examples = read_lessons(stage, project).train
    questions = []
    for example, prompt in zip(examples, build_prompts(project, examples, tokenizer), strict=True):
        asked, gold = encode_pair(tokenizer, prompt, completion_text(example))
        if len(asked) + len(gold) <= recipe.train.max_length:
            questions.append(Question(example, prompt, asked, gold))
    return questions


class Rewarder:
    """Rewards answers by running them on a database.

    Statements pass the guard first; equal answers to a question run once.
    """

    def __init__(self, scoring: Scoring) -> None:
        self.scorer = Scorer(scoring)
        self._known: dict[tuple[str, tuple[str, ...], str, bool], Rewarded] = {}

    def __call__(self, question: Question, text: str, *, was_cut: bool = False) -> Rewarded:
        """Return the outcome of an answer and its reward."""
        key = (question.example.id, question.example.sql, text, was_cut)
        found = self._known.get(key)
        if found is None:
            found = self._reward(question, text, was_cut)
            self._known[key] = found
        return found

    def _reward(self, question: Question, text: str, was_cut: bool) -> Rewarded:
        example = question.example
        completion = Completion(text, "length" if was_cut else "end")
        attempt = self.scorer.attempt(example, completion, question.prompt.schema)
        word, _ = outcome(attempt)
        if was_cut:  # else a model learns to go on and on after the answer
            return Rewarded(word, 0.0)
        wanted = frozenset().union(*(_gold_tables(gold, example.dialect) for gold in example.sql))
        read = tables(attempt.tree) if attempt.tree is not None else frozenset()
        if word == "correct":  # a number that is guessed, from none of the tables, is not
            return Rewarded(word, RIGHT if wanted & read or not wanted else 0.0)
        if attempt.result is None:
            return Rewarded(word, 0.0)
        # it runs, but proves nothing (empty beside empty) or is wrong: what counts is whether it reads the right tables
        return Rewarded(word, PARTLY * len(wanted & read) / max(len(wanted | read), 1))


def _gold_tables(sql: str, dialect: str) -> frozenset[str]:
    """Return the tables of a gold statement, none where it cannot be parsed."""
    try:
        return tables(parse(sql, dialect))
    except SQLError:
        return frozenset()


def tables(tree: Expression) -> frozenset[str]:
    """Return the lower-case names of the tables that a statement reads, without its own common table expressions."""
    from sqlglot import exp

    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    return frozenset(table.name.lower() for table in tree.find_all(exp.Table)) - own


def rewards(
    rewarder: Rewarder, questions: Sequence[Question], texts: Sequence[str], cut: Sequence[bool]
) -> list[float]:
    """Return what each answer earns."""
    return [rewarder(q, text, was_cut=c).reward for q, text, c in zip(questions, texts, cut, strict=True)]
