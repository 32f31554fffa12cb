"""A recipe of ours as SageMaker's recipe for Amazon Nova: the YAML that its training image reads.

Fields and names: aws/sagemaker-hyperpod-recipes@26319955, recipes_src/fine-tuning/nova/nova_1_0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqltailor.aws.bedrock_models import Tunable, tunable
from sqltailor.aws.sagemaker_machines import NOVA_ACCOUNTS, NOVA_MACHINES
from sqltailor.errors import ConfigError
from sqltailor.recipe import Recipe

KEYS: Mapping[str, str] = {
    "training_config.max_length": "train.max_length",
    "training_config.global_batch_size": "train.batch",
    "training_config.trainer.max_epochs": "train.epochs",
    "training_config.model.hidden_dropout": "train.sagemaker.nova.hidden_dropout",
    "training_config.model.attention_dropout": "train.sagemaker.nova.attention_dropout",
    "training_config.model.ffn_dropout": "train.sagemaker.nova.ffn_dropout",
    "training_config.model.optim.lr": "train.learning_rate",
    "training_config.model.optim.eps": "train.sagemaker.nova.eps",
    "training_config.model.optim.weight_decay": "train.weight_decay",
    "training_config.model.optim.betas": "train.sagemaker.nova.betas",
    "training_config.model.optim.sched.warmup_steps": "train.warmup_steps",
    "training_config.model.optim.sched.constant_steps": "train.sagemaker.nova.constant_steps",
    "training_config.model.optim.sched.min_lr": "train.sagemaker.nova.min_lr",
    "training_config.model.peft.lora_tuning.loraplus_lr_ratio": "train.sagemaker.nova.loraplus_lr_ratio",
    "training_config.model.peft.lora_tuning.alpha": "train.lora.alpha",
    "training_config.model.peft.lora_tuning.adapter_dropout": "train.lora.dropout",
    "run.replicas": "train.sagemaker.instance_count",
}
"""Field of SageMaker's recipe → our key that sets it."""
WHOLE = ("trainer.max_epochs", "lora_tuning.alpha")
"""Fields that SageMaker takes as whole numbers, and we as any."""


def nova_base(recipe: Recipe) -> Tunable:
    """Return the Nova that a recipe tunes on SageMaker. Raises `ConfigError` where that cannot be done."""
    base, settings = tunable(recipe.base), recipe.train.sagemaker
    if base is None or nova_name(base) not in NOVA_MACHINES:
        raise ConfigError(f"SageMaker's recipes here tune Nova Micro, Lite and Pro; base is '{recipe.base}'.")
    if settings.region not in NOVA_ACCOUNTS:
        regions = ", ".join(NOVA_ACCOUNTS)
        raise ConfigError(f"train.sagemaker.region is {settings.region}; SageMaker tunes Nova in {regions}.")
    machines = NOVA_MACHINES[nova_name(base)]
    if settings.instance_type not in machines:
        raise ConfigError(
            f"train.sagemaker.instance_type is {settings.instance_type}; {base.id} is tuned on {', '.join(machines)}."
        )
    counts = machines[settings.instance_type]
    if settings.instance_count not in counts:
        allowed = " or ".join(map(str, counts))
        raise ConfigError(
            f"train.sagemaker.instance_count is {settings.instance_count}; {base.id} takes {allowed} of "
            f"{settings.instance_type}."
        )
    if nova_name(base) == "nova-pro" and recipe.train.batch > 32:
        raise ConfigError(f"train.batch is {recipe.train.batch}; {base.id} takes at most 32 on SageMaker.")
    return base


def nova_name(base: Tunable) -> str:
    """Return what SageMaker calls a Nova.

    >>> nova_name(tunable("amazon.nova-micro-v1:0:128k"))
    'nova-micro'
    """
    return base.id.removeprefix("amazon.").partition("-v1:")[0]


def nova_recipe(recipe: Recipe, *, name: str) -> dict[str, Any]:
    """Return SageMaker's recipe. Raises `ConfigError` for an override of what a key of ours sets."""
    base, train = nova_base(recipe), recipe.train
    given = set(dict(_leaves(train.sagemaker.nova.recipe_overrides, "")))
    for field in sorted(given & set(KEYS)):
        raise ConfigError(f"train.sagemaker.nova.recipe_overrides sets {field}; set {KEYS[field]} instead.")
    built: dict[str, Any] = {
        "run": {
            "name": name,
            "model_type": base.id,
            "model_name_or_path": f"{nova_name(base)}/prod",
            "data_s3_path": "",
            "output_s3_path": "",
        },
        "training_config": {
            "model": {
                "optim": {"name": "distributed_fused_adam", "adam_w_mode": True},
                "peft": {"peft_scheme": "lora"},
            }
        },
    }
    for field, key in KEYS.items():
        value: Any = train
        for part in key.split(".")[1:]:
            value = getattr(value, part)
        _put(built, field, int(value) if field.endswith(WHOLE) else list(value) if isinstance(value, tuple) else value)
    return _over(built, train.sagemaker.nova.recipe_overrides)


def shown(built: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that our keys set, by their last names, as text: what a plan shows."""
    values = dict(_leaves(built, ""))
    return {field.rpartition(".")[2]: str(values[field]) for field in KEYS}


def _put(tree: dict[str, Any], field: str, value: Any) -> None:
    *above, last = field.split(".")
    for part in above:
        tree = tree.setdefault(part, {})
    tree[last] = value


def _over(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _leaves(tree: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        field = f"{above}.{name}" if above else name
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, field)
        else:
            yield field, value
