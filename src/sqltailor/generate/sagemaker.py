"""Models behind endpoints of Amazon SageMaker as functions of prompts: `sagemaker:ENDPOINT`, and runs served there."""

from __future__ import annotations

from collections.abc import Iterator

from sqltailor.aws.session import client, default_region
from sqltailor.generate.aws_chat import JSON, AwsChat


class SageMakerModel(AwsChat):
    """Asks an endpoint."""

    def __init__(self, endpoint: str, *, region: str | None = None, at_once: int = 8) -> None:
        super().__init__(f"the endpoint {endpoint}", at_once)
        self.endpoint = endpoint
        self._client = client("sagemaker-runtime", region or default_region(), read_timeout_s=600, limit_rate=True)

    def _answer(self, body: bytes) -> bytes:
        found = self._client.invoke_endpoint(EndpointName=self.endpoint, ContentType=JSON, Body=body)
        content: bytes = found["Body"].read()
        return content

    def _stream(self, body: bytes) -> Iterator[bytes]:
        ask = self._client.invoke_endpoint_with_response_stream
        found = ask(EndpointName=self.endpoint, ContentType=JSON, Body=body)
        return (part["PayloadPart"]["Bytes"] for part in found["Body"] if "PayloadPart" in part)
