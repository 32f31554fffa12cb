"""Serve over HTTP until told to stop; streams that have begun are finished."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from sqltailor.errors import BackendError, ConfigError, require
from sqltailor.generate import load
from sqltailor.recipe import Recipe
from sqltailor.serve.options import LOOPBACK, ServeOptions

if TYPE_CHECKING:
    from starlette.applications import Starlette

KEEP_ALIVE_S = 15
HEAD_BYTES = 32 * 1024
"""Longest head of a request."""


def serve(recipe: Recipe, model: str, options: ServeOptions, *, on_ready: Callable[[str], None]) -> None:
    """Open a model and a project, and serve them until SIGINT or SIGTERM; `on_ready` is told the URL.

    Raises `MissingExtra`, `ConfigError` for an unsafe address, and `BackendError` for a port in use.
    """
    need_server()
    from sqltailor.project import Project
    from sqltailor.serve.app import make_app
    from sqltailor.serve.service import Service, keys_for

    keys_for(options)  # before a model is loaded in vain
    for file in filter(None, (options.certificate, options.certificate_key)):
        if not file.is_file():
            raise ConfigError(f"There is no file {file}: --certificate and --certificate-key name PEM files.")
    listener = listen(options)
    with Project(recipe) as project:
        _ = project.schema  # the same
        project.warn_of_drift(model)
    generate = load(model, batch=1, engine=recipe.generate.engine)
    serve_app(make_app(Service(recipe, model, generate, options)), listener, options, on_ready=on_ready)


def need_server() -> None:
    """Raise `MissingExtra` where what a server needs is not installed."""
    for package in ("starlette", "prometheus_client", "uvicorn"):
        require(package, extra="serve", feature="The server")


def serve_app(
    app: Starlette, listener: socket.socket, options: ServeOptions, *, on_ready: Callable[[str], None]
) -> None:
    """Serve an application until SIGINT or SIGTERM."""
    import uvicorn

    config = uvicorn.Config(
        app,
        http="h11",  # of uvicorn's two parsers the one that bounds a head
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=options.drain_s,
        h11_max_incomplete_event_size=HEAD_BYTES,
        ws="none",
        ssl_certfile=options.certificate,
        ssl_keyfile=options.certificate_key,
    )
    port = listener.getsockname()[1]
    shown = "127.0.0.1" if options.host in LOOPBACK else options.host
    on_ready(f"http{'s' if options.certificate else ''}://{shown}:{port}")
    uvicorn.Server(config).run(sockets=[listener])


def listen(options: ServeOptions) -> socket.socket:
    """Take the port, before a model is loaded in vain; who connects from now on waits instead of being refused."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
        listener.listen()  # only this refuses a second server that starts at the same time
    except OSError as e:
        listener.close()
        raise BackendError(f"{options.host}:{options.port} cannot be used ({e.strerror}). Try --port 0.") from e
    return listener
