"""One thread that does one thing at a time, and a queue before it that has an end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from sqltailor.serve.http_faults import HttpFault

T = TypeVar("T")


class Worker:
    """Runs calls in a thread, in their order. `name` says what it works with: the model, the database."""

    def __init__(self, name: str, *, queue: int, timeout_s: float) -> None:
        self.name, self.waiting = name, 0
        self._queue, self._timeout_s = queue, timeout_s
        self._threads = ThreadPoolExecutor(1, thread_name_prefix=f"sqltailor-{name}")
        self._usual_s = 0.1

    async def do(self, call: Callable[[], T]) -> T:
        """Return what a call returns. Cancelled while it waits, it is never made; once begun, it is done to its end.

        Raises `HttpFault`: 429 when the queue is full, or it did not begin in time; 504 when it took too long.
        """
        if self.waiting > self._queue:
            message = f"{self.waiting} requests wait for the {self.name} already."
            raise HttpFault(429, message, retry_after_s=self.waiting * self._usual_s)
        self.waiting += 1
        begun = False

        def work() -> T:
            nonlocal begun
            begun, started = True, time.monotonic()
            try:
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
            if begun:
                raise HttpFault(504, f"The {self.name} took longer than {self._timeout_s:g} s.") from None
            message = f"The {self.name} was not free within {self._timeout_s:g} s."
            raise HttpFault(429, message, retry_after_s=self.waiting * self._usual_s) from None

    def _leave(self, loop: asyncio.AbstractEventLoop, _: Future[T]) -> None:
        def leave() -> None:
            self.waiting -= 1

        if not loop.is_closed():
            loop.call_soon_threadsafe(leave)

    def close(self) -> None:
        """Drop what waits, and end when what is under way is done."""
        self._threads.shutdown(wait=True, cancel_futures=True)
