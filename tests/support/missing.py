"""What tests need beyond Python packages: where it is missing they are skipped, and under CI they fail."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str, remedy: str) -> NoReturn:
    """Skip the test that needs something which is not installed; with CI=true, which installs it, fail."""
    said = f"no {what} is installed: {remedy}"
    if os.environ.get("CI") == "true":
        pytest.fail(said)
    pytest.skip(said, allow_module_level=True)
