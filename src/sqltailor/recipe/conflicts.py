"""Values that are each allowed, but not together; and stages and sweeps that no training could use."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from sqltailor.errors import did_you_mean
from sqltailor.recipe.keys import allowed, leaves
from sqltailor.recipe.model import Recipe
from sqltailor.recipe.plan import stages, with_values
from sqltailor.recipe.source import KeyPath, dotted

Wrong = tuple[KeyPath, str]
"""Where a fault lies, and what is wrong."""


def faults(recipe: Recipe) -> list[Wrong]:
    """Return what is wrong between the values of a recipe, in each of its stages, and in its sweep."""
    found: list[Wrong] = []
    for i, stage in enumerate(stages(recipe)):
        above: KeyPath = ("train", "stages", i) if recipe.train.stages else ("train",)
        found += [((*above, *path), text) for path, text in _between_keys(stage)]
    return found + list(_in_sweep(recipe))


def _between_keys(recipe: Recipe) -> Iterator[Wrong]:
    """Yield (path below `train`, what is wrong) for one training on this machine."""
    train, local = recipe.train, recipe.train.local
    if train.backend != "local":
        return
    if isinstance(local.micro_batch, int) and train.batch % local.micro_batch:
        yield ("local", "micro_batch"), f"is {local.micro_batch}, which does not divide train.batch {train.batch}."
    if train.method == "grpo" and train.batch % train.grpo.generations:
        yield ("grpo", "generations"), f"is {train.grpo.generations}, which does not divide train.batch {train.batch}."
    if local.quantization != "none" and not train.lora.enabled:
        yield ("local", "quantization"), f"is {local.quantization}, which only an adapter can train: set lora.enabled."
    if local.watch and not train.lora.enabled:
        yield ("local", "watch"), "asks while an adapter is trained: set lora.enabled."
    if local.early_stop_patience and not (recipe.data.validation or recipe.data.split.validation_share):
        yield ("local", "early_stop_patience"), "needs data.validation or data.split.validation_share."
    if train.method == "pretrain" and not recipe.data.documents:
        yield ("method",), "is pretrain, which needs data.documents."


def _in_sweep(recipe: Recipe) -> Iterator[Wrong]:
    """Yield what is wrong with the keys and values of `train.sweep`."""
    known = [dotted(leaf[1:]) for leaf in leaves(Recipe) if leaf[0] == "train"]
    for name, values in recipe.train.sweep.items():
        path: KeyPath = ("train", "sweep", name)
        if name not in known or name in ("stages", "sweep", "name", "out", "backend"):
            yield path, f"is not a key that can be swept.{did_you_mean(name, known)}"
            continue
        if not values:
            yield path, "has no values."
        leaf: KeyPath = ("train", *name.split("."))
        for value in values:
            try:
                with_values(recipe, {leaf: value})
            except ValidationError:
                yield path, f"has {value!r}; {dotted(leaf)} takes {allowed(leaf)}."
