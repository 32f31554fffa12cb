"""Make new pairs from existing ones: reworded questions, questions for logged SQL, new proposals, or swapped values.

Only swapping values needs no model. A new pair counts as wrong until it passes the checks: of a question, its text, its
values, and that it is not a copy; of SQL, the parser, the guard, a run with an informative result, and, where a model
wrote it, the round trip, in which a checker answers the question by SQL of its own that gives the same result.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict, Unpack, get_args

from sqltailor.augment.augmentation import (
    AugmentResult,
    AugmentRun,
    RoundTrip,
    beside,
    check_out,
    limited,
    write_results,
)
from sqltailor.augment.journal import Journal, Model
from sqltailor.augment.question_checks import MADE_REASONS, Known
from sqltailor.augment.statement_fitness import Trial
from sqltailor.augment.tasks import (
    TOKENS,
    USUAL_N,
    WITHOUT_MODEL,
    How,
    Request,
    back_translations,
    proposals,
    proposed,
    rewrites,
    worded,
)
from sqltailor.augment.variants import variants
from sqltailor.data.querylog.reader import LogReader
from sqltailor.data.rows import Reject
from sqltailor.database import open_database
from sqltailor.errors import ConfigError, unknown
from sqltailor.evaluate.scorer import Scorer
from sqltailor.evaluate.scoring import Scoring
from sqltailor.generate import load, token_counter
from sqltailor.naming.values import read_values
from sqltailor.project import Project, opened
from sqltailor.types import Cell, GenerateOptions

if TYPE_CHECKING:
    from sqltailor.database import Database
    from sqltailor.recipe import Recipe

__all__ = ["MADE_REASONS", "AugmentOptions", "AugmentResult", "How", "augment"]

USUAL_LIMIT = 100
"""Requests of `propose`, which has no end of its own."""


class AugmentOptions(TypedDict, total=False):
    """How the model is asked.

    - `n`: what one request asks for: wordings, questions, pairs; default `USUAL_N`
    - `limit`: requests; default all, and `USUAL_LIMIT` where there is no end
    - `temperature`, and `max_tokens` of an answer; default `TOKENS` for each of `n`
    - `seed`: of the requests and of the model's draws
    """

    n: int | None
    limit: int | None
    temperature: float
    max_tokens: int | None
    seed: int


def augment(
    how: How,
    sources: Sequence[str],
    out: str | Path,
    *,
    recipe: Recipe | Project,
    model: str | None = None,
    checker: str | None = None,
    also_on: Sequence[str] = (),
    progress: Callable[[int], None] = lambda made: None,
    **asking: Unpack[AugmentOptions],
) -> AugmentResult:
    """Make examples and write those that pass every filter to `out`; returns the counts.

    `how`: `rewrite` words the questions of files of examples anew, `back-translate` writes questions for the queries
    of logs (`data.querylog`), `propose` invents pairs over the schema, unlike those in `sources`, if any: all by
    `model`.
    `values` asks the questions of files of examples about other stored values, and `follow` asks them so after the
    first, in few words, both without a model. `checker` makes
    the round trip (default: `model` itself; `rewrite` has one only when it is named), which must hold on the
    databases `also_on`, too. Rejects go to
    `NAME.rejects.jsonl`, every answer to `NAME.answers.jsonl`, from which a run that was ended goes on. Raises
    `ConfigError` for a wrong `how` or a missing source, model or database, `DataError` when `out` is another's file,
    `BackendError` when the model fails.
    """
    if how not in get_args(How):
        raise ConfigError(unknown("way to make pairs", how, get_args(How)))
    if how != "propose" and not sources:
        what = "a query log" if how == "back-translate" else "a file of examples"
        raise ConfigError(f"'{how}' starts from {what}: name one.")
    if how in WITHOUT_MODEL and (model or checker or also_on):
        raise ConfigError(f"'{how}' asks no model: leave out --model, --checker and --also-on.")
    if how not in WITHOUT_MODEL and model is None:
        raise ConfigError("Which model shall write? Give --model REF, such as hf:Qwen/Qwen3-4B-Instruct-2507.")
    out = Path(out)
    check_out(out, sources)
    with contextlib.ExitStack() as stack:
        project = stack.enter_context(opened(recipe))
        if model is None:
            n, limit, seed = asking.get("n") or USUAL_N[how], asking.get("limit"), asking.get("seed", 0)
            made = variants(sources, project, _trial(project), n, limit, seed, follows=how == "follow")
            return write_results(made, out, progress)
        needs_database = how != "rewrite" or checker is not None
        database = project.runnable if needs_database else None
        also = [_like(database, stack.enter_context(open_database(url))) for url in also_on]
        models = Models(model, checker, Journal(beside(out, "answers")))
        making = _making(how, project, [database, *also] if database else [], models, asking)
        requests = _requests(how, sources, project, making, asking)
        limit = asking.get("limit") or (USUAL_LIMIT if how == "propose" else None)
        return write_results(making.results(limited(requests, limit)), out, progress)


def _like(database: Database | None, other: Database) -> Database:
    """Return a further database of the round trip, or raise `ConfigError` where it cannot be one."""
    if database is None:
        raise ConfigError(f"{other.url_shown} is for the round trip, and there is none: name a checker.")
    if other.dialect != database.dialect:
        raise ConfigError(
            f"{other.url_shown} speaks {other.dialect}, not {database.dialect}: it cannot run the same SQL."
        )
    return other


class Models(NamedTuple):
    """Who writes, who checks, and where their answers are kept."""

    writer: str
    checker: str | None
    journal: Journal


def _making(
    how: How, project: Project, databases: Sequence[Database], models: Models, asking: AugmentOptions
) -> AugmentRun:
    batch = project.recipe.generate.batch
    writer = Model(models.writer, load(models.writer, batch=batch))
    trip = _round_trip(project, writer, models.checker, databases) if databases else None
    trial = _trial(project) if databases and how != "rewrite" else None
    n = asking.get("n") or USUAL_N[how]
    made = _provenance(how, models.writer, trip)
    read = functools.partial(proposed if how == "propose" else worded, n=n, made=made)
    longest = asking.get("max_tokens") or TOKENS[how] * n
    options = GenerateOptions(longest, asking.get("temperature", 0.7), seed=asking.get("seed", 0))
    return AugmentRun(how, writer, models.journal, Known(), read, options, batch, trial, trip)


def _requests(
    how: How, sources: Sequence[str], project: Project, making: AugmentRun, asking: AugmentOptions
) -> Iterator[Request | Reject]:
    trial, n, seed = making.trial, asking.get("n") or USUAL_N[how], asking.get("seed", 0)
    if trial is None:
        return rewrites(sources, project.recipe, making.known, n)
    if how == "propose":
        return proposals(sources, project.recipe, making.known, trial, project.granted, n, seed)
    reader = LogReader(
        trial.dialect,
        trial.schema,
        trial.database,
        grant=trial.grant,
        personal=project.recipe.database.sample_personal,
        seed=seed,
        values=trial.values,
    )
    return back_translations(sources, reader, trial, n)


def _trial(project: Project) -> Trial:
    database, settings = project.runnable, project.recipe

    def rows(sql: str) -> list[tuple[Cell, ...]]:
        return database.run(sql, timeout_s=30).rows

    # of what is granted: the database itself refuses the rest
    values = read_values(project.granted, rows, database.dialect, personal=settings.database.sample_personal)
    return Trial(database, project.schema, values, project.dialect, project.grant, settings.evaluate.timeout_s)


def _round_trip(project: Project, model: Model, checker: str | None, databases: Sequence[Database]) -> RoundTrip:
    recipe = project.recipe
    reference = checker or model.reference
    same = reference in (model.reference, "gold")
    asked = Model(reference, model.generate if same else load(reference, batch=recipe.generate.batch))
    ask = project.prompts(reference, token_counter(asked.generate))
    limits = recipe.evaluate.timeout_s
    first, *also = [Scorer(Scoring(d, project.grant, limits, metrics=["execution"])) for d in databases]
    options = GenerateOptions(recipe.generate.max_tokens, seed=0)
    return RoundTrip(asked, ask, first, project.schema, options, also)


def _provenance(how: How, model: str, trip: RoundTrip | None) -> str:
    what = {"rewrite": "reworded", "back-translate": "question written", "propose": "proposed"}[how]
    return f"{what} by {model}" + (f", checked by {trip.model.reference}" if trip else "")
