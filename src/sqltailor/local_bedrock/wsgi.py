"""Requests and responses of the local server, below what it knows of AWS."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqltailor.errors import BackendError, SQLTailorError
from sqltailor.local_bedrock.faults import Fault
from sqltailor.local_bedrock.guardrails import Passed
from sqltailor.types import Completion
from sqltailor.wire.converse import events, response
from sqltailor.wire.eventstream import event, exception

REGION = "us-east-1"
Start = Callable[[str, list[tuple[str, str]]], Any]


def body_of(environ: dict[str, Any]) -> bytes:
    """Return the body of a request."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return body


def signed_for(authorization: str) -> tuple[str, str]:
    """Return the service and the region that a request is signed for: `Credential=KEY/DATE/REGION/SERVICE/…`."""
    found = re.search(r"Credential=[^/]*/\d+/([^/]+)/([^/]+)/", authorization)
    if found is None:  # a bearer token, which only Bedrock takes
        return "bedrock" if authorization.startswith("Bearer ") else "", REGION
    return found[2], found[1]


def whole(answer: Passed) -> dict[str, Any]:
    """Return the response of Converse that the pieces of an answer make."""
    began = time.perf_counter()
    *_, last = answer.pieces
    assert isinstance(last, Completion)
    said = response(last, refused=answer.is_refused)
    return said | {"metrics": {"latencyMs": round((time.perf_counter() - began) * 1000)}, "trace": answer.trace}


def frames(answer: Passed, broken: Fault | None) -> Iterator[bytes]:
    """Yield the frames of ConverseStream, until the fault that breaks it."""
    deltas = 0
    try:
        for kind, value in events(answer.pieces, refused=answer.is_refused):
            if broken and (kind == "contentBlockStop" or (kind == "contentBlockDelta" and deltas >= broken.after)):
                yield exception(broken.error, f"{broken.error}, as this server was told")
                return
            deltas += kind == "contentBlockDelta"
            yield event(kind, value | {"trace": answer.trace} if kind == "metadata" and answer.trace else value)
    except SQLTailorError as e:
        yield exception("validationException", str(e))


def send(start: Start, status: int, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> list[bytes]:
    """Send a whole response."""
    always = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start(f"{status} {'OK' if status < 300 else 'Error'}", [*always, *headers])
    return [body]


def send_fault_in_xml(fault: Fault, start: Start) -> list[bytes]:
    """Send an error as the services do that speak XML."""
    inner = f"<Error><Code>{fault.error}</Code><Message>as this server was told</Message></Error>"
    body = inner if fault.operation == "s3" else f"<ErrorResponse>{inner}</ErrorResponse>"
    status = 403 if "Expired" in fault.error or "Denied" in fault.error else 503
    start(f"{status} Error", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body.encode()]


def open_moto() -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    """Return moto as a WSGI application: S3, IAM and STS."""
    from moto.server import DomainDispatcherApplication, create_backend_app

    application: Callable[[dict[str, Any], Start], Iterable[bytes]] = DomainDispatcherApplication(create_backend_app)
    return application


def make_server(application: Any, port: int) -> Any:
    """Return a server of an application on a port of this machine; 0 takes a free one."""
    from werkzeug import serving

    class Requests(serving.WSGIRequestHandler):  # type: ignore[misc]
        disable_nagle_algorithm = True  # frames of a stream arrive when they are written, not 40 ms later

        def log_request(self, *_: Any) -> None:
            pass

    try:
        return serving.make_server("127.0.0.1", port, application, threaded=True, request_handler=Requests)
    except (OSError, SystemExit) as e:
        raise BackendError(f"Port {port} cannot be used ({e}). Give another: --port N") from e
