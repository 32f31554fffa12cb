"""Models behind endpoints of Amazon SageMaker as functions of prompts: `sagemaker:ENDPOINT`, and runs served there."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqltailor.aws.session import client, code_of, default_region, told
from sqltailor.generate.remote import Event, RemoteModel, since
from sqltailor.types import Completion, GenerateOptions, Prompt
from sqltailor.wire.chat_completions import chat_completion, chat_events, chat_request, completion_of_chat, event_text

JSON = "application/json"
READY_S, READY_EVERY_S = 600.0, 10.0
"""How long, and how often, an endpoint is asked that has no machine yet."""
NOT_READY = ("ModelNotReadyException", "ServiceUnavailable", "InternalDependencyException")


class SageMakerModel(RemoteModel):
    """Asks an endpoint by chat, several prompts at a time; a single one is streamed."""

    def __init__(self, endpoint: str, *, region: str | None = None, at_once: int = 8) -> None:
        super().__init__(at_once)
        self.endpoint = endpoint
        self._client = client("sagemaker-runtime", region or default_region(), read_timeout_s=600, limit_rate=True)

    def _events(self, prompt: Prompt, options: GenerateOptions) -> Iterator[Event]:
        body = chat_request(prompt, options) | {"stream": True, "stream_options": {"include_usage": True}}
        with told(f"answer with the endpoint {self.endpoint}"):
            found = self._send("invoke_endpoint_with_response_stream", body)
            yield from chat_events(part["PayloadPart"]["Bytes"] for part in found["Body"] if "PayloadPart" in part)

    def _text(self, event: Event) -> str:
        return event_text(event)

    def _whole(self, events: Sequence[Event], first_token_ms: float | None, total_ms: float) -> Completion:
        return completion_of_chat(events, first_token_ms=first_token_ms, total_ms=total_ms)

    def _ask(self, prompt: Prompt, options: GenerateOptions) -> Completion:
        began = time.perf_counter()
        answer = self.invoke(chat_request(prompt, options))
        return chat_completion(answer, total_ms=since(began))

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
