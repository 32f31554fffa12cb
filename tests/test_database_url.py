"""Database URLs: kinds, dialects, faults, and passwords that nobody sees."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sqltailor.database import dialect_of, open_database
from sqltailor.database.url import hide, locate, mask
from sqltailor.errors import DataError


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("postgresql://u@h/d", "postgres"),
        ("postgres://u@h/d", "postgres"),
        ("postgresql+psycopg://u@h/d", "postgres"),
        ("PostgreSQL://u@h/d", "postgres"),
        ("mysql://u@h/d", "mysql"),
        ("mysql+pymysql://u@h/d", "mysql"),
        ("mariadb://u@h/d", "mysql"),
    ],
)
def test_dialect_of_servers(url: str, dialect: str) -> None:
    assert dialect_of(url) == dialect


def test_dialect_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    connection = sqlite3.connect("a.bin")
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    Path("b.bin").write_bytes(b"\0" * 8 + b"DUCK" + b"\0" * 20)
    Path("c.duckdb").write_bytes(b"")
    assert [dialect_of(url) for url in ("a.bin", "b.bin", "c.duckdb", f"{tmp_path}/a.bin", "sqlite:///a.bin")] == [
        "sqlite",
        "duckdb",
        "duckdb",
        "sqlite",
        "sqlite",
    ]


def test_relative_absolute_and_bare_paths_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    connection = sqlite3.connect("shop.db")
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    for url in ("sqlite:///shop.db", f"sqlite:///{tmp_path}/shop.db", "shop.db", f"{tmp_path}/shop.db", "~/shop.db"):
        with open_database(url) as database:
            assert database.url_shown == url
            assert database.dialect == "sqlite"
            assert database.run("SELECT * FROM t").columns == ("a",)


def test_unknown_scheme() -> None:
    with pytest.raises(DataError, match=r"Unknown database scheme 'postgrsql'\. Did you mean 'postgresql'.*sqlite"):
        open_database("postgrsql://u:geheim@h/d")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite://shop.db", "duckdb://x"])
def test_url_without_file(url: str) -> None:
    with pytest.raises(DataError, match=r"names no file\. Write (sqlite|duckdb):///relative/path"):
        locate(url)


@pytest.mark.parametrize("url", ["postgresql://u:geheim@h", "mysql://u:geheim@h/"])
def test_url_without_database(url: str) -> None:
    with pytest.raises(DataError, match="names no database") as error:
        locate(url)
    assert "geheim" not in str(error.value)


@pytest.mark.parametrize("url", ["postgresql://u:ge/heim@h/d", "postgresql://u:geheim@h:x/d", "mysql://u:[geheim@h/d"])
def test_faulty_url_shows_no_password(url: str) -> None:
    with pytest.raises(DataError) as error:
        locate(url)
    assert "heim" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:geheim@h:5432/d", "postgresql://u:***@h:5432/d"),
        ("postgresql://u:ge@he:im@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql:///d?host=/tmp&user=u&password=geheim", "postgresql:///d?host=/tmp&user=u&password=***"),
        (
            "postgresql://h/d?sslmode=require&sslpassword=geheim&x=1",
            "postgresql://h/d?sslmode=require&sslpassword=***&x=1",
        ),
        ("sqlite:////abs/path.db", "sqlite:////abs/path.db"),
    ],
)
def test_mask(url: str, shown: str) -> None:
    assert mask(url) == shown


def test_a_location_does_not_print_its_password() -> None:
    location = locate("postgresql://u:geheim@h/d")
    assert "geheim" not in repr(location)
    assert location.secrets == ("geheim",)
    assert locate("mysql://h/d?ssl_key=k.pem&ssl_key_password=geheim").secrets == ("geheim",)
    assert locate("postgresql://u:ge%40heim@h/d").secrets == ("ge%40heim", "ge@heim")


@pytest.mark.parametrize(
    ("message", "secret", "hidden"),
    [
        (
            "postgresql://postgres:postgres@h/postgres is down",
            "postgres",
            "postgresql://postgres:***@h/postgres is down",
        ),
        ("bad: host=h password=postgres user=postgres", "postgres", "bad: host=h password=*** user=postgres"),
        ("{'password': 'p', 'port': 1}", "p", "{'password': '***', 'port': 1}"),
        ("sslpassword = geheim", "geheim", "sslpassword = ***"),
        ('invalid value "p" for option "port"', "p", 'invalid value "***" for option "port"'),
        ('password authentication failed for user "p"', "p", 'password authentication failed for user "p"'),
        ("Access denied for user 'p'@'h'", "p", "Access denied for user 'p'@'h'"),
        ("password authentication failed", "password", "password authentication failed"),
        ("could not read s3cret-pw/x", "s3cret-pw", "could not read ***/x"),
    ],
)
def test_a_message_without_its_password(message: str, secret: str, hidden: str) -> None:
    assert hide(message, [secret]) == hidden


def test_a_name_that_is_the_password_too_stays() -> None:
    shown = mask("postgresql://app_user:app_user@h/app_user")
    assert (
        hide(f"{shown} cannot be reached", ["app_user"], shown)
        == "postgresql://app_user:***@h/app_user cannot be reached"
    )


@pytest.mark.parametrize("password", ["postgres", "p"])
def test_a_common_password_ruins_no_message(password: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(DataError, match=r"^postgresql://postgres:\*\*\*@127.0.0.1:1/postgres cannot be reached: "):
        open_database(f"postgresql://postgres:{password}@127.0.0.1:1/postgres")
