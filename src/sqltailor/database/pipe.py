"""What goes through the pipes to and from the child process; `child/program.py` says how a frame looks."""

from __future__ import annotations

import functools
import json
import os
import re
import select
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqltailor.errors import Refused, SQLError
from sqltailor.types import QueryResult

MAX_SQL_CHARACTERS = 100_000
LEAST_OF_A_PIPE = 4096
"""So many bytes a pipe always takes: were more sent at a time, parent and child could wait for each other forever."""

Rows = list[tuple[Any, ...]]
_FRACTION = re.compile(rb"\.|\de|N|I")
"""What every float is written with: `1.5`, `1e+16`, `NaN`, `Infinity`. Texts may hold it, too."""


class Written:
    """The rows of a result as the child wrote them, read when they are asked for."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    @functools.cached_property
    def rows(self) -> Rows:
        """The rows."""
        return list(map(tuple, json.loads(self.text.decode(), object_hook=_bytes)))

    @functools.cached_property
    def may_hold_fractions(self) -> bool:
        """Whether there may be a float, which may be equal to an integer that is written in another way."""
        return _FRACTION.search(self.text) is not None

    def must_differ(self, other: Written) -> bool:
        """Tell whether no order of rows and columns makes the rows equal, as far as their length shows it."""
        if len(self.text) == len(other.text):
            return False
        return not (self.may_hold_fractions or other.may_hold_fractions)


class Came(NamedTuple):
    """What came of a statement: its columns and rows, whether there were more, and how long it took."""

    columns: list[str]
    rows: Written
    truncated: bool
    elapsed_ms: float

    def result(self) -> QueryResult:
        """Return it with its rows read."""
        return QueryResult(tuple(self.columns), self.rows.rows, self.truncated, self.elapsed_ms)


class Inbox:
    """Reads what a child writes, as much at a time as is there."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._poller = select.poll()
        self._poller.register(pipe, select.POLLIN)
        self._unread = bytearray()

    def frame(self, deadline: float) -> tuple[Any, Written]:
        """Return the first value of the next reply, and the rows as they were written.

        Raises `TimeoutError`, or `EOFError` where the pipe ends before.
        """
        size = int.from_bytes(self._take(8, deadline))
        head, _, rows = self._take(size, deadline).partition(b"\n")
        return json.loads(head.decode()), Written(rows)

    def _take(self, size: int, deadline: float) -> bytes:
        while len(self._unread) < size:
            if not self._poller.poll(max(deadline - time.monotonic(), 0) * 1000):
                raise TimeoutError
            part = os.read(self._pipe, 1 << 20)
            if not part:
                raise EOFError
            self._unread += part
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken


def framed(request: Mapping[str, Any]) -> bytes:
    """Return a statement as it is sent; raises `SQLError` for one that must not be."""
    sql = request["sql"]
    if len(sql) > MAX_SQL_CHARACTERS:
        raise Refused(f"The statement has {len(sql):,} characters; {MAX_SQL_CHARACTERS:,} are allowed.", "limits")
    if "\0" in sql:
        # C libraries would run what stands before it
        raise SQLError("The statement holds a NUL character.")
    return encoded(request)


def encoded(message: Mapping[str, Any]) -> bytes:
    """Return a frame."""
    body = json.dumps(message).encode()
    return len(body).to_bytes(8) + body


def first_of(frames: Sequence[bytes | SQLError]) -> list[bytes]:
    """Return the frames before the first error that fit into a pipe, and at least one of them."""
    chosen: list[bytes] = []
    size = 0
    for frame in frames:
        if isinstance(frame, SQLError) or (chosen and size + len(frame) > LEAST_OF_A_PIPE):
            break
        chosen.append(frame)
        size += len(frame)
    return chosen


def _bytes(value: dict[str, str]) -> bytes:
    return bytes.fromhex(value["hex"])
