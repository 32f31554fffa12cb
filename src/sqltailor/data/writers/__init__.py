"""Examples → the rows that trainers take. A format is one function that turns one example into one row.

| format | a row | what reading it back does not find |
|---|---|---|
| `examples` | ours | nothing is lost |
| `bedrock` | bedrock-conversation-2024: Nova, Llama 3.2 and later on Bedrock | see below |
| `claude` | `system, messages` with text contents | see below |
| `openai` | `messages` | see below |
| `rft` | Bedrock's reinforcement fine-tuning: `id, messages, reference_answer` | see below, but not id and SQL |
| `sharegpt` | `conversations` of `from, value` | see below |
| `prompt-completion` | `prompt, completion`: one text each | see below, and the history |
| `alpaca` | `instruction, input, output, metadata` | nothing is lost |
| `input-output` | `input, output, metadata`; a spec is a JSON string | nothing is lost |
| `text` | `text, metadata`: `### Instruction:`, `### Input:`, `### Response:` | nothing is lost |

The strict formats have no room for `id, db_id, dialect, difficulty, source, line` and for accepted SQL after the first.
They carry the reference prompt: the schema as canonical DDL, a line break in a question as a space.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from sqltailor.errors import ConfigError, unknown
from sqltailor.types import Example, Schema

WRITERS: Mapping[str, str] = {
    "examples": "records:write_example",
    "bedrock": "chat:write_bedrock",
    "claude": "chat:write_claude",
    "openai": "chat:write_openai",
    "rft": "chat:write_rft",
    "sharegpt": "chat:write_sharegpt",
    "prompt-completion": "chat:write_prompt_completion",
    "alpaca": "records:write_alpaca",
    "input-output": "records:write_input_output",
    "text": "records:write_text",
}
"""Format → function of an example and the schema to show for one that has none of its own."""

Writer = Callable[[Example, Schema | None], dict[str, Any]]


def writer(format: str) -> Writer:
    """Return the function that turns an example into a row of `format`; raises `ConfigError`."""
    if format not in WRITERS:
        raise ConfigError(unknown("format to write", format, WRITERS))
    module, _, name = WRITERS[format].partition(":")
    found: Writer = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    return found
