"""What AWS Lambda calls: this file lies at the top of the package that `sqltailor aws grader` writes."""

import functools
from pathlib import Path
from typing import Any

from sqltailor.cloud.bedrock.grader import open_grader

_grader = functools.cache(open_grader)  # opened by the first event, and kept for those that come after it


def lambda_handler(event: Any, context: Any) -> list[dict[str, Any]]:
    """Return the grades of the samples of an event, in their order."""
    return _grader(Path(__file__).resolve().parent)(event)
