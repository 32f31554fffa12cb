"""Predictions scored on a Ray cluster: the same files as on this machine, also after a kill."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sqltailor.errors import BackendError, DataError
from sqltailor.evaluate.ray_cluster import _Worker, map_on_ray
from tests.support.cli_project import ok
from tests.support.missing import missing

if importlib.util.find_spec("ray") is None:
    missing("Ray", "pip install 'sqltailor[ray]'")
ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT MAX(x) FROM n"
FILES = ("scores.json", "predictions-p.jsonl.jsonl", "gold.jsonl")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """A cluster of two cores, which later commands find by RAY_ADDRESS."""
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # no worker can import a test
    here = ray.init(num_cpus=2, log_to_driver=False)
    os.environ["RAY_ADDRESS"] = here.address_info["gcs_address"]
    yield
    del os.environ["RAY_ADDRESS"]
    ray.shutdown()


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The words of a command that scores 80 predictions, three of them endless, on two databases."""
    monkeypatch.chdir(tmp_path)
    for name in ("north", "south"):
        home = tmp_path / "dbs" / name
        home.mkdir(parents=True)
        with closing(sqlite3.connect(home / f"{name}.sqlite")) as db, db:
            db.execute("CREATE TABLE ride (id INTEGER PRIMARY KEY, km INTEGER)")
            db.executemany("INSERT INTO ride (km) VALUES (?)", [(n % 9,) for n in range(40)])
    with open("gold.jsonl", "w") as gold, open("p.jsonl", "w") as said:
        for n in range(80):
            sql = f"SELECT count(*) FROM ride WHERE km > {n % 11} OR id = {n}"
            row = {"id": f"q{n}", "question": f"{n}?", "db_id": ("north", "south")[n % 2], "sql": sql}
            gold.write(json.dumps(row) + "\n")
            answer = ENDLESS if n % 30 == 5 else sql.replace(">", ">=") if n % 3 else sql
            said.write(json.dumps({"id": f"q{n}", "predicted": answer}) + "\n")
    return ["eval", "--predictions", "p.jsonl", "--data", "gold.jsonl", "--database", "dbs", "--timeout", "0.5"]


def test_the_files_are_those_of_this_machine(words: list[str], tmp_path: Path) -> None:
    ok(*words, "--out", "here", "--workers", "1")
    ok(*words, "--out", "there", "--engine", "ray")
    for file in FILES[:2]:
        assert (tmp_path / "there" / file).read_bytes() == (tmp_path / "here" / file).read_bytes()
    assert json.loads((tmp_path / "there" / "scores.json").read_text())["outcomes"]["p.jsonl"]["timeout"] == 3


def test_a_killed_command_goes_on_where_it_was(words: list[str], tmp_path: Path) -> None:
    ok(*words, "--out", "whole", "--workers", "1")
    command = [sys.executable, "-m", "sqltailor", *words, "--out", "cut", "--engine", "ray"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline and not (tmp_path / "cut" / FILES[2]).exists():
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "cut" / "scores.json").exists()
    ok(*words, "--out", "cut", "--engine", "ray")
    for file in FILES[:2]:
        assert (tmp_path / "cut" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


class Halves:
    """Work that divides ten by its items, and ends its process at a negative one."""

    def __call__(self, item: int) -> int:
        if item < 0:
            os._exit(1)
        if item == 99:
            raise DataError("99 is no number of halves.")
        return item // 2

    def close(self) -> None:
        pass


def test_results_come_in_order() -> None:
    assert list(map_on_ray(Halves, range(90), workers=2)) == [n // 2 for n in range(90)]
    assert list(map_on_ray(Halves, [])) == []


def test_what_a_worker_raises_is_raised_here() -> None:
    with pytest.raises(DataError, match=r"^99 is no number of halves\.$"):
        list(map_on_ray(Halves, [1, 99]))


def test_a_worker_that_is_lost_is_told() -> None:
    with pytest.raises(BackendError, match="is lost"):
        list(map_on_ray(Halves, [-1]))


def test_a_machine_with_another_version_is_told() -> None:
    with pytest.raises(BackendError, match=r"has sqltailor .*, this one has 0\.0\.0"):
        _Worker(Halves, "/", "0.0.0")
