"""Go on from a run with more examples: what people said of its answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqltailor.errors import ConfigError, DataError
from sqltailor.recipe import Resolved
from sqltailor.recipe.plan import with_values
from sqltailor.recipe.source import COMMAND_LINE, KeyPath, dotted
from sqltailor.runs import Run, find_run, read_json


def continued(resolved: Resolved, run: str | None, add: Sequence[str] = ()) -> Resolved:
    """Return a recipe that begins with what a run learned, and also reads more files of training examples.

    The run's prompt is kept. Raises `DataError` for a run or a file that is not there.
    """
    changes: dict[KeyPath, Any] = {}
    if run is not None:
        found = find_run(Path(resolved.recipe.train.out), run)
        changes |= _from_bedrock(resolved, found) if _is_on_bedrock(found) else {("base",): str(found.path)}
    for file in add:
        if not Path(file).is_file():
            raise DataError(f"There is no file {file} to add. The page of sqltailor serve writes feedback.jsonl.")
    if add:
        changes["data", "train"] = [*resolved.recipe.data.train, *add]
    origins = resolved.origins | {dotted(path): COMMAND_LINE for path in changes}
    return dataclasses.replace(resolved, recipe=with_values(resolved.recipe, changes), origins=origins)


def _is_on_bedrock(run: Run) -> bool:
    return run.job.is_file() and "model_arn" in read_json(run.job)


def _from_bedrock(resolved: Resolved, run: Run) -> dict[KeyPath, Any]:
    """Return the changes by which a job of Bedrock goes on from a run's model, asked as that was."""
    backend = resolved.recipe.train.backend
    if backend != "bedrock":
        raise ConfigError(f"{run.path} was tuned on AWS, so Bedrock goes on: train.backend is {backend}, set bedrock.")
    known, prompt = read_json(run.job), read_json(run.prompt)
    kept: dict[KeyPath, Any] = {
        ("prompt", name): prompt[name] for name in ("name", "hints", "examples", "nearest", "show") if name in prompt
    }
    return {("base",): known["base"], ("train", "bedrock", "continue_from"): known["model_arn"], **kept}
