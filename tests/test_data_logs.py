# ruff: noqa: E501
"""Query logs: what is read, merged, rejected, filled, run and hidden, and continued pretraining on the result."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sqltailor.data.querylog.clean_log import LogSummary, import_log
from sqltailor.data.querylog.entries import LOG_REASONS, log_text, read_log
from sqltailor.data.querylog.exports import Entry
from sqltailor.data.querylog.fill import placeholders, readable
from sqltailor.data.querylog.reader import LogReader
from sqltailor.data.rows import Reject
from sqltailor.database import Database, open_database
from sqltailor.database.url import mask
from sqltailor.errors import DataError
from sqltailor.recipe import load_recipe
from sqltailor.sql.dialect import parse
from sqltailor.sql.schema import from_ddl
from sqltailor.train.rows.training_data import read_documents
from sqltailor.types import Grant
from tests.support import postgres_server
from tests.support.cli_project import make_database, ok, ok_json, run


@pytest.fixture
def tram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with open_database(str(make_database(tmp_path / "tram.db"))) as database:
        yield database


def rows(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def read(database: Database, text: str, name: str = "q.sql", **settings: Any) -> tuple[LogSummary, list[Any]]:
    """Return the summary of a log, and the rows that were kept."""
    Path(name).write_text(text, encoding="utf-8")
    reader = LogReader(database.dialect, database.read_schema(), database, **settings)
    summary = import_log([name], "out/log.jsonl", reader)
    assert summary.read == summary.kept + summary.merged + summary.rejected
    assert summary.rejected == sum(summary.reasons.values()) == len(rows("out/log.rejects.jsonl"))
    assert set(summary.reasons) <= set(LOG_REASONS)
    return summary, rows("out/log.jsonl")


def statements(path: Path) -> list[str]:
    return [entry.sql for entry in read_log(str(path)) if isinstance(entry, Entry)]


# what a log is


def test_text_has_one_statement_a_line(tmp_path: Path) -> None:
    path = tmp_path / "q.log"
    path.write_bytes(b"\xef\xbb\xbfSELECT a FROM t\r\n\r\n-- night job\r\nSELECT b FROM t;\r\nnot sql at all\r\n")
    assert list(read_log(str(path))) == [
        Entry(1, "SELECT a FROM t"), Entry(4, "SELECT b FROM t;"), Entry(5, "not sql at all"),
    ]  # fmt: skip


def test_text_may_hold_statements_over_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "q.sql"
    path.write_text("-- daily\nSELECT a\n  FROM t\nWHERE b = 1;\n\nWITH x AS (\nSELECT 1)\nSELECT * FROM x;\nSELECT c")
    assert list(read_log(str(path))) == [
        Entry(2, "SELECT a\n  FROM t\nWHERE b = 1;"),
        Entry(6, "WITH x AS (\nSELECT 1)\nSELECT * FROM x;"),
        Entry(9, "SELECT c"),
    ]


def test_what_servers_write_before_a_statement_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "postgresql.log"
    path.write_text(
        "2026-01-02 03:04:05 UTC [77] app@shop LOG:  duration: 1.25 ms  statement: SELECT a\n\tFROM t\n"
        "2026-01-02 03:04:06 UTC [77] app@shop LOG:  execute <unnamed>: SELECT b FROM t WHERE c = $1\n"
        "2026-01-02T03:04:05.1Z\t   12 Query\tSELECT c FROM t\n"
        "2026-01-02T03:04:05.2Z\t   12 Execute\tSELECT d FROM t\n"
    )
    assert statements(path) == [
        "SELECT a\n\tFROM t", "SELECT b FROM t WHERE c = $1", "SELECT c FROM t", "SELECT d FROM t",
    ]  # fmt: skip


def test_an_export_of_pg_stat_statements_is_a_table(tmp_path: Path) -> None:
    path = tmp_path / "pgs.csv"
    path.write_text('userid,Query,calls\n1,"SELECT a\n FROM t",120\n1,SELECT b,many\n1,,3\n1,2\n')
    entry, *rejects = read_log(str(path))
    assert entry == Entry(2, "SELECT a\n FROM t", 120)
    assert [r.reason for r in rejects if isinstance(r, Reject)] == ["wrong_type", "missing_field", "broken_csv"]


def test_logs_may_be_packed(tmp_path: Path) -> None:
    path = tmp_path / "q.sql.gz"
    path.write_bytes(gzip.compress(b"SELECT a FROM t\n"))
    assert statements(path) == ["SELECT a FROM t"]


def test_hostile_text_gives_rejects(tram: Database) -> None:
    Path("q.sql").write_bytes(
        b"SELECT name FROM stop\nSELECT \xff FROM stop\nSELECT '\0' FROM stop\n"
        + b"SELECT " + b"1," * 60_000 + b"1 FROM stop\n" + b"x" * 5_000_000 + b"\n"
        + b"SELECT " + b"(" * 3_000 + b"1" + b")" * 3_000 + b" FROM stop\nSELECT 1; DROP TABLE stop\n"
    )  # fmt: skip
    summary = import_log(["q.sql"], "log.jsonl", LogReader("sqlite", tram.read_schema(), tram))
    assert (summary.read, summary.kept) == (7, 1)
    assert summary.reasons == {"broken_text": 2, "too_long": 2, "unparsed": 2}
    assert tram.run("SELECT count(*) FROM stop").rows == [(4,)]


def test_a_source_that_cannot_be_read_is_an_error(tram: Database) -> None:
    for source in ("absent.sql", "sqlite:///tram.db"):
        with pytest.raises(DataError):
            list(read_log(source))
    Path("mine.jsonl").write_text('{"id": 1}\n')
    Path("q.sql").write_text("SELECT name FROM stop\n")
    with pytest.raises(DataError, match="no import of a log made it"):
        import_log(["q.sql"], "mine.jsonl", LogReader("sqlite"))
    with pytest.raises(DataError, match="would be replaced"):
        import_log(["q.sql"], "q.sql", LogReader("sqlite"))
    assert Path("mine.jsonl").read_text() == '{"id": 1}\n'


# what is kept


def test_only_queries_over_the_schema_are_kept(tram: Database) -> None:
    text = (
        "SELECT name FROM stop\nSELECT 1\nDELETE FROM stop\nSELECT a FROM pg_class\nSELECT nome FROM stop\nPRAGMA x\n"
    )
    summary, [kept] = read(tram, text)
    assert kept["sql"] == "SELECT name FROM stop"
    assert summary.reasons == {"no_table": 1, "not_select": 2, "unknown_table": 1, "unknown_column": 1}
    assert {(r["line"], r["source"]) for r in rows("out/log.rejects.jsonl")} == {(i, "q.sql") for i in range(2, 7)}


def test_equal_statements_become_one_with_their_counts_and_the_commonest_is_first(tram: Database) -> None:
    Path("a.csv").write_text("query,calls\nSELECT name FROM stop,2\nselect colour from line,40\n")
    Path("b.sql").write_text("select  NAME from stop;\nSELECT name FROM stop -- again\n")
    summary = import_log(["a.csv", "b.sql"], "log.jsonl", LogReader("sqlite", tram.read_schema(), tram))
    assert (summary.kept, summary.merged, summary.calls) == (2, 2, 44)
    assert [(r["sql"], r["calls"]) for r in rows("log.jsonl")] == [
        ("SELECT colour FROM line", 40), ("SELECT name FROM stop", 4),
    ]  # fmt: skip


def test_of_queries_that_differ_in_values_only_some_are_kept(tram: Database) -> None:
    text = "".join(f"SELECT name FROM stop WHERE id = {i}\n" for i in range(30))
    summary, kept = read(tram, text, per_template=3)
    assert (len(kept), summary.reasons) == (3, {"enough": 27})


def test_what_the_grant_hides_stays_out(tram: Database) -> None:
    summary, _ = read(
        tram, "SELECT phone FROM driver\nSELECT phone FROM driver WHERE id = ?\n", grant=Grant(deny=("driver.phone",))
    )
    assert summary.reasons == {"refused": 2}


def test_a_statement_that_fails_is_no_query_of_this_database(tram: Database) -> None:
    summary, _ = read(tram, "SELECT abs(-9223372036854775807 - 1) FROM stop\n")
    assert summary.reasons == {"fails": 1}


# placeholders


def test_placeholders_become_stored_values_and_the_statement_runs(tram: Database) -> None:
    text = (
        "SELECT name FROM stop WHERE zone = ? AND opened BETWEEN ? AND ? LIMIT ? OFFSET ?\n"
        "SELECT s.line_number, COUNT(*) FROM serves s JOIN stop p ON p.id = s.stop_id WHERE LOWER(p.name) LIKE ?"
        " AND p.zone IN (?, ?) GROUP BY s.line_number HAVING COUNT(*) >= ?\n"
    )
    summary, kept = read(tram, text)
    assert (summary.kept, summary.runnable) == (2, 2)
    assert "?" not in kept[0]["sql"]
    assert kept[0]["as_logged"].count("?") == 5
    for row in kept:
        assert row["runs"]
        assert tram.run(row["sql"]).rows
    again, same = read(tram, text)
    assert (again, same) == (summary, kept)


@pytest.mark.parametrize(
    ("logged", "filled"),
    [
        ("SELECT id FROM stop WHERE UPPER(name) = ?", ["HARBOUR", "MARKET", "ZOO", "AIRPORT"]),
        ("SELECT id FROM stop WHERE strftime('%Y', opened) = ?1", ["1921", "1968", "2004"]),
        ("SELECT id FROM stop WHERE zone * 10 > ?", ["10", "20"]),
        ("SELECT SUM(CASE WHEN zone = 1 THEN ? ELSE ? END) FROM stop", ["THEN 1 ELSE 0"]),
        ("SELECT zone FROM stop GROUP BY zone HAVING MAX(id) >= ?", ["1", "2", "3", "4"]),
        ("SELECT id FROM stop WHERE COALESCE(zone, ?) = 1", ["COALESCE(zone, 0)"]),
        ("SELECT id FROM stop WHERE ? IN (id, zone)", None),
        ("SELECT id FROM driver WHERE SUBSTR(phone, 1, 3) = ?", None),
        ("SELECT id FROM stop AS s JOIN line AS l ON l.number || s.name = ?", None),
    ],
)
def test_a_value_is_one_that_the_compared_expression_takes(
    tram: Database, logged: str, filled: list[str] | None
) -> None:
    summary, [row] = read(tram, logged)
    assert summary.runnable == (filled is not None)
    if filled is not None:
        assert any(text in row["sql"] for text in filled)
        assert tram.run(row["sql"]).rows


def test_a_text_in_double_quotes_is_a_value_where_sqlite_reads_it_so(tram: Database) -> None:
    assert read(tram, 'SELECT id FROM stop WHERE name = "Zoo"\n')[1][0]["sql"].endswith("name = 'Zoo'")


def test_a_placeholder_without_a_value_leaves_a_document(tram: Database) -> None:
    summary, kept = read(tram, "SELECT zone * ? FROM stop\nSELECT name FROM driver WHERE phone = ?\n")
    assert (summary.kept, summary.runnable) == (2, 0)
    assert [row["sql"] for row in kept] == ["SELECT zone * ? FROM stop", "SELECT name FROM driver WHERE phone = ?"]
    assert not any(row["runs"] for row in kept)


def test_values_that_look_personal_become_placeholders(tram: Database) -> None:
    text = (
        "SELECT id FROM driver WHERE phone = '555-0101'\nSELECT id FROM stop WHERE name = 'anna@example.org'\n"
        "SELECT d.id FROM driver d WHERE d.name IN ('Ito', 'Lund')\nSELECT id FROM stop WHERE name = 'Zoo'\n"
        "SELECT id FROM driver WHERE UPPER(name) = 'LUND'\n"
    )
    _, kept = read(tram, text)
    assert [row["sql"].partition("WHERE ")[2] for row in kept] == [
        "phone = ?", "name = 'Market'", "d.name IN (?, ?)", "name = 'Zoo'", "UPPER(name) = ?",
    ]  # fmt: skip
    _, open_ = read(tram, text, personal=True)
    assert [row["sql"] for row in open_] == [line.replace(" d WHERE", " AS d WHERE") for line in text.splitlines()]


def test_literals_that_the_view_broke_are_made_whole() -> None:
    schema = from_ddl("CREATE TABLE t (a INT, d DATE)", "postgres")
    reader = LogReader("postgres", schema)
    sql = "SELECT date_trunc($1, d) FROM t WHERE d > date $2 - interval $3 AND extract($4 from d) = $5 LIMIT $6"
    assert readable(sql).endswith("CAST($2 AS date) - INTERVAL '30 days' AND EXTRACT(YEAR FROM d) = $5 LIMIT $6")
    assert reader._taken(Entry(1, sql), "x") is None


def test_without_a_database_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("q.sql").write_text("SELECT a FROM t WHERE b = $1\nSELECT a FROM t WHERE mail = 'a@b.org'\nSELECT a FROM t\n")
    summary = import_log(["q.sql"], "log.jsonl", LogReader("postgres"))
    assert (summary.kept, summary.runnable) == (3, 0)
    assert [(r["sql"], r.get("runs")) for r in rows("log.jsonl")] == [
        ("SELECT a FROM t WHERE b = $1", False), ("SELECT a FROM t WHERE mail = $1", False), ("SELECT a FROM t", None),
    ]  # fmt: skip


# PostgreSQL's own view


def test_the_view_of_a_postgres_server_is_read() -> None:
    url = postgres_server.url(postgres_server.OWNER, "logged")
    postgres_server.execute("postgres", "CREATE DATABASE logged")
    postgres_server.execute(
        "logged",
        "CREATE TABLE city (id int, name text, founded date)",
        "INSERT INTO city VALUES (1, 'Lyon', '1900-01-01')",
    )
    with pytest.raises(DataError, match="CREATE EXTENSION"):
        list(read_log(url))
    postgres_server.execute(
        "logged",
        "CREATE VIEW pg_stat_statements AS SELECT d.oid AS dbid, v.* FROM pg_database d, (VALUES "
        "('SELECT name FROM city WHERE id = ANY ($1)', 7), ('SELECT id FROM city WHERE name = $1', 9), "
        "('SELECT id FROM city WHERE founded > date $1 - interval $2 GROUP BY date_trunc($3, founded), id', 1)"
        ") AS v (query, calls)",
    )
    assert [(e.sql, e.calls) for e in read_log(url) if isinstance(e, Entry)][:2] == [
        ("SELECT id FROM city WHERE name = $1", 9), ("SELECT name FROM city WHERE id = ANY ($1)", 7),
    ]  # fmt: skip
    with open_database(url) as database:
        reader = LogReader("postgres", database.read_schema(), database)
        found = [s for s in reader.statements([url]) if not isinstance(s, Reject)]
    assert [(s.sql, s.runs) for s in found] == [
        ("SELECT id FROM city WHERE name = 'Lyon'", True),
        ("SELECT name FROM city WHERE id = ANY(ARRAY[1])", True),
        ("SELECT id FROM city WHERE founded > CAST('1900-01-01' AS DATE) - INTERVAL '30 DAYS' "
         "GROUP BY DATE_TRUNC('MONTH', founded), id", True),
    ]  # fmt: skip
    assert {s.source for s in found} == {mask(url)}


def test_a_password_in_a_url_is_written_nowhere(tmp_path: Path) -> None:
    url = postgres_server.url(postgres_server.OWNER, "logged_too").replace("owner@", "owner:geheim@")
    assert "geheim" in url
    postgres_server.execute("postgres", "CREATE DATABASE logged_too")
    postgres_server.execute(
        "logged_too",
        "CREATE TABLE t (a int)",
        "CREATE VIEW pg_stat_statements AS SELECT d.oid AS dbid, v.* FROM pg_database d, (VALUES "
        "('SELECT a FROM t', 1), ('SELECT 1', 9)) AS v (query, calls)",
    )
    out = tmp_path / "log.jsonl"
    assert import_log([url], out, LogReader("postgres")).rejected == 1
    assert "***" in out.read_text()
    assert "geheim" not in out.read_text() + out.with_suffix(".rejects.jsonl").read_text()


# what it is for


def test_the_command_prints_counts_and_ends_with_1_when_nothing_is_kept(tram: Database) -> None:
    Path("q.sql").write_text("SELECT name FROM stop WHERE zone = ?\nSELECT 1\n")
    summary = ok_json("data", "log", "q.sql", "--database", "tram.db")
    assert summary == {
        "read": 2, "kept": 1, "merged": 0, "rejected": 1, "reasons": {"no_table": 1}, "calls": 1, "runnable": 1,
        "out": "data/log.jsonl",
    }  # fmt: skip
    shown = ok("data", "log", "q.sql")
    assert "wrote data/log.jsonl: 1 statement that ran 1 time; 0 can run here" in shown.stdout
    assert "--database URL" in shown.stderr
    Path("q.sql").write_text("SELECT 1\n")
    assert run("data", "log", "q.sql").exit_code == 1


def test_continued_pretraining_reads_a_log(tram: Database) -> None:
    read(tram, "".join(f"SELECT name FROM stop WHERE id = {i}\n" for i in range(20)))
    texts, held_out = read_documents(load_recipe(None, ["data.documents=out/log.jsonl"]).recipe)
    assert len(texts) == 1
    assert len(texts[0].split("\n\n")) + len(held_out) == 20
    assert "SELECT name FROM stop WHERE id = 7" in log_text(Path("out/log.jsonl"))


def test_other_json_lines_among_the_documents_stay_text(tram: Database) -> None:
    Path("notes.jsonl").write_text('{"text": "Stops have zones."}\n')
    texts, _ = read_documents(load_recipe(None, ["data.documents=notes.jsonl"]).recipe)
    assert texts == ['{"text": "Stops have zones."}']


def test_a_line_that_only_goes_on_belongs_to_the_statement_before_it(tram: Database) -> None:
    summary, kept = read(tram, "SELECT name FROM stop\nSELECT s.name,\n  s.zone\nfrom stop s\nwhere s.zone = 1\n")
    assert [row["sql"] for row in kept] == [
        "SELECT name FROM stop",
        "SELECT s.name, s.zone FROM stop AS s WHERE s.zone = 1",
    ]
    assert summary.read == 2


def test_indented_statements_are_apart(tram: Database) -> None:
    text = " SELECT name FROM stop\n SELECT zone FROM stop\nSELECT id FROM stop UNION\n  SELECT zone FROM stop\n"
    _, kept = read(tram, text)
    assert [row["sql"] for row in kept] == [
        "SELECT name FROM stop",
        "SELECT zone FROM stop",
        "SELECT id FROM stop UNION SELECT zone FROM stop",
    ]


WHOLE = ["SELECT name FROM stop WHERE zone = 1", "SELECT COUNT(*) FROM stop"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("go.sql", "SELECT name FROM stop\nWHERE zone = 1\nGO\nSELECT COUNT(*)\nFROM stop\ngo\n"),
        ("blank.sql", "SELECT name\nFROM stop\nWHERE zone = 1\n\nSELECT COUNT(*)\nFROM stop\n"),
        (
            "general.log",
            "2024-01-02T03:04:05.1Z\t    8 Connect\ta@b on c\n2024-01-02T03:04:05.1Z\t    8 Query\tSELECT name FROM stop\n"
            "WHERE zone = 1\n2024-01-02T03:04:06.1Z\t    8 Query\tSELECT COUNT(*) FROM stop\n",
        ),
        (
            "older.log",
            "240102  3:04:05\t    8 Query\tSELECT name FROM stop\nWHERE zone = 1\n"
            "\t\t    8 Query\tSELECT COUNT(*) FROM stop\n\t\t    8 Quit\t\n",
        ),
        (
            "activity.log",
            "'2024-01-02T03:04:05Z UTC [ db=c user=a pid=1 xid=1 ]' LOG: SELECT name FROM stop\nWHERE zone = 1\n"
            "'2024-01-02T03:04:06Z UTC [ db=c user=a pid=1 xid=2 ]' LOG: SELECT COUNT(*) FROM stop\n",
        ),
        (
            "audit.log",
            '2024-01-02 03:04:05 UTC [1]: LOG:  AUDIT: SESSION,1,1,READ,SELECT,TABLE,c.stop,"SELECT name FROM stop WHERE zone = 1",<none>\n'
            "2024-01-02 03:04:05 UTC [1]: LOG:  AUDIT: SESSION,2,1,READ,SELECT,,,SELECT COUNT(*) FROM stop,<none>\n",
        ),
        (
            "json.log",
            '{"error_severity": "LOG", "message": "statement: SELECT name FROM stop WHERE zone = 1"}\n'
            '{"error_severity": "LOG", "message": "duration: 1 ms  execute s1: SELECT COUNT(*) FROM stop"}\n',
        ),
        (
            "stl_querytext.csv",
            'xid,query,sequence,text\n7,1,0,"SELECT name FROM stop "\n7,1,1,WHERE zone = 1\n8,2,0,SELECT COUNT(*) FROM stop\n',
        ),
        ("vsql.csv", 'SQL_TEXT,SQL_FULLTEXT\nSELECT name FROM stop WHE,SELECT name FROM stop WHERE zone = 1\n,"SELECT COUNT(*) FROM stop"\n'),
    ],
)  # fmt: skip
def test_a_statement_of_a_server_is_never_cut_off(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    found = list(read_log(str(tmp_path / name)))
    assert [" ".join(f.sql.split()) for f in found if isinstance(f, Entry)] == WHOLE
    assert {f.reason for f in found if isinstance(f, Reject)} <= {"no_statement"}


def test_pieces_of_a_statement_out_of_order_are_told(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("xid,query,sequence,text\n7,1,1,WHERE zone = 1\n7,1,0,SELECT name FROM stop\n")
    with pytest.raises(DataError, match=r"Row 2 of .* is piece 1 .* ORDER BY xid, query, sequence"):
        list(read_log(str(tmp_path / "q.csv")))


@pytest.mark.parametrize(
    "text", [" query | calls\n-------+-------\n SELECT name FROM stop WHERE zone = $1 | 12\n", "SELECT name FROM stop WHERE zone = $1|12\n"]
)  # fmt: skip
def test_what_psql_prints_is_no_log(tmp_path: Path, text: str) -> None:
    (tmp_path / "q.txt").write_text(text)
    with pytest.raises(DataError, match=r"psql --csv -c .* > q\.csv"):
        list(read_log(str(tmp_path / "q.txt")))


def test_parameters_without_a_blank_between_them(tmp_path: Path) -> None:
    path = tmp_path / "pgss.csv"
    path.write_text('query,calls\n"SELECT name FROM stop WHERE zone IN ($1,$2,$3) AND name = $4",7\n')
    summary = import_log(
        [str(path)], tmp_path / "log.jsonl", LogReader("postgres", from_ddl("CREATE TABLE stop (name TEXT, zone INT)"))
    )
    assert (summary.kept, summary.calls) == (1, 7)
    assert rows(tmp_path / "log.jsonl")[0]["sql"] == ("SELECT name FROM stop WHERE zone IN ($1, $2, $3) AND name = $4")


@pytest.mark.parametrize("mark", ["$1", "?", "?1", "%s", "%(zone)s", ":zone"])
def test_placeholders_of_all_drivers_get_values(tram: Database, mark: str) -> None:
    summary, kept = read(
        tram, f"SELECT name FROM stop WHERE zone = {mark}\nSELECT name FROM stop WHERE zone IN ({mark})"
    )
    assert (summary.kept, summary.runnable) == (2, 2)
    assert all(row["as_logged"] for row in kept)


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb"])
def test_placeholders_are_read_in_every_dialect(dialect: str) -> None:
    for mark in ("$1", "?", "?1", "%s", "%(zone)s", ":zone"):
        tree = parse(readable(f"SELECT '%s' FROM stop WHERE zone={mark} AND a = {mark} LIMIT {mark}", dialect), dialect)
        assert len(placeholders(tree)) == 3
        assert "'%s'" in tree.sql(dialect)
    assert "IN (?)" in parse(readable("SELECT a FROM t WHERE b IN %s", dialect), dialect).sql(dialect)


# what servers and warehouses write


def test_a_comment_behind_the_semicolon_ends_no_statement_late(tram: Database) -> None:
    text = (
        "/* a job */\nSELECT name FROM stop\nWHERE zone = 1; -- nightly\nSELECT id\nFROM stop; /* app=web */\n# done\n"
    )
    Path("q.sql").write_text(text)
    assert [entry.line for entry in read_log("q.sql") if isinstance(entry, Entry)] == [2, 4]
    assert read(tram, text)[0].kept == 2
    assert read(tram, "SELECT name FROM stop; -- one\nSELECT id FROM stop;; \n")[0].kept == 2


CSVLOG = (
    '2026-01-02 03:04:05.1 UTC,"app","shop",77,"10.0.0.1:5012",66.1,{n},"SELECT",2026-01-02 03:00:00 UTC,5/1,0,'
    '{severity},00000,"{message}",,,,,,{query},,,"psql"{more}\n'
)


@pytest.mark.parametrize("more", ["", ',"client backend"', ',"client backend",,0'])
def test_postgres_writes_csv_without_a_header(tmp_path: Path, more: str) -> None:
    def line(n: int, message: str, severity: str = "LOG", query: str = "") -> str:
        return CSVLOG.format(n=n, message=message, severity=severity, query=query, more=more)

    path = tmp_path / "postgresql.csv"
    path.write_text(
        line(1, "duration: 1.5 ms  statement: SELECT a\nFROM t WHERE b = x")
        + line(2, "execute <unnamed>: SELECT b FROM t WHERE c = $1")
        + line(3, "connection authorized: user=app")
        + line(4, "column c does not exist", "ERROR", "SELECT c FROM t")
    )
    first, second, *others = read_log(str(path))
    assert (first, second) == (Entry(1, "SELECT a\nFROM t WHERE b = x"), Entry(3, "SELECT b FROM t WHERE c = $1"))
    assert [r.reason for r in others if isinstance(r, Reject)] == ["no_statement", "failed"]


def test_other_logs_of_servers(tmp_path: Path) -> None:
    jsonlog = {"timestamp": "2026-01-02 03:04:05 UTC", "error_severity": "LOG", "message": "statement: SELECT a FROM t"}
    (tmp_path / "pg.json").write_text(json.dumps(jsonlog) + "\n")
    (tmp_path / "general_log.CSV").write_text(
        '"2026-01-02 03:04:05.1","app @ localhost",12,1,"Connect","app on shop"\n'
        '"2026-01-02 03:04:06.1","app @ localhost",12,1,"Query","SELECT b FROM t"\n'
    )
    (tmp_path / "slow_log.csv").write_text(
        '"2026-01-02 03:04:05","app @ localhost","00:00:03","00:00:00",1,900,"shop",0,0,1,"SELECT c FROM t",12\n'
    )
    assert [statements(tmp_path / name) for name in ("pg.json", "general_log.CSV", "slow_log.csv")] == [
        ["SELECT a FROM t"], ["SELECT b FROM t"], ["SELECT c FROM t"],
    ]  # fmt: skip


PLANS = (
    "Query Text: SELECT a\nFROM t\nWHERE b = 'x';\nSeq Scan on t  (cost=0.00..1.10 rows=1 width=4)\n  Filter: (b = 'x'::text)",
    '{\n  "Query Text": "SELECT a\\nFROM t\\nWHERE b = \'x\';",\n  "Plan": {\n    "Node Type": "Seq Scan"\n  }\n}',
    "<explain xmlns=\"u\">\n  <Query-Text>SELECT a\nFROM t\nWHERE b = 'x';</Query-Text>\n  <Plan>\n  </Plan>\n</explain>",
    'Query Text: "SELECT a\\nFROM t\\nWHERE b = \'x\';"\nPlan: \n  Node Type: "Seq Scan"',
)


@pytest.mark.parametrize("plan", PLANS, ids=("text", "json", "xml", "yaml"))
def test_plans_of_auto_explain_are_taken_away(tmp_path: Path, plan: str) -> None:
    message = f"duration: 12.345 ms  plan:\n{plan}"
    (tmp_path / "pg.json").write_text(json.dumps({"error_severity": "LOG", "message": message}) + "\n")
    begin = "2026-01-02 03:04:05.1 UTC [77] app@shop LOG:  "
    tabbed = message.replace("\n", "\n\t")
    (tmp_path / "pg.log").write_text(f"{begin}{tabbed}\n{begin}statement: SELECT c FROM t\n")
    told = [" ".join(sql.split()) for name in ("pg.json", "pg.log") for sql in statements(tmp_path / name)]
    assert told == ["SELECT a FROM t WHERE b = 'x';"] * 2 + ["SELECT c FROM t"]


DIGEST = """
# 150ms user time, 20ms system time
# Overall: 2 total, 2 unique, 0.4 QPS, 1x concurrency ______________

