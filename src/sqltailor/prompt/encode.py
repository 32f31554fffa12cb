"""Messages → token ids, by the tokenizer's own chat template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqltailor.errors import BackendError
from sqltailor.types import Message, Prompt


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
