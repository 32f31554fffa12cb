"""The doctor: what it finds here, and what it says when something is missing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sqltailor import doctor
from sqltailor.doctor import Check, examine
from sqltailor.errors import install_command


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT)")
        connection.commit()
    (tmp_path / "recipe.yaml").write_text(f"database: {{url: 'sqlite:///{tmp_path / 'shop.db'}'}}\n")
    return tmp_path


def test_a_working_project(shop: Path) -> None:
    found = by_name(examine(cwd=shop, env={}))
    assert {"python", "packages", "device", "cpu", "memory", "disk", "nano", "recipe", "database"} <= set(found)
    assert found["recipe"].status == found["database"].status == found["packages"].status == "ok"
    assert "1 table, 2 columns" in found["database"].found
    assert "extra all" not in found
    assert "sqlglot" in found["packages"].found


def test_every_problem_has_a_remedy(tmp_path: Path) -> None:
    for check in examine(cwd=tmp_path, env={}):
        assert check.status == "ok" or check.remedy


def test_no_recipe_is_a_warning(tmp_path: Path) -> None:
    found = by_name(examine(cwd=tmp_path, env={}))
    assert found["recipe"].status == found["database"].status == "warn"
    assert found["database"].remedy == "sqltailor init URL"


def test_it_says_whether_the_base_is_here(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLTAILOR_CACHE", str(tmp_path / "empty"))
    found = by_name(examine(cwd=shop, env={}))["base"]
    assert (found.status, found.remedy) == ("warn", "sqltailor bases pull small")
    assert "491 MB are downloaded" in found.found
    with (shop / "recipe.yaml").open("a") as file:
        file.write("base: nano\n")
    assert by_name(examine(cwd=shop, env={}))["base"].status == "ok"


def test_a_broken_recipe_fails_with_its_faults(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("train: {epochs: -1}\nbasee: x\n")
    found = by_name(examine(cwd=tmp_path, env={}))["recipe"]
    assert found.status == "fail"
    assert "recipe.yaml:1: train.epochs is -1" in found.found
    assert "recipe.yaml:2: basee is not a key" in found.found


def test_an_unreachable_database_fails_without_its_password(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("database: {url: '${DATABASE_URL}'}\n")
    for url in ("sqlite:///none.db", "oracle://u:hidden@h/d"):
        found = by_name(examine(cwd=tmp_path, env={"DATABASE_URL": url}))["database"]
        assert found.status == "fail"
        assert "hidden" not in str(found)


def test_missing_and_old_packages_name_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = [
        "sqlglot>=30.0",
        "pydantic>=99",
        'sqltailor[local]; extra == "train"',
        'no-such-package>=1.2; extra == "train"',
        'sqltailor[train,report]; extra == "all"',
    ]
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda _: requirements)
    core, train = doctor._packages()
    assert (core.status, core.remedy) == ("fail", install_command("", upgrade=True))
    assert core.found.startswith("pydantic ")
    assert core.found.endswith("is older than 99")
    assert train == Check("extra train", "warn", "no-such-package is missing", install_command("train", upgrade=True))


@pytest.mark.parametrize(("free", "status"), [(10**8, "fail"), (3 * 10**9, "warn"), (10**11, "ok")])
def test_little_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: int, status: str) -> None:
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert doctor._disk(tmp_path).status == status


def test_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_available_bytes", lambda: 10**9)
    assert doctor._memory().status == "warn"
    monkeypatch.setattr(doctor, "_available_bytes", lambda: None)
    assert doctor._memory().status == "ok"


def test_it_works_without_any_extra(tmp_path: Path) -> None:
    code = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "transformers", "numpy", "sqlalchemy", "duckdb", "jinja2", "peft", "trl"}:
            raise ImportError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
import importlib.metadata
found = importlib.metadata.version
def version(name):
    if name == "torch":
        raise importlib.metadata.PackageNotFoundError(name)
    return found(name)
importlib.metadata.version = version
from sqltailor.doctor import examine
checks = {check.name: check for check in examine(env={})}
print(checks["device"].status, checks["device"].remedy)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == f"warn {install_command('train')}"
