"""OpenAI's routes. The answer of the model is its SQL, which the guard has judged; no statement runs."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from sqltailor.reply import Reply
from sqltailor.serve.bodies import ChatBody, asked, read_body
from sqltailor.serve.guarded import Guarded, caller_of, last, service_of, unless_gone
from sqltailor.serve.http_faults import HttpFault
from sqltailor.types import Completion
from sqltailor.wire import openai


async def chat_completions(request: Request) -> Response:
    """Answer the last message of a chat. A stream carries the SQL whole: the guard judges whole statements."""
    body = await read_body(request, ChatBody)
    service, (key, name) = service_of(request), caller_of(request)
    check_model(body.model, service.names)
    question, history = asked(body.turns())
    replies = service.replies(key, question, history, request=name, action="chat", run=False)
    reply = await unless_gone(request, last(replies))
    shape: dict[str, Any] = {
        "id": f"chatcmpl-{name}",
        "model": body.model,
        "created": int(time.time()),
        "refused": is_refused(reply),
        "sqltailor": about_answer(reply),
    }
    if not body.stream:
        return JSONResponse(openai.response(told(reply), **shape))
    usage = body.stream_options is not None and body.stream_options.include_usage
    return StreamingResponse(openai.chunks(told(reply), with_usage=usage, **shape), media_type="text/event-stream")


async def models(request: Request) -> Response:
    """Return the names by which the model may be asked."""
    service = service_of(request)
    return JSONResponse(openai.models(service.names, created=service.started))


async def model(request: Request) -> Response:
    """Return one of these names."""
    service, name = service_of(request), request.path_params["model"]
    check_model(name, service.names)
    return JSONResponse(openai.model(name, created=service.started))


def check_model(name: str, names: list[str]) -> None:
    """Raise `HttpFault` 404 for a model that is not served."""
    if name not in names:
        raise HttpFault(404, f"The model '{name}' is not served here. Served: {', '.join(names)}.")


def is_refused(reply: Reply) -> bool:
    """Whether there is a statement, and it may not run, or a guardrail stands in its place."""
    return reply.allowed is False


def told(reply: Reply) -> Completion:
    """Return what a chat client is told: SQL that may run, else a comment that says why there is none."""
    text = reply.sql if reply.sql is not None and reply.allowed else f"-- {reply.reason}"
    return dataclasses.replace(reply.completion, text=text)


def about_answer(reply: Reply) -> dict[str, Any]:
    """Return what clients that know us may want beside the SQL."""
    found = reply.to_json()
    return {
        name: found[name] for name in ("allowed", "layer", "reason", "verified", "confidence", "asks_back", "readings")
    }


ROUTES = (
    Guarded("POST", "/v1/chat/completions", chat_completions, tier="sql"),
    Guarded("GET", "/v1/models", models, tier="ask"),
    Guarded("GET", "/v1/models/{model:path}", model, tier="ask"),
)
