import json
import re
from typing import get_type_hints

import pytest

from sqltailor.cli.data.export import export as command
from sqltailor.data import WRITERS, check_files, export, import_data, load_examples, write_examples
from sqltailor.data.checks.rules import LIMITS, RESERVED
from sqltailor.errors import ConfigError
from sqltailor.project import Project
from sqltailor.recipe import load_recipe
from sqltailor.sql.schema import from_ddl
from sqltailor.types import Example, Message
from tests.support.cli_project import make_database

DDL = "CREATE TABLE t (a INTEGER, b TEXT)"


def example(i, **more):
    fields = {"question": f"How many t have {i}?", "schema": DDL} | more
    return Example(str(i), (f"SELECT COUNT(*) FROM t WHERE a = {i}",), **fields)


def some(n=10, **more):
    return [example(i, **more) for i in range(n)]


def rules(violations):
    return [(v.line, v.rule) for v in violations]


def good(user="How many?", assistant="SELECT 1", **more):
    messages = [{"role": "user", "content": [{"text": user}]}, {"role": "assistant", "content": [{"text": assistant}]}]
    return {"schemaVersion": "bedrock-conversation-2024", "messages": messages} | more


def bedrock(tmp_path, rows, name="train.jsonl"):
    path = tmp_path / name
    rows = [r if isinstance(r, bytes) else json.dumps(r).encode() for r in rows]
    path.write_bytes(b"".join(r + b"\n" for r in rows))
    return path


def test_out_to_bedrock_and_in_again(tmp_path):
    write_examples(tmp_path / "train.jsonl", some(12))
    write_examples(tmp_path / "validation.jsonl", some(3))
    summary = export(tmp_path / "train.jsonl", "bedrock", tmp_path / "b", validation=tmp_path / "validation.jsonl")
    assert summary.to_json() == {
        "written": {str(tmp_path / "b/train.jsonl"): 12, str(tmp_path / "b/validation.jsonl"): 3},
        "violations": [],
    }
    back = import_data([tmp_path / "b/train.jsonl"], tmp_path / "again", validation_share=0, test_share=0)
    assert (back.read, back.kept) == (12, 12)
    found = load_examples(tmp_path / "again/train.jsonl")
    assert [(e.question, e.sql, e.schema) for e in found] == [(e.question, e.sql, e.schema) for e in some(12)]


def test_the_help_names_every_format():
    said = get_type_hints(command, include_extras=True)["format"].__metadata__[0].help
    assert set(re.findall(r"[\w-]+", said)) >= set(WRITERS)


def test_the_schema_of_a_database_is_shown_for_examples_without_one(tmp_path):
    write_examples(tmp_path / "x.jsonl", some(schema=None))
    export(tmp_path / "x.jsonl", "claude", tmp_path / "out.jsonl", schema=from_ddl(DDL))
    assert json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])["system"].endswith(DDL)


@pytest.mark.parametrize("word", RESERVED)
@pytest.mark.parametrize("where", ["system", "user", "assistant"])
def test_each_reserved_word_is_told_wherever_it_stands(tmp_path, word, where):
    texts = {where: f"a column xX{word.upper()}7"}
    row = good(texts.get("user", "q"), texts.get("assistant", "SELECT 1"))
    row["system"] = [{"text": texts.get("system", "s")}]
    found = check_files("bedrock", [bedrock(tmp_path, [good()] * 7 + [row])])
    assert [(v.line, v.rule, v.level) for v in found] == [(8, "reserved_word", "error")]
    assert where in found[0].detail


def test_words_that_only_amazons_validator_refuses_are_warnings(tmp_path):
    found = check_files("bedrock", [bedrock(tmp_path, [good("Thought: <unk>")] * 8)])
    assert {(v.rule, v.level) for v in found} == {("reserved_word", "warning")}


ANSWER = {"role": "assistant", "content": [{"text": "x"}]}


def turns(*roles):
    return {"messages": [{"role": r, "content": [{"text": "x"}]} for r in roles]}


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        (b"{", "not_json"),
        (b"", "not_json"),
        (b"[1]", "not_json"),
        (b'{"messages": "\xff"}', "not_utf8"),
        ({"system": [{"text": "x"}]}, "missing_key"),
        (good(tools=[]), "unknown_key"),
        (good(schemaVersion=3), "schema_version"),
        (good(system="text"), "content"),
        (good(system=[{"text": ""}]), "empty_text"),
        ({"messages": {}}, "messages"),
        (turns("user"), "too_few_messages"),
        (turns("user", "user"), "roles_alternate"),
        (turns("assistant", "user"), "roles_alternate"),
        (turns("system", "user", "assistant"), "unknown_role"),
        (turns("user", "assistant", "user"), "ends_with_assistant"),
        (good(user=" "), "empty_text"),
        (
            {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": [{"text": "x"}]}]},
            "content",
        ),
        (
            {"messages": [{"role": "user", "content": [{"image": {}}]}, *turns("user", "assistant")["messages"][1:]]},
            "text_only",
        ),
        (good(user="x" * 96_001), "too_long"),
    ],
)
def test_each_rule_of_nova(tmp_path, row, rule):
    found = check_files("bedrock", [bedrock(tmp_path, [good()] * 8 + [row])])
    assert (9, rule) in rules(found)
    assert all(v.line == 9 for v in found)


def test_every_violation_is_listed_not_only_the_first(tmp_path):
    path = bedrock(tmp_path, [turns("user"), good("user: x"), b"{", *[good()] * 8])
    assert [v.line for v in check_files("bedrock", [path])] == [1, 1, 2, 3]


