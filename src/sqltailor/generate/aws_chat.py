"""Models of AWS that are asked by OpenAI's chat, in bodies that AWS passes on: endpoints and imported models."""

from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqltailor.aws.session import code_of, told
from sqltailor.generate.remote import Event, RemoteModel, since
from sqltailor.types import Completion, GenerateOptions, Prompt
from sqltailor.wire.chat_completions import chat_completion, chat_events, chat_request, completion_of_chat, event_text

JSON = "application/json"
READY_S, READY_EVERY_S = 600.0, 10.0
"""How long, and how often, a model is asked that has no machine yet."""
NOT_READY = ("ModelNotReadyException", "ServiceUnavailable", "InternalDependencyException")
NO_CAPACITY = "no capacity to process this request"
"""What SageMaker says, under a code of its own for any fault, of a model that was scaled to zero: asking wakes it."""
Answer = TypeVar("Answer")


class AwsChat(RemoteModel):
    """Asks by chat, several prompts at a time; a single one is streamed. `what` names the model in messages."""

    def __init__(self, what: str, at_once: int) -> None:
        super().__init__(at_once)
        self._what = what

    def invoke(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the model answers to a body as it is."""
        with told(f"answer with {self._what}"):
            found: dict[str, Any] = json.loads(_patiently(lambda: self._answer(_bytes(body))))
        return found

    @abstractmethod
    def _answer(self, body: bytes) -> bytes:
        """Return the body of the answer to a request."""

    @abstractmethod
    def _stream(self, body: bytes) -> Iterator[bytes]:
        """Begin a stream, and return its parts: server-sent events that may break anywhere."""

    def _events(self, prompt: Prompt, options: GenerateOptions) -> Iterator[Event]:
        body = chat_request(prompt, options) | {"stream": True, "stream_options": {"include_usage": True}}
        with told(f"answer with {self._what}"):
            yield from chat_events(_patiently(lambda: self._stream(_bytes(body))))

    def _text(self, event: Event) -> str:
        return event_text(event)

    def _whole(self, events: Sequence[Event], first_token_ms: float | None, total_ms: float) -> Completion:
        return completion_of_chat(events, first_token_ms=first_token_ms, total_ms=total_ms)

    def _ask(self, prompt: Prompt, options: GenerateOptions) -> Completion:
        began = time.perf_counter()
        answer = self.invoke(chat_request(prompt, options))
        return chat_completion(answer, total_ms=since(began))


def _bytes(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def _patiently(call: Callable[[], Answer]) -> Answer:
    """Return what a call does, tried again while the model has no machine."""
    from botocore.exceptions import ClientError

    ready_by = time.monotonic() + READY_S
    while True:
        try:
            return call()
        except ClientError as e:
            waits = code_of(e) in NOT_READY or NO_CAPACITY in str(e)
            if not waits or time.monotonic() > ready_by:
                raise
            time.sleep(READY_EVERY_S)
