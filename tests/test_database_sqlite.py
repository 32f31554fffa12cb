"""SQLite: what a statement can do without the guard, and what it cannot. Each attack alone."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sqltailor.database import Database, open_database
from sqltailor.errors import DataError, Refused, SQLError, Timeout
from sqltailor.types import Grant, QueryResult

MIB = 1 << 20
ENDLESS = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"

TABLES = """
CREATE TABLE t (a INTEGER, b INTEGER, d DATE, name TEXT, note TEXT, j TEXT, deleted_at TEXT, "weird col" TEXT);
INSERT INTO t (a, b, d, name, note, j) VALUES
    (1, 2, '2024-01-02', 'x', 'x; DROP TABLE t; --', '{"a": 7}'),
    (3, 4, NULL, 'y', NULL, NULL);
CREATE TABLE s (a INTEGER, name TEXT);
CREATE TABLE "order" (id INTEGER, "group" INTEGER);
CREATE VIEW v AS SELECT a FROM t;
CREATE VIRTUAL TABLE notes5 USING fts5(body);
INSERT INTO notes5 VALUES ('hello world'), ('good bye');
CREATE VIRTUAL TABLE notes4 USING fts4(body);
INSERT INTO notes4 VALUES ('hello world');
CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
INSERT INTO boxes VALUES (1, 0, 1);
"""


def make(path: Path, script: str = TABLES) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("sqlite") / "t.db")


@pytest.fixture(scope="module")
def database(path: Path) -> Iterator[Database]:
    with open_database(f"sqlite:///{path}", timeout_s=1.0, max_bytes=64 * MIB) as database:
        yield database


def files(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


DENIED = [
    "INSERT INTO t (a) VALUES (9)",
    "INSERT INTO t (a) VALUES (9) RETURNING *",
    "UPDATE t SET a = 0",
    "DELETE FROM t",
    "DELETE FROM t RETURNING *",
    "REPLACE INTO t (a) VALUES (1)",
    "WITH x AS (SELECT 1) DELETE FROM t",
    "WITH x AS (SELECT 1 AS a) INSERT INTO t (a) SELECT a FROM x",
    "WITH x AS (SELECT 1) UPDATE t SET a = 0",
    "DROP TABLE t",
    "ALTER TABLE t ADD COLUMN x INT",
    "CREATE TABLE z (a)",
    "CREATE VIEW w AS SELECT 1",
    "CREATE INDEX i ON t (a)",
    "CREATE TEMP TABLE z AS SELECT * FROM t",
    "CREATE TEMP VIEW t AS SELECT 1",
    "CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t; END",
    "CREATE VIRTUAL TABLE w USING csv(filename='/etc/passwd')",
    "ATTACH 'evil.db' AS e",
    "ATTACH ':memory:' AS m",
    "DETACH DATABASE main",
    "VACUUM",
    "VACUUM INTO 'copy.db'",
    "REINDEX",
    "ANALYZE",
    "PRAGMA query_only=0",
    "PRAGMA writable_schema=1",
    "PRAGMA journal_mode=DELETE",
    "PRAGMA trusted_schema=1",
    "PRAGMA table_info(t)",
    "PRAGMA data_version",
    "PRAGMA hard_heap_limit=0",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM pragma_table_info('t')",
    "SELECT * FROM pragma_function_list",
    "SELECT sql FROM sqlite_master",
    "SELECT name FROM sqlite_schema",
    "SELECT * FROM sqlite_temp_master",
    "SELECT (SELECT max(sql) FROM sqlite_master) FROM t",
    "SELECT * FROM dbstat",
    "SELECT * FROM sqlite_stmt",
    "SELECT * FROM fts3tokenize('simple', 'a b')",
    "SELECT load_extension('/tmp/x.so')",
    "SELECT load_extension('/tmp/x.so', 'entry')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT fts3_tokenizer('simple', x'4141414141414141')",
    "SELECT sqlite_version()",
    "SELECT sqlite_compileoption_get(1)",
    "SELECT sqlite_log(1, 'x')",
    "SELECT randomblob(10)",
    "SELECT zeroblob(10)",
    "SELECT total_changes()",
    "SELECT * FROM (SELECT load_extension('x'))",
    "SELECT 1 ORDER BY load_extension('x')",
    "BEGIN",
    "BEGIN IMMEDIATE",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT s",
    "RELEASE s",
    "EXPLAIN SELECT 1",
    "EXPLAIN QUERY PLAN SELECT 1",
    "EXPLAIN DELETE FROM t",
    ";EXPLAIN SELECT 1",
    ";DROP TABLE t",
    "/* SELECT */ EXPLAIN SELECT 1",
    "/* a */ EXPLAIN /* b */ SELECT 1",
    "/*/ EXPLAIN */ EXPLAIN SELECT 1",
    "-- SELECT\nEXPLAIN SELECT 1",
    "SELECT 1; SELECT 2",
    "SELECT 1; DROP TABLE t",
    "SELECT 1 --\n; DROP TABLE t",
    "BEGIN; DELETE FROM t; COMMIT",
    ".read /etc/passwd",
    "",
    "   ",
    "-- nothing",
    ";",
]


@pytest.mark.parametrize("sql", DENIED)
def test_is_denied_and_changes_nothing(database: Database, path: Path, sql: str) -> None:
    before = files(path)
    with pytest.raises(Refused) as error:
        database.run(sql)
    assert error.value.layer == "role"
    assert files(path) == before


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT writefile('/tmp/x', 'pwn')",
        "SELECT edit('x')",
        "SELECT * FROM sqlite_dbpage",
        "SELECT * INTO loot FROM t",
        "SELECT * FROM other_schema.t",
        "SELECT a FROM nowhere",
        "SELECT nothing FROM t",
        "SELECT nosuch(a) FROM t",
        "SELEC",
        "(SELECT 1) UNION ALL (SELECT 2)",
        "SELECT 'a\x00b'",
        "SELECT '\ud800'",
    ],
)
def test_is_an_error_of_the_statement(database: Database, sql: str) -> None:
    with pytest.raises(SQLError):
        database.run(sql)


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT "no_such_column" FROM t',
        'SELECT a FROM t WHERE name = "x"',
        'SELECT count("nope") FROM t',
        'SELECT """"',
    ],
)
def test_a_name_that_does_not_exist_is_no_string(database: Database, sql: str) -> None:
    with pytest.raises(SQLError, match="no such column"):
        database.run(sql)


