"""Threads that share a writer: each does a step for all, or waits until another has done one."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from sqltailor.generate.leaving import stop_if_nobody_waits
from sqltailor.generate.llama_writer import Row, Writer


class Turns:
    """Rows that any number of threads want, written by one writer."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self._turn = threading.Condition()
        self._is_stepping = False
        # the writer is touched by who steps, and by nobody meanwhile
        self._coming: list[Row] = []
        self._leaving: list[Row] = []

    def write(self, rows: Sequence[Row]) -> Iterator[None]:
        """Have rows written to their end, together with what other threads want; yield after each step.

        Raises the `BackendError` of a row that failed, and `NobodyWaits` when who asked has left.
        """
        with self._turn:
            self._coming += rows
        try:
            while not all(row.is_done for row in rows):
                stop_if_nobody_waits()
                self._step()
                yield
        finally:
            with self._turn:
                self._coming = [row for row in self._coming if row not in rows]
                self._leaving += rows
                if not self._is_stepping:
                    self._clear()
        for row in rows:
            if row.failure is not None:
                raise row.failure

    def _step(self) -> None:
        with self._turn:
            if self._is_stepping:
                self._turn.wait()
                return
            self._is_stepping = True
            self.writer.rows += self._coming
            self._coming = []
        try:
            self.writer.step()
        finally:
            with self._turn:
                self._clear()
                self._is_stepping = False
                self._turn.notify_all()

    def _clear(self) -> None:
        self.writer.remove(self._leaving)
        self._leaving = []
