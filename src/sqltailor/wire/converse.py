"""Bedrock's Converse and ConverseStream: prompts as requests, responses as completions, and the server's side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from sqltailor.types import Completion, GenerateOptions, Message, Prompt
from sqltailor.wire.guardrail_config import INTERVENED, config, refusal

SCHEMA_VERSION = "bedrock-conversation-2024"
STOPS: Mapping[str, Literal["end", "stop"]] = {"end_turn": "end", "stop_sequence": "stop", INTERVENED: "end"}
"""Stop reasons of a whole answer → what a completion calls them; any other means that the answer was cut."""
_REASONS = {"end": "end_turn", "stop": "stop_sequence", "length": "max_tokens"}
Event = tuple[str, dict[str, Any]]
"""Kind and content of an event of a stream."""


def conversation(messages: Sequence[Message]) -> dict[str, Any]:
    """Return messages as `system` and `messages`, the shape of requests and of training records."""
    system = [{"text": m.content} for m in messages if m.role == "system"]
    turns = [{"role": m.role, "content": [{"text": m.content}]} for m in messages if m.role != "system"]
    return ({"system": system} if system else {}) | {"messages": turns}


def training_record(messages: Sequence[Message], answer: str) -> dict[str, Any]:
    """Return one line of a training file: the conversation and the answer to be learned."""
    return {"schemaVersion": SCHEMA_VERSION} | conversation([*messages, Message("assistant", answer)])


def request(model_id: str, prompt: Prompt, options: GenerateOptions) -> dict[str, Any]:
    """Return the parameters of `converse` and `converse_stream` for one prompt."""
    settings: dict[str, Any] = {"maxTokens": options.max_tokens, "temperature": options.temperature}
    if options.top_p != 1:
        settings["topP"] = options.top_p
    if options.stop:
        settings["stopSequences"] = list(options.stop)
    rail = {"guardrailConfig": config(options.guardrail)} if options.guardrail else {}
    return {"modelId": model_id} | conversation(prompt.messages) | {"inferenceConfig": settings} | rail


def completion(response: Mapping[str, Any], *, total_ms: float | None) -> Completion:
    """Return what a response of `converse` says."""
    text = "".join(block.get("text", "") for block in response["output"]["message"]["content"])
    return _completion(text, response["stopReason"], response, None, total_ms)


def _completion(
    text: str, reason: str, measured: Mapping[str, Any], first_token_ms: float | None, total_ms: float | None
) -> Completion:
    """Return an answer. Where a guardrail intervened, its message is the reason, and there is no text."""
    usage, refused = measured.get("usage", {}), None
    if reason == INTERVENED:
        text, refused = "", refusal(text, measured.get("trace", {}).get("guardrail", {}))
    tokens = usage.get("inputTokens"), usage.get("outputTokens")
    return Completion(text, STOPS.get(reason, "length"), *tokens, first_token_ms, total_ms, refused=refused)


def delta_text(event: Mapping[str, Any]) -> str:
    """Return the text that an event of a stream brings, empty for other events."""
    return str(event.get("contentBlockDelta", {}).get("delta", {}).get("text", ""))


def completion_of_events(
    events: Iterable[Mapping[str, Any]], *, first_token_ms: float | None, total_ms: float
) -> Completion:
    """Return what the events of a whole stream say together. A stream without an end was cut."""
    text, reason = "", ""
    measured: Mapping[str, Any] = {}
    for event in events:
        text += delta_text(event)
        reason = event.get("messageStop", {}).get("stopReason", reason)
        measured = event.get("metadata", measured)
    return _completion(text, reason, measured, first_token_ms, total_ms)


def messages_of(body: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return the messages of a request or of a training record."""
    system = "".join(block.get("text", "") for block in body.get("system", ()))
    turns = (
        Message(turn["role"], "".join(block.get("text", "") for block in turn["content"])) for turn in body["messages"]
    )
    return (Message("system", system), *turns) if system else tuple(turns)


def options_of(body: Mapping[str, Any]) -> GenerateOptions:
    """Return how a request wants its answer to be generated; what it does not say is Nova's default."""
    settings = body.get("inferenceConfig", {})
    return GenerateOptions(
        max_tokens=settings.get("maxTokens", 5000),
        temperature=settings.get("temperature", 0.7),
        top_p=settings.get("topP", 0.9),
        stop=tuple(settings.get("stopSequences", ())),
    )


def response(answer: Completion, *, refused: bool = False) -> dict[str, Any]:
    """Return a completion as the response of `converse`; `refused` says that a guard stands in the model's place."""
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": answer.text}]}},
        "stopReason": _reason(answer, refused),
        **_measured(answer),
    }


def events(pieces: Iterable[str | Completion], *, refused: bool = False) -> Iterator[Event]:
    """Yield the events of a stream: for pieces of text as they are written, and the whole completion last."""
    yield "messageStart", {"role": "assistant"}
    for piece in pieces:
        if isinstance(piece, Completion):
            yield "contentBlockStop", {"contentBlockIndex": 0}
            yield "messageStop", {"stopReason": _reason(piece, refused)}
            yield "metadata", _measured(piece)
        elif piece:
            yield "contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}


def _reason(answer: Completion, refused: bool) -> str:
    return INTERVENED if refused else _REASONS[answer.stop]


def _measured(answer: Completion) -> dict[str, Any]:
    into, out = answer.tokens_in or 0, answer.tokens_out or 0
    return {
        "usage": {"inputTokens": into, "outputTokens": out, "totalTokens": into + out},
        "metrics": {"latencyMs": round(answer.total_ms or 0)},
    }
