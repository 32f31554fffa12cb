"""One port for all of AWS that tuning on Bedrock needs: Bedrock and its Runtime here, S3, IAM and STS by moto."""

from __future__ import annotations

import contextlib
import logging
import re
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqltailor.aws.iam import Setup, apply, bucket_name
from sqltailor.errors import BackendError, ConfigError, SQLTailorError, require, unknown
from sqltailor.generate.bases import BASES
from sqltailor.local_bedrock.customization_jobs import Jobs
from sqltailor.local_bedrock.faults import EVERY, Fault
from sqltailor.local_bedrock.models import HANDLERS
from sqltailor.local_bedrock.protocol import AwsError, error, parse, to_json
from sqltailor.local_bedrock.runtime import OpenAnswers, Runtime, open_answers
from sqltailor.local_bedrock.state import ACCOUNT, Handler, State
from sqltailor.local_bedrock.tuning import Tune, tune_with
from sqltailor.types import Completion
from sqltailor.wire.converse import events, response
from sqltailor.wire.eventstream import CONTENT_TYPE, event, exception

logger = logging.getLogger(__name__)

REGION = "us-east-1"
ENDS_S = 5.0
"""How long a job that was told to stop may take."""
FAULTS = "/_local/faults"
"""POST a JSON object of `Fault` here to inject one; DELETE forgets those that are left."""
Start = Callable[[str, list[tuple[str, str]]], Any]


