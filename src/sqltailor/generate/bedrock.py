"""Models on Amazon Bedrock as functions of prompts: `bedrock:ID_OR_ARN`, and runs that were deployed there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqltailor.aws.session import client, code_of, default_region, region_of, told
from sqltailor.errors import BackendError
from sqltailor.runs import Run, read_json
from sqltailor.types import Completion, GenerateOptions, Prompt
from sqltailor.wire.converse import STOPS, completion, request

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


def open_run(run: Run) -> BedrockModel:
    """Return the model that a run's deployment serves. Raises `BackendError` when the run is not deployed."""
    if not run.deployment.is_file():
        raise BackendError(f"{run.path} was tuned on Bedrock and is not deployed: sqltailor deploy bedrock {run.path}")
    return BedrockModel(str(read_json(run.deployment)["arn"]))


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
        """Return `options.n` completions a prompt, side by side, in the order of the prompts."""
        asked = [prompt for prompt in prompts for _ in range(options.n)]
        with ThreadPoolExecutor(min(self._at_once, max(len(asked), 1))) as pool:
            return list(pool.map(lambda prompt: self._ask(prompt, options), asked))

    def stream(self, prompt: Prompt, options: GenerateOptions) -> Iterator[str]:
        """Yield the text of one completion in pieces as it is written.

        A stream that breaks before its first piece is begun once more; later, `BackendError` is raised.
        """
        from botocore.exceptions import ClientError

        begun = False
        for last in (False, True):
            with told(f"answer with {self.model_id}"):
                try:
                    for piece in self._pieces(prompt, options):
                        begun = True
                        yield piece
                    return
                except ClientError as e:
                    if last or begun or code_of(e) not in BROKEN_STREAM:
                        raise
                    logger.warning("the stream broke (%s) before its first word: asking again", code_of(e))

    def _pieces(self, prompt: Prompt, options: GenerateOptions) -> Iterator[str]:
        for event in self._send(self._client.converse_stream, prompt, options)["stream"]:
            if "contentBlockDelta" in event:
                yield event["contentBlockDelta"]["delta"].get("text", "")
            elif "messageStop" in event:
                self._tell_cut(event["messageStop"]["stopReason"])

    def _ask(self, prompt: Prompt, options: GenerateOptions) -> Completion:
        began = time.perf_counter()
        with told(f"answer with {self.model_id}"):
            response = self._send(self._client.converse, prompt, options)
        self._tell_cut(response["stopReason"])
        return completion(response, total_ms=round((time.perf_counter() - began) * 1000, 2))

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

    def _tell_cut(self, reason: Any) -> None:
        if reason not in STOPS and reason != "max_tokens":
            logger.warning("%s ended an answer: %s; it counts as cut", self.model_id, reason)
