# ruff: noqa: E501
"""Schema scripts as other programs write them: separators, client lines, migrations, namespaces; what is not read."""

from __future__ import annotations

import time

import pytest

from sqltailor.errors import DataError
from sqltailor.sql.guard import check
from sqltailor.sql.schema import from_ddl, to_ddl
from sqltailor.sql.schema.ddl import read_ddl
from sqltailor.types import Reference


def shown(ddl: str, dialect: str) -> dict[str, list[str]]:
    """Table → columns; fails when anything was not read."""
    reading = read_ddl([("", ddl)], dialect)
    assert reading.note() == ""
    return {t.name: [c.name for c in t.columns] for t in reading.schema.tables}


def note(ddl: str, dialect: str = "postgres") -> str:
    return read_ddl([("", ddl)], dialect).note()


# ---- separators and lines of client programs

BATCHES = """USE [Boats]
GO
SET ANSI_NULLS ON
GO
CREATE TABLE [dbo].[boat]([id] [int] IDENTITY(1,1) NOT NULL, [name] [nvarchar](40) NULL,
 CONSTRAINT [PK_boat] PRIMARY KEY CLUSTERED ([id] ASC) WITH (PAD_INDEX = OFF) ON [PRIMARY]
) ON [PRIMARY]
GO
create table trip (id int, boat_id int)
go 2
CREATE PROCEDURE tidy AS
BEGIN
  CREATE TABLE #scratch (x int);
  DROP TABLE dbo.boat;
END
GO
EXEC dbo.sp_executesql @statement = N'CREATE VIEW [dbo].[boats] AS SELECT [name] FROM [dbo].[boat] WHERE [name] <> ''x'''
GO
IF NOT EXISTS (SELECT 1 FROM sys.tables WHERE name = 'pier')
CREATE TABLE pier (id int)
ALTER TABLE pier ADD town nvarchar(30), depth int
ALTER TABLE [dbo].[trip] WITH CHECK ADD CONSTRAINT [FK_trip] FOREIGN KEY([boat_id]) REFERENCES [dbo].[boat] ([id])
GO
:r other-file-is-told.sql
"""


def test_batches_of_sqlcmd() -> None:
    reading = read_ddl([("", BATCHES)], "tsql")
    found = {t.name: [c.name for c in t.columns] for t in reading.schema.tables}
    assert found == {
        "boat": ["id", "name"], "trip": ["id", "boat_id"], "boats": ["name"], "pier": ["id", "town", "depth"],
    }  # fmt: skip
    boat, trip, *_ = reading.schema.tables
    assert [c.type for c in boat.columns] == ["int", "nvarchar(40)"]
    assert boat.columns[0].primary_key
    assert trip.columns[1].references == Reference("boat", "id", "dbo")
    assert (
        reading.note()
        == "read 4 of 4 CREATE statements; not read: line 24 (it runs another file, other-file-is-told.sql)"
    )


SQLPLUS = """REM it's a script for a boat hire
SET ECHO OFF
PROMPT ***** It's "boats" that come first -
CREATE TABLE boat
  ( boat_id NUMBER(6)
  , name VARCHAR2(30 CHAR) CONSTRAINT boat_name_nn NOT NULL
  , CONSTRAINT boat_pk PRIMARY KEY (boat_id)
  );
CREATE SEQUENCE boat_seq START WITH 10
/
CREATE TABLE trip (trip_id NUMBER(6), boat_id NUMBER(6))
/
CREATE OR REPLACE TRIGGER trip_t BEFORE INSERT ON trip FOR EACH ROW
BEGIN
  IF :NEW.trip_id IS NULL THEN
    SELECT boat_seq.NEXTVAL INTO :NEW.trip_id FROM dual;
  END IF;
END;
/
ALTER TABLE trip
ADD ( CONSTRAINT trip_pk PRIMARY KEY (trip_id)
    , CONSTRAINT trip_fk FOREIGN KEY (boat_id) REFERENCES boat (boat_id) ) ;
ALTER TABLE trip ADD (day DATE, town VARCHAR2(20));
ALTER TABLE trip MODIFY (town VARCHAR2(60) NOT NULL);
COMMENT ON COLUMN boat.name IS 'what is on the hull';
EXIT
"""


def test_lines_of_sqlplus() -> None:
    assert shown(SQLPLUS, "oracle") == {"boat": ["boat_id", "name"], "trip": ["trip_id", "boat_id", "day", "town"]}
    boat, trip = from_ddl(SQLPLUS, "oracle").tables
    assert boat.columns[1].comment == "what is on the hull"
    assert trip.columns[0].primary_key
    assert trip.columns[1].references == Reference("boat", "boat_id")
    assert trip.columns[3].type == "VARCHAR2(60)"


