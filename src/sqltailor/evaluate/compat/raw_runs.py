"""Run statements as the scripts of benchmarks run them: the text as it stands, on a SQLite file named by `db_id`.

What those scripts leave to luck is not reproduced: nothing is ever written, a statement that runs too long ends, and
what does more than read is refused and so counts as one that fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

from sqltailor.data.checks.execute import database_file
from sqltailor.database import Database, open_database, sqlite
from sqltailor.database.pipe import Came, Written
from sqltailor.database.process import Child
from sqltailor.database.url import locate
from sqltailor.errors import DataError, SQLError
from sqltailor.types import Example, QueryResult

MAX_ROWS = 1_000_000
MAX_BYTES = 1 << 30
CATALOG_TIMEOUT_S = 30.0
_COLUMNS = (
    "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table' "
    "ORDER BY t.rowid, c.cid"
)


class Case(NamedTuple):
    """One prediction: the example and the text that a model answered."""

    example: Example
    predicted: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What a benchmark says: the scores of each case by metric, what else of each, and what of all, as JSON values.

    A metric is absent from a case where the benchmark's script would stop with an error.
    """

    scores: list[dict[str, float]]
    notes: list[dict[str, Any]]
    totals: dict[str, Any] = field(default_factory=dict)


_located = lru_cache(locate)


class RawRuns:
    """Runs statements on databases by their URL or file; a context manager.

    One process serves all SQLite files, one after another: to start one for each takes longer than most statements.
    """

    def __init__(self) -> None:
        self._files: Child | None = None
        self._others: dict[str, Database] = {}

    def run(self, url: str, sql: str, timeout_s: float) -> QueryResult | None:
        """Return the whole result of a statement; None where it fails."""
        location = _located(url)
        try:
            if location.kind == "sqlite":
                path = str(location.path)
                result = self._process(url).request(sql, timeout_s=timeout_s, max_rows=MAX_ROWS, path=path)
            else:
                if url not in self._others:
                    self._others[url] = open_database(url, max_bytes=MAX_BYTES)
                result = self._others[url].run(sql, timeout_s=timeout_s, max_rows=MAX_ROWS)
        except SQLError:
            return None
        return None if result.truncated else result

    def run_all(self, file: str, statements: Iterable[str], timeout_s: float) -> list[Written | None]:
        """Return all rows of each statement on a SQLite file; None where it fails."""
        limited = [(sql, MAX_ROWS) for sql in statements]
        return _whole(self._process(file).request_all(limited, timeout_s=timeout_s, path=str(_located(file).path)))

    def run_counted(self, file: str, statements: Sequence[tuple[str, int]], timeout_s: float) -> list[Written | None]:
        """Return the rows on a SQLite file where they are as many as stands beside the statement, else None."""
        path = str(_located(file).path)
        return _whole(self._process(file).request_all(statements, timeout_s=timeout_s, path=path, only_full=True))

    def columns(self, file: str) -> dict[str, list[str]]:
        """Return the columns of each table of a SQLite file, in lower case, without views."""
        result = self._process(file).request(
            _COLUMNS, timeout_s=CATALOG_TIMEOUT_S, max_rows=MAX_ROWS, catalog=True, path=str(_located(file).path)
        )
        found: dict[str, list[str]] = {}
        for table, column in result.rows:
            found.setdefault(str(table).lower(), []).append(str(column).lower())
        return found

    def _process(self, file: str) -> Child:
        """Return the process of all SQLite files, opened with this one if it is the first."""
        location = _located(file)
        if location.kind != "sqlite":
            raise DataError(f"{location.shown} is no SQLite file, and this benchmark's script reads no other database.")
        if self._files is None:
            limits = {"shown": location.shown, "timeout_s": CATALOG_TIMEOUT_S, "max_bytes": MAX_BYTES, "lenient": True}
            self._files = Child(sqlite.options(location) | limits)
        return self._files

    def close(self) -> None:
        """End the processes."""
        for database in (self._files, *self._others.values()):
            if database is not None:
                database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def by_database(cases: Sequence[Case], location: str) -> Iterator[tuple[str, list[int]]]:
    """Yield each database that cases name, as a URL or file, with the places of its cases.

    `location` is a folder with one database a `db_id`, or one database for all. Raises `DataError` for a missing one.
    """
    places: dict[str | None, list[int]] = {}
    folder = Path(location) if "://" not in location and Path(location).is_dir() else None
    for place, case in enumerate(cases):
        places.setdefault(case.example.db_id if folder else None, []).append(place)
    for db_id, found in places.items():
        if folder is None:
            yield location, found
            continue
        if db_id is None:
            raise DataError(f"Example '{cases[found[0]].example.id}' has no db_id to choose a database in {folder}.")
        if (file := database_file(folder, db_id)) is None:
            raise DataError(f"{folder} has no database '{db_id}': {folder / db_id / db_id}.sqlite is missing.")
        yield str(file), found


def _whole(found: Iterable[Came | SQLError]) -> list[Written | None]:
    """Return the rows of each statement; None where it failed or has more."""
    return [None if isinstance(came, SQLError) or came.truncated else came.rows for came in found]
