"""Databases made up for examples that bring their own schema, so that their statements can run at all."""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from sqltailor.data.canonical import read_schema_text
from sqltailor.data.rows import RowError
from sqltailor.database import Database, open_database
from sqltailor.errors import DataError
from sqltailor.prompt.extract import is_declined
from sqltailor.synth.fuzz import Constraints
from sqltailor.synth.fuzz.databases import make_databases
from sqltailor.types import Example, Schema

MAX_OPEN = 24
"""Databases whose processes run at a time; the others are opened again when they are needed."""
ROWS = 60


_Key = tuple[str | None, str | None, str]
"""An example's own schema, or else the `db_id` of its database, and its dialect."""


class FuzzedDatabases:
    """`count` small SQLite databases for each schema, whose rows tell its gold statements from near misses.

    They are made when first asked for, and gone after `close`.
    """

    def __init__(self, examples: Sequence[Example], count: int) -> None:
        self._count = count
        self._folder = tempfile.TemporaryDirectory(prefix="sqltailor-fuzz-")
        self._golds: dict[_Key, list[str]] = {}
        self._made: dict[_Key, list[Database]] = {}
        self._running: OrderedDict[_Key, None] = OrderedDict()
        for example in examples:
            if not is_declined(example.sql[0]):
                self._golds.setdefault(_key(example), []).extend(example.sql)

    def of(self, example: Example, schema: Schema | None) -> list[Database]:
        """Return the databases made up for an example's own schema, or else for the given one; none without any."""
        if example.schema is None and schema is None:
            return []
        key = _key(example)
        if key not in self._made:
            own = read_schema_text(example.schema, example.dialect) if example.schema is not None else schema
            self._made[key] = self._opened(key, own or Schema())
        self._running[key] = None
        self._running.move_to_end(key)
        while len(self._running) > max(1, MAX_OPEN // self._count):
            for database in self._made[self._running.popitem(last=False)[0]]:
                database.close()
        return self._made[key]

    def _opened(self, key: _Key, schema: Schema) -> list[Database]:
        try:
            made = make_databases(
                schema,
                self._golds.get(key, []),
                Path(self._folder.name) / str(len(self._made)),
                dialect=key[2],
                constraints=Constraints(),
                databases=self._count,
                rows=ROWS,
            )
        except DataError as e:  # about this example, not about the others
            raise RowError("broken_schema", str(e)) from e
        return [open_database(f"sqlite:///{path}") for path in made.paths]

    def close(self) -> None:
        """End their processes and remove their files."""
        for databases in self._made.values():
            for database in databases:
                database.close()
        self._made.clear()
        self._folder.cleanup()


def _key(example: Example) -> _Key:
    return example.schema, None if example.schema is not None else example.db_id, example.dialect