PSQL = r"""\set ON_ERROR_STOP on
\connect boats
COPY public.x (a) FROM stdin;
it's CREATE TABLE no (a int);
\.
CREATE TABLE boat (id int);
\echo 'it''s done
CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE inside (x int); END $$;
CREATE TABLE pier (id int)
\g
"""

MYSQL = r"""/*!40101 SET NAMES utf8 */;
/*!999999\- enable the sandbox mode */
DELIMITER //
CREATE PROCEDURE p()
BEGIN
  CREATE TEMPORARY TABLE scratch (x int);
  SELECT 'it''s';
END //
DELIMITER ;
CREATE TABLE `boat` (`id` int NOT NULL, `name` varchar(9) /*!80023 INVISIBLE */, PRIMARY KEY (`id`)) ENGINE=InnoDB;
/*!50001 CREATE VIEW `boats` AS SELECT 1 AS `name`*/;
/*!50001 DROP VIEW IF EXISTS `boats`*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `boats` AS select `boat`.`id` AS `id`,`boat`.`name` AS `name` from `boat` */;
CREATE TABLE pier (id int)\G
CREATE TABLE crew (id int);
"""


@pytest.mark.parametrize(
    ("dialect", "ddl", "tables"),
    [
        ("postgres", PSQL, {"boat": ["id"], "pier": ["id"]}),
        (
            "mysql",
            MYSQL,
            {"boat": ["id", "name"], "boats": ["id", "name"], "pier": ["id"], "crew": ["id"]},
        ),
        ("mysql", "PREPARE p FROM 'CREATE TABLE t (a INT)';\nEXECUTE p;", {"t": ["a"]}),
        ("sqlite", ".mode csv\n.import 'x t\nCREATE TABLE t (a INT);", {"t": ["a"]}),
        (
            "sqlite",
            "CREATE TABLE t (a INT);\nCREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = CASE WHEN 1 THEN 2 END;\n"
            "DELETE FROM t; END;\nCREATE TABLE u (b INT);",
            {"t": ["a"], "u": ["b"]},
        ),
        ("hive", "set t=boat;\n!echo it's ${t};\nCREATE TABLE ${hiveconf:t}_raw (a INT)\n;", {"boat_raw": ["a"]}),
        ("tsql", "CREATE TABLE a (x INT)\nCREATE TABLE b (y INT)\nINSERT INTO a VALUES (1)", {"a": ["x"], "b": ["y"]}),
        ("tsql", "CREATE TABLE a (x INT)\nGO\nIF OBJECT_ID('a') IS NOT NULL DROP TABLE a\nGO\nCREATE TABLE a (y INT)",
         {"a": ["y"]}),
        ("tsql", "CREATE TABLE a (x INT)\nGO\nIF COL_LENGTH('a', 'y') IS NULL BEGIN ALTER TABLE a ADD y INT END", {"a": ["x", "y"]}),
        ("tsql", "CREATE TABLE a (x INT)\nGO\nCREATE VIEW v AS SELECT x AS z FROM a\nGO\nALTER VIEW v AS SELECT x FROM a\nGO",
         {"a": ["x"], "v": ["x"]}),
        ("tsql", "CREATE TABLE a (x INT)\nGO\nexec SYS.SP_RENAME @objname = 'dbo.a', @newname = 'b'\nGO\n"
                 "sp_rename 'b.x', 'y', 'COLUMN'", {"b": ["y"]}),
        ("tsql", "CREATE TABLE a (x INT, y INT)\nGO\nSELECT x AS z INTO b FROM a;\nSELECT x INTO #t FROM a", {"a": ["x", "y"], "b": ["z"]}),
        ("postgres", "CREATE TABLE a (x int); DO $$ BEGIN ALTER TABLE a ADD COLUMN y int; EXECUTE 'CREATE TABLE b (z int)'; "
                     "EXCEPTION WHEN others THEN null; END $$;", {"a": ["x", "y"], "b": ["z"]}),
        ("postgres", "CREATE TABLE a (x text DEFAULT E'it\\'s; (');\nCREATE TABLE b (y int)", {"a": ["x"], "b": ["y"]}),
        ("postgres", "\\set place app\nCREATE TABLE :place.a (x int);\nCREATE TABLE :\"place\".b (y int)",
         {"a": ["x"], "b": ["y"]}),
        ("oracle", "CREATE TABLE a (x VARCHAR2(9) DEFAULT q'[it's; (]');\nCREATE TABLE b (y NUMBER);", {"a": ["x"], "b": ["y"]}),
        ("oracle", "BEGIN\n EXECUTE IMMEDIATE 'CREATE TABLE a (x NUMBER)';\nEND;\n/\nCREATE TABLE b (y NUMBER);",
         {"a": ["x"], "b": ["y"]}),
        ("oracle", "DEFINE own = app\nCREATE TABLE &own..a (x NUMBER);\nCREATE TABLE &&other..b (y NUMBER);",
         {"a": ["x"], "b": ["y"]}),
        ("bigquery", "CREATE TABLE @place.a (x INT64); CREATE TABLE ${place}.b (y INT64); CREATE TABLE {{ place }}.c (z INT64)",
         {"a": ["x"], "b": ["y"], "c": ["z"]}),
    ],
)  # fmt: skip
def test_scripts_of_other_clients(dialect: str, ddl: str, tables: dict[str, list[str]]) -> None:
    assert shown(ddl, dialect) == tables


