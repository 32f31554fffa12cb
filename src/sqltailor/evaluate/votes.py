"""A model with votes and repair: what its statements come to on the project's database decides."""

from __future__ import annotations

from collections.abc import Hashable

from sqltailor.errors import Refused, SQLError, Timeout
from sqltailor.evaluate.metrics.results import plain
from sqltailor.generate.choose import Ballot, BallotOf, choosing
from sqltailor.generate.guarding import guarding
from sqltailor.generate.repair import repairing
from sqltailor.project import Project
from sqltailor.prompt.extract import extract
from sqltailor.sql.dialect import comparable
from sqltailor.sql.guard import check
from sqltailor.types import Cell, Generate, QueryResult

DIGITS = 9
"""Significant digits to which numbers with a fraction are compared: another order of summation is no other answer."""


def with_votes(generate: Generate, project: Project) -> Generate:
    """Return a model that votes and repairs as often as its options say, by results on a project's database.

    Results are remembered: what asks while the database changes takes a new one for each question.
    """
    ballot_of = ballots_of(project)
    return repairing(choosing(guarding(generate), ballot_of), ballot_of)


def ballots_of(project: Project) -> BallotOf:
    """Return how a project's answers are counted: by the rows of what the guard allows, else by the statement.

    Rows are a bag: their order, and the names of columns, make no difference. A declined answer counts as one.
    """
    seen: dict[str, Ballot] = {}

    def ballot_of(text: str) -> Ballot:
        sql, declined = extract(text, project.dialect)
        if sql is None:
            return Ballot(("declined",)) if declined is not None else Ballot(("no SQL",), "failed")
        if sql not in seen:
            seen[sql] = _counted(project, sql)
        return seen[sql]

    return ballot_of


def _counted(project: Project, sql: str) -> Ballot:
    verdict = check(sql, dialect=project.dialect, schema=project.schema, grant=project.grant)
    if not verdict.allowed:
        return Ballot((sql,), "failed", verdict.reason)
    if not project.may_run:
        return Ballot((comparable(sql, project.dialect),))
    try:
        return ballot(project.database.run(sql))
    except (Refused, Timeout):  # in other words it would be no better
        return Ballot((sql,), "failed")
    except SQLError as e:
        return Ballot((sql,), "failed", str(e))


def ballot(result: QueryResult) -> Ballot:
    """Return what a result counts for: its rows as a bag.

    >>> a, b = QueryResult(("n",), [(2,), (1.0,)]), QueryResult(("k",), [(1,), (2,)])
    >>> ballot(a) == ballot(b), ballot(QueryResult(("n",), [(None,)])).kind
    (True, 'nothing')
    """
    rows = sorted((tuple(map(_cell, row)) for row in result.rows), key=repr)
    says_nothing = all(cell in (None, 0) for row in rows for cell in row)
    return Ballot((len(result.columns), result.truncated, tuple(rows)), "nothing" if says_nothing else "rows")


def _cell(cell: Cell) -> Hashable:
    value = plain(cell)
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
