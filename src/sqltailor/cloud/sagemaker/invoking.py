"""Ask an endpoint of SageMaker as any program does: by a question, a specification, or a body as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqltailor.cloud.sagemaker.served.serving_text import FORMS
from sqltailor.errors import BackendError, ConfigError
from sqltailor.generate.deployed import endpoint_of
from sqltailor.generate.sagemaker import SageMakerModel
from sqltailor.runs import Run, read_json


def body_of(
    *, question: str | None = None, spec: Mapping[str, Any] | None = None, body: str | None = None
) -> dict[str, Any]:
    """Return the body of a request. Raises `ConfigError` unless exactly one of the three is given."""
    given = {"question": question, "spec": spec, "body": body}
    if sum(value is not None for value in given.values()) != 1:
        raise ConfigError("Give one of --question, --spec and --body.")
    if body is None:
        return {name: value for name, value in given.items() if value is not None}
    try:
        found = json.loads(body)
    except ValueError as e:
        raise ConfigError(f"--body is not JSON ({e}); {FORMS}.") from e
    if not isinstance(found, dict):
        raise ConfigError(f"--body is not an object; {FORMS}.")
    return found


def invoke(endpoint: str, body: Mapping[str, Any], *, region: str) -> dict[str, Any]:
    """Return what an endpoint answers, which is named or whose run is given. Raises `BackendError`."""
    known = Run(Path(endpoint)).deployment
    if known.is_file():
        found = read_json(known)
        if found["backend"] != "sagemaker":
            raise BackendError(f"{endpoint} is served by Bedrock: sqltailor ask --model {endpoint}")
        return SageMakerModel(endpoint_of(found), region=found["region"]).invoke(body)
    return SageMakerModel(endpoint, region=region).invoke(body)
