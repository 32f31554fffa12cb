"""What holds for all tests."""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of garbage collection: training collects often, and would search all of it."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let go of it again, so that libraries find no leaks at the end."""
    gc.unfreeze()
