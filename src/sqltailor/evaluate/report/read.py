"""Read a run folder into one value. A missing file is an empty part of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqltailor.errors import DataError
from sqltailor.runs import Run, read_json, read_jsonl

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of a run folder and of the evaluation that its report is about."""

    name: str
    scores: Row = field(default_factory=dict)
    predictions: Mapping[str, Mapping[str, Row]] = field(default_factory=dict)
    """Model reference → example id → prediction."""
    examples: Mapping[str, Row] = field(default_factory=dict)
    evaluation: Row = field(default_factory=dict)
    steps: Sequence[Row] = ()
    """The lines of metrics.jsonl."""
    environment: Row = field(default_factory=dict)
    data: Row = field(default_factory=dict)
    recipe: str = ""


def read_run(path: Path) -> Contents:
    """Return what the folder of a training run or of an evaluation holds.

    The report of a training run shows its newest evaluation, `eval-DATE`; the report of an evaluation inside a training
    run shows the training too. Raises `DataError` when there is neither scores nor training steps.
    """
    if not path.is_dir():
        raise DataError(f"{path} is not a run folder: it does not exist.")
    evaluation = _evaluation(path)
    training = path.parent if path.name.startswith("eval-") and (path.parent / "recipe.yaml").exists() else path
    steps = in_one_count(_lines(training / "metrics.jsonl"))
    predictions = {file: _lines(file) for file in sorted(evaluation.glob("predictions-*.jsonl"))}
    scores = _json(evaluation / "scores.json")
    if not scores and not steps:
        raise DataError(f"{path} has neither scores.json nor metrics.jsonl: there is nothing to report.")
    by_model = {rows[0]["model"]: {row["id"]: row for row in rows} for rows in predictions.values() if rows}
    return Contents(
        name=training.name if training == path else f"{training.name} / {path.name}",
        scores=scores,
        predictions={m: by_model[m] for m in scores.get("models", by_model) if m in by_model},
        examples={row["id"]: row for row in _lines(evaluation / "examples.jsonl")},
        evaluation=_json(evaluation / "evaluation.json"),
        steps=steps,
        environment=_json(training / "environment.json") or _json(evaluation / "environment.json"),
        data=_json(training / "data.json"),
        recipe=(training / "recipe.yaml").read_text(encoding="utf-8") if (training / "recipe.yaml").exists() else "",
    )


def in_one_count(rows: Sequence[Row]) -> list[Row]:
    """Return the lines of metrics.jsonl with steps that go on counting where a later stage begins at 1 again.

    >>> in_one_count([{"stage": 0, "step": 1}, {"stage": 0, "step": 2}, {"stage": 1, "step": 1}])[-1]
    {'stage': 1, 'step': 3}
    """
    counted: list[Row] = []
    stage, before, last = None, 0, 0
    for row in rows:
        if row.get("stage") != stage:
            stage, before = row.get("stage"), last
        last = before + int(row.get("step", 0))
        counted.append({**row, "step": last})
    return counted


def _evaluation(path: Path) -> Path:
    """Return the folder whose scores the report shows: the run's own, or its newest evaluation."""
    inside = sorted(path.glob("eval-*/scores.json"), key=lambda file: file.stat().st_mtime)
    return path if Run(path).scores.exists() or not inside else inside[-1].parent


def _json(path: Path) -> dict[str, Any]:
    return dict(read_json(path)) if path.exists() else {}


def _lines(path: Path) -> list[dict[str, Any]]:
    return list(read_jsonl(path)) if path.exists() else []