LIMITED = {
    "one big blob": "SELECT hex(replace(hex(hex(hex(char(1,2,3,4,5,6,7,8)))), '3', hex(printf('%.*c', 900000, 'x'))))",
    "printf": "SELECT printf('%.*c', 900000000, 'x')",
    "replace": "SELECT replace(printf('%.*c', 1000000, 'x'), 'x', 'yyyyyyyyyyyyyyyyy')",
    "group_concat": f"{ENDLESS} SELECT group_concat(printf('%.*c', 1000000, 'x')) FROM c",
    "json_group_array": f"{ENDLESS} SELECT json_group_array(printf('%.*c', 1000000, 'x')) FROM c",
    "sort": f"{ENDLESS} SELECT n, printf('%.*c', 100000, 'x') FROM c ORDER BY 2",
    "distinct": f"{ENDLESS} SELECT count(*) FROM (SELECT DISTINCT printf('%.*c%d', 100000, 'x', n) FROM c)",
    "big rows": f"{ENDLESS} SELECT printf('%.*c', 1000000, 'x') FROM c",
    "endless recursion": f"{ENDLESS} SELECT max(n) FROM c",
    "cross join": f"{ENDLESS}, k AS (SELECT n FROM c LIMIT 10000) SELECT count(*) FROM k x, k y, k z",
    "long pattern": f"SELECT 'a' LIKE '{'%' * 2000}'",
    "deep expression": "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    "long expression": "SELECT " + "+".join(["1"] * 3000),
    "compound": " UNION ALL ".join(["SELECT 1"] * 400),
    "long text": f"SELECT '{'x' * 200_000}'",
}


