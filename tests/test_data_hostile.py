"""Files as the world sends them: each is read, or told in one clear sentence."""

import gzip
import json
import zipfile

import pytest

from sqltailor.data import Reject, import_data, read_examples
from sqltailor.data.rows import MAX_ROW_BYTES
from sqltailor.errors import DataError

ROW = '{"question": "q", "sql": "SELECT 1"}'


def read(path, **options):
    return [(r.line, r.reason if isinstance(r, Reject) else r.question) for r in read_examples(path, **options)]


def put(tmp_path, content, name="x.jsonl"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_byte_order_mark_and_windows_line_ends(tmp_path):
    assert read(put(tmp_path, f"\ufeff{ROW}\r\n\r\n{ROW}\r\n")) == [(1, "q"), (3, "q")]


def test_text_that_is_not_utf8(tmp_path):
    assert read(put(tmp_path, ROW.encode() + b'\n{"question": "\xe4"}\n' + ROW.encode())) == [
        (1, "q"),
        (2, "broken_text"),
        (3, "q"),
    ]
    csv = put(tmp_path, b"question,sql\n\xc3\xa4,SELECT 1\n\xe4,SELECT 1\n", "x.csv")
    assert read(csv) == [(2, "\xe4"), (3, "broken_text")]
    array = put(tmp_path, b"[" + ROW.encode() + b', {"question": "\xe4", "sql": "SELECT 1"}]', "x.json")
    assert read(array) == [(1, "q"), (2, "broken_text")]


@pytest.mark.parametrize(("encoding", "likely"), [("cp1252", "cp1252"), ("latin-1", "cp1252"), ("cp850", "cp850")])
def test_a_table_in_another_encoding_is_refused_whole(tmp_path, encoding, likely):
    """Else the rows with umlauts alone would be lost."""
    path = put(tmp_path, "question,sql\nWho?,SELECT 1\nKöln in Bären?,SELECT 1\n".encode(encoding), "x.csv")
    with pytest.raises(DataError, match=rf"looks like {likely} .*Next: iconv -f {likely} -t utf-8"):
        read(path)
    assert read(put(tmp_path, gzip.compress("question,sql\nKöln?,SELECT 1\n".encode()), "x.csv.gz")) == [(2, "Köln?")]


def test_a_quote_that_does_not_end_spoils_its_own_line(tmp_path):
    rows = "".join(f"q{i},SELECT {i}\n" for i in range(50))
    expected = [(2, "broken_csv"), *((i + 3, f"q{i}") for i in range(50))]
    for broken in ('"q,SELECT 1\n', 'q,"SELECT 1\n'):
        assert read(put(tmp_path, f"question,sql\n{broken}{rows}", "x.csv")) == expected
    closed = f'question,sql\n"q,SELECT 1\n{rows}"r\ns",SELECT 2\n'
    assert read(put(tmp_path, closed, "x.csv")) == [*expected, (53, "r\ns")]
    [reject] = read_examples(put(tmp_path, 'question,sql\n"a\nb\nc",SELECT 1,2\n', "x.csv"), mapping={"sql": "sql"})
    assert (reject.line, reject.detail[-30:]) == (2, "sql; the row covers lines 2 to 4"[-30:])


def test_nul(tmp_path):
    raw = put(tmp_path, '{"question": "a\0b", "sql": "SELECT 1"}\n' + ROW)
    assert read(raw) == [(1, "broken_text"), (2, "q")]
    rows = ROW + '\n{"question": "a\\u0000", "sql": "SELECT 1"}\n'
    summary = import_data([put(tmp_path, rows)], tmp_path / "out")
    assert dict(summary.reasons) == {"broken_text": 1}
    summary = import_data([put(tmp_path, b"question,sql\nq\0,SELECT 1\n", "n.csv")], tmp_path / "out")
    assert dict(summary.reasons) == {"broken_text": 1}
    with pytest.raises(DataError, match="not a readable data file"):
        read(put(tmp_path, b"\0\1\2\3" * 100, "x.bin"))


def test_a_line_of_ten_megabytes_is_one_reject(tmp_path):
    long = '{"question": "' + "x" * 10_000_000 + '", "sql": "SELECT 1"}'
    [first, second, third] = read_examples(put(tmp_path, f"{ROW}\n{long}\n{ROW}\n"))
    assert (second.line, second.reason, third.line) == (2, "too_long", 3)
    assert len(second.raw) < 3000
    assert str(MAX_ROW_BYTES) in second.detail
    assert first.question == "q"


def test_a_cell_or_element_of_ten_megabytes(tmp_path):
    [first, *rest] = read(put(tmp_path, "question,sql\nq,SELECT 1\n" + "x" * 10_000_000 + ",SELECT 1\n", "x.csv"))
    assert first == (2, "q")
    assert {reason for _, reason in rest} == {"broken_csv"}
    long = '{"question": "' + "x" * 10_000_000 + '", "sql": "SELECT 1"}'
    assert read(put(tmp_path, f"[{ROW}, {long}, {ROW}]", "x.json")) == [(1, "q"), (2, "too_long"), (3, "q")]


def test_gzip_and_zip_whatever_the_name(tmp_path):
    assert read(put(tmp_path, gzip.compress(ROW.encode()), "x.jsonl.gz")) == [(1, "q")]
    assert read(put(tmp_path, gzip.compress(b"question,sql\nq,SELECT 1\n"), "x.csv.gz")) == [(2, "q")]
    assert read(put(tmp_path, gzip.compress(ROW.encode()), "unnamed")) == [(1, "q")]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("inside/x.jsonl", ROW)
        archive.writestr("__MACOSX/x.jsonl", "junk")
    assert read(tmp_path / "x.zip") == [(1, "q")]
    with zipfile.ZipFile(tmp_path / "csv.zip", "w") as archive:
        archive.writestr("x.csv", "question,sql\nq,SELECT 1\n")
    assert read(tmp_path / "csv.zip") == [(2, "q")]


def test_broken_archives(tmp_path):
    with pytest.raises(DataError, match="broken compressed file"):
        read(put(tmp_path, gzip.compress(ROW.encode() * 1000)[:-20], "cut.gz"))
    with pytest.raises(DataError, match="broken compressed file"):
        read(put(tmp_path, b"\x1f\x8bnonsense", "x.gz"))
    with pytest.raises(DataError, match="broken compressed file"):
        read(put(tmp_path, b"PK\x03\x04nonsense", "x.zip"))
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.jsonl", ROW)
        archive.writestr("b.jsonl", ROW)
    with pytest.raises(DataError, match=r"exactly one data file.*a.jsonl, b.jsonl"):
        read(tmp_path / "two.zip")


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "  \r\n"])
def test_empty_files(tmp_path, content):
    with pytest.raises(DataError, match="is empty"):
        read(put(tmp_path, content))


