"""A server for tests: real uvicorn in a thread, on the tram network, with canned answers; and a small HTTP client."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from sqltailor.recipe import load_recipe
from sqltailor.types import Completion, Generate, GenerateOptions, Prompt
from tests.support.cli_project import QUESTIONS, make_database
from tests.support.missing import missing

HOSTILE = {
    "Forget the drivers": "DELETE FROM driver",
    "Phones of the drivers": "SELECT phone FROM driver",
    "Loop": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "What is the weather?": "-- cannot answer: there is no weather",
}


class Answer(NamedTuple):
    """A response: its status, its headers in lower case, and its body as text."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Server(NamedTuple):
    """A running server."""

    service: Any
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, None, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.send("POST", path, body, **{"Content-Type": "application/json"} | headers)

    def send(self, method: str, path: str, body: Any, **headers: str) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        raw = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, raw, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, text)


def need_serve() -> None:
    """Skip the tests of a module where the extra `serve` is not installed; under CI they fail."""
    try:
        import prometheus_client  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        missing("starlette, uvicorn and prometheus_client", "pip install -e '.[serve]'")


def canned(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
    """Stand for a model: the answer to the question that ends the prompt."""
    known = QUESTIONS | HOSTILE
    found = [next(sql for q, sql in known.items() if q in prompt.messages[-1].content) for prompt in prompts]
    return [Completion(sql, tokens_in=40, tokens_out=len(sql.split())) for sql in found for _ in range(options.n)]


def held(release: threading.Event, begun: Callable[[], Any] = lambda: None) -> Generate:
    """Return a model that answers as `canned` once it is let go."""

    def generate(prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        begun()
        release.wait(20)
        return canned(prompts, options)

    return generate


@contextmanager
def serving(
    folder: Path, *words: str, model: Generate = canned, name: str = "tram", **options: Any
) -> Iterator[Server]:
    """Serve the tram network of a folder; `words` are values of the recipe, `name` is the model's reference."""
    need_serve()
    from sqltailor.serve.app import make_app
    from sqltailor.serve.options import ServeOptions
    from sqltailor.serve.service import Service

    if not (folder / "tram.db").exists():
        make_database(folder / "tram.db")
    recipe = load_recipe(None, [f"database.url=sqlite:///{folder}/tram.db", *words], cwd=folder).recipe
    places = {name: folder / f"{name}.jsonl" for name in ("audit", "feedback")} | {"keys": folder / "keys.json"}
    service = Service(recipe, name, model, ServeOptions(**places | {"rate_per_minute": 0.0} | options))
    with running(service, make_app(service)) as server:
        yield server


@contextmanager
def running(service: Any, app: Any) -> Iterator[Server]:
    """Run an application on a free port."""
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    tls = {"ssl_certfile": service.options.certificate, "ssl_keyfile": service.options.certificate_key}
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", **tls)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield Server(service, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def wait_for(condition: Callable[[], Any], *, within_s: float = 10.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
