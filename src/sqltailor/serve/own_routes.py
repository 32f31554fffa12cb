"""Our own routes: ask, run a statement, what the page needs to know, feedback, and how the server does."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from sqltailor.reply import Reply
from sqltailor.serve.bodies import AskBody, FeedbackBody, RunBody, read_body
from sqltailor.serve.counters import CONTENT_TYPE_LATEST
from sqltailor.serve.feedback import keep
from sqltailor.serve.guarded import Guarded, caller_of, last, service_of, unless_gone
from sqltailor.serve.http_faults import HttpFault
from sqltailor.serve.understood import starters, understood
from sqltailor.sql.schema import to_json, without_samples
from sqltailor.types import Message, Schema


async def ask(request: Request) -> Response:
    """Answer a question: whole, or in two lines of JSON, when the SQL is written and when it has run."""
    body = await read_body(request, AskBody)
    if (body.question is None) == (body.spec is None):
        raise HttpFault(400, 'Give a question, {"question": "How many orders are there?"}, or a spec.')
    service, (key, name) = service_of(request), caller_of(request)
    question = body.question if body.question is not None else body.spec
    assert question is not None
    history = [Message(turn.role, turn.content) for turn in body.history]
    replies = service.replies(key, question, history, request=name, action="ask", run=body.run, values=body.values)
    if not body.stream:
        return JSONResponse(await unless_gone(request, _shown_last(request, body, replies)))
    first = await unless_gone(request, _first(replies))  # so that a refusal still has its status
    return StreamingResponse(_lines(request, body, first, replies), media_type="application/x-ndjson")


async def _first(replies: AsyncIterator[Reply]) -> Reply:
    return await anext(replies)


async def _shown_last(request: Request, body: AskBody, replies: AsyncIterator[Reply]) -> dict[str, Any]:
    return await _shown(request, body, await last(replies))


async def _lines(request: Request, body: AskBody, first: Reply, replies: AsyncIterator[Reply]) -> AsyncIterator[str]:
    yield json.dumps({"stage": "written", **_of_rights(request, first)}, ensure_ascii=False) + "\n"
    try:
        shown = await _shown(request, body, await last(replies, first))
    except HttpFault as e:
        shown = {"error": e.message}
    yield json.dumps({"stage": "done", **shown}, ensure_ascii=False) + "\n"


async def _shown(request: Request, body: AskBody, reply: Reply) -> dict[str, Any]:
    """Return what a caller may see of an answer, with what was understood of the question."""
    service, (key, _) = service_of(request), caller_of(request)
    found = _of_rights(request, reply)
    question = body.question
    if question is not None:
        project = (await service.open(key)).project
        with_values = "rows" in key.rights and body.values is None  # else those of the question do not stand behind it

        def read() -> dict[str, Any]:
            return understood(project, question, reply.sql, with_values=with_values)

        found["understood"] = await service.with_database(read)
    return found


def _of_rights(request: Request, reply: Reply) -> dict[str, Any]:
    service, (key, _) = service_of(request), caller_of(request)
    found = reply.to_json()
    found["needs_approval"] = service.options.approve and bool(reply.allowed) and reply.result is None
    if "sql" not in key.rights:
        found |= {"sql": None, "readings": []}
    return found


async def run(request: Request) -> Response:
    """Run a statement that a person wrote or approved, under the guard that judges a model's."""
    body = await read_body(request, RunBody)
    service, (key, name) = service_of(request), caller_of(request)
    ran = await unless_gone(request, service.run(key, body.sql, body.question, request=name, action="run"))
    return JSONResponse({"sql": body.sql, **ran.to_json()})


async def feedback(request: Request) -> Response:
    """Keep what a person says of an answer; what shall be learned from runs first."""
    body = await read_body(request, FeedbackBody)
    service, (key, name) = service_of(request), caller_of(request)
    if body.correction is not None and "edit" not in key.rights:
        raise HttpFault(403, f"The role '{key.role}' may not correct SQL.")
    return JSONResponse(await keep(service, body, key, request=name))


async def about(request: Request) -> Response:
    """Return what the page needs to begin: the model, what the caller may do, and questions to start with."""
    service, (key, _) = service_of(request), caller_of(request)
    project = (await service.open(key)).project
    found = await service.with_database(lambda: starters(project))
    return JSONResponse(
        {
            "model": service.model,
            "dialect": project.dialect,
            "name": key.name,
            "rights": sorted(key.rights),
            "approve": service.options.approve,
            "starters": found,
        }
    )


async def schema(request: Request) -> Response:
    """Return the tables and columns that the caller's statements may name."""
    service, (key, _) = service_of(request), caller_of(request)
    granted = (await service.open(key)).project.granted
    tables = (dataclasses.replace(table, query=None) for table in granted.tables)  # it may name what is denied
    shown = Schema(tuple(tables))
    return JSONResponse(to_json(shown if "rows" in key.rights else without_samples(shown)))


async def healthz(request: Request) -> Response:
    """Say that the server is alive."""
    return JSONResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Say whether another question would be taken: the model is open, and its queue has room."""
    is_ready = service_of(request).is_ready
    return JSONResponse({"status": "ready" if is_ready else "busy"}, status_code=200 if is_ready else 503)


async def metrics(request: Request) -> Response:
    """Return what Prometheus reads."""
    return Response(service_of(request).counters.text(), media_type=CONTENT_TYPE_LATEST)


ROUTES = (
    Guarded("POST", "/ask", ask, tier="ask"),
    Guarded("POST", "/run", run, tier="edit"),
    Guarded("POST", "/feedback", feedback, tier="ask"),
    Guarded("GET", "/about", about, tier="ask"),
    Guarded("GET", "/schema", schema, tier="ask"),
    Guarded("GET", "/healthz", healthz, tier="public"),
    Guarded("GET", "/readyz", readyz, tier="public"),
    Guarded("GET", "/metrics", metrics, tier="own"),
)
