"""Every format out and in again: nothing is lost but what the format is documented not to carry."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqltailor.data import Reject, read_examples
from sqltailor.data.readers import READERS, Source, converter
from sqltailor.data.readers.recognise import recognise
from sqltailor.data.rows import Row
from sqltailor.data.sections import split_ddl
from sqltailor.data.writers import WRITERS, writer
from sqltailor.types import Example, Message

LOST = {"id": "", "db_id": None, "dialect": "sqlite", "difficulty": None, "source": None, "line": None}
STRICT = ("bedrock", "claude", "openai", "rft", "sharegpt", "prompt-completion")
READ_AS = {"alpaca": "instruction"}

line = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=60).filter(str.strip)
block = st.lists(line, min_size=1, max_size=3).map("\n".join)
schemas = st.sampled_from(
    [
        None,
        "CREATE TABLE t (a INTEGER, b TEXT)",
        'CREATE TABLE t (id INTEGER PRIMARY KEY, "5th" VARCHAR(9)); CREATE TABLE u (t_id INTEGER REFERENCES t(id))',
        "CREATE TABLE t (a INTEGER /* user: the (id) */, b TEXT)",
    ]
)
golds = st.sampled_from(
    [
        "SELECT a FROM t WHERE b = 'x; y'",
        "WITH x AS (SELECT 1 AS n) SELECT n FROM x",
        "SELECT \"5th place\" FROM t WHERE a IN (1, 2) AND b = 'It''s'",
        "-- cannot answer: no such table",
    ]
)
specs = st.dictionaries(st.sampled_from(["table", "cols", "filters"]), st.lists(line, max_size=2), min_size=1)
turns = st.lists(st.tuples(line, golds), max_size=2).map(
    lambda pairs: tuple(m for q, sql in pairs for m in (Message("user", q), Message("assistant", sql)))
)
examples = st.builds(
    lambda asked, **fields: Example(**asked, **fields),
    asked=line.map(lambda q: {"question": q}) | specs.map(lambda s: {"spec": s}),
    id=st.text(min_size=1, max_size=5),
    sql=st.lists(golds, min_size=1, max_size=2).map(tuple),
    history=turns,
    evidence=st.none() | block,
    schema=schemas,
    db_id=st.none() | line,
    dialect=st.sampled_from(["sqlite", "postgres"]),
    difficulty=st.none() | line,
    source=st.none() | line,
    line=st.none() | st.integers(1, 9),
)


def back(format, row):
    name = READ_AS.get(format, format)
    source = Source("x.jsonl", name)
    example = converter(source)(Row(1, json.loads(json.dumps(row))))
    return dataclasses.replace(
        example,
        id="" if example.id == "x-1" else example.id,
        source=None if example.source == "x.jsonl" else example.source,
        line=example.line,
    )


@pytest.mark.parametrize("format", WRITERS)
@settings(max_examples=120, deadline=None)
@given(example=examples)
def test_out_and_in_loses_nothing_that_the_format_carries(format, example):
    found = back(format, writer(format)(example, None))
    if format in STRICT:
        lost = dict(LOST, sql=example.sql[:1])
        if format == "prompt-completion":
            lost["history"] = ()
        if format == "rft":
            del lost["id"], lost["sql"]
        example = dataclasses.replace(example, **lost)
        found = dataclasses.replace(found, line=None)
    elif example.line is None:
        found = dataclasses.replace(found, line=None)
    assert found == example


@pytest.mark.parametrize("format", WRITERS)
def test_what_is_written_is_recognised(format):
    example = Example("1", ("SELECT a FROM t",), question="How many?", schema="CREATE TABLE t (a INTEGER)")
    row = writer(format)(example, None)
    assert recognise(row) == READ_AS.get(format, format)


def test_a_line_break_in_a_question_becomes_a_space():
    example = Example("1", ("SELECT a FROM t",), question="How\r\n  many?", evidence="x")
    found = back("openai", writer("openai")(example, None))
    assert (found.question, found.evidence) == ("How many?", "x")


def test_bedrock_is_the_reference_prompt_word_for_word():
    example = Example("1", ("SELECT a FROM t;",), question="How many?", schema="CREATE TABLE t (a INTEGER)")
    system = (
        "You are a powerful text-to-SQL model. Your job is to answer questions about a database. You can use the "
        "following table schema for context: CREATE TABLE t (a INTEGER)"
    )
    user = "Return the SQL query that answers the following question: How many?"
    assert writer("bedrock")(example, None) == {
        "schemaVersion": "bedrock-conversation-2024",
        "system": [{"text": system}],
        "messages": [
            {"role": "user", "content": [{"text": user}]},
            {"role": "assistant", "content": [{"text": "SELECT a FROM t"}]},
        ],
    }


def one(tmp_path, row, name="x.jsonl", **options):
    (tmp_path / name).write_text(json.dumps(row) + "\n", encoding="utf-8")
    [found] = read_examples(tmp_path / name, **options)
    return found


DDL = "CREATE TABLE head (age INTEGER)"
LLAMA = (
    "Below is an instruction that describes a SQL generation task, paired with an input that provides further context"
    " about the available table schemas. Write SQL code that appropriately answers the request.\n\n### Instruction:\n"
    f"How many heads are older than 56 ?\n\n### Input:\n{DDL}\n\n### Response:"
)
ASKED = "How many heads are older than 56 ?"
SQL = "SELECT COUNT(*) FROM head WHERE age > 56"


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": ASKED, "input": DDL, "output": SQL},
        {"instruction": f"You are given a schema. {DDL}", "input": ASKED, "output": f"```sql\n{SQL};\n```"},
        {"input": LLAMA, "output": SQL},
        {"text": LLAMA + "\n" + SQL},
        {"prompt": f"{ASKED}\n{DDL}", "completion": SQL},
        {
            "prompt": [{"role": "user", "content": f"{DDL}\n{ASKED}"}],
            "completion": [{"role": "assistant", "content": SQL}],
        },
        {"messages": [{"role": "user", "content": f"{ASKED}\n\n{DDL};"}, {"role": "assistant", "content": SQL + ";"}]},
        {"conversations": [{"from": "human", "value": f"{ASKED} {DDL}"}, {"from": "gpt", "value": SQL}]},
        {
            "system": f"Answer with SQL. {DDL}",
            "messages": [{"role": "user", "content": ASKED}, {"role": "assistant", "content": SQL}],
        },
        {
            "system": [{"text": f"Answer with SQL. {DDL}"}],
            "messages": [
                {"role": "user", "content": [{"text": ASKED}]},
                {"role": "assistant", "content": [{"text": f"Here you are:\n```sql\n{SQL}\n```"}]},
            ],
        },
    ],
)
def test_rows_of_other_tools(tmp_path, row):
    example = one(tmp_path, row)
    assert not isinstance(example, Reject), example
    assert (example.question, example.schema, example.sql) == (ASKED, DDL, (SQL,))


def test_spec_rows_inside_training_data(tmp_path):
    spec = {"table": "db.table_a", "cols": ["name", "id"], "filters": []}
    rows = {"training_data": [{"input": json.dumps(spec), "output": "SELECT name, id FROM db.table_a"}] * 2}
    (tmp_path / "x.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    first, second = read_examples(tmp_path / "x.json")
    assert (first.spec, first.question, first.sql) == (spec, None, ("SELECT name, id FROM db.table_a",))
    assert (first.id, second.id, second.line) == ("x-1", "x-2", 2)


def test_turns_are_kept_as_history(tmp_path):
    messages = [
        {"role": "developer", "content": DDL},
        {"role": "user", "content": "How many?"},
        {"role": "assistant", "content": "SELECT COUNT(*) FROM head"},
        {"role": "user", "content": "And older than 56?"},
        {"role": "assistant", "content": SQL},
        {"role": "user", "content": "Thanks"},
    ]
    example = one(tmp_path, {"messages": messages})
    assert example.history == (Message("user", "How many?"), Message("assistant", "SELECT COUNT(*) FROM head"))
    assert (example.question, example.sql, example.schema) == ("And older than 56?", (SQL,), DDL)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": []}, "missing_field"),
        ({"messages": "x"}, "wrong_type"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "wrong_type"),
        ({"messages": [{"role": "user", "content": 3}]}, "wrong_type"),
        ({"messages": [{"role": "assistant", "content": "SELECT 1"}]}, "missing_field"),
        ({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "Sorry."}]}, "missing_field"),
        ({"instruction": "x", "input": "", "output": ""}, "missing_field"),
        ({"input": "{broken", "output": "SELECT 1"}, "broken_json"),
        ({"prompt": "", "completion": "SELECT 1"}, "missing_field"),
    ],
)
def test_rows_without_an_answer_are_rejects(tmp_path, row, reason):
    assert one(tmp_path, row).reason == reason


def test_every_format_is_documented():
    import sqltailor.data.readers
    import sqltailor.data.writers

    assert all(f"| `{name}` |" in (sqltailor.data.readers.__doc__ or "") for name in READERS)
    assert all(f"| `{name}` |" in (sqltailor.data.writers.__doc__ or "") for name in WRITERS)


def test_split_ddl_keeps_parentheses_of_the_question():
    rest, ddl = split_ddl("How many (in all)? CREATE TABLE t (a INT CHECK (a > 0)) (really)")
    assert (rest, ddl) == ("How many (in all)?  (really)", "CREATE TABLE t (a INT CHECK (a > 0))")


@pytest.mark.parametrize(
    "row",
    [
        {
            "instruction": "Give back SQL.\n##Instruction:\nTable head has age.\n",
            "input": f"###Input:\n{ASKED}\n\n###Response:",
        },
        {"instruction": f"### Instruction:\n{ASKED}", "input": f"### Input:\n{DDL}"},
        {"instruction": "Text to SQL", "input": f"Tables:\n{DDL}\nQuestion: {ASKED}"},
        {"instruction": f"### Human: {ASKED}\n### Assistant:", "input": DDL},
        {"input": f"Q: {ASKED}\nA:"},
        {"prompt": f"<s>[INST] <<SYS>>\n{DDL}\n<</SYS>>\n\n{ASKED} [/INST]"},
        {"prompt": f"<|im_start|>system\n{DDL}<|im_end|>\n<|im_start|>user\n{ASKED}<|im_end|>\n<|im_start|>model\n"},
        {"prompt": f"### Task\nAnswer [QUESTION]{ASKED}[/QUESTION]\n\n### Database Schema\n{DDL}\n\n### Answer\n[SQL]"},
        {"prompt": f"-- Schema\n{DDL}\n\n-- Question: {ASKED}\nSQL:"},
        {"prompt": f"{ASKED}\n\nSQL:"},
        {"messages": [("user", f"### Question:\n{ASKED}\n\n### Schema:\n{DDL}\n\n### SQL:")]},
        {"messages": [("system", f"<<SYS>>\n{DDL}\n<</SYS>>"), ("user", f"[INST] {ASKED} [/INST]")]},
        {"question": f"### Question: {ASKED}", "context": DDL},
        {"question": f"Question: {ASKED}"},
        {"question": f"{ASKED} ###Response:"},
        {"question": f"### Instruction:\n{ASKED}\n### Response:"},
        {"question": f"USER: {ASKED} ASSISTANT:"},
        {"text": f"<s>[INST] {ASKED} [/INST] {SQL} </s>"},
        {"text": f"<|user|>\n{DDL}\n{ASKED}<|end|>\n<|assistant|>\n{SQL}<|end|>"},
        {"text": f"<start_of_turn>user\n{ASKED}<end_of_turn>\n<start_of_turn>model\n{SQL}<end_of_turn>"},
        {"text": f"### Question\n{ASKED}\n### Context\n{DDL}\n### Answer\n{SQL}"},
    ],
)
@pytest.mark.parametrize("answer", [SQL, f"### Response:\n{SQL}", f"SQL: {SQL};</s>"])
def test_marks_of_trainers_are_taken_off(tmp_path, row, answer):
    if "messages" in row:
        turns = [*row["messages"], ("assistant", answer)]
        row = {"messages": [{"role": role, "content": content} for role, content in turns]}
    elif "text" not in row:
        key = {"prompt": "completion", "question": "answer"}.get(next(iter(row)), "output")
        row = row | {key: answer}
    example = one(tmp_path, row)
    assert not isinstance(example, Reject), example
    assert (example.question, example.sql, example.evidence) == (ASKED, (SQL,), None)
    assert example.schema == (DDL if DDL in json.dumps(row) else None)


def test_a_hint_among_the_sections_is_evidence(tmp_path):
    prompt = f"### Schema:\n{DDL}\n### Hint:\nold means over 56\n### Question:\nHow many old heads?\n### SQL:"
    example = one(tmp_path, {"prompt": prompt, "completion": SQL})
    assert (example.question, example.evidence, example.schema) == ("How many old heads?", "old means over 56", DDL)


@pytest.mark.parametrize(
    "question",
    [
        "Which heads: old or new?",
        "Which head is the assistant: or none?",
        "Answer: yes or no?",
        "a<b, is it? [x]",
        "# heads over 56",
    ],
)
def test_a_question_without_marks_stays_as_it_is(tmp_path, question):
    assert one(tmp_path, {"prompt": question, "completion": SQL}).question == question
