"""Any files in, one checked data set out: train, validation and test parts, rejects, and a data card."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack

from sqltailor.data.checks.example import Statements
from sqltailor.data.dataset.data_card import card_of, write_card
from sqltailor.data.dataset.deduplicate import Copy, Ledger, find_copies
from sqltailor.data.dataset.kept_rows import KeptRows
from sqltailor.data.dataset.overlap import Tests, read_tests
from sqltailor.data.dataset.part_files import write_parts
from sqltailor.data.dataset.row_checker import Item, Probe, Settings
from sqltailor.data.dataset.split import PARTS, Split, split_rows
from sqltailor.data.readers import Source, open_source
from sqltailor.data.rows import Reject, Row
from sqltailor.database import dialect_of, is_warehouse
from sqltailor.database.url import mask
from sqltailor.errors import ConfigError, DataError, counted
from sqltailor.runs import read_json
from sqltailor.types import Grant, Schema

logger = logging.getLogger(__name__)

FilePath = str | os.PathLike[str]


class Options(TypedDict, total=False):
    """What `import_data` and `check_data` both take.

    - `format, mapping, tables`: see `read_examples`; `dialect`: of the SQL, default the database's
    - `from_dialect`: what the SQL in the files is written in, where it is to be moved to `dialect`
    - `from_database`: where it ran until now; what gives another result on `database` is rejected as `differs`
    - `database`: URL, file, or a folder with one database a `db_id`; gives names to check, and runs the gold SQL
    - `schema`: names to check where there is no database and a row has no schema; `grant`: what gold SQL may name
    - `statements`: `select`, or `dml` to take INSERT, UPDATE and DELETE as text (nothing is run then)
    - `run` False: names are checked, nothing is run; `timeout_s` and `max_rows`: limits of each statement
    - `near`: similarity from which questions are near-duplicates, None keeps them (`deduplicate.find_copies`)
    - `against`: test files; rows that also stand there are rejected as `in_test`
    - `probe`: reruns gold SQL in other ways, to see whether it means what it seems to: `smells.jsonl`
    - `workers`: processes, default one a core
    """

    format: str | None
    mapping: Mapping[str, str] | None
    dialect: str | None
    from_dialect: str | None
    from_database: str | None
    tables: FilePath | None
    database: str | None
    schema: Schema | None
    grant: Grant
    statements: Statements
    run: bool
    timeout_s: float
    max_rows: int
    near: float | None
    against: Sequence[FilePath]
    probe: Probe | None
    workers: int | None


@dataclass(frozen=True)
class ImportSummary:
    """What an import or a check did: `read == kept + rejected`, `rejected == sum(reasons.values())`.

    `warnings` counts what is told about rows that were kept; `parts` has the sizes of the written parts.
    """

    read: int
    kept: int
    rejected: int
    reasons: Mapping[str, int]
    warnings: Mapping[str, int]
    parts: Mapping[str, int]
    split_by: str | None
    out: str

    def to_json(self) -> dict[str, Any]:
        """Return the JSON shape of `data import --json` and `data check --json`."""
        return dataclasses.asdict(self)


def import_data(
    sources: Sequence[FilePath],
    out: FilePath,
    *,
    by: str | None = None,
    seed: int = 0,
    validation_share: float = 0.1,
    test_share: float = 0.1,
    **options: Unpack[Options],
) -> ImportSummary:
    """Read files in any known format, check every row, drop copies, split, and write the data set to `out`.

    Writes `train.jsonl validation.jsonl test.jsonl rejects.jsonl card.json card.html`, each whole or not at all. An
    earlier import there is replaced, with a warning; parts that no import made are not (`DataError`).
    `by, seed, validation_share, test_share`: see `split_rows`; the rest: `Options`. Raises `DataError` for a file
    that cannot be read at all; a bad row is a reject, never an error.
    """
    split = functools.partial(split_rows, by=by, seed=seed, validation_share=validation_share, test_share=test_share)
    return _process(sources, Path(out), split, **options)


def check_data(path: FilePath, out: FilePath, **options: Unpack[Options]) -> ImportSummary:
    """Check one file as `import_data` does; write `rejects.jsonl card.json card.html` to `out`, and no parts.

    With `probe`, also `smells.jsonl`: a line for each smell, with the statement that was run instead.
    """
    return _process([path], Path(out), None, **options)


def _process(
    sources: Sequence[FilePath],
    out: Path,
    split_by: Callable[..., Split] | None,
    *,
    format: str | None = None,
    mapping: Mapping[str, str] | None = None,
    dialect: str | None = None,
    tables: FilePath | None = None,
    near: float | None = 0.8,
    against: Sequence[FilePath] = (),
    workers: int | None = None,
    **settings: Any,
) -> ImportSummary:
    checks = _settings(**settings)
    dialect = dialect or _dialect_of(checks.database)
    opened = [open_source(path, format, mapping, dialect, tables) for path in sources]
    before = _replaced(out, sources) if split_by else ""
    tests = read_tests(against, schema=checks.schema, dialect=dialect) if against else None
    counts: Counter[str] = Counter()
    with _working_folder(out) as folder, KeptRows(folder) as kept:
        kept.take(_items(opened, counts), checks, workers=workers)
        removed = find_copies(kept.ledger, kept.question, near=near) | _in_tests(kept.ledger, tests)
        kept.count(removed)
        split = split_by(kept.ledger, without=removed) if split_by else None
        runs_shared = write_parts(kept, folder, removed, split, tests)
        card = card_of(kept, removed, sources=counts, split=split, tests=tests, runs_shared=runs_shared)
        written = [*write_card(folder, card), "rejects.jsonl", *(f"{part}.jsonl" for part in reversed(PARTS) if split)]
        written += ["smells.jsonl"] if checks.probe is not None else []
        kept.close()
        for name in written:
            os.replace(folder / name, out / name)
    if before:
        logger.warning("%s held an import of %s: it was replaced", out, before)
    return ImportSummary(
        **{name: card[name] for name in ("read", "kept", "rejected", "reasons", "warnings")},
        parts=split.sizes if split else {},
        split_by=split.by if split else None,
        out=os.fspath(out),
    )


def _replaced(out: Path, sources: Sequence[FilePath]) -> str:
    """Return what an earlier import into a folder read; raise `DataError` for parts there that no import made.

    An import puts its card in place first, and train.jsonl last.
    """
    held = [path for part in PARTS if (path := out / f"{part}.jsonl").exists()]
    read = {Path(source).resolve() for source in sources}
    for path in held:
        if path.resolve() in read:
            raise DataError(f"{path} is read and would be replaced by a part of itself. Next: --out another folder")
    card = read_json(out / "card.json") if (out / "card.json").is_file() else {}
    if held and not card.get("split"):
        raise DataError(
            f"{held[0]} exists, and no import made it: it is not replaced. Next: move it, or --out another folder"
        )
    return ", ".join(f"{name} ({counted(rows, 'row')})" for name, rows in card["sources"].items()) if held else ""


def _settings(**settings: Any) -> Settings:
    """Return what rows are checked against; a database that SQL comes from decides its dialect."""
    checks = Settings(**settings)
    if checks.database is not None and is_warehouse(checks.database):
        logger.warning("nothing is run on %s: of its SQL only the names are checked", mask(checks.database))
        checks = dataclasses.replace(checks, run=False)
    if checks.from_database is None:
        return checks
    if checks.database is None:
        raise ConfigError("`from_database` says where the SQL ran until now; name the database it goes to as well.")
    return dataclasses.replace(checks, from_dialect=checks.from_dialect or _dialect_of(checks.from_database))


def _items(opened: list[tuple[Source, Iterator[Row | Reject]]], counts: Counter[str]) -> Iterator[Item]:
    for source, rows in opened:
        for row in rows:
            counts[source.name] += 1
            yield source, row


def _dialect_of(database: str | None) -> str:
    return dialect_of(database) if database and not Path(database).is_dir() else "sqlite"


def _in_tests(ledger: Ledger, tests: Tests | None) -> dict[int, Copy]:
    if tests is None:
        return {}
    return {row: Copy(row, "in_test") for row, pair in enumerate(ledger.columns["pair"]) if pair in tests.pairs}


@contextlib.contextmanager
def _working_folder(out: Path) -> Iterator[Path]:
    """Make a folder inside `out` that goes away with the block; folders that killed imports left go away too."""
    out.mkdir(parents=True, exist_ok=True)
    for left in out.glob(".import-*"):
        if not Path(f"/proc/{left.name.removeprefix('.import-')}").exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = out / f".import-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
