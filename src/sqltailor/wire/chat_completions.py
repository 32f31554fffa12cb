"""OpenAI's chat completions, the client's side, and streams as a server writes them piece by piece.

The server's side of whole answers is `wire.openai`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from sqltailor.types import Completion, GenerateOptions, Message, Prompt
from sqltailor.wire.openai import DONE, data


def chat_request(prompt: Prompt, options: GenerateOptions) -> dict[str, Any]:
    """Return the body of a request for one prompt."""
    settings: dict[str, Any] = {"max_tokens": options.max_tokens, "temperature": options.temperature}
    if options.top_p != 1:
        settings["top_p"] = options.top_p
    if options.stop:
        settings["stop"] = list(options.stop)
    return {"messages": [{"role": m.role, "content": m.content} for m in prompt.messages], **settings}


def graded_prompt(id: str, messages: Sequence[Message], golds: Sequence[str]) -> dict[str, Any]:
    """Return a line of the prompts of reinforcement fine-tuning: no answer to learn, but the SQL that judges one."""
    turns = [{"role": m.role, "content": m.content} for m in messages]
    return {"id": id, "messages": turns, "reference_answer": golds[0] if len(golds) == 1 else {"sql": list(golds)}}


def graded_sample(row: Mapping[str, Any], answer: str) -> dict[str, Any]:
    """Return an answer to a line of those prompts, as a grader gets it."""
    known = {name: value for name, value in row.items() if name not in ("id", "messages")}
    turns = [*row["messages"], {"role": "assistant", "content": answer}]
    return {"id": row["id"], "messages": turns, "metadata": known}


def chat_completion(answer: Mapping[str, Any], *, total_ms: float) -> Completion:
    """Return what a whole answer says; one that ended otherwise than by itself was cut."""
    choice, usage = answer["choices"][0], answer.get("usage") or {}
    return Completion(
        choice["message"]["content"] or "",
        _stop(choice.get("finish_reason")),
        usage.get("prompt_tokens"),
        usage.get("completion_tokens"),
        None,
        total_ms,
    )


def _stop(reason: str | None) -> Literal["end", "length"]:
    return "end" if reason == "stop" else "length"


def chat_messages(body: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return the messages of a request."""
    return tuple(Message(m["role"], m["content"]) for m in body["messages"])


def chat_options(body: Mapping[str, Any]) -> GenerateOptions:
    """Return how a request wants its answer to be generated."""
    return GenerateOptions(
        max_tokens=body.get("max_tokens") or 512,
        temperature=body.get("temperature", 1.0),
        top_p=body.get("top_p", 1.0),
        stop=tuple(body.get("stop") or ()),
    )


def chat_pieces(
    pieces: Iterable[str | Completion], *, whole: Callable[[Completion], dict[str, Any]]
) -> Iterator[bytes]:
    """Yield the server-sent events of a stream, for pieces of text as they are written and the whole completion last.

    `whole` writes that as a response, of which the stream repeats how it ended and what it took.
    """
    for piece in pieces:
        if isinstance(piece, Completion):
            answer = whole(piece)
            end = {"index": 0, "delta": {}, "finish_reason": answer["choices"][0]["finish_reason"]}
            yield data({"choices": [end], "usage": answer["usage"]}).encode()
            yield DONE.encode()
        elif piece:
            yield data({"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}).encode()


def chat_events(parts: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    r"""Yield the events of a stream, whose parts may break anywhere.

    >>> list(chat_events([b'data: {"a"', b': 1}\n\ndata: [DONE]\n\n']))
    [{'a': 1}]
    """
    waiting = b""
    for part in parts:
        *whole, waiting = (waiting + part).split(b"\n\n")
        for event in whole:
            data = event.removeprefix(b"data:").strip()
            if data and data != b"[DONE]":
                yield json.loads(data)


def event_text(event: Mapping[str, Any]) -> str:
    """Return the text that an event brings."""
    choices = event.get("choices") or ()
    return str((choices[0].get("delta") or {}).get("content") or "") if choices else ""


def completion_of_chat(
    events: Iterable[Mapping[str, Any]], *, first_token_ms: float | None, total_ms: float
) -> Completion:
    """Return what the events of a whole stream say together. A stream without an end was cut."""
    text, reason = "", None
    usage: Mapping[str, int] = {}
    for event in events:
        text += event_text(event)
        for choice in event.get("choices") or ():
            reason = choice.get("finish_reason") or reason
        usage = event.get("usage") or usage
    into, out = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Completion(text, _stop(reason), into, out, first_token_ms, total_ms)
