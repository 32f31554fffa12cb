"""Databases made up for examples that bring their own schema, so that their statements can run at all."""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from sqltailor.data.canonical import is_declined, read_schema_text
from sqltailor.database import Database, open_database
from sqltailor.synth.fuzz import Constraints
from sqltailor.synth.fuzz.databases import make_databases
from sqltailor.types import Example

MAX_OPEN = 24
"""Databases whose processes run at a time; the others are opened again when they are needed."""
ROWS = 60


class FuzzedDatabases:
    """`count` small SQLite databases for each schema, whose rows tell its gold statements from near misses.

    They are made when first asked for, and gone after `close`.
    """

    def __init__(self, examples: Sequence[Example], count: int) -> None:
        self._count = count
        self._folder = tempfile.TemporaryDirectory(prefix="sqltailor-fuzz-")
        self._golds: dict[tuple[str, str], list[str]] = {}
        self._made: dict[tuple[str, str], list[Database]] = {}
        self._running: OrderedDict[tuple[str, str], None] = OrderedDict()
        for example in examples:
            if example.schema is not None and not is_declined(example.sql[0]):
                self._golds.setdefault((example.schema, example.dialect), []).extend(example.sql)

    def of(self, example: Example) -> list[Database]:
        """Return the databases of an example's schema; none where it brings none."""
        if example.schema is None:
            return []
        schema = example.schema, example.dialect
        if schema not in self._made:
            self._made[schema] = self._opened(schema)
        self._running[schema] = None
        self._running.move_to_end(schema)
        while len(self._running) > max(1, MAX_OPEN // self._count):
            for database in self._made[self._running.popitem(last=False)[0]]:
                database.close()
        return self._made[schema]

    def _opened(self, schema: tuple[str, str]) -> list[Database]:
        folder = Path(self._folder.name) / str(len(self._made))
        made = make_databases(
            read_schema_text(*schema),
            self._golds.get(schema, []),
            folder,
            dialect=schema[1],
            constraints=Constraints(),
            databases=self._count,
            rows=ROWS,
        )
        return [open_database(f"sqlite:///{path}") for path in made.paths]

    def close(self) -> None:
        """End their processes and remove their files."""
        for databases in self._made.values():
            for database in databases:
                database.close()
        self._made.clear()
        self._folder.cleanup()
