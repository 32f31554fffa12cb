"""The only place where prompt text exists: example → messages → token ids, and completion → SQL.

Training, evaluation and serving all come through here, so that a model is asked exactly as it was taught. A prompt
has a name and a version; both are stored with every adapter and checked when it is loaded.

Slots, in this order (an empty one costs no token): dialect, schema, glossary and evidence, value hints, history,
question or spec.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqltailor.dialect import load_dialect, quote_name
from sqltailor.errors import BackendError, ConfigError, DataError, unknown
from sqltailor.schema import show_value, to_ddl, too_large
from sqltailor.types import Cell, Column, Example, Message, Prompt, Schema, Table

PROMPTS: Mapping[str, int] = {"reference": 1, "compact": 1}
"""Name of each prompt → its version. A change of a prompt's text is a new version: it voids adapters."""

DECLINE = "-- cannot answer:"
"""How a completion says that the question cannot be answered from this database."""

MAX_QUESTION_CHARACTERS = 8_000

_SYSTEM = (
    "You are a powerful text-to-SQL model. Your job is to answer questions about a database. "
    "You can use the following table schema for context: "
)
_QUESTION = "Return the SQL query that answers the following question: "
_SPEC = "Return the SQL query for the following specification: "


class Answer(NamedTuple):
    """What a completion says: `sql`, or why not (`declined`); both None when it holds no SQL at all."""

    sql: str | None
    declined: str | None = None


def build(
    example: Example,
    schema: Schema,
    *,
    name: str = "reference",
    glossary: Mapping[str, str] | None = None,
    hints: Sequence[str] = (),
    comments: bool = True,
    samples: bool = False,
    max_schema_tokens: int | None = None,
    count_tokens: Callable[[str], int] | None = None,
) -> Prompt:
    """Return the prompt for one example.

    `glossary` maps business terms to their meaning; only terms that the question uses are shown. `hints` are lines
    such as `city = 'Lyon'`. Raises `ConfigError` for an unknown prompt name, `DataError` when the question is too
    long or the schema does not fit `max_schema_tokens`.
    """
    if name not in PROMPTS:
        raise ConfigError(unknown("prompt", name, PROMPTS))
    asked = _asked(example)
    if len(asked) > MAX_QUESTION_CHARACTERS:
        raise DataError(f"The question has {len(asked):,} characters; {MAX_QUESTION_CHARACTERS:,} are allowed.")
    notes = notes_of(example, glossary or {})
    budget = {"max_tokens": max_schema_tokens, "count_tokens": count_tokens}
    if name == "reference":
        ddl = to_ddl(schema, example.dialect, comments=comments, samples=samples, **budget)  # type: ignore[arg-type]
        ask = (_QUESTION if example.question is not None else _SPEC) + asked
        system, user = _SYSTEM + ddl, "\n".join([ask, *notes, *hints])
    else:
        lines = [load_dialect(example.dialect).name, compact_schema(schema, **budget)]  # type: ignore[arg-type]
        system, user = "\n".join([*lines, *(f"# {n}" for n in notes), *(f"= {h}" for h in hints)]), asked
    messages = (Message("system", system), *example.history, Message("user", user))
    return Prompt(messages, schema, example.dialect)


def _asked(example: Example) -> str:
    return example.question if example.question is not None else json.dumps(example.spec, ensure_ascii=False)


def notes_of(example: Example, glossary: Mapping[str, str]) -> list[str]:
    """Return what a prompt says beside the question: the terms of the glossary that it uses, and the evidence."""
    notes = [f"{term}: {meaning}" for term, meaning in used_terms(_asked(example), glossary).items()]
    return [*notes, example.evidence] if example.evidence else notes


def used_terms(question: str, glossary: Mapping[str, str]) -> dict[str, str]:
    """Return the glossary entries whose term, or its plural, stands in the question.

    >>> used_terms("How many Active customers?", {"active customer": "stat = 'A'", "churn": "..."})
    {'active customer': "stat = 'A'"}
    """
    return {
        term: meaning
        for term, meaning in glossary.items()
        if re.search(rf"(?<!\w){re.escape(term)}(?:s|es)?(?!\w)", question, re.IGNORECASE)
    }


def compact_schema(
    schema: Schema, *, max_tokens: int | None = None, count_tokens: Callable[[str], int] | None = None
) -> str:
    """Return one line a table: ` city: id* int, name, country > country.code`.

    `*` marks a primary key, `>` what a column points to (its column only where that has another name); text columns
    have no type. Every name has a space before
    it, so that it is made of the same tokens as in a statement. Raises `DataError` above `max_tokens`.
    """
    text = "\n".join(f" {_compact_name(t)}: " + ", ".join(_compact_column(c) for c in t.columns) for t in schema.tables)
    if max_tokens is not None and count_tokens is not None and (tokens := count_tokens(text)) > max_tokens:
        raise DataError(too_large(schema, tokens, max_tokens))
    return text


def _compact_name(table: Table) -> str:
    return (f"{quote_name(table.namespace)}." if table.namespace else "") + quote_name(table.name)


def _compact_column(column: Column) -> str:
    kind = compact_type(column.type)
    text = quote_name(column.name) + ("*" if column.primary_key else "") + (f" {kind}" if kind else "")
    if column.references is None:
        return text
    table, target = column.references
    same = target.lower() in ("", column.name.lower())
    return f"{text} > {quote_name(table)}" + ("" if same else f".{quote_name(target)}")


