"""A callback that asks a few questions again during training, to show what the model has learned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from sqltailor.generate.local import LocalModel
from sqltailor.generate.references import Source
from sqltailor.generate.weights import Opened
from sqltailor.prompt.extract import extract
from sqltailor.runs import append_jsonl
from sqltailor.types import GenerateOptions, Prompt

if TYPE_CHECKING:
    from sqltailor.train.running.watch import Progress

TIMES = 4
"""How often the questions are asked: before the first step, and at equal distances after it."""
MAX_TOKENS = 128


class AnswersCallback(TrainerCallback):  # type: ignore[misc]
    """Asks a model with an adapter at intervals, writes answers.jsonl and reports progress.

    A line is `step, question, sql`; the SQL is greedy, and the whole text where there is none in it.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        source: Source,
        *,
        questions: Sequence[str],
        prompts: Sequence[Prompt],
        file: Path,
        progress: Progress | None,
    ) -> None:
        self.model, self.opened = model, Opened(model.get_base_model(), tokenizer, source)
        self.questions, self.prompts, self.file, self.progress = questions, prompts, file, progress

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 0:
            self._ask(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step in {state.max_steps * i // TIMES for i in range(1, TIMES)}:
            self._ask(state)

    def _ask(self, state: Any) -> None:
        if not state.is_world_process_zero:
            return
        self.model.eval()
        completions = LocalModel(self.opened)(self.prompts, GenerateOptions(max_tokens=MAX_TOKENS))
        self.model.train()
        answers = [
            {"question": question, "sql": extract(completion.text, prompt.dialect).sql or completion.text}
            for question, prompt, completion in zip(self.questions, self.prompts, completions, strict=True)
        ]
        for answer in answers:
            append_jsonl(self.file, {"step": state.global_step, **answer})
        if self.progress is not None:
            self.progress({"step": state.global_step, "answers": answers}, state.max_steps)
