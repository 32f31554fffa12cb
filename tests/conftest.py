"""What holds for all tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sqltailor import project

if TYPE_CHECKING:
    from sqltailor.local_bedrock.local_server import LocalBedrock


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


@pytest.fixture(scope="module")
def server() -> Iterator[LocalBedrock]:
    """The local Bedrock, for the tests of a module that has no other server; they are skipped without its packages."""
    from tests.support.local_aws import local_aws, need_aws

    need_aws()
    with pytest.MonkeyPatch.context() as patch, local_aws(patch) as server:
        yield server


@pytest.fixture
def aws(server: LocalBedrock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalBedrock:
    """The local Bedrock, which has forgotten what other tests did, and a project to tune for as the working folder."""
    from tests.support.local_aws import SPEED, look_often, make_project

    monkeypatch.chdir(tmp_path)
    make_project(tmp_path)
    look_often(monkeypatch)
    server.forget()
    server.state.speed = SPEED
    return server
