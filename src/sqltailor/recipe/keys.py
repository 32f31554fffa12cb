"""The keys of a recipe: which exist, what each allows, which is nearest to a typo, and where a value came from."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args

from pydantic.fields import FieldInfo

from sqltailor.recipe.fields import Section
from sqltailor.recipe.model import Recipe
from sqltailor.recipe.source import KeyPath, Layer, at, dotted


def keys(kind: type[Section]) -> dict[str, type[Section] | None]:
    """Return the keys of a section as they are written, each with the section that it holds, or None."""
    return {
        field.alias or name: field.annotation
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
        else None
        for name, field in kind.model_fields.items()
    }


def leaves(kind: type[Section], path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of every key that holds a value, in the order of the models."""
    for name, below in keys(kind).items():
        if below is None:
            yield (*path, name)
        else:
            yield from leaves(below, (*path, name))


def section_at(path: KeyPath) -> type[Section]:
    """Return the section that a path leads to, through the items of `stages` too."""
    kind: type[Section] = Recipe
    for part in path:
        if isinstance(part, str):
            kind = _section_in(_field(kind, part)) or kind
    return kind


def meaning(path: KeyPath) -> str:
    """Return what a key or a section is for."""
    field = _field(section_at(path[:-1]), path[-1])
    return (field and field.description) or ""


OF_OTHER_TRAINERS: Mapping[str, str] = {
    "lr": "train.learning_rate",
    "rank": "train.lora.r",
    "lora_r": "train.lora.r",
    "lora_alpha": "train.lora.alpha",
    "lora_dropout": "train.lora.dropout",
    "optim": "train.local.optimizer",
    "model": "base",
    "dataset": "data.train",
}
"""Names that other trainers have, and that are unlike ours → the key."""


def nearest(path: KeyPath) -> str:
    """Return `" Did you mean 'train.epochs'?"` for an unknown key, or an empty string.

    The same name in another section comes first, then what other trainers call a key, then one like it in the same
    section, then one elsewhere.
    """
    name = str(path[-1])
    elsewhere = {dotted(leaf): str(leaf[-1]) for leaf in leaves(Recipe)}
    found = [whole for whole, last in elsewhere.items() if last == name]
    if not found and name in OF_OTHER_TRAINERS:
        found = [OF_OTHER_TRAINERS[name]]
    if not found:
        here = difflib.get_close_matches(name.lower(), keys(section_at(path[:-1])), n=1, cutoff=0.6)
        found = [dotted((*path[:-1], last)) for last in here]
    if not found:
        close = difflib.get_close_matches(name.lower(), elsewhere.values(), n=1, cutoff=0.8)
        found = [whole for whole, last in elsewhere.items() if last in close]
    return f" Did you mean '{found[0]}'?" if found else ""


@cache
def _schema(kind: type[Section]) -> dict[str, Any]:
    return kind.model_json_schema(by_alias=True)


def key_schema(path: KeyPath) -> dict[str, Any]:
    """Return the JSON schema of one key: its type, range, default and meaning."""
    kind = section_at(path[:-1])
    properties: dict[str, Any] = _schema(kind).get("properties") or _schema(kind)["$defs"][kind.__name__]["properties"]
    found: dict[str, Any] = properties[str(path[-1])]
    return found


def allowed(path: KeyPath) -> str:
    """Return in words what a key, a name in a map, or an item of a list may be.

    >>> allowed(("train", "epochs")), allowed(("data", "train", 1))
    ('a number above 0, at most 1000 (epochs)', 'a string')
    """
    ends = (end for end in range(1, len(path) + 1) if path[end - 1] != "stages" and not is_section(path[:end]))
    end = next(ends, len(path))
    if end == 0 or is_section(path):
        return "a section of keys"
    schema = key_schema(path[:end])
    unit = f" ({schema['unit']})" if "unit" in schema else ""
    for part in path[end:]:
        parts = schema.get("anyOf", [schema])
        found = [p.get("items" if isinstance(part, int) else "additionalProperties") for p in parts]
        schema = next((p for p in found if isinstance(p, dict)), {})
    return (_words(schema) if schema else "a value") + unit


def is_section(path: KeyPath) -> bool:
    """Say whether a path leads to a section: `train.lora`, or one of `train.stages`."""
    kind: type[Section] = Recipe
    for i, part in enumerate(path):
        if isinstance(part, int):
            if path[i - 1] != "stages":
                return False
            continue
        found = _section_in(_field(kind, part))
        if found is None:
            return False
        kind = found
    return not path or path[-1] != "stages"


def _field(kind: type[Section], name: str | int) -> FieldInfo | None:
    return next((field for own, field in kind.model_fields.items() if (field.alias or own) == name), None)


def _section_in(field: FieldInfo | None) -> type[Section] | None:
    """Return the section that a field holds, or holds a list of."""
    kinds = (field.annotation, *get_args(field.annotation)) if field else ()
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)


def _words(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        parts = [_words(part) for part in schema["anyOf"] if part.get("type") != "null"]
        return ", or ".join(dict.fromkeys(parts))
    if "enum" in schema or "const" in schema:
        choices = schema.get("enum") or [schema["const"]]
        return ("one of " if len(choices) > 1 else "") + ", ".join(map(str, choices))
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return ("a whole number" if kind == "integer" else "a number") + _range(schema)
    if kind == "array":
        item = _words(schema["items"]) if schema.get("items") else "values"
        return "a list of " + {"a string": "strings", "a section of keys": "sections"}.get(
            item, item.removeprefix("one of ")
        )
    if kind == "string":
        return f"a string that matches {schema['pattern']}" if "pattern" in schema else "a string"
    return {"boolean": "true or false"}.get(
        str(kind), "a section of keys" if "$ref" in schema else "a map of keys to values"
    )


def _range(schema: dict[str, Any]) -> str:
    limits = [
        ("from", "minimum"),
        ("above", "exclusiveMinimum"),
        ("at most", "maximum"),
        ("below", "exclusiveMaximum"),
    ]
    found = [f"{word} {schema[name]:.10g}" for word, name in limits if name in schema]
    return " " + ", ".join(found) if found else ""


def unset(merged: Layer, kind: type[Section], path: KeyPath) -> None:
    """Take keys of a section out that are null, so that their default counts."""
    node = at(merged.tree, path)
    for name, below in keys(kind).items():
        if not isinstance(node, dict) or name not in node:
            continue
        if node[name] is None:
            del node[name]
            for old in [old for old in merged.origins if old[: len(path) + 1] == (*path, name)]:
                del merged.origins[old]
        elif below is not None:
            unset(merged, below, (*path, name))


def origin_of(origins: Mapping[KeyPath, str], path: KeyPath) -> str:
    """Return the origin of a path, of what lies below it, or of the nearest path above; else `default`."""
    for end in range(len(path), 0, -1):
        if path[:end] in origins and (end == len(path) or not is_section(path[:end])):
            return origins[path[:end]]
        below = next((o for p, o in origins.items() if p[:end] == path), None)
        if below:
            return below
    return "default"