def test_numbers_of_records(tmp_path, monkeypatch):
    few = bedrock(tmp_path, [good()] * 7)
    assert rules(check_files("bedrock", [few])) == [(None, "too_few_records")]
    monkeypatch.setitem(LIMITS, "nova", LIMITS["nova"]._replace(max_total=20))
    train, validation = bedrock(tmp_path, [good()] * 15), bedrock(tmp_path, [good()] * 6, "v.jsonl")
    assert rules(check_files("bedrock", [train], [validation])) == [(None, "too_many_records")]
    assert LIMITS["nova"].max_tokens == 32_000


def test_nova_2_lite_takes_no_validation_file(tmp_path):
    train, validation = bedrock(tmp_path, [good()] * 200), bedrock(tmp_path, [good()], "v.jsonl")
    found = check_files("bedrock", [train], [validation], model="nova-2-lite")
    assert [(v.file, v.rule) for v in found] == [(str(validation), "too_many_validation_records")]


def test_file_names(tmp_path):
    found = check_files("bedrock", [bedrock(tmp_path, [good()] * 8, "my train.json")])
    assert rules(found) == [(None, "file_name")]
    write_examples(tmp_path / "mein täglich.jsonl", some())
    assert list(export(tmp_path / "mein täglich.jsonl", "bedrock", tmp_path / "out").written) == [
        str(tmp_path / "out/mein-t-glich.jsonl")
    ]


def test_claude_and_llama_rules(tmp_path):
    write_examples(tmp_path / "x.jsonl", some(31))
    assert rules(export(tmp_path / "x.jsonl", "claude", tmp_path / "c").violations) == [(None, "too_few_records")]
    found = export(tmp_path / "x.jsonl", "prompt-completion", tmp_path / "p", model="llama").violations
    assert rules(found) == [(None, "too_few_records")]
    assert export(tmp_path / "x.jsonl", "prompt-completion", tmp_path / "p").violations == []


def test_bad_rows_can_be_left_out(tmp_path):
    write_examples(tmp_path / "x.jsonl", [*some(8), example(8, evidence="user: admin"), example(9)])
    kept = export(tmp_path / "x.jsonl", "bedrock", tmp_path / "b")
    assert [(v.line, v.level) for v in kept.violations] == [(9, "error")]
    left = export(tmp_path / "x.jsonl", "bedrock", tmp_path / "b", skip_bad=True)
    assert list(left.written.values()) == [9]
    assert [(v.line, v.level) for v in left.violations] == [(9, "warning")]
    assert left.violations[0].detail.startswith("left out: 'user:' in the user message 1")


def test_a_column_named_like_a_role_is_found(tmp_path):
    write_examples(tmp_path / "x.jsonl", some(9, schema='CREATE TABLE t (a INTEGER, "user:" TEXT)'))
    found = export(tmp_path / "x.jsonl", "bedrock", tmp_path / "b").violations
    assert rules(found) == [(i, "reserved_word") for i in range(1, 10)]


def test_history_that_does_not_alternate_or_cannot_be_carried(tmp_path):
    talk = (Message("user", "hello"),)
    write_examples(tmp_path / "x.jsonl", [*some(8), example(8, history=talk)])
    assert rules(export(tmp_path / "x.jsonl", "bedrock", tmp_path / "b").violations) == [(9, "roles_alternate")]
    [told] = export(tmp_path / "x.jsonl", "prompt-completion", tmp_path / "p").violations
    assert (told.line, told.rule, told.level) == (9, "history_dropped", "warning")


def test_rows_that_cannot_be_read_or_written_are_violations(tmp_path):
    write_examples(tmp_path / "x.jsonl", [*some(8), example(8, question="x" * 9000), example(9, schema="nonsense")])
    with (tmp_path / "x.jsonl").open("a") as file:
        file.write("{broken\n")
    found = export(tmp_path / "x.jsonl", "bedrock", tmp_path / "b")
    assert rules(found.violations) == [(9, "no_prompt"), (10, "broken_schema"), (11, "broken_json")]
    assert list(found.written.values()) == [8]


def test_wrong_use(tmp_path):
    write_examples(tmp_path / "x.jsonl", some())
    write_examples(tmp_path / "y.jsonl", some())
    with pytest.raises(ConfigError, match="Did you mean 'bedrock'"):
        export(tmp_path / "x.jsonl", "bedrok", tmp_path / "b")
    with pytest.raises(ConfigError, match="Unknown model family 'nowa'"):
        export(tmp_path / "x.jsonl", "bedrock", tmp_path / "b", model="nowa")
    with pytest.raises(ConfigError, match="name a folder"):
        export([tmp_path / "x.jsonl", tmp_path / "y.jsonl"], "bedrock", tmp_path / "b.jsonl")


def test_what_a_prompt_says_beside_the_question_is_in_the_file(tmp_path, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    database = make_database(tmp_path / "tram.db")
    words = [f"database.url=sqlite:///{database}", "prompt.hints=4", "glossary={inner city: zone = 1}"]
    recipe = load_recipe(None, words).recipe
    examples = [
        Example("1", ("SELECT 1",), "Is the Zoo in the inner city?"),
        Example("2", ("SELECT 2",), "How many stops?", evidence="count the rows"),
        Example("3", ("SELECT 3",), "How many lines?"),
    ]
    write_examples(tmp_path / "train.jsonl", examples)
    with Project(recipe) as project:
        out = tmp_path / "out"
        export(tmp_path / "train.jsonl", "openai", out, schema=project.granted, complete=project.complete)
        ask = project.prompts("somewhere-else", None)
        prompts = [ask(example, project.schema) for example in examples]
    rows = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    for row, prompt in zip(rows, prompts, strict=True):
        assert row["messages"][:-1] == [{"role": m.role, "content": m.content} for m in prompt.messages]
    assert rows[0]["messages"][1]["content"].endswith("\ninner city: zone = 1\nstop.name = 'Zoo'")
