"""The stored values that hints are made of, kept on disk from one command to the next.

One SQLite file for a database under one grant holds what may be shown under it, and nothing else; only its owner can
read it. A table is read again when its columns or its state (`Database.table_states`) have changed, or the state is
unknown. A file is never changed: a new one takes its place, so that readers need no locks, and of two processes that
write at once either may come last.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from sqltailor.prompt.hints import Linker, LookUp, Named, Stored, TableValues, Words, in_memory
from sqltailor.sql.schema import without_samples
from sqltailor.types import Schema, Table
from sqltailor.version import __version__

logger = logging.getLogger(__name__)

FORMAT = 1
"""Another number for another layout, or when other values are read than before."""
KEPT = 32
"""Files; the least recently used beyond are dropped."""
ABANDONED_S = 86_400
"""The age of what a process left behind that was killed while it wrote."""

LAYOUT = """
CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT UNIQUE, definition TEXT, state TEXT, hashes TEXT);
CREATE TABLE named (
    words TEXT, source INTEGER, place INTEGER, "column" TEXT, value TEXT, written TEXT,
    PRIMARY KEY (words, source, place)
) WITHOUT ROWID;
"""
FIND = """
SELECT n.words, s.name, n."column", n.value, n.written
FROM json_each(?) AS span CROSS JOIN named AS n ON n.words = span.value JOIN source AS s ON s.id = n.source
ORDER BY n.source, n.place
"""


Read = Callable[[Table, Mapping[str, str]], TableValues]
"""Returns the values of a table that may be shown; see `read_values` for the hashes."""


class Source(NamedTuple):
    """A table in the file: its columns, its state when it was read, and a hash of each column's values, as JSON."""

    definition: str
    state: str | None
    hashes: str


class Reading(NamedTuple):
    """A table that was read: what the file is to say of it, and its values unless those in the file are the same."""

    table: Table
    source: Source
    named: list[Named] | None


def values_file(folder: Path, *what: object) -> Path:
    """Return the file of a database; `what` is all that decides which values may be shown."""
    key = json.dumps([FORMAT, __version__, *what], default=repr)
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.values"


class KeptValues:
    """The values of a schema, from a file that is up to date once this is made; from memory where there can be none."""

    def __init__(
        self, file: Path, schema: Schema, read: Read, states: Callable[[], Callable[[Table], str | None]]
    ) -> None:
        self._file, self._read, self._states = file, read, states
        self._tables = {_name(table): table for table in without_samples(schema).tables}
        self._memory: LookUp | None = None
        try:
            known = _sources(file)
            if known:
                self._update(known)
                with contextlib.suppress(OSError):
                    os.utime(file)
                return
        except (sqlite3.Error, OSError, ValueError) as e:
            logger.debug("%s cannot be used: %s", file, e)
        self._make()

    def look_up(self, spans: Iterable[Words]) -> Mapping[Words, Sequence[Stored]]:
        """Return which of some words name values, and which; see `LookUp`."""
        if self._memory is None:
            try:
                return self._find(list(spans))
            except (sqlite3.Error, ValueError):  # it may be gone, or broken
                self._make()
        assert self._memory is not None
        return self._memory(spans)

    def _find(self, spans: Sequence[Words]) -> dict[Words, list[Stored]]:
        found: dict[Words, list[Stored]] = {}
        with _opened(self._file) as db:
            rows = db.execute(FIND, [json.dumps([" ".join(words) for words in spans])]).fetchall()
        places = {name: place for place, name in enumerate(self._tables)}
        for words, name, column, value, written in sorted(rows, key=lambda row: places.get(row[1], -1)):
            if name in self._tables:
                stored = Stored(self._tables[name], column, json.loads(value), written)
                found.setdefault(tuple(words.split(" ")), []).append(stored)
        return found

    def _make(self) -> None:
        """Read everything, into memory, and keep it for the next process."""
        readings = [*self._readings({})]
        self._memory = in_memory(found for reading in readings for found in reading.named or ())
        try:
            with _replacing(self._file, is_new=True) as db:
                db.executescript(LAYOUT)
                _write(db, readings)
            _prune(self._file.parent)
        except (sqlite3.Error, OSError, UnicodeError) as e:  # such as a full disk
            logger.warning("stored values cannot be kept, and are read again by the next command: %s", e)

    def _update(self, known: Mapping[str, Source]) -> None:
        changed = [r for r in self._readings(known) if r.named is not None or r.source != known[_name(r.table)]]
        gone = known.keys() - self._tables.keys()
        if changed or gone:
            with _replacing(self._file, is_new=False) as db:
                for name in gone:
                    _remove(db, name)
                _write(db, changed)

    def _readings(self, known: Mapping[str, Source]) -> Iterator[Reading]:
        """Yield the tables that have changed, or may have, since they became known."""
        state_of = self._states()
        for name, table in self._tables.items():
            before, definition, state = known.get(name), _hash(repr(table)), state_of(table)
            if before and before[:2] == (definition, state) and state is not None:
                continue
            judged = json.loads(before.hashes) if before and before.definition == definition else {}
            values = self._read(table, judged)
            source = Source(definition, state if values.is_whole else None, json.dumps(values.hashes))
            is_same = before is not None and judged == values.hashes and before.definition == definition
            yield Reading(table, source, None if is_same else list(values.named()))


