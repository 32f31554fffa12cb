"""The program of the child process that holds a connection: requests on standard input, replies on standard output.

`process.py` runs it as a file, isolated from the package, so that it starts in about 25 ms: it imports only the
standard library and, through its engine (`sqlite.py` beside it and so on), one driver. It is where hostile SQL runs:

- memory is capped (RLIMIT_AS), no file can grow (RLIMIT_FSIZE), the environment holds no secrets;
- a statement that outlives its time by 2 s ends the process (SIGALRM), whatever the driver is doing;
- end of file on standard input, which is what the death of the parent looks like, ends the process.

A frame is its length in 8 bytes, big-endian, then JSON: unlike pickle and marshal, JSON from a process that a hostile
statement took over cannot harm the reader. `bytes` travel as `{"hex": ...}`. The rows of a result are a JSON value of
their own, on a second line: the reader sees that it knows them without reading them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import resource
import signal
import sys
import time
from typing import Any, BinaryIO, Protocol

Rows = tuple[list[str], list[Any], bool]
"""Column names, rows, and whether the row cap cut them."""

KINDS = {
    TimeoutError: "timeout",
    PermissionError: "role",
    MemoryError: "limits",
    OSError: "data",
    ValueError: "sql",
}
"""What an engine's exceptions mean, most specific first; any other exception is a bug."""

KILL_AFTER_S = 2.0
_JSON = json.JSONEncoder(default=lambda value: {"hex": bytes(value).hex()}, separators=(",", ":"))


class Engine(Protocol):
    """What an engine module's `Engine(options)` offers."""

    warnings: list[str]

    def run(self, sql: str, timeout_s: float, max_rows: int, catalog: bool) -> Rows:
        """Run one statement and return its first `max_rows` rows. `catalog`: our own statement on system tables."""


def receive(stream: BinaryIO) -> Any:
    """Return the next request, or None at the end of the stream."""
    size = stream.read(8)
    return json.loads(stream.read(int.from_bytes(size))) if len(size) == 8 else None


def encode(reply: Any) -> bytes:
    """Return a reply as JSON."""
    return _JSON.encode(reply).encode()


def failure(e: Exception) -> list[Any]:
    """Return the reply for an exception."""
    for kind, name in KINDS.items():
        if isinstance(e, kind):
            return ["error", name, str(e) or "Out of memory."]
    import traceback

    return ["error", "bug", "".join(traceback.format_exception(e))]


def limit_memory(max_bytes: int) -> str | None:
    """Let the process grow by `max_bytes` of address space and no more; return a warning where that is impossible."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            cap = int(file.read().split()[0]) * resource.getpagesize() + max_bytes
        resource.setrlimit(resource.RLIMIT_AS, (cap, cap))
    except (OSError, ValueError):
        return "This system cannot cap the memory of a process: a statement is held by the database's own limit alone."
    return None


def load_engine(options: dict[str, Any]) -> Engine:
    """Connect, with the engine module that `options` names."""
    sys.path[:] = options["python_path"]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{options['engine']}.py")
    spec = importlib.util.spec_from_file_location(f"child_{options['engine']}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    engine: Engine = module.Engine(options)
    return engine


def answer(engine: Engine, request: dict[str, Any], max_reply: int) -> bytes:
    """Run a request and return the encoded reply."""
    started = time.perf_counter()
    try:
        columns, rows, cut = engine.run(**request)
        head = ["rows", columns, cut, (time.perf_counter() - started) * 1000]
        reply = b"\n".join([encode(head), encode(rows)])
    except Exception as e:  # every failure is a reply; the parent raises it
        return encode(failure(e))
    if len(reply) > max_reply:
        return encode(["error", "limits", f"The result is larger than {max_reply >> 20} MiB. Ask for fewer rows."])
    return reply


def main() -> None:
    """Serve requests until standard input ends."""
    # whatever a driver prints must not end up between two frames
    replies = os.fdopen(os.dup(1), "wb", 0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def send(reply: bytes) -> None:
        replies.write(b"".join([len(reply).to_bytes(8), reply]))

    options = receive(sys.stdin.buffer)
    try:
        engine = load_engine(options)
        warning = limit_memory(2 * options["max_bytes"])
    except Exception as e:
        return send(encode(failure(e)))
    send(encode(["ready", engine.warnings + ([warning] if warning else [])]))
    while (request := receive(sys.stdin.buffer)) is not None:
        signal.setitimer(signal.ITIMER_REAL, request["timeout_s"] + KILL_AFTER_S)
        reply = answer(engine, request, options["max_bytes"] // 8)
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(reply)
    return None


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
