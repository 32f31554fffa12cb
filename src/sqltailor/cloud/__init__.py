"""What runs elsewhere: training by the recipe's backend, deployments, and what they cost."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType

from sqltailor.errors import ConfigError, unknown

BACKENDS: Mapping[str, str] = {"bedrock": "sqltailor.cloud.bedrock"}
"""Backend of `train.backend` → the module that trains and deploys there; `local` is the wing `train`."""


def backend(name: str) -> ModuleType:
    """Return the module of a cloud backend, or raise `ConfigError`."""
    if name not in BACKENDS:
        raise ConfigError(unknown("backend of this installation", name, ["local", *BACKENDS]))
    return importlib.import_module(BACKENDS[name])
