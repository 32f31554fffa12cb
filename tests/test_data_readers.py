import json
from pathlib import Path

import pytest

from sqltailor.data import Reject, read_examples, write_examples
from sqltailor.data.layouts import rows_of
from sqltailor.errors import ConfigError, DataError
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Example
from tests.support.cli_project import run

CONTEXT = {
    "question": "How old is the head called Ann?",
    "context": "CREATE TABLE head (5th_place VARCHAR, order INTEGER, name VARCHAR)",
    "answer": 'SELECT 5th_place, order FROM head WHERE name = "Ann";',
}


def write_json(path, rows, *, lines):
    text = "\n".join(json.dumps(r) for r in rows) if lines else json.dumps(rows, indent=2)
    path.write_text(text + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("lines", [True, False])
def test_sql_create_context_becomes_canonical(tmp_path, lines):
    [example] = read_examples(write_json(tmp_path / "c.json", [CONTEXT], lines=lines))
    assert example == Example(
        id="c-1",
        question="How old is the head called Ann?",
        sql=('SELECT "5th_place", "order" FROM head WHERE name = \'Ann\'',),
        schema='CREATE TABLE head ("5th_place" VARCHAR, "order" INTEGER, name VARCHAR)',
        source=str(tmp_path / "c.json"),
        line=1,
    )


def test_csv_with_a_mapping(tmp_path):
    path = tmp_path / "my.csv"
    path.write_text(
        'nr,ask,query\n1,"How many,\nin all?",SELECT COUNT(*) FROM t\n2,,SELECT 1\n3,Why?,\n', encoding="utf-8"
    )
    good, no_question, no_sql = read_examples(path, mapping={"question": "ask", "sql": "query", "id": "nr"})
    assert (good.id, good.question, good.sql, good.line) == ("1", "How many,\nin all?", ("SELECT COUNT(*) FROM t",), 2)
    assert (no_question.reason, no_question.line) == ("empty_question", 4)
    assert (no_sql.reason, no_sql.line) == ("missing_field", 5)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "question,sql\nq,SELECT 1\n"),
        ("a.csv", "\ufeffquestion,sql\r\nq,SELECT 1\r\n"),
        ("a.csv", "question;sql\nq;SELECT 1\n"),
        ("a.tsv", "question\tsql\nq\tSELECT 1\n"),
        ("a.txt", "question\tsql\nq\tSELECT 1\n"),
        ("a", "ask,query\nq,SELECT 1\n"),
        ("a.csv", "\ufeffsep=;\r\nquestion;sql\r\nq;SELECT 1\r\n"),
        ("a.csv", "SEP=|\nquestion|sql\nq|SELECT 1\n"),
        ("a.csv", '"sep=,"\nquestion,sql\nq,SELECT 1\n'),
        ("a.tsv", "sep=\t\nquestion\tsql\nq\tSELECT 1\n"),
        ("a.txt", "sep=;\nquestion;sql\nq;SELECT 1\n"),
        ("a.csv", "sep=;;\nquestion;sql\nq;SELECT 1\n"),
        ("a.csv", "\r\nquestion,sql\r\nq,SELECT 1\r\n"),
        ("a.csv", "sep=,\n\nquestion,sql\nq,SELECT 1\n"),
    ],
)
def test_tables_are_recognised(tmp_path, name, content):
    (tmp_path / name).write_bytes(content.encode())
    [example] = read_examples(tmp_path / name)
    assert (example.question, example.sql, example.line) == ("q", ("SELECT 1",), content.count("\n"))


