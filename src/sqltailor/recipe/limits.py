"""Limits of the cloud backends on the common keys of `train:`, so that a recipe fails before any upload.

Ranges: Amazon Bedrock user guide, "Custom model hyperparameters" (2026), and the SageMaker HyperPod recipes for Nova
(aws/sagemaker-hyperpod-recipes@26319955). A job that runs our own training script honours every key.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from sqltailor.aws.sagemaker_machines import is_small
from sqltailor.recipe.source import Layer
from sqltailor.recipe.train import Train


class Limit(NamedTuple):
    """The values that a service takes for one key, and its own default; `choices` instead of a range."""

    low: float
    high: float
    default: float
    whole: bool = True
    step: int = 1
    choices: tuple[float, ...] = ()

    def allows(self, value: float) -> bool:
        if self.choices:
            return value in self.choices
        return self.low <= value <= self.high and (not self.whole or (value == int(value) and value % self.step == 0))

    def __str__(self) -> str:
        if self.choices:
            return "one of " + ", ".join(f"{choice:g}" for choice in self.choices)
        kind = "a whole number" if self.whole else "a number"
        return f"{kind} from {self.low:g} to {self.high:g}" + (f", a multiple of {self.step}" if self.step > 1 else "")


class Family(NamedTuple):
    """Models that are tuned alike by a method: by what their ids begin with, and what each key may be."""

    name: str
    ids: tuple[str, ...]
    limits: Mapping[str, Limit]
    method: str = "sft"


CONTEXT = 256_000
"""Tokens that Nova 2 Lite can read: AWS gives no range for the lengths of reinforcement fine-tuning."""
_NOVA = ("amazon.nova-micro", "amazon.nova-lite", "amazon.nova-pro")
_BEDROCK = (
    Family(
        "Amazon Nova",
        (*_NOVA, "amazon.nova-2-lite"),
        {
            "epochs": Limit(1, 5, 2),
            "learning_rate": Limit(1e-6, 1e-4, 1e-5, whole=False),
            "warmup_steps": Limit(0, 100, 10),
            "batch": Limit(1, 64, 1),
        },
    ),
    Family("Claude 3 Haiku", ("anthropic.claude-3-haiku",), {"epochs": Limit(1, 10, 2), "batch": Limit(4, 256, 32)}),
    Family(
        "Llama 3",
        ("meta.llama3-1", "meta.llama3-2", "meta.llama3-3"),
        {
            "epochs": Limit(1, 10, 5),
            "batch": Limit(1, 1, 1),
            "learning_rate": Limit(5e-6, 0.1, 1e-4, whole=False),
        },
    ),
    Family(
        "Amazon Nova 2 Lite",
        ("amazon.nova-2-lite",),
        {
            "epochs": Limit(1, 50, 1),
            "learning_rate": Limit(1e-7, 1e-3, 1e-5, whole=False),
            "batch": Limit(16, 512, 128),
            "max_length": Limit(1, CONTEXT, 8192),
            "grpo.generations": Limit(2, 16, 8),
            "grpo.max_tokens": Limit(1, CONTEXT, 2048),
        },
        method="grpo",
    ),
)
_SAGEMAKER = (
    Family(
        "Amazon Nova",
        _NOVA,
        {
            "epochs": Limit(1, 1000, 2),
            "learning_rate": Limit(0, 1, 1e-5, whole=False),
            "warmup_steps": Limit(0, 1e9, 10),
            "batch": Limit(16, 64, 64, choices=(16, 32, 64)),
            "max_length": Limit(1024, 65_536, 8192, step=1024),
            "weight_decay": Limit(0, 1, 0, whole=False),
            "lora.alpha": Limit(32, 192, 128, choices=(32, 64, 96, 128, 160, 192)),
            "lora.dropout": Limit(0, 1, 0.01, whole=False),
        },
    ),
)
SMALL_LENGTH = 8192
"""Longest example of Nova on machines with small GPUs."""
FIXED = {("sagemaker", "lora.r"): "is fixed by SageMaker's recipe for Amazon Nova"}
"""Backend and key → why it cannot be set."""
NO_PRETRAINING = (
    "no longer offers for any model that is listed here. Read documents on this machine (train.backend=local), then "
    "import the model into Bedrock (sqltailor deploy import); or write what they say into glossary and examples."
)
"""Why `pretrain` is refused by a service, and what to do instead."""
FAMILIES: Mapping[str, tuple[Family, ...]] = {"bedrock": _BEDROCK, "sagemaker": _SAGEMAKER}
_ALWAYS = {"backend", "method", "resume", "name", "out", "local", "bedrock", "sagemaker", "dpo", "grpo"}
"""Keys of `train:` that no service has to honour: they choose, name, or belong to a method or another backend."""


def family(backend: str, base: str, method: str = "sft") -> Family | None:
    """Return the family whose training service takes this base model, or None: then our own script trains it.

    Where the service tunes it by other methods only, that family.
    """
    found = [f for f in FAMILIES.get(backend, ()) if base.startswith(f.ids)]
    return next((f for f in found if f.method == method), found[0] if found else None)


def backend_defaults(merged: Layer) -> None:
    """Where a training service has defaults of its own, lay them under what is given."""
    train = merged.tree.get("train")
    if not isinstance(train, dict):
        return
    backend, base = str(train.get("backend")), str(merged.tree.get("base", "small"))
    chosen = family(backend, base, str(train.get("method", "sft")))
    for name, limit in chosen.limits.items() if chosen else ():
        path = ("train", *name.split("."))
        if path not in merged.origins:
            merged.put(path, limit.default, f"default of {backend}")


def common_keys() -> list[str]:
    """Return the keys of `train:` that a backend must honour, LoRA's as `lora.r`."""
    return [*(name for name in Train.model_fields if name not in _ALWAYS and name != "lora"), *_below("lora")]


