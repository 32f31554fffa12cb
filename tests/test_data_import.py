import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time

import pytest

from sqltailor.data import check_data, import_data, load_examples
from sqltailor.data.checks.example import REASONS
from sqltailor.data.dataset import data_card
from sqltailor.errors import ConfigError, DataError
from sqltailor.sql.schema import from_ddl

DDL = "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, price TEXT)"
ENDLESS = "n(i) AS (SELECT 1 UNION ALL SELECT i FROM n)"
FILES = ["card.html", "card.json", "rejects.jsonl", "test.jsonl", "train.jsonl", "validation.jsonl"]


def row(question, sql, **more):
    return {"question": question, "sql": sql, "schema": DDL, **more}


def write_rows(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return path


def rejects(out):
    return [json.loads(line) for line in (out / "rejects.jsonl").read_text("utf-8").splitlines()]


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute(DDL)
        connection.executemany(
            "INSERT INTO customer VALUES (?, ?, ?, ?)", [(i, f"n{i}", "Oslo", "1") for i in range(50)]
        )
    connection.close()
    return f"sqlite:///{path}"


def test_good_unparsable_and_unknown_column(tmp_path):
    path = tmp_path / "my.csv"
    path.write_text(
        "ask,query\nWho?,SELECT name FROM customer\nHow?,SELECT FROM ((\nWhat?,SELECT nmae FROM customer\n", "utf-8"
    )
    out = tmp_path / "data"
    summary = import_data([path], out, mapping={"question": "ask", "sql": "query"}, schema=from_ddl(DDL))
    assert summary.to_json() == {
        "read": 3,
        "kept": 1,
        "rejected": 2,
        "reasons": {"unparsed": 1, "unknown_column": 1},
        "warnings": {},
        "parts": {"train": 1, "validation": 0, "test": 0},
        "split_by": "template",
        "out": str(out),
    }
    assert [(r["line"], r["reason"]) for r in rejects(out)] == [(3, "unparsed"), (4, "unknown_column")]
    assert "Did you mean 'name'" in rejects(out)[1]["detail"]
    assert sorted(os.listdir(out)) == FILES
    [example] = load_examples(out / "train.jsonl")
    assert (example.question, example.sql, example.line) == ("Who?", ("SELECT name FROM customer",), 2)


@pytest.mark.parametrize(
    ("sql", "detail"),
    [
        (
            "SELECT 1 FROM",
            "This is not valid SQLite: it ends where a table name is expected.",
        ),
        ("SELECT (a\nFROM t", "This is not valid SQLite: syntax error at 'FROM' (line 2, column 1): expected ')'."),
        ("SELECT a FROM t WHERE", "This is not valid SQLite: it is incomplete near 'WHERE' (line 1, column 17)."),
        ("SELEC a FROM t", "This is not valid SQLite: syntax error at 'FROM' (line 1, column 9)."),
        ("SELECT 'a FROM t", "This is not valid SQLite: a quote or comment is not closed."),
    ],
)
def test_why_sql_cannot_be_read_is_told_in_words_of_sql(tmp_path, sql, detail):
    path = write_rows(tmp_path / "q.jsonl", [{"question": "q", "sql": sql}])
    import_data([path], tmp_path / "out")
    assert rejects(tmp_path / "out")[0]["detail"].endswith(detail)


def test_a_mapping_is_about_the_files_that_are_no_known_benchmark(tmp_path):
    (tmp_path / "q.csv").write_text("ask,query\nWho?,SELECT name FROM customer\n")
    spider = tmp_path / "train_spider.json"
    spider.write_text(json.dumps([{"db_id": "x", "question": "All?", "query": "SELECT * FROM customer"}]))
    mapping = {"question": "ask", "sql": "query"}
    assert import_data([spider, tmp_path / "q.csv"], tmp_path / "out", mapping=mapping).kept == 2


def test_a_broken_database_of_a_folder_is_told_row_by_row_and_all_are_closed(tmp_path, shop):
    folder = tmp_path / "databases"
    folder.mkdir()
    (tmp_path / "shop.db").rename(folder / "shop.db")
    (folder / "bad.db").write_bytes(b"no database" * 100)
    rows = [{"question": f"q{db}", "sql": "SELECT name FROM customer", "db_id": db} for db in ("shop", "bad", "none")]
    summary = import_data([write_rows(tmp_path / "q.jsonl", rows)], tmp_path / "out", database=str(folder))
    assert (summary.kept, summary.reasons) == (1, {"unknown_database": 2})
    own = ["pgrep", "-P", str(os.getpid()), "-f", "child/program.py"]
    assert subprocess.run(own, capture_output=True, text=True, check=False).stdout == ""


def test_counts_add_up_over_several_files_and_all_reasons_are_documented(tmp_path):
    good = write_rows(tmp_path / "a.jsonl", [row("Who?", "select name from customer;"), row(" ", "SELECT 1")])
    bad = tmp_path / "b.jsonl"
    bad.write_bytes(
        b'\xef\xbb\xbf{"question": "x", "sql": "SELECT 1"}\r\n{"question": \xff}\n\n{"cut\n'
        b'{"question": "a\\u0000b", "sql": "SELECT 1"}\n{"question": "q", "sql": "DELETE FROM customer"}\n'
        b'{"question": "q", "sql": "SELECT 1; SELECT 2"}\n{"question": "q", "sql": " "}\n'
    )
    summary = import_data([good, bad], tmp_path / "out")
    assert summary.read == summary.kept + summary.rejected == 9
    assert sum(summary.reasons.values()) == summary.rejected == len(rejects(tmp_path / "out"))
    assert dict(summary.reasons) == {
        "broken_text": 2,
        "unparsed": 1,
        "broken_json": 1,
        "empty_question": 1,
        "not_select": 1,
        "missing_field": 1,
    }
    assert set(summary.reasons) <= set(REASONS)
    assert summary.warnings == {"names_unchecked": 1}
    assert all(r["source"] and r["line"] and r["detail"] for r in rejects(tmp_path / "out"))


def test_gold_is_canonical_and_double_quoted_values_of_sqlite_are_text(tmp_path):
    path = write_rows(tmp_path / "a.jsonl", [row("In Oslo?", 'select "name" from customer where city = "Oslo" ;')])
    import_data([path], tmp_path / "out")
    [example] = load_examples(tmp_path / "out/train.jsonl")
    assert example.sql == ("SELECT \"name\" FROM customer WHERE city = 'Oslo'",)


def test_duplicates_near_duplicates_and_contradictions(tmp_path):
    sql = "SELECT COUNT(*) FROM customer WHERE city = 'Oslo'"
    rows = [
        row("How many customers do we have in the city of Oslo?", sql, id="a"),
        row("how many customers do we have in the city of oslo", sql.lower().replace("oslo", "Oslo"), id="b"),
        row("How many customers do we have in the city of Osloo?", sql, id="c"),
        row("How many customers do we have in the city of Bonn?", sql.replace("Oslo", "Bonn"), id="d"),
        row("Number of people living there in Oslo", sql, id="e"),
        row("How many customers do we have in the city of Oslo?", "SELECT COUNT(id) FROM customer", id="f"),
    ]
    summary = import_data([write_rows(tmp_path / "a.jsonl", rows)], tmp_path / "out")
    assert dict(summary.reasons) == {"duplicate": 1, "near_duplicate": 1}
    assert [r["detail"] for r in rejects(tmp_path / "out")] == [
        f"same as a ({tmp_path / 'a.jsonl'}, line 1)",
        f"nearly the same as a ({tmp_path / 'a.jsonl'}, line 1)",
    ]
    assert summary.warnings["contradiction"] == 2
    kept = import_data([tmp_path / "a.jsonl"], tmp_path / "out", near=None)
    assert dict(kept.reasons) == {"duplicate": 1}


def test_equal_ids_of_two_files_become_different(tmp_path):
    files = [
        write_rows(
            tmp_path / f"{i}.jsonl", [row(f"Who is number {i}?", f"SELECT name FROM customer WHERE id = {i}", id="x")]
        )
        for i in (2, 3, 4)
    ]
    import_data(files, tmp_path / "out")
    parts = [load_examples(tmp_path / f"out/{p}.jsonl") for p in ("train", "validation", "test")]
    assert sorted(e.id for part in parts for e in part) == ["x", "x~2", "x~3"]


def test_gold_runs_on_the_database(tmp_path, shop):
    rows = [
        {"question": "Who?", "sql": "SELECT name FROM customer"},
        {"question": "Nobody called Bob?", "sql": "SELECT name FROM customer WHERE name = 'Bob'"},
        {"question": "Broken?", "sql": "SELECT name FROM customer GROUP BY SUM(id)"},
        {
            "question": "Forever?",
            "sql": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT COUNT(*) FROM n",
        },
        {"question": "Unknown?", "sql": "SELECT total FROM customer"},
        {"question": "Secret?", "sql": "SELECT sql FROM sqlite_master"},
    ]
    path = write_rows(tmp_path / "a.jsonl", rows)
    summary = import_data([path], tmp_path / "out", database=shop, timeout_s=0.5, max_rows=20)
    assert dict(summary.reasons) == {"fails": 1, "timeout": 1, "unknown_column": 1, "unknown_table": 1}
    assert dict(summary.warnings) == {"huge_result": 1, "empty_result": 1}
    assert import_data([path], tmp_path / "out", database=shop, run=False).kept == 4


def test_statements_dml_are_text_and_never_run(tmp_path, shop):
    rows = [
        {"question": "Remove all?", "sql": "DELETE FROM customer"},
        {"question": "Gone?", "sql": "DROP TABLE customer"},
    ]
    path = write_rows(tmp_path / "a.jsonl", rows)
    summary = import_data([path], tmp_path / "out", database=shop, statements="dml")
    assert (summary.kept, dict(summary.reasons)) == (1, {"not_select": 1})
    assert sqlite3.connect(shop.removeprefix("sqlite:///")).execute("SELECT COUNT(*) FROM customer").fetchone() == (50,)


def test_declined_answers_are_kept_in_one_form(tmp_path, shop):
    golds = {
        "-- cannot answer: not in this database": "not in this database",
        "-- Cannot answer:  not  in this database.\nSELECT 1": "not in this database",
        "-- cannot answer:": "no reason given",
        f"-- cannot answer: {'no such thing, ' * 20}": "(shortened)",
    }
    for number, (gold, reason) in enumerate(golds.items()):
        path = write_rows(tmp_path / f"{number}.jsonl", [{"question": "What is love?", "sql": gold}])
        summary = import_data([path], tmp_path / f"out{number}", database=shop)
        assert summary.kept == 1
        [found] = load_examples(tmp_path / f"out{number}/train.jsonl")
        assert found.sql[0].startswith("-- cannot answer: ")
        kept = found.sql[0].removeprefix("-- cannot answer: ")
        assert kept == reason or (len(kept) <= 120 and kept.endswith("…"))


def test_declined_answers_with_one_reason_are_divided_like_others(tmp_path, shop):
    asked = ("love", "joy", "luck", "fate", "time", "truth", "beauty", "sleep", "art", "peace", "hope", "fear")
    rows = [{"question": f"What is {word}?", "sql": "-- cannot answer: nothing about it is stored"} for word in asked]
    path = write_rows(tmp_path / "a.jsonl", rows)
    summary = import_data([path], tmp_path / "out", database=shop, test_share=0.25)
    assert summary.kept == 12
    assert len(load_examples(tmp_path / "out/test.jsonl")) == 3
    assert "(cannot be answered)" in (tmp_path / "out/card.html").read_text()


def test_rows_of_a_test_file_are_rejected_and_overlap_is_told(tmp_path):
    asked = "How many of all our customers live in the city of Oslo?"
    train = [
        row(asked, "SELECT COUNT(*) FROM customer WHERE city = 'Oslo'"),
        row("Who is in Bonn?", "SELECT name FROM customer WHERE city = 'Bonn'"),
        row(asked + " I ask you!", "SELECT COUNT(id) FROM customer"),
    ]
    test = [
        row(asked.upper(), "SELECT COUNT(*) FROM customer WHERE city = 'Oslo'"),
        row("x", "SELECT name FROM customer WHERE city = 'Ulm'"),
    ]
    write_rows(tmp_path / "train.jsonl", train)
    write_rows(tmp_path / "test.jsonl", test)
    summary = check_data(tmp_path / "train.jsonl", tmp_path / "out", against=[tmp_path / "test.jsonl"])
    assert dict(summary.reasons) == {"in_test": 1}
    card = json.loads((tmp_path / "out/card.json").read_text())
    assert card["tests"]["template"]["train"] == 1
    assert card["tests"]["words_8"]["train"] == 1
    assert sorted(os.listdir(tmp_path / "out")) == ["card.html", "card.json", "rejects.jsonl"]


def test_an_error_leaves_the_old_data_set_whole(tmp_path, monkeypatch):
    path = write_rows(tmp_path / "a.jsonl", [row("Who?", "SELECT name FROM customer")])
    import_data([path], tmp_path / "out")
    before = {name: (tmp_path / "out" / name).read_bytes() for name in os.listdir(tmp_path / "out")}
    with pytest.raises(DataError, match="No such file"):
        import_data([path, tmp_path / "absent.csv"], tmp_path / "out")
    with pytest.raises(ConfigError, match=r"Unknown way to split 'tempalte'. Did you mean 'template'"):
        import_data([path], tmp_path / "out", by="tempalte")
    with pytest.raises(TypeError):
        import_data([path], tmp_path / "out", formt="x")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in os.listdir(tmp_path / "out")} == before


