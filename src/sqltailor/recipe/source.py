"""Read a recipe's values: YAML with line numbers, and `key=value` from the command line; merge such layers."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqltailor.database.url import mask as mask_url
from sqltailor.errors import ConfigError

COMMAND_LINE = "command line"
"""Origin of the values that a command was given."""
KeyPath = tuple[str | int, ...]
"""Where a value lies in a recipe: `("train", "lora", "r")`."""


MAX_VALUES = 100_000
"""Values that a recipe may have: anchors can multiply a few lines without end."""


class Fault(NamedTuple):
    """One thing that is wrong, where, and what to do."""

    path: KeyPath
    origin: str
    message: str


@dataclass
class Layer:
    """The values of one source, with the origin of each; `faults` are what was wrong with the source itself."""

    tree: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def put(self, path: KeyPath, value: Any, origin: str) -> None:
        """Set one value, making the sections above it."""
        node: dict[Any, Any] = self.tree
        for part in path[:-1]:
            below = node.get(part)
            if not isinstance(below, dict):
                below = node[part] = {}
            node = below
        node[path[-1]] = value
        self.origins[path] = origin


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


_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9_]{0,17})")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


def scalar(text: str) -> str | int | float | bool | None:
    """Return what an unquoted YAML scalar means, by YAML 1.2: `2e-4` is a number, `no` and dates are strings.

    >>> [scalar(text) for text in ("2e-4", "10_000", "no", "007", "null", "2026-01-01")]
    [0.0002, 10000, 'no', '007', None, '2026-01-01']
    """
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _WHOLE.fullmatch(text):
        return int(text.replace("_", ""))
    if _NUMBER.fullmatch(text) and not re.match(r"[-+]?0[0-9]", text):
        return float(text)
    return text


def read_yaml(text: str, shown: str) -> Layer:
    """Return the values of a YAML text with their line numbers; `shown` names the file in origins and messages.

    Raises ConfigError when the text is no YAML mapping. A duplicate key is a fault of the layer.
    """
    import yaml

    try:
        node: Any = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{shown}{line}: {_problem(e.problem or str(e))}") from e
    except RecursionError as e:
        raise ConfigError(f"{shown} is nested too deep.") from e
    except yaml.YAMLError as e:
        raise ConfigError(f"{shown} is not text that YAML can read: {' '.join(str(e).split())}") from e
    if node is None:
        raise ConfigError(f"{shown} is empty. `sqltailor init URL` writes a recipe; docs/recipe.md lists every key.")
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(
            f"{shown}:{node.start_mark.line + 1}: a recipe is a mapping such as `base: nano`, not {node.id}."
        )
    layer = Layer()
    layer.tree = _construct(node, (), layer, shown, ())
    return layer


def _problem(text: str) -> str:
    if "'\\t'" in text:
        return "a tab; YAML is indented with spaces."
    if "another document" in text:
        return "a second document begins here; a recipe is one document."
    return f"not valid YAML: {text}."


def _construct(node: Any, path: KeyPath, layer: Layer, shown: str, above: tuple[int, ...]) -> Any:
    """Return the Python value of a YAML node, noting the line of each path. `above`: the nodes around this one."""
    if node.id == "scalar":
        return scalar(node.value) if node.style is None else node.value
    if id(node) in above:
        raise ConfigError(f"{shown}:{node.start_mark.line + 1}: an anchor that contains itself.")
    if len(layer.origins) > MAX_VALUES:
        raise ConfigError(f"{shown} has more than {MAX_VALUES:,} values.")
    above = (*above, id(node))
    if node.id == "sequence":
        values = []
        for i, item in enumerate(node.value):
            layer.origins[*path, i] = f"{shown}:{item.start_mark.line + 1}"
            values.append(_construct(item, (*path, i), layer, shown, above))
        return values
    tree: dict[str, Any] = {}
    for name_node, item in node.value:
        origin = f"{shown}:{name_node.start_mark.line + 1}"
        name = name_node.value if name_node.id == "scalar" else "?"
        here = (*path, name)
        if name in tree:
            layer.faults.append(Fault(here, origin, f"{dotted(here)} is set twice; first at {layer.origins[here]}."))
        layer.origins[here] = origin
        tree[name] = _construct(item, here, layer, shown, above)
    return tree


def read_overrides(overrides: Sequence[str]) -> Layer:
    """Return the values of `key=value` words, with YAML scalars, `[a, b]` and `{a: b}` as values."""
    layer = Layer()
    for word in overrides:
        name, equals, text = word.partition("=")
        path = tuple(name.strip().split("."))
        if not equals or not all(path):
            message = f"'{mask(word)}' is not of the form key=value, such as train.epochs=2."
            layer.faults.append(Fault((), COMMAND_LINE, message))
            continue
        try:
            layer.put(path, parse_value(text), COMMAND_LINE)
        except ConfigError as e:
            layer.faults.append(Fault(path, COMMAND_LINE, str(e)))
    return layer


def parse_value(text: str) -> Any:
    """Return what the right-hand side of `key=value` means.

    >>> parse_value("2e-4"), parse_value("[a, 2]"), parse_value("sqlite:///shop.db")
    (0.0002, ['a', 2], 'sqlite:///shop.db')
    """
    text = text.strip()
    if not text or text[0] not in "[{\"'":
        return scalar(text)
    return read_yaml(f"value: {text}", "the value").tree["value"]


def mask(text: str) -> str:
    """Return the text with the passwords of its URLs replaced by `***`.

    >>> mask("postgresql://reader:s3cret@host/shop")
    'postgresql://reader:***@host/shop'
    """
    return re.sub(r"[A-Za-z][\w+.-]*://\S+", lambda found: mask_url(found[0]), text)


def has_password(url: str) -> bool:
    """Say whether a URL holds a password, rather than `${NAME}` for one."""
    plain = re.sub(r":\$\{\w+\}@", "@", re.sub(r"=\$\{\w+\}", "=", url))
    return "***" in mask(re.sub(r"[^=&?]*=(?=&|$)", "", plain))


def at(tree: Any, path: Iterable[str | int]) -> Any:
    """Return the value that lies at a path."""
    return functools.reduce(operator.getitem, path, tree)


def dotted(path: KeyPath) -> str:
    """Return a path as it is written on the command line: `train.stages[0].epochs`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