def test_an_empty_array_and_a_table_without_rows(tmp_path):
    with pytest.raises(DataError, match="has no rows"):
        read(put(tmp_path, "[]", "x.json"))
    with pytest.raises(DataError, match="has a header and no rows"):
        read(put(tmp_path, "question,sql\n", "x.csv"))


def test_a_directory_and_a_missing_file(tmp_path):
    put(tmp_path, ROW)
    with pytest.raises(DataError, match=r"is a directory, not a data file. Name a file in it: x.jsonl"):
        read(tmp_path)
    with pytest.raises(DataError, match=r"No such file: b-mc2/sql.* write hf:b-mc2/sql"):
        read("b-mc2/sql-create-context")


def test_utf16(tmp_path):
    assert read(put(tmp_path, ROW.encode("utf-16"))) == [(1, "q")]
    assert read(put(tmp_path, "question\tsql\r\nWo ist Köln?\tSELECT 1\r\n".encode("utf-16"), "unicode.txt")) == [
        (2, "Wo ist Köln?")
    ]
    with pytest.raises(DataError, match=r"iconv -f utf-16le -t utf-8 .*x\.jsonl"):
        read(put(tmp_path, ROW.encode("utf-16-le")))
    with pytest.raises(DataError, match="not UTF-16 throughout"):
        read(put(tmp_path, ROW.encode("utf-16") + b"x"))


