"""The application: all routes behind the gate."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware

from sqltailor.serve import converse_routes, evaluation_routes, openai_routes, own_routes, web_page
from sqltailor.serve.gate import Gate, Gated
from sqltailor.serve.guarded import Guarded
from sqltailor.serve.service import Service


def make_app(service: Service) -> Starlette:
    """Return the ASGI application that a service answers for."""
    pages = [*web_page.ROUTES, *evaluation_routes.ROUTES]
    return behind_gate(service, [*own_routes.ROUTES, *openai_routes.ROUTES, *converse_routes.ROUTES, *pages])


def behind_gate(service: Gated, routes: Sequence[Guarded]) -> Starlette:
    """Return an application of these routes, which the gate guards; it closes the service when it ends."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        service.close()

    app = Starlette(routes=list(routes), lifespan=lifespan)
    app.state.service = service
    app.user_middleware.append(Middleware(Gate, service=service, routes=app.routes))
    return app
