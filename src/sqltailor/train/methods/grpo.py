"""Method `grpo`: several answers to each question, executed; the better ones of a group become likelier.

After Shao et al. 2024, "DeepSeekMath", §4. What an answer earns is `rewards.rewards`: its result, never its looks.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any

from sqltailor.errors import DataError
from sqltailor.evaluate import Scoring
from sqltailor.generate.batches import plan
from sqltailor.generate.decode import Engine, decode
from sqltailor.generate.generic_forward import AnyEngine
from sqltailor.generate.llama_forward import LlamaEngine
from sqltailor.prompt.encode import end_of_turn
from sqltailor.train.methods.rewards import Question, Rewarder, read_questions, rewards
from sqltailor.train.running.base_model import as_trained
from sqltailor.train.running.processes import is_first_process
from sqltailor.train.running.stage import Job, Reward, StageResult, prepare, train_and_save
from sqltailor.types import GenerateOptions

logger = logging.getLogger(__name__)


NOTHING_LEARNED = (
    "grpo learned nothing: all answers to a question earned the same at every step, so that none was better than the "
    "others. Train with method sft first (more examples or epochs), give it easier questions, or raise "
    "train.grpo.temperature or train.grpo.generations"
)


def tune(job: Job) -> StageResult:
    """Train one stage on its own answers, rewarded on the recipe's database."""
    from datasets import Dataset
    from trl import GRPOTrainer

    from sqltailor.train.running.trainer import AtomicCheckpoints

    class GroupTrainer(AtomicCheckpoints, GRPOTrainer):  # type: ignore[misc]
        """GRPO whose answers are drawn by our decoding loop, from prompts that we encode, in a repeatable order."""

        def _get_train_sampler(self, dataset: Any = None) -> Any:
            self.order = super()._get_train_sampler(dataset)
            return self.order

        def start_epoch(self, epoch: int) -> None:
            self.order.generator.manual_seed(self.args.seed + epoch)

    section = job.stage.recipe.train
    questions = read_questions(job.stage, job.project)
    reward = job.reward or functools.partial(rewards, Rewarder(Scoring.of(job.project)))
    if len(questions) * section.grpo.generations < section.batch:
        raise DataError(
            f"One step takes {section.batch // section.grpo.generations} questions (train.batch / "
            f"train.grpo.generations); there are {len(questions)}. Lower train.batch."
        )
    prepared = prepare(
        job,
        "GRPOConfig",
        num_generations=section.grpo.generations,
        max_completion_length=section.grpo.max_tokens,
        temperature=section.grpo.temperature,
        beta=section.grpo.beta,
    )
    model, tokenizer = prepared.trainee.model, prepared.trainee.tokenizer
    differed: list[bool] = []
    trainer = GroupTrainer(
        keep=section.local.keep_checkpoints,
        model=model,
        args=prepared.arguments,
        processing_class=tokenizer,
        reward_funcs=_rewarded(reward, questions, end_of_turn(tokenizer)[-1], differed),
        rollout_func=_drawn(questions, section.grpo.max_tokens, section.grpo.temperature),
        train_dataset=Dataset.from_dict({"prompt": [str(i) for i in range(len(questions))]}),
    )
    result = train_and_save(job, prepared, trainer)
    if differed and not any(differed) and is_first_process():
        logger.warning(NOTHING_LEARNED)
    return result


def _rewarded(
    reward: Reward, questions: Sequence[Question], end: int, differed: list[bool]
) -> Callable[..., list[float]]:
    """Return TRL's reward function. It adds to `differed` whether answers to one question earned different rewards."""

    def execution(
        prompts: Sequence[str], completions: Sequence[str], completion_ids: Sequence[Sequence[int]], **_: Any
    ) -> list[float]:
        asked = [questions[int(prompt)] for prompt in prompts]
        cut = [not ids or ids[-1] != end for ids in completion_ids]
        earned = reward(asked, completions, cut)
        groups: dict[str, set[float]] = {}
        for prompt, one in zip(prompts, earned, strict=True):
            groups.setdefault(prompt, set()).add(one)
        differed.append(any(len(group) > 1 for group in groups.values()))
        return earned

    return execution


def _drawn(
    questions: Sequence[Question], max_tokens: int, temperature: float
) -> Callable[[Sequence[str], Any], dict[str, Any]]:
    """Return the function that draws an answer to each prompt, a question's number, with the weights as they are."""
    options = GenerateOptions(max_tokens=max_tokens, temperature=temperature)

    def draw(prompts: Sequence[str], trainer: Any) -> dict[str, Any]:
        import torch

        model = trainer.accelerator.unwrap_model(trainer.model)
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        was_training = model.training
        model.eval()
        as_trained(model)
        end = end_of_turn(trainer.processing_class)[-1]
        rows = [questions[int(prompt)].prompt_ids for prompt in prompts]
        written: list[list[int]] = [[] for _ in rows]
        with torch.no_grad():
            engine: Engine = LlamaEngine(base) if LlamaEngine.supports(base) else AnyEngine(base)
            for batch in plan(rows, len(rows)):
                shared, prefix = 0, None
                if isinstance(engine, LlamaEngine) and batch.shared > 0:
                    shared, prefix = batch.shared, engine.read(rows[batch.rows[0]][: batch.shared], None)
                own = [rows[i][shared:] for i in batch.rows]
                *_, answers = decode(engine, own, options, ends={end}, prefix=prefix)
                for i, answer in zip(batch.rows, answers, strict=True):
                    written[i] = answer.ids + ([end] if answer.stop == "end" else [])
        model.train(was_training)
        trainer.tokens_read += sum(map(len, rows)) + sum(map(len, written))
        return {"prompt_ids": rows, "completion_ids": written, "logprobs": None}

    return draw
