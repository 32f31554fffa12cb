"""The runs of a folder with their evaluations: what each found, what is unfinished, what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqltailor.errors import DataError
from sqltailor.runs import Run, all_runs, read_json


@dataclass(frozen=True, slots=True)
class FoundEvaluation:
    """One evaluation; `folder` is its path below the folder of runs.

    `rates`: model → metric → rate, empty as long as it is not finished. `answered` counts the answers of all models so
    far. `fault` says why it cannot be read.
    """

    folder: str
    questions: int = 0
    answered: int = 0
    written: str = ""
    rates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A training run, or a folder that holds evaluations only."""

    name: str
    is_training: bool
    evaluations: list[FoundEvaluation] = field(default_factory=list)


def runs_with_evaluations(root: Path) -> list[FoundRun]:
    """Return the runs in a folder, the newest first, each with its evaluations, the newest first."""
    found: dict[str, FoundRun] = {}
    for run in all_runs(root):
        folder = run.path.relative_to(root)
        home = Run(root / folder.parts[0])
        if is_evaluation(run) or run.is_training:
            found.setdefault(home.name, FoundRun(home.name, home.is_training))
        if is_evaluation(run):
            found[home.name].evaluations.append(_evaluation(run, folder.as_posix()))
    return list(found.values())


def is_evaluation(run: Run) -> bool:
    """Whether a folder holds an evaluation, finished or not."""
    return (run.path / "evaluation.json").is_file()


def _evaluation(run: Run, folder: str) -> FoundEvaluation:
    try:
        about = read_json(run.path / "evaluation.json")
        answered = sum(file.read_bytes().count(b"\n") for file in run.path.glob("predictions-*.jsonl"))
        rates = read_json(run.scores)["models"] if run.scores.is_file() else {}
        return FoundEvaluation(folder, int(about["examples"]), answered, about.get("written", ""), rates)
    except DataError as e:
        return FoundEvaluation(folder, fault=str(e))
    except (KeyError, TypeError, ValueError):
        return FoundEvaluation(folder, fault=f"{run.path} holds an evaluation.json or scores.json that is not ours.")
