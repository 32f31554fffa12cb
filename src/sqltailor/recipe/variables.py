"""Variables of the environment and `.env`: `${NAME}` in a recipe, names that set a key, and aliases of keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.errors import ConfigError
from sqltailor.recipe.keys import origin_of
from sqltailor.recipe.source import Fault, KeyPath, Layer, scalar


class Variable(NamedTuple):
    """A variable of the environment or of `.env`."""

    value: str
    origin: str


_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_QUOTED = re.compile(r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")\s*(?:#.*)?""")


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables of a `.env` file; an absent file has none.

    `NAME=value` lines, `export` before them, quotes around values, `#` comments. Nothing is expanded in values.
    Raises ConfigError that names the line, never its text.
    """
    if not path.is_file():
        return {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} cannot be read as UTF-8 text: {e.__class__.__name__}.") from e
    variables = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _ASSIGNMENT.fullmatch(line)
        if not found:
            raise ConfigError(f"{path}:{number}: not of the form NAME=value.")
        name, value = found.groups()
        if quoted := _QUOTED.fullmatch(value):
            single, double = quoted.groups()
            value = single if single is not None else re.sub(r"\\(.)", r"\1", double)
        else:
            value = re.split(r"\s#", value, maxsplit=1)[0].rstrip()
        variables[name] = value
    return variables


def variables(env: Mapping[str, str], env_file: Path) -> dict[str, Variable]:
    """Return the variables of the environment over those of `.env`, each with its origin."""
    known = {name: Variable(value, f".env {name}") for name, value in read_env_file(env_file).items()}
    return known | {name: Variable(value, f"environment {name}") for name, value in env.items()}


LEGACY: Mapping[str, str] = {
    "HF_MODEL_ID": "base",
    "OUTPUT_DIR": "train.out",
    "NUM_TRAIN_EPOCHS": "train.epochs",
    "PER_DEVICE_TRAIN_BATCH_SIZE": "train.local.micro_batch",
    "GRADIENT_ACCUMULATION_STEPS": "train.batch",
    "LEARNING_RATE": "train.learning_rate",
    "MAX_SEQ_LENGTH": "train.max_length",
    "DATASET_NAME": "data.train",
    "TRAIN_SAMPLES": "data.train_samples",
    "TEST_SAMPLES": "data.test_samples",
}
"""Names that users of transformers scripts know. They count in `.env`, or in the environment after `SQLTAILOR_`."""


def from_variables(known: Mapping[str, Variable]) -> Layer:
    """Return what DATABASE_URL and the legacy names set."""
    layer = Layer()
    if (url := known.get("DATABASE_URL")) and url.value:
        layer.put(("database", "url"), url.value, url.origin)
    legacy = {}
    for name in LEGACY:
        in_file = known.get(name)
        found = known.get(f"SQLTAILOR_{name}") or (in_file if in_file and in_file.origin.startswith(".env") else None)
        if found and found.value:
            legacy[name] = found
    for name, (text, origin) in legacy.items():
        layer.put(tuple(LEGACY[name].split(".")), scalar(text), origin)
    _effective_batch(legacy, layer)
    return layer


def _effective_batch(legacy: Mapping[str, Variable], layer: Layer) -> None:
    """Make `train.batch` of micro batch × accumulation; what is not given is 8 and 1, as in transformers."""
    found = [legacy.get(name) for name in ("PER_DEVICE_TRAIN_BATCH_SIZE", "GRADIENT_ACCUMULATION_STEPS")]
    counts = [variable.value if variable else default for variable, default in zip(found, ("8", "1"), strict=True)]
    if any(found) and all(re.fullmatch(r"[1-9]\d{0,5}", count) for count in counts):
        origin = " × ".join(variable.origin for variable in found if variable)
        layer.put(("train", "batch"), int(counts[0]) * int(counts[1]), origin)


_ALIASES: Mapping[str, tuple[str, Mapping[bool, str]]] = {
    "training.resume_from_checkpoint": ("train.resume", {True: "auto", False: "never"}),
    "training.flash_attention": ("train.local.attention", {True: "flash_attention_2", False: "sdpa"}),
    "train.local.max_steps": ("train.max_steps", {}),
}
"""Key under another name → the key that it stands for, and what its truth values mean there."""

_GONE = ("generate.n", "deploy.target", "deploy.name")
"""Keys that nothing read, and that the recorded recipes of earlier runs still hold: they are passed over."""


def resolve_aliases(layer: Layer) -> Layer:
    """Move the values of `_ALIASES` to the keys that they stand for, and drop those of `_GONE`."""
    for gone in _GONE:
        _taken(layer, tuple(gone.split(".")))
    for alias, (target, meanings) in _ALIASES.items():
        path, taken = tuple(target.split(".")), _taken(layer, tuple(alias.split(".")))
        if taken is None:
            continue
        value, origin = taken
        if path in layer.origins:
            message = f"is set by {alias} too: keep one. The other is at {layer.origins[path]}."
            layer.faults.append(Fault(path, origin, message))
        layer.put(path, meanings.get(value, value) if isinstance(value, bool) else value, origin)
    return layer


def _taken(layer: Layer, path: tuple[str, ...]) -> tuple[Any, str] | None:
    """Take a value out of a layer, with the section that it leaves empty, and return it with its origin."""
    *above, name = path
    found: Any = layer.tree
    for part in above:
        found = found.get(part) if isinstance(found, dict) else None
    if not isinstance(found, dict) or name not in found:
        return None
    value, origin = found.pop(name), layer.origins.pop(path)
    if not found and len(above) == 1:
        del layer.tree[above[0]]
    return value, origin


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


_FOR_LIBRARIES = ("HF_", "WANDB_", "MLFLOW_", "AWS_")


def export_env_file(folder: Path, env: MutableMapping[str, str]) -> list[str]:
    """Put what libraries read themselves (`HF_TOKEN`, `WANDB_API_KEY`, `AWS_PROFILE`) from `.env` into `env`.

    What `env` has already stays. Returns the names added; call it before those libraries are imported.
    """
    found = read_env_file(folder / ".env")
    added = {n: v for n, v in found.items() if n.startswith(_FOR_LIBRARIES) and n not in env and n not in LEGACY}
    env.update(added)
    return list(added)
