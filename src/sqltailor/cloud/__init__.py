"""What runs elsewhere: training by the recipe's backend, deployments, and what they cost."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType

from sqltailor.aws.bedrock_models import tunable
from sqltailor.errors import ConfigError, unknown
from sqltailor.recipe import Recipe

ROUTES: Mapping[str, str] = {
    "bedrock": "sqltailor.cloud.bedrock.training",
    "sagemaker-nova": "sqltailor.cloud.sagemaker.nova_training",
    "sagemaker-script": "sqltailor.cloud.sagemaker.script_training",
    "sagemaker-serverless": "sqltailor.cloud.sagemaker.serverless_training",
}
"""How a run is tuned on AWS, as its `job.json` says → the module that plans, begins and finishes such jobs."""
SERVICES: Mapping[str, str] = {"bedrock": "sqltailor.cloud.bedrock", "sagemaker": "sqltailor.cloud.sagemaker"}
"""Service of AWS → the module that lists, shows, stops and deletes what was made there."""


def route_of(recipe: Recipe) -> str:
    """Return how a recipe is tuned on AWS. Raises `ConfigError` for one that is tuned on this machine."""
    backend = recipe.train.backend
    if backend == "bedrock":
        return "bedrock"
    if backend == "sagemaker":
        if recipe.train.sagemaker.serverless:
            return "sagemaker-serverless"
        return "sagemaker-nova" if tunable(recipe.base) else "sagemaker-script"
    raise ConfigError(unknown("backend in the cloud", backend, SERVICES))


def route_module(route: str) -> ModuleType:
    """Return the module of a route."""
    return importlib.import_module(ROUTES[route])


def services() -> Mapping[str, ModuleType]:
    """Return the module of each service."""
    return {name: importlib.import_module(module) for name, module in SERVICES.items()}
