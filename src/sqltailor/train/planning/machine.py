"""This machine's capacity for training: free memory, and the speed of its matrix products."""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqltailor.recipe import Train
    from sqltailor.train.planning.sizes import Sizes
    from sqltailor.train.running.base_model import Setup

USABLE = {"cuda": 0.92, "cpu": 0.8}
"""Share of the memory that a plan may fill: the rest goes to fragments, and to others."""


def available_gb(device: str) -> float | None:
    """Return the free memory of a device in GB, or None when it is not here."""
    import torch

    if device == "cuda":
        return float(torch.cuda.mem_get_info()[0]) / 1e9 if torch.cuda.is_available() else None
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":", 1) for line in file)
        free = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):  # no Linux
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    limit = _container_limit()
    return min(free, limit) / 1e9 if limit else free / 1e9


def _container_limit() -> int | None:
    """Return how much a cgroup still grants, or None."""
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as most:
            limit = most.read().strip()
        with open("/sys/fs/cgroup/memory.current", encoding="ascii") as now:
            return None if limit == "max" else int(limit) - int(now.read())
    except (OSError, ValueError):
        return None


def training_seconds(setup: Setup, sizes: Sizes, train: Train, tokens: float) -> float:
    """Return about how long training takes: its multiplications at the speed of a product measured here.

    Forward 2 a parameter and token; backward as much again for the inputs, and for all weights when all are trained.
    The factor 3 is what a step takes beyond its matrix products, measured with nano on a CPU.
    """
    import torch

    factor = (4 if train.lora.enabled else 6) + (2 if setup.gradient_checkpointing else 0)
    rows = 512 if setup.device == "cpu" else 4096
    a = torch.ones(rows, sizes.hidden, dtype=setup.dtype, device=setup.device)
    b = torch.ones(sizes.hidden, sizes.intermediate, dtype=setup.dtype, device=setup.device)
    best = math.inf
    for _ in range(5):
        began = time.perf_counter()
        float((a @ b)[0, 0])
        best = min(best, time.perf_counter() - began)
    rate = 2 * a.numel() * sizes.intermediate / best
    return round(3 * factor * (sizes.parameters + sizes.trainable) * tokens / rate, 1)
