"""Expand one recipe into its trainings: stages one after the other, or a sweep of values."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from sqltailor.recipe.model import Recipe
from sqltailor.recipe.source import KeyPath, Layer, merge


def stages(recipe: Recipe) -> list[Recipe]:
    """Return one recipe for each stage, with what the stage sets laid over `train`; without any the recipe itself."""
    if not recipe.train.stages:
        return [recipe]
    found = []
    for stage in recipe.train.stages:
        laid = [Layer(part.model_dump(by_alias=True, exclude_unset=True)) for part in (recipe.train, stage)]
        found.append(with_values(recipe, {("train",): merge(laid).tree | {"stages": ()}}))
    return found


def variants(recipe: Recipe) -> list[tuple[str, Recipe]]:
    """Return (`learning_rate=0.0002 lora.r=8`, recipe) for every combination of `train.sweep`; one without a sweep."""
    names = list(recipe.train.sweep)
    found = []
    for values in itertools.product(*recipe.train.sweep.values()):
        changes: dict[KeyPath, Any] = {("train", "sweep"): {}}
        changes |= {("train", *name.split(".")): value for name, value in zip(names, values, strict=True)}
        label = " ".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
        found.append((label, with_values(recipe, changes)))
    return found


def with_values(recipe: Recipe, changes: Mapping[KeyPath, Any]) -> Recipe:
    """Return the recipe with other values, checked: `{("train", "epochs"): 2}`. Raises pydantic's ValidationError."""
    layer = Layer(tree=recipe.model_dump(by_alias=True, exclude_unset=True))
    for path, value in changes.items():
        layer.put(path, value, "")
    changed = Recipe.model_validate(layer.tree)
    changed._written.update(recipe._written)
    return changed
