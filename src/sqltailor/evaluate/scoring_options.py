"""How a project has answers scored: on its own database, or on a folder of them, with what the command line says."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqltailor.data.checks.execute import Databases, database_file, only_database
from sqltailor.database.url import locate
from sqltailor.errors import DataError, counted
from sqltailor.evaluate.metrics import metrics_without_database
from sqltailor.evaluate.scoring import Scoring
from sqltailor.project import Project
from sqltailor.prompt.extract import is_declined
from sqltailor.types import Example


@dataclass(frozen=True, slots=True)
class ScoringOptions:
    """How answers are scored, beside what the recipe says.

    `folder` holds one database a `db_id`, in place of the recipe's; `timeout_s` takes the place of
    `evaluate.timeout_s`; the rest: see `Scoring`.
    """

    folder: str | None = None
    fuzz: int = 0
    timeout_s: float | None = None
    columns_in_order: bool = False
    now: datetime | None = None


@contextlib.contextmanager
def scoring_of(project: Project, scoring_options: ScoringOptions) -> Iterator[tuple[Scoring, Databases | None]]:
    """Yield how answers are scored, and the folder of databases; without any, by every metric that needs none."""
    settings = project.recipe.evaluate
    timeout_s = scoring_options.timeout_s or settings.timeout_s
    databases = (
        Databases(scoring_options.folder, timeout_s, grant=project.grant)
        if scoring_options.folder is not None
        else None
    )
    if databases is not None:
        found = Scoring(lambda db_id: databases.find(db_id)[0], project.grant, metrics=settings.metrics)
    elif project.may_run:
        found = Scoring.of(project)
    else:
        computable = metrics_without_database(made_up=scoring_options.fuzz > 0)
        found = Scoring(grant=project.grant, metrics=computable if settings.metrics is None else settings.metrics)
    try:
        yield (
            dataclasses.replace(
                found,
                fuzz=scoring_options.fuzz,
                columns_in_order=scoring_options.columns_in_order,
                timeout_s=timeout_s,
                now=scoring_options.now,
            ),
            databases,
        )
    finally:
        if databases is not None:
            databases.close()


def with_databases(examples: Sequence[Example], options: ScoringOptions) -> list[Example]:
    """Return the examples, each of which names its database where a folder of them is given.

    The only database of a folder is that of all. Raises `DataError` for examples that would not be run, so that no rate
    stands for the others alone; with `fuzz`, those that bring their schemas run on databases made up for them.
    """
    if options.folder is None:
        return list(examples)
    folder, only = Path(options.folder), only_database(Path(options.folder))
    if only is not None:
        return [dataclasses.replace(e, db_id=only) if _is_nameless(e, options) else e for e in examples]
    if nameless := [e for e in examples if _is_nameless(e, options)]:
        first = nameless[0]
        place = f"'{first.id}'" + (f" (line {first.line})" if first.line else "")
        raise DataError(
            f"{len(nameless):,} of {counted(len(examples), 'example')} name no database, the first is {place}, and "
            f"{folder} holds several. Give each row a db_id, or name the database of all: --database FILE."
        )
    return list(examples)


def _is_nameless(example: Example, options: ScoringOptions) -> bool:
    is_made_up = options.fuzz > 0 and example.schema is not None
    return not example.db_id and not is_made_up and not is_declined(example.sql[0])


def stamp(project: Project, scoring_options: ScoringOptions, examples: Sequence[Example]) -> str | None:
    """Return what changes when a database file is replaced or written to; None for servers, which do not tell."""
    url = project.recipe.database.url
    files = [locate(url).path] if url is not None and scoring_options.folder is None else []
    if scoring_options.folder is not None:
        names = sorted({example.db_id for example in examples if example.db_id})
        files = [database_file(Path(scoring_options.folder), name) for name in names]
    states = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files if file is not None]
    return hashlib.sha256(repr(states).encode()).hexdigest()[:16] if states else None