class LocalBedrock:
    """The server; `start` it, or use it as a context manager. `tune` and `open_answers` stand for the local base.

    with LocalBedrock(base="nano", speed=100) as local:
        os.environ.update(local.environment())
    """

    def __init__(
        self,
        *,
        base: str = "small",
        port: int = 0,
        speed: float = 20.0,
        home: Path | None = None,
        tune: Tune | None = None,
        open_answers: OpenAnswers = open_answers,
    ) -> None:
        if base not in BASES:
            raise ConfigError(unknown("base", base, BASES))
        for package in ("boto3", "moto", "flask_cors"):
            require(package, extra="local-bedrock", feature="A local Bedrock")
        self._folder = contextlib.ExitStack()
        self.home = home or Path(self._folder.enter_context(tempfile.TemporaryDirectory(prefix="local-bedrock-")))
        self.state = State(self.home, speed)
        self._moto = _moto()
        self._server = _serve(self, port)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._jobs = Jobs(tune or tune_with(base), self._client("s3"), self._client("iam"))
        self._runtime = Runtime(base, open_answers)
        self._handlers: Mapping[str, Handler] = {
            **HANDLERS,
            "CreateModelCustomizationJob": self._jobs.create,
            "GetModelCustomizationJob": self._jobs.get,
            "ListModelCustomizationJobs": self._jobs.list,
            "StopModelCustomizationJob": self._jobs.stop,
        }

    def start(self) -> None:
        """Serve in a thread, with the bucket and the role that a recipe without them uses."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.reset()

    def reset(self) -> None:
        """Forget everything, also in S3 and IAM, and make the bucket and the role again."""
        self.forget()
        # moto holds its state in this process, for all servers
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/moto-api/reset", method="POST"), timeout=60).close()
        setup = Setup(ACCOUNT, REGION, bucket_name(ACCOUNT, REGION))
        for done in apply(setup, s3=self._client("s3"), iam=self._client("iam")):
            logger.info("%s", done)

    def close(self) -> None:
        """Stop serving, end what is being trained, and forget everything."""
        self.forget()
        self._server.shutdown()
        self._server.server_close()
        self._folder.close()

    def forget(self) -> None:
        """End what is being trained, and forget Bedrock's jobs, models, deployments and faults."""
        for job in self.state.jobs.values():
            job.stop.set()
        for job in self.state.jobs.values():
            if job.thread is not None:
                job.thread.join(timeout=ENDS_S)
        self.state = State(self.home, self.state.speed)

    def __enter__(self) -> LocalBedrock:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def environment(self) -> dict[str, str]:
        """Return the variables by which boto3 and the AWS command line find this server; any keys do."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    def _client(self, service: str) -> Any:
        import boto3

        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": REGION}
        return boto3.session.Session().client(service, endpoint_url=self.url, **keys)

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        service, region = _signed_for(environ.get("HTTP_AUTHORIZATION", ""))
        path, _, query = environ.get("RAW_URI", environ["PATH_INFO"]).partition("?")
        if path == FAULTS:
            return self._told_a_fault(environ, start)
        if service == "s3" and environ["REQUEST_METHOD"] == "PUT" and query == "policy":
            return _send(start, 204, b"")  # "only with TLS", which this server has not: moto would refuse everything
        if service != "bedrock":
            fault = self.state.faults.take(service)
            return _fault_in_xml(fault, start) if fault else self._moto(environ, start)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            return self._bedrock(environ["REQUEST_METHOD"], path, query, body, region, start)
        except AwsError as e:
            return _send(start, e.status, to_json({"message": e.message}), [("x-amzn-ErrorType", e.code)])
        except SQLTailorError as e:  # what the local model cannot be asked, such as a prompt longer than its context
            said = to_json({"message": str(e)})
            return _send(start, 400, said, [("x-amzn-ErrorType", "ValidationException")])

    def _bedrock(self, method: str, path: str, query: str, body: bytes, region: str, start: Start) -> Iterable[bytes]:
        operation, params = parse(method, path, query, body)
        fault = self.state.faults.take(operation.name, EVERY)
        if fault is not None:
            raise error(fault.error, f"{fault.error}, as this server was told")
        if operation.name in ("Converse", "ConverseStream"):
            pieces = self._runtime.answer(self.state, params)
            if operation.name == "Converse":
                return _send(start, 200, to_json(_whole(pieces)))
            broken = self.state.faults.take(operation.name, mid_stream=True)
            start("200 OK", [("Content-Type", CONTENT_TYPE)])
            return _frames(pieces, broken)
        handler = self._handlers.get(operation.name)
        if handler is None:
            raise error("UnknownOperationException", f"The local Bedrock has no {operation.name}")
        with self.state.lock:
            result = handler(self.state, params, region)
        return _send(start, operation.status, to_json(result))

    def _told_a_fault(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        import json

        if environ["REQUEST_METHOD"] == "DELETE":
            self.state.faults.clear()
        else:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            self.state.faults.add(Fault(**json.loads(body)))
        return _send(start, 200, b"{}")


def _signed_for(authorization: str) -> tuple[str, str]:
    """Return the service and the region that a request is signed for: `Credential=KEY/DATE/REGION/SERVICE/…`."""
    found = re.search(r"Credential=[^/]*/\d+/([^/]+)/([^/]+)/", authorization)
    if found is None:  # a bearer token, which only Bedrock takes
        return "bedrock" if authorization.startswith("Bearer ") else "", REGION
    return found[2], found[1]


def _whole(pieces: Iterator[str | Completion]) -> dict[str, Any]:
    began = time.perf_counter()
    *_, last = pieces
    assert isinstance(last, Completion)
    return response(last) | {"metrics": {"latencyMs": round((time.perf_counter() - began) * 1000)}}


def _frames(pieces: Iterator[str | Completion], broken: Fault | None) -> Iterator[bytes]:
    deltas = 0
    try:
        for kind, value in events(pieces):
            if broken and (kind == "contentBlockStop" or (kind == "contentBlockDelta" and deltas >= broken.after)):
                yield exception(broken.error, f"{broken.error}, as this server was told")
                return
            deltas += kind == "contentBlockDelta"
            yield event(kind, value)
    except SQLTailorError as e:
        yield exception("validationException", str(e))


def _send(start: Start, status: int, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> list[bytes]:
    always = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start(f"{status} {'OK' if status < 300 else 'Error'}", [*always, *headers])
    return [body]


def _fault_in_xml(fault: Fault, start: Start) -> list[bytes]:
    inner = f"<Error><Code>{fault.error}</Code><Message>as this server was told</Message></Error>"
    body = inner if fault.operation == "s3" else f"<ErrorResponse>{inner}</ErrorResponse>"
    status = 403 if "Expired" in fault.error or "Denied" in fault.error else 503
    start(f"{status} Error", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
    return [body.encode()]


def _moto() -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    from moto.server import DomainDispatcherApplication, create_backend_app

    application: Callable[[dict[str, Any], Start], Iterable[bytes]] = DomainDispatcherApplication(create_backend_app)
    return application


def _serve(application: Any, port: int) -> Any:
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Requests(WSGIRequestHandler):  # type: ignore[misc]
        disable_nagle_algorithm = True  # frames of a stream arrive when they are written, not 40 ms later

        def log_request(self, *_: Any) -> None:
            pass

    try:
        return make_server("127.0.0.1", port, application, threaded=True, request_handler=Requests)
    except (OSError, SystemExit) as e:
        raise BackendError(f"Port {port} cannot be used ({e}). Give another: --port N") from e
