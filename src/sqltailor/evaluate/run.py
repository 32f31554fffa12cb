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
from types import MappingProxyType
from typing import Any, NamedTuple

from sqltailor.errors import BackendError, DataError
from sqltailor.evaluate.certificate import GoldCheck, certificate
from sqltailor.evaluate.eval_folder import ChooseFolder, open_folder, written
from sqltailor.evaluate.fuzzed import FuzzedDatabases
from sqltailor.evaluate.prepare import Exam, checked, schema_shown
from sqltailor.evaluate.scorer import Scorer
from sqltailor.evaluate.scoring import Scoring
from sqltailor.evaluate.summary import summarise
from sqltailor.generate.calibration import calibration_of
from sqltailor.prompt.text import BuildPrompt, build_prompt
from sqltailor.runs import Run, append_jsonl, read_json, write_json_atomic
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
        shown = ("models", "paired", "outcomes", "differences", "mistakes", "declines", "ceiling", "gold_errors")
        return {"run": str(self.run), **{name: self.scores[name] for name in shown}}


class _Taker(NamedTuple):
    """What scores the answers, and the schema that each example is shown and judged with."""

    scorer: Scorer
    schemas: Sequence[Schema]


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
    exam = checked(examples, scoring or Scoring())
    scorer = Scorer(exam.scoring, FuzzedDatabases(examples, exam.scoring.fuzz) if exam.scoring.fuzz else None)
    with contextlib.closing(scorer):
        taker = _Taker(scorer, [schema_shown(example, schema, scorer) for example in examples])
        options = dataclasses.replace(options or GenerateOptions(), n=1)
        sources = {}
        for model, generate in models.items():
            build_prompt = prompt[model] if isinstance(prompt, Mapping) else prompt
            prompts = [_prompt(build_prompt, *pair) for pair in zip(examples, taker.schemas, strict=True)]
            messages = [[dataclasses.asdict(message) for message in p.messages] for p in prompts]
            inputs = exam.inputs(messages, dataclasses.asdict(options))
            sources[model] = _Source(functools.partial(_generate, generate, prompts, options), inputs)
        settings = {"options": dataclasses.asdict(options), "batch": batch}
        return _run(exam, taker, sources, out_dir, batch, settings, on_progress)


def _run(
    exam: Exam,
    taker: _Taker,
    sources: Mapping[str, _Source],
    out_dir: Path | ChooseFolder,
    batch: int,
    settings: Mapping[str, Any],
    on_progress: OnProgress,
) -> Evaluation:
    pairs = zip(exam.examples, taker.schemas, strict=True)
    checks = [GoldCheck.of(taker.scorer.certified(*pair)) for pair in pairs]
    certificate(exam.examples, checks, fuzz=exam.scoring.fuzz)  # before a model is asked
    inputs = {model: source.inputs for model, source in sources.items()}
    folder = Run(out_dir(inputs) if callable(out_dir) else out_dir)
    open_folder(folder, exam, inputs, settings)
    predictions: dict[str, list[Prediction]] = {}
    speeds: dict[str, float] = {}
    for model, source in sources.items():
        predictions[model], speed = _answered(exam, taker, folder, model, source, batch, on_progress)
        speeds |= {model: speed} if speed is not None else {}
    return finish(folder, exam, predictions, checks, list(taker.scorer.metrics), speeds)


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


def _answered(
    exam: Exam, taker: _Taker, folder: Run, model: str, source: _Source, batch: int, on_progress: OnProgress
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
        # what was not timed was not written while we waited: by a batch job, say
        tokens += sum(one.tokens_out or 0 for one in completions if one.total_ms is not None)
        for i, completion in zip(places, completions, strict=True):
            prediction = taker.scorer.score(exam.examples[i], completion, schema=taker.schemas[i], model=model)
            append_jsonl(folder.predictions(model), dataclasses.asdict(prediction))
            done[prediction.id] = prediction
    on_progress(model, len(done), len(exam.examples))
    speed = round(tokens / seconds, 1) if tokens and seconds > 0 else None
    return [done[example.id] for example in exam.examples], speed


def finish(
    folder: Run,
    exam: Exam,
    predictions: Mapping[str, Sequence[Prediction]],
    checks: Sequence[GoldCheck],
    metrics: Sequence[str],
    speeds: Mapping[str, float] = MappingProxyType({}),
) -> Evaluation:
    """Write `scores.json` and return what was found.

    It depends on nothing but examples, predictions, gold, and what runs know of their confidence.
    """
    gold = certificate(exam.examples, checks, fuzz=exam.scoring.fuzz)
    about = read_json(folder.path / "evaluation.json")
    candidates = about.get("options", {}).get("candidates", 0)
    known = {model: found for model in predictions if (found := calibration_of(model, candidates)) is not None}
    scores = summarise(exam.examples, predictions, metrics, known) | gold
    for model, speed in speeds.items():
        scores["timings"][model]["tokens_per_s"] = speed
    scores |= {"examples": len(exam.examples), "version": __version__}
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    write_json_atomic(folder.path / "evaluation.json", about | {"written": now})
    write_json_atomic(folder.scores, scores)
    return Evaluation(folder.path, predictions, scores)
