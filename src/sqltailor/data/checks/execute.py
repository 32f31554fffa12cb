"""Run the gold SQL, on one database or on the database that each row names in a folder of them."""

from __future__ import annotations

import contextlib
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from sqltailor.data.checks.what_helps import own_function
from sqltailor.data.rows import RowError
from sqltailor.database import Database, dialect_of, open_database
from sqltailor.errors import DataError, Refused, SQLError, Timeout
from sqltailor.sql.dialect import load_dialect
from sqltailor.sql.guard import check
from sqltailor.types import Cell, Example, Grant, QueryResult, Schema

MAX_OPEN = 8
ENDINGS = (".sqlite", ".db", ".duckdb")


@dataclass
class Databases:
    """Open databases with their schemas. `location` is a URL, a file, or a folder with one database a `db_id`."""

    location: str
    timeout_s: float = 10.0
    max_rows: int = 10_000
    grant: Grant = field(default_factory=Grant)
    _open: OrderedDict[str, tuple[Database, Schema]] = field(default_factory=OrderedDict)

    def find(self, db_id: str | None) -> tuple[Database, Schema]:
        """Return the open database of a row, and its schema; raises `RowError` when it does not exist."""
        url = self._url(db_id)
        if url not in self._open:
            while len(self._open) >= MAX_OPEN:
                self._open.popitem(last=False)[1][0].close()
            self._open[url] = self._opened(url)
        self._open.move_to_end(url)
        return self._open[url]

    def _opened(self, url: str) -> tuple[Database, Schema]:
        with contextlib.ExitStack() as stack:
            try:
                database = stack.enter_context(
                    open_database(url, timeout_s=self.timeout_s, max_rows=self.max_rows, grant=self.grant)
                )
                found = database, database.read_schema()
            except DataError as e:
                if url == self.location:
                    raise
                raise RowError("unknown_database", str(e)) from e
            stack.pop_all()
        return found

    def _url(self, db_id: str | None) -> str:
        folder = Path(self.location)
        if "://" in self.location or not folder.is_dir():
            return self.location
        db_id = db_id or only_database(folder)
        if not db_id:
            raise RowError("unknown_database", f"the row has no db_id to choose a database in {folder}")
        found = database_file(folder, db_id)
        if found is None:
            raise RowError("unknown_database", f"no database '{db_id}' in {folder}")
        return str(found)

    def close(self) -> None:
        """Close every database."""
        while self._open:
            self._open.popitem()[1][0].close()


def database_file(folder: Path, db_id: str) -> Path | None:
    """Return the file of `db_id` in a folder of databases: `ID/ID.sqlite`, `ID.sqlite`, also `.db`, `.duckdb`."""
    name = Path(db_id).name  # a db_id such as ../../x stays inside the folder
    places = [folder / name / f"{name}{end}" for end in ENDINGS]
    places += [folder / f"{name}{end}" for end in ENDINGS]
    return next((p for p in places if p.is_file()), None)


def only_database(folder: Path) -> str | None:
    """Return the `db_id` of the one database in a folder; None where it holds none or several.

    It stands for rows that name no database.
    """
    names = {f.stem for f in (*folder.glob("*"), *folder.glob("*/*")) if database_file(folder, f.stem) == f}
    return names.pop() if len(names) == 1 else None


def dialect_of_folder(folder: Path) -> str:
    """Return the dialect of the databases in a folder: that of the first. Raises `DataError` where there is none."""
    files = (file for level in ("*", "*/*") for file in sorted(folder.glob(level)) if file.suffix in ENDINGS)
    found = next((dialect_of(str(file)) for file in files if file.is_file()), None)
    if found is None:
        raise DataError(f"{folder} holds no database. It needs DB_ID/DB_ID.sqlite or DB_ID.sqlite (.db, .duckdb).")
    return found


def run_gold(example: Example, databases: Databases) -> list[str]:
    """Run the preferred gold SQL; return warnings, raise `RowError` when it is refused, fails or runs too long."""
    result = _run(example, databases)
    if result is None or result.truncated:
        return ["huge_result"]
    return [] if result.rows else ["empty_result"]


def compare_sides(written: Example, moved: Example, source: Databases, target: Databases) -> None:
    """Run a statement where it came from and, moved to another dialect, where it goes; raise `RowError` if they differ.

    Rows are compared without their order, numbers to six digits; where a result is cut at the limit nothing is said.
    """
    before, after = _run(written, source), _run(moved, target)
    if before is None or after is None or before.truncated or after.truncated:
        return
    if Counter(map(_comparable, before.rows)) != Counter(map(_comparable, after.rows)):
        detail = f"{len(before.rows):,} rows where it came from, {len(after.rows):,} here, and they are not the same"
        raise RowError("differs", detail)


def _comparable(row: tuple[Cell, ...]) -> tuple[Cell, ...]:
    return tuple(float(f"{cell:.6g}") if isinstance(cell, int | float) else cell for cell in row)


def _run(example: Example, databases: Databases) -> QueryResult | None:
    """Return the result of the preferred gold SQL, None when it is too large."""
    database, schema = databases.find(example.db_id)
    sql = example.sql[0]
    # a house dialect knows functions that the database's own name does not tell
    dialect = example.dialect if load_dialect(example.dialect).base == database.dialect else database.dialect
    verdict = check(sql, dialect=dialect, schema=schema, grant=databases.grant)
    if not verdict.allowed:
        raise RowError("refused", f"{verdict.layer}: {verdict.reason}{own_function(verdict)}")
    try:
        return database.run(sql)
    except Timeout as e:
        raise RowError("timeout", str(e)) from e
    except Refused as e:
        if e.layer == "limits":
            return None
        raise RowError("refused", f"{e.layer}: {e}") from e
    except (SQLError, DataError) as e:
        raise RowError("fails", str(e)) from e
