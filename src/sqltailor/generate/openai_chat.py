"""Models behind an OpenAI-style chat API: `openai:URL#MODEL`, such as `openai:http://127.0.0.1:8080/v1#qwen`.

URL is what stands before `/chat/completions`. The key, where one is asked for, is in the environment variable
`OPENAI_API_KEY`; it is sent to that URL and shown nowhere. Answers come whole, one request each, several at a time.
A server of a known kind is sent the grammar of what the prompt's schema grants (`generate.send_grammar`).
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqltailor.errors import BackendError, ConfigError
from sqltailor.generate.local_text import is_kept_to_schema
from sqltailor.sql.constrain.grammar import grammar
from sqltailor.types import Completion, GenerateOptions, GrammarServer, Prompt
from sqltailor.wire.chat_completions import chat_request

TIMEOUT_S = 600.0
WAITS_S = (0.5, 2.0, 8.0)
"""Waits before a request is made again that was refused for now, or got no answer."""
FOR_NOW = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""HTTP states after which the same request may succeed."""
MAX_REPLY_BYTES = 16 << 20
FIELDS: Mapping[GrammarServer, str] = {"vllm": "structured_outputs", "sglang": "ebnf", "llama.cpp": "grammar"}
"""Where requests to these servers hold a grammar."""
FOR_LLGUIDANCE = "%llguidance {}"
"""The first line by which llama.cpp and SGLang know in which notation a grammar is; the notation has it, too."""


class OpenAIChat:
    """Asks one model at one URL."""

    def __init__(self, place: str, *, at_once: int = 4, sleep: Callable[[float], None] = time.sleep) -> None:
        url, _, model = place.partition("#")
        if not url.startswith(("http://", "https://")) or not model:
            raise ConfigError(
                f"'openai:{place}' is not openai:URL#MODEL, such as openai:http://127.0.0.1:8080/v1#qwen."
            )
        self.model, self._at_once, self._sleep = model, at_once, sleep
        self._url = f"{url.rstrip('/')}/chat/completions"

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        """Return `options.n` completions a prompt, side by side. Raises `BackendError`."""
        asked = [{"model": self.model} | chat_request(p, options) | _grammar(p, options) for p in prompts]
        bodies = [body for body in asked for _ in range(options.n)]
        if options.seed is not None:  # one each: with the same seed, all candidates would be the same
            bodies = [body | {"seed": options.seed + number} for number, body in enumerate(bodies)]
        with ThreadPoolExecutor(self._at_once) as pool:
            return list(pool.map(self._answer, bodies))

    def _answer(self, body: Mapping[str, Any]) -> Completion:
        began = time.monotonic()
        return _completion(self._post(body), (time.monotonic() - began) * 1000, self._url)

    def _post(self, body: Mapping[str, Any]) -> Any:
        key = os.environ.get("OPENAI_API_KEY")
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        request = urllib.request.Request(self._url, json.dumps(body).encode(), headers)
        for wait in (*WAITS_S, None):
            try:
                with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
                    return json.loads(reply.read(MAX_REPLY_BYTES))
            except urllib.error.HTTPError as e:
                told = e.read(500).decode(errors="replace").strip()
                if wait is None or e.code not in FOR_NOW:
                    raise BackendError(f"{self._url} answers {e.code} {e.reason}: {told}") from e
            except (OSError, ValueError) as e:
                if wait is None:
                    why = getattr(e, "reason", None) or e
                    raise BackendError(f"{self._url} gives no answer: {why}. Is the server running there?") from e
            self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")


def _grammar(prompt: Prompt, options: GenerateOptions) -> dict[str, Any]:
    """Return what a request says of the grammar of its prompt's schema, where the server takes one."""
    if options.grammar_for is None or not is_kept_to_schema(prompt, options):
        return {}
    text = f"{FOR_LLGUIDANCE}\n{grammar(prompt.schema, prompt.dialect, is_alone=True)}"
    return {FIELDS[options.grammar_for]: {"grammar": text} if options.grammar_for == "vllm" else text}


def _completion(reply: Any, elapsed_ms: float, url: str) -> Completion:
    try:
        choice = reply["choices"][0]
        text, ended = choice["message"]["content"] or "", choice.get("finish_reason")
    except (KeyError, IndexError, TypeError) as e:
        raise BackendError(f"{url} answers with something else than a chat completion: {str(reply)[:300]}") from e
    usage = reply.get("usage") or {}
    return Completion(
        text,
        "length" if ended == "length" else "end",
        tokens_in=usage.get("prompt_tokens"),
        tokens_out=usage.get("completion_tokens"),
        total_ms=elapsed_ms,
    )
