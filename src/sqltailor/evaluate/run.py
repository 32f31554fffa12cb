"""Evaluation: the same questions to several models, answers scored by execution, everything kept in files.

The folder of an evaluation holds `evaluation.json` (what was asked of whom, and how), `examples.jsonl`, one
`predictions-REF.jsonl` a model, written as answers come, and `scores.json`, written last. An evaluation that was
interrupted continues from its predictions when its inputs are equal.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.errors import BackendError, DataError
from sqltailor.evaluate.eval_folder import ChooseFolder, open_folder, written
from sqltailor.evaluate.prepare import Exam, audit, prepare
from sqltailor.evaluate.scorer import Scoring
from sqltailor.evaluate.summary import summarise
from sqltailor.prompt.text import BuildPrompt, build_prompt
from sqltailor.runs import Run, append_jsonl, write_json_atomic
from sqltailor.types import Completion, Example, Generate, GenerateOptions, OnProgress, Prediction, Prompt, Schema
from sqltailor.version import __version__

Answer = Callable[[Sequence[int]], list[Completion]]
"""Answers the examples at these places."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation found. `scores` is the content of `scores.json`."""

    run: Path
    predictions: Mapping[str, Sequence[Prediction]]
    scores: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the shape of `eval --json`."""
        return {name: self.scores[name] for name in ("run", "models", "paired")}


class _Source(NamedTuple):
    """Where a model's answers come from, and the hash of everything that makes them."""

    answer: Answer
    inputs: str


def evaluate(
    examples: Sequence[Example],
    models: Mapping[str, Generate],
    *,
    out_dir: Path | ChooseFolder,
    scoring: Scoring | None = None,
    schema: Schema | None = None,
    prompt: BuildPrompt | Mapping[str, BuildPrompt] = build_prompt,
    options: GenerateOptions | None = None,
    batch: int = 16,
    on_progress: OnProgress = lambda model, done, total: None,
) -> Evaluation:
    """Ask every model every example, score the answers, write the folder, and return what was found.

    `models`: model reference → function; the base before the tuned, so that comparisons read base → tuned. `schema`
    is for examples that carry none; without it the database's own is read. `prompt` builds prompts, for all models or
    by reference. One answer an example is asked for, whatever `options.n`.

    Raises `DataError` before anything is generated when an example has no schema, a prompt cannot be built, or not
    one gold statement runs; `ConfigError` when `out_dir` holds another evaluation.
    """
    exam = prepare(examples, scoring or Scoring(), schema)
    options = dataclasses.replace(options or GenerateOptions(), n=1)
    sources = {}
    for model, generate in models.items():
        build_prompt = prompt[model] if isinstance(prompt, Mapping) else prompt
        prompts = [_prompt(build_prompt, *pair) for pair in zip(examples, exam.schemas, strict=True)]
        messages = [[dataclasses.asdict(message) for message in p.messages] for p in prompts]
        inputs = exam.inputs(messages, dataclasses.asdict(options))
        sources[model] = _Source(functools.partial(_generate, generate, prompts, options), inputs)
    settings = {"options": dataclasses.asdict(options), "batch": batch}
    with contextlib.closing(exam.scorer):
        return _run(exam, sources, out_dir, batch, settings, on_progress)


def score_predictions(
    examples: Sequence[Example],
    predictions: Mapping[str, Mapping[str, Completion]],
    *,
    out_dir: Path | ChooseFolder,
    scoring: Scoring | None = None,
    schema: Schema | None = None,
    on_progress: OnProgress = lambda model, done, total: None,
) -> Evaluation:
    """Score answers that are there already, as `evaluate` does: model reference → example id → answer.

    An example without an answer counts as one without SQL. Without database and schema, `schema_valid` is absent.
    Raises `DataError` also for an answer without an example.
    """
    scoring = scoring or Scoring()
    exam = prepare(examples, scoring, Schema() if schema is None and scoring.database is None else schema)
    known = {example.id for example in examples}
    sources = {}
    for model, answers in predictions.items():
        if strangers := [i for i in answers if i not in known]:
            raise DataError(f"{len(strangers)} answers of '{model}' belong to no example, such as '{strangers[0]}'.")
        found = [answers.get(example.id, Completion("")) for example in examples]
        inputs = exam.inputs([completion.text for completion in found])
        sources[model] = _Source(functools.partial(_pick, found), inputs)
    with contextlib.closing(exam.scorer):
        return _run(exam, sources, out_dir, 64, {}, on_progress)


def _prompt(build_prompt: BuildPrompt, example: Example, schema: Schema) -> Prompt:
    try:
        return build_prompt(example, schema)
    except DataError as e:
        raise DataError(f"Example '{example.id}': {e}") from e


def _generate(
    generate: Generate, prompts: Sequence[Prompt], options: GenerateOptions, places: Sequence[int]
) -> list[Completion]:
    completions = generate([prompts[i] for i in places], options)
    if len(completions) != len(places):
        raise BackendError(f"The model gave {len(completions)} answers to {len(places)} questions.")
    return completions


def _pick(answers: Sequence[Completion], places: Sequence[int]) -> list[Completion]:
    return [answers[i] for i in places]


def _run(
    exam: Exam,
    sources: Mapping[str, _Source],
    out_dir: Path | ChooseFolder,
    batch: int,
    settings: Mapping[str, Any],
    on_progress: OnProgress,
) -> Evaluation:
    gold = audit(exam)
    inputs = {model: source.inputs for model, source in sources.items()}
    folder = Run(out_dir(inputs) if callable(out_dir) else out_dir)
    open_folder(folder, exam, inputs, settings)
    started = time.monotonic()
    predictions: dict[str, list[Prediction]] = {}
    speeds: dict[str, float] = {}
    for model, source in sources.items():
        predictions[model], speed = _answered(exam, folder, model, source, batch, on_progress)
        speeds |= {model: speed} if speed is not None else {}
    scores = {"run": str(folder.path)} | summarise(exam.examples, predictions, list(exam.scorer.metrics)) | gold
    for model, speed in speeds.items():
        scores["timings"][model]["tokens_per_s"] = speed
    scores |= {"examples": len(exam.examples), "seconds": round(time.monotonic() - started, 1)}
    scores |= {"written": datetime.now().astimezone().isoformat(timespec="seconds"), "version": __version__}
    write_json_atomic(folder.scores, scores)
    return Evaluation(folder.path, predictions, scores)


def _answered(
    exam: Exam, folder: Run, model: str, source: _Source, batch: int, on_progress: OnProgress
) -> tuple[list[Prediction], float | None]:
    """Return the predictions of one model and its tokens per second, None where nothing was measured."""
    done = written(folder, model)
    todo = [i for i, example in enumerate(exam.examples) if example.id not in done]
    seconds, tokens = 0.0, 0
    for places in (todo[at : at + batch] for at in range(0, len(todo), batch)):
        on_progress(model, len(done), len(exam.examples))
        started = time.monotonic()
        completions = source.answer(places)
        seconds += time.monotonic() - started
        tokens += sum(completion.tokens_out or 0 for completion in completions)
        for i, completion in zip(places, completions, strict=True):
            prediction = exam.scorer.score(exam.examples[i], completion, schema=exam.schemas[i], model=model)
            append_jsonl(folder.predictions(model), dataclasses.asdict(prediction))
            done[prediction.id] = prediction
    on_progress(model, len(done), len(exam.examples))
    speed = round(tokens / seconds, 1) if tokens and seconds > 0 else None
    return [done[example.id] for example in exam.examples], speed
