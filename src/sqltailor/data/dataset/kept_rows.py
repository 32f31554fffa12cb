"""Check all rows of the files: what is kept goes to disk, its keys and counts stay in memory."""

from __future__ import annotations

import functools
import json
import mmap
from array import array
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from sqltailor.data.dataset.deduplicate import Ledger
from sqltailor.data.dataset.pool import map_ordered
from sqltailor.data.dataset.row_checker import Checker, Item, Kept, Settings
from sqltailor.data.dataset.tally import Tally, Traits
from sqltailor.data.examples import from_json, json_line
from sqltailor.data.facts import asked_text
from sqltailor.data.rows import Reject


class KeptRows:
    """The rows that passed the checks, and a tally of all rows. A context manager; the caller removes `folder`."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder)
        self.tally = Tally()
        self.path = folder / "kept.jsonl"
        self._kept = open_to_write(self.path)
        self._traits_path = folder / "traits.jsonl"
        self._traits = open_to_write(self._traits_path)
        self._rejects = open_to_write(folder / "rejects.jsonl")
        self._smells = open_to_write(folder / "smells.jsonl")
        self._starts = array("Q")
        self._size = 0
        self._map: mmap.mmap | None = None

    def take(self, items: Iterable[Item], settings: Settings, *, workers: int | None = None) -> None:
        """Read and check all rows."""
        for result in map_ordered(functools.partial(Checker, settings), items, workers=workers):
            self.tally.read += 1
            if isinstance(result, Reject):
                self.reject(result)
            else:
                self._keep(result)
        self._kept.flush()
        self._traits.flush()

    def count(self, removed: Container[int]) -> None:
        """Tally the rows that passed the checks, but those that are removed as copies."""
        with self._traits_path.open(encoding="utf-8", newline="\n") as file:
            for row, (line, traits) in enumerate(zip(self.lines(), file, strict=True)):
                if row not in removed:
                    found = Traits(*json.loads(traits))
                    self.tally.keep(found)
                    for name in found.warnings:
                        self.tally.warn(name, line)

    def reject(self, reject: Reject) -> None:
        """Write a row that is not taken to `rejects.jsonl`."""
        self.tally.reject(reject)
        where = {"source": reject.source, "line": reject.line, "reason": reject.reason}
        self._rejects.write(json_line({**where, "detail": reject.detail, "raw": reject.raw}))

    def _keep(self, kept: Kept) -> None:
        self.ledger.add(kept.facts)
        facts = kept.facts
        self._traits.write(json_line(Traits(facts.shape, facts.tables, facts.level, facts.tokens, kept.warnings)))
        for smell in kept.smells:
            self._smells.write(json_line(smell))
        self._starts.append(self._size)
        self._size += len(kept.line.encode())
        self._kept.write(kept.line)

    def line(self, row: int) -> str:
        """Return the JSON line of a kept row."""
        if self._map is None:
            with self.path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        end = self._starts[row + 1] if row + 1 < len(self._starts) else self._size
        return self._map[self._starts[row] : end].decode()

    def question(self, row: int) -> str:
        """Return what a kept row asks."""
        return asked_text(from_json(json.loads(self.line(row))))

    def lines(self) -> Iterator[str]:
        """Yield the JSON lines of all kept rows, in order."""
        with self.path.open(encoding="utf-8", newline="\n") as file:
            yield from file

    def close(self) -> None:
        """Close all files."""
        self._kept.close()
        self._traits.close()
        self._rejects.close()
        self._smells.close()
        self.ledger.close()
        if self._map is not None:
            self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_to_write(path: Path) -> TextIO:
    """Open a JSON Lines file to write it anew."""
    return path.open("w", encoding="utf-8", newline="\n")
