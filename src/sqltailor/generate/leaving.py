"""Who waits for an answer may leave: what writes it looks up at every token, and stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_is_gone: ContextVar[Callable[[], bool] | None] = ContextVar("is_gone", default=None)


class NobodyWaits(Exception):
    """An answer was given up, because who asked has left."""


@contextmanager
def watching(is_gone: Callable[[], bool]) -> Iterator[None]:
    """Have answers that are written in this context given up once `is_gone` says so."""
    before = _is_gone.set(is_gone)
    try:
        yield
    finally:
        _is_gone.reset(before)


def stop_if_nobody_waits() -> None:
    """Raise `NobodyWaits` when who asked has left."""
    is_gone = _is_gone.get()
    if is_gone is not None and is_gone():
        raise NobodyWaits
