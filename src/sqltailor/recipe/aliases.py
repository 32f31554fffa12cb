"""Names that set keys of a recipe without being keys: variables of the environment, and aliases."""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from sqltailor.recipe.source import Fault, Layer, Variable, read_env_file, scalar

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


def resolve_aliases(layer: Layer) -> Layer:
    """Move `training.resume_from_checkpoint` and `training.flash_attention` to the keys that they stand for."""
    training = layer.tree.get("training")
    if not isinstance(training, dict):
        return layer
    resume: dict[Any, Any] = {True: "auto", False: "never"}
    attention: dict[Any, Any] = {True: "flash_attention_2", False: "sdpa"}
    aliases = [
        ("resume_from_checkpoint", resume, "train.resume"),
        ("flash_attention", attention, "train.local.attention"),
    ]
    for name, meanings, target in aliases:
        if name not in training:
            continue
        value, path = training.pop(name), tuple(target.split("."))
        origin = layer.origins.pop(("training", name))
        if path in layer.origins:
            message = f"is set by training.{name} too: keep one. The other is at {layer.origins[path]}."
            layer.faults.append(Fault(path, origin, message))
        layer.put(path, meanings.get(value, value) if isinstance(value, bool) else value, origin)
    if not training:
        del layer.tree["training"]
    return layer


_FOR_LIBRARIES = ("HF_", "WANDB_", "MLFLOW_", "AWS_")


def export_env_file(folder: Path, env: MutableMapping[str, str]) -> list[str]:
    """Put what libraries read themselves (`HF_TOKEN`, `WANDB_API_KEY`, `AWS_PROFILE`) from `.env` into `env`.

    What `env` has already stays. Returns the names added; call it before those libraries are imported.
    """
    found = read_env_file(folder / ".env")
    added = {n: v for n, v in found.items() if n.startswith(_FOR_LIBRARIES) and n not in env and n not in LEGACY}
    env.update(added)
    return list(added)
