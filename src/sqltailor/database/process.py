"""The parent's side of the child process: start it, send requests, and kill it when a statement times out."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn

from sqltailor.database.url import hide
from sqltailor.errors import DataError, Refused, SQLError, Timeout
from sqltailor.types import QueryResult

MAX_SQL_CHARACTERS = 100_000
START_TIMEOUT_S = 15.0
GRACE_SHARE, MOST_GRACE_S = 0.15, 1.0
"""A driver may take so much longer than the limit to end a statement by itself before its process is killed."""

_PROGRAM = Path(__file__).parent / "child" / "program.py"
_KEPT_ENVIRONMENT = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")


class Child:
    """A process that holds one connection. It starts when first asked, and again after it was killed or died.

    `options` go to the engine over the pipe, so that a password is in no argument list; its environment holds a few
    harmless variables and those that match `options["environment"]`. Calls from several threads wait for each other;
    a forked copy of the parent starts its own process.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.warnings: tuple[str, ...] = ()
        self._options = dict(options)
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._finalizer: weakref.finalize[Any, Any] | None = None

    def start(self) -> None:
        """Connect now rather than at the first statement. Raises `DataError` when that is impossible."""
        with self._lock:
            if not self._is_alive():
                self._start()

    def request(
        self, sql: str, *, timeout_s: float, max_rows: int, catalog: bool = False, **engines: bool | str
    ) -> QueryResult:
        """Run one statement in the child; `engines` is what its engine knows besides.

        Raises `SQLError`, `Refused`, `Timeout` or `DataError`.
        """
        if len(sql) > MAX_SQL_CHARACTERS:
            raise Refused(f"The statement has {len(sql):,} characters; {MAX_SQL_CHARACTERS:,} are allowed.", "limits")
        if "\0" in sql:
            # C libraries would run what stands before it
            raise SQLError("The statement holds a NUL character.")
        request = {"sql": sql, "timeout_s": timeout_s, "max_rows": max_rows, "catalog": catalog, **engines}
        with self._lock:
            self.start()
            try:
                reply = self._exchange(request, timeout_s + min(GRACE_SHARE * timeout_s, MOST_GRACE_S))
            except TimeoutError:
                self.close()
                raise Timeout(f"The statement ran longer than {timeout_s:g} s.") from None
            except EOFError:
                raise self._died(timeout_s) from None
            except BaseException:
                # a reply that nobody read would be taken for the answer to the next statement
                self.close()
                raise
            if reply[0] == "error":
                self._fail(reply[1], reply[2], timeout_s)
        _, columns, rows, truncated, elapsed_ms = reply
        return QueryResult(tuple(columns), list(map(tuple, rows)), truncated, elapsed_ms)

    def close(self) -> None:
        """End the process. The next statement starts another one."""
        with self._lock:
            if self._finalizer is not None:
                self._finalizer()
            self._process = self._finalizer = None

    def _is_alive(self) -> bool:
        return self._process is not None and self._owner == os.getpid() and self._process.poll() is None

    def _start(self) -> None:
        if self._owner == os.getpid():
            self.close()
        kept = [*_KEPT_ENVIRONMENT, *self._options.get("environment", ())]
        environment = {name: value for name, value in os.environ.items() if any(fnmatchcase(name, k) for k in kept)}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            # arenas of other threads would reserve address space by the hundred megabytes
            env=environment | {"MALLOC_ARENA_MAX": "1"},
            start_new_session=True,
        )
        self._owner = os.getpid()
        self._finalizer = weakref.finalize(self, _end, self._process, self._owner)
        try:
            reply = self._exchange(self._options | {"python_path": sys.path}, START_TIMEOUT_S)
        except TimeoutError:
            self.close()
            raise DataError(f"{self._options['shown']} did not answer within {START_TIMEOUT_S:g} s.") from None
        except EOFError:
            code = self._exit_code()
            raise DataError(f"The process that opens {self._options['shown']} ended with code {code}.") from None
        except BaseException:
            self.close()
            raise
        if reply[0] == "error":
            self._fail(reply[1], reply[2], START_TIMEOUT_S)
        self.warnings = tuple(reply[1])

    def _exchange(self, request: Mapping[str, Any], timeout_s: float) -> Any:
        """Send one frame and return the next. Raises `TimeoutError`, or `EOFError` when the child has died."""
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        deadline = time.monotonic() + timeout_s
        body = json.dumps(request).encode()
        try:
            self._process.stdin.write(len(body).to_bytes(8) + body)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise EOFError from None
        pipe = self._process.stdout.fileno()
        size = int.from_bytes(_read(pipe, 8, deadline))
        return json.loads(_read(pipe, size, deadline), object_hook=_bytes)

    def _exit_code(self) -> int:
        assert self._process is not None
        code = self._process.wait()
        self.close()
        return code

    def _died(self, timeout_s: float) -> SQLError:
        code = self._exit_code()
        if code == -signal.SIGALRM:
            return Timeout(f"The statement ran longer than {timeout_s:g} s.")
        reason = signal.strsignal(-code) if code < 0 else f"exit code {code}"
        return Refused(
            f"The statement ended the process that ran it ({reason}): most often it was the memory.", "limits"
        )

    def _fail(self, kind: str, message: str, timeout_s: float) -> NoReturn:
        message = hide(message, self._options.get("secrets", ()), self._options["shown"])
        if kind == "sql":
            raise SQLError(message)
        if kind == "timeout":
            raise Timeout(f"The statement ran longer than {timeout_s:g} s.")
        if kind == "role":
            raise Refused(message, "role")
        if kind == "limits":
            raise Refused(message, "limits")
        self.close()
        if kind == "data":
            raise DataError(message)
        raise RuntimeError(f"The database process failed:\n{message}")


def _read(pipe: int, size: int, deadline: float) -> bytes:
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    parts, missing = [], size
    while missing:
        if not poller.poll(max(deadline - time.monotonic(), 0) * 1000):
            raise TimeoutError
        part = os.read(pipe, min(missing, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _bytes(value: dict[str, str]) -> bytes:
    return bytes.fromhex(value["hex"])


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    if owner != os.getpid():
        return
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    process.wait()