# ---- spellings of CREATE TABLE


@pytest.mark.parametrize(
    ("dialect", "ddl", "columns"),
    [
        ("postgres", "CREATE TABLE p (a int PRIMARY KEY, b text); CREATE TABLE t (CHECK (a > 1)) INHERITS (p)", ["a", "b"]),
        ("postgres", "CREATE TABLE p (a int, b text); CREATE TABLE t (c date, a int) INHERITS (p)", ["a", "b", "c"]),
        ("postgres", "CREATE TABLE p (a int, b text); CREATE TABLE t () INHERITS (p)", ["a", "b"]),
        ("postgres", "CREATE TABLE p (a int, b text) PARTITION BY RANGE (a); "
                     "CREATE TABLE t PARTITION OF p FOR VALUES FROM (1) TO (9)", ["a", "b"]),
        ("postgres", "CREATE TABLE p (a int); CREATE TABLE t (b text, LIKE p INCLUDING ALL, c int)", ["b", "a", "c"]),
        ("hive", "CREATE EXTERNAL TABLE t (a INT COMMENT 'x') PARTITIONED BY (day DATE COMMENT 'of it', b STRING) "
                 "STORED AS ORC", ["a", "day", "b"]),
        ("spark", "CREATE TABLE t (a INT, b STRING) USING delta PARTITIONED BY (b) OPTIONS (x 'y')", ["a", "b"]),
        ("hive", "CREATE TABLE t (a MAP<STRING,ARRAY<INT>>, b STRUCT<x:STRING,y:INT COMMENT 'y, or no'>, c INT)",
         ["a", "b", "c"]),
        ("bigquery", "CREATE TABLE t (a ARRAY<STRUCT<x INT64 OPTIONS(description='x, y'), y STRING NOT NULL>>, b INT64) "
                     "PARTITION BY DATE(_PARTITIONTIME) CLUSTER BY b OPTIONS (description='all')", ["a", "b"]),
        ("teradata", "CREATE MULTISET TABLE t ,NO FALLBACK ,CHECKSUM = DEFAULT, MAP = M1 (a INTEGER, b CHAR(3)) "
                     "PRIMARY INDEX (a)", ["a", "b"]),
        ("clickhouse", "CREATE TABLE t ON CLUSTER c (a Int32, b String) ENGINE = MergeTree() ORDER BY (a, b)", ["a", "b"]),
        ("snowflake", "CREATE OR REPLACE TABLE t CLUSTER BY (a) COPY GRANTS (a NUMBER(9,0), b VARCHAR WITH TAG (x='y'))",
         ["a", "b"]),
        ("tsql", "CREATE TABLE t (a int ROWGUIDCOL NOT NULL, b varchar(9) MASKED WITH (FUNCTION = 'default()'), "
                 "c AS (a + 1) PERSISTED)", ["a", "b", "c"]),
        ("oracle", "CREATE GLOBAL TEMPORARY TABLE t SHARING = METADATA (a NUMBER, b DATE) ON COMMIT DELETE ROWS", ["a", "b"]),
        ("mysql", "CREATE TABLE u (a INT); CREATE TABLE t LIKE u", ["a"]),
        ("mysql", "CREATE TABLE u (a INT); CREATE TABLE t (SELECT a, a + 1 AS b FROM u)", ["a", "b"]),
        ("mysql", "CREATE TABLE u (a INT); CREATE TABLE t (b INT) SELECT a FROM u", ["b", "a"]),
        ("mysql", "CREATE TABLE u (a INT); CREATE TABLE t ENGINE=InnoDB SELECT a FROM u", ["a"]),
        ("clickhouse", "CREATE TABLE u (a Int8) ENGINE = Log; CREATE TABLE t AS u ENGINE = Memory", ["a"]),
        ("spark", "CREATE TABLE t (a INT, b TIMESTAMP) USING parquet PARTITIONED BY (years(b), bucket(4, a))", ["a", "b"]),
        ("sqlite", "CREATE VIRTUAL TABLE t USING fts5(a, b UNINDEXED, content='', tokenize = 'porter')", ["a", "b"]),
        ("postgres", "CREATE TYPE shape AS (a int, b text); CREATE TABLE t OF shape (PRIMARY KEY (a), b WITH OPTIONS DEFAULT 'x')",
         ["a", "b"]),
        ("postgres", "CREATE TYPE shape AS (a int); ALTER TYPE shape ADD ATTRIBUTE b text; CREATE TABLE t OF shape", ["a", "b"]),
        ("oracle", "CREATE TYPE shape AS OBJECT (a NUMBER, MEMBER FUNCTION f (x NUMBER) RETURN NUMBER) NOT FINAL;\n/\n"
                   "CREATE TYPE circle UNDER shape (b DATE);\n/\nCREATE TABLE t OF circle (a PRIMARY KEY)", ["a", "b"]),
        ("oracle", "CREATE TYPE shape OID '82A4' AS OBJECT (a NUMBER, b DATE);\n/\nCREATE TABLE u (c NUMBER, d DATE);\n"
                   "CREATE VIEW t OF shape WITH OBJECT IDENTIFIER (a) AS SELECT c, d FROM u", ["a", "b"]),
    ],
)  # fmt: skip
def test_every_column_of_a_table_is_read(dialect: str, ddl: str, columns: list[str]) -> None:
    assert shown(ddl, dialect)["t"] == columns


