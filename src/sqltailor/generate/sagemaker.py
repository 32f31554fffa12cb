"""Models behind endpoints of Amazon SageMaker as functions of prompts: `sagemaker:ENDPOINT`, and runs served there."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqltailor.aws.session import client, code_of, default_region, told
from sqltailor.types import Completion, GenerateOptions, Prompt
from sqltailor.wire.chat_completions import chat_completion, chat_events, chat_request, completion_of_chat, event_text

JSON = "application/json"
READY_S, READY_EVERY_S = 600.0, 10.0
"""How long, and how often, an endpoint is asked that has no machine yet."""
NOT_READY = ("ModelNotReadyException", "ServiceUnavailable", "InternalDependencyException")


class SageMakerModel:
    """Asks an endpoint by chat, several prompts at a time; a single one is streamed."""

    def __init__(self, endpoint: str, *, region: str | None = None, at_once: int = 8) -> None:
        self.endpoint, self._at_once = endpoint, at_once
        self._client = client("sagemaker-runtime", region or default_region(), read_timeout_s=600, limit_rate=True)

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        """Return `options.n` completions a prompt, side by side, in the order of the prompts."""
        asked = [prompt for prompt in prompts for _ in range(options.n)]
        if len(asked) == 1:
            return [self._streamed(asked[0], options)]
        with ThreadPoolExecutor(self._at_once) as pool:
            return list(pool.map(lambda prompt: self._ask(prompt, options), asked))

    def stream(self, prompt: Prompt, options: GenerateOptions) -> Iterator[str]:
        """Yield the text of one completion in pieces as it is written."""
        yield from (text for event in self._events(prompt, options) if (text := event_text(event)))

    def _streamed(self, prompt: Prompt, options: GenerateOptions) -> Completion:
        began, first, events = time.perf_counter(), None, []
        for event in self._events(prompt, options):
            if first is None and event_text(event):
                first = _since(began)
            events.append(event)
        return completion_of_chat(events, first_token_ms=first, total_ms=_since(began))

    def _events(self, prompt: Prompt, options: GenerateOptions) -> Iterator[Mapping[str, Any]]:
        body = chat_request(prompt, options) | {"stream": True, "stream_options": {"include_usage": True}}
        with told(f"answer with the endpoint {self.endpoint}"):
            found = self._send("invoke_endpoint_with_response_stream", body)
            yield from chat_events(part["PayloadPart"]["Bytes"] for part in found["Body"] if "PayloadPart" in part)

    def _ask(self, prompt: Prompt, options: GenerateOptions) -> Completion:
        began = time.perf_counter()
        answer = self.invoke(chat_request(prompt, options))
        return chat_completion(answer, total_ms=_since(began))

    def invoke(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the endpoint answers to a body as it is."""
        with told(f"answer with the endpoint {self.endpoint}"):
            found: dict[str, Any] = json.loads(self._send("invoke_endpoint", body)["Body"].read())
        return found

    def _send(self, operation: str, body: Mapping[str, Any]) -> Any:
        from botocore.exceptions import ClientError

        ready_by = time.monotonic() + READY_S
        sent = json.dumps(body, ensure_ascii=False).encode()
        while True:
            try:
                return getattr(self._client, operation)(EndpointName=self.endpoint, ContentType=JSON, Body=sent)
            except ClientError as e:
                if code_of(e) not in NOT_READY or time.monotonic() > ready_by:
                    raise
                time.sleep(READY_EVERY_S)


def _since(began: float) -> float:
    """Return the milliseconds since a time of the performance counter."""
    return round((time.perf_counter() - began) * 1000, 2)
