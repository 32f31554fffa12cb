"""Models on Amazon Bedrock as functions of prompts: `bedrock:ID_OR_ARN`, and runs that were deployed there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqltailor.aws.session import client, code_of, default_region, region_of, told
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


class BedrockModel:
    """Asks a foundation model, or a deployment of a tuned one, through Converse; several prompts at a time.

    An answer that ends otherwise than by itself or at a stop string was cut, so its stop is `length`, also where a
    filter of the service ended it.
    """

    def __init__(self, model_id: str, *, region: str | None = None, at_once: int = 8) -> None:
        self.model_id, self._at_once = model_id, at_once
        # an hour: Nova's documentation asks for it
        self._client = client(
            "bedrock-runtime",
            region or region_of(model_id) or default_region(),
            attempts=5,
            read_timeout_s=3600,
            limit_rate=True,
        )
        self._refuses_zero = False

    def __call__(self, prompts: Sequence[Prompt], options: GenerateOptions) -> list[Completion]:
        """Return `options.n` completions a prompt, side by side, in the order of the prompts.

        A single one is streamed, so that the time of its first token is known.
        """
        asked = [prompt for prompt in prompts for _ in range(options.n)]
        if len(asked) == 1:
            return [self._streamed(asked[0], options)]
        with ThreadPoolExecutor(self._at_once) as pool:
            return list(pool.map(lambda prompt: self._ask(prompt, options), asked))

    def stream(self, prompt: Prompt, options: GenerateOptions) -> Iterator[str]:
        """Yield the text of one completion in pieces as it is written.

        A stream that breaks before its first piece is begun once more; later, `BackendError` is raised.
        """
        yield from (text for event in self._events(prompt, options) if (text := delta_text(event)))

    def _streamed(self, prompt: Prompt, options: GenerateOptions) -> Completion:
        began, first, events = time.perf_counter(), None, []
        for event in self._events(prompt, options):
            if first is None and delta_text(event):
                first = _since(began)
            events.append(event)
        return completion_of_events(events, first_token_ms=first, total_ms=_since(began))

    def _events(self, prompt: Prompt, options: GenerateOptions) -> Iterator[Mapping[str, Any]]:
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

    def _ask(self, prompt: Prompt, options: GenerateOptions) -> Completion:
        began = time.perf_counter()
        with told(f"answer with {self.model_id}"):
            response = self._send(self._client.converse, prompt, options)
        self._tell_cut(response["stopReason"])
        return completion(response, total_ms=_since(began))

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
        if reason is not None and reason not in STOPS and reason != "max_tokens":
            logger.warning("%s ended an answer with %s; it counts as truncated", self.model_id, reason)


def _since(began: float) -> float:
    """Return the milliseconds since a time of the performance counter."""
    return round((time.perf_counter() - began) * 1000, 2)