TRAMS = [
    {"question": "Lines of trams", "sql": "SELECT line FROM tram"},
    {"question": "How many trams?", "sql": "SELECT COUNT(*) FROM tram"},
]
QUESTIONS, STATEMENTS = [[row[name] for row in TRAMS] for name in ("question", "sql")]
CELLS = [list(row.values()) for row in TRAMS]
FIELDS = [{"name": "index", "type": "integer"}, {"name": "question", "type": "string"}]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "document",
    [
        {"columns": ["question", "sql"], "index": [0, 1], "data": CELLS},
        {"question": dict(zip("01", QUESTIONS, strict=True)), "sql": dict(zip("01", STATEMENTS, strict=True))},
        {"0": TRAMS[0], "1": TRAMS[1]},
        {"q7": TRAMS[0], "q8": TRAMS[1]},
        {"schema": {"fields": [*FIELDS, *FIELDS], "pandas_version": "1.4.0"}, "data": TRAMS},
        CELLS,
        [["question", "sql"], *CELLS],
        {"question": QUESTIONS, "sql": STATEMENTS},
        dict(CELLS),
        {"res": TRAMS},
        {"version": "1.0", "count": 2, "pairs": TRAMS, "authors": [{"name": "x"}]},
        {"result": {"more": False, "items": TRAMS}},
        {"train": TRAMS[:1], "test": [TRAMS[1] | {"level": "easy"}]},
        {"features": FIELDS * 3, "rows": [{"row_idx": i, "row": row} for i, row in enumerate(TRAMS)]},
        [{"json_agg": TRAMS}],
    ],
)
def test_one_document_holds_rows_in_many_layouts(tmp_path, document, indent):
    (tmp_path / "trams.json").write_text(json.dumps(document, indent=indent))
    found = list(read_examples(tmp_path / "trams.json"))
    assert [(example.question, *example.sql) for example in found] == [tuple(row.values()) for row in TRAMS]


@pytest.mark.parametrize(
    "document",
    [
        {"columns": ["question", "sql"], "data": [CELLS[0], [*CELLS[1], "more"], CELLS[1][:1]]},
        [["question", "sql"], CELLS[0], [*CELLS[1], "more"], CELLS[1][:1]],
    ],
)
def test_cells_that_do_not_fit_the_columns_are_refused_and_none_is_lost(tmp_path, document):
    (tmp_path / "trams.json").write_text(json.dumps(document))
    kept, *refused = read_examples(tmp_path / "trams.json")
    assert kept.question == QUESTIONS[0]
    assert [row.reason for row in refused] == ["not_an_object"] * 2


@pytest.mark.parametrize(
    "row",
    [
        TRAMS[0],
        {
            "question": "q",
            "spec": {"table": "tram", "filters": [{"column": "line", "value": "1"}]},
            "sql": ["SELECT 1"],
        },
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "SELECT 1"}]},
        {"system": [{"text": "s"}], "turns": [{"role": "user"}]},
        {"id": 1, "SQL": "SELECT 1", "tables": [{"name": "tram"}]},
        {"p": {"m": {"c": {"j": {"f": {"q": {"query": "SELECT 1"}}}}}, "info": [{"granted": True}]}},
        {"p": {"metadataJson": '{"query": "SELECT 1"}', "info": [{"granted": True}]}},
    ],
)
def test_one_row_with_lists_in_it_is_one_row(row):
    assert rows_of(row) is None


def test_a_large_document_on_one_line(tmp_path):
    rows = [{"question": f"q{n} {'x' * 1000}", "sql": f"SELECT {n}"} for n in range(5000)]
    (tmp_path / "large.json").write_text(json.dumps({"count": 5000, "items": rows}))
    assert len(list(read_examples(tmp_path / "large.json"))) == 5000


def test_statements_without_questions_are_told_with_the_next_command(tmp_path):
    node = {"name": "lines", "compiled_code": "select line from tram", "raw_code": "select line from {{ ref('tram') }}"}
    manifest = {"metadata": {"dbt_schema_version": "v12"}, "nodes": {"model.a": node, "test.b": {}}, "macros": {}}
    for document, column in ((manifest, "compiled_code"), ([{"QUERY_TEXT": "SELECT 1", "ID": "7"}], "QUERY_TEXT")):
        path = write_json(tmp_path / "no.json", document, lines=False)
        said = rf"no.json has statements \('{column}'\) and no questions.*--map question=COL,sql={column}.*data log "
        with pytest.raises(DataError, match=said):
            list(read_examples(path))