_TYPES = (  # first match wins; text is the empty word
    ("bool", re.compile("BOOL|^BIT")),
    ("time", re.compile("TIMESTAMP|DATETIME|^TIME")),
    ("date", re.compile("DATE")),
    ("int", re.compile("INT|SERIAL|YEAR")),
    ("num", re.compile("REAL|FLOA|DOUB|NUMERIC|NUMBER|DECIMAL|MONEY")),
    ("json", re.compile("JSON")),
    ("blob", re.compile("BLOB|BYTEA|BINARY")),
)


def compact_type(declared: str) -> str:
    """Return the short word for a declared type; text is the empty word.

    >>> compact_type("VARCHAR(30)"), compact_type("bigint"), compact_type("DECIMAL(10,2)")
    ('', 'int', 'num')
    """
    return next((word for word, pattern in _TYPES if pattern.search(declared.upper())), "")


def hint(table: Table, column: str, value: Cell) -> str:
    """Return the line that tells the model where a value of the question is stored."""
    return f"{_compact_name(table)}.{quote_name(column)} = {show_value(value)}"


def completion_text(example: Example) -> str:
    """Return what a model should write for an example: its preferred gold SQL without `;`."""
    return example.sql[0].strip().rstrip(";").rstrip()


_THINK = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[ \t]*([A-Za-z]*)[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
_START = re.compile(r"^[ \t]*(?:\(\s*)*(?:SELECT|WITH|VALUES)\b", re.IGNORECASE | re.MULTILINE)


def extract(text: str) -> Answer:
    """Return the SQL in a completion.

    Thoughts in `<think>` are dropped. Of several fenced blocks the first that holds a query counts; without a fence,
    the text from the first line that begins a query. `-- cannot answer: REASON` is a declined answer.
    """
    text = _THINK.sub("", text).strip()
    if text.lower().startswith(DECLINE):
        return Answer(None, text[len(DECLINE) :].split("\n")[0].strip() or "no reason given")
    for language, block in _FENCE.findall(text):
        if language.lower() in ("", "sql", "sqlite", "postgresql", "mysql", "duckdb") and block.strip():
            return extract(block)
    start = _START.search(text)
    if start is None:
        # a statement that is no query (DELETE …) is still what the model wrote: the guard must see it
        bare = re.match(r"[A-Za-z]+\b", text)
        is_statement = bare is not None and bare.group().upper() in _STATEMENTS
        return Answer(text.rstrip(";").rstrip() if is_statement else None)
    sql = text[start.start() :].strip()
    return Answer(sql.split("\n\n")[0].rstrip().rstrip(";").rstrip())


_STATEMENTS = frozenset(
    ("INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "CREATE", "DROP", "ALTER", "TRUNCATE", "PRAGMA", "ATTACH",
     "COPY", "EXPLAIN", "SET", "CALL")
)  # fmt: skip


def encode(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Return the token ids of a conversation that asks for an answer, by the tokenizer's own chat template.

    Contents are tokenised apart from the template, with control tokens as plain text: a question, comment or stored
    value that spells `<|im_end|>` cannot end its turn. Raises `BackendError` when the tokenizer has no chat template
    or its template does not show a message.
    """
    return _encode(tokenizer, messages, add_generation_prompt=True)


def encode_pair(tokenizer: Any, prompt: Prompt, completion: str) -> tuple[list[int], list[int]]:
    """Return (prompt ids, completion ids); a completion is its text and the token that ends a turn."""
    ids = encode(tokenizer, prompt.messages)
    return ids, _plain(tokenizer, completion) + end_of_turn(tokenizer)


def end_of_turn(tokenizer: Any) -> list[int]:
    """Return the ids that end an assistant's turn: what the template writes after it, up to its first control token."""
    _check_template(tokenizer)
    mark = "\ue000"
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": mark}]
    after = tokenizer.apply_chat_template(turns, tokenize=False).partition(mark)[2]
    control = set(tokenizer.all_special_ids)
    ids = list(tokenizer(after, add_special_tokens=False)["input_ids"])
    end = next((i for i, token in enumerate(ids) if token in control), None)
    return ids[: end + 1] if end is not None else [tokenizer.eos_token_id]


def _encode(tokenizer: Any, messages: Sequence[Message], *, add_generation_prompt: bool) -> list[int]:
    _check_template(tokenizer)
    marks = [f"\ue000{i}\ue001" for i in range(len(messages))]
    turns = [{"role": m.role, "content": mark} for m, mark in zip(messages, marks, strict=True)]
    rest = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=add_generation_prompt)
    ids: list[int] = []
    for message, mark in zip(messages, marks, strict=True):
        before, found, rest = rest.partition(mark)
        if not found:
            raise BackendError(f"The tokenizer's chat template does not show the {message.role} message.")
        ids += [*_template_ids(tokenizer, before), *_plain(tokenizer, message.content)]
    return ids + _template_ids(tokenizer, rest)


def _check_template(tokenizer: Any) -> None:
    if not tokenizer.chat_template:
        raise BackendError(
            f"The tokenizer of '{tokenizer.name_or_path}' has no chat template. Use an instruction-tuned model, or "
            "give a template in the recipe: prompt.chat_template."
        )


def _template_ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []


def _plain(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]) if text else []
