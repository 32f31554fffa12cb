"""What a model that knows nothing writes under a constraint, run by the databases that it is meant for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.support import mariadb_server, postgres_server
from tests.support.constrained import SHOP, vocabulary, wander

pytest.importorskip("llguidance")

TABLES = (
    "CREATE TABLE customer (id INTEGER, name VARCHAR(20), city VARCHAR(20), joined DATE, `first` VARCHAR(20))",
    "CREATE TABLE orders (id INTEGER, customer_id INTEGER, total REAL, placed_at DATE, note VARCHAR(20))",
    "CREATE TABLE item (order_id INTEGER, product VARCHAR(20), qty INTEGER, price REAL, `order` INTEGER)",
)
QUOTED = tuple(sql.replace("`", '"') for sql in TABLES)
NAMES_OR_SYNTAX = (
    "syntax",
    "no such",
    "ambiguous",
    "does not exist: column",
    "doesn't exist",
    "unknown column",
    "not found",
)
"""What a server says of a statement that its dialect lacks, or of a name; types are not the constraint's."""


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Iterator[Callable[[str], object]]:
    """Yield a function that runs a statement on empty tables of the shop."""
    yield from {"sqlite": _sqlite, "duckdb": _duckdb, "postgres": _postgres, "mysql": _mysql}[request.param]()


def _sqlite() -> Iterator[Callable[[str], object]]:
    connection = sqlite3.connect(":memory:")
    for sql in QUOTED:
        connection.execute(sql)
    yield lambda sql: connection.execute(sql).fetchall()
    connection.close()


def _duckdb() -> Iterator[Callable[[str], object]]:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        for sql in QUOTED:
            connection.execute(sql)
        yield lambda sql: connection.execute(sql).fetchall()


def _postgres() -> Iterator[Callable[[str], object]]:
    psycopg = pytest.importorskip("psycopg")
    url = postgres_server.url(postgres_server.OWNER)
    with psycopg.connect(url) as connection:
        for sql in QUOTED:
            connection.execute(sql)
        yield lambda sql: _rolled_back(connection, sql)


def _rolled_back(connection: object, sql: str) -> None:
    with connection.transaction(force_rollback=True):  # type: ignore[attr-defined]
        connection.execute(sql.encode())  # type: ignore[attr-defined]


def _mysql() -> Iterator[Callable[[str], object]]:
    pymysql = pytest.importorskip("pymysql")
    mariadb_server.url("root", "")
    mariadb_server.execute("DROP DATABASE IF EXISTS walks", "CREATE DATABASE walks")
    socket = str(mariadb_server.start())
    with (
        pymysql.connect(user="root", unix_socket=socket, database="walks") as connection,
        connection.cursor() as cursor,
    ):
        for sql in TABLES:
            cursor.execute(sql)
        yield cursor.execute


@pytest.mark.parametrize(
    ("run", "dialect"), [(d, d) for d in ("sqlite", "duckdb", "postgres", "mysql")], indirect=["run"]
)
def test_a_server_reads_what_is_drawn_and_finds_every_name(run: Callable[[str], object], dialect: str) -> None:
    rng, constraint = np.random.default_rng(7), vocabulary().constraint(SHOP, dialect)
    whole = ran = 0
    for number in range(50):
        written = wander(constraint, rng, budget=100, hurry=number % 5 > 0)
        if written.text.startswith("-- cannot answer:"):
            continue
        whole += not written.fell_back
        fault = _fault(run, written.text)
        assert not any(said in fault for said in NAMES_OR_SYNTAX), (written.text, fault)
        ran += not fault
    assert whole
    assert ran > 20


def _fault(run: Callable[[str], object], sql: str) -> str:
    try:
        run(sql)
    except Exception as e:  # each driver has its own
        # "invalid input syntax for type date" is about a value
        return str(e).lower().replace("invalid input syntax", "")
    return ""
