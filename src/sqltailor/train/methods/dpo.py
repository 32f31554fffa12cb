"""Method `dpo`: the model's own plausible wrong answers against the gold SQL, told apart by execution."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqltailor.errors import DataError
from sqltailor.evaluate import Scoring
from sqltailor.generate.local import LocalModel
from sqltailor.generate.open_model import open_model
from sqltailor.prompt.encode import encode_pair
from sqltailor.prompt.text import completion_text
from sqltailor.runs import append_jsonl, read_jsonl, write_text_atomic
from sqltailor.train.methods.rewards import Question, Rewarder, read_questions
from sqltailor.train.running.processes import first_process_first
from sqltailor.train.running.stage import Job, Stage, StageResult, prepare, train_and_save
from sqltailor.types import Completion, GenerateOptions

if TYPE_CHECKING:
    from sqltailor.train.running.watch import Progress

logger = logging.getLogger(__name__)

DRAWN = 4
"""Answers drawn from the model for each question, in search of a wrong one."""
TOGETHER = 16
"""Questions that are asked before what was found is kept, and progress told."""
WRONG = ("wrong", "schema_error", "sql_error", "refused", "unparsed")
"""Outcomes of a rejected answer, the most plausible first; an empty result beside an empty one may well be right."""


def tune(job: Job) -> StageResult:
    """Train one stage on pairs of a right and a wrong answer; the pairs lie in `pairs.jsonl` of its folder."""
    from datasets import Dataset

    stage, section = job.stage, job.stage.recipe.train
    questions = read_questions(stage, job.project)
    with first_process_first():  # and before the model that is trained takes its memory
        pairs = read_pairs(job, questions)
    if job.interrupted():
        return StageResult(0, 0.0, None, None)
    losses: dict[str, Any] = {"loss_type": ["sigmoid"]}
    if section.dpo.sft_weight:
        losses = {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, section.dpo.sft_weight]}
    prepared = prepare(job, "DPOConfig", beta=section.dpo.beta, max_length=section.max_length, **losses)
    model, tokenizer = prepared.trainee.model, prepared.trainee.tokenizer
    columns = [_encoded(tokenizer, questions[pair["number"]], pair["rejected"]) for pair in pairs]
    trainer = _trainer_class()(
        keep=section.local.keep_checkpoints,
        model=model,
        args=prepared.arguments,
        processing_class=tokenizer,
        train_dataset=Dataset.from_list(columns),
    )
    return train_and_save(job, prepared, trainer)


def _trainer_class() -> Any:
    from trl import DPOTrainer

    from sqltailor.train.running.trainer import AtomicCheckpoints

    class PairTrainer(AtomicCheckpoints, DPOTrainer):  # type: ignore[misc]
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


def read_pairs(job: Job, questions: Sequence[Question]) -> list[dict[str, Any]]:
    """Return `{number, outcome, rejected}` for each question that the stage's base answers wrong at least once.

    They are drawn once: a continued run learns from the same pairs, and asks only what has not been answered yet. None
    are returned when it is interrupted. Raises `DataError` when there are none.
    """
    stage = job.stage
    file = stage.folder / "pairs.jsonl"
    if not file.is_file():
        stage.folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        draw_pairs(job, questions, partial)
        if job.interrupted():
            return []
        pairs = [row for row in read_jsonl(partial) if row["outcome"] is not None]
        logger.info("%d of %d questions have a wrong answer to learn from", len(pairs), len(questions))
        if not pairs:
            raise DataError(f"{stage.base} answered no training question wrong: there is nothing to prefer.")
        write_text_atomic(file, "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs))
        partial.unlink()
    return list(read_jsonl(file))


def draw_pairs(job: Job, questions: Sequence[Question], file: Path) -> None:
    """Add the most plausible wrong answer that the base draws to each question not in the file yet, null if none.

    When interrupted, or killed, what was asked so far stays in the file.
    """
    stage = job.stage
    known = {row["number"] for row in read_jsonl(file)} if file.is_file() else set()
    left = [number for number in range(len(questions)) if number not in known]
    logger.warning("asking %s %d questions, %d answers each: wrong ones are learnt from", stage.base, len(left), DRAWN)
    rewarder = Rewarder(Scoring.of(job.project))
    model = LocalModel(open_model(stage.base))
    tell = _teller(stage, job.progress, before=len(questions) - len(left), left=len(left))
    tell(0)
    for start in range(0, len(left), TOGETHER):
        if job.interrupted():
            return
        numbers = left[start : start + TOGETHER]
        seed = stage.recipe.train.seed + numbers[0] * DRAWN  # an answer's own, asked in one go or several
        options = GenerateOptions(temperature=1.0, n=DRAWN, seed=seed)
        answers = model([questions[number].prompt for number in numbers], options)
        for i, number in enumerate(numbers):
            drawn = answers[i * DRAWN : (i + 1) * DRAWN]
            append_jsonl(file, {"number": number} | _worst(rewarder, questions[number], drawn))
        tell(start + len(numbers))


def _teller(stage: Stage, progress: Progress | None, *, before: int, left: int) -> Callable[[int], None]:
    """Return a function that reports how many of the questions that are left have been asked."""
    began = time.perf_counter()
    place = {} if stage.number is None else {"stage": stage.number}

    def tell(done: int) -> None:
        left_s = (time.perf_counter() - began) / done * (left - done) if done else None
        row = {"step": 0, "asked": before + done, "questions": before + left, "left_s": left_s}
        if progress is not None:
            progress(place | row, 0)

    return tell


def _worst(rewarder: Rewarder, question: Question, drawn: Sequence[Completion]) -> dict[str, str | None]:
    """Return the most plausible wrong answer as `{outcome, rejected}`, both None when there is none."""
    found = {
        rewarder(question, answer.text).outcome: answer.text
        for answer in drawn
        if answer.stop == "end" and answer.text.strip() != completion_text(question.example)
    }
    worst = next((outcome for outcome in WRONG if outcome in found), None)
    return {"outcome": worst, "rejected": None if worst is None else found[worst]}
