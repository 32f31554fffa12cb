"""Models behind endpoints of Amazon SageMaker as functions of prompts: `sagemaker:ENDPOINT[#COMPONENT]`, and runs
served there.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqltailor.aws.session import client, default_region
from sqltailor.generate.aws_chat import JSON, AwsChat


class SageMakerModel(AwsChat):
    """Asks an endpoint, `ENDPOINT` or `ENDPOINT#COMPONENT`. One that was scaled to zero takes minutes to come back."""

    def __init__(self, endpoint: str, *, region: str | None = None, at_once: int = 8) -> None:
        super().__init__(f"the endpoint {endpoint}", at_once)
        self.endpoint, _, component = endpoint.partition("#")
        self._asked = {"EndpointName": self.endpoint, "ContentType": JSON}
        self._asked |= {"InferenceComponentName": component} if component else {}
        self._client = client("sagemaker-runtime", region or default_region(), read_timeout_s=600, limit_rate=True)

    def _answer(self, body: bytes) -> bytes:
        found = self._client.invoke_endpoint(Body=body, **self._asked)
        content: bytes = found["Body"].read()
        return content

    def _stream(self, body: bytes) -> Iterator[bytes]:
        ask = self._client.invoke_endpoint_with_response_stream
        found = ask(Body=body, **self._asked)
        return (part["PayloadPart"]["Bytes"] for part in found["Body"] if "PayloadPart" in part)
