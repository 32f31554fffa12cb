"""Bedrock Runtime's routes, for boto3 with another endpoint. An ARN in the path may hold slashes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from sqltailor.reply import Reply
from sqltailor.serve.bodies import ConverseBody, asked, read_body
from sqltailor.serve.guarded import Guarded, caller_of, last, service_of, unless_gone
from sqltailor.serve.openai_routes import check_model, is_refused, told
from sqltailor.wire.converse import events, response
from sqltailor.wire.eventstream import CONTENT_TYPE, event


async def converse(request: Request) -> Response:
    """Answer the last message of a conversation; InvokeModel has the same body and response, as with Nova."""
    reply = await _reply(request)
    return JSONResponse(response(told(reply), refused=is_refused(reply)))


async def converse_stream(request: Request) -> Response:
    """Answer as events."""
    reply = await _reply(request)
    frames = (event(kind, value) for kind, value in _events(reply))
    return StreamingResponse(frames, media_type=CONTENT_TYPE)


async def invoke_stream(request: Request) -> Response:
    """Answer as events, each packed into a chunk."""
    reply = await _reply(request)
    packed = (base64.b64encode(json.dumps({kind: value}).encode()).decode() for kind, value in _events(reply))
    return StreamingResponse((event("chunk", {"bytes": part}) for part in packed), media_type=CONTENT_TYPE)


def _events(reply: Reply) -> Iterator[tuple[str, dict[str, object]]]:
    whole = told(reply)
    return events([whole.text, whole], refused=is_refused(reply))


async def _reply(request: Request) -> Reply:
    body = await read_body(request, ConverseBody)
    service, (key, name) = service_of(request), caller_of(request)
    check_model(request.path_params["model"], service.names)
    question, history = asked(body.turns())
    return await unless_gone(
        request, last(service.replies(key, question, history, request=name, action="converse", run=False))
    )


ROUTES = (
    Guarded("POST", "/model/{model:path}/converse", converse, tier="sql"),
    Guarded("POST", "/model/{model:path}/converse-stream", converse_stream, tier="sql"),
    Guarded("POST", "/model/{model:path}/invoke", converse, tier="sql"),
    Guarded("POST", "/model/{model:path}/invoke-with-response-stream", invoke_stream, tier="sql"),
)
