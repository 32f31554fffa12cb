"""`python -m sqltailor.local_bedrock.graded_training FOLDER HANDLER`: train by grpo, rewarded by a grader's handler.

Runs in the folder of the recipe. The handler is that of the package which lies unpacked in FOLDER.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

from sqltailor.recipe import load_recipe
from sqltailor.train import train
from sqltailor.train.methods.rewards import Question
from sqltailor.wire.chat_completions import graded_prompt, graded_sample


def rewarded_by(handler: Callable[[list[dict[str, Any]], None], list[dict[str, Any]]]) -> Any:
    """Return what asks a handler for the rewards of answers, as Bedrock does."""

    def rewards(questions: Sequence[Question], texts: Sequence[str], cut: Sequence[bool]) -> list[float]:
        asked = [
            graded_sample(graded_prompt(f"{i}", question.prompt.messages, question.example.sql), text)
            for i, (question, text) in enumerate(zip(questions, texts, strict=True))
        ]
        earned = {grade["id"]: float(grade["aggregate_reward_score"]) for grade in handler(asked, None)}
        return [earned[sample["id"]] for sample in asked]

    return rewards


def main(folder: str, name: str) -> None:
    """Train, and end with an error where the grader fails."""
    sys.path.append(folder)  # what is installed here comes first
    module, _, function = name.rpartition(".")
    handler = getattr(importlib.import_module(module), function)
    train(load_recipe(), reward=rewarded_by(handler))


if __name__ == "__main__":
    main(*sys.argv[1:])
