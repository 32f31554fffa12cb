"""A recipe as text: the YAML of a run folder, its hash, the table of `sqltailor config`, and docs/recipe.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from sqltailor.recipe import limits
from sqltailor.recipe.keys import allowed, keys, leaves, meaning, section_at
from sqltailor.recipe.load import Resolved
from sqltailor.recipe.model import Recipe
from sqltailor.recipe.source import KeyPath, at, dotted, has_password, mask, scalar
from sqltailor.recipe.variables import LEGACY

_NOT_TRAINED = ("generate", "evaluate")
_NOT_TRAINED_TRAIN = ("resume", "name", "out")
_NOT_TRAINED_LOCAL = ("threads", "keep_checkpoints", "track")


def tree(recipe: Recipe) -> dict[str, Any]:
    """Return every value of a recipe as plain data, without secrets: what came from `${NAME}` is `${NAME}` again."""
    values = recipe.model_dump(mode="json", by_alias=True)
    for path, (written, value) in recipe._written.items():
        node = at(values, path[:-1])
        if node[path[-1]] == value:
            node[path[-1]] = written
    url = values["database"]["url"]
    if url and has_password(url):
        values["database"]["url"] = "${DATABASE_URL}"
    for name in limits.ignored(recipe.train, recipe.base):
        *above, last = name.split(".")
        del at(values["train"], above)[last]
    return values


def dump(recipe: Recipe) -> str:
    """Return the recipe as YAML with every value, secrets as `${NAME}`; loaded again it is equal."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        style = None if isinstance(scalar(value), str) and value.isprintable() else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)

    Dumper.add_representer(str, text)
    return yaml.dump(tree(recipe), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)


def recipe_hash(recipe: Recipe) -> str:
    """Return a hash of all that decides what training makes: equal for two recipes that train the same."""
    values = {name: value for name, value in tree(recipe).items() if name not in _NOT_TRAINED}
    values["train"] = {name: value for name, value in values["train"].items() if name not in _NOT_TRAINED_TRAIN}
    local = values["train"]["local"]
    values["train"]["local"] = {name: value for name, value in local.items() if name not in _NOT_TRAINED_LOCAL}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def rows(resolved: Resolved) -> list[tuple[str, str, str]]:
    """Return (key, value, origin) for every key, secrets masked: what `sqltailor config` prints."""
    values = tree(resolved.recipe)
    found = []
    for path in leaves(Recipe):
        node: Any = values
        for part in path:
            node = node.get(part) if isinstance(node, dict) else None
        text = json.dumps(node, ensure_ascii=False) if not isinstance(node, str) else node
        found.append((dotted(path), mask(text), resolved.origins[dotted(path)]))
    return found


def reference_page() -> str:
    """Return docs/recipe.md: every key with what it allows, its default and its meaning."""
    return "\n".join([*_HEAD, *_sections(()), *_legacy()]) + "\n"


_HEAD = [
    "# The recipe",
    "",
    "Every key of `recipe.yaml`, generated from the models by `python -m sqltailor.recipe docs/recipe.md`.",
    "",
    "A value comes from the first of: `key=value` on the command line, the environment, `.env`, the recipe, the",
    "default. `sqltailor config` prints each value with its origin. `${NAME}` in a string is replaced from the",
    "environment or from `.env`. `null` means the default. Numbers may be written as `2e-4`; `yes`, `no` and dates",
    "are strings. Paths are relative to the working directory. A single string is accepted where a list of strings",
    "is.",
    "",
]


def _sections(path: KeyPath) -> Iterator[str]:
    kind = section_at(path)
    values = [(*path, name) for name, below in keys(kind).items() if below is None]
    title = dotted(path) or "Top level"
    about = meaning(path) if path else ""
    yield from (f"## {title}", "", about, "") if about else (f"## {title}", "")
    yield from ("| key | allowed | default | meaning |", "|---|---|---|---|")
    for leaf in values:
        yield f"| `{dotted(leaf)}` | {allowed(leaf).replace('|', chr(92) + '|')} | {_default(leaf)} | {meaning(leaf)} |"
    yield ""
    for name, below in keys(kind).items():
        if below is not None:
            yield from _sections((*path, name))


def _default(leaf: KeyPath) -> str:
    node = at(Recipe().model_dump(mode="json", by_alias=True), leaf)
    return "not set" if node is None else f"`{json.dumps(node) if not isinstance(node, str) else node}`"


def _legacy() -> Iterator[str]:
    yield from (
        "## Names from other projects",
        "",
        "These count in `.env`, or in the environment with the prefix `SQLTAILOR_`; never bare in the environment.",
        "",
        "| name | sets |",
        "|---|---|",
    )
    for name, target in LEGACY.items():
        more = " (times the size above: `train.batch`)" if name == "GRADIENT_ACCUMULATION_STEPS" else ""
        yield f"| `{name}` | `{target}`{more} |"
    yield from (
        "",
        "`training.resume_from_checkpoint` (true, false or a path) means `train.resume`;",
        "`training.flash_attention` (true or false) means `train.local.attention`;",
        "`train.local.max_steps` means `train.max_steps`.",
    )