def test_the_comment_of_a_partition_is_not_that_of_the_table() -> None:
    [table] = from_ddl(
        "CREATE TABLE t (a INT) PARTITIONED BY (day DATE COMMENT 'of sale') STORED AS ORC", "hive"
    ).tables
    assert (table.comment, table.columns[1].comment) == (None, "of sale")


def test_nested_types_are_written_as_they_are() -> None:
    ddl = "CREATE TABLE t (a STRUCT<x:STRING,y:INT>)"
    assert to_ddl(from_ddl(ddl, "hive"), "hive") == ddl


# ---- views


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT * FROM crosstab('x') AS c (who text, \"2024\" numeric)", ["who", "2024"]),
        ("SELECT * FROM generate_series(1, 7) AS d(day_no)", ["day_no"]),
        ("SELECT * FROM (SELECT a, b AS c FROM t) AS s", ["a", "c"]),
        ("WITH w AS (SELECT * FROM t) SELECT w.*, 1 AS one FROM w", ["a", "b", "one"]),
        ("SELECT x.* FROM t JOIN LATERAL (SELECT 1 AS n) x ON true", ["n"]),
        ("SELECT b FROM archive.gone", ["b"]),
        ("VALUES (1, 2)", ["column1", "column2"]),
        (
            "SELECT count(*), max(a), unnest(array[1]), a::text, lower(b), CASE WHEN a > 1 THEN 2 ELSE a END, a + 1 FROM t",
            ["count", "max", "unnest", "a", "lower", "a"],
        ),
        ("SELECT (SELECT max(a) FROM t), (SELECT b AS c FROM t), array[1]", ["max", "c", "array"]),
        ("SELECT * FROM t JOIN t AS u USING (a)", ["a", "b"]),
        ("SELECT * FROM unnest(array[1]) WITH ORDINALITY AS u(item, place)", ["item", "place"]),
        ('SELECT A AS Total, a AS "Total" FROM t', ["total", "Total"]),
    ],
)
def test_columns_of_views(query: str, columns: list[str]) -> None:
    assert shown(f"CREATE TABLE t (a int, b text); CREATE VIEW v AS {query}", "postgres")["v"] == columns


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("SELECT * FROM t SEMI JOIN u ON t.a = u.c", ["a", "b"]),
        ("SELECT * FROM t ANTI JOIN u ON t.a = u.c", ["a", "b"]),
        ("SELECT * FROM t ASOF JOIN u ON t.a >= u.c", ["a", "b", "c"]),
        ("SELECT a FROM t UNION ALL BY NAME SELECT * FROM u", ["a", "c"]),
        ("SELECT a FROM t UNION ALL SELECT c FROM u", ["a"]),
    ],
)
def test_columns_of_views_in_duckdb(query: str, columns: list[str]) -> None:
    tables = "CREATE TABLE t (a INTEGER, b VARCHAR); CREATE TABLE u (c INTEGER);"
    assert shown(f"{tables} CREATE VIEW v AS {query}", "duckdb")["v"] == columns


def test_a_view_may_come_before_what_it_reads() -> None:
    assert shown("CREATE VIEW v AS SELECT * FROM t; CREATE TABLE t (a int)", "postgres") == {"t": ["a"], "v": ["a"]}


def test_a_view_that_no_parser_reads_has_the_names_of_its_list() -> None:
    ddl = "CREATE TABLE t (a INT)\nGO\nCREATE VIEW v AS SELECT t.a, x = 1, [b c] !! 3 AS d FROM t !! nonsense\nGO"
    assert shown(ddl, "tsql")["v"] == ["a", "x", "d"]


