"""The routes of the evaluation pages, for owners whose key may see all that the recipe grants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sqltailor.serve.bodies import EvaluationView, JobBody, read_body, read_query
from sqltailor.serve.evaluations import Evaluations
from sqltailor.serve.guarded import Guarded, caller_of, service_of
from sqltailor.serve.http_faults import HttpFault
from sqltailor.serve.web_page import page, page_response
from sqltailor.types import Grant

SCRIPTS = (
    *("elements", "theme", "key", "server", "numbers", "table", "statements"),
    *("evaluation_list", "evaluation_job", "evaluation_view", "evaluation_question", "evaluation_start"),
)


async def show_page(request: Request) -> Response:
    """Return the page. It holds nothing of an evaluation: what it shows, it asks for with a key."""
    return page_response(page("evaluations.html", ("page", "statements", "evaluations"), SCRIPTS))


async def listed(request: Request) -> Response:
    """Return all runs with their evaluations, and how the one does that was started here."""
    job = service_of(request).job.to_json()
    return await _read(request, lambda found: found.listed() | {"job": job})


async def view(request: Request) -> Response:
    """Return one evaluation, or two side by side."""
    wanted = read_query(request, EvaluationView)
    return await _read(request, lambda found: found.view(wanted))


async def question(request: Request) -> Response:
    """Return one question with its answers."""
    wanted = read_query(request, EvaluationView)
    return await _read(request, lambda found: found.question(wanted))


async def start_job(request: Request) -> Response:
    """Start an evaluation of the model that is served."""
    _check_sees_all(request)
    body, job = await read_body(request, JobBody), service_of(request).job
    job.start(body.limit)
    return JSONResponse(job.to_json(), 202)


async def stop_job(request: Request) -> Response:
    """Stop the evaluation that runs."""
    _check_sees_all(request)
    job = service_of(request).job
    job.stop()
    return JSONResponse(job.to_json())


async def job_state(request: Request) -> Response:
    """Return how the evaluation does that was started last."""
    _check_sees_all(request)
    return JSONResponse(service_of(request).job.to_json())


async def _read(request: Request, read: Callable[[Evaluations], dict[str, Any]]) -> Response:
    _check_sees_all(request)
    service = service_of(request)
    return JSONResponse(await service.with_files(lambda: read(service.evaluations)))


def _check_sees_all(request: Request) -> None:
    key = caller_of(request).key
    if key.grant != Grant():
        raise HttpFault(
            403, f"The key '{key.name}' may see some tables only, and evaluations hold questions about all of them."
        )


ROUTES = (
    Guarded("GET", "/evaluations", show_page, tier="public"),
    Guarded("GET", "/evaluations/list", listed, tier="own"),
    Guarded("GET", "/evaluations/view", view, tier="own"),
    Guarded("GET", "/evaluations/question", question, tier="own"),
    Guarded("GET", "/evaluations/job", job_state, tier="own"),
    Guarded("POST", "/evaluations/job", start_job, tier="own"),
    Guarded("POST", "/evaluations/job/stop", stop_job, tier="own"),
)
