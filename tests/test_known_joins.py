"""Joins as known statements do them: what a constraint learns from training, and what it lets a model write."""

from __future__ import annotations

import pytest

from sqltailor.sql.constrain.follow import refused
from sqltailor.sql.constrain.known_joins import ENOUGH, Pair, Place, from_json, joined, joins_of, to_json
from sqltailor.sql.schema import from_ddl
from tests.support.constrained import vocabulary

pytest.importorskip("llguidance")

HARBOUR = from_ddl(
    """
    CREATE TABLE port (code TEXT PRIMARY KEY, name TEXT, country TEXT);
    CREATE TABLE ship (no INTEGER PRIMARY KEY, name TEXT, home TEXT REFERENCES port(code), built INTEGER, tug INTEGER
      REFERENCES ship(no));
    CREATE TABLE call (id INTEGER PRIMARY KEY, no INTEGER REFERENCES ship(no), code TEXT REFERENCES port(code),
      day DATE);
    CREATE TABLE cargo (id INTEGER REFERENCES call(id), goods TEXT, tons REAL);
    CREATE TABLE tide (place TEXT, day DATE, height REAL);
    """
)
SHIPS = "SELECT s.name FROM ship AS s JOIN call AS c ON s.no = c.no"
LEARNED = joined([SHIPS] * ENOUGH, HARBOUR, "sqlite")


def wrong(sql: str, pairs: list[Pair] = LEARNED) -> str | None:
    return refused(vocabulary().constraint(HARBOUR, "sqlite", joins=pairs), sql)


@pytest.mark.parametrize(
    "sql",
    [
        SHIPS,
        "SELECT name FROM ship JOIN call ON call.no = ship.no WHERE day > '2024-05-01'",
        "SELECT p.name, SUM(g.tons) FROM port AS p JOIN call AS c ON p.code = c.code JOIN cargo AS g ON g.id = c.id "
        "GROUP BY p.name",
        "SELECT s.name FROM ship AS s JOIN call AS c ON s.home = c.code AND c.day > '2024-05-01' OR c.id = 3",
        "SELECT a.name, b.name FROM ship AS a LEFT JOIN ship AS b ON a.tug = b.no",
        "SELECT c.id FROM call AS c JOIN ship ON (c.no = ship.no)",
        "SELECT c.id FROM call AS c JOIN tide AS t ON c.day = t.day AND t.height > 3",
        "SELECT c.id FROM call AS c JOIN (SELECT no FROM ship WHERE built > 2000) AS s ON s.no = c.no",
        "SELECT s.name FROM ship AS s, cargo AS g WHERE g.tons > s.built",
        "SELECT s.name FROM ship AS s CROSS JOIN cargo AS g",
    ],
)
def test_joins_by_keys_and_of_tables_without_any_may_be_written(sql: str) -> None:
    assert wrong(sql) is None


@pytest.mark.parametrize(
    ("sql", "at"),
    [
        ("SELECT s.name FROM ship AS s JOIN cargo AS g ON s.no = g.id", "JOIN"),
        ("SELECT s.name FROM ship AS s JOIN call AS c ON s.no = c.id", "c."),
        ("SELECT s.name FROM ship AS s JOIN call AS c ON s.built = c.no", "s."),
        ("SELECT s.name FROM ship AS s JOIN call AS c ON s.no > c.no", "s.no"),
        ("SELECT s.name FROM ship AS s JOIN call AS c ON s.no = 3", "="),
        ("SELECT s.name FROM ship AS s JOIN call AS c ON UPPER(s.home) = c.code", "ON"),
        ("SELECT a.name FROM ship AS a JOIN ship AS b ON a.name = b.name", "a."),
    ],
)
def test_other_joins_are_refused_where_they_begin(sql: str, at: str) -> None:
    found = wrong(sql)
    assert found is not None
    assert at in found.rpartition(": ")[2]
    assert wrong(sql, []) is None, "without known statements any join may be written"


def test_a_join_that_training_shows_may_be_written_though_no_key_says_so() -> None:
    odd = "SELECT s.name FROM ship AS s JOIN cargo AS g ON s.built = g.tons"
    assert wrong(odd) is not None
    assert wrong(odd, joined([odd, *[SHIPS] * ENOUGH], HARBOUR, "sqlite")) is None


def test_few_joins_a_schema_without_keys_or_with_two_tables_of_one_name_tell_nothing() -> None:
    assert joins_of(HARBOUR, LEARNED[: ENOUGH - 1]) is None
    assert joins_of(from_ddl("CREATE TABLE a (x INTEGER); CREATE TABLE b (x INTEGER)"), LEARNED) is None
    twice = (
        "CREATE TABLE {0}.ship (no INTEGER PRIMARY KEY); CREATE TABLE {0}.call (no INTEGER REFERENCES {0}.ship(no));"
    )
    assert joins_of(from_ddl(twice.format("x") + twice.format("y"), "postgres"), LEARNED) is None
    assert joins_of(HARBOUR, LEARNED) is not None


def test_joins_are_read_from_statements_and_kept_as_json() -> None:
    statements = [
        "SELECT name FROM Ship JOIN call ON ship.no = CALL.no WHERE id IN (SELECT id FROM cargo JOIN call USING (id))",
        "SELECT home FROM ship JOIN port ON home = code",
        "SELECT 1 FROM ship AS s JOIN (SELECT no FROM call) AS c ON s.no = c.no",
        "no statement",
    ]
    found = joined(statements, HARBOUR, "sqlite")
    assert found == [
        Pair(Place("ship", "no"), Place("call", "no")),
        Pair(Place("ship", "home"), Place("port", "code")),
    ]
    assert from_json(to_json([*found, found[0]])) == [found[0], found[0], found[1]]
