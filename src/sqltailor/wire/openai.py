"""OpenAI's chat completions, the server's side: requests as messages, completions as responses and chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqltailor.types import Completion

_REASONS = {"end": "stop", "stop": "stop", "length": "length"}
_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
DONE = "data: [DONE]\n\n"
"""How a stream ends."""


def text_of(content: str | list[Mapping[str, Any]] | None) -> str:
    """Return the text of a message: a string, or the text of its parts.

    >>> text_of([{"type": "text", "text": "How many "}, {"type": "text", "text": "stops?"}])
    'How many stops?'
    """
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(str(part.get("text", "")) for part in content)


def response(answer: Completion, *, id: str, model: str, created: int, refused: bool, **more: Any) -> dict[str, Any]:
    """Return a completion as a `chat.completion`; `more` are keys of our own beside OpenAI's."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": answer.text, "refusal": None},
        "logprobs": None,
        "finish_reason": _reason(answer, refused),
    }
    head = {"id": id, "object": "chat.completion", "created": created, "model": model}
    return head | {"choices": [choice], "usage": _usage(answer)} | more


def chunks(
    answer: Completion, *, id: str, model: str, created: int, refused: bool, with_usage: bool, **more: Any
) -> Iterator[str]:
    """Yield the server-sent events of a completion that is whole already."""
    head = {"id": id, "object": "chat.completion.chunk", "created": created, "model": model}

    def chunk(delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
        return head | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}]}

    yield data(chunk({"role": "assistant", "content": ""}))
    yield data(chunk({"content": answer.text}))
    yield data(chunk({}, _reason(answer, refused)) | more)
    if with_usage:
        yield data(head | {"choices": [], "usage": _usage(answer)})
    yield DONE


def data(value: Mapping[str, Any]) -> str:
    """Return a value as one server-sent event."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def models(names: list[str], *, created: int) -> dict[str, Any]:
    """Return the list of models."""
    return {"object": "list", "data": [model(name, created=created) for name in names]}


def model(name: str, *, created: int) -> dict[str, Any]:
    """Return one model."""
    return {"id": name, "object": "model", "created": created, "owned_by": "sqltailor"}


def error(status: int, message: str) -> dict[str, Any]:
    """Return an error as clients read it."""
    kind = _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def _reason(answer: Completion, refused: bool) -> str:
    return "content_filter" if refused else _REASONS[answer.stop]


def _usage(answer: Completion) -> dict[str, int]:
    into, out = answer.tokens_in or 0, answer.tokens_out or 0
    return {"prompt_tokens": into, "completion_tokens": out, "total_tokens": into + out}
