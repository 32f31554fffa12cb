"""What a constrained model may write: names that exist, and columns that belong to the tables of their FROM."""

from __future__ import annotations

import pytest

from sqltailor.sql.constrain.grammar import grammar, one_table
from sqltailor.sql.constrain.lexemes import Names
from sqltailor.sql.constrain.name_check import problem
from sqltailor.sql.constrain.signatures import calls
from sqltailor.sql.guard.functions import allowed_functions
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Column, Schema, Table

SCHEMA = from_ddl(
    """
    CREATE TABLE stop (id INTEGER PRIMARY KEY, name TEXT, zone INTEGER, opened DATE);
    CREATE TABLE line (number TEXT PRIMARY KEY, name TEXT, colour TEXT, first TEXT);
    CREATE TABLE serves (line_number TEXT REFERENCES line (number), stop_id INTEGER REFERENCES stop (id), "order" INT);
    """,
    "sqlite",
)
NAMES = Names(SCHEMA)
GOOD = """
SELECT COUNT(*) FROM stop
SELECT name FROM stop WHERE zone BETWEEN 1 AND 2 ORDER BY opened DESC LIMIT 3
SELECT s.name, l.colour FROM stop AS s JOIN serves AS v ON s.id = v.stop_id JOIN line AS l ON v.line_number = l.number
SELECT colour, COUNT(*) AS n FROM line GROUP BY colour HAVING COUNT(*) > 1 ORDER BY n DESC
SELECT name FROM stop WHERE id NOT IN (SELECT stop_id FROM serves WHERE "order" = 1)
SELECT s.name FROM stop s WHERE EXISTS (SELECT 1 FROM serves WHERE stop_id = s.id)
SELECT AVG(n) FROM (SELECT COUNT(*) AS n FROM serves GROUP BY line_number) AS x
WITH busy AS (SELECT stop_id, COUNT(*) AS n FROM serves GROUP BY stop_id) SELECT b.n FROM busy AS b WHERE b.n > 2
SELECT name FROM stop UNION SELECT colour FROM line
SELECT CAST(zone AS REAL) / 2, STRFTIME('%Y', opened) FROM stop
SELECT CASE WHEN zone = 1 THEN 'inner' ELSE 'outer' END, COUNT(*) FROM stop GROUP BY 1
SELECT (SELECT MAX(zone) FROM stop) - MIN(zone) FROM stop
SELECT RANK() OVER (ORDER BY zone DESC) AS place FROM stop
SELECT first FROM line
""".strip().splitlines()
BAD = {
    "SELECT colour FROM stop WHERE": "colour",
    "SELECT COUNT(*) FROM stop WHERE colour": "begins with colour",
    "SELECT s.colour FROM stop AS s WHERE": "colour",
    "SELECT s.zone FROM stop AS s WHERE l.": "l in FROM",
    "SELECT name FROM stop, line WHERE": "two tables",
    "SELECT name FROM trams ": "trams",
    "SELECT MAX(zone) FROM stop WHERE zone = 5x": "5x",
    "selectname ": "begins with SELECT",
}


@pytest.mark.parametrize("sql", GOOD)
def test_what_may_run_may_be_written_token_by_token(sql: str) -> None:
    assert problem(sql, NAMES, "sqlite", is_whole=True) is None
    for end in range(1, len(sql)):
        assert problem(sql[:end], NAMES, "sqlite") is None, sql[:end]


@pytest.mark.parametrize(("sql", "reason"), BAD.items())
def test_a_name_that_cannot_be_right_is_refused_at_once(sql: str, reason: str) -> None:
    found = problem(sql, NAMES, "sqlite")
    assert found is not None
    assert reason in str(found)


def test_the_name_to_blame_is_named() -> None:
    found = problem("SELECT colour FROM stop WHERE", NAMES, "sqlite")
    assert found is not None
    assert found.blame == (len("SELECT colour FROM "), "stop")
    unknown = problem("SELECT tram FROM stop WHERE", NAMES, "sqlite")
    assert unknown is not None
    assert (unknown.blame, unknown.is_sure) == ((len("SELECT "), "tram"), True)


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb", "snowflake"])
def test_every_call_is_one_that_the_guard_allows(dialect: str) -> None:
    assert calls(dialect).keys() <= allowed_functions(dialect)


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb", "bigquery", "snowflake", "tsql", "trino"])
def test_grammars_compile_and_take_their_dialects_statements(dialect: str) -> None:
    llguidance = pytest.importorskip("llguidance")
    tokenizer = llguidance.LLTokenizer("byte")
    odd = Table('päck/ed | ta"ble', (Column("a.b*", "TEXT"), Column("select", "TEXT"), Column("ß", "INT")))
    schema = Schema((*SCHEMA.tables, odd))
    for text in (grammar(schema, dialect), one_table(schema, dialect)):
        matcher = llguidance.LLMatcher(tokenizer, text)
        assert not matcher.is_error(), matcher.get_error()
    matcher = llguidance.LLMatcher(tokenizer, grammar(schema, dialect))
    sql = "SELECT s.name, COUNT(*) FROM stop AS s JOIN serves AS v ON s.id = v.stop_id WHERE s.zone > 1 GROUP BY s.name"
    assert matcher.validate_tokens(tokenizer.tokenize_str(sql)) == len(sql)


def test_a_large_schema_compiles_in_time() -> None:
    import time

    llguidance = pytest.importorskip("llguidance")
    tokenizer = llguidance.LLTokenizer("byte")
    tables = tuple(Table(f"table_{i}", tuple(Column(f"column_{i}_{j}", "TEXT") for j in range(10))) for i in range(300))
    began = time.process_time()
    matcher = llguidance.LLMatcher(tokenizer, grammar(Schema(tables), "sqlite"))
    Names(Schema(tables))
    assert not matcher.is_error()
    assert time.process_time() - began < 5
