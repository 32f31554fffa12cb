"""How a model is asked: as its run was taught, else as the recipe says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqltailor.generate.bases import BASES
from sqltailor.generate.engines import PREFIX, prompt_of
from sqltailor.recipe import Recipe
from sqltailor.runs import Run, read_json


def prompt_name(recipe: Recipe, reference: str) -> str:
    """Return which prompt a model is asked with: a run's own, else the recipe's, else the one made for the base."""
    recorded = _recorded_prompt(reference)
    if "name" in recorded:
        return str(recorded["name"])
    if recipe.prompt.name != "auto":
        return recipe.prompt.name
    return BASES[reference].prompt if reference in BASES else "reference"


def prompt_show(recipe: Recipe, reference: str) -> str:
    """Return how much of the schema a model is shown: as a run was taught, else as the recipe says."""
    return str(_recorded_prompt(reference).get("show", recipe.prompt.show))


def prompt_examples(recipe: Recipe, reference: str) -> int:
    """Return how many known pairs a model is shown: as many as a run was taught with, else the recipe's."""
    recorded = _recorded_prompt(reference)
    return int(recorded.get("examples", 0)) if recorded else recipe.prompt.examples


def prompt_nearest(recipe: Recipe, reference: str) -> str:
    """Return how the nearest known pairs are found: as a run was taught, else as the recipe says."""
    recorded = _recorded_prompt(reference)
    return str(recorded.get("nearest", "words")) if recorded else recipe.prompt.nearest


def prompt_hints(recipe: Recipe, reference: str) -> int:
    """Return how many stored values a model is shown at most: as many as a run was taught with, else the recipe's."""
    recorded = _recorded_prompt(reference)
    return int(recorded.get("hints", 0)) if recorded else recipe.prompt.hints


def _recorded_prompt(reference: str) -> dict[str, Any]:
    if reference.startswith(PREFIX):
        return prompt_of(Path(reference.removeprefix(PREFIX)).expanduser())
    recorded = Run(Path(reference)).prompt
    return read_json(recorded) if recorded.is_file() else {}
