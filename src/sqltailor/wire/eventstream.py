"""Frames of `application/vnd.amazon.eventstream`, written; botocore only reads them.

A frame is: total length, length of the headers, CRC32 of these two, headers, payload, CRC32 of all before.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7


def event(kind: str, value: Mapping[str, Any]) -> bytes:
    """Return one event as a frame: `contentBlockDelta` with its JSON."""
    return _frame({":event-type": kind, ":message-type": "event"}, value)


def chunk(content: bytes) -> bytes:
    """Return a piece of the stream of InvokeModelWithResponseStream as a frame."""
    return event("chunk", {"bytes": base64.b64encode(content).decode()})


def payload_part(content: bytes) -> bytes:
    """Return a part of the stream of an endpoint of SageMaker as a frame: any bytes."""
    return _frame_of({":event-type": "PayloadPart", ":message-type": "event"}, content, "application/octet-stream")


def exception(kind: str, message: str) -> bytes:
    """Return an error in the middle of a stream, its kind in lowerCamelCase: `throttlingException`."""
    return _frame({":exception-type": kind, ":message-type": "exception"}, {"message": message})


def _frame(headers: Mapping[str, str], value: Mapping[str, Any]) -> bytes:
    return _frame_of(headers, json.dumps(value, ensure_ascii=False).encode(), "application/json")


def _frame_of(headers: Mapping[str, str], payload: bytes, kind: str) -> bytes:
    head = b"".join(_header(*pair) for pair in {**headers, ":content-type": kind}.items())
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack("!I", zlib.crc32(message))


def _header(name: str, text: str) -> bytes:
    key, value = name.encode(), text.encode()
    return bytes([len(key)]) + key + bytes([_STRING]) + struct.pack("!H", len(value)) + value
