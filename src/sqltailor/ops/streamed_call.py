"""A model asked at a running server that speaks OpenAI's chat completions, as a stream."""

from __future__ import annotations

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqltailor.errors import BackendError, ConfigError
from sqltailor.generate.remote import since
from sqltailor.types import Completion, GenerateOptions, Prompt
from sqltailor.wire.chat_completions import chat_events, chat_request, completion_of_chat, event_text

TIMEOUT_S = 600.0


class Served(NamedTuple):
    """The names of the models that a server serves, and whether it is `sqltailor serve`, which makes prompts itself."""

    names: Sequence[str]
    is_ours: bool


class ChatStream:
    """Asks at one URL: what stands before `/chat/completions`. The key, if any, is in OPENAI_API_KEY."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"--url '{url}' is not the URL of an API, such as http://127.0.0.1:8000/v1.")
        self.url = url.rstrip("/")

    def served(self) -> Served:
        """Return what the server says that it serves. Raises `BackendError`."""
        with self._sent("/models", None) as reply:
            try:
                rows = json.load(reply)["data"]
                return Served([str(row["id"]) for row in rows], any(row.get("owned_by") == "sqltailor" for row in rows))
            except (ValueError, KeyError, TypeError) as e:
                raise BackendError(f"{self.url}/models lists no models. {_SUCH_AS}") from e

    def ask(self, model: str, prompt: Prompt, options: GenerateOptions) -> Completion:
        """Return the completion of one prompt, with its times here. Raises `BackendError`."""
        streamed = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
        began, first, events = time.perf_counter(), None, []
        try:
            with self._sent("/chat/completions", chat_request(prompt, options) | streamed) as reply:
                for event in chat_events(_event_lines(reply)):
                    if "error" in event:
                        raise BackendError(f"{self.url} breaks off: {event['error']}")
                    if first is None and event_text(event):
                        first = since(began)
                    events.append(event)
        except (OSError, http.client.HTTPException, ValueError) as e:
            raise BackendError(f"{self.url} breaks off: {e}. Ask again; the server's log says more.") from e
        if not events:
            raise BackendError(f"{self.url} answers without a stream. {_SUCH_AS}")
        return completion_of_chat(events, first_token_ms=first, total_ms=since(began))

    def _sent(self, path: str, body: Mapping[str, Any] | None) -> http.client.HTTPResponse:
        key = os.environ.get("OPENAI_API_KEY")
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        data = None if body is None else json.dumps(body).encode()
        try:
            reply: http.client.HTTPResponse = urllib.request.urlopen(
                urllib.request.Request(self.url + path, data, headers), timeout=TIMEOUT_S
            )
        except urllib.error.HTTPError as e:
            told = e.read(500).decode(errors="replace").strip()
            raise BackendError(f"{self.url}{path} answers {e.code} {e.reason}: {told}{_HINTS.get(e.code, '')}") from e
        except OSError as e:
            why = getattr(e, "reason", None) or e
            raise BackendError(f"{self.url} gives no answer: {why}. {_SUCH_AS}") from e
        return reply


_SUCH_AS = "Is it the API of a running server? Start one with: sqltailor serve"
_HINTS = {
    401: " Set OPENAI_API_KEY to a key of that server (sqltailor keys add NAME).",
    429: " To measure a server of ours, start it without limits: sqltailor serve --rate 0 --at-once 0",
}


def _event_lines(reply: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the events of a stream without its comments, each ended in one way, whatever ends a line there."""
    yield from (line.strip() + b"\n\n" for line in reply if line.startswith(b"data:"))
