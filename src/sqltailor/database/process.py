"""The parent's side of the child process: start it, send requests, and kill it when a statement times out."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn, Self

from sqltailor.database.pipe import Came, Inbox, Written, encoded, first_of, framed
from sqltailor.database.url import hide
from sqltailor.errors import ConfigError, DatabaseGone, Refused, SQLError, Timeout
from sqltailor.types import QueryResult

START_TIMEOUT_S = 15.0
GRACE_SHARE, MOST_GRACE_S = 0.15, 1.0
"""A driver may take so much longer than the limit to end a statement by itself before its process is killed."""

_PROGRAM = Path(__file__).parent / "child" / "program.py"
_KEPT_ENVIRONMENT = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")


class Child:
    """A process that holds one connection. It starts when first asked, and again after it was killed or died.

    `options` go to the engine over the pipe, so that a password is in no argument list; its environment holds a few
    harmless variables and those that match `options["environment"]`. Calls from several threads wait for each other;
    a forked copy of the parent, or one that was pickled, with all options, starts its own process.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.warnings: tuple[str, ...] = ()
        self._options = dict(options)
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._inbox: Inbox | None = None
        self._owner = 0
        self._finalizer: weakref.finalize[Any, Any] | None = None

    def __reduce__(self) -> tuple[type[Self], tuple[dict[str, Any]]]:
        return type(self), (self._options,)

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
        frame = framed({"sql": sql, "timeout_s": timeout_s, "max_rows": max_rows, "catalog": catalog, **engines})
        with self._lock:
            self.start()
            came = self._result(timeout_s, frame)
        return came.result()

    def request_all(
        self, statements: Sequence[tuple[str, int]], *, timeout_s: float, **engines: bool | str
    ) -> list[Came | SQLError]:
        """Return for each statement and its `max_rows` what comes of it, or why it failed.

        Several are sent at a time, so that the child need not wait for the parent after each. Every one has the whole
        time limit; those that were sent with one that ended the process run in the next. Raises `DataError`.
        """
        common = {"timeout_s": timeout_s, "catalog": False, **engines}
        frames: list[bytes | SQLError] = []
        for sql, max_rows in statements:
            try:
                frames.append(framed({"sql": sql, "max_rows": max_rows, **common}))
            except SQLError as e:
                frames.append(e)
        found: list[Came | SQLError] = []
        with self._lock:
            while len(found) < len(frames):
                first = frames[len(found)]
                if isinstance(first, SQLError):
                    found.append(first)
                else:
                    found += self._results(timeout_s, first_of(frames[len(found) :]))
        return found

    def _results(self, timeout_s: float, batch: Sequence[bytes]) -> list[Came | SQLError]:
        """Send statements in one message; return what comes of each up to one that ends the process."""
        found: list[Came | SQLError] = []
        self.start()
        try:
            unsent = b"".join(batch)
            for _ in batch:
                try:
                    found.append(self._result(timeout_s, unsent))
                except SQLError as e:
                    found.append(e)
                    if self._process is None:
                        break
                unsent = b""
        except BaseException:
            # replies that nobody read would be taken for the answers to the next statements
            self.close()
            raise
        return found

    def _result(self, timeout_s: float, frames: bytes) -> Came:
        """Send frames, and return what came of the first statement whose reply was not read yet."""
        try:
            reply, rows = self._exchange(frames, timeout_s + min(GRACE_SHARE * timeout_s, MOST_GRACE_S))
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
        _, columns, truncated, elapsed_ms = reply
        return Came(columns, rows, truncated, elapsed_ms)

    def close(self) -> None:
        """End the process. The next statement starts another one."""
        with self._lock:
            if self._finalizer is not None:
                self._finalizer()
            self._process = self._inbox = self._finalizer = None

    def _is_alive(self) -> bool:
        return self._process is not None and self._owner == os.getpid() and self._process.poll() is None

    def _start(self) -> None:
        if sys.platform == "win32":
            raise ConfigError(
                "Statements run in a process with POSIX limits of time and memory: SQLTailor needs Linux or macOS. "
                "On Windows, use WSL: wsl --install"
            )
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
        assert self._process.stdout is not None
        self._inbox = Inbox(self._process.stdout.fileno())
        self._owner = os.getpid()
        self._finalizer = weakref.finalize(self, _end, self._process, self._owner)
        try:
            reply, _ = self._exchange(encoded(self._options | {"python_path": sys.path}), START_TIMEOUT_S)
        except TimeoutError:
            self.close()
            raise DatabaseGone(f"{self._options['shown']} did not answer within {START_TIMEOUT_S:g} s.") from None
        except EOFError:
            code = self._exit_code()
            raise DatabaseGone(f"The process that opens {self._options['shown']} ended with code {code}.") from None
        except BaseException:
            self.close()
            raise
        if reply[0] == "error":
            self._fail(reply[1], reply[2], START_TIMEOUT_S)
        self.warnings = tuple(reply[1])

    def _exchange(self, frames: bytes, timeout_s: float) -> tuple[Any, Written]:
        """Send frames and return the next, with the rows as they were written.

        Raises `TimeoutError`, or `EOFError` when the child has died.
        """
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._inbox is not None
        deadline = time.monotonic() + timeout_s
        try:
            if frames:
                self._process.stdin.write(frames)
                self._process.stdin.flush()
        except BrokenPipeError:
            raise EOFError from None
        return self._inbox.frame(deadline)

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
            raise DatabaseGone(message)
        raise RuntimeError(f"The database process failed:\n{message}")


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    if owner != os.getpid():
        return
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    process.wait()
