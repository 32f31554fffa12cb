"""Spider, BIRD and WikiSQL in the shapes in which their authors publish them."""

import csv
import json
import sqlite3
import zipfile
from itertools import islice

import pytest

from sqltailor.data import Reject, read_examples
from sqltailor.data.readers.defog import MAX_GOLDS, accepted
from sqltailor.errors import DataError

HEAD, DEPARTMENT = ("head_ID", "name", "order"), ("ID", "head", "5th")
TABLES = [
    {
        "db_id": "school",
        "table_names_original": ["head", "department"],
        "column_names_original": [
            [-1, "*"],
            [0, "head_ID"],
            [0, "name"],
            [0, "order"],
            [1, "ID"],
            [1, "head"],
            [1, "5th"],
        ],
        "column_types": ["text", "number", "text", "text", "number", "number", "time"],
        "primary_keys": [1, [4, 5]],
        "foreign_keys": [[5, 1]],
    }
]
DDL = (
    'CREATE TABLE head (head_ID NUMERIC PRIMARY KEY, name TEXT, "order" TEXT); CREATE TABLE department '
    '(ID NUMERIC, head NUMERIC REFERENCES head(head_ID), "5th" DATETIME, PRIMARY KEY (ID, head))'
)
SPIDER = {
    "db_id": "school",
    "query": 'SELECT count(*) FROM head WHERE name  =  "Ann"',
    "query_toks": ["SELECT"],
    "question": "How many heads are called Ann?",
    "sql": {"select": [False, []]},
}
BIRD = {
    "question_id": 7,
    "db_id": "school",
    "question": "Who is it?",
    "evidence": "it refers to head_ID = 1",
    "SQL": "SELECT `name` FROM head WHERE head_ID = 1",
    "difficulty": "simple",
}


