"""Serve the page on which people review the answers of an evaluation."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from sqltailor.evaluate.review.both_results import BothResults
from sqltailor.evaluate.review.reviews import Reviews
from sqltailor.evaluate.scoring_options import ScoringOptions, scoring_of
from sqltailor.project import Project
from sqltailor.recipe import Recipe
from sqltailor.runs import read_json
from sqltailor.serve.http_server import listen, need_server, serve_app
from sqltailor.serve.options import ServeOptions

if TYPE_CHECKING:
    from sqltailor.serve.review_service import ReviewService

LONGEST_S = 60.0
"""A reader waits so long for results at most, whatever the limits of the statements."""


def serve_review(
    recipe: Recipe, folder: str | None, reviews: Reviews, *, port: int, on_ready: Callable[[str], None]
) -> None:
    """Serve a review on this machine until SIGINT or SIGTERM; `folder` holds one database a `db_id`.

    Statements run on the recipe's database or the folder's, as in an evaluation. Raises as `serve` does.
    """
    need_server()
    from sqltailor.serve.app import behind_gate
    from sqltailor.serve.review_routes import ROUTES

    options = ServeOptions(port=port, rate_per_minute=0, timeout_s=LONGEST_S)
    listener = listen(options)
    with review_service(recipe, folder, reviews, options) as service:
        serve_app(behind_gate(service, ROUTES), listener, options, on_ready=on_ready)


@contextlib.contextmanager
def review_service(
    recipe: Recipe, folder: str | None, reviews: Reviews, options: ServeOptions
) -> Iterator[ReviewService]:
    """Yield what answers for the routes of a review, with the databases open."""
    from sqltailor.serve.review_service import ReviewService

    about = read_json(reviews.folder / "evaluation.json")
    with Project(recipe) as project, scoring_of(project, ScoringOptions(folder)) as (scoring, _):
        now = datetime.fromisoformat(about["now"]) if "now" in about else None
        scoring = dataclasses.replace(scoring, quoted_text=about.get("quoted_text", False), now=now)
        schema = project.schema if recipe.database.schema_file is not None else None
        yield ReviewService(reviews, BothResults(scoring, schema), project.grant, options)
