"""Validate a merged recipe, or report everything that is wrong with it in one message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from sqltailor.errors import did_you_mean
from sqltailor.recipe import limits
from sqltailor.recipe.keys import allowed, keys, leaves, nearest, origin_of, section_at
from sqltailor.recipe.model import Recipe
from sqltailor.recipe.plan import stages, with_values
from sqltailor.recipe.source import Fault, KeyPath, Layer, at, dotted, mask

Written = Mapping[KeyPath, tuple[str, str]]
"""Path → (the text as written, with `${NAME}`; its value)."""
Wrong = tuple[KeyPath, str]
"""Where a fault lies, and what is wrong."""


def validate(merged: Layer, written: Written, faults: list[Fault]) -> Recipe | None:
    """Return the recipe, or None after adding what is wrong with it to `faults`."""
    try:
        recipe = Recipe.model_validate(merged.tree)
    except ValidationError as e:
        seen = {fault.path for fault in faults}
        for error in e.errors(include_url=False, include_input=False):
            path = _existing(error["loc"], merged.tree)
            if path not in seen:
                seen.add(path)
                faults.append(_fault(path, error, merged, written))
        return None
    given = {
        dotted(path[1:]) for path, o in merged.origins.items() if path[0] == "train" and not o.startswith("default")
    }
    for name, message in limits.faults(recipe.train, recipe.base, given):
        path = ("train", *name.split("."))
        faults.append(Fault(path, origin_of(merged.origins, path), message))
    faults += [Fault(path, origin_of(merged.origins, path), text) for path, text in _conflicts(recipe)]
    return recipe


def _conflicts(recipe: Recipe) -> list[Wrong]:
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


def _existing(loc: Sequence[str | int], tree: Any) -> KeyPath:
    """Return the part of an error's location that lies in the tree: pydantic appends the names of union members."""
    path: list[str | int] = []
    for part in loc:
        there = part in tree if isinstance(tree, dict) else isinstance(part, int) and isinstance(tree, list)
        if not there:
            break
        path.append(part)
        tree = tree[part]
    return tuple(path)


def _fault(path: KeyPath, error: Any, merged: Layer, written: Written) -> Fault:
    origin = origin_of(merged.origins, path)
    if error["type"] == "extra_forbidden":
        hint = (
            nearest(path) or f" Known in {dotted(path[:-1]) or 'a recipe'}: {', '.join(keys(section_at(path[:-1])))}."
        )
        return Fault(path, origin, f"is not a key.{hint}")
    if error["type"] == "value_error":
        return Fault(path, origin, error["msg"].removeprefix("Value error, ") + ".")
    given = written[path][0] if path in written else at(merged.tree, path)
    shown = mask(str(given))
    return Fault(path, origin, f"is {shown[:60] + '…' if len(shown) > 60 else shown}; allowed: {allowed(path)}.")


def message(faults: Sequence[Fault], shown: str) -> str:
    """Return one message for all faults, in the order of the file. `shown` names the recipe."""
    lines = []
    for path, origin, text in sorted(set(faults), key=_in_reading_order):
        where = f"{origin}: " if origin != "default" else ""
        about = "" if not path or text.startswith(dotted(path)) else f"{dotted(path)} "
        lines.append(f"  {where}{about}{text}")
    count = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
    return f"{count} in the recipe ({shown}):\n" + "\n".join(lines)


def _in_reading_order(fault: Fault) -> tuple[str, int, str]:
    source, _, line = fault.origin.rpartition(":")
    return (source, int(line), "") if line.isdigit() else (fault.origin, 0, dotted(fault.path))
