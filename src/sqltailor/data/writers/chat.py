"""Conversations for Bedrock, Claude and OpenAI, and prompt–completion pairs: the reference prompt and its answer."""

from __future__ import annotations

from typing import Any

from sqltailor.data.reference_prompt import to_messages
from sqltailor.types import Example, Schema
from sqltailor.wire.chat_completions import graded_prompt
from sqltailor.wire.converse import training_record


def write_bedrock(example: Example, schema: Schema | None) -> dict[str, Any]:
    """Return a bedrock-conversation-2024 row."""
    *asked, answer = to_messages(example, schema)
    return training_record(asked, answer.content)


def write_claude(example: Example, schema: Schema | None) -> dict[str, Any]:
    """Return a `{system, messages}` row."""
    system, *turns = to_messages(example, schema)
    return {"system": system.content, "messages": [{"role": m.role, "content": m.content} for m in turns]}


def write_openai(example: Example, schema: Schema | None) -> dict[str, Any]:
    """Return a `{messages}` row."""
    return {"messages": [{"role": m.role, "content": m.content} for m in to_messages(example, schema)]}


def write_rft(example: Example, schema: Schema | None) -> dict[str, Any]:
    """Return a `{id, messages, reference_answer}` row: no answer to learn, but the SQL by which a grader judges one."""
    *asked, _ = to_messages(example, schema)
    return graded_prompt(example.id, asked, example.sql)


SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt"}


def write_sharegpt(example: Example, schema: Schema | None) -> dict[str, Any]:
    """Return a `{conversations}` row."""
    turns = to_messages(example, schema)
    return {"conversations": [{"from": SPEAKERS[m.role], "value": m.content} for m in turns]}


def write_prompt_completion(example: Example, schema: Schema | None) -> dict[str, Any]:
    """Return a `{prompt, completion}` row: system and user text with an empty line between; no history."""
    system, *_, user, answer = to_messages(example, schema)
    return {"prompt": f"{system.content}\n\n{user.content}", "completion": answer.content}
