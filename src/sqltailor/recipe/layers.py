"""Several layers of values → one: later layers win, `${NAME}` is replaced, null means the default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqltailor.recipe import limits
from sqltailor.recipe.fields import Section
from sqltailor.recipe.keys import is_section, keys
from sqltailor.recipe.source import Fault, KeyPath, Layer, Variable


def merge(layers: Sequence[Layer]) -> Layer:
    """Return one layer in which later ones win, key by key; lists are replaced whole."""
    merged = Layer()

    def lay(over: Mapping[str, Any], under: dict[str, Any], path: KeyPath, origins: Mapping[KeyPath, str]) -> None:
        for name, value in over.items():
            here = (*path, name)
            if isinstance(value, dict) and isinstance(under.get(name), dict):
                lay(value, under[name], here, origins)
                continue
            for old in [old for old in merged.origins if old[: len(here)] == here]:
                del merged.origins[old]
            merged.origins.update({new: o for new, o in origins.items() if new[: len(here)] == here})
            if isinstance(value, dict):
                under[name] = {}
                lay(value, under[name], here, origins)
            else:
                under[name] = value

    for layer in layers:
        lay(layer.tree, merged.tree, (), layer.origins)
    return merged


_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def substitute(
    merged: Layer, known: Mapping[str, Variable], env_file: Path, faults: list[Fault]
) -> dict[KeyPath, tuple[str, str]]:
    """Replace `${NAME}` in every text; return what was written, and its value, by path."""
    written: dict[KeyPath, tuple[str, str]] = {}
    for path, node, name, text in list(_texts(merged.tree, ())):
        origin = origin_of(merged.origins, path)
        if origin.endswith(" DATABASE_URL"):
            written[path] = ("${DATABASE_URL}", text)
            continue
        if origin.startswith((".env", "environment")) or not _REFERENCE.search(text):
            continue
        for missing in sorted({n for n in _REFERENCE.findall(text) if n not in known}):
            message = f"needs {missing}, which is not set: put {missing}=… into {env_file} or into the environment."
            faults.append(Fault(path, origin, message))
        node[name] = _REFERENCE.sub(lambda m: known[m[1]].value if m[1] in known else m[0], text)
        written[path] = (text, node[name])
    return written


def _texts(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any, Any, str]]:
    """Yield (path, container, key in it, text) for every text below a node."""
    items: Any = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in items:
        if isinstance(value, str):
            yield (*path, name), node, name, value
        else:
            yield from _texts(value, (*path, name))


def unset(merged: Layer, kind: type[Section], path: KeyPath) -> None:
    """Take keys of a section out that are null, so that their default counts."""
    node: Any = merged.tree
    for part in path:
        node = node[part]
    for name, below in keys(kind).items():
        if not isinstance(node, dict) or name not in node:
            continue
        if node[name] is None:
            del node[name]
            for old in [old for old in merged.origins if old[: len(path) + 1] == (*path, name)]:
                del merged.origins[old]
        elif below is not None:
            unset(merged, below, (*path, name))


def backend_defaults(merged: Layer) -> None:
    """Where a training service has defaults of its own, lay them under what is given."""
    train = merged.tree.get("train")
    if not isinstance(train, dict):
        return
    backend, base = str(train.get("backend")), str(merged.tree.get("base", "small"))
    for name, value in limits.defaults(backend, base).items():
        path = ("train", *name.split("."))
        if path not in merged.origins:
            merged.put(path, value, f"default of {backend}")


def origin_of(origins: Mapping[KeyPath, str], path: KeyPath) -> str:
    """Return the origin of a path, of what lies below it, or of the nearest path above; else `default`."""
    for end in range(len(path), 0, -1):
        if path[:end] in origins and (end == len(path) or not is_section(path[:end])):
            return origins[path[:end]]
        below = next((o for p, o in origins.items() if p[:end] == path), None)
        if below:
            return below
    return "default"
