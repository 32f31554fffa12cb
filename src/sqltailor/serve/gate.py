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
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sqltailor.serve.api_keys import LOCAL, ApiKey
from sqltailor.serve.guarded import Caller, Guarded
from sqltailor.serve.http_faults import ClientGone, HttpFault, fault_response
from sqltailor.serve.options import LOOPBACK
from sqltailor.serve.service import Service

logger = logging.getLogger("sqltailor.serve")


class Gate:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, service: Service, routes: list[BaseRoute]) -> None:
        self._app, self._service, self._routes = app, service, routes
        self._hosts = {name.lower() for name in (*LOOPBACK, service.options.host, *service.options.host_names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        began, request = time.monotonic(), Request(scope, receive)
        name, status = secrets.token_hex(8), None
        route_path, key_name = "unknown", None
        self._service.counters.began()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", name.encode())]
            await send(message)

        try:
            with ExitStack() as slot:
                route = self._route(scope)
                route_path = route.path
                key = self._admitted(request, route)
                key_name = key.name if key else None
                if key is not None:
                    caller = key.name if key is not LOCAL else request.client.host if request.client else ""
                    slot.enter_context(self._service.rates.slot(caller))
                    scope.setdefault("state", {})["caller"] = Caller(key, name)
                await self._app(scope, receive, noted)
        except HttpFault as e:
            await fault_response(request.url.path, e)(scope, receive, noted)
        except ClientGone:
            status = None
        except Exception as e:
            *_, at = traceback.extract_tb(e.__traceback__)
            _log(request=name, error=type(e).__name__, at=f"{at.filename}:{at.lineno}")  # its text may hold values
            if status is None:
                fault = HttpFault(500, f"The server failed. Its log says why, under {name}.")
                await fault_response(request.url.path, fault)(scope, receive, noted)
        finally:
            seconds = time.monotonic() - began
            self._service.counters.ended(route_path, status, seconds)
            ms = round(seconds * 1000, 1)
            _log(request=name, method=scope["method"], route=route_path, key=key_name, status=status, ms=ms)

    def _route(self, scope: Scope) -> Guarded:
        found = None
        for route in self._routes:
            match, _ = route.matches(scope)
            if match is Match.FULL:
                if not isinstance(route, Guarded):
                    raise HttpFault(403, "This route says of nobody that he may use it.")
                return route
            found = found or (match is Match.PARTIAL)
        raise HttpFault(405 if found else 404, f"There is no {scope['method']} {scope['path']} here.")

    def _admitted(self, request: Request, route: Guarded) -> ApiKey | None:
        """Return the key of a caller who may use a route, None where it is open to all. Raises `HttpFault`."""
        headers = request.headers
        host = headers.get("host", "")
        if _host_name(host) not in self._hosts:
            raise HttpFault(403, f"This server is not called '{host}'. Give its names: --host-name NAME.")
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise HttpFault(403, f"Pages of {origin} may not ask here.")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and route.tier != "public":
            raise HttpFault(403, "Other pages may not ask here.")
        if route.tier == "public":
            return None
        key = self._key(headers)
        if route.tier not in key.rights:
            raise HttpFault(403, f"The role '{key.role}' of the key '{key.name}' may not use {route.path}.")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if request.method == "POST" and kind != "application/json":
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
