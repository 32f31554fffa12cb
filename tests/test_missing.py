"""A server or browser that is missing skips its tests on a laptop, and fails them under CI."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable

import pytest

from tests import test_browser
from tests.support import local_aws, mariadb_server, postgres_server


@pytest.mark.parametrize(
    ("needed", "said"),
    [
        (lambda: postgres_server.url("reader"), "no PostgreSQL server .* apt-get install postgresql"),
        (lambda: mariadb_server.url("reader", "shop"), "no MariaDB server .* apt-get install mariadb-server"),
        (test_browser.chromium, "no Chromium .* apt-get install chromium"),
        (local_aws.need_aws, "no boto3 and moto .* pip install"),
    ],
)
def test_what_is_missing_is_skipped_and_fails_under_ci(
    needed: Callable[[], object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_server, "start", lambda: None)
    monkeypatch.setattr(mariadb_server, "start", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setitem(sys.modules, "moto", None)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=said):
        needed()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=said):
        needed()
