"""What SageMaker trains on: instances and their GPUs, AWS's images, and where Amazon Nova is tuned on what.

Sources, read 2026-11: EC2 instance types (accelerated computing); Nova user guide, "Fine-tune Amazon Nova using
SageMaker training jobs"; registry accounts of the Deep Learning Containers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """An instance type: how many GPUs of what kind, and the memory of each in GB."""

    gpus: int
    gpu: str
    memory_gb: int


def _machines(family: str, gpu: str, memory_gb: int, **counts: int) -> dict[str, Machine]:
    return {f"ml.{family}.{size.lstrip('_')}": Machine(count, gpu, memory_gb) for size, count in counts.items()}


_ONE = dict.fromkeys(("xlarge", "_2xlarge", "_4xlarge", "_8xlarge", "_16xlarge"), 1)
_MORE = _ONE | {"_12xlarge": 4, "_24xlarge": 4, "_48xlarge": 8}
MACHINES: Mapping[str, Machine] = {
    **_machines("g4dn", "T4", 16, **_ONE, _12xlarge=4),
    **_machines("g5", "A10G", 24, **_MORE),
    **_machines("g6", "L4", 24, **_MORE),
    **_machines("g6e", "L40S", 48, **_MORE),
    **_machines("p3", "V100", 16, _2xlarge=1, _8xlarge=4, _16xlarge=8),
    **_machines("p3dn", "V100", 32, _24xlarge=8),
    **_machines("p4d", "A100", 40, _24xlarge=8),
    **_machines("p4de", "A100", 80, _24xlarge=8),
    **_machines("p5", "H100", 80, _4xlarge=1, _48xlarge=8),
    **_machines("p5e", "H200", 141, _48xlarge=8),
    **_machines("p5en", "H200", 141, _48xlarge=8),
}

_SMALL = {f"ml.{family}.{size}": (1,) for family in ("g5", "g6") for size in ("12xlarge", "48xlarge")}
_H100 = ("ml.p5.48xlarge", "ml.p5en.48xlarge")
NOVA_MACHINES: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    "nova-micro": {**_SMALL, "ml.p4d.24xlarge": (2, 4, 8), **dict.fromkeys(_H100, (1, 2, 4, 8))},
    "nova-lite": {**_SMALL, "ml.p5.48xlarge": (1, 4, 8, 16)},
    "nova-pro": {"ml.p4d.24xlarge": (6, 12, 24), "ml.p5.48xlarge": (3, 6, 12, 24)},
}
"""Model → instance type → how many of it a LoRA job may take."""
NOVA_ACCOUNTS: Mapping[str, str] = {
    "us-east-1": "708977205387",
    "us-west-2": "176779409107",
    "eu-west-2": "470633809225",
}
"""Region → the account of Nova's images: where it is tuned."""
DLC_ACCOUNT, DLC_REGIONS = "763104351884", ("us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1")
"""The account of the Deep Learning Containers, and regions where it is this one."""


SERVERLESS: Mapping[str, str] = {
    "Qwen/Qwen3-0.6B": "huggingface-reasoning-qwen3-06b",
    "Qwen/Qwen3-1.7B": "huggingface-reasoning-qwen3-1-7b",
    "Qwen/Qwen3-4B": "huggingface-reasoning-qwen3-4b",
    "meta-llama/Llama-3.2-1B-Instruct": "meta-textgeneration-llama-3-2-1b-instruct",
    "meta-llama/Llama-3.2-3B-Instruct": "meta-textgeneration-llama-3-2-3b-instruct",
}
"""Open model that SageMaker tunes without machines to choose → its name in SageMaker's public hub."""
SERVERLESS_REGIONS = ("us-east-1", "us-west-2")
"""Where public projects are seen to use it; AWS's list of regions was not found."""


def is_small(instance_type: str) -> bool:
    """Say whether an instance is one of those on which Nova reads at most 8,192 tokens.

    >>> is_small("ml.g5.12xlarge"), is_small("ml.p5.48xlarge")
    (True, False)
    """
    return instance_type.startswith(("ml.g5.", "ml.g6."))


def nova_image(region: str) -> str:
    """Return the image that tunes Nova in a region."""
    return f"{NOVA_ACCOUNTS[region]}.dkr.ecr.{region}.amazonaws.com/nova-fine-tune-repo:SM-TJ-SFT-latest"
