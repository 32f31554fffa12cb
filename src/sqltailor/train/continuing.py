"""Go on from a run with more examples: what people said of its answers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqltailor.errors import DataError
from sqltailor.recipe import Resolved
from sqltailor.recipe.plan import with_values
from sqltailor.recipe.source import KeyPath, dotted
from sqltailor.runs import find_run

ORIGIN = "command line"


def continued(resolved: Resolved, run: str | None, add: Sequence[str] = ()) -> Resolved:
    """Return a recipe that begins with what a run learned, and also reads more files of training examples.

    The run's prompt is kept. Raises `DataError` for a run or a file that is not there.
    """
    changes: dict[KeyPath, Any] = {}
    if run is not None:
        changes["base",] = str(find_run(Path(resolved.recipe.train.out), run).path)
    for file in add:
        if not Path(file).is_file():
            raise DataError(f"There is no file {file} to add. The page of sqltailor serve writes feedback.jsonl.")
    if add:
        changes["data", "train"] = [*resolved.recipe.data.train, *add]
    origins = resolved.origins | {dotted(path): ORIGIN for path in changes}
    return dataclasses.replace(resolved, recipe=with_values(resolved.recipe, changes), origins=origins)