@pytest.mark.parametrize("name", LIMITED)
def test_is_stopped_and_the_next_statement_runs(database: Database, name: str) -> None:
    started = time.monotonic()
    with pytest.raises(SQLError) as error:
        database.run(LIMITED[name], timeout_s=0.3)
    assert time.monotonic() - started < 2.5
    assert type(error.value) is not Refused or error.value.layer == "limits"
    assert database.run("SELECT 1").rows == [(1,)]


@pytest.mark.parametrize("name", ["endless recursion", "cross join"])
def test_time_limit_is_kept(database: Database, name: str) -> None:
    started = time.monotonic()
    with pytest.raises(Timeout, match=r"longer than 0\.3 s"):
        database.run(LIMITED[name], timeout_s=0.3)
    assert time.monotonic() - started < 0.8


@pytest.mark.parametrize("name", ["replace", "sort", "big rows", "long text"])
def test_size_limits_say_so(database: Database, name: str) -> None:
    with pytest.raises(Refused) as error:
        database.run(LIMITED[name], timeout_s=10)
    assert error.value.layer == "limits"


def test_result_is_cut_at_the_row_cap(database: Database) -> None:
    result = database.run(f"{ENDLESS} SELECT n FROM c", max_rows=3)
    assert (result.rows, result.truncated) == ([(1,), (2,), (3,)], True)
    assert not database.run("SELECT a FROM t", max_rows=2).truncated


def test_result_is_refused_above_the_byte_cap(database: Database) -> None:
    rows = f"{ENDLESS} SELECT printf('%.*c', 1000000, 'x') FROM c LIMIT {{}}"
    assert len(database.run(rows.format(7)).rows) == 7
    with pytest.raises(Refused, match="larger than 8 MiB") as error:
        database.run(rows.format(9))
    assert error.value.layer == "limits"


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT 1;", [(1,)]),
        ("/* report */ SELECT a FROM t -- trailing", [(1,), (3,)]),
        ("  -- a\n\t/* b */ SELECT 1; -- c", [(1,)]),
        ("SELECT a FROM t WHERE note = 'x; DROP TABLE t; --'", [(1,)]),
        ("SELECT replace(name, 'x', 'z') FROM t", [("z",), ("y",)]),
        ('SELECT 1 AS "delete", 2 AS "up""date`"', [(1, 2)]),
        ("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n<3) SELECT * FROM c", [(1,), (2,), (3,)]),
        ("VALUES (1), (2)", [(1,), (2,)]),
        ("SELECT a, row_number() OVER (PARTITION BY b ORDER BY a) FROM t", [(1, 1), (3, 1)]),
        ('SELECT count(*) FROM "order" WHERE "group" = 1', [(0,)]),
        ("SELECT json_extract(j, '$.a') FROM t", [(7,), (None,)]),
        ("SELECT j ->> 'a' FROM t", [(7,), (None,)]),
        ("SELECT value FROM json_each('[1,2]')", [(1,), (2,)]),
        ("SELECT count(*) FROM json_tree('[1,[2]]')", [(4,)]),
        ("SELECT a FROM t EXCEPT SELECT a FROM s", [(1,), (3,)]),
        ("SELECT count(*) FILTER (WHERE a > 1) FROM t", [(1,)]),
        ("WITH secret AS (SELECT 1 AS a) SELECT a FROM secret", [(1,)]),
        ("SELECT 'it''s' AS café, '“q”\"' AS 名前", [("it's", '“q”"')]),
        ('SELECT `weird col`, [weird col], "weird col" FROM t LIMIT 1', [(None, None, None)]),
        ('SELECT T."A" FROM "T" WHERE "A" = 1', [(1,)]),
        ("SELECT strftime('%Y', d), sum(a), avg(a), group_concat(name) FROM t", [("2024", 4, 2.0, "x,y")]),
        ("SELECT round(sqrt(16)), x'00ff', 1.5, 9223372036854775807", [(4.0, b"\x00\xff", 1.5, 9223372036854775807)]),
        ("SELECT 9e999, -9e999", [(float("inf"), float("-inf"))]),
        ("SELECT a FROM v", [(1,), (3,)]),
        ("SELECT body FROM notes5 WHERE notes5 MATCH 'hello'", [("hello world",)]),
        ("SELECT highlight(notes5, 0, '<', '>') FROM notes5 WHERE body MATCH 'bye'", [("good <bye>",)]),
        ("SELECT body FROM notes4 WHERE notes4 MATCH 'hello'", [("hello world",)]),
        ("SELECT id FROM boxes WHERE x0 < 1", [(1,)]),
    ],
)
def test_runs(database: Database, sql: str, rows: list[tuple[object, ...]]) -> None:
    assert database.run(sql).rows == rows


