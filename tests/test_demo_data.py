"""The sample database and its questions: every gold query runs, and every part of it matters to the answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqltailor.demo.database import build_database


@pytest.fixture(scope="module")
def shop_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "shop.db"
    build_database(path)
    return path


@pytest.fixture(scope="module")
def shop(shop_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(shop_path)
    yield connection
    connection.close()


def tables(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def test_database_has_twelve_tables_and_fifty_thousand_rows(shop: sqlite3.Connection) -> None:
    assert len(tables(shop)) == 12
    counts = {t: shop.execute(f"SELECT COUNT(*) FROM {t}").fetchone()[0] for t in tables(shop)}
    assert sum(counts.values()) >= 50_000
    assert min(counts.values()) >= 18


def test_foreign_keys_hold(shop: sqlite3.Connection) -> None:
    assert shop.execute("PRAGMA foreign_key_check").fetchall() == []


def test_amounts_are_whole_quarters(shop: sqlite3.Connection) -> None:
    amounts = (("item", "price"), ("src", "cost"), ("ordln", "price"), ("dlv", "fee"), ("staff", "pay"))
    for table, column in amounts:
        odd = f"SELECT COUNT(*) FROM {table} WHERE {column} * 4 <> CAST({column} * 4 AS INTEGER)"
        assert shop.execute(odd).fetchone() == (0,), table


def test_same_seed_gives_the_same_bytes_and_another_seed_other_rows(shop_path: Path, tmp_path: Path) -> None:
    build_database(tmp_path / "again.db")
    assert (tmp_path / "again.db").read_bytes() == shop_path.read_bytes()
    build_database(tmp_path / "again.db", seed=1)
    assert (tmp_path / "again.db").read_bytes() != shop_path.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["again.db"]


def test_failed_build_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.db").write_text("old")
    monkeypatch.setattr("sqltailor.demo.database._make_tables", lambda rng: {"cust": [("too", "few")]})
    with pytest.raises(sqlite3.OperationalError):
        build_database(tmp_path / "shop.db")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("shop.db", "old")]
