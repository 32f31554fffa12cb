"""Conversations: bedrock-conversation-2024, Claude, OpenAI, and prompt–completion pairs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from sqltailor.data.examples import text_field
from sqltailor.data.readers import Source
from sqltailor.data.reference_prompt import from_messages, from_prompt, gold_of, reference_ddl
from sqltailor.data.rows import RowError, shown
from sqltailor.data.sections import turns
from sqltailor.sql.constrain.grammar import DECLINE
from sqltailor.types import Example, Message, Role

ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "chatbot": "assistant",
}


def read_bedrock(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of a bedrock-conversation-2024 row: contents are lists of `{"text": ...}` blocks."""
    system = [Message("system", _blocks(row["system"]))] if row.get("system") else []
    return from_messages([*system, *_turns(row)], source.dialect)


def read_claude(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of a `{system, messages}` row."""
    system = text_field(row, "system")
    return from_messages([*([Message("system", system)] if system else []), *_turns(row)], source.dialect)


def read_openai(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of a `{messages}` or `{conversations}` row; earlier turns become its history."""
    system = text_field(row, "system")
    return from_messages([*([Message("system", system)] if system else []), *_turns(row)], source.dialect)


def read_rft(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of a row of reinforcement fine-tuning, whose accepted SQL is the reference answer."""
    found = row["reference_answer"]
    golds = found.get("sql") if isinstance(found, Mapping) else [found]
    if not isinstance(golds, list) or not golds or not all(isinstance(gold, str) for gold in golds):
        raise RowError("wrong_type", '`reference_answer` is SQL, or {"sql": [...]} with several statements')
    asked = from_messages([*_turns(row), Message("assistant", golds[0])], source.dialect)
    accepted = tuple(gold_of(gold, source.dialect) for gold in golds)
    return dataclasses.replace(asked, id=str(row.get("id") or ""), sql=accepted)


def read_prompt_completion(row: Mapping[str, Any], source: Source) -> Example:
    """Return the example of a `{prompt, completion}` row, texts or lists of messages."""
    prompt, completion = row.get("prompt"), row.get("completion")
    if isinstance(prompt, list) and isinstance(completion, list):
        return from_messages([_turn(m) for m in [*prompt, *completion]], source.dialect)
    asked, answer = text_field(row, "prompt"), text_field(row, "completion")
    if not asked or not answer:
        raise RowError("missing_field", "`prompt` and `completion` must not be empty")
    return dataclasses.replace(from_prompt_text(asked, source.dialect), sql=(gold_of(answer, source.dialect),))


def from_prompt_text(text: str, dialect: str) -> Example:
    """Return the example, without gold, of a prompt that is one text: our system part, an empty line, our user part;
    in any other text, CREATE TABLE statements are the schema and the rest is the question.
    """
    if spoken := turns(text):
        asked = from_messages([*spoken, Message("assistant", DECLINE)], dialect)
        return dataclasses.replace(asked, sql=())
    system, _, user = text.partition("\n\n")
    ddl = reference_ddl(system)
    return from_prompt(text, "", dialect) if ddl is None else from_prompt(user, ddl, dialect)


def _turns(row: Mapping[str, Any]) -> list[Message]:
    turns = row.get("messages", row.get("conversations"))
    if not isinstance(turns, list):
        raise RowError("wrong_type", "`messages` must be a list")
    return [_turn(turn) for turn in turns]


def _turn(turn: Any) -> Message:
    role = ROLES.get(str(turn.get("role", turn.get("from"))).lower()) if isinstance(turn, Mapping) else None
    if role is None:
        raise RowError("wrong_type", f"a message needs a role of {', '.join(ROLES)}: {shown(turn)[:80]}")
    return Message(role, _blocks(turn.get("content", turn.get("value"))))


def _blocks(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(b, Mapping) for b in content):
        return "".join(str(b["text"]) for b in content if isinstance(b.get("text"), str))
    raise RowError("wrong_type", f"a message's content is text or a list of text blocks, not {shown(content)[:80]}")
