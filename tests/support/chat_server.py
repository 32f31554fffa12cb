"""A real HTTP server on this machine that answers as OpenAI-style chat APIs do, and fails as they do when told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class ChatServer:
    """What was asked, and what is still to fail: HTTP states, or texts that take the place of a reply."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    faults: list[int | str] = field(default_factory=list)
    names: list[str] = field(default_factory=lambda: ["qwen"])


def streamed(text: str) -> bytes:
    """Return an answer as a stream, with what some servers do: comments, and lines that end in CR LF."""
    pieces: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": part} for part in text)]
    events: list[dict[str, Any]] = [{"choices": [{"delta": piece, "finish_reason": None}]} for piece in pieces]
    events.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    events.append({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": len(text)}})
    lines = [": ping", *(f"data: {json.dumps(event)}" for event in events), "data: [DONE]"]
    return "".join(f"{line}\r\n\r\n" for line in lines).encode()


@contextmanager
def serving(answer: Callable[[str], str]) -> Iterator[ChatServer]:
    """Serve `answer`, from the user's message to the reply, until the block ends."""
    state = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.keys.append(self.headers.get("Authorization"))
            self._reply(200, json.dumps({"data": [{"id": name} for name in state.names]}).encode())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fault = state.faults.pop(0) if state.faults else None
            if isinstance(fault, int):
                self._reply(fault, b"not now")
            elif fault is not None:
                self._reply(200, fault.encode())
            else:
                state.asked.append(body)
                state.keys.append(self.headers.get("Authorization"))
                text = answer(body["messages"][-1]["content"])
                if body.get("stream"):
                    self._reply(200, streamed(text))
                    return
                choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
                usage = {"prompt_tokens": 7, "completion_tokens": 3}
                self._reply(200, json.dumps({"choices": [choice], "usage": usage}).encode())

        def _reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *about: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