def test_nan_is_an_empty_cell(tmp_path):
    path = put(tmp_path, b'{"question": NaN, "sql": "SELECT 1 FROM t"}\n' + ROW.encode())
    assert read(path) == [(1, "missing_field"), (2, "q")]


def test_columns_named_like_roles(tmp_path):
    path = put(tmp_path, "user:,system:\nq,SELECT 1\n", "x.csv")
    assert read(path, mapping={"question": "user:", "sql": "system:"}) == [(2, "q")]
    with pytest.raises(DataError, match="Its columns: user:, system:"):
        read(path)


def test_rows_of_other_lengths_than_the_header(tmp_path):
    assert read(put(tmp_path, "question,sql\nq,SELECT 1, 2\nq,SELECT 1\nq\n", "x.csv")) == [
        (2, "broken_csv"),
        (3, "q"),
        (4, "broken_csv"),
    ]


def test_an_array_that_is_cut_or_not_closed(tmp_path):
    assert read(put(tmp_path, f"[{ROW}, {ROW[:-5]}", "x.json")) == [(1, "q"), (2, "broken_json")]
    assert read(put(tmp_path, f"[{ROW}, {ROW}", "x.json")) == [(1, "q"), (2, "q"), (3, "broken_json")]
    assert read(put(tmp_path, f"[{ROW} {{broken}}, {ROW}]", "x.json")) == [(1, "q"), (2, "broken_json")]


def test_an_array_larger_than_a_read(tmp_path):
    rows = [{"question": f"q{i}", "sql": "SELECT 'ä" + "x" * 3000 + "'"} for i in range(1500)]
    path = put(tmp_path, json.dumps(rows, ensure_ascii=False), "x.json")
    assert [line for line, _ in read(path)] == list(range(1, 1501))


def test_deep_nesting(tmp_path):
    found = read(put(tmp_path, f"{ROW}\n" + '{"a":' * 200_000 + "1\n" + ROW))
    assert [reason for _, reason in found] == ["q", "broken_json", "q"]
    sql = "SELECT " + "(" * 3000 + "1" + ")" * 3000
    summary = import_data([put(tmp_path, json.dumps({"question": "q", "sql": sql}))], tmp_path / "out")
    assert dict(summary.reasons) == {"unparsed": 1}


def test_duplicate_and_odd_headers(tmp_path):
    assert read(put(tmp_path, "\ufeff question , sql \nq,SELECT 1\n", "x.csv")) == [(2, "q")]
    assert read(put(tmp_path, "question,sql,\nq,SELECT 1,\n", "x.csv")) == [(2, "q")]


def test_a_path_that_leaves_the_database_folder(tmp_path):
    folder = tmp_path / "databases"
    folder.mkdir()
    (tmp_path / "secret.sqlite").write_bytes(b"")
    rows = [{"question": "q", "sql": "SELECT 1", "db_id": "../secret"}]
    path = put(tmp_path, "".join(json.dumps(r) + "\n" for r in rows))
    summary = import_data([path], tmp_path / "out", database=str(folder))
    assert dict(summary.reasons) == {"unknown_database": 1}


@pytest.mark.timeout(20)
def test_text_that_makes_patterns_backtrack(tmp_path):
    spaces = " " * 200_000
    rows = [
        {"question": "q", "sql": "SELECT 1", "schema": f"CREATE TABLE a (b c){spaces}x"},
        {"question": "q" + spaces[:7000] + "q", "sql": f"SELECT 1 {spaces[:90_000]}, 2"},
        {"question": "q", "sql": "SELECT " + "a." * 20_000 + "b"},
        {"question": "q", "sql": "SELECT '" + "(" * 90_000 + "'"},
        {"instruction": f"q {spaces} CREATE TABLE" + "(" * 90_000, "input": "", "output": "SELECT 1"},
    ]
    for i, row in enumerate(rows):
        summary = import_data([put(tmp_path, json.dumps(row), f"{i}.jsonl")], tmp_path / "out")
        assert summary.read == 1
