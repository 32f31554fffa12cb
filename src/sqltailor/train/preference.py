"""Method `dpo`: the model's own plausible wrong answers against the gold SQL, told apart by execution."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqltailor.errors import DataError
from sqltailor.generate.local import LocalModel, open_model
from sqltailor.prompt import completion_text, encode_pair
from sqltailor.runs import append_jsonl, read_jsonl
from sqltailor.train.judge import Question, open_judge, read_questions
from sqltailor.train.processes import first_process_first
from sqltailor.train.sft import Rows
from sqltailor.train.stage import Stage, StageResult, train_and_save
from sqltailor.types import GenerateOptions

if TYPE_CHECKING:
    from sqltailor.train.model import Setup
    from sqltailor.train.watch import Progress

logger = logging.getLogger(__name__)

DRAWN = 4
"""Answers drawn from the model for each question, in search of a wrong one."""
WRONG = ("wrong", "schema_error", "sql_error", "refused", "unparsed")
"""Outcomes of a rejected answer, the most plausible first; an empty result beside an empty one may well be right."""


def tune(
    stage: Stage,
    rows: Rows,
    setup: Setup,
    *,
    micro_batch: int,
    progress: Progress | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> StageResult:
    """Train one stage on pairs of a right and a wrong answer; the pairs lie in `pairs.jsonl` of its folder."""
    from datasets import Dataset

    questions = read_questions(stage)
    with first_process_first():  # and before the model that is trained takes its memory
        pairs = read_pairs(stage, questions)

    def make(model: Any, tokenizer: Any, arguments: Any) -> Any:
        columns = [_encoded(tokenizer, questions[pair["number"]], pair["rejected"]) for pair in pairs]
        return _trainer_class()(
            keep=section.local.keep_checkpoints,
            model=model,
            args=arguments,
            processing_class=tokenizer,
            train_dataset=Dataset.from_list(columns),
        )

    section = stage.recipe.train
    more = {"beta": section.dpo.beta, "max_length": section.max_length, "loss_type": ["sigmoid"]}
    if section.dpo.sft_weight:
        more |= {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, section.dpo.sft_weight]}
    return train_and_save(stage, setup, micro_batch, make, progress, interrupted, kind="DPOConfig", more=more)


def _trainer_class() -> Any:
    from trl import DPOTrainer

    from sqltailor.train.trainer import Careful

    class PairTrainer(Careful, DPOTrainer):  # type: ignore[misc]
        """Trains on pairs that are token ids already: TRL would tokenise control tokens inside of contents."""

        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            return dataset

        def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            self.tokens_read += int(inputs["attention_mask"].sum())
            return super().compute_loss(model, inputs, *args, **kwargs)

    return PairTrainer


def _encoded(tokenizer: Any, question: Question, rejected: str) -> dict[str, list[int]]:
    _, ids = encode_pair(tokenizer, question.prompt, rejected)
    return {"prompt_ids": question.prompt_ids, "chosen_ids": question.gold_ids, "rejected_ids": ids}


def read_pairs(stage: Stage, questions: list[Question]) -> list[dict[str, Any]]:
    """Return `{number, outcome, rejected}` for each question that the stage's base answers wrong at least once.

    They are drawn once: a continued run learns from the same pairs. Raises `DataError` when there are none.
    """
    file = stage.folder / "pairs.jsonl"
    if not file.is_file():
        stage.folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        for pair in draw_pairs(stage, questions):
            append_jsonl(partial, pair)
        if not partial.is_file():
            raise DataError(f"{stage.base} answered no training question wrong: there is nothing to prefer.")
        partial.rename(file)
    return list(read_jsonl(file))


def draw_pairs(stage: Stage, questions: list[Question]) -> list[dict[str, Any]]:
    """Return the most plausible wrong answer that the base draws to each question, if any."""
    section = stage.recipe.train
    logger.warning(
        "asking %s %d questions, %d answers each: wrong ones are learnt from", stage.base, len(questions), DRAWN
    )
    model = LocalModel(open_model(stage.base))
    options = GenerateOptions(max_tokens=256, temperature=1.0, n=DRAWN, seed=section.seed)
    answers = model([question.prompt for question in questions], options)
    pairs = []
    with open_judge(stage) as judge:
        for number, question in enumerate(questions):
            drawn = answers[number * DRAWN : (number + 1) * DRAWN]
            found = {
                judge(question, answer.text).outcome: answer.text
                for answer in drawn
                if answer.stop == "end" and answer.text.strip() != completion_text(question.example)
            }
            worst = next((outcome for outcome in WRONG if outcome in found), None)
            if worst is not None:
                pairs.append({"number": number, "outcome": worst, "rejected": found[worst]})
    logger.info("%d of %d questions have a wrong answer to learn from", len(pairs), len(questions))
    return pairs
