"""The routes of a review. What execution and others say of an answer is told once its reader has marked it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sqltailor.data.examples import to_line
from sqltailor.evaluate.report.sql import Piece, pieces
from sqltailor.evaluate.review.corrections import corrections
from sqltailor.evaluate.review.human_agreement import summary
from sqltailor.evaluate.review.reviews import Answered, Review, Reviews
from sqltailor.serve.bodies import ReviewBody, TryBody, read_body
from sqltailor.serve.guarded import Guarded, unless_gone
from sqltailor.serve.http_faults import HttpFault
from sqltailor.serve.review_service import ReviewService
from sqltailor.serve.web_page import page, page_response

SCRIPTS = (
    *("elements", "theme", "key", "server", "numbers", "table", "statements"),
    *("review_list", "review_answer", "review_start"),
)


async def show_page(request: Request) -> Response:
    """Return the page."""
    return page_response(page("review.html", ("page", "statements", "review"), SCRIPTS))


async def answers(request: Request) -> Response:
    """Return what is reviewed: a line for each answer, with what the reader says of it."""
    reviews, by = _service(request).reviews, request.query_params.get("by", "")
    rows = [_listed(reviews, answered, by) for answered in reviews.answers]
    return JSONResponse({"run": str(reviews.folder), "model": reviews.model, "answers": rows})


def _listed(reviews: Reviews, answered: Answered, by: str) -> dict[str, Any]:
    example, row = answered.example, answered.row
    said = reviews.of(example.id)
    mine = said.get(by)
    return {
        "id": example.id,
        "question": _question(answered),
        "outcome": row["outcome"],
        "mark": mine and mine.mark,
        "disputed": mine is not None and len({review.mark for review in said.values()}) > 1,
    }


async def answer(request: Request) -> Response:
    """Return one question with both statements."""
    service, by = _service(request), request.query_params.get("by", "")
    answered = _answered(service, request.path_params["place"])
    example, predicted = answered.example, answered.row["predicted"]
    has_sql = answered.row["outcome"] not in ("no_sql", "declined")
    return JSONResponse(
        {
            "id": example.id,
            "question": _question(answered),
            "history": [f"{message.role}: {message.content}" for message in example.history],
            "evidence": example.evidence,
            "about": [part for part in (example.db_id, example.difficulty, example.source) if part],
            "gold": [_shown(sql, predicted if has_sql and not i else None) for i, sql in enumerate(example.sql)],
            "predicted": _shown(predicted, example.sql[0] if has_sql else None),
            "start": predicted if has_sql and predicted else example.sql[0],
            **_said(service.reviews, answered, by),
        }
    )


def _shown(sql: str, other: str | None) -> list[Piece]:
    return pieces(sql, other)


def _said(reviews: Reviews, answered: Answered, by: str) -> dict[str, Any]:
    """Return what the reader says of an answer; once there is something, also what execution and others say."""
    said, row = reviews.of(answered.example.id), answered.row
    if by not in said:
        return {"mine": None, "execution": None, "others": []}
    others = [_told(review) for name, review in sorted(said.items()) if name != by]
    told = {"outcome": row["outcome"], "difference": row.get("difference"), "reason": row.get("reason")}
    return {"mine": _told(said[by]), "execution": told, "others": others}


def _told(review: Review) -> Mapping[str, Any]:
    return {
        "by": review.by,
        "mark": review.mark,
        "comment": review.comment,
        "correction": review.correction,
    }


async def results(request: Request) -> Response:
    """Return the results of both statements."""
    service = _service(request)
    answered = _answered(service, request.path_params["place"])
    return JSONResponse(await unless_gone(request, service.results(answered)))


async def run(request: Request) -> Response:
    """Run a statement that a reviewer wrote."""
    body, service = await read_body(request, TryBody), _service(request)
    ran = await unless_gone(request, service.run(_answered(service, body.place), body.sql))
    return JSONResponse(ran.to_json())


async def review(request: Request) -> Response:
    """Keep what a reviewer says; SQL that they wrote must run first, where there is a database."""
    body, service = await read_body(request, ReviewBody), _service(request)
    answered = _answered(service, body.place)
    if body.correction is not None:
        ran = await unless_gone(request, service.run(answered, body.correction))
        if not ran.verdict.allowed or ran.verdict.reason is not None:
            return JSONResponse({"kept": False, "layer": ran.verdict.layer, "reason": ran.verdict.reason})
    example, row = answered.example, answered.row
    service.reviews.add(
        Review(
            example.id,
            service.reviews.model,
            body.by,
            body.mark,
            row["predicted"],
            comment=body.comment.strip(),
            correction=body.correction,
        )
    )
    listed = _listed(service.reviews, answered, body.by)
    return JSONResponse({"kept": True, "listed": listed, **_said(service.reviews, answered, body.by)})


async def show_summary(request: Request) -> Response:
    """Return how far reviewers agree with each other, and with execution."""
    return JSONResponse(summary(_service(request).reviews))


async def download(request: Request) -> Response:
    """Return the corrections as examples to train on."""
    found = corrections(_service(request).reviews)
    headers = {"Content-Disposition": 'attachment; filename="corrections.jsonl"'}
    return Response("".join(map(to_line, found.examples)), headers=headers, media_type="application/jsonl")


def _service(request: Request) -> ReviewService:
    service: ReviewService = request.app.state.service
    return service


def _answered(service: ReviewService, place: int) -> Answered:
    answers = service.reviews.answers
    if place >= len(answers):
        raise HttpFault(404, f"There are {len(answers):,} answers; their places begin with 0.")
    return answers[place]


def _question(answered: Answered) -> str:
    return answered.example.question or str(dict(answered.example.spec or {}))


ROUTES = (
    Guarded("GET", "/", show_page, tier="public"),
    Guarded("GET", "/answers", answers, tier="edit"),
    Guarded("GET", "/answers/{place:int}", answer, tier="edit"),
    Guarded("GET", "/answers/{place:int}/results", results, tier="edit"),
    Guarded("POST", "/run", run, tier="edit"),
    Guarded("POST", "/review", review, tier="edit"),
    Guarded("GET", "/summary", show_summary, tier="edit"),
    Guarded("GET", "/corrections", download, tier="edit"),
)
