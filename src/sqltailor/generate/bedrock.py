"""Models on Amazon Bedrock as functions of prompts: `bedrock:ID_OR_ARN`, and runs that were deployed there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from sqltailor.aws.session import client, code_of, default_region, region_of, told
from sqltailor.generate.remote import Event, RemoteModel, since
from sqltailor.types import Completion, GenerateOptions, Prompt
from sqltailor.wire.converse import STOPS, completion, completion_of_events, delta_text, request

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

LEAST_TEMPERATURE = 1e-5
"""What Nova's documentation gives as the lowest temperature, for models that refuse 0."""
READY_S, READY_EVERY_S = 600.0, 10.0
"""How long, and how often, a model is asked that says it is not ready: new deployments take minutes."""
AGAIN = ("ModelTimeoutException", "ModelErrorException")
"""Errors that boto3 does not retry, and that one more try may not meet."""
BROKEN_STREAM = (
    "internalServerException", "modelStreamErrorException", "throttlingException", "serviceUnavailableException",
)  # fmt: skip
"""Errors in the middle of a stream after which the same request may succeed."""


class BedrockModel(RemoteModel):
    """Asks a foundation model, or a deployment of a tuned one, through Converse; several prompts at a time.

    An answer that ends otherwise than by itself or at a stop string was cut, so its stop is `length`, also where a
    filter of the service ended it; a guardrail that intervened refused it.
    """

    carries_guardrail = True

    def __init__(self, model_id: str, *, region: str | None = None, at_once: int = 8) -> None:
        super().__init__(at_once)
        self.model_id = model_id
        # an hour: Nova's documentation asks for it
        self._client = client(
            "bedrock-runtime",
            region or region_of(model_id) or default_region(),
            attempts=5,
            read_timeout_s=3600,
            limit_rate=True,
        )
        self._refuses_zero = False

    def _events(self, prompt: Prompt, options: GenerateOptions) -> Iterator[Event]:
        """Yield the events; a stream that breaks before its first piece is begun once more, later it is an error."""
        from botocore.exceptions import ClientError

        begun = False
        for last in (False, True):
            with told(f"answer with {self.model_id}"):
                try:
                    for event in self._send(self._client.converse_stream, prompt, options)["stream"]:
                        begun = begun or bool(delta_text(event))
                        self._tell_cut(event.get("messageStop", {}).get("stopReason"))
                        yield event
                    return
                except ClientError as e:
                    if last or begun or code_of(e) not in BROKEN_STREAM:
                        raise
                    logger.warning("the stream broke (%s) before its first token: retrying", code_of(e))

    def _text(self, event: Event) -> str:
        return delta_text(event)

    def _whole(self, events: Sequence[Event], first_token_ms: float | None, total_ms: float) -> Completion:
        return completion_of_events(events, first_token_ms=first_token_ms, total_ms=total_ms)

    def _ask(self, prompt: Prompt, options: GenerateOptions) -> Completion:
        began = time.perf_counter()
        with told(f"answer with {self.model_id}"):
            response = self._send(self._client.converse, prompt, options)
        self._tell_cut(response["stopReason"])
        return completion(response, total_ms=since(began))

    def _send(self, operation: Callable[..., Answer], prompt: Prompt, options: GenerateOptions) -> Answer:
        from botocore.exceptions import ClientError

        asked = request(self.model_id, prompt, options)
        if self._refuses_zero and options.temperature == 0:
            asked["inferenceConfig"]["temperature"] = LEAST_TEMPERATURE
        ready_by, again = time.monotonic() + READY_S, True
        while True:
            try:
                return operation(**asked)
            except ClientError as e:
                code = code_of(e)
                if code == "ValidationException" and asked["inferenceConfig"]["temperature"] == 0:
                    asked["inferenceConfig"]["temperature"] = LEAST_TEMPERATURE
                    self._refuses_zero = True
                elif code == "ModelNotReadyException" and time.monotonic() < ready_by:
                    time.sleep(READY_EVERY_S)
                elif code in AGAIN and again:
                    again = False
                else:
                    raise

    def _tell_cut(self, reason: str | None) -> None:
        if reason is not None and reason not in (*STOPS, "max_tokens"):
            logger.warning("%s ended an answer with %s; it counts as truncated", self.model_id, reason)