def test_an_earlier_import_is_replaced_with_a_word_and_other_files_never(tmp_path, caplog):
    path, out = write_rows(tmp_path / "a.jsonl", [row("Who?", "SELECT name FROM customer")]), tmp_path / "out"
    import_data([path], out)
    assert caplog.text == ""
    import_data([write_rows(tmp_path / "b.jsonl", [row("Where?", "SELECT city FROM customer")] * 2)], out)
    assert f"{out} held an import of {path} (1 row): it was replaced" in caplog.text
    with pytest.raises(DataError, match=r"train\.jsonl is read and would be replaced by a part of itself"):
        import_data([out / "train.jsonl"], out)
    (out / "card.json").unlink()
    before = (out / "train.jsonl").read_bytes()
    with pytest.raises(DataError, match=r"train\.jsonl exists, and no import made it: it is not replaced"):
        import_data([path], out)
    check_data(path, out)
    with pytest.raises(DataError, match="no import made it"):
        import_data([path], out)
    assert (out / "train.jsonl").read_bytes() == before


def test_a_killed_import_leaves_no_half_file(tmp_path):
    rows = [row(f"Who is number {i}?", f"SELECT name FROM customer WHERE id = {i}") for i in range(20000)]
    path = write_rows(tmp_path / "a.jsonl", rows)
    code = f"from sqltailor.data import import_data; import_data([{str(path)!r}], {str(tmp_path / 'out')!r})"
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("out/.import-*/kept.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.kill()
    process.wait()
    assert [name for name in os.listdir(tmp_path / "out") if not name.startswith(".")] == []
    import_data([write_rows(tmp_path / "b.jsonl", rows[:3])], tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == FILES


def test_the_same_result_with_one_process_and_with_several(tmp_path):
    rows = [row(f"Who is number {i % 2900}?", f"SELECT name FROM customer WHERE id = {i % 2900}") for i in range(3000)]
    path = write_rows(tmp_path / "a.jsonl", rows)
    for workers in (1, 2):
        import_data([path], tmp_path / str(workers), workers=workers)
    for name in FILES:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_earlier_turns_of_a_conversation_are_told(tmp_path):
    turns = [("user", "Who?"), ("assistant", "SELECT name FROM customer"), ("user", "And where?")]
    turns += [("assistant", "SELECT name, city FROM customer")]
    said = [{"role": role, "content": text} for role, text in turns]
    path = write_rows(tmp_path / "a.jsonl", [{"messages": said}, {"messages": said[:2]}])
    summary = import_data([path], tmp_path / "out", schema=from_ddl(DDL))
    assert (summary.kept, summary.warnings) == (2, {"earlier_turns": 1})


def test_rejects_hint_at_what_helps(tmp_path, shop):
    statements = ["SELECT `name` FROM `customer`", "SELECT TOP 3 name FROM customer"]
    path = write_rows(tmp_path / "a.jsonl", [{"question": f"q{i}", "sql": sql} for i, sql in enumerate(statements)])
    import_data([path], tmp_path / "out", schema=from_ddl(DDL, "postgres"), dialect="postgres")
    assert ["--from-dialect mysql" in rejects(tmp_path / "out")[0]["detail"],
            "--from-dialect tsql" in rejects(tmp_path / "out")[1]["detail"]] == [True, True]  # fmt: skip
    path = write_rows(tmp_path / "b.jsonl", [{"question": "q", "sql": "SELECT fare_of(id) FROM customer"}])
    import_data([path], tmp_path / "out", database=shop)
    [told] = rejects(tmp_path / "out")
    assert told["reason"] == "refused"
    assert "docs/dialects.md" in told["detail"]


def test_the_card_adds_up_to_what_is_kept(tmp_path):
    ddl = "CREATE TABLE hr.staff (id INT); CREATE TABLE hr.orders (id INT); CREATE TABLE sales.orders (id INT)"
    statements = {
        "How many staff?": "SELECT count(*) FROM hr.staff WHERE id > 77",
        "How many staff ?": "SELECT count(*) FROM hr.staff WHERE id > 77",
        "Which staff?": "SELECT id FROM staff",
        "Which orders?": "SELECT id FROM hr.orders",
        "Which sales?": "SELECT id FROM sales.orders",
    }
    path = write_rows(tmp_path / "a.jsonl", [{"question": q, "sql": sql} for q, sql in statements.items()])
    summary = import_data([path], tmp_path / "out", schema=from_ddl(ddl, "postgres"), dialect="postgres")
    card = json.loads((tmp_path / "out/card.json").read_text())
    assert (card["kept"], card["rejected"]) == (4, 1)
    assert sum(card["levels"].values()) == sum(card["tokens"].values()) == 4
    assert summary.warnings == {"value_not_asked": 1}
    assert card["tables"] == {"staff": 2, "hr.orders": 1, "sales.orders": 1}


def test_the_card_shows_hostile_text_as_text(tmp_path):
    rows = [
        row("<script>alert(1)</script> how many?", "SELECT COUNT(*) FROM customer WHERE city = 'x'"),
        row("x", "<b>"),
    ]
    import_data([write_rows(tmp_path / "a.jsonl", rows)], tmp_path / "out")
    page = (tmp_path / "out/card.html").read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_card_shows_a_reason_without_a_sentence_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(data_card, "REASONS", {})
    monkeypatch.setattr(data_card, "WARNINGS", {})
    import_data([write_rows(tmp_path / "a.jsonl", [row("x", "<b>")])], tmp_path / "out")
    assert "<td>unparsed" in (tmp_path / "out/card.html").read_text("utf-8")


def test_sql_moves_from_another_dialect_and_runs(tmp_path, shop):
    rows = [
        {"question": "First 2 names?", "sql": 'SELECT CONCAT(name, "!") FROM `customer` LIMIT 1, 2'},
        {"question": "Odd?", "sql": "SELECT FROM `x"},
    ]
    path = write_rows(tmp_path / "a.jsonl", rows)
    summary = import_data([path], tmp_path / "out", database=shop, from_dialect="mysql")
    assert dict(summary.reasons) == {"unparsed": 1}
    [example] = load_examples(tmp_path / "out/train.jsonl")
    assert example.sql == ("SELECT name || '!' FROM \"customer\" LIMIT 2 OFFSET 1",)
    assert example.dialect == "sqlite"


def test_moved_sql_must_give_the_same_result_on_both_sides(tmp_path):
    duckdb = pytest.importorskip("duckdb")
    script = (
        "CREATE TABLE part (id INTEGER, name VARCHAR, price REAL); INSERT INTO part VALUES (1,'Bolt',0.5),(2,'bolt',7)"
    )
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as old:
        old.executescript(script)
    with duckdb.connect(str(tmp_path / "new.duckdb")) as new:
        new.execute(script)
    questions = {
        "SELECT name FROM part WHERE id = 2": "Which part is the second?",
        "SELECT SUM(price) FROM part": "What do they cost in all?",
        "SELECT name FROM part WHERE name LIKE 'B%'": "Which ones begin with B?",  # case counts in one of the two
        "SELECT UNICODE(NULL, 3) FROM part": "Nonsense?",
    }
    path = write_rows(tmp_path / "q.jsonl", [{"question": q, "sql": sql} for sql, q in questions.items()])
    sides = {"database": str(tmp_path / "new.duckdb"), "from_database": str(tmp_path / "old.db")}
    summary = import_data([path], tmp_path / "out", **sides)
    assert (summary.kept, summary.reasons["differs"]) == (2, 1)
    differing = next(r for r in rejects(tmp_path / "out") if r["reason"] == "differs")
    assert differing["detail"] == "2 rows where it came from, 1 here, and they are not the same"
    with pytest.raises(ConfigError, match="name the database it goes to"):
        import_data([path], tmp_path / "out2", from_database=sides["from_database"])
