"""Reading the schema of a SQLite file, and the samples of its columns."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from sqltailor.database import open_database
from sqltailor.sql.schema.ddl import from_ddl
from sqltailor.types import Column, Reference, Schema


def read(tmp_path: Path, script: str, samples: int = 0, personal: bool = False) -> Schema:
    path = tmp_path / "t.db"
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    with open_database(f"sqlite:///{path}") as database:
        return database.read_schema(samples=samples, personal=personal)


def columns(schema: Schema, table: str) -> dict[str, Column]:
    return {c.name: c for t in schema.tables if t.name == table for c in t.columns}


def samples(schema: Schema, table: str) -> dict[str, tuple[object, ...]]:
    return {name: column.samples for name, column in columns(schema, table).items()}


def test_tables_types_keys_and_views(tmp_path: Path) -> None:
    schema = read(
        tmp_path,
        """
        CREATE TABLE country (code CHAR(2) PRIMARY KEY, name VARCHAR(40) NOT NULL);
        CREATE TABLE city (id INTEGER PRIMARY KEY AUTOINCREMENT, Code char(2) REFERENCES COUNTRY(CODE), size);
        INSERT INTO city VALUES (1, NULL, 3.5);
        CREATE VIEW big AS SELECT name, count(*) AS n, max(size) FROM city JOIN country USING (code);
        CREATE INDEX i ON city (size);
        """,
    )
    assert [(t.name, t.is_view, t.namespace) for t in schema.tables] == [
        ("country", False, None),
        ("city", False, None),
        ("big", True, None),
    ]
    assert columns(schema, "country")["code"] == Column("code", "CHAR(2)", primary_key=True)
    assert columns(schema, "city")["id"] == Column("id", "INTEGER", primary_key=True)
    assert columns(schema, "city")["Code"] == Column("Code", "char(2)", references=Reference("country", "code"))
    assert {name: c.type for name, c in columns(schema, "big").items()} == {
        "name": "VARCHAR(40)",
        "n": "INTEGER",
        "max(size)": "TEXT",
    }
    assert columns(schema, "city")["size"].type == "REAL"


def test_composite_and_implicit_foreign_keys(tmp_path: Path) -> None:
    schema = read(
        tmp_path,
        """
        CREATE TABLE p (x, y INT, z INT, PRIMARY KEY (z, y)) WITHOUT ROWID;
        CREATE TABLE c (a INT, b INT, FOREIGN KEY (a, b) REFERENCES p);
        CREATE TABLE d (a INT, b INT, FOREIGN KEY (a, b) REFERENCES p (y, z));
        CREATE TABLE self (id INTEGER PRIMARY KEY, boss INT REFERENCES self);
        CREATE TABLE lost (a INT REFERENCES gone(id), b INT REFERENCES p (zz));
        """,
    )
    assert [c.primary_key for c in columns(schema, "p").values()] == [False, True, True]
    assert columns(schema, "c")["a"].references == Reference("p", "z")
    assert columns(schema, "c")["b"].references == Reference("p", "y")
    assert columns(schema, "d")["a"].references == Reference("p", "y")
    assert columns(schema, "self")["boss"].references == Reference("self", "id")
    assert [c.references for c in columns(schema, "lost").values()] == [None, None]


def test_odd_names(tmp_path: Path) -> None:
    schema = read(
        tmp_path,
        """
        CREATE TABLE "order"
            ("group" INT, "weird col" TEXT, "a]b" INT, `tick` INT, "quo""te" INT, 名前 TEXT, "5th" INT);
        CREATE TABLE "Mixed Case; DROP TABLE x; --" ("it's" INT PRIMARY KEY);
        CREATE TABLE ref (a INT REFERENCES "Mixed Case; DROP TABLE x; --");
        INSERT INTO "order" ("weird col", 名前) VALUES ('w', '山田'), ('w', NULL);
        INSERT INTO "Mixed Case; DROP TABLE x; --" VALUES (4);
        """,
        samples=2,
    )
    assert list(columns(schema, "order")) == ["group", "weird col", "a]b", "tick", 'quo"te', "名前", "5th"]
    assert columns(schema, "ref")["a"].references == Reference("Mixed Case; DROP TABLE x; --", "it's")
    assert samples(schema, "order")["weird col"] == ("w",)
    assert samples(schema, "order")["名前"] == ("山田",)
    assert samples(schema, "Mixed Case; DROP TABLE x; --") == {"it's": (4,)}


def test_generated_virtual_shadow_and_system_tables(tmp_path: Path) -> None:
    schema = read(
        tmp_path,
        """
        CREATE TABLE g (a INTEGER PRIMARY KEY AUTOINCREMENT, b INT AS (a + 1),
            c INT GENERATED ALWAYS AS (a * 2) STORED);
        INSERT INTO g (a) VALUES (1);
        CREATE VIRTUAL TABLE f USING fts5(title, body);
        CREATE TABLE f_data_is_mine (a INT);
        ANALYZE;
        """,
    )
    assert [t.name for t in schema.tables] == ["g", "f", "f_data_is_mine"]
    assert [(c.name, c.type) for c in schema.tables[0].columns] == [("a", "INTEGER"), ("b", "INT"), ("c", "INT")]
    assert list(columns(schema, "f")) == ["title", "body"]


def test_a_broken_view_is_left_out(tmp_path: Path) -> None:
    schema = read(
        tmp_path, "CREATE TABLE t (a INT); CREATE TABLE u (a); CREATE VIEW v AS SELECT a FROM u; DROP TABLE u;"
    )
    assert [t.name for t in schema.tables] == ["t"]


def test_comments_are_those_of_the_text_that_made_the_table(tmp_path: Path) -> None:
    ddl = """
        CREATE TABLE visit ( -- a pet's visit
            id INT, st TEXT NOT NULL, -- B booked, D done
            -- in kilogrammes
            "the weight" REAL DEFAULT 0, --  at arrival\t
            -- price INT,
            note TEXT DEFAULT '-- none', /* of the vet */ vet TEXT,
            born DATE, died DATE -- NULL: still alive
        );
        """
    schema = read(tmp_path, ddl)
    assert {name: c.comment for name, c in columns(schema, "visit").items()} == {
        "id": None,
        "st": "B booked, D done",
        "the weight": "in kilogrammes at arrival",
        "note": None,
        "vet": "of the vet",
        "born": None,
        "died": "NULL: still alive",
    }
    assert schema.tables[0].comment == "a pet's visit"
    assert [c.comment for t in from_ddl(ddl).tables for c in t.columns] == [
        c.comment for c in columns(schema, "visit").values()
    ]


def test_samples_are_frequent_short_and_not_null(tmp_path: Path) -> None:
    schema = read(
        tmp_path,
        """
        CREATE TABLE t (status TEXT, price REAL, photo BLOB, story TEXT, empty INT);
        INSERT INTO t VALUES ('open', 1.5, x'00', printf('%.*c', 50, 'x'), NULL), ('closed', 2.5, x'01', 'short', NULL),
            ('open', 1.5, x'02', NULL, NULL), ('new', 3.5, NULL, NULL, NULL), (NULL, NULL, NULL, NULL, NULL),
            (NULL, NULL, NULL, NULL, NULL), (NULL, NULL, NULL, NULL, NULL), ('closed', 1, NULL, NULL, NULL),
            ('open', 0, NULL, NULL, NULL);
        CREATE VIEW v AS SELECT upper(status) AS state FROM t;
        """,
        samples=2,
    )
    assert samples(schema, "t") == {
        "status": ("open", "closed"),
        "price": (1.5, 0.0),
        "photo": (),
        "story": ("short",),
        "empty": (),
    }
    assert samples(schema, "v") == {"state": ("OPEN", "CLOSED")}


def test_personal_columns_have_no_samples_unless_asked(tmp_path: Path) -> None:
    script = """
        CREATE TABLE customer (id INT, name TEXT, email TEXT, contact TEXT, city TEXT, birth_date DATE);
        INSERT INTO customer VALUES (1, 'Ann', 'a@b.org', 'ann@b.org', 'Rome', '1990-01-01');
    """
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    found = samples(read(tmp_path / "a", script, samples=3), "customer")
    assert found == {"id": (1,), "name": (), "email": (), "contact": (), "city": ("Rome",), "birth_date": ()}
    found = samples(read(tmp_path / "b", script, samples=3, personal=True), "customer")
    assert found["email"] == ("a@b.org",)
    assert found["birth_date"] == ("1990-01-01",)


def test_samples_read_only_the_first_rows(tmp_path: Path) -> None:
    started = time.monotonic()
    schema = read(
        tmp_path,
        """
        CREATE TABLE big (a INT);
        WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
            INSERT INTO big SELECT n > 10000 FROM c LIMIT 300000;
        CREATE VIEW slow AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
            SELECT n, n + 1 AS m, n AS l FROM c WHERE n < 0;
        """,
        samples=3,
    )
    assert samples(schema, "big") == {"a": (0,)}
    assert samples(schema, "slow") == {"n": (), "m": (), "l": ()}
    assert time.monotonic() - started < 4


@pytest.mark.parametrize("count", [0, 1])
def test_samples_are_as_many_as_asked(tmp_path: Path, count: int) -> None:
    schema = read(tmp_path, "CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2)", samples=count)
    assert len(samples(schema, "t")["a"]) == count
