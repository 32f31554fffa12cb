"""Routes that say who may use them, and what handlers share: the caller, and a client that may leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Literal, NamedTuple, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sqltailor.serve.api_keys import ApiKey, Right
from sqltailor.serve.http_faults import ClientGone
from sqltailor.serve.service import Service

Tier = Literal["public"] | Right
"""What a caller needs for a route: nothing, or a key with this right."""
T = TypeVar("T")


class Guarded(Route):
    """A route with its tier. What has none is not served."""

    def __init__(
        self, method: str, path: str, endpoint: Callable[[Request], Awaitable[Response]], *, tier: Tier
    ) -> None:
        super().__init__(path, endpoint, methods=[method])
        self.tier: Tier = tier


class Caller(NamedTuple):
    """Who sends a request, and the request's own name in logs."""

    key: ApiKey
    request: str


def service_of(request: Request) -> Service:
    """Return what answers."""
    service: Service = request.app.state.service
    return service


def caller_of(request: Request) -> Caller:
    """Return who asks."""
    caller: Caller = request.state.caller
    return caller


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns; when the client leaves before, cancel it and raise `ClientGone`.

    The body of the request must have been read.
    """
    task, gone = asyncio.create_task(work), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        gone.cancel()
        task.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def last(replies: AsyncIterator[T], found: T | None = None) -> T:
    """Return the last of what is yielded, or what was found before."""
    async for reply in replies:
        found = reply
    assert found is not None
    return found
