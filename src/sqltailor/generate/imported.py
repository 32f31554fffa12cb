"""Models that were imported into Amazon Bedrock: asked by InvokeModel, because Converse does not take all of them."""

from __future__ import annotations

from collections.abc import Iterator

from sqltailor.aws.session import client, region_of
from sqltailor.generate.aws_chat import JSON, AwsChat


class ImportedModel(AwsChat):
    """Asks an imported model. One that was not asked for a while has to be loaded first, for some minutes."""

    def __init__(self, arn: str, *, at_once: int = 8) -> None:
        super().__init__(arn, at_once)
        self._arn = arn
        region = region_of(arn) or "us-east-1"
        self._client = client("bedrock-runtime", region, attempts=5, read_timeout_s=600, limit_rate=True)

    def _answer(self, body: bytes) -> bytes:
        found = self._client.invoke_model(modelId=self._arn, body=body, contentType=JSON, accept=JSON)
        content: bytes = found["body"].read()
        return content

    def _stream(self, body: bytes) -> Iterator[bytes]:
        ask = self._client.invoke_model_with_response_stream
        found = ask(modelId=self._arn, body=body, contentType=JSON, accept=JSON)
        return (_as_event(event["chunk"]["bytes"]) for event in found["body"] if "chunk" in event)


def _as_event(piece: bytes) -> bytes:
    """Return a piece of a stream as a server-sent event; Bedrock sends the JSON alone."""
    return piece if piece.startswith(b"data:") else b"data: " + piece + b"\n\n"