# ---- what is not read is told, and takes nothing with it


@pytest.mark.parametrize(
    ("ddl", "told"),
    [
        ("CREATE TABLE t (a int);\nCREATE VIEW v AS SELECT * FROM gone;\nCREATE TABLE u (b int);",
         "read 2 of 3 CREATE statements; not read: line 2 (The view 'v' has no columns that can be read"),
        ("CREATE TABLE t (a int);\n\nCREATE TABLE u (a !! int);", "read 1 of 2 CREATE statements; not read: line 3 (The table"),
        ("CREATE TABLE u (a int;\nCREATE TABLE t (a int);", "read 1 of 2 CREATE statements; not read: line 1 (The table 'u'"),
        ("CREATE TABLE t (a int);\nCREATE TABLE t (b int);", "line 2 (The table 't' is defined twice; the first definition is kept"),
        ("CREATE TABLE t (a int);\nALTER TABLE u ADD b int;", "line 2 (ALTER of 'u', which the script does not create: ADD b int"),
        ("CREATE TABLE t (a int);\nDO $$ BEGIN EXECUTE 'CREATE TABLE u_' || 1 || ' (a int)'; END $$;",
         "line 2 (a table is created by a statement that is put together when it runs"),
        ("CREATE TABLE t (a int);\nDO $$ BEGIN EXECUTE format('CREATE TABLE %I (a int)', 'u'); END $$;",
         "line 2 (a table is created by a statement that is put together when it runs"),
        ("CREATE TABLE t (a int);\nCREATE TABLE u OF shape;", "line 2 (The table 'u' has the columns of the type 'shape', which"),
        ("CREATE TABLE t (a int);\nSELECT * INTO u FROM gone;", "line 2 (The table 'u' is made by SELECT … INTO, and its"),
        ("CREATE TABLE t (a int);\nCREATE VIEW v AS SELECT (t).* FROM t;", "read 1 of 2 CREATE statements; not read: line 2 (The view"),
        ("CREATE TABLE t (a int);\nCREATE TABLE u_${x} (b int);\nCREATE TABLE v_${x} (b int);", "read 1 of 3 CREATE statements"),
        ("CREATE TABLE t (a int);\nCREATE TABLE ${x} (b int);", "line 2 (A CREATE TABLE statement takes its name from a variable"),
        ("CREATE TABLE u (a text DEFAULT 'x);\nCREATE TABLE t (a text DEFAULT 'y');", "line 1 (The table 'u' cannot be read"),
        ("CREATE TABLE t (a text);\nINSERT INTO t VALUES ('O'Brien');\nCREATE TABLE u (a text DEFAULT 'z');",
         "line 3 (a quote or comment before this place, or here, is never closed, and hides CREATE TABLE"),
        ("CREATE TABLE t (a int);\n\\i more.sql", "line 2 (it runs another file, more.sql"),
        ("CREATE TABLE t (a int);\nBEGIN;\nCREATE TABLE u (b int);\nROLLBACK;", "line 4 (ROLLBACK takes back tables"),
        ("CREATE TABLE t (a int);\nCREATE VIEW v AS SELECT * FROM t UNPIVOT (x FOR n IN (a));", "line 2 (The view 'v' has no columns"),
        ("CREATE TABLE t (a int);\nCREATE TABLE u () INHERITS (gone);", "line 2 (The table 'u' takes its columns from 'gone'"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_told(ddl: str, told: str) -> None:
    assert told in note(ddl)
    assert "t" in [t.name for t in read_ddl([("", ddl)], "postgres").schema.tables]


@pytest.mark.parametrize(
    "rest",
    ["CREATE INDEX i ON t (a);", "ALTER TABLE t OWNER TO me; ALTER TABLE s OWNER TO me;", "DROP TABLE IF EXISTS gone;",
     "GRANT SELECT ON t TO me;", "INSERT INTO t VALUES ('CREATE TABLE x (');", "CREATE TABLE IF NOT EXISTS t (b int);",
     "CREATE EXTENSION x; CREATE TYPE m AS ENUM ('a'); CREATE PUBLICATION p FOR TABLE t;",
     "COMMENT ON COLUMN t.a IS 'x';", "INSERT INTO t VALUES ('\nCREATE TABLE u (a int)');", "SELECT 'x",
     "INSERT INTO t VALUES ('O'Brien');",
     "ALTER TABLE IF EXISTS s ADD b int; ALTER TABLE s DROP b;",
     "DO $$ BEGIN EXECUTE 'DROP TABLE ' || x; END $$;",
     "BEGIN; CREATE TABLE u (b int); SAVEPOINT s; ROLLBACK TO s; COMMIT; ROLLBACK;", "PREPARE p AS SELECT a FROM t;"],
)  # fmt: skip
def test_nothing_is_told_where_nothing_is_lost(rest: str) -> None:
    assert note(f"CREATE TABLE t (a int); {rest}") == ""


# ---- migrations: the schema at the end


@pytest.mark.parametrize(
    ("dialect", "change", "table"),
    [
        ("postgres", "ALTER TABLE t DROP COLUMN b", "t (a int PRIMARY KEY)"),
        ("mysql", "ALTER TABLE t DROP b", "t (a int PRIMARY KEY)"),
        ("postgres", "ALTER TABLE t RENAME COLUMN b TO c", "t (a int PRIMARY KEY, c text)"),
        ("postgres", "ALTER TABLE t RENAME a TO c", "t (c int PRIMARY KEY, b text)"),
        ("postgres", "ALTER TABLE IF EXISTS ONLY t RENAME TO u", "u (a int PRIMARY KEY, b text)"),
        ("postgres", "ALTER TABLE t SET SCHEMA s", "s.t (a int PRIMARY KEY, b text)"),
        ("postgres", "ALTER TABLE t ALTER COLUMN b TYPE varchar(9) USING b::varchar, ALTER b SET NOT NULL",
         "t (a int PRIMARY KEY, b varchar(9))"),
        ("postgres", "ALTER TABLE t DROP CONSTRAINT t_pkey", "t (a int, b text)"),
        ("postgres", "ALTER TABLE t ADD c int, ADD COLUMN IF NOT EXISTS d date", "t (a int PRIMARY KEY, b text, c int, d date)"),
        ("mysql", "ALTER TABLE t DROP PRIMARY KEY, ADD COLUMN c int AFTER a, ADD d int FIRST", "t (d int, a int, c int, b text)"),
        ("mysql", "ALTER TABLE t CHANGE b c varchar(3) COMMENT 'x', MODIFY a bigint", "t (a bigint PRIMARY KEY, c varchar(3) /* x */)"),
        ("mysql", "RENAME TABLE t TO u", "u (a int PRIMARY KEY, b text)"),
        ("tsql", "ALTER TABLE t ADD c int NULL, d int\nALTER TABLE t DROP COLUMN b, c", "t (a int PRIMARY KEY, d int)"),
        ("tsql", "ALTER TABLE t ALTER COLUMN b nvarchar(9) NULL", "t (a int PRIMARY KEY, b nvarchar(9))"),
        ("tsql", "EXEC sp_rename 'dbo.t.b', 'c', 'COLUMN'\nGO\nEXEC sp_rename 't', 'u'", "u (a int PRIMARY KEY, c text)"),
        ("tsql", "ALTER TABLE t ADD CONSTRAINT d DEFAULT (getdate()) FOR b", "t (a int PRIMARY KEY, b text)"),
        ("oracle", "ALTER TABLE t ADD (c NUMBER, d DATE); ALTER TABLE t DROP (b, c)", "t (a int PRIMARY KEY, d DATE)"),
        ("oracle", "ALTER TABLE t MODIFY b VARCHAR2(9); RENAME t TO u", "u (a int PRIMARY KEY, b VARCHAR2(9))"),
        ("hive", "ALTER TABLE t ADD COLUMNS (c INT, d STRING); ALTER TABLE t CHANGE COLUMN b e STRING AFTER c; "
                 "ALTER TABLE t ADD PARTITION (x = 1)", "t (a int PRIMARY KEY, c INT, e STRING, d STRING)"),
        ("postgres", "DROP TABLE IF EXISTS t CASCADE; CREATE TABLE t (x int)", "t (x int)"),
        ("postgres", "CREATE TABLE u (x int); DROP TABLE u", "t (a int PRIMARY KEY, b text)"),
        ("snowflake", "CREATE OR REPLACE TABLE t (x int)", "t (x int)"),
    ],
)  # fmt: skip
def test_migrations_give_the_schema_at_their_end(dialect: str, change: str, table: str) -> None:
    ddl = f"CREATE TABLE t (a int PRIMARY KEY, b text);\n{change}"
    assert note(ddl, dialect) == ""
    assert to_ddl(from_ddl(ddl, dialect), dialect) == f"CREATE TABLE {table}"


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        ("ALTER TABLE p ADD COLUMN c int", ["a", "b", "c"]),
        ("ALTER TABLE p DROP COLUMN b, RENAME COLUMN a TO z", ["z"]),
        ("ALTER TABLE p ADD CONSTRAINT k PRIMARY KEY (a)", ["a", "b"]),
        ("ALTER TABLE p DETACH PARTITION t; ALTER TABLE p ADD c int", ["a", "b"]),
    ],
)
def test_partitions_change_with_their_table(change: str, columns: list[str]) -> None:
    table = "CREATE TABLE p (a int, b text) PARTITION BY LIST (a);"
    made = "CREATE TABLE t PARTITION OF p DEFAULT;"
    attached = "CREATE TABLE t (a int, b text); ALTER TABLE ONLY p ATTACH PARTITION t DEFAULT;"
    assert shown(f"{table} {made} {change}", "postgres")["t"] == columns
    assert shown(f"{table} {attached} {change}", "postgres")["t"] == columns
    assert list(shown(f"{table} {made} CREATE TABLE u (x int); DROP TABLE p", "postgres")) == ["u"]


def test_heirs_change_with_their_table() -> None:
    made = (
        "CREATE TABLE p (a int); CREATE TABLE t (b int) INHERITS (p); CREATE TABLE u (a int); ALTER TABLE u INHERIT p;"
    )
    changed = f"{made} ALTER TABLE u NO INHERIT p; ALTER TABLE p ADD c int; ALTER TABLE p INHERIT t; ALTER TABLE p RENAME TO q"
    assert shown(changed, "postgres") == {"q": ["a", "c"], "t": ["a", "b", "c"], "u": ["a"]}


def test_descriptions_of_extended_properties() -> None:
    ddl = """CREATE TABLE dbo.boat (name nvarchar(9))
GO
EXEC sys.sp_addextendedproperty @name=N'MS_Description', @value=N'what''s on the hull', @level0type=N'SCHEMA',
 @level0name=N'dbo', @level1type=N'TABLE', @level1name=N'boat', @level2type=N'COLUMN', @level2name=N'name'
GO
EXECUTE [sys].[sp_addextendedproperty] N'MS_Description', N'for hire', N'SCHEMA', [dbo], N'TABLE', [boat], NULL, NULL;
EXECUTE sp_addextendedproperty N'MS_Description', N'a key', N'SCHEMA', dbo, N'TABLE', boat, N'CONSTRAINT', pk
"""
    [boat] = from_ddl(ddl, "tsql").tables
    assert (boat.comment, boat.columns[0].comment) == ("for hire", "what's on the hull")


def test_foreign_keys_follow_what_is_renamed() -> None:
    ddl = """CREATE TABLE t (a int PRIMARY KEY); CREATE TABLE u (t_a int CONSTRAINT fk REFERENCES t (a));
    ALTER TABLE t RENAME TO boat; ALTER TABLE boat RENAME a TO id;"""
    assert from_ddl(ddl, "postgres").tables[1].columns[0].references == Reference("boat", "id")
    assert from_ddl(ddl + "ALTER TABLE u DROP CONSTRAINT fk", "postgres").tables[1].columns[0].references is None


def test_what_takes_a_migration_back_is_not_run() -> None:
    ddl = "-- +goose Up\nCREATE TABLE t (a int);\n-- +goose Down\nDROP TABLE t;\n-- +goose Up\nCREATE TABLE u (b int);"
    assert list(shown(ddl, "postgres")) == ["t", "u"]


def test_a_script_that_drops_all_has_no_schema() -> None:
    with pytest.raises(DataError, match="The script drops every table that it creates"):
        from_ddl("CREATE TABLE t (a int); DROP TABLE t")


# ---- namespaces of a session


@pytest.mark.parametrize(
    ("dialect", "ddl", "names"),
    [
        ("postgres", "SET search_path TO shop, public; CREATE TABLE t (a int)", ["t", "shop.t"]),
        ("postgres", "SET SCHEMA 'shop'; CREATE TABLE t (a int)", ["t", "shop.t"]),
        ("postgres", "SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.t (a int)", ["t", "public.t"]),
        ("postgres", "SET search_path = shop; CREATE TABLE t (a int); SET search_path = yard; CREATE TABLE u (a int)",
         ["shop.t", "yard.u"]),
        ("postgres", "CREATE SCHEMA shop\n  CREATE TABLE t (a int)\n  CREATE TABLE u (a int);\nCREATE TABLE v (a int);",
         ["shop.t", "shop.u", "v"]),
        ("mysql", "USE `shop`; CREATE TABLE t (a int)", ["t", "shop.t"]),
        ("hive", "USE shop; CREATE TABLE t (a int)", ["t", "shop.t"]),
        ("oracle", "ALTER SESSION SET CURRENT_SCHEMA = shop; CREATE TABLE t (a int)", ["t", "shop.t"]),
        ("tsql", "USE [Boats]\nGO\nCREATE TABLE [dbo].[t] ([a] int)\nGO", ["t", "dbo.t", "Boats.dbo.t", "Boats..t"]),
        ("snowflake", "USE DATABASE d; USE SCHEMA s; CREATE TABLE t (a int)", ["t", "s.t", "d.s.t"]),
    ],
)  # fmt: skip
def test_tables_are_found_under_the_names_of_their_session(dialect: str, ddl: str, names: list[str]) -> None:
    schema = from_ddl(ddl, dialect)
    for name in names:
        assert check(f"SELECT a FROM {name}", dialect=dialect, schema=schema).allowed, name
    assert not check("SELECT a FROM elsewhere.t", dialect=dialect, schema=schema).allowed


def test_tables_of_one_name_in_two_databases_of_a_script() -> None:
    ddl = """USE a; CREATE TABLE p (x int PRIMARY KEY); CREATE TABLE c (x int REFERENCES p(x));
    USE b; CREATE TABLE p (y int PRIMARY KEY); CREATE TABLE d (y int REFERENCES a.p(x))"""
    assert to_ddl(from_ddl(ddl, "mysql"), "mysql") == (
        "CREATE TABLE a.p (x int PRIMARY KEY); CREATE TABLE a.c (x int REFERENCES p(x)); "
        "CREATE TABLE b.p (y int PRIMARY KEY); CREATE TABLE b.d (y int REFERENCES a.p(x))"
    )


BIGQUERY = ["CREATE TABLE `my-1.lake.ride` (a INT64)", "CREATE TABLE `my-1`.lake.ride (a INT64)",
            "CREATE TABLE my-1.lake.ride (a INT64)", "CREATE TABLE `my-1`.`lake.ride` (a INT64)"]  # fmt: skip


@pytest.mark.parametrize("ddl", BIGQUERY)
def test_one_table_under_every_spelling_of_bigquery(ddl: str) -> None:
    schema = from_ddl(ddl, "bigquery")
    assert to_ddl(schema, "bigquery") == "CREATE TABLE `my-1`.lake.ride (a INT64)"
    for name in (
        "`my-1.lake.ride`",
        "my-1.lake.ride",
        "`my-1`.lake.ride",
        "`lake.ride`",
        "lake.ride",
        "`my-1.lake`.ride",
    ):
        assert check(f"SELECT a, ride.a FROM {name}", dialect="bigquery", schema=schema).allowed, name
    for name in (
        "my-2.lake.ride",
        "`my-2.lake.ride`",
        "pond.ride",
        "`my-1.pond.ride`",
        "`my-1.lake.INFORMATION_SCHEMA.TABLES`",
    ):
        assert not check(f"SELECT a FROM {name}", dialect="bigquery", schema=schema).allowed, name


def test_dashes_let_no_other_name_pass() -> None:
    schema = from_ddl("CREATE TABLE my-1.lake.ride (a INT64)", "bigquery")
    verdict = check("SELECT a, DATE_TRUNC(lake, secret) FROM my-1.lake.ride", dialect="bigquery", schema=schema)
    assert not verdict.allowed


def test_the_same_table_in_two_catalogs_is_told_apart() -> None:
    schema = from_ddl("CREATE TABLE one.s.t (a int); CREATE TABLE two.s.t (b int)", "snowflake")
    assert check("SELECT b FROM two.s.t", dialect="snowflake", schema=schema).allowed
    assert not check("SELECT a FROM two.s.t", dialect="snowflake", schema=schema).allowed


# ---- comments


@pytest.mark.parametrize(
    "comment",
    ["old_price float8 NULL,", "title varchar(80)", "a int, b text", "CONSTRAINT x PRIMARY KEY (a)", "DROP TABLE t;",
     "`day` date DEFAULT NULL,"],
)  # fmt: skip
def test_what_was_commented_out_is_no_comment(comment: str) -> None:
    for text in (f"-- {comment}\n", f"/* {comment} */\n"):
        [table] = from_ddl(f"CREATE TABLE t (\n a int,\n {text} b int -- EUR\n)", "postgres").tables
        assert [c.comment for c in table.columns] == [None, "EUR"]


@pytest.mark.parametrize(
    "comment", ["birth date of the owner", "EUR, not USD", "unit price", "key; never reused", "in text"]
)
def test_comments_that_only_sound_like_sql(comment: str) -> None:
    [table] = from_ddl(f"CREATE TABLE t (\n a int -- {comment}\n)", "postgres").tables
    assert table.columns[0].comment == comment


# ---- hostile text


@pytest.mark.parametrize("base", ["tsql", "mysql", "postgres", "oracle"])
@pytest.mark.parametrize("odd", ["'", '"', "/*", "$x$", "[", "`", "(", "'\\'"])
def test_one_unclosed_sign_does_not_hang(base: str, odd: str) -> None:
    ddl = f"CREATE TABLE t (a int);\nCREATE TABLE u (a int DEFAULT {odd} 1\n" + ("x \\' /* [ $y$ (\n" * 10_000)
    started = time.process_time()
    schema = read_ddl([("", ddl)], base).schema
    assert [t.name for t in schema.tables][:1] == ["t"]
    assert time.process_time() - started < 3