def test_a_log_is_told_with_its_command(tmp_path):
    (tmp_path / "slow.log").write_text("mysqld, Version: 8.0.36 started with:\nTcp port: 3306\n")
    with pytest.raises(DataError, match=r"A log of statements: sqltailor data log .*slow\.log"):
        list(read_examples(tmp_path / "slow.log"))


def test_our_own_format_is_recognised(tmp_path):
    example = Example("x", ("SELECT 1", "SELECT 2"), question="q", source="s", line=9, dialect="duckdb", evidence="e")
    write_examples(tmp_path / "own.jsonl", [example])
    assert list(read_examples(tmp_path / "own.jsonl")) == [example]


def test_a_mapping_names_other_columns_of_json_rows(tmp_path):
    rows = [{"frage": "q", "abfrage": "SELECT 1", "ddl": "CREATE TABLE t (a INT)"}]
    path = write_json(tmp_path / "x.jsonl", rows, lines=True)
    [example] = read_examples(path, mapping={"question": "frage", "sql": "abfrage", "schema": "ddl"}, dialect="duckdb")
    assert (example.question, example.schema, example.dialect) == ("q", "CREATE TABLE t (a INT)", "duckdb")


def test_an_unknown_format_lists_the_known(tmp_path):
    path = write_json(tmp_path / "x.jsonl", [{"a": 1}], lines=True)
    with pytest.raises(DataError, match=r"not recognised. Its columns: a.*--map.*sql-create-context"):
        list(read_examples(path))
    with pytest.raises(ConfigError, match="Did you mean 'sql-create-context'"):
        list(read_examples(path, format="sql_create_context"))
    with pytest.raises(ConfigError, match=r"field in the mapping 'frage'.*Known: id, question"):
        list(read_examples(path, mapping={"frage": "a"}))


def test_bad_rows_are_rejects_with_line_and_reason(tmp_path):
    rows = [
        json.dumps(CONTEXT),
        '{"question": "cut of',
        "[1]",
        json.dumps(CONTEXT | {"answer": "SELECT FROM WHERE ("}),
        json.dumps(CONTEXT | {"context": "no table here"}),
        json.dumps({"question": "only"}),
        json.dumps(CONTEXT | {"answer": None}),
        json.dumps(CONTEXT | {"question": " "}),
    ]
    (tmp_path / "bad.jsonl").write_text("\n".join(rows), encoding="utf-8")
    found = list(read_examples(tmp_path / "bad.jsonl"))
    assert isinstance(found[0], Example)
    assert [(r.line, r.reason) for r in found[1:]] == [
        (2, "broken_json"),
        (3, "not_an_object"),
        (4, "unparsed"),
        (5, "broken_schema"),
        (6, "missing_field"),
        (7, "missing_field"),
        (8, "empty_question"),
    ]
    assert all(isinstance(r, Reject) and r.source == str(tmp_path / "bad.jsonl") and r.detail for r in found[1:])


def test_a_local_copy_of_a_hugging_face_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    pytest.importorskip("datasets")
    folder = tmp_path / "copy"
    folder.mkdir()
    write_json(folder / "train.jsonl", [CONTEXT, CONTEXT], lines=True)
    found = list(read_examples(f"hf:{folder}"))
    assert [e.line for e in found] == [1, 2]
    assert found[0].sql == ('SELECT "5th_place", "order" FROM head WHERE name = \'Ann\'',)
    with pytest.raises(DataError, match="cannot be read"):
        list(read_examples(f"hf:{folder}:absent"))


