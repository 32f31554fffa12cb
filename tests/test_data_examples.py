import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqltailor.data import load_examples, write_examples
from sqltailor.data.examples import atomic_writer, from_json, to_json, to_line
from sqltailor.errors import DataError
from sqltailor.types import Example, Message

text = st.text(max_size=40)
maybe = st.none() | text
json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
request = st.one_of(
    text.map(lambda q: {"question": q}), st.dictionaries(text, json_value, max_size=3).map(lambda s: {"spec": s})
)
examples = st.builds(
    lambda asked, **fields: Example(**asked, **fields),
    asked=request,
    id=st.text(min_size=1, max_size=10),
    sql=st.lists(text, min_size=1, max_size=3).map(tuple),
    history=st.lists(st.builds(Message, st.sampled_from(["system", "user", "assistant"]), text), max_size=3).map(tuple),
    evidence=maybe,
    schema=maybe,
    db_id=maybe,
    dialect=st.sampled_from(["sqlite", "postgres", "duckdb"]),
    difficulty=maybe,
    source=maybe,
    line=st.none() | st.integers(min_value=1),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(examples, max_size=5), st.sampled_from(["x.jsonl", "x.jsonl.gz"]))
def test_writing_and_reading_loses_nothing(tmp_path_factory, many, name):
    path = tmp_path_factory.mktemp("round") / name
    assert write_examples(path, many) == len(many)
    assert load_examples(path) == many


def test_text_that_utf8_cannot_hold_survives(tmp_path):
    example = Example("1", ("SELECT 1",), question="a\ud800b\u2028c\x00d\r\ne")
    write_examples(tmp_path / "x.jsonl", [example])
    assert load_examples(tmp_path / "x.jsonl") == [example]


def test_one_line_an_example_whatever_the_text(tmp_path):
    many = [Example(str(i), ("SELECT '\n\u2028\x85'",), question="a\nb") for i in range(3)]
    write_examples(tmp_path / "x.jsonl", many)
    assert (tmp_path / "x.jsonl").read_bytes().count(b"\n") == 3


def test_sql_may_be_text_or_list():
    assert from_json({"id": "1", "question": "q", "sql": "SELECT 1"}).sql == ("SELECT 1",)
    assert from_json({"id": 7, "question": "q", "sql": ["SELECT 1", "SELECT 2"]}).sql == ("SELECT 1", "SELECT 2")


def test_a_row_without_id_gets_one_from_file_and_line(tmp_path):
    (tmp_path / "q.v2.jsonl").write_text('\n{"question": "a", "sql": "SELECT 1", "tags": ["x"]}\n', encoding="utf-8")
    assert [e.id for e in load_examples(tmp_path / "q.v2.jsonl")] == ["q-2"]


@pytest.mark.parametrize(
    ("row", "part"),
    [
        ("{", "line 1: not JSON"),
        ("[1]", "JSON object, not int"),
        ('{"sql": "SELECT 1"}', "either `question` or `spec`"),
        ('{"question": "q", "spec": {}, "sql": "SELECT 1"}', "either `question` or `spec`"),
        ('{"question": "q"}', "no `sql`"),
        ('{"question": "q", "sql": []}', "no `sql`"),
        ('{"question": "q", "sql": {"a": 1}}', "text or a list"),
        ('{"question": ["q"], "sql": "SELECT 1"}', "`question` must be text"),
        ('{"question": "q", "sql": "SELECT 1", "history": "x"}', "`history` must be a list"),
        ('{"question": "q", "sql": "SELECT 1", "history": [{"role": "bot", "content": "x"}]}', "system|user|assistant"),
    ],
)
def test_a_bad_row_is_an_error_that_names_file_and_line(tmp_path, row, part):
    path = tmp_path / "x.jsonl"
    path.write_text(row + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"x.jsonl, line 1") as caught:
        load_examples(path)
    assert part in str(caught.value)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "x.jsonl"
    write_examples(path, [Example("1", ("SELECT 1",), question="old")])

    def failing():
        yield Example("2", ("SELECT 2",), question="new")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        write_examples(path, failing())
    assert [e.question for e in load_examples(path)] == ["old"]
    assert os.listdir(tmp_path) == ["x.jsonl"]


def test_gzip_bytes_do_not_depend_on_time_or_name(tmp_path):
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_examples(tmp_path / name, [Example("1", ("SELECT 1",), question="q")])
    first, second = (Path(tmp_path / n).read_bytes() for n in ("a.jsonl.gz", "b.jsonl.gz"))
    assert first == second
    assert json.loads(gzip.decompress(first)) == {"id": "1", "question": "q", "sql": ["SELECT 1"], "dialect": "sqlite"}


def test_json_shape_leaves_out_what_is_not_set():
    example = Example("1", ("SELECT 1",), spec={"table": "t"}, line=3)
    assert to_json(example) == {"id": "1", "spec": {"table": "t"}, "sql": ["SELECT 1"], "dialect": "sqlite", "line": 3}
    assert to_line(example).endswith("}\n")


def test_an_empty_file_has_no_examples_and_a_directory_is_an_error(tmp_path):
    (tmp_path / "x.jsonl").touch()
    assert load_examples(tmp_path / "x.jsonl") == []
    with pytest.raises(DataError, match=r"is a directory.*x.jsonl"):
        load_examples(tmp_path)
    with pytest.raises(DataError, match="No such file"):
        load_examples(tmp_path / "absent.jsonl")


def test_atomic_writer_makes_folders(tmp_path):
    with atomic_writer(tmp_path / "a" / "b" / "c.txt") as file:
        file.write("x")
    assert (tmp_path / "a/b/c.txt").read_text() == "x"
