"""Ask a judge about the answers of an evaluation, and keep what it says.

A judge is a model that marks SQL by reading it. It is never the headline: judges let wrong answers pass, so that what
it says always stands beside execution accuracy, with how far both agree. Verdicts are kept in the evaluation's folder
under a digest of all that makes them; asked again, nothing is asked twice.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqltailor.data.examples import from_json
from sqltailor.errors import BackendError, ConfigError, unknown
from sqltailor.evaluate.eval_folder import no_evaluation
from sqltailor.evaluate.judge.agreement import agreement
from sqltailor.evaluate.judge.rubrics import RUBRICS, Rubric, judge_prompt
from sqltailor.runs import Run, append_jsonl, file_name, read_json, read_jsonl, write_json_atomic
from sqltailor.types import Example, Generate, GenerateOptions, OnProgress, Prompt, Schema

OPTIONS = GenerateOptions(max_tokens=512, temperature=0.0)
BATCH = 8


def judge_answers(
    folder: Path,
    reference: str,
    generate: Generate,
    *,
    rubric: str = "score100",
    schema: Schema = Schema(),  # noqa: B008
    ask_all: bool = False,
    on_progress: OnProgress = lambda model, done, total: None,
) -> dict[str, Any]:
    """Ask a judge about every answer in an evaluation's folder; return what it says of each model, and write it.

    Answers that execution calls right are not asked about and count as passed, unless `ask_all`. `judge-….json` in
    the folder holds the summary, `judge-….jsonl` each verdict with the judge's words. Raises `DataError` for a folder
    without answers, `BackendError` with how many verdicts are kept when the judge fails.
    """
    if rubric not in RUBRICS:
        raise ConfigError(unknown("rubric", rubric, RUBRICS))
    run, task = Run(folder), RUBRICS[rubric]
    examples = {example.id: example for example in _examples(run)}
    digest = configuration(rubric, reference)
    kept = folder / f"judge-{rubric}-{file_name(reference)}-{digest}.jsonl"
    said = {row["key"]: row for row in read_jsonl(kept)} if kept.exists() else {}
    models: dict[str, Any] = {}
    for model in read_json(run.scores)["models"]:
        rows = [row for row in read_jsonl(run.predictions(model)) if row["outcome"] != "gold_error"]
        asked = [row for row in rows if ask_all or row["scores"].get("execution") != 1]
        prompts = [judge_prompt(task, examples[row["id"]], row["predicted"], schema) for row in asked]
        keys = [_key(prompt) for prompt in prompts]
        waiting = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in said}
        said |= _ask(generate, task, waiting, kept, lambda done, total, model=model: on_progress(model, done, total))
        by_id = {row["id"]: said[key] for row, key in zip(asked, keys, strict=True)}
        models[model] = agreement([_beside(row, by_id.get(row["id"]), task) for row in rows])
    found = {"judge": reference, "rubric": rubric, "digest": digest, "models": models}
    write_json_atomic(kept.with_suffix(".json"), found)
    return found


def configuration(rubric: str, reference: str) -> str:
    """Return the digest of all that makes a verdict but the answer: task, model, its files, and how it is asked."""
    path = Path(reference)
    files = sorted(path.rglob("*")) if path.is_dir() else [path] if path.is_file() else []
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()]
    task = RUBRICS[rubric]
    content = [rubric, task.instructions, task.reminder, task.passing, reference, states]
    return hashlib.sha256(json.dumps([*content, dataclasses.asdict(OPTIONS)]).encode()).hexdigest()[:12]


def _examples(run: Run) -> list[Example]:
    file = run.path / "examples.jsonl"
    if not file.is_file() or not run.scores.is_file():
        raise no_evaluation(run.path)
    return [from_json(row) for row in read_jsonl(file)]


def _key(prompt: Prompt) -> str:
    messages = [dataclasses.asdict(message) for message in prompt.messages]
    return hashlib.sha256(json.dumps(messages).encode()).hexdigest()[:16]


def _ask(
    generate: Generate, task: Rubric, waiting: Mapping[str, Prompt], kept: Path, on_progress: Any
) -> dict[str, dict[str, Any]]:
    """Return key → verdict for prompts that are new, each written as it comes."""
    said: dict[str, dict[str, Any]] = {}
    keys = list(waiting)
    for at in range(0, len(keys), BATCH):
        batch = keys[at : at + BATCH]
        on_progress(at, len(keys))
        try:
            completions = generate([waiting[key] for key in batch], OPTIONS)
        except BackendError as e:
            raise BackendError(f"{e} {len(said):,} verdicts are kept: the same command goes on.") from e
        for key, completion in zip(batch, completions, strict=True):
            said[key] = {"key": key, "mark": task.read(completion.text), "said": completion.text}
            append_jsonl(kept, said[key])
    on_progress(len(keys), len(keys))
    return said


def _beside(row: Mapping[str, Any], verdict: Mapping[str, Any] | None, task: Rubric) -> dict[str, Any]:
    """Return what is known of one answer: its mark, whether it passes, and what execution says."""
    mark = verdict["mark"] if verdict else None
    passes = True if verdict is None else None if mark is None else mark >= task.passing
    execution: float | None = row["scores"].get("execution")
    return {"id": row["id"], "mark": mark, "passes": passes, "was_asked": verdict is not None, "execution": execution}


def verdict_lines(found: Mapping[str, Any]) -> Sequence[tuple[str, str, str, str, str]]:
    """Return a line a model: its name, execution, what the judge lets pass, kappa, and answers without a mark."""
    lines = []
    for model, told in found["models"].items():
        least = "" if told["kappa"] is None else ("at most " if told["kappa_is_upper"] else "") + f"{told['kappa']:.2f}"
        lines.append((model, _share(told["execution"]), _share(told["judge"]), least or "—", f"{told['unread']:,}"))
    return lines


def _share(value: Mapping[str, float] | None) -> str:
    return "—" if value is None else f"{value['value']:.1%} [{value['low']:.1%}, {value['high']:.1%}] n={value['n']}"