# Profile
# Rank Query ID           Response time Calls R/Call V/M   Item
# ==== ================== ============= ===== ====== ===== ==========
#    1 0xAB12CD34EF56AB12  3.1000 60.8%  7030 3.1000  0.00 SELECT stop

# Query 1: 0 QPS, 0x concurrency, ID 0xAB12CD34EF56AB12 at byte 500
# Attribute    pct   total     min     max
# Count         70   7.03k
# Tables
#    SHOW CREATE TABLE `tram`.`stop`\\G
# EXPLAIN /*!50100 PARTITIONS*/
SELECT id
FROM stop
WHERE zone = 1\\G

# Query 2: 0 QPS, 0x concurrency, ID 0x1234123412341234 at byte 100
# Count         30       3
SELECT name FROM stop\\G
"""


def test_a_report_of_pt_query_digest_says_how_often(tmp_path: Path) -> None:
    (tmp_path / "digest.txt").write_text(DIGEST)
    found = [(entry.sql, entry.calls) for entry in read_log(str(tmp_path / "digest.txt")) if isinstance(entry, Entry)]
    assert found == [("SELECT id\nFROM stop\nWHERE zone = 1", 7030), ("SELECT name FROM stop", 3)]


SLOW = """/usr/sbin/mysqld, Version: 8.0.36 (MySQL Community Server - GPL). started with:
Tcp port: 3306  Unix socket: /var/run/mysqld/mysqld.sock
Time                 Id Command    Argument
# Time: 2026-01-02T03:04:05.123456Z
# User@Host: app[app] @ localhost []  Id:    12
# Query_time: 2.000123  Lock_time: 0.000040 Rows_sent: 10  Rows_examined: 100000
use tram;
SET timestamp=1714557600;
SELECT id
FROM stop
WHERE zone = 1;
# Time: 2026-01-02T03:04:06.123456Z
# User@Host: app[app] @ localhost []  Id:    12
SET timestamp=1714557605;
SELECT name FROM stop;
# administrator command: Quit;
"""


def test_the_slow_log_of_mysql(tram: Database) -> None:
    summary, kept = read(tram, SLOW, "slow.log")
    assert [row["sql"] for row in kept] == ["SELECT id FROM stop WHERE zone = 1", "SELECT name FROM stop"]
    assert summary.reasons == {"not_select": 3}


@pytest.mark.parametrize(
    "document",
    [
        {"next_page_token": "p", "res": [{"query_text": "SELECT a FROM t", "status": "FINISHED"}]},  # Databricks
        {"QueryExecutions": [{"Query": "SELECT a FROM t", "Status": {"State": "SUCCEEDED"}}], "Unprocessed": []},
        {"meta": [{"name": "query"}], "data": [{"query": "SELECT a FROM t"}], "rows": 1},  # ClickHouse
        {"meta": [{"name": "type"}, {"name": "query"}], "data": [["QueryFinish", "SELECT a FROM t"]], "rows": 1},
        [{"json_agg": [{"query": "SELECT a FROM t", "calls": 1}]}],
        {"metadata": {"dbt_schema_version": "v12"}, "nodes": {"model.a": {"compiled_code": "SELECT a FROM t"}}},
    ],
)
def test_exports_that_are_one_document(tmp_path: Path, document: Any) -> None:
    (tmp_path / "export.json").write_text(json.dumps(document))
    assert statements(tmp_path / "export.json") == ["SELECT a FROM t"]


A, B, C = "SELECT a FROM t", "SELECT b FROM t", "SELECT c FROM t"
AUDIT = {"protoPayload": {"metadata": {"jobChange": {"job": {"jobConfig": {"queryConfig": {"query": A}}}}}}}
OLD_AUDIT = {
    "protopayload_auditlog": {"metadataJson": json.dumps(AUDIT["protoPayload"]["metadata"])},
    "severity": "INFO",
}


@pytest.mark.parametrize(
    "rows",
    [
        [  # Snowflake
            {"QUERY_ID": "01", "QUERY_TEXT": A, "EXECUTION_STATUS": "SUCCESS", "ERROR_CODE": ""},
            {"QUERY_ID": "02", "QUERY_TEXT": B, "EXECUTION_STATUS": "FAIL", "ERROR_CODE": "904"},
        ],
        [  # BigQuery: INFORMATION_SCHEMA.JOBS, audit logs
            {"job_id": "1", "query": A, "state": "DONE", "error_result": None},
            {"job_id": "2", "query": B, "state": "DONE", "error_result": {"reason": "invalidQuery"}},
        ],
        [AUDIT, OLD_AUDIT | {"severity": "ERROR"}],
        [OLD_AUDIT, {"protopayload_auditlog.status.message": "no", **OLD_AUDIT, "error": {"code": 1}}],
        [{"query_id": "7", "query_sql_text": A, "count_executions": "1"}],  # SQL Server's Query Store
        [{"DIGEST": "ab", "DIGEST_TEXT": A, "COUNT_STAR": "1"}],  # MySQL
        [{"query": "42", "querytxt": A, "aborted": "0"}, {"query": "43", "querytxt": B, "aborted": "1"}],  # Redshift
        [
            {"statement_id": "x", "statement_text": A, "execution_status": "FINISHED", "error_message": None}
        ],  # Databricks
        [{"query_id": "1", "state": "FINISHED", "query": A}, {"query_id": "2", "state": "FAILED", "query": B}],  # Trino
        [
            {"job": "1", "error_result.reason": "", "query": A},
            {"job": "2", "error_result.reason": "stopped", "query": B},
        ],
        [
            {"query_sql_text": A, "execution_type_desc": "Regular"},
            {"query_sql_text": B, "execution_type_desc": "Aborted"},
        ],
        [{"SQL Text": A, "Status": "Success"}, {"SQL Text": B, "Status": "canceled"}],
    ],
)
def test_query_histories_of_warehouses(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    first, *others = read_log(str(path))
    assert first == Entry(1, A)
    assert [r.reason for r in others if isinstance(r, Reject)] == ["failed"] * (len(rows) - 1)


def test_columns_may_be_named(tram: Database) -> None:
    rows = [
        {"text": "x", "what": {"ran": "SELECT name FROM stop"}, "times": "1,200"},
        {"what": {"ran": ""}, "times": 2.0},
    ]
    Path("h.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("data", "log", "h.jsonl", "--database", "tram.db", "--map")
    found = ok_json(*words, "sql=what.ran,calls=times")
    assert (found["kept"], found["calls"], found["reasons"]) == (1, 1200, {"missing_field": 1})
    for named, said in [
        ("sql=body", "Unknown column for 'sql' in h.jsonl 'body'. Known: text, what, times"),
        ("query=text", "Unknown field in the mapping 'query'. Known: sql, calls"),
        ("sql", "--map 'sql' is not a list of NAME=COLUMN, such as sql=QUERY_TEXT,calls=RUNS."),
    ]:
        assert said in str(run(*words, named).exception)


def test_a_table_without_statements_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text("day,page,hits\n2026-01-02,/home,3\n")
    with pytest.raises(DataError, match=r"holds statements. Its columns: day, page, hits. .*--map sql=COL,calls=COL"):
        list(read_log(str(path)))


def test_shortened_lists_and_declared_parameters_get_values(tram: Database) -> None:
    Path("digest.csv").write_text(
        "DIGEST_TEXT,COUNT_STAR\n"
        "SELECT `name` FROM `stop` WHERE `zone` IN (...),9\n"
        '"SELECT `name` FROM `stop` ORDER BY `id` LIMIT ?, ...",8\n'
        '"(@p1 int,@p2 decimal(9,2))SELECT id FROM stop WHERE zone = @p1 AND id > @p2",7\n'
        "SELECT id FROM stop WHERE name <> '(...)' AND zone = 1,6\n"
    )
    summary = import_log(["digest.csv"], "out/log.jsonl", LogReader("sqlite", tram.read_schema(), tram))
    assert (summary.kept, summary.runnable) == (4, 4)
    assert rows("out/log.jsonl")[3]["sql"] == "SELECT id FROM stop WHERE name <> '(...)' AND zone = 1"
