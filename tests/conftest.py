"""What holds for all tests."""

from __future__ import annotations

import gc

import pytest

from sqltailor import project


def pytest_collection_finish() -> None:
    """Leave what is loaded by now out of garbage collection: training collects often, and would search all of it."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let go of it again, so that libraries find no leaks at the end."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _values_are_kept_elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what the user's own commands have kept of databases alone."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr(project, "cache_folder", lambda: folder)
