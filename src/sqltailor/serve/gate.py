"""What every request passes before it is answered: names, origin, tier, key, content type and rate; and its log line.

Deny by default: a route that is not `Guarded` is refused. Host names are checked because a page elsewhere can have its
own name point to this machine; origins, because a page on this machine may not ask in its reader's name.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
import traceback
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sqltailor.serve.api_keys import LOCAL, ApiKey
from sqltailor.serve.counters import Counters
from sqltailor.serve.guarded import Caller, Guarded
from sqltailor.serve.http_faults import ClientGone, HttpFault, fault_response
from sqltailor.serve.options import LOOPBACK, ServeOptions
from sqltailor.serve.rates import Rates

logger = logging.getLogger("sqltailor.serve")


@dataclass
class Seen:
    """What the log and the counts keep of a request; without a status, its client left before there was one."""

    request: str
    route: str = "unknown"
    key: str | None = None
    status: int | None = None


class Gated(Protocol):
    """What the gate asks of what stands behind it."""

    options: ServeOptions
    rates: Rates
    counters: Counters

    def caller(self, token: str | None) -> ApiKey | None:
        """Return whose key a request brings, or None."""

    def close(self) -> None:
        """End what is under way."""


class Gate:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, service: Gated, routes: list[BaseRoute]) -> None:
        self._app, self._service, self._routes = app, service, routes
        self._hosts = {name.lower() for name in (*LOOPBACK, service.options.host, *service.options.host_names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        seen, began = Seen(secrets.token_hex(8)), time.monotonic()

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", seen.request.encode())]
            await send(message)

        self._service.counters.began()
        try:
            await self._answer(Request(scope, receive), noted, seen)
        finally:
            seconds = time.monotonic() - began
            self._service.counters.ended(seen.route, seen.status, seconds)
            _log(**asdict(seen), method=scope["method"], ms=round(seconds * 1000, 1))

    async def _answer(self, request: Request, send: Send, seen: Seen) -> None:
        """Let a request pass to its route, or answer with a fault."""
        scope, receive = request.scope, request.receive
        fault = None
        try:
            with ExitStack() as slot:
                route = self._route(scope)
                seen.route = route.path
                key = self._admitted(request, route, seen)
                if key is not None:
                    address = request.client.host if request.client else ""
                    slot.enter_context(self._service.rates.slot(address if key is LOCAL else key.name))
                    scope.setdefault("state", {})["caller"] = Caller(key, seen.request)
                await self._app(scope, receive, send)
        except HttpFault as e:
            fault = e
        except ClientGone:
            pass
        except Exception as e:
            *_, at = traceback.extract_tb(e.__traceback__)  # without the error's text, which may hold values
            why = e.strerror if isinstance(e, OSError) else None  # such as a disk that is full
            _log(request=seen.request, error=type(e).__name__, at=f"{at.filename}:{at.lineno}", why=why)
            fault = HttpFault(500, f"The server failed. Its log says why, under {seen.request}.")
        if fault is not None and seen.status is None:
            await fault_response(request.url.path, fault)(scope, receive, send)

    def _route(self, scope: Scope) -> Guarded:
        found = None
        for route in self._routes:
            match, _ = route.matches(scope)
            if match is Match.FULL:
                if not isinstance(route, Guarded):
                    raise HttpFault(403, "This route has no tier, so that nobody may use it.")
                return route
            found = found or (match is Match.PARTIAL)
        raise HttpFault(405 if found else 404, f"There is no {scope['method']} {scope['path']} here.")

    def _admitted(self, request: Request, route: Guarded, seen: Seen) -> ApiKey | None:
        """Return the key of a caller who may use a route, None where it is open to all. Raises `HttpFault`.

        Whose valid key it is is noted in `seen`, also where that may not be used here.
        """
        headers = request.headers
        host = headers.get("host", "")
        if _host_name(host) not in self._hosts:
            raise HttpFault(403, f"This server is not called '{host}'. Give its names: --host-name NAME.")
        origin = headers.get("origin")
        if origin is not None and origin.lower().partition("://")[2] != host.lower():
            raise HttpFault(403, f"Pages of {origin} may not ask here.")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and route.tier != "public":
            raise HttpFault(403, "Other pages may not ask here.")
        if route.tier == "public":
            return None
        key = self._key(headers)
        seen.key = key.name
        if route.tier not in key.rights:
            raise HttpFault(403, f"The role '{key.role}' of the key '{key.name}' may not use {request.url.path}.")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        # AWS clients name none where the caller does not; a page elsewhere cannot send what they send for it
        is_aws = not kind and "authorization" in headers
        if request.method == "POST" and kind != "application/json" and not is_aws:
            raise HttpFault(415, f"The content type is '{kind}'; send application/json.")
        return key

    def _key(self, headers: Headers) -> ApiKey:
        key = self._service.caller(_token(headers.get("authorization", "")))
        if key is None:
            raise HttpFault(401, "Send an API key that is valid: Authorization: Bearer KEY.")
        return key


def _token(authorization: str) -> str | None:
    """Return the API key that a request brings: as a bearer token or, from AWS clients, as the id of an access key.

    boto3 sends bearer tokens over HTTPS only. Of a signed request the id is what identifies; the signature is made with
    a secret that this server does not know, and is not read.

    >>> _token("Bearer st-1"), _token("AWS4-HMAC-SHA256 Credential=st-1/20260101/us-east-1/bedrock/aws4_request, …")
    ('st-1', 'st-1')
    """
    found = re.match(r"(?:Bearer +|AWS4-HMAC-SHA256 Credential=)([\w-]+)", authorization, re.IGNORECASE | re.ASCII)
    return found[1] if found else None


def _host_name(host: str) -> str:
    """Return the name in a Host header.

    >>> _host_name("localhost:8000"), _host_name("[::1]:8000"), _host_name("")
    ('localhost', '::1', '')
    """
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _log(**facts: Any) -> None:
    """Write one line of JSON about a request; no question, no SQL and no value goes in."""
    logger.info("%s", json.dumps(facts))