def put(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_spider_with_its_tables_file(tmp_path):
    put(tmp_path / "tables.json", TABLES)
    [example] = read_examples(put(tmp_path / "train_spider.json", [SPIDER]))
    assert example.sql == ("SELECT COUNT(*) FROM head WHERE name = 'Ann'",)
    assert (example.id, example.db_id, example.line) == ("train_spider-1", "school", 1)
    assert example.schema == DDL


def test_spider_with_a_tables_file_elsewhere_and_an_unknown_database(tmp_path):
    tables = put(tmp_path / "elsewhere.json", TABLES)
    path = put(tmp_path / "dev.json", [SPIDER, SPIDER | {"db_id": "nowhere"}, SPIDER | {"query": ""}])
    first, second, third = read_examples(path, tables=tables)
    assert first.schema == DDL
    assert (second.reason, second.line) == ("unknown_database", 2)
    assert third.reason == "missing_field"
    with pytest.raises(DataError, match="not a tables file of Spider"):
        list(read_examples(path, tables=put(tmp_path / "wrong.json", [{"a": 1}])))


def test_spider_with_database_folders(tmp_path):
    file = tmp_path / "database" / "school" / "school.sqlite"
    file.parent.mkdir(parents=True)
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE head (head_ID INTEGER PRIMARY KEY, name VARCHAR(20))")
    connection.close()
    [example] = read_examples(put(tmp_path / "dev.json", [SPIDER]))
    assert example.schema == "CREATE TABLE head (head_ID INTEGER PRIMARY KEY, name VARCHAR(20))"


def test_spider_without_any_schema_keeps_the_db_id(tmp_path):
    [example] = read_examples(put(tmp_path / "dev.json", [SPIDER]))
    assert (example.schema, example.db_id) == (None, "school")


def test_bird(tmp_path):
    put(tmp_path / "dev_tables.json", TABLES)
    [example] = read_examples(put(tmp_path / "dev.json", [BIRD]))
    assert (example.id, example.difficulty, example.evidence) == ("dev-7", "simple", "it refers to head_ID = 1")
    assert example.sql == ("SELECT `name` FROM head WHERE head_ID = 1",)
    assert example.schema == DDL


WIKISQL_TABLE = {
    "id": "1-1000181-1",
    "header": ["State/territory", "No.", "No", "Format"],
    "types": ["text", "real", "text", "text"],
    "rows": [["x", 1, "y", "z"]],
}
WIKISQL = {
    "phase": 1,
    "table_id": "1-1000181-1",
    "question": "What format has no 2 in O'Hara?",
    "sql": {"sel": 3, "conds": [[1, 1, 2], [0, 0, "O'Hara"]], "agg": 3},
}
WIKISQL_SQL = "SELECT COUNT(format) FROM table_1_1000181_1 WHERE no > 2 AND state_territory = 'O''Hara'"


def lines(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


def test_wikisql_with_its_tables_file(tmp_path):
    lines(tmp_path / "dev.tables.jsonl", [WIKISQL_TABLE])
    bad = WIKISQL | {"sql": {"sel": 9, "conds": [], "agg": 0}}
    first, second, third = read_examples(lines(tmp_path / "dev.jsonl", [WIKISQL, bad, WIKISQL | {"table_id": "x"}]))
    assert first.sql == (WIKISQL_SQL,)
    assert first.schema == "CREATE TABLE table_1_1000181_1 (state_territory TEXT, no REAL, no_2 TEXT, format TEXT)"
    assert first.db_id == "1-1000181-1"
    assert isinstance(second, Reject)
    assert (second.reason, second.detail) == ("unknown_column", "column 9 of a table with 4 columns")
    assert third.reason == "broken_schema"


@pytest.mark.parametrize(
    ("sql", "reason", "detail"),
    [
        ({"sel": -1, "conds": [], "agg": 0}, "unknown_column", "column -1 of a table"),
        ({"sel": 0, "conds": [], "agg": 7}, "wrong_type", "7 is no aggregate: 0 to 5 are"),
        ({"sel": 0, "conds": [[0, 5, "x"]], "agg": 0}, "wrong_type", "5 is no operator"),
        ({"sel": 0, "agg": 0}, "missing_field", "`sql` has no `conds`"),
        ({"sel": "a", "conds": [], "agg": 0}, "wrong_type", "numbers"),
    ],
)
def test_wikisql_that_does_not_fit_its_table(tmp_path, sql, reason, detail):
    lines(tmp_path / "dev.tables.jsonl", [WIKISQL_TABLE])
    [reject] = read_examples(lines(tmp_path / "dev.jsonl", [WIKISQL | {"sql": sql}]))
    assert reject.reason == reason
    assert detail in reject.detail
    assert "Error" not in reject.detail


def test_spider_in_a_zip_file_with_its_tables(tmp_path):
    with zipfile.ZipFile(tmp_path / "spider.zip", "w") as archive:
        archive.writestr("spider/tables.json", json.dumps(TABLES))
        archive.writestr("spider/train_spider.json", json.dumps([SPIDER]))
    [example] = read_examples(tmp_path / "spider.zip")
    assert example.schema == DDL
    with zipfile.ZipFile(tmp_path / "spider.zip", "a") as archive:
        archive.writestr("spider/dev.json", json.dumps([SPIDER]))
    with pytest.raises(DataError, match="Next: unzip it"):
        list(read_examples(tmp_path / "spider.zip"))


def test_wikisql_as_hugging_face_has_it(tmp_path):
    conds = {"column_index": [1, 0], "operator_index": [1, 0], "condition": ["2", "O'Hara"]}
    row = {"table": WIKISQL_TABLE, "question": "q", "sql": {"sel": 3, "conds": conds, "agg": 3, "human_readable": "x"}}
    [example] = read_examples(lines(tmp_path / "x.jsonl", [row]))
    assert example.sql == (WIKISQL_SQL.replace("no > 2", "no > '2'"),)


def test_defog_rows_have_several_accepted_statements(tmp_path):
    path = tmp_path / "questions.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["db_name", "query_category", "question", "query", "instructions"])
        query = "SELECT {c.name, c.id}, COUNT(*) FROM customer c GROUP BY {}; SELECT 'a;b' FROM customer;"
        rows.writerow(["shop", "group_by", "How many a customer?", query, "Names are unique"])
        rows.writerow(["shop", "group_by", "", "SELECT 1", ""])
    [example, reject] = read_examples(path)
    assert example.sql == (
        "SELECT c.name, COUNT(*) FROM customer c GROUP BY c.name",
        "SELECT c.id, COUNT(*) FROM customer c GROUP BY c.id",
        "SELECT c.name, c.id, COUNT(*) FROM customer c GROUP BY c.name, c.id",
        "SELECT 'a;b' FROM customer",
    )
    assert (example.db_id, example.difficulty, example.evidence) == ("shop", "group_by", "Names are unique")
    assert (reject.line, reject.reason) == (3, "missing_field")
    assert len(list(islice(accepted("SELECT {a, b, c, d, e, f, g, h} FROM t"), MAX_GOLDS))) == MAX_GOLDS


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM customer WHERE tags @> '{gold,new}'",
        "SELECT address #>> '{home,city}' FROM customer -- {or, work}",
        "SELECT id /* {a, b} */ FROM customer WHERE note = '{}'",
        "SELECT {'city': city, 'id': id} FROM customer",
        "SELECT id FROM customer WHERE joined > {d '2024-01-01'}",
        "SELECT {fn now()}, {{ column }}, ${id} FROM customer",
        'SELECT "{a,b}" FROM customer',
    ],
)
def test_braces_are_choices_only_where_defog_means_them(sql):
    assert list(accepted(sql, "postgres")) == [sql]


def test_choices_hold_expressions_and_leave_literals_alone():
    cell = "SELECT {name, coalesce(city, 'a, b')} FROM t WHERE x = '{}' GROUP BY {}; -- checked"
    assert list(accepted(cell, "postgres"))[1:] == [
        "SELECT coalesce(city, 'a, b') FROM t WHERE x = '{}' GROUP BY coalesce(city, 'a, b')",
        "SELECT name, coalesce(city, 'a, b') FROM t WHERE x = '{}' GROUP BY name, coalesce(city, 'a, b')",
    ]
