"""The folder of an evaluation, continued only for equal inputs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqltailor.data import write_examples
from sqltailor.errors import DataError
from sqltailor.evaluate.prepare import Exam, described
from sqltailor.runs import Run, environment, evaluation_folder, move_aside, read_json, read_jsonl, write_json_atomic
from sqltailor.types import Prediction

logger = logging.getLogger(__name__)

ChooseFolder = Callable[[Mapping[str, str]], Path]
"""Given model → hash of its inputs, returns the folder to write to."""


def resume_or_new(run: Run) -> ChooseFolder:
    """Return what chooses an evaluation's folder inside `run`: an unfinished one of equal inputs, else a new one."""

    def choose(inputs: Mapping[str, str]) -> Path:
        for path in sorted(run.path.glob("eval-*/evaluation.json"), reverse=True):
            if not Run(path.parent).scores.exists() and read_json(path)["inputs"].items() >= inputs.items():
                return path.parent
        return evaluation_folder(run).path

    return choose


def open_folder(folder: Run, exam: Exam, inputs: Mapping[str, str], settings: Mapping[str, Any]) -> None:
    """Make the folder; an evaluation of other inputs that it holds is moved aside.

    Raises `BackendError` when another process writes to that evaluation.
    """
    about, hashes = folder.path / "evaluation.json", {"exam": exam.inputs(), **inputs}
    before = read_json(about)["inputs"] if about.exists() else {}
    kept = [name for name in hashes if name in before or folder.predictions(name).exists()]
    if differs := [name for name in kept if before.get(name) != hashes[name]]:
        what = "is about other examples" if "exam" in differs else f"has answers of '{differs[0]}' to other prompts"
        aside = move_aside(folder)
        logger.warning("%s %s, or under other settings. What it held is now in %s.", folder.path, what, aside)
        before = {}
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.scores.unlink(missing_ok=True)
    how = described(exam.scoring) | dict(settings)
    write_json_atomic(about, {"inputs": before | hashes, "examples": len(exam.examples), **how})
    write_examples(folder.path / "examples.jsonl", exam.examples)
    if not (folder.path / "environment.json").exists():
        write_json_atomic(folder.path / "environment.json", environment())


def written(folder: Run, model: str) -> dict[str, Prediction]:
    """Return example id → prediction that a folder holds of a model."""
    path = folder.predictions(model)
    return {row["id"]: Prediction(**row) for row in read_jsonl(path)} if path.exists() else {}


def has_evaluation(path: Path) -> bool:
    """Tell whether the folder of a run or an evaluation holds a finished evaluation."""
    return Run(path).scores.exists() or any(path.glob("eval-*/scores.json"))


def no_evaluation(path: Path) -> DataError:
    """Return the error about a folder that holds no finished evaluation: how one is made, or ended."""
    run = Run(path)
    if run.has_failed:
        return DataError(f"The training of {path} failed: there is no model to evaluate.")
    if run.is_training and not run.is_done:
        return DataError(
            f"The training of {path} is unfinished. Repeat its command, sqltailor train …, which goes on where it was; "
            f"then: sqltailor eval --model {path}"
        )
    if (path / "evaluation.json").is_file():
        return DataError(f"The evaluation in {path} is unfinished. Repeat its command, which goes on where it was.")
    command = f"sqltailor eval --model {path}" if run.is_training else f"sqltailor eval --out {path}"
    return DataError(f"{path} holds no finished evaluation. Make one: {command}")
