"""Schemas: from DDL of any database and back, within a token budget; hash, differences, JSON."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqltailor.errors import DataError
from sqltailor.sql.schema import (
    diff,
    find_column,
    find_table,
    from_ddl,
    from_json,
    names,
    qualified_name,
    schema_hash,
    show_value,
    to_ddl,
    to_json,
)
from sqltailor.types import Column, Reference, Schema, Table


def columns(ddl: str, dialect: str = "sqlite", **options: bool) -> dict[str, Column]:
    [table] = from_ddl(ddl, dialect, **options).tables
    return {c.name: c for c in table.columns}


# ---- reading DDL: types

TYPES = {
    "sqlite": ["INT", "INTEGER", "UNSIGNED BIG INT", "NATIVE CHARACTER(70)", "DECIMAL(10,5)", "FOO BAR", "",
               "varchar(9)"],
    "postgres": ["character varying(30)", "timestamp(3) without time zone", "text[]", "integer[3][]", "public.mood",
                 '"Mood"', "bit varying(5)", "interval day to second", "double precision", "geometry(Point,4326)",
                 "integer ARRAY"],
    "mysql": ["int(11) unsigned zerofill", "enum('a','b''c',')')", "set('x,y','z')", "decimal(10,2) unsigned", "json"],
    "duckdb": ["STRUCT(a INTEGER, b VARCHAR)", "MAP(VARCHAR, INTEGER)", "INTEGER[]", "DECIMAL(18,3)", "HUGEINT"],
    "bigquery": ["ARRAY<STRUCT<a INT64, b STRING>>", "NUMERIC(10,2)"],
}  # fmt: skip


@pytest.mark.parametrize(("dialect", "kind"), [(d, kind) for d, kinds in TYPES.items() for kind in kinds])
def test_types_keep_their_spelling(dialect: str, kind: str) -> None:
    found = columns(f"CREATE TABLE t (x {kind}, y int)", dialect)
    assert [c.type for c in found.values()] == [kind, "int"]


@pytest.mark.parametrize(
    "rest",
    [
        "NOT NULL DEFAULT (1 + 2) CHECK (x > ')')",
        "DEFAULT 'a, b' UNIQUE",
        "COLLATE NOCASE",
        "GENERATED ALWAYS AS (y * 2) STORED",
        "AS (y * 2) VIRTUAL",
        "CONSTRAINT positive CHECK (x > 0 AND y IN (1, 2))",
        "NULL",
        "AUTO_INCREMENT",
        "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "DEFAULT nextval('a_seq'::regclass)",
    ],
)
def test_what_follows_a_type_is_not_the_type(rest: str) -> None:
    found = columns(f"CREATE TABLE t (x VARCHAR(9) {rest}, y INTEGER)")
    assert {name: c.type for name, c in found.items()} == {"x": "VARCHAR(9)", "y": "INTEGER"}


# ---- reading DDL: keys


@pytest.mark.parametrize(
    ("dialect", "ddl"),
    [
        ("sqlite", "CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER REFERENCES u(c))"),
        ("sqlite", "CREATE TABLE t (a INTEGER, b INTEGER, PRIMARY KEY (a), FOREIGN KEY (b) REFERENCES u (c))"),
        ("sqlite", "CREATE TABLE t (a INTEGER CONSTRAINT pk PRIMARY KEY, b INTEGER CONSTRAINT fk REFERENCES u(c))"),
        ("mysql", "CREATE TABLE t (a INTEGER, b INTEGER, PRIMARY KEY USING BTREE (`a`), KEY k (b), "
                  "UNIQUE KEY u (a, b), CONSTRAINT fk FOREIGN KEY (b) REFERENCES u (c) ON DELETE CASCADE) "
                  "ENGINE=InnoDB"),
        ("postgres", "CREATE TABLE t (a INTEGER, b INTEGER, CONSTRAINT p PRIMARY KEY (a), CHECK (a > 0), "
                     "EXCLUDE USING gist (a WITH =), CONSTRAINT f FOREIGN KEY (b) REFERENCES u(c) DEFERRABLE)"),
        ("postgres", "CREATE TABLE t (a INTEGER, b INTEGER);\nALTER TABLE ONLY t\n  ADD CONSTRAINT p PRIMARY KEY (a);\n"
                     "ALTER TABLE ONLY t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES u(c);"),
        ("mysql", "CREATE TABLE t (a INTEGER); "
                  "ALTER TABLE `t` ADD PRIMARY KEY (`a`), ADD COLUMN b INTEGER REFERENCES u(c)"),
    ],
)  # fmt: skip
def test_keys_in_the_column_apart_from_it_and_added_later(dialect: str, ddl: str) -> None:
    found = columns(ddl, dialect)
    assert found["a"] == Column("a", "INTEGER", primary_key=True)
    assert found["b"] == Column("b", "INTEGER", references=Reference("u", "c"))
    assert len(found) == 2


def test_composite_keys() -> None:
    found = columns(
        "CREATE TABLE t (a INT, b INT, c INT, PRIMARY KEY (a, b), FOREIGN KEY (b, c) REFERENCES u (x, y), "
        "FOREIGN KEY (a) REFERENCES v)"
    )
    assert [c.primary_key for c in found.values()] == [True, True, False]
    assert [c.references for c in found.values()] == [Reference("v", ""), Reference("u", "x"), Reference("u", "y")]


def test_columns_that_are_called_like_a_constraint() -> None:
    ddl = "CREATE TABLE t (key VARCHAR(9), index INTEGER, unique INT, check INT, comment TEXT, primary_key INT)"
    assert list(columns(ddl)) == ["key", "index", "unique", "check", "comment", "primary_key"]


def test_columns_that_are_called_like_a_constraint_and_have_one() -> None:
    ddl = """CREATE TABLE t (key CHECK (key > 0), index DEFAULT (x), unique INT REFERENCES u(x), check INT CHECK (y),
        fulltext STRUCT(a INT), projection VARCHAR(9))"""
    assert list(columns(ddl, "duckdb")) == ["key", "index", "unique", "check", "fulltext", "projection"]


@pytest.mark.parametrize(
    ("dialect", "item"),
    [
        ("mysql", "KEY k USING BTREE (a)"),
        ("mysql", "KEY `k` (a(10), b DESC) USING HASH"),
        ("mysql", "FULLTEXT KEY k (a, b)"),
        ("mysql", "UNIQUE INDEX k ((lower(a)))"),
        ("mysql", "SPATIAL INDEX (a)"),
        ("postgres", "UNIQUE NULLS NOT DISTINCT (a)"),
        ("postgres", "UNIQUE (a) INCLUDE (b)"),
        ("tsql", "INDEX [k] NONCLUSTERED (a)"),
        ("tsql", "INDEX k UNIQUE CLUSTERED (a)"),
        ("tsql", "UNIQUE NONCLUSTERED (a ASC)"),
        ("tsql", "CONSTRAINT k PRIMARY KEY CLUSTERED (a)"),
        ("tsql", "PERIOD FOR SYSTEM_TIME (a, b)"),
        ("clickhouse", "INDEX k a TYPE minmax GRANULARITY 1"),
        ("clickhouse", "INDEX k lower(a) TYPE bloom_filter"),
        ("clickhouse", "PROJECTION k (SELECT a ORDER BY a)"),
    ],
)
def test_indexes_are_no_columns(dialect: str, item: str) -> None:
    assert list(columns(f"CREATE TABLE t (a INT, {item}, b INT)", dialect)) == ["a", "b"]


# ---- reading DDL: names


def test_names_in_every_quote() -> None:
    ddl = """CREATE TABLE IF NOT EXISTS "my ""t"
        ("a, b" INT, `c(d` INT, [e f] INT, 'g' INT, "order" INT, 5th_place INT)"""
    [table] = from_ddl(ddl).tables
    assert table.name == 'my "t'
    assert [c.name for c in table.columns] == ["a, b", "c(d", "e f", "g", "order", "5th_place"]


def test_postgres_folds_bare_names_and_keeps_quoted_ones() -> None:
    [table] = from_ddl('CREATE TABLE Shop.Orders (Id int, "Total" int REFERENCES Cust(Id))', "postgres").tables
    assert (table.namespace, table.name) == ("shop", "orders")
    assert table.columns == (Column("id", "int"), Column("Total", "int", references=Reference("cust", "id")))
    assert to_ddl(Schema((table,)), "postgres") == (
        'CREATE TABLE shop.orders (id int, "Total" int REFERENCES cust(id))'
    )


def test_tables_of_one_name_in_two_namespaces() -> None:
    ddl = "CREATE TABLE a.t (x INT); CREATE TABLE b.t (y INT); COMMENT ON COLUMN b.t.y IS 'why'"
    schema = from_ddl(ddl, "postgres")
    assert [(t.namespace, t.name) for t in schema.tables] == [("a", "t"), ("b", "t")]
    assert find_table(schema, "T", "B") == schema.tables[1]
    assert schema.tables[1].columns[0].comment == "why"
    assert schema.tables[0].columns[0].comment is None


# ---- reading DDL: comments


def test_comments_in_all_styles() -> None:
    ddl = """
    -- a header of the file
    CREATE TABLE t ( -- what people bought
      a INT, -- the a
      -- the b
      --------
      -- in euros
      b INT,
      c INT /* the c */,
      /* the d */ d INT,
      e INT COMMENT 'the; e''s',
      f INT CHECK (f IN (1, -- one
                         2)), -- two
      g INT DEFAULT '-- no comment',
      PRIMARY KEY (a) -- never mind
    ) -- the end
    ;
    """
    [table] = from_ddl(ddl).tables
    assert table.comment == "what people bought"
    assert {c.name: c.comment for c in table.columns} == {
        "a": "the a", "b": "the b in euros", "c": "the c", "d": "the d", "e": "the; e's", "f": "one two", "g": None,
    }  # fmt: skip


def test_comments_before_leading_commas() -> None:
    found = columns("CREATE TABLE t (\n  a INT -- the a\n , b INT -- the b\n)")
    assert [c.comment for c in found.values()] == ["the a", "the b"]


def test_comment_on() -> None:
    ddl = """CREATE TABLE t (a INT, b INT); CREATE VIEW v AS SELECT a FROM t;
    COMMENT ON TABLE t IS 'it''s; a table'; COMMENT ON COLUMN t.a IS 'the a'; COMMENT ON VIEW v IS 'a view';
    COMMENT ON COLUMN t.b IS NULL; COMMENT ON COLUMN absent.b IS 'x'; COMMENT ON INDEX i IS 'x';"""
    table, view = from_ddl(ddl, "postgres").tables
    assert (table.comment, view.comment) == ("it's; a table", "a view")
    assert [c.comment for c in table.columns] == ["the a", None]


def test_comments_of_mysql() -> None:
    ddl = "CREATE TABLE t (a int /*!80023 INVISIBLE */ COMMENT 'it\\'s', b int # hash\n) COMMENT='all of \"it\"'"
    [table] = from_ddl(ddl, "mysql").tables
    assert (table.comment, [c.comment for c in table.columns]) == ('all of "it"', ["it's", "hash"])


# ---- reading DDL: views and other statements


def test_views_have_the_columns_of_their_query() -> None:
    ddl = """CREATE TABLE t (a INT, b TEXT); CREATE TABLE u (c REAL);
    CREATE VIEW v AS SELECT a, b AS name, COUNT(*) AS n FROM t GROUP BY a;
    CREATE OR REPLACE VIEW w AS SELECT t.*, u.c FROM t JOIN u ON t.a = u.c;
    CREATE VIEW x (one, two) AS SELECT b, a FROM t WITH CHECK OPTION;
    CREATE MATERIALIZED VIEW y AS SELECT * FROM v UNION SELECT 1, '', 2 WITH NO DATA;
    CREATE TABLE z AS SELECT a FROM t;"""
    schema = from_ddl(ddl, "postgres")
    found = {t.name: (t.is_view, [(c.name, c.type) for c in t.columns]) for t in schema.tables[2:]}
    assert found == {
        "v": (True, [("a", "INT"), ("name", "TEXT"), ("n", "")]),
        "w": (True, [("a", "INT"), ("b", "TEXT"), ("c", "REAL")]),
        "x": (True, [("one", "TEXT"), ("two", "INT")]),
        "y": (True, [("a", "INT"), ("name", "TEXT"), ("n", "")]),
        "z": (False, [("a", "INT")]),
    }


PG_DUMP = r"""
\restrict abc
SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN EXECUTE 'CREATE TABLE no (x int)'; RETURN NEW; END $$;
CREATE TABLE public.cust (id integer NOT NULL, name text DEFAULT ''::text);
ALTER TABLE public.cust OWNER TO me;
CREATE SEQUENCE public.s AS integer START WITH 1;
CREATE TABLE public.part PARTITION OF public.cust FOR VALUES IN (1);
COPY public.cust (id, name) FROM stdin;
1	it's; "here" (
2	\N
\.
ALTER TABLE ONLY public.cust ADD CONSTRAINT p PRIMARY KEY (id);
CREATE INDEX i ON public.cust USING btree (name);
"""


def test_a_dump_of_postgres() -> None:
    cust, part = from_ddl(PG_DUMP, "postgres").tables
    assert (cust.namespace, cust.name) == ("public", "cust")
    assert cust.columns == (Column("id", "integer", primary_key=True), Column("name", "text"))
    assert [c.name for c in part.columns] == ["id", "name"]


def test_a_dump_of_sqlite_is_read_as_sqlite_reads_it() -> None:
    database = sqlite3.connect(":memory:")
    database.executescript(
        """CREATE TABLE t (id INTEGER PRIMARY KEY, "a b" VARCHAR(9) NOT NULL, c, d UNSIGNED BIG INT DEFAULT (-1));
        INSERT INTO t VALUES (1, 'x; CREATE TABLE no (a INT)', '--', 2);
        CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET c = 1; END;
        CREATE VIRTUAL TABLE f USING fts5(title, body, tokenize = 'porter');"""
    )
    schema = from_ddl("\n".join(database.iterdump()))
    stored = [(name, kind, bool(key)) for _, name, kind, _, _, key in database.execute("PRAGMA table_info(t)")]
    database.close()
    table = find_table(schema, "t")
    assert table is not None
    assert [(c.name, c.type, c.primary_key) for c in table.columns] == stored
    assert find_table(schema, "no") is None


@pytest.mark.parametrize(
    ("ddl", "message"),
    [
        ("", "no CREATE TABLE"),
        ("SELECT 1; DROP TABLE t", "no CREATE TABLE"),
        ("CREATE TALBE t (a INT)", "no CREATE TABLE"),
        ("CREATE INDEX i ON t (a)", "no CREATE TABLE"),
        ("CREATE TABLE t (a INT", r"'t' cannot be read: a parenthesis.*never closed"),
        ('CREATE TABLE t ("a INT)', "'t' cannot be read"),
        ("CREATE TABLE t ((a) INT)", "'t' cannot be read: a column definition cannot start with"),
        ("CREATE TABLE t (a !! INT)", r"'t' cannot be read: '!! INT' is not a column type"),
        ("CREATE TABLE", "has no name"),
        ("CREATE TABLE t", "no columns that can be read. List them"),
        ("CREATE VIEW v AS SELECT * FROM absent", "no columns that can be read. List them"),
        ("CREATE VIEW v AS SELEC nonsense (", "'v' cannot be read: a parenthesis"),
    ],
)
def test_ddl_that_cannot_be_read(ddl: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_ddl(ddl)


DDL_WORDS = "CREATE TABLE VIEW t INT ( ) , ; ' \" ` [ ] -- /* */ \n AS SELECT KEY < > . ON"


@settings(max_examples=150, deadline=None)
@given(
    text=st.lists(
        st.sampled_from(DDL_WORDS.split(" ")),
        max_size=15,
    ).map(" ".join),
    loose=st.booleans(),
)
def test_any_ddl_is_read_or_a_data_error(text: str, loose: bool) -> None:
    with contextlib.suppress(DataError):
        assert from_ddl(text, loose=loose).tables


# ---- the loose style


@pytest.mark.parametrize(
    ("item", "column"),
    [
        ("5th_place INTEGER", Column("5th_place", "INTEGER")),
        ("order VARCHAR", Column("order", "VARCHAR")),
        ("check VARCHAR(30)", Column("check", "VARCHAR(30)")),
        ("key INT", Column("key", "INTEGER")),
        ("home town VARCHAR", Column("home town", "VARCHAR")),
        ("price DECIMAL(10, 2)", Column("price", "DECIMAL(10, 2)")),
        ("ratings_(millions) INTEGER", Column("ratings_(millions)", "INTEGER")),
        ("dist double precision", Column("dist", "DOUBLE PRECISION")),
        ("50% INTEGER", Column("50%", "INTEGER")),
        ("2009 VARCHAR", Column("2009", "VARCHAR")),
        ('"a, (b" TEXT', Column("a, (b", "TEXT")),
        ("id INTEGER PRIMARY KEY", Column("id", "INTEGER", primary_key=True)),
        ("name text NOT NULL", Column("name", "TEXT")),
        ("x", Column("x", "TEXT")),
    ],
)
def test_loose_columns(item: str, column: Column) -> None:
    found = columns(f"CREATE TABLE t (first VARCHAR, {item}, last VARCHAR)", loose=True)
    assert list(found.values()) == [Column("first", "VARCHAR"), column, Column("last", "VARCHAR")]


@pytest.mark.parametrize("separator", ["; ", ", ", ";", "\n", " "])
def test_loose_tables_are_joined_by_anything(separator: str) -> None:
    ddl = separator.join(
        ["CREATE TABLE head (age INTEGER)", "CREATE TABLE 2nd_team (to VARCHAR)", "CREATE TABLE x (y INT);"]
    )
    schema = from_ddl(ddl, loose=True)
    assert [(t.name, [c.name for c in t.columns]) for t in schema.tables] == [
        ("head", ["age"]), ("2nd_team", ["to"]), ("x", ["y"]),
    ]  # fmt: skip


def test_loose_constraints_are_no_columns() -> None:
    ddl = "CREATE TABLE IF NOT EXISTS t (a INT, PRIMARY KEY (a), FOREIGN KEY (a) REFERENCES u(b), CHECK (a > 1))"
    assert list(columns(ddl, loose=True)) == ["a"]


# ---- writing DDL

TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=12)
NAME = st.one_of(
    TEXT, st.sampled_from(["id", "order", "5th", 't"; DROP TABLE t; --', "a*/b", "--", "KEY", "it's", "x\ny", "["])
)
NOTE = st.none() | st.one_of(
    TEXT, st.sampled_from(["*/", "/*", "'\"`", "a\nb", "-- x", "*/ DROP TABLE t; /*", "*", "/", ";"])
)
KIND = st.sampled_from(["", "INT", "INTEGER", "varchar(30)", "character varying(30)", "TEXT[]",
                        "TIMESTAMP WITH TIME ZONE",
                        "NUMERIC(10, 2)", "ENUM('a','b')", "UNSIGNED BIG INT", "STRUCT(a INT, b TEXT)"])  # fmt: skip


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    def unique(most: int) -> list[str]:
        return draw(st.lists(NAME, min_size=1, max_size=most, unique_by=str.lower))

    tables = []
    for name in unique(3):
        reference = st.none() | st.builds(Reference, NAME, st.just("") | NAME, st.none() | NAME)
        found = [Column(n, draw(KIND), draw(st.booleans()), draw(reference), draw(NOTE)) for n in unique(4)]
        tables.append(Table(name, tuple(found), draw(st.none() | NAME), draw(NOTE), draw(st.booleans())))
    return Schema(tuple(tables))


def shown(note: str | None) -> str | None:
    """A comment as DDL can hold it."""
    text = " ".join((note or "").replace("*/", "* /").replace("/*", "/ *").split())
    return text or None


def as_written(schema: Schema) -> Schema:
    return Schema(
        tuple(
            replace(t, comment=shown(t.comment), columns=tuple(replace(c, comment=shown(c.comment)) for c in t.columns))
            for t in schema.tables
        )
    )


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb"])
@settings(max_examples=100, deadline=None)
@given(schema=schemas())
def test_a_schema_written_and_read_is_the_same(dialect: str, schema: Schema) -> None:
    assert from_ddl(to_ddl(schema, dialect), dialect) == as_written(schema)


def test_a_hostile_name_is_one_quoted_name() -> None:
    name = 't"; DROP TABLE t; --'
    found = (Column("a", "INTEGER", comment="*/ DROP TABLE t; /*"), Column(name + "\n"))
    schema = Schema((Table(name, found, comment="*/"),))
    ddl = to_ddl(schema)
    assert from_ddl(ddl).tables[0].name == name
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE t (x)")
    database.execute(ddl)  # one statement, or sqlite3 refuses it
    found = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    database.close()
    assert found == {"t", name}


@pytest.mark.parametrize(
    "kind",
    [
        "INT); DROP TABLE t; --",
        "INT /*",
        "x' y",
        'x" y',
        "INT\n",
        "INT, b TEXT",
        "x), b (y",
        "a>b<c",
        "''" * 60 + "!",
        "a;b",
    ],
)
def test_a_hostile_type_is_one_quoted_type(kind: str) -> None:
    schema = Schema((Table("t", (Column("a", kind),)),))
    ddl = to_ddl(schema)
    assert list(columns(ddl)) == ["a"]
    database = sqlite3.connect(":memory:")
    database.execute(ddl)  # one statement, or sqlite3 refuses it
    found = [row[1:3] for row in database.execute("PRAGMA table_info(t)")]
    database.close()
    assert found == [("a", kind)]


SHOP = Schema(
    (
        Table(
            "orders",
            (
                Column("id", "INTEGER", primary_key=True),
                Column("cust", "INTEGER", references=Reference("cust", "id"), comment="who bought"),
                Column("state", "TEXT", samples=("open", "it's", None)),
            ),
            comment="one a purchase",
        ),
    )
)


def test_ddl_text() -> None:
    assert to_ddl(SHOP) == (
        "CREATE TABLE orders /* one a purchase */ (id INTEGER PRIMARY KEY, "
        "cust INTEGER REFERENCES cust(id) /* who bought */, state TEXT)"
    )
    assert to_ddl(SHOP, samples=True).endswith("state TEXT /* e.g. 'open', 'it''s', None */)")
    assert to_ddl(SHOP, comments=False) == (
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, cust INTEGER REFERENCES cust(id), state TEXT)"
    )


def test_within_a_budget_samples_go_first_then_comments() -> None:
    full, commented, bare = to_ddl(SHOP, samples=True), to_ddl(SHOP), to_ddl(SHOP, comments=False)
    for most, text in ((len(full), full), (len(full) - 1, commented), (len(commented) - 1, bare), (len(bare), bare)):
        assert to_ddl(SHOP, samples=True, max_tokens=most, count_tokens=len) == text
    with pytest.raises(DataError) as e:
        to_ddl(SHOP, max_tokens=len(bare) - 1, count_tokens=len)
    message = str(e.value)
    assert "1 table" in message
    assert f"needs {len(bare)} tokens, but only {len(bare) - 1} are available" in message
    assert "database.allow" in message
    assert "prompt.max_schema_tokens" in message


def test_without_a_tokenizer_the_budget_is_on_the_safe_side() -> None:
    assert to_ddl(SHOP, max_tokens=-(-len(to_ddl(SHOP)) // 3)) == to_ddl(SHOP)
    assert to_ddl(SHOP, max_tokens=len(to_ddl(SHOP)) // 3 - 5) == to_ddl(SHOP, comments=False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("it's", "'it''s'"), ("a\nb */", "'a b * /'"), ("x" * 41, "'" + "x" * 37 + "...'"), (3, "3"), (1.5, "1.5"),
        (b"\x00\xff", "x'00ff'"), (None, "None"),
    ],
)  # fmt: skip
def test_values_as_a_prompt_shows_them(value: object, text: str) -> None:
    assert show_value(value) == text  # type: ignore[arg-type]


# ---- looking up, hash, differences, JSON


def test_looking_up() -> None:
    table = find_table(SHOP, "ORDERS")
    assert table is not None
    assert find_column(table, "State") == Column("state", "TEXT", samples=("open", "it's", None))
    assert find_column(table, "absent") is None
    assert find_table(SHOP, "orders", "other") is None
    assert names(SHOP) == {"orders", "id", "cust", "state"}
    assert qualified_name(Table("order", (), "my shop")) == '"my shop"."order"'


A, B = "CREATE TABLE a (x INT PRIMARY KEY, y TEXT); ", "CREATE TABLE b (z INT REFERENCES a(x)); "
BASE = from_ddl(A + B)
SAME = [A + B, B + A, "CREATE TABLE a /* hm */ (x int PRIMARY KEY /* the x */, y text); " + B]
CHANGED = [
    (A, ["table b was removed"]),
    (A + B + "CREATE TABLE c (q INT)", ["table c was added"]),
    ("CREATE TABLE a (x INT PRIMARY KEY); " + B, ["column a.y was removed"]),
    ("CREATE TABLE a (x INT PRIMARY KEY, y TEXT, w); " + B, ["column a.w was added"]),
    ("CREATE TABLE a (x BIGINT PRIMARY KEY, y TEXT); " + B, ["column a.x is BIGINT, was INT"]),
    ("CREATE TABLE a (x INT PRIMARY KEY, y); " + B, ["column a.y is without a type, was TEXT"]),
    ("CREATE TABLE a (x INT, y TEXT); " + B, ["column a.x is no longer a primary key"]),
    ("CREATE TABLE a (y TEXT, x INT PRIMARY KEY); " + B, ["the columns of table a were reordered"]),
    (A + "CREATE TABLE b (z INT)", ["column b.z now refers to nothing"]),
    (A + "CREATE TABLE b (z INT REFERENCES a(y))", ["column b.z now refers to a.y"]),
]


@pytest.mark.parametrize("ddl", SAME)
def test_comments_and_the_order_of_tables_do_not_change_a_schema(ddl: str) -> None:
    assert schema_hash(from_ddl(ddl)) == schema_hash(BASE)
    assert diff(BASE, from_ddl(ddl)) == []


@pytest.mark.parametrize(("ddl", "changes"), CHANGED)
def test_every_change_of_the_hash_is_told(ddl: str, changes: list[str]) -> None:
    assert schema_hash(from_ddl(ddl)) != schema_hash(BASE)
    assert diff(BASE, from_ddl(ddl)) == changes


@settings(max_examples=60, deadline=None)
@given(one=schemas(), other=schemas())
def test_there_is_a_difference_exactly_when_hashes_differ(one: Schema, other: Schema) -> None:
    assert bool(diff(one, other)) == (schema_hash(one) != schema_hash(other))
    assert re.fullmatch("[0-9a-f]{16}", schema_hash(one))


@settings(max_examples=60, deadline=None)
@given(schema=schemas(), samples=st.lists(st.none() | st.text(max_size=5) | st.binary(max_size=5) | st.integers()))
def test_json_gives_the_schema_back(schema: Schema, samples: list[str | bytes | int | None]) -> None:
    first, *rest = schema.tables
    column, *others = first.columns
    first = replace(first, columns=(replace(column, samples=tuple(samples)), *others))
    schema = Schema((first, *rest))
    assert from_json(json.loads(json.dumps(to_json(schema)))) == schema


def test_the_shape_of_json() -> None:
    assert to_json(Schema((Table("t", (Column("a", "INT", references=Reference("u", "b")),)),))) == {
        "tables": [
            {
                "name": "t",
                "columns": [
                    {
                        "name": "a",
                        "type": "INT",
                        "primary_key": False,
                        "references": {"table": "u", "column": "b"},
                        "comment": None,
                    }
                ],
            }
        ]
    }
