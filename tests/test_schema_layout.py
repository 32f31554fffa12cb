# ruff: noqa: E501
"""Schema scripts inside something else: a page of prose, a client's screen, a tool's migration; and odd spellings."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqltailor.data.schema_file import read_schema_file
from sqltailor.sql.schema.ddl import read_ddl


def shown(ddl: str, dialect: str) -> dict[str, list[str]]:
    """Table → columns; fails when anything was not read."""
    reading = read_ddl([("", ddl)], dialect)
    assert reading.note() == ""
    return {t.name: [c.name for c in t.columns] for t in reading.schema.tables}


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("# --- !Ups", "# --- !Downs"),
        ("-- Up Migration", "-- Down Migration"),
        ("-- ==== UP ====", "-- ==== DOWN ===="),
        ("-- rambler up", "-- rambler down"),
        ("-- +micrate Up", "-- +micrate Down"),
        ("-- +up", "-- +down"),
        ("-- //", "-- //@UNDO"),
        ("-- the pier", "---- create above / drop below ----"),
        ("------\n-- Up\n------", "------\n-- Down\n------"),
        ("-- Up\r", "-- Down\r"),
    ],
)
def test_the_way_back_of_a_migration_is_left_out(up: str, down: str) -> None:
    ddl = f"{up}\nCREATE TABLE pier (id int);\n\n{down}\nDROP TABLE pier;\n"
    assert shown(ddl, "postgres") == {"pier": ["id"]}


@pytest.mark.parametrize(
    "remark", ["-- Down", "-- === Down payments ===", "-- ==== DOWN ====", "/*\n```\nSELECT 1;\n```\n*/"]
)
def test_a_remark_hides_nothing(remark: str) -> None:
    assert list(shown(f"{remark}\nCREATE TABLE pier (id int);", "postgres")) == ["pier"]


def test_the_way_back_in_files_of_its_own_is_left_out(tmp_path: Path) -> None:
    for name, text in {
        "001/up.sql": "CREATE TABLE pier (id int);",
        "001/down.sql": "DROP TABLE pier;",
        "deploy/boat.sql": "CREATE TABLE boat (id int);",
        "revert/boat.sql": "DROP TABLE boat;",
        "verify/boat.sql": "SELECT id FROM boat;",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert [t.name for t in read_schema_file(tmp_path).tables] == ["pier", "boat"]


PAGE = (
    "# Harbour\n\nIt's ours.\n\n```sql\nCREATE TABLE pier (id int);\n```\nand\n```\nCREATE TABLE boat (`no` int)\n```\n"
)
SHELL = """mysql> CREATE TABLE
    -> pier (
    -> id int,
    -> note varchar(9) DEFAULT 'it''s'
    -> );
Query OK, 0 rows affected (0.01 sec)

