"""One function over many rows, in order, on several processes, with only a few batches in memory."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.util
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, islice
from typing import Any, Protocol, TypeVar

from sqltailor.runs import cores

Item = TypeVar("Item")
Result = TypeVar("Result")
Item_in = TypeVar("Item_in", contravariant=True)
Result_out = TypeVar("Result_out", covariant=True)

BATCH = 400
FIRST = 2000
"""So many items are done here first: a small file is finished before a process would have started."""


class Work(Protocol[Item_in, Result_out]):
    """A function of one item that may hold open files and databases, until it is closed."""

    def __call__(self, item: Item_in, /) -> Result_out: ...
    def close(self) -> None: ...


_work: Work[Any, Any] | None = None


def map_ordered(
    make: Callable[[], Work[Item, Result]],
    items: Iterable[Item],
    *,
    workers: int | None = None,
    first: int = FIRST,
    batch: int = BATCH,
    ahead: int = 2,
) -> Iterator[Result]:
    """Yield `make()(item)` for each item, in order. `make` and the items must be picklable.

    `workers` None takes one process a core; 1, or a platform without fork, does everything here. The `first` items
    are done here, the others in batches; up to `ahead` batches, beside one a worker, wait for one that takes long.
    """
    items = iter(items)
    count = workers or cores()
    with contextlib.closing(make()) as work:
        yield from map(work, islice(items, first))
        following = list(islice(items, 1))
        if count < 2 or not following or "fork" not in multiprocessing.get_all_start_methods():
            yield from map(work, chain(following, items))
            return
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(count, context, initializer=_start, initargs=(make, os.getpid()))
    try:
        yield from _in_order(pool, chain(following, items), batch, count + ahead)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, items: Iterator[Item], size: int, most: int) -> Iterator[Any]:
    waiting: deque[Future[list[Any]]] = deque()
    while True:
        while len(waiting) < most and (batch := list(islice(items, size))):
            waiting.append(pool.submit(_batch, batch))
        if not waiting:
            return
        yield from waiting.popleft().result()


def _start(make: Callable[[], Work[Any, Any]], parent: int) -> None:
    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which ends the pool
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _work = make()
    multiprocessing.util.Finalize(None, _work.close, exitpriority=1)


def _end_with(parent: int) -> None:
    """Leave when the parent was killed: nobody else would end this process."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _batch(items: list[Any]) -> list[Any]:
    assert _work is not None
    return [_work(item) for item in items]
