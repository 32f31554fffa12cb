"""Does a deployment answer as its run was recorded to answer? Questions of an evaluation, asked again."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqltailor.data.examples import load_examples, write_examples
from sqltailor.evaluate.by_recipe import evaluate_models
from sqltailor.evaluate.eval_folder import written
from sqltailor.evaluate.statistics import Rate, rate
from sqltailor.project import Project
from sqltailor.runs import Run
from sqltailor.types import OnProgress, Prediction

QUESTIONS = 50


@dataclass(frozen=True, slots=True)
class Parity:
    """By metric: the rate that was recorded for these questions, with its interval, and what it is now."""

    questions: int
    rates: Mapping[str, tuple[Rate, float]]
    recorded: str

    @property
    def passed(self) -> bool:
        """Whether every rate lies within the interval of the one that was recorded."""
        return all(before.low <= now <= before.high for before, now in self.rates.values())

    def text(self) -> str:
        """Return what was compared, in a line a metric."""
        return "\n".join(
            f"{metric}: {now:.1%} of {self.questions} questions, recorded {before.value:.1%} "
            f"[{before.low:.1%}, {before.high:.1%}]"
            for metric, (before, now) in self.rates.items()
        )


def compare(run: Run, project: Project, on_progress: OnProgress) -> Parity | None:
    """Ask questions of the run's newest evaluation again; None where there is none, or no schema to ask about."""
    found = _recorded(run)
    if found is None or not project.has_schema:
        return None
    folder, before = found
    out = run.path / "parity"
    shutil.rmtree(out, ignore_errors=True)  # an earlier deployment's answers say nothing of this one
    out.mkdir()
    asked = [e for e in load_examples(folder / "examples.jsonl") if e.id in before][:QUESTIONS]
    write_examples(out / "questions.jsonl", asked)
    result = evaluate_models(
        project,
        models=[str(run.path)],
        data=[str(out / "questions.jsonl")],
        out=out / "answers",
        on_progress=on_progress,
    ).result
    now = {prediction.id: prediction for prediction in result.predictions[str(run.path)]}
    return Parity(len(asked), _rates({e.id: before[e.id] for e in asked}, now), str(folder))


def _recorded(run: Run) -> tuple[Path, dict[str, Prediction]] | None:
    """Return the newest finished evaluation of a run, and the answers of the run's own model in it."""
    for folder in sorted(run.path.glob("eval-*"), reverse=True):
        before = written(Run(folder), str(run.path)) if Run(folder).scores.is_file() else {}
        if before:
            return folder, before
    return None


def _rates(before: Mapping[str, Prediction], now: Mapping[str, Prediction]) -> dict[str, tuple[Rate, float]]:
    found = {}
    for metric in dict.fromkeys(metric for p in before.values() for metric in p.scores):
        recorded = rate(p.scores[metric] for p in before.values() if metric in p.scores)
        new = rate(p.scores[metric] for p in now.values() if metric in p.scores)
        if recorded is not None and new is not None:
            found[metric] = (recorded, new.value)
    return found
