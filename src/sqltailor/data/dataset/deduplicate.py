"""Duplicates among a million rows: columns of 64-bit keys in memory, MinHash bands on disk, one band at a time."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from sqltailor.data.facts import BANDS, Facts, jaccard, normalise, shingles

MAX_KEPT_A_BUCKET = 50
"""A row is compared with so many earlier rows of its bucket, which keeps the work linear."""

KEYS = ("exact", "question", "sql", "template", "schema", "database", "id", "pair")


class Copy(NamedTuple):
    """A row that repeats an earlier one: that row's number, and `duplicate` or `near_duplicate`."""

    of: int
    reason: str


class Ledger:
    """The keys of all kept rows, in order: `ledger.columns["exact"][row]`. Bands go to files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.columns: dict[str, array[int]] = {name: array("Q") for name in KEYS}
        self.levels: list[str] = []
        self.level = array("B")
        self._folder = folder
        self._files: list[BinaryIO] = [(folder / f"band-{i}").open("wb") for i in range(BANDS)]
        self._pending: list[array[int]] = [array("Q") for _ in range(BANDS)]

    def __len__(self) -> int:
        return len(self.level)

    def add(self, facts: Facts) -> None:
        """Append one row."""
        for name in KEYS:
            self.columns[name].append(getattr(facts, name))
        if facts.level not in self.levels:
            # a byte holds the stratum: a data set with more than 255 difficulties has none
            self.levels.append(facts.level)
        self.level.append(min(self.levels.index(facts.level), 255))
        for pending, band in zip(self._pending, facts.bands, strict=True):
            pending.append(band)
        if len(self._pending[0]) >= 8192:
            self._flush()

    def _flush(self) -> None:
        for i, (file, pending) in enumerate(zip(self._files, self._pending, strict=True)):
            pending.tofile(file)
            self._pending[i] = array("Q")

    def bands(self) -> Iterator[array[int]]:
        """Yield each band's keys, one a row, read back from disk."""
        self._flush()
        for i, file in enumerate(self._files):
            file.flush()
            band = array("Q")
            with (self._folder / f"band-{i}").open("rb") as stored:
                band.fromfile(stored, len(self))
            yield band

    def close(self) -> None:
        """Close the band files."""
        for file in self._files:
            file.close()


def find_copies(ledger: Ledger, question: Callable[[int], str], *, near: float | None = 0.8) -> dict[int, Copy]:
    """Return row → the earlier row that it repeats.

    `duplicate`: same normalised question, schema and gold SQL. `near_duplicate`: same schema and gold SQL, and
    questions whose three-character shingles have a Jaccard similarity of at least `near` (None: not looked for).
    Questions that differ in a value have other SQL, so they stay. `question(row)` returns a row's text.
    """
    copies: dict[int, Copy] = {}
    for rows in groups(ledger.columns["exact"]):
        copies.update((row, Copy(rows[0], "duplicate")) for row in rows[1:])
    if near is not None:
        for band in ledger.bands():
            for rows in groups(band):
                _compare(rows, copies, question, near)
    return copies


def groups(keys: Sequence[int]) -> Iterator[list[int]]:
    """Yield the row numbers, ascending, that share a key with another row."""
    order = sorted(range(len(keys)), key=keys.__getitem__)
    start = 0
    for end in range(1, len(order) + 1):
        if end == len(order) or keys[order[end]] != keys[order[start]]:
            if end - start > 1:
                yield order[start:end]
            start = end


def _compare(rows: list[int], copies: dict[int, Copy], question: Callable[[int], str], near: float) -> None:
    rows = [row for row in rows if row not in copies]
    kept: list[tuple[int, set[bytes]]] = []
    for row in rows if len(rows) > 1 else ():
        pieces = shingles(normalise(question(row)))
        original = next((first for first, seen in kept if jaccard(pieces, seen) >= near), None)
        if original is not None:
            copies[row] = Copy(original, "near_duplicate")
        elif len(kept) < MAX_KEPT_A_BUCKET:
            kept.append((row, pieces))


def contradictions(ledger: Ledger, copies: Container[int]) -> list[list[int]]:
    """Return groups of kept rows that ask the same question of the same schema and have different SQL."""
    sql = ledger.columns["sql"]
    kept = ([row for row in rows if row not in copies] for rows in groups(ledger.columns["question"]))
    return [rows for rows in kept if len({sql[row] for row in rows}) > 1]