def test_parquet(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    parquet.write_table(pyarrow.table({"ask": ["q"], "query": ["SELECT 1"]}), tmp_path / "x.parquet")
    [example] = read_examples(tmp_path / "x.parquet")
    assert (example.question, example.sql, example.line) == ("q", ("SELECT 1",), 1)


def test_a_set_with_a_schema_a_row_is_recognised(tmp_path):
    (tmp_path / "set.jsonl").write_text(
        '{"id": 1, "domain": "boats", "sql_prompt": "How many boats?", "sql": "SELECT COUNT(*) FROM boat;", '
        '"sql_context": "CREATE TABLE boat (id INT); INSERT INTO boat VALUES (1);", "sql_explanation": "It counts."}\n'
    )
    [example] = read_examples(tmp_path / "set.jsonl")
    assert (example.question, example.sql) == ("How many boats?", ("SELECT COUNT(*) FROM boat",))
    assert from_ddl(example.schema).tables[0].name == "boat"


@pytest.mark.parametrize(
    ("schema", "written", "meant"),
    [
        ("CREATE TABLE boat (id INT)", 'SELECT 1 FROM boat WHERE id = "Ida"', "SELECT 1 FROM boat WHERE id = 'Ida'"),
        ("CREATE TABLE boat (name TEXT)", 'SELECT "name" FROM boat', 'SELECT "name" FROM boat'),
        ("CREATE TABLE boat (5th_place VARCHAR)", "SELECT 5th_place FROM boat", 'SELECT "5th_place" FROM boat'),
        ("CREATE TABLE order (id INTEGER)", "SELECT id FROM order", 'SELECT id FROM "order"'),
        ("CREATE TABLE order (id INTEGER)", "SELECT FROM WHERE", "SELECT FROM WHERE"),
    ],
)  # fmt: skip
def test_rows_with_a_schema_are_read_as_sqlite_would_in_every_format(tmp_path, schema, written, meant):
    (tmp_path / "chat.jsonl").write_text(
        json.dumps({"messages": [{"role": "system", "content": schema}, {"role": "user", "content": "Who?"},
                                 {"role": "assistant", "content": written}]})
    )  # fmt: skip
    (tmp_path / "own.jsonl").write_text(json.dumps({"question": "Who?", "sql": written, "schema": schema}))
    for name in ("chat.jsonl", "own.jsonl"):
        [example] = read_examples(tmp_path / name)
        assert example.sql == (meant,)
    [postgres] = read_examples(tmp_path / "own.jsonl", dialect="postgres")
    assert postgres.sql == (written,)


def test_a_mapping_is_not_about_files_of_another_format(tmp_path):
    """`data import a.csv spider.json --map question=ask,sql=query`: the mapping names the CSV's columns alone."""
    path = tmp_path / "other.json"
    path.write_text('[{"question": "One?", "sql": "SELECT 1"}]')
    [example] = read_examples(path, mapping={"question": "Ask", "sql": "Query"})
    assert (example.question, example.sql) == ("One?", ("SELECT 1",))


def test_a_mapping_to_a_column_that_is_not_there(tmp_path):
    path = tmp_path / "q.csv"
    path.write_text("Ask,Query\nOne?,SELECT 1\n")
    with pytest.raises(
        ConfigError, match=r"column for 'question' in .*q.csv 'Asks'. Did you mean 'Ask'. Known: Ask, Q"
    ):
        list(read_examples(path, mapping={"question": "Asks", "sql": "Query"}))


def test_a_mapping_without_the_sql(tmp_path):
    path = tmp_path / "q.csv"
    path.write_text("Frage,Abfrage\nWer?,SELECT 1\n")
    with pytest.raises(ConfigError, match=r"Which column .*--map question=Frage,sql=COL.*columns: Frage, Abfrage"):
        list(read_examples(path, mapping={"question": "Frage"}))


@pytest.mark.parametrize("header", ["Question,SQL Query", "QUESTION,sql-query", "Natural Language,goldSql"])
def test_names_of_columns_are_read_however_they_are_written(tmp_path, header):
    path = tmp_path / "q.csv"
    path.write_text(f"{header}\nOne?,SELECT 1\n")
    [example] = read_examples(path)
    assert (example.question, example.sql) == ("One?", ("SELECT 1",))


def test_the_mapping_that_is_proposed_can_be_pasted(tmp_path):
    path = tmp_path / "q.csv"
    path.write_text("Question,My SQL\nOne?,SELECT 1\n")
    with pytest.raises(DataError, match=r"has questions \('Question'\).*--map 'question=Question,sql=My SQL'$"):
        list(read_examples(path))
    path.write_text("Frage,My SQL\nOne?,SELECT 1\n")
    with pytest.raises(DataError, match=r"no questions .*\(--map 'question=COL,sql=My SQL'\)"):
        list(read_examples(path))
    path.write_text("Meine Frage,Abfrage\nOne?,SELECT 1\n")
    with pytest.raises(ConfigError, match=r"--map 'question=Meine Frage,sql=COL'"):
        list(read_examples(path, mapping={"question": "Meine Frage"}))


def test_blank_rows_of_a_table_are_counted_but_for_those_at_its_end(tmp_path):
    path = tmp_path / "q.csv"
    path.write_text("question;sql\nOne?;SELECT 1\n;\n;;;\n\nTwo?;SELECT 2\n;\n;\n")
    found = list(read_examples(path))
    assert [(row.line, getattr(row, "reason", "")) for row in found] == [
        (2, ""), (3, "empty_question"), (4, "empty_question"), (6, "")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("q.csv", "How many?,SELECT 1\nWhich?,SELECT 2\n", "has no header line: its first line is a row"),
        ("q.csv", "question,sql\n", "has a header and no rows"),
        ("q.sql", "SELECT a, b FROM t;\n", r"Known: JSON.*Statements without questions: sqltailor data log .*q\.sql"),
        ("q.md", "# One, two\n", "is not a file of questions with their SQL. Known: JSON"),
    ],
)
def test_files_that_hold_no_pairs_are_told_what_they_lack(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        list(read_examples(tmp_path / name))


def test_an_address_is_no_file():
    with pytest.raises(DataError, match="download it"):
        list(read_examples("https://example.org/train.jsonl"))


def test_a_map_to_columns_that_no_file_has(tmp_path, monkeypatch):
    """Not even where the file has columns of the usual names."""
    monkeypatch.chdir(tmp_path)
    Path("my.csv").write_text("question,sql\nx,SELECT 1\n")
    Path("other.csv").write_text("Frage,SQL\nx,SELECT 1\n")
    for command in ("import", "check", "show"):
        error = run("data", command, "my.csv", "--map", "question=questions,sql=nope2").exception
        assert "column for 'question' in my.csv 'questions'. Did you mean 'question'?" in str(error)
    result = run("data", "import", "my.csv", "other.csv", "--map", "question=Frage,sql=SQL", "--out", "both")
    assert result.exit_code == 0


def test_lines_are_counted_with_the_separator_line(tmp_path):
    (tmp_path / "a.csv").write_text("sep=;\nquestion;sql\nq;SELECT 1\nr\n")
    good, bad = read_examples(tmp_path / "a.csv")
    assert (good.line, bad.line, bad.reason) == (3, 4, "broken_csv")


@pytest.mark.parametrize(
    "cell",
    [
        "SELECT 1; -- once",
        "```sql\nSELECT 1;\n```",
        "SQL: SELECT 1",
        "SELECT 1;;",
        "<think>one</think> SELECT 1",
        "SELECT 1</s>",
    ],
)
def test_gold_is_read_as_answers_are(tmp_path, cell):
    [example] = read_examples(write_json(tmp_path / "q.jsonl", [{"question": "One?", "sql": cell}], lines=True))
    assert example.sql == ("SELECT 1",)


@pytest.mark.parametrize(
    "cell", ["USE shop; SELECT 1", "SET x = 1;\nSELECT 1", "-- cannot answer: no such table", "what?"]
)
def test_gold_that_is_more_or_less_than_a_query_stays_as_it_is(tmp_path, cell):
    [example] = read_examples(write_json(tmp_path / "q.jsonl", [{"question": "One?", "sql": cell}], lines=True))
    assert example.sql == (cell,)
