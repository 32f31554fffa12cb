"""Rewards by execution, for methods that learn from the model's own answers: guarded, limited, and cached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqltailor.evaluate.reward import Rewarded, rewarded
from sqltailor.evaluate.scorer import Scorer
from sqltailor.evaluate.scoring import Scoring
from sqltailor.generate.references import resolve
from sqltailor.generate.weights import open_tokenizer
from sqltailor.project import Project
from sqltailor.prompt.encode import encode_pair
from sqltailor.prompt.text import completion_text
from sqltailor.train.rows.training_data import build_prompts
from sqltailor.train.running.base_model import give_template
from sqltailor.train.running.stage import Stage, stage_examples
from sqltailor.types import Completion, Example, Prompt


class Question(NamedTuple):
    """An example with its prompt, and both as token ids."""

    example: Example
    prompt: Prompt
    prompt_ids: list[int]
    gold_ids: list[int]


def read_questions(stage: Stage, project: Project) -> list[Question]:
    """Return the stage's training examples that fit `max_length`."""
    recipe = stage.recipe
    tokenizer = open_tokenizer(resolve(stage.base))
    give_template(tokenizer, recipe)
    examples = stage_examples(stage, project).train
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
        completion = Completion(text, "length" if was_cut else "end")
        return rewarded(self.scorer.attempt(question.example, completion, question.prompt.schema))


def rewards(
    rewarder: Rewarder, questions: Sequence[Question], texts: Sequence[str], cut: Sequence[bool]
) -> list[float]:
    """Return what each answer earns."""
    return [rewarder(q, text, was_cut=c).reward for q, text, c in zip(questions, texts, cut, strict=True)]
