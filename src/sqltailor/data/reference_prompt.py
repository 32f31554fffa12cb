"""Examples as reference prompts and back, for the formats that are plain conversations."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqltailor.data.canonical import gold_text, read_schema_text
from sqltailor.data.rows import RowError
from sqltailor.data.sections import read_asked, split_ddl, turns
from sqltailor.prompt.text import build_prompt, completion_text
from sqltailor.sql.schema import to_ddl
from sqltailor.types import Example, Message, Schema

_MARK = "\ue000"


class _Words(NamedTuple):
    system: str
    question: str
    spec: str


@lru_cache
def _words() -> _Words:
    """Return the fixed words of the reference prompt, taken from prompts that hold a mark."""
    asked = build_prompt(Example("", ("",), question=_MARK), Schema())
    told = build_prompt(Example("", ("",), spec={_MARK: 0}), Schema())
    before_spec = told.messages[-1].content.partition("{")[0]
    return _Words(asked.messages[0].content, asked.messages[-1].content.removesuffix(_MARK), before_spec)


def to_messages(example: Example, schema: Schema | None = None) -> list[Message]:
    """Return the reference prompt of an example and its gold SQL as the last, the assistant's, message.

    The example's own schema is used, else `schema`, else none. A line break in the question becomes a space: what
    follows the first line is evidence.
    """
    known = read_schema_text(example.schema, example.dialect) if example.schema else schema or Schema()
    if example.question is not None:
        example = dataclasses.replace(example, question=_one_line(example.question))
    prompt = build_prompt(example, known)
    return [*prompt.messages, Message("assistant", completion_text(example))]


def _one_line(question: str) -> str:
    lines = re.split(r"[\r\n]+", question)
    return question if len(lines) == 1 else " ".join(line.strip() for line in lines if line.strip())


def from_messages(messages: Sequence[Message], dialect: str) -> Example:
    """Return the example that a conversation holds; its last assistant message is the gold SQL.

    Reads back what `to_messages` wrote. Of other conversations, CREATE TABLE text in the system message, else in the
    question, is the schema; the other words of the system message are dropped. Raises `RowError`.
    """
    messages = [part for message in messages for part in (turns(message.content) or [message])]
    last = max((i for i, m in enumerate(messages) if m.role == "assistant"), default=-1)
    if last < 1 or messages[last - 1].role != "user":
        raise RowError("missing_field", "no user message with an assistant's answer after it")
    gold, asked = gold_of(messages[last].content, dialect), messages[last - 1].content
    system = "\n".join(m.content for m in messages if m.role == "system")
    history = tuple(m for m in messages[: last - 1] if m.role != "system")
    ddl = reference_ddl(system)
    example = from_prompt(asked, split_ddl(system)[1] if ddl is None else ddl, dialect)
    return dataclasses.replace(example, history=history, sql=(gold,))


def reference_ddl(system: str) -> str | None:
    """Return the DDL in the reference prompt's system message (perhaps empty), or None when it is another message."""
    words = _words().system.rstrip()
    return system[len(words) :].strip() if system.startswith(words) else None


def from_prompt(asked: str, ddl: str, dialect: str) -> Example:
    """Return the example, still without gold SQL, for a user message and the schema beside it."""
    words = _words()
    spec: Any = None
    if asked.startswith(words.spec):
        asked = asked.removeprefix(words.spec)
        first, _, evidence = asked.partition("\n")
        spec = read_spec(first)
    elif asked.startswith(words.question):
        first, _, evidence = asked.removeprefix(words.question).partition("\n")
    else:
        first, inside, evidence, _ = read_asked(asked)
        ddl = ddl or inside
    question = None if spec is not None else first
    return Example("", (), question=question, spec=spec, evidence=evidence or None, schema=ddl or None, dialect=dialect)


def gold_of(answer: str, dialect: str) -> str:
    """Return the SQL in an assistant's answer (or the declined answer itself); raises `RowError` when there is none."""
    sql = gold_text(answer, dialect)
    if not sql:
        raise RowError("missing_field", f"no SQL in the answer {answer[:80]!r}")
    return sql


def read_spec(text: str) -> dict[str, Any]:
    """Return the JSON object in `text`, or raise `RowError`."""
    try:
        spec = json.loads(text)
    except ValueError as e:
        raise RowError("broken_json", f"the spec is not JSON: {e}") from e
    if not isinstance(spec, dict):
        raise RowError("wrong_type", "the spec must be a JSON object")
    return spec


def schema_text(example: Example, schema: Schema | None = None) -> str:
    """Return the DDL to show for an example: its own, else that of `schema`, else nothing."""
    known = read_schema_text(example.schema, example.dialect) if example.schema else schema
    return to_ddl(known, example.dialect) if known is not None else ""
