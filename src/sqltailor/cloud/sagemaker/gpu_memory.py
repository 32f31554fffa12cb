"""Does a model fit the GPUs that a job asks for? Judged by its name and the recipe, before any upload."""

from __future__ import annotations

import re

from sqltailor.aws.sagemaker_machines import MACHINES
from sqltailor.errors import ConfigError
from sqltailor.generate.bases import BASES
from sqltailor.recipe import Recipe

WEIGHTS_GB = {"none": 2.0, "int8": 1.1, "nf4": 0.6}
"""Gigabytes of the frozen base for a billion parameters."""
FULL_GB = 16.0
"""The same where all weights are trained: weights and gradients in 16 bits, moments and a copy in 32 bits."""
REST_GB = 3.0
"""Adapter, activations of one example, and what CUDA keeps."""


def check_gpus(recipe: Recipe) -> list[str]:
    """Return notes on the machine; raise `ConfigError` for one that cannot train the recipe's base."""
    kind, base = recipe.train.sagemaker.instance_type, recipe.base
    machine, billions = MACHINES.get(kind), billion_parameters(base)
    if machine is None:
        return [f"{kind} has no GPU that is known here: whether {base} fits was not checked"]
    needed = None if billions is None else needed_gb(recipe, billions)
    if machine.gpu == "V100":
        too_small = f" {base} alone takes {needed:.0f} GB." if needed is not None and needed > machine.memory_gb else ""
        raise ConfigError(
            f"train.sagemaker.instance_type is {kind}: its V100 GPUs have {machine.memory_gb} GB, no bfloat16, and no "
            f"kernels in the image, which is built with CUDA 13.{too_small} Take ml.g5.2xlarge (A10G, 24 GB)."
        )
    if needed is None:
        return [f"the size of {base} is not known: whether it fits {machine.memory_gb} GB was not checked"]
    if needed > machine.memory_gb:
        raise ConfigError(
            f"{base} takes about {needed:.0f} GB to train so, and each {machine.gpu} of {kind} has "
            f"{machine.memory_gb} GB. Take a larger machine, or train.local.quantization=nf4."
        )
    return []


def needed_gb(recipe: Recipe, billions: float) -> float:
    """Return about how much memory of one GPU a training takes."""
    train = recipe.train
    each = WEIGHTS_GB[train.local.quantization] if train.lora.enabled else FULL_GB
    return billions * each + REST_GB


def billion_parameters(base: str) -> float | None:
    """Return how many billions of parameters a model's name says it has, or None.

    >>> billion_parameters("mistralai/Mistral-7B-Instruct-v0.3"), billion_parameters("org/model")
    (7.0, None)
    """
    if base in BASES:
        return BASES[base].parameters / 1e9
    found = re.findall(r"(?<![A-Za-z\d.])(\d+(?:\.\d+)?)[bB](?![A-Za-z\d])", base)
    return max(map(float, found)) if found else None
