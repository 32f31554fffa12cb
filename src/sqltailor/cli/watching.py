"""How something in the cloud is shown while it takes its time: a live line on a terminal, else a line a change."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqltailor.cli.output import note

if TYPE_CHECKING:
    from sqltailor.cloud.job_record import Status


@contextmanager
def watching() -> Iterator[Callable[[Status], None]]:
    """Show a job's status on stderr while the block runs."""
    with saying("the job") as say:
        yield lambda status: say(status.text())


@contextmanager
def saying(what: str) -> Iterator[Callable[[str], None]]:
    """Show what is said of something on stderr while the block runs, with the time since it began."""
    began, last = time.monotonic(), ""

    def words(text: str) -> str:
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        return f"{what}: {text} ({minutes}:{seconds:02})"

    if not sys.stderr.isatty():

        def say(text: str) -> None:
            nonlocal last
            if text != last:
                last = text
                note(words(text))

        yield say
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{what}: …") as line:
        yield lambda text: line.update(words(text))