def test_names_its_columns(database: Database) -> None:
    assert database.run('SELECT a, a AS "delete", "weird col", count(*) FROM t').columns == (
        "a",
        "delete",
        "weird col",
        "count(*)",
    )


def test_an_empty_result_has_columns(database: Database) -> None:
    result = database.run("SELECT a, name FROM s")
    assert (result.columns, result.rows, result.truncated) == (("a", "name"), [], False)


def test_text_that_is_not_utf8_is_replaced(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db", "CREATE TABLE t (a); INSERT INTO t VALUES (CAST(x'61ff62' AS TEXT)), ('é');")
    with open_database(str(path)) as database:
        assert database.run("SELECT a FROM t").rows == [("a\ufffdb",), ("é",)]


def test_a_wide_row_does_not_stop_its_other_columns(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db", "CREATE TABLE t (a, b, c); INSERT INTO t VALUES (1, zeroblob(20000000), 2);")
    with open_database(str(path), max_bytes=128 * MIB) as database:
        assert database.run("SELECT a, length(b), c FROM t").rows == [(1, 20000000, 2)]
        with pytest.raises(Refused):
            database.run("SELECT b FROM t")


def test_sees_what_others_write(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db")
    with open_database(f"sqlite:///{path}") as database:
        assert database.run("SELECT count(*) FROM s").rows == [(0,)]
        make(path, "INSERT INTO s VALUES (1, 'x'); CREATE TABLE new (a);")
        assert database.run("SELECT count(*) FROM s").rows == [(1,)]
        assert database.run("SELECT count(*) FROM new").rows == [(0,)]
        # virtual tables are connected anew after a change of the schema
        assert database.run("SELECT body FROM notes5 WHERE notes5 MATCH 'bye'").rows == [("good bye",)]
        assert database.run("SELECT value FROM json_each('[1]')").rows == [(1,)]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"No such file: {tmp_path}/no\.db\. Next: ls"):
        open_database(f"sqlite:///{tmp_path}/no.db")
    assert not list(tmp_path.iterdir())


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder"):
        open_database(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize("content", [b"", None])
def test_no_tables(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "empty.db"
    if content is None:
        make(path, "CREATE TABLE t (a); DROP TABLE t;")
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{path} has no tables\. Next: sqlite3"):
        open_database(f"sqlite:///{path}")


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("dear diary, " * 100)
    with pytest.raises(DataError, match=rf"{path} is not a SQLite database\. Next: file"):
        open_database(f"sqlite:///{path}")


def test_corrupt(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db", "CREATE TABLE t (a); " + "INSERT INTO t VALUES (printf('%.*c', 3000, 'x'));" * 50)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with open_database(str(path)) as database, pytest.raises(DataError, match=rf"{path} is damaged .* Next: sqlite3"):
        database.run("SELECT sum(length(a)) FROM t")


def test_locked(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db")
    writer = sqlite3.connect(path)
    writer.execute("BEGIN EXCLUSIVE")
    with pytest.raises(DataError, match=rf"{path} is locked by another program\. Next:"):
        open_database(f"sqlite:///{path}")
    writer.close()


def test_locked_while_open(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db")
    with open_database(f"sqlite:///{path}") as database:
        writer = sqlite3.connect(path)
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DataError, match="locked"):
            database.run("SELECT * FROM t")
        writer.close()
        assert len(database.run("SELECT * FROM t").rows) == 2


def test_unfinished_transaction(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA cache_size=1")
    writer.execute("BEGIN")
    writer.execute(f"{ENDLESS} INSERT INTO s SELECT n, printf('%.*c', 1000, 'x') FROM c LIMIT 1000")
    crashed = tmp_path / "crashed.db"
    crashed.write_bytes(path.read_bytes())
    (tmp_path / "crashed.db-journal").write_bytes((tmp_path / "t.db-journal").read_bytes())
    writer.close()
    with pytest.raises(DataError, match=r"unfinished transaction.* Next: sqlite3"):
        open_database(f"sqlite:///{crashed}")


def test_wal_is_read_and_the_file_stays_as_it_is(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db", "PRAGMA journal_mode=WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1);")
    before = path.read_bytes()
    writer = sqlite3.connect(path, isolation_level=None)
    with open_database(f"sqlite:///{path}") as database:
        assert database.run("SELECT a FROM t").rows == [(1,)]
        writer.execute("INSERT INTO t VALUES (2)")
        assert database.run("SELECT a FROM t").rows == [(1,), (2,)]
    assert path.read_bytes() == before
    writer.close()


def test_wal_that_cannot_be_opened(tmp_path: Path) -> None:
    path = make(tmp_path / "t.db", "PRAGMA journal_mode=WAL; CREATE TABLE t (a);")
    (tmp_path / "t.db-wal").mkdir()
    with pytest.raises(DataError, match=rf"{path} cannot be opened .* Next: sqlite3"):
        open_database(f"sqlite:///{path}")


def test_odd_path(tmp_path: Path) -> None:
    folder = tmp_path / "a b?c#d%20é"
    folder.mkdir()
    path = make(folder / "t?mode=rwc.db")
    with open_database(f"sqlite:///{path}") as database:
        assert database.run("SELECT count(*) FROM t").rows == [(2,)]
    assert [file.name for file in folder.iterdir()] == ["t?mode=rwc.db"]


KUNDEN = """
CREATE TABLE kunden (kundennr INTEGER PRIMARY KEY, vorname TEXT, email TEXT, note);
INSERT INTO kunden VALUES (7, 'Ada', 'a@x.de', 3);
CREATE VIEW alle AS SELECT * FROM kunden;
CREATE VIEW namen AS SELECT vorname FROM kunden;
CREATE VIEW zwei AS SELECT * FROM alle;
"""


@pytest.mark.parametrize(
    ("deny", "sql"),
    [
        ("kunden.email", "SELECT email FROM kunden"),
        ("Kunden.Email", "SELECT email FROM alle"),
        ("kunden.email", "SELECT vorname FROM zwei"),
        ("kunden.email", "WITH namen AS (SELECT email FROM kunden) SELECT * FROM namen"),
        ("kunden.kundennr", "SELECT rowid FROM kunden"),
        ("kunden.kundennr", "SELECT vorname FROM kunden k ORDER BY k._rowid_"),
        ("kunden", "SELECT count(*) FROM kunden"),
        ("main.kunden.*", "SELECT vorname FROM namen"),
        ("alle", "SELECT vorname FROM zwei"),
    ],
)
def test_what_is_denied_is_not_read(tmp_path: Path, deny: str, sql: str) -> None:
    file = str(make(tmp_path / "k.db", KUNDEN))
    with open_database(file, grant=Grant(deny=(deny,))) as database, pytest.raises(Refused, match="denied") as error:
        database.run(sql)
    assert error.value.layer == "role"


def test_the_rest_of_a_table_and_an_allowed_view_are_read(tmp_path: Path) -> None:
    file = str(make(tmp_path / "k.db", KUNDEN))
    with open_database(file, grant=Grant(deny=("kunden.email",))) as database:
        assert database.run("SELECT rowid, vorname FROM kunden").rows == [(7, "Ada")]
        assert database.run("SELECT vorname FROM namen").rows == [("Ada",)]
        kunden = database.read_schema(samples=1).tables[0]
        assert [(c.type, c.samples) for c in kunden.columns[2:]] == [("TEXT", ()), ("INTEGER", (3,))]
    with open_database(file, grant=Grant(("ZWEI",), ("kunden.email",))) as database:
        assert database.run("SELECT email FROM zwei").rows == [("a@x.de",)]
        with pytest.raises(Refused):
            database.run("SELECT email FROM kunden")


def test_a_view_brings_its_query(tmp_path: Path) -> None:
    with open_database(str(make(tmp_path / "k.db", KUNDEN))) as database:
        queries = [t.query for t in database.read_schema().tables]
    assert queries == [None, "SELECT * FROM kunden", "SELECT vorname FROM kunden", "SELECT * FROM alle"]


# many statements on one file

TRAMS = """
CREATE TABLE tram (id INTEGER PRIMARY KEY, line TEXT, "seats, all" INT);
CREATE TABLE run (tram INT, at TEXT);
CREATE TABLE note (t PRIMARY KEY) WITHOUT ROWID;
CREATE VIRTUAL TABLE words USING fts5 (text);
INSERT INTO words VALUES ('red tram');
CREATE VIEW busy AS SELECT tram, count(*) AS runs FROM run GROUP BY tram;
"""


def test_an_indexed_copy_gives_the_same_results_under_the_same_protection(tmp_path: Path) -> None:
    path = tmp_path / "trams.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(TRAMS)
        connection.executemany("INSERT INTO tram VALUES (?, ?, ?)", [(i, "ab"[i % 2], i % 50) for i in range(3000)])
        connection.executemany("INSERT INTO run VALUES (?, ?)", [(i % 2500, f"0{i % 9}:00") for i in range(6000)])
    idle = "SELECT count(*) FROM tram AS t WHERE NOT EXISTS (SELECT 1 FROM run AS r WHERE r.tram = t.id)"
    by_line = 'SELECT line, max("seats, all") FROM tram GROUP BY line'
    with open_database(str(path), grant=Grant(deny=("run.at",))) as database:
        for sql in ("SELECT text FROM words WHERE words MATCH 'red'", "SELECT max(runs) FROM busy", by_line, idle):
            plain, copied = database.run(sql), database.run(sql, indexed=True)
            assert (plain.columns, plain.rows) == (copied.columns, copied.rows)
        assert copied.elapsed_ms < plain.elapsed_ms / 5
        several = database.run_all([by_line, "SELECT at FROM run", by_line], timeout_s=5, max_rows=1, indexed=True)
        rows = [result.rows if isinstance(result, QueryResult) else type(result) for result in several]
        assert rows == [[("a", 48)], Refused, [("a", 48)]]
        for denied in ("SELECT at FROM run", "SELECT name FROM sqlite_master", "DELETE FROM tram"):
            with pytest.raises(Refused):
                database.run(denied, indexed=True)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("INSERT INTO tram VALUES (9999, 'c', 1)")
        count = "SELECT count(*) FROM tram"
        assert (database.run(count).rows, database.run(count, indexed=True).rows) == ([(3001,)], [(3000,)])


def test_a_large_file_is_not_copied(tmp_path: Path) -> None:
    path = tmp_path / "large.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (a TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 100_000,)] * 180)
    with open_database(str(path)) as database:
        assert database.run("SELECT count(*) FROM t", indexed=True).rows == [(180,)]
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("INSERT INTO t VALUES ('y')")
        assert database.run("SELECT count(*) FROM t", indexed=True).rows == [(181,)]
