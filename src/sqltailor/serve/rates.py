"""How often, and how many at a time, each caller may ask."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqltailor.serve.http_faults import HttpFault

CALLERS = 10_000
"""Callers that are remembered; of more, the one that was away longest is forgotten, and has its full rate again."""
BURST_S = 10.0
"""A caller that was quiet may send what is allowed in this time at once."""


class Rates:
    """A bucket of requests for each caller, filled again by time, and a count of those in flight; 0 is no limit."""

    def __init__(self, per_minute: float, at_once: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._at_once, self._clock = per_minute / 60, at_once, clock
        self._room = max(1.0, self._per_s * BURST_S)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._in_flight: Counter[str] = Counter()

    @contextmanager
    def slot(self, caller: str) -> Iterator[None]:
        """Hold one of a caller's places while a request is answered. Raises `HttpFault` 429 when there is none."""
        if self._at_once and self._in_flight[caller] >= self._at_once:
            message = f"{self._at_once} requests of yours are being answered, which is all that is allowed at a time."
            raise HttpFault(429, message, retry_after_s=1)
        self._take(caller)
        self._in_flight[caller] += 1
        try:
            yield
        finally:
            self._in_flight[caller] -= 1
            if not self._in_flight[caller]:
                del self._in_flight[caller]

    def _take(self, caller: str) -> None:
        if not self._per_s:
            return
        now = self._clock()
        left, since = self._buckets.pop(caller, (self._room, now))
        left = min(self._room, left + (now - since) * self._per_s)
        has_room = left >= 1
        self._buckets[caller] = (left - has_room, now)
        if len(self._buckets) > CALLERS:
            self._buckets.popitem(last=False)
        if not has_room:
            message = f"More than {self._per_s * 60:g} requests a minute."
            raise HttpFault(429, message, retry_after_s=(1 - left) / self._per_s)