def _below(section: str) -> Iterator[str]:
    yield from (f"{section}.{name}" for name in getattr(Train.model_fields[section].annotation, "model_fields", {}))


def ignored(train: Train, base: str) -> list[str]:
    """Return the keys, common ones and those of its method, that the training service does not take."""
    chosen = family(train.backend, base, train.method)
    if chosen is None:
        return []
    own = _below(chosen.method) if chosen.method == "grpo" else ()
    return [name for name in (*common_keys(), *own) if name not in chosen.limits]


def faults(train: Train, base: str, given: Collection[str]) -> list[tuple[str, str]]:
    """Return (key below `train`, what is wrong) for all that the active backend cannot honour.

    `given`: the keys that the user has set.
    """
    chosen = family(train.backend, base, train.method)
    if train.backend == "bedrock" and chosen is None:
        known = ", ".join(f"{ids}*" for f in _BEDROCK for ids in f.ids if f.method == "sft")
        return [
            ("backend", f"is bedrock, which cannot tune base '{base}'. It tunes {known}. Or set train.backend: local.")
        ]
    if chosen is None:
        return []
    found = []
    if train.method == "pretrain":
        found.append(("method", f"is pretrain, which {train.backend} {NO_PRETRAINING}"))
    elif train.method != chosen.method:
        found.append(("method", f"is {train.method}; {train.backend} tunes {chosen.name} by sft only."))
    for name in ignored(train, base):
        if name in given:
            why = FIXED.get((train.backend, name), f"is not a setting of {train.backend} for {chosen.name}")
            found.append((name, f"{why}: remove it."))
    for name, limit in chosen.limits.items():
        value = float(functools.reduce(getattr, name.split("."), train))  # type: ignore[arg-type]
        if not limit.allows(value):
            found.append((name, f"is {value:g}; {train.backend} takes {limit} for {chosen.name}."))
    return found + list(_of_sagemaker(train) if train.backend == "sagemaker" else _of_bedrock(train))


def _of_bedrock(train: Train) -> Iterator[tuple[str, str]]:
    """Yield what is wrong between the keys of a customization job."""
    bedrock = train.bedrock
    if train.method == "grpo" and bedrock.grader and (there := bedrock.grader.split(":")[3]) != bedrock.region:
        yield "bedrock.grader", f"is in {there}; the job runs in {bedrock.region}."
    for name in ("grader", "reasoning_effort"):
        if train.method != "grpo" and getattr(bedrock, name) is not None:
            yield f"bedrock.{name}", f"is for method grpo, not {train.method}: remove it."


def _of_sagemaker(train: Train) -> Iterator[tuple[str, str]]:
    """Yield what is wrong between the keys of a job that tunes Nova on SageMaker."""
    machine = train.sagemaker.instance_type
    if is_small(machine) and train.max_length > SMALL_LENGTH:
        yield "max_length", f"is {train.max_length}; on {machine}, Amazon Nova reads at most {SMALL_LENGTH} tokens."
    if train.sagemaker.nova.min_lr > train.learning_rate:
        yield "sagemaker.nova.min_lr", f"is above train.learning_rate, {train.learning_rate:g}."
    if train.sagemaker.spot:
        yield "sagemaker.spot", "is not for Amazon Nova, whose jobs cannot resume: remove it."
