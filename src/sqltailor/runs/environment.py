"""The environment of a run (versions, machine), recorded beside its results."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGES = ("sqltailor", "torch", "transformers", "peft", "trl", "accelerate", "datasets", "tokenizers", "sqlglot")
"""Packages whose versions a run records."""


def environment() -> dict[str, Any]:
    """Return what a run ran in: Python, platform, package versions, git commit, CPUs and threads."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: version for name in PACKAGES if (version := package_version(name))},
        "git_commit": _git_commit(),
        "cpus": cores(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:2]],
    }


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def package_version(name: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_commit() -> str | None:
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
