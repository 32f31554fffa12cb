"""What a gold statement allows: order, ties, and limits that cut through ties, on real SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

import pytest

from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.gold import GoldAnswer, is_ordered, keyed
from sqltailor.types import QueryResult

Ask = Callable[[str], QueryResult]


@pytest.fixture
def ask() -> Iterator[Ask]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        """CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, city TEXT);
        INSERT INTO item VALUES (1, 'ant', 9, 'Lyon'), (2, 'bee', 5, 'Lyon'), (3, 'cat', 5, 'Nice'),
            (4, 'dog', 5, NULL), (5, 'eel', 1, NULL), (6, 'fox', NULL, 'Nice'), (7, 'gnu', NULL, 'Paris');"""
    )

    def run(sql: str) -> QueryResult:
        try:
            cursor = connection.execute(sql)
        except sqlite3.Error as e:
            raise SQLError(str(e)) from e
        rows = cursor.fetchmany(1_001)
        return QueryResult(tuple(c[0] for c in cursor.description), rows[:1_000], len(rows) > 1_000)

    yield run
    connection.close()


ACCEPTED = {
    "no order asked": ("SELECT name FROM item", "SELECT name FROM item ORDER BY name DESC"),
    "order inside only": ("SELECT name FROM (SELECT name FROM item ORDER BY name)", "SELECT name FROM item"),
    "tied rows in another order": (
        "SELECT name FROM item ORDER BY price DESC",
        "SELECT name FROM item ORDER BY price DESC, name DESC",
    ),
    "tied NULL keys in another order": (
        "SELECT name FROM item WHERE price IS NULL ORDER BY price",
        "SELECT name FROM item WHERE price IS NULL ORDER BY name DESC",
    ),
    "limit cuts a tie": (
        "SELECT name FROM item ORDER BY price DESC LIMIT 3",
        "SELECT name FROM item ORDER BY price DESC, name DESC LIMIT 3",
    ),
    "limit 1 in a tie": (
        "SELECT name FROM item WHERE price < 9 ORDER BY price DESC LIMIT 1",
        "SELECT name FROM item WHERE price < 9 AND price = 5 ORDER BY id DESC LIMIT 1",
    ),
    "limit and offset inside one tie": (
        "SELECT name FROM item ORDER BY price DESC LIMIT 1 OFFSET 2",
        "SELECT 'dog'",
    ),
    "limit without order": ("SELECT name FROM item LIMIT 2", "SELECT name FROM item ORDER BY name DESC LIMIT 2"),
    "ties of an aggregate": (
        "SELECT city FROM item WHERE city IS NOT NULL GROUP BY city ORDER BY COUNT(*) DESC LIMIT 1",
        "SELECT 'Nice'",
    ),
    "ties by alias": (
        "SELECT city, COUNT(*) AS n FROM item WHERE city IS NOT NULL GROUP BY city ORDER BY n DESC LIMIT 2",
        "SELECT city, COUNT(*) FROM item WHERE city IS NOT NULL GROUP BY city ORDER BY 2 DESC, 1 DESC LIMIT 2",
    ),
    "ties by number": (
        "SELECT COUNT(*), city FROM item WHERE city IS NOT NULL GROUP BY city ORDER BY 1 DESC LIMIT 1",
        "SELECT 2, 'Nice'",
    ),
    "ties of a star": ("SELECT * FROM item ORDER BY price DESC LIMIT 2", "SELECT * FROM item WHERE id IN (1, 4)"),
    "ties of a set operation": (
        "SELECT price, city FROM item WHERE id < 3 UNION SELECT price, city FROM item WHERE id = 3 ORDER BY price",
        "SELECT price, city FROM item WHERE id < 4 ORDER BY price, city DESC",
    ),
    "ties with DISTINCT": (
        "SELECT DISTINCT name, price FROM item WHERE price = 5 ORDER BY price",
        "SELECT name, price FROM item WHERE price = 5 ORDER BY name DESC",
    ),
    "ties in a common table expression": (
        "WITH low AS (SELECT name, price FROM item WHERE price < 9) SELECT name FROM low ORDER BY price DESC LIMIT 1",
        "SELECT 'dog'",
    ),
    "tie, columns in another order": (
        "SELECT name, price FROM item ORDER BY price DESC LIMIT 2",
        "SELECT price, name FROM item WHERE id IN (1, 3) ORDER BY price DESC",
    ),
    "empty result": ("SELECT name FROM item WHERE id = 0", "SELECT name FROM item WHERE id = -1"),
}

REFUSED = {
    "order of rows that do not tie": (
        "SELECT name FROM item ORDER BY price DESC",
        "SELECT name FROM item ORDER BY price",
    ),
    "a row from outside the tie": (
        "SELECT name FROM item ORDER BY price DESC LIMIT 2",
        "SELECT 'ant' UNION SELECT 'eel'",
    ),
    "the sure row is missing": (
        "SELECT name FROM item ORDER BY price DESC LIMIT 2",
        "SELECT name FROM item WHERE price = 5 LIMIT 2",
    ),
    "tied rows before the greater one": (
        "SELECT name FROM item ORDER BY price DESC LIMIT 2",
        "SELECT name FROM item WHERE id IN (1, 2) ORDER BY id DESC",
    ),
    "one tied row twice": (
        "SELECT name FROM item ORDER BY price DESC LIMIT 3",
        "SELECT 'ant' UNION ALL SELECT 'bee' UNION ALL SELECT 'bee'",
    ),
    "limit without order, invented row": ("SELECT name FROM item LIMIT 2", "SELECT 'ant' UNION SELECT 'yak'"),
    "more rows than the limit": ("SELECT name FROM item LIMIT 2", "SELECT name FROM item LIMIT 3"),
    "two keys break the tie": (
        "SELECT name FROM item ORDER BY price DESC, name LIMIT 2",
        "SELECT name FROM item ORDER BY price DESC, name DESC LIMIT 2",
    ),
    "empty result of other width": ("SELECT name FROM item WHERE id = 0", "SELECT * FROM item WHERE id = 0"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(case: str, ask: Ask) -> None:
    gold, predicted = ACCEPTED[case]
    assert GoldAnswer(gold, dialect="sqlite", run=ask).matches(ask(predicted))


@pytest.mark.parametrize("case", REFUSED)
def test_not_accepted(case: str, ask: Ask) -> None:
    gold, predicted = REFUSED[case]
    assert not GoldAnswer(gold, dialect="sqlite", run=ask).matches(ask(predicted))


@pytest.mark.parametrize("case", ACCEPTED)
def test_every_gold_accepts_itself(case: str, ask: Ask) -> None:
    for gold in ACCEPTED[case]:
        answer = GoldAnswer(gold, dialect="sqlite", run=ask)
        assert answer.matches(ask(gold))


@pytest.mark.parametrize(
    "gold",
    [
        "SELECT DISTINCT name FROM item ORDER BY price",  # the key is not in the result
        "SELECT name FROM item ORDER BY price LIMIT 2 OFFSET (SELECT 1)",
        "SELECT name AS x FROM item ORDER BY length(x)",  # an alias inside an expression
    ],
)
def test_where_ties_cannot_be_known_the_comparison_is_strict(gold: str, ask: Ask) -> None:
    answer = GoldAnswer(gold, dialect="sqlite", run=ask)
    rows = answer.result.rows
    assert answer.segments is None
    assert answer.matches(QueryResult(("x",), list(rows)))
    assert not answer.matches(QueryResult(("x",), [rows[1], rows[0], *rows[2:]]))


def test_the_gold_runs_again_only_when_a_result_differs(ask: Ask) -> None:
    ran: list[str] = []

    def run(sql: str) -> QueryResult:
        ran.append(sql)
        return ask(sql)

    answer = GoldAnswer("SELECT name FROM item ORDER BY price DESC LIMIT 3", dialect="sqlite", run=run)
    assert answer.matches(ask("SELECT name FROM item ORDER BY price DESC LIMIT 3"))
    assert not answer.matches(ask("SELECT name FROM item"))
    assert len(ran) == 1
    assert not answer.matches(ask("SELECT city FROM item LIMIT 3"))
    assert not answer.matches(ask("SELECT price FROM item LIMIT 3"))
    assert len(ran) == 2


def test_a_failing_or_endless_gold_raises(ask: Ask) -> None:
    with pytest.raises(SQLError, match="no such column"):
        GoldAnswer("SELECT nowhere FROM item", dialect="sqlite", run=ask)
    with pytest.raises(SQLError, match="more than 1,000 rows"):
        GoldAnswer("SELECT 1 FROM item a, item b, item c, item d", dialect="sqlite", run=ask)


@pytest.mark.parametrize(
    ("sql", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("SELECT a FROM t WHERE b IN (SELECT b FROM u ORDER BY c LIMIT 1)", False),
        ("SELECT a, ROW_NUMBER() OVER (ORDER BY b) FROM t", False),
        ("SELECT a FROM t UNION SELECT b FROM u ORDER BY 1", True),
        ("WITH x AS (SELECT a FROM t ORDER BY a) SELECT a FROM x", False),
        ("SELECT a FROM t WHERE b = ' ORDER BY '", False),
        ("SELECT a FROM t WHERE ~!?? ORDER BY (b)", True),  # not readable: judged by its text
        ("SELECT a FROM t WHERE ~!?? (SELECT 1 FROM (SELECT 2) ORDER BY b)", False),
    ],
)
def test_is_ordered(sql: str, ordered: bool) -> None:
    assert is_ordered(sql) is ordered


def test_keys_survive_in_another_dialect() -> None:
    query = keyed('SELECT "Name" FROM t ORDER BY created::date DESC NULLS LAST LIMIT 5 OFFSET 2', ["Name"], "postgres")
    assert query is not None
    assert query.sql == (
        'SELECT "Name", CAST(created AS DATE) AS _key_1 FROM t ORDER BY CAST(created AS DATE) DESC NULLS LAST'
    )
    assert (query.keys, query.offset) == ((1,), 2)