mysql> create table boat (no int);
"""
PSQL = "harbour=# CREATE TABLE pier (\nharbour(# id int);\nCREATE TABLE\nharbour=> create table boat (no int);\nCREATE TABLE\n"
ROW = "*************************** 1. row ***************************\n       Table: pier\nCreate Table: CREATE TABLE `pier` (\n  `id` int\n) ENGINE=InnoDB\n1 row in set (0.00 sec)\n"
BOX = "+------------------+\n|  createtab_stmt  |\n+------------------+\n| CREATE TABLE `harbour.pier`( |\n|   `id` int)      |\n| PARTITIONED BY ( |\n|   `day` string)  |\n+------------------+\n"


@pytest.mark.parametrize(
    ("text", "dialect", "tables"),
    [
        (PAGE, "mysql", {"pier": ["id"], "boat": ["no"]}),
        (SHELL, "mysql", {"pier": ["id", "note"], "boat": ["no"]}),
        (PSQL, "postgres", {"pier": ["id"], "boat": ["no"]}),
        (ROW, "mysql", {"pier": ["id"]}),
        (BOX, "hive", {"pier": ["id", "day"]}),
    ],
    ids=["page", "mysql", "psql", "row", "box"],
)
def test_what_stands_around_a_script_is_no_part_of_it(text: str, dialect: str, tables: dict[str, list[str]]) -> None:
    assert shown(text, dialect) == tables


def test_what_only_looks_like_a_prompt_stays() -> None:
    ddl = "CREATE TABLE bees (\nhive int,\nmysql text,\nkept text GENERATED ALWAYS AS (mysql\n  ->> 'a') STORED\n);"
    assert shown(ddl, "postgres") == {"bees": ["hive", "mysql", "kept"]}


def test_line_ends_and_marks_of_joined_files(tmp_path: Path) -> None:
    for name, text in {
        "mac.sql": "CREATE TABLE pier (id int, -- one\r no int);\r-- two\rCREATE TABLE boat (a int);\r",
        "joined.sql": "\ufeffCREATE TABLE pier (id int, no int);\n\ufeffCREATE TABLE boat (a int);\n",
    }.items():
        (tmp_path / name).write_bytes(text.encode())
        found = {t.name: [c.name for c in t.columns] for t in read_schema_file(tmp_path / name, "mysql").tables}
        assert found == {"pier": ["id", "no"], "boat": ["a"]}


@pytest.mark.parametrize(
    ("dialect", "ddl", "tables"),
    [
        ("bigquery", "CREATE EXTERNAL TABLE d.pier (id INT64) WITH PARTITION COLUMNS (day DATE) OPTIONS (format='CSV')",
         {"pier": ["id", "day"]}),
        ("bigquery", 'EXECUTE IMMEDIATE "CREATE TABLE d.pier (id INT64)"; EXECUTE IMMEDIATE """CREATE TABLE d.boat (no INT64)"""',
         {"pier": ["id"], "boat": ["no"]}),
        ("databricks", "CREATE STREAMING TABLE pier (id INT, CONSTRAINT ok EXPECT (id > 0) ON VIOLATION DROP ROW)", {"pier": ["id"]}),
        ("teradata", "CREATE TABLE h.pier, NO FALLBACK (id INTEGER); CREATE VOLATILE TABLE p AS (SELECT id FROM h.pier) "
         "WITH DATA PRIMARY INDEX (id) ON COMMIT PRESERVE ROWS", {"pier": ["id"], "p": ["id"]}),
        ("mysql", "CREATE TABLE pier (id int); ALTER IGNORE TABLE pier ADD no int; ALTER TABLE pier CHANGE COLUMN IF EXISTS id nr int",
         {"pier": ["nr", "no"]}),
        ("tsql", "CREATE TABLE pier ([id ]]x] int, no int, d int)\nGO\nCREATE TABLE #scratch (a int)\nGO\n"
         "ALTER TABLE pier DROP CONSTRAINT df, COLUMN d", {"pier": ["id ]x", "no"]}),
        ("tsql", "CREATE TABLE goes (since date, CONSTRAINT e CONNECTION (boat TO pier)) AS EDGE", {"goes": ["since"]}),
        ("oracle", 'CREATE TABLE "PIER" ("ID" NUMBER, SUPPLEMENTAL LOG DATA (ALL) COLUMNS)', {"PIER": ["ID"]}),
        ("sqlite", "CREATE VIRTUAL TABLE pier USING rtree(id, x, y, +note TEXT);"
         "INSERT INTO sqlite_schema(type,name,tbl_name,rootpage,sql)VALUES('table','t','t',0,'CREATE VIRTUAL TABLE t USING fts5(a, b)');",
         {"pier": ["id", "x", "y", "note"], "t": ["a", "b"]}),
        ("hive", "CREATE TABLE `h.pier`(id int) PARTITIONED BY (day string); ALTER TABLE h.pier REPLACE COLUMNS (no int)",
         {"pier": ["no", "day"]}),
        ("postgres", 'CREATE TABLE :"place".pier (id int);', {"pier": ["id"]}),
        ("snowflake", "CREATE TABLE pier (id INT); CREATE SEMANTIC VIEW s TABLES (pier)", {"pier": ["id"]}),
    ],
)  # fmt: skip
def test_clauses_between_and_around_columns(dialect: str, ddl: str, tables: dict[str, list[str]]) -> None:
    assert shown(ddl, dialect) == tables
