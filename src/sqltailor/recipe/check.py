"""A merged recipe → validated values, or everything that is wrong with it in one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from sqltailor.recipe import conflicts, limits
from sqltailor.recipe.keys import allowed, keys, nearest, section_at
from sqltailor.recipe.layers import origin_of
from sqltailor.recipe.model import Recipe
from sqltailor.recipe.source import Fault, KeyPath, Layer, dotted, mask

Written = Mapping[KeyPath, tuple[str, str]]
"""Path → (the text as written, with `${NAME}`; its value)."""


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
    faults += [Fault(path, origin_of(merged.origins, path), text) for path, text in conflicts.faults(recipe)]
    return recipe


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
    value: Any = merged.tree
    for part in path:
        value = value[part]
    given = written[path][0] if path in written else value
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
