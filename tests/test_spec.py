"""JSON specifications become exactly the SQL that they say, and nothing else."""

from __future__ import annotations

import json
import sqlite3
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqltailor.errors import DataError
from sqltailor.sql.dialect import canonical
from sqltailor.sql.queryspec import OPERATORS, compile_spec, json_schema
from sqltailor.sql.schema import from_ddl

SCHEMA = from_ddl(
    "CREATE TABLE cust (cid INTEGER PRIMARY KEY, nm TEXT, zip VARCHAR(5), joined DATE, score REAL, vip BOOLEAN);"
    "CREATE TABLE ord (oid INTEGER, cid INTEGER REFERENCES cust (cid), nm TEXT, total NUMERIC(8, 2))"
)


def where(column: str, operator: str, value: Any = None, schema: Any = None) -> str:
    part = {"column": column, "operator": operator} | ({} if value is None else {"value": value})
    return compile_spec({"table": "cust", "cols": ["cid"], "filters": [part]}, schema=schema).partition(" WHERE ")[2]


def test_the_published_example() -> None:
    spec = {
        "table": "db.table_a",
        "cols": ["name", "id"],
        "filters": [{"column": "id", "operator": "IN", "value": "1,23,45"}],
    }
    assert compile_spec(spec) == "SELECT name, id FROM db.table_a WHERE id IN (1, 23, 45)"


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("7", "7"), ("0", "0"), ("-1.5", "-1.5"), ("007", "'007'"), ("1.", "'1.'"), ("+1", "'+1'"), ("1e3", "'1e3'"),
        ("", "''"), ("abc", "'abc'"), ("O'Brien", "'O''Brien'"), (7, "7"), (2.5, "2.5"), (True, "TRUE"), (" 7", "' 7'"),
    ],
)  # fmt: skip
def test_without_a_schema_a_token_is_a_number_iff_it_looks_like_one(value: Any, literal: str) -> None:
    assert where("a", "=", value) == f"a = {literal}"


@pytest.mark.parametrize(
    ("column", "value", "literal"),
    [
        ("cid", "7", "7"), ("cid", "007", "7"), ("zip", "7", "'7'"), ("zip", 7, "'7'"), ("nm", "7", "'7'"),
        ("joined", "2024-01-01", "'2024-01-01'"), ("score", "1.50", "1.50"), ("score", "1e3", "1000"),
        ("vip", True, "TRUE"), ("cid", True, "1"),
    ],
)  # fmt: skip
def test_types_come_from_the_schema(column: str, value: Any, literal: str) -> None:
    assert where(column, "=", value, SCHEMA) == f"{column} = {literal}"


@pytest.mark.parametrize(
    ("operator", "value", "sql"),
    [
        ("IN", "1, 23 ,45", "a IN (1, 23, 45)"),
        ("in", "a,007,-3", "a IN ('a', '007', -3)"),
        ("NOT IN", ["x", 2], "NOT a IN ('x', 2)"),
        ("IN", "'a,b', \"c\", 'it''s', '7'", "a IN ('a,b', 'c', 'it''s', '7')"),
        ("IN", 5, "a IN (5)"),
        ("BETWEEN", "1,10", "a BETWEEN 1 AND 10"),
        ("between", ["2020-01-01", "2020-12-31"], "a BETWEEN '2020-01-01' AND '2020-12-31'"),
        ("NOT BETWEEN", "1,10", "NOT a BETWEEN 1 AND 10"),
        ("LIKE", "%a,b%", "a LIKE '%a,b%'"),
        ("NOT LIKE", "7", "a NOT LIKE '7'"),
        ("IS NULL", None, "a IS NULL"),
        ("is  not null", None, "NOT a IS NULL"),
        ("!=", 1, "a <> 1"), ("<>", 1, "a <> 1"), (">", 1, "a > 1"), (">=", 1, "a >= 1"), ("<", 1, "a < 1"),
        ("<=", 1, "a <= 1"), ("=", "1,2", "a = '1,2'"),
    ],
)  # fmt: skip
def test_operators(operator: str, value: Any, sql: str) -> None:
    assert where("a", operator, value) == canonical(f"SELECT x FROM t WHERE {sql}").partition(" WHERE ")[2]


