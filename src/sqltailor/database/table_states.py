"""Has a table changed since? For what is kept of its rows from one command to the next.

A state is a text that differs after every change of a table; None where no state can say so. It may also differ
without a change.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from sqltailor.database.process import Child
from sqltailor.errors import SQLError
from sqltailor.types import Table

TableState = Callable[[Table], str | None]

SETTLED_S = 2.0
"""A file that was written this recently may be written again within the same tick of its time stamp."""
TIMEOUT_S = 10.0
MOST_TABLES = 100_000


def unknown_state(table: Table) -> str | None:
    """Return None: nothing here tells whether a table has changed."""
    return None


def of_files(*files: Path) -> TableState:
    """Return the state of all tables in a database of these files, of which the first must be there."""
    found = []
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            stat = os.stat(file)
            if time.time() - stat.st_mtime < SETTLED_S:
                return unknown_state
            found.append(f"{file.name}:{stat.st_dev}:{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}")
    state = " ".join(found)
    return lambda table: state


def of_catalog(child: Child, sql: str) -> TableState:
    """Return the states that a server's own statement lists: true namespace, table, state."""
    try:
        rows = child.request(sql, timeout_s=TIMEOUT_S, max_rows=MOST_TABLES, catalog=True).rows
    except SQLError:
        return unknown_state
    states = {(space, name): str(state) for space, name, state in rows if state is not None}
    return lambda table: states.get((next(iter(table.home), table.namespace), table.name))
