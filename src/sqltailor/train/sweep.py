"""Several trainings of one recipe, a run for each combination of `train.sweep`'s values, side by side."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.project import opened
from sqltailor.recipe import Resolved, recipe_hash, variants, with_values
from sqltailor.runs import Run, file_name, read_jsonl
from sqltailor.train.local_training import TrainResult, train
from sqltailor.train.running.stage import Stage, result_of

if TYPE_CHECKING:
    from sqltailor.train.planning.preflight import Plan
    from sqltailor.train.running.watch import Progress


class Variant(NamedTuple):
    """One training of a sweep: `values` such as `lora.r=8 learning_rate=0.0002`, and what came out."""

    values: str
    result: TrainResult

    def to_json(self) -> dict[str, Any]:
        """Return one entry of `train --json` of a sweep."""
        return {"values": self.values} | dataclasses.asdict(self.result)


def split(resolved: Resolved) -> list[tuple[str, Resolved]]:
    """Return each combination of a sweep with its recipe, whose run is named by its values."""
    stem = resolved.recipe.train.name or file_name(resolved.name).lstrip("._-") or "run"
    found = []
    for values, recipe in variants(resolved.recipe):
        name = f"{stem}-{re.sub(r'[^A-Za-z0-9._]+', '-', values).strip('-')}"
        named = with_values(recipe, {("train", "name"): name})
        found.append((values, dataclasses.replace(resolved, recipe=named)))
    return found


def sweep(
    resolved: Resolved,
    *,
    progress: Progress | None = None,
    on_plan: Callable[[Plan], None] = lambda plan: None,
    on_variant: Callable[[str], None] = lambda values: None,
) -> list[Variant]:
    """Train every combination. Those that are finished stay as they are: an interrupted sweep goes on."""
    found = []
    with opened(resolved.recipe) as project:
        for values, variant in split(resolved):
            run = Run(Path(variant.recipe.train.out) / str(variant.recipe.train.name))
            if run.is_done and run.hashes().get("recipe") == recipe_hash(variant.recipe):
                found.append(Variant(values, _result_of(run, variant)))
                continue
            on_variant(values)
            found.append(Variant(values, train(variant, project=project, progress=progress, on_plan=on_plan)))
    return found


def _result_of(run: Run, resolved: Resolved) -> TrainResult:
    recipe = resolved.recipe
    last = Stage(recipe, recipe.base, run.path, run.path, len(recipe.train.stages) or None)
    steps, train_loss, eval_loss, rate = result_of(run.metrics, last)
    seconds = max((row["elapsed_s"] for row in read_jsonl(run.metrics) if "elapsed_s" in row), default=0.0)
    return TrainResult(str(run.path), steps, train_loss, eval_loss, rate, round(seconds, 1))
