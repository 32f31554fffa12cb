"""A thread or several, each of which does one thing at a time, and a queue before them that has an end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from sqltailor.generate.leaving import watching
from sqltailor.serve.http_faults import HttpFault

T = TypeVar("T")


class Worker:
    """Runs calls in threads, in their order. `name` says what they work with: the model, the database."""

    def __init__(self, name: str, *, queue: int, timeout_s: float, at_once: int = 1) -> None:
        self.name, self.waiting = name, 0
        self._room, self._timeout_s, self._at_once = queue + at_once, timeout_s, at_once
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=f"sqltailor-{name}")
        self._usual_s = 0.1

    @property
    def has_room(self) -> bool:
        """Whether another call would be taken."""
        return self.waiting < self._room

    async def do(self, call: Callable[[], T]) -> T:
        """Return what a call returns. Cancelled while it waits, it is never made; a model that writes then stops.

        Raises `HttpFault`: 429 when the queue is full, or most of the time went by in it; 504 when it took too
        long itself.
        """
        if not self.has_room:
            raise HttpFault(
                429, f"{self.waiting} requests wait for the {self.name} already.", retry_after_s=self._wait_s
            )
        self.waiting += 1
        latest_s = time.monotonic() + self._timeout_s / 2
        started = float("inf")
        gone = threading.Event()

        def work() -> T:
            nonlocal started
            started = time.monotonic()
            try:
                with watching(gone.is_set):
                    return call()
            finally:
                self._usual_s += 0.1 * (time.monotonic() - started - self._usual_s)

        future = self._threads.submit(work)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: self._leave(loop, future))
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if started < latest_s:
                raise HttpFault(504, f"The {self.name} took longer than {self._timeout_s:g} s.") from None
            message = f"The {self.name} was not free in time to answer within {self._timeout_s:g} s."
            raise HttpFault(429, message, retry_after_s=self._wait_s) from None
        finally:
            gone.set()

    @property
    def _wait_s(self) -> float:
        """How long a call that comes now may have to wait."""
        return self.waiting * self._usual_s / self._at_once

    def _leave(self, loop: asyncio.AbstractEventLoop, _: Future[T]) -> None:
        def leave() -> None:
            self.waiting -= 1

        if not loop.is_closed():
            loop.call_soon_threadsafe(leave)

    def close(self) -> None:
        """Drop what waits, and end when what is under way is done."""
        self._threads.shutdown(wait=True, cancel_futures=True)