def test_everything_at_once() -> None:
    spec = {
        "table": "cust",
        "cols": ["cust.nm"],
        "distinct": True,
        "joins": [{"table": "ord", "on": {"left": "cust.cid", "right": "ord.cid"}, "type": "left"}],
        "filters": [{"column": "zip", "operator": "=", "value": "07"}],
        "group_by": ["cust.nm"],
        "aggregates": [{"function": "sum", "column": "total", "alias": "spent"}, {"function": "count"}],
        "having": [{"function": "count", "column": "oid", "operator": ">", "value": 2}],
        "order_by": [{"column": "spent", "direction": "desc"}, {"column": "cust.nm"}],
        "limit": 3,
    }
    assert compile_spec(spec, schema=SCHEMA) == (
        "SELECT DISTINCT cust.nm, SUM(total) AS spent, COUNT(*) FROM cust LEFT JOIN ord ON cust.cid = ord.cid "
        "WHERE zip = '07' GROUP BY cust.nm HAVING COUNT(oid) > 2 ORDER BY spent DESC, cust.nm LIMIT 3"
    )


def test_no_columns_means_all() -> None:
    assert compile_spec({"table": "t"}) == "SELECT * FROM t"


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb", "bigquery", "snowflake"])
def test_order_is_written_without_a_place_for_nulls(dialect: str) -> None:
    spec = {"table": "t", "cols": ["a"], "order_by": [{"column": "a"}, {"column": "b", "direction": "desc"}]}
    assert compile_spec(spec, dialect) == "SELECT a FROM t ORDER BY a, b DESC"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"tabel": "cust"}, "Unknown key 'tabel'. Did you mean 'table'?"),
        ({"table": "cust", "cols": ["nmm"]}, "Unknown column 'nmm'. Did you mean 'nm'?"),
        ({"table": "custs"}, "Unknown table 'custs'. Did you mean 'cust'?"),
        ({"table": "cust", "filters": [{"column": "nm", "operator": "LKE", "value": "x"}]}, "Did you mean 'LIKE'?"),
        ({"table": "cust", "filters": [{"column": "nm", "operatr": "="}]}, "filters.0: Unknown key 'operatr'"),
        ({"table": "cust", "filters": [{"column": "cid", "operator": "=", "value": "x"}]}, "'x' is not a number"),
        ({"table": "cust", "filters": [{"column": "nm", "operator": "=", "value": None}]}, "use IS NULL"),
        ({"table": "cust", "filters": [{"column": "nm", "operator": "=", "value": ["a"]}]}, "use IN"),
        ({"table": "cust", "filters": [{"column": "nm", "operator": "IS NULL", "value": "a"}]}, "takes no value"),
        ({"table": "cust", "filters": [{"column": "cid", "operator": "BETWEEN", "value": "1"}]}, "needs two values"),
        ({"table": "cust", "filters": [{"column": "cid", "operator": "IN", "value": ""}]}, "needs values such as"),
        ({"table": "cust", "filters": [{"column": "cid", "operator": "IN", "value": []}]}, "needs values such as"),
        ({"table": "cust", "cols": ["nm"], "aggregates": [{"function": "count"}]}, "must be in `group_by`: nm"),
        ({"table": "cust", "aggregates": [{"function": "summ", "column": "cid"}]}, "Did you mean 'SUM'?"),
        ({"table": "cust", "aggregates": [{"function": "sum"}]}, "SUM needs a column"),
        ({"table": "cust", "limit": -1}, "limit: "),
        ({"table": "cust", "limit": "3"}, "limit: "),
        ({"table": "cust", "joins": [{"table": "ord", "on": {"left": "cust.cid"}}]}, "joins.0.on.right: Field"),
        ({"table": "cust", "joins": [{"table": "cust", "on": {"left": "cid", "right": "cid"}}]}, "with itself"),
        ({"table": "cust", "cols": ["ordd.nm"]}, "Unknown table 'ordd'"),
    ],
)  # fmt: skip
def test_faults_say_what_is_meant(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        compile_spec(spec, schema=SCHEMA)
    assert message in str(caught.value)


def test_all_faults_of_keys_and_words_are_told_at_once() -> None:
    with pytest.raises(DataError) as caught:
        compile_spec({"table": "cust", "colz": [], "filters": [{"column": "nm", "operator": "~", "value": 1}]})
    assert "'colz'" in str(caught.value)
    assert "'~'" in str(caught.value)


def test_a_column_of_several_tables_must_be_qualified() -> None:
    spec = {
        "table": "cust",
        "cols": ["nm"],
        "joins": [{"table": "ord", "on": {"left": "cust.cid", "right": "ord.cid"}}],
    }
    with pytest.raises(DataError, match=r"cust\.nm, ord\.nm"):
        compile_spec(spec, schema=SCHEMA)


def test_names_take_the_schemas_spelling_and_odd_ones_are_quoted() -> None:
    schema = from_ddl('CREATE TABLE "Order" ("Unit Price" REAL, "a.b" TEXT)')
    spec = {"table": "order", "cols": ["unit price", "a.b", "Order.a.b"]}
    assert compile_spec(spec, schema=schema) == 'SELECT "Unit Price", "a.b", "Order"."a.b" FROM "Order"'


@given(st.text(max_size=30), st.sampled_from(["sqlite", "mysql", "postgres", "duckdb", "bigquery"]))
def test_no_value_leaves_its_literal(text: str, dialect: str) -> None:
    import sqlglot
    from sqlglot import exp

    spec = {"table": "t", "cols": ["a"], "filters": [{"column": "a", "operator": "=", "value": text + "'"}]}
    statements = sqlglot.parse(compile_spec(spec, dialect), read=dialect)
    assert len(statements) == 1
    found = statements[0].find(exp.Where).this  # type: ignore[union-attr]
    assert isinstance(found, exp.EQ)
    assert isinstance(found.expression, exp.Literal)


@given(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
def test_a_value_comes_back_from_a_real_database(text: str) -> None:
    spec = {"table": "t", "cols": ["a"], "filters": [{"column": "a", "operator": "IN", "value": [text, "x"]}]}
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE t (a TEXT)")
        connection.execute("INSERT INTO t VALUES (?)", (text,))
        assert connection.execute(compile_spec(spec, schema=from_ddl("CREATE TABLE t (a TEXT)"))).fetchall() == [
            (text,)
        ]
    connection.close()


@pytest.mark.parametrize(
    "name", ["id; DROP TABLE t", 'a" FROM u --', "a) OR (1=1", "--", "/*", "a\nb", "select", "5th place"]
)
def test_no_name_leaves_its_quotes(name: str) -> None:
    import sqlglot
    from sqlglot import exp

    spec = {"table": "t", "cols": [name], "group_by": [name], "order_by": [{"column": name}]}
    tree = sqlglot.parse_one(compile_spec(spec), read="sqlite")
    assert [column.name for column in tree.find_all(exp.Column)] == [name] * 3
    assert [table.name for table in tree.find_all(exp.Table)] == ["t"]


def test_the_specs_of_the_sample_database_compile_to_their_gold() -> None:
    demo = files("sqltailor.demo")
    schema = from_ddl(demo.joinpath("shop.sql").read_text())
    lines = demo.joinpath("specs.jsonl").read_text().splitlines()
    assert len(lines) == 100
    for line in map(json.loads, lines):
        gold = canonical(line["sql"][0])
        assert compile_spec(line["spec"], schema=schema) == gold
        assert compile_spec(line["spec"]) == gold


def test_the_json_schema_is_the_published_one() -> None:
    published = Path(__file__).parent.parent / "src/sqltailor/sql/queryspec/spec.schema.json"
    assert json.loads(published.read_text()) == json_schema()
    operators = json_schema()["$defs"]["Filter"]["properties"]["operator"]["enum"]
    assert set(OPERATORS) <= set(operators)
