"""The wire of AWS's services, read from botocore's models: HTTP request → operation and parameters, and back.

Bedrock, its Runtime and Lambda speak `rest-json`, SageMaker and Auto Scaling `json`: the operation is in a header,
times are numbers.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from sqltailor.aws.validate import check_request

SERVICES = ("bedrock", "bedrock-runtime", "lambda")


class AwsError(Exception):
    """What a service answers instead of a result."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


STATUSES = {
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "UnrecognizedClientException": 403,
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 408,
    "ModelErrorException": 424,
    "ModelError": 424,
    "ModelNotReadyException": 429,
    "ThrottlingException": 429,
    "InternalServerException": 500,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
}
"""HTTP status of each error code; of any other it is 400."""


def error(code: str, message: str) -> AwsError:
    """Return an error with the status that its code has."""
    return AwsError(code, message, STATUSES.get(code, 400))


class Operation(NamedTuple):
    """An operation of a service: how its requests look, and its shapes."""

    name: str
    method: str
    path: re.Pattern[str]
    status: int
    input: Any


@cache
def operations() -> tuple[Operation, ...]:
    """Return the operations of these services."""
    import botocore.session

    session = botocore.session.get_session()
    found = []
    for service in SERVICES:
        model = session.get_service_model(service)
        for name in model.operation_names:
            operation = model.operation_model(name)
            uri = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(operation.http["requestUri"].partition("?")[0]))
            status = operation.http.get("responseCode", 200)
            found.append(Operation(name, operation.http["method"], re.compile(uri), status, operation.input_shape))
    return tuple(found)


def parse(method: str, raw_path: str, query: str, body: bytes) -> tuple[Operation, dict[str, Any]]:
    """Return the operation that a request asks for, and its parameters, checked. Raises `AwsError`.

    The path is as it was sent: an ARN in it is percent-encoded, with its slashes.
    """
    for operation in operations():
        matched = operation.path.fullmatch(raw_path) if operation.method == method else None
        if matched is not None:
            params = _from_query(operation.input, query) | _from_payload(operation.input, body)
            params |= {name: unquote(value) for name, value in matched.groupdict().items()}
            faults = check_request(operation.input, params)
            if faults:
                raise error("ValidationException", f"{len(faults)} validation errors: {'; '.join(faults)}")
            return operation, params
    raise error("UnknownOperationException", f"no operation for {method} {raw_path}")


@cache
def model_of(service: str) -> Any:
    """Return botocore's model of a service."""
    import botocore.session

    return botocore.session.get_session().get_service_model(service)


def parse_target(service: str, target: str, body: bytes) -> tuple[str, dict[str, Any]]:
    """Return the operation that a `json` service is asked for, and its parameters, checked. Raises `AwsError`."""
    model, (prefix, _, name) = model_of(service), target.partition(".")
    if prefix != model.metadata["targetPrefix"] or name not in model.operation_names:
        raise error("UnknownOperationException", f"no operation {target}")
    params = _from_body(body)
    faults = check_request(model.operation_model(name).input_shape, params)
    if faults:
        raise error("ValidationException", f"{len(faults)} validation errors: {'; '.join(faults)}")
    return name, params


def _from_payload(shape: Any, body: bytes) -> dict[str, Any]:
    """Return what a body says: one parameter as it is, where the operation has one such, else all in JSON."""
    name = shape.serialization.get("payload")
    is_raw = name is not None and shape.members[name].type_name == "blob"
    return {name: body} if is_raw else _from_body(body)


def _from_body(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body) if body.strip() else {}
    except ValueError as e:
        raise error("SerializationException", f"the body is not JSON: {e}") from e
    if not isinstance(value, dict):
        raise error("SerializationException", "the body is not a JSON object")
    return value


def _from_query(shape: Any, query: str) -> dict[str, Any]:
    given = parse_qs(query, keep_blank_values=True)
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        key = member.serialization.get("name", name)
        if member.serialization.get("location") == "querystring" and key in given:
            text = given[key][0]
            kind = member.type_name
            found[name] = int(text) if kind == "integer" else text == "true" if kind == "boolean" else text
    return found


def to_json(value: Any, *, epoch: bool = False) -> bytes:
    """Return a result as the body of a response: without what is not set, times in ISO 8601, or as seconds."""

    def plain(node: Any) -> Any:
        if isinstance(node, Mapping):
            return {name: plain(inner) for name, inner in node.items() if inner is not None}
        if isinstance(node, (list, tuple)):
            return [plain(inner) for inner in node]
        if isinstance(node, datetime.datetime) and epoch:
            return node.timestamp()
        if isinstance(node, datetime.datetime):
            return node.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return node

    return json.dumps(plain(value), ensure_ascii=False).encode()


def pages(items: list[Any], params: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return one page of a list, as `maxResults` and `nextToken` ask."""
    start, size = int(params.get("nextToken") or 0), int(params.get("maxResults") or 100)
    more = {"nextToken": str(start + size)} if start + size < len(items) else {}
    return {key: items[start : start + size]} | more


def listed(items: Mapping[str, Any], params: Mapping[str, Any], **wanted: str) -> Iterator[Any]:
    """Yield the items that a list operation asks for, newest first.

    `wanted`: parameter → attribute that must equal it; `nameContains` looks into `name`.
    """
    found = [
        item
        for item in items.values()
        if params.get("nameContains", "") in item.name
        and all(params[name] == getattr(item, attribute) for name, attribute in wanted.items() if name in params)
    ]
    yield from sorted(found, key=lambda item: item.created, reverse=params.get("sortOrder") != "Ascending")
