"""What goes through the pipes to and from the child process; `child/program.py` says how a frame looks."""

from __future__ import annotations

import json
import os
import select
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqltailor.errors import Refused, SQLError

MAX_SQL_CHARACTERS = 100_000
LEAST_OF_A_PIPE = 4096
"""So many bytes a pipe always takes: were more sent at a time, parent and child could wait for each other forever."""

Rows = list[tuple[Any, ...]]
Known = dict[bytes, Rows]
"""The rows of results by what the child wrote of them."""


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


def parted(body: bytes) -> tuple[Any, bytes]:
    """Return the first value of a reply, and the rows as they were written."""
    head, _, rows = body.partition(b"\n")
    return json.loads(head), rows


def rows_of(written: bytes) -> Rows:
    """Return the rows of a result."""
    return list(map(tuple, json.loads(written, object_hook=_bytes)))


def read(pipe: int, size: int, deadline: float) -> bytes:
    """Return so many bytes; raises `TimeoutError`, or `EOFError` where the pipe ends before."""
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    parts, missing = [], size
    while missing:
        if not poller.poll(max(deadline - time.monotonic(), 0) * 1000):
            raise TimeoutError
        part = os.read(pipe, min(missing, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _bytes(value: dict[str, str]) -> bytes:
    return bytes.fromhex(value["hex"])
