"""Faults that the local Bedrock is told to have, so that a program can be seen to survive them."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, replace

from sqltailor.errors import ConfigError

JOB = "CustomizationJob"
"""In place of an operation: the next job fails, with `error` as its message."""
STREAM = "ConverseStream"
EVERY = "*"
"""In place of an operation: any of Bedrock's."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and how often. For a stream, an `error` in lowerCamelCase comes `after` so many pieces.

    `operation` is one of Bedrock's (`Converse`), another service (`sts`, `s3`, `iam`), a job such as
    `CustomizationJob`, or `*`. `error` is a code that the service has, such as `ThrottlingException`.
    """

    operation: str
    error: str
    times: int = 1
    after: int = 0


def parse_fault(text: str) -> Fault:
    """Return the fault that `OPERATION=ERROR[:TIMES]` says.

    >>> parse_fault("Converse=ThrottlingException:3")
    Fault(operation='Converse', error='ThrottlingException', times=3, after=0)
    """
    matched = re.fullmatch(r"(\*|\w+)=(.+?)(?::(\d+))?", text)
    if matched is None:
        raise ConfigError(f"--fault '{text}' is not OPERATION=ERROR[:TIMES], such as Converse=ThrottlingException:3.")
    return Fault(matched[1], matched[2], int(matched[3] or 1))


class Faults:
    """Faults that are still to come."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Let a fault happen the next `times` times."""
        with self._lock:
            self._waiting.append(fault)

    def tell(self, method: str, body: bytes) -> None:
        """Add the fault of a POST, or forget all on a DELETE."""
        if method == "DELETE":
            self.clear()
        else:
            self.add(Fault(**json.loads(body)))

    def clear(self) -> None:
        """Forget all that have not happened yet."""
        with self._lock:
            self._waiting.clear()

    def take(self, *operations: str, mid_stream: bool = False) -> Fault | None:
        """Return the fault that one of these operations has now, and count it as happened."""
        with self._lock:
            for i, fault in enumerate(self._waiting):
                breaks_stream = fault.operation == STREAM and fault.error[0].islower()
                if fault.operation in operations and breaks_stream == mid_stream:
                    left = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                    self._waiting[i : i + 1] = left
                    return fault
        return None
