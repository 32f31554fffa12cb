"""One process at a time in a run: advisory locks (POSIX flock), which end with the process that holds them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from sqltailor.errors import BackendError

# the workers of a killed process have its lock until they notice, a second later, that it is gone
_ORPHANS_END_S = 5.0


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold a run's folder for this process; BackendError when another living process holds it."""
    with (folder / ".lock").open("a+") as file:
        _take(file, folder)
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _take(file: IO[str], folder: Path) -> None:
    import fcntl

    deadline = time.monotonic() + _ORPHANS_END_S
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as e:
            file.seek(0)
            owner = file.read().strip()
            if _is_living(owner) or time.monotonic() > deadline:
                raise BackendError(f"{folder} is in use by process {owner or '?'}. Wait, or stop it.") from e
        time.sleep(0.05)


def _is_living(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:  # it is another user's
        return True
    return True
