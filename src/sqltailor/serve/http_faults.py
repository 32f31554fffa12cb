"""What a server answers instead of a result, in the shape that each kind of client reads."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from sqltailor.errors import BackendError, DatabaseGone, SQLTailorError
from sqltailor.wire import openai

logger = logging.getLogger("sqltailor.serve")

RETRY_S = 10
"""When to ask again where the database is gone."""
BEDROCK_NAMES: Mapping[int, str] = {
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
    504: "ModelTimeoutException",
}
"""HTTP status → what Bedrock calls it; any other is a `ValidationException`."""


class HttpFault(Exception):
    """A request that gets no result. `retry_after_s` is when trying again may help."""

    def __init__(self, status: int, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.headers = {} if retry_after_s is None else {"Retry-After": str(max(1, math.ceil(retry_after_s)))}
        if status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"


class ClientGone(Exception):
    """The client has closed the connection, and nobody reads an answer."""


def fault_of(error: SQLTailorError) -> HttpFault:
    """Return an expected error as what the client is told: a model or database that fails is not the client's fault."""
    if isinstance(error, DatabaseGone):  # the message says where it was
        logger.error("%s", json.dumps({"error": type(error).__name__, "message": str(error)}))
        return HttpFault(503, "The database cannot be reached now; the server's log says why.", retry_after_s=RETRY_S)
    return HttpFault(503 if isinstance(error, BackendError) else 400, str(error))


def fault_response(path: str, fault: HttpFault) -> Response:
    """Return a fault in the shape that the clients of a path expect."""
    headers = dict(fault.headers)
    if path.startswith("/v1/"):
        return JSONResponse(openai.error(fault.status, fault.message), fault.status, headers)
    if path.startswith("/model/"):
        headers["x-amzn-ErrorType"] = BEDROCK_NAMES.get(fault.status, "ValidationException")
        return JSONResponse({"message": fault.message}, fault.status, headers)
    return JSONResponse({"error": fault.message}, fault.status, headers)