def kept_linker(file: Path, schema: Schema, read: Read, states: Callable[[], Callable[[Table], str | None]]) -> Linker:
    """Return what finds the values of a schema, which are read where `file` is not up to date.

    `states` returns what says whether a table has changed, as `Database.table_states` does.
    """
    return Linker(KeptValues(file, schema, read, states).look_up)


def _sources(file: Path) -> dict[str, Source]:
    """Return what a file knows of tables; nothing where there is none that this user wrote."""
    if not file.exists() or file.stat().st_uid != os.getuid():
        return {}
    with _opened(file) as db:
        return {name: Source(*rest) for name, *rest in db.execute("SELECT name, definition, state, hashes FROM source")}


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
        yield db


@contextlib.contextmanager
def _replacing(file: Path, *, is_new: bool) -> Iterator[sqlite3.Connection]:
    """Open a copy of a file, or an empty one, that takes its place when all went well."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # which its owner alone can read
    try:
        if not is_new:
            shutil.copyfile(file, name)
        with closing(sqlite3.connect(name)) as db:
            db.execute("PRAGMA journal_mode = OFF")
            yield db
            db.commit()
        os.fsync(handle)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise
    finally:
        os.close(handle)


def _write(db: sqlite3.Connection, readings: Iterable[Reading]) -> None:
    for table, source, named in readings:
        if named is None:
            db.execute("UPDATE source SET state = ? WHERE name = ?", [source.state, _name(table)])
            continue
        _remove(db, _name(table))
        cursor = db.execute(
            "INSERT INTO source (name, definition, state, hashes) VALUES (?, ?, ?, ?)", [_name(table), *source]
        )
        by_words = sorted(enumerate(named), key=lambda item: item[1][0])
        rows = (
            (" ".join(words), cursor.lastrowid, place, stored.column, json.dumps(stored.value), stored.written)
            for place, (words, stored) in by_words
        )
        db.executemany("INSERT INTO named VALUES (?, ?, ?, ?, ?, ?)", rows)


def _remove(db: sqlite3.Connection, name: str) -> None:
    db.execute("DELETE FROM named WHERE source = (SELECT id FROM source WHERE name = ?)", [name])
    db.execute("DELETE FROM source WHERE name = ?", [name])


def _prune(folder: Path) -> None:
    files = sorted(folder.glob("*.values"), key=lambda path: path.stat().st_mtime)
    left = [path for path in folder.glob(".*.values.*") if time.time() - path.stat().st_mtime > ABANDONED_S]
    for old in [*files[:-KEPT], *left]:
        old.unlink(missing_ok=True)


def _name(table: Table) -> str:
    return json.dumps([table.namespace, table.name])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
