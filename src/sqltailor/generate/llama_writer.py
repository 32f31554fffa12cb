"""Answers that llama.cpp writes side by side, whoever asked: rows, and the prompts that are kept for later ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from sqltailor.errors import BackendError
from sqltailor.generate.batches import WORTH_SHARING, common
from sqltailor.generate.decode import Written
from sqltailor.generate.llama_sequences import BATCH, Part, Sequences
from sqltailor.generate.prefixes import KEPT, StateFolder
from sqltailor.sql.constrain.walk import Move, Pick

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sqltailor.sql.constrain.walk import Walk

ROWS = 16
"""Answers that are written side by side."""
SEQUENCES = KEPT + ROWS + 1
"""Numbers of sequences: those of kept prompts, those of rows, and one that is free for a moment's use."""


class Free:
    """What leads a row that is kept to no schema: nothing but the tokens that end an answer."""

    led = None

    def __init__(self, ends: Collection[int]) -> None:
        self.ids: list[int] = []
        self._ends = ends

    def follow(self, token: int) -> Move:
        """Return the move by a token."""
        if token in self._ends:
            return Move(0, [], is_done=True)
        self.ids.append(token)
        return Move(0, [token])

    def take(self, logits: NDArray[np.float32] | None, pick: Pick) -> Move:
        """Return the move by the token that is picked."""
        assert logits is not None
        return self.follow(pick(logits))


@dataclass(eq=False)
class Row:
    """An answer to `ids`, of at most `most` tokens, that is being written.

    `sampler` picks a token from all, `pick` from those that are not forbidden. `kept_on_disk`: how many of `ids` are
    the beginning that later processes will need. Times count from `began`.
    """

    ids: list[int]
    most: int
    walk: Walk | Free
    sampler: Any
    pick: Pick
    is_stopped: Callable[[list[int]], bool]
    began: float
    kept_on_disk: int = 0
    written: Written = field(default_factory=Written)
    is_done: bool = False
    sequence: int | None = None
    known: int = 0
    """Tokens of prompt and answer that are read."""
    pending: list[int] = field(default_factory=list)
    failure: BackendError | None = None

    @property
    def is_reading(self) -> bool:
        """Whether its prompt is not read to the end."""
        return self.sequence is not None and self.known < len(self.ids)


class Kept(NamedTuple):
    """A prompt that was read, or its beginning, and the sequence that holds it."""

    sequence: int
    ids: list[int]


class Writer:
    """Writes rows. One thread at a time; a row that finds no free sequence, or no room, waits for its turn."""

    def __init__(self, sequences: Sequences, states: StateFolder) -> None:
        self._sequences, self._states = sequences, states
        self.rows: list[Row] = []
        self._kept: list[Kept] = []  # the one used last is the last
        self._free = list(range(KEPT, KEPT + ROWS))

    def remove(self, rows: Collection[Row]) -> None:
        """Give back what rows have, written or not."""
        self.rows = [row for row in self.rows if row not in rows]
        for row in rows:
            if row.sequence is not None:
                self._sequences.cut(row.sequence, 0)
                self._free.append(row.sequence)
                row.sequence = None

    def step(self) -> None:
        """Read what is next of every row that has begun, and write a token where its prompt is read."""
        for row in self.rows:
            if row.sequence is None and not row.is_done:
                self._begin(row)
        parts, speaking = [], []
        left = BATCH
        # who writes goes before who reads
        for row in sorted((row for row in self.rows if row.sequence is not None), key=lambda row: len(row.pending)):
            ids, row.pending = row.pending[:left], row.pending[left:]
            if not ids:
                break
            parts.append(Part(row.sequence or 0, row.known, ids, speaks=not row.pending))
            speaking.append(row)
            row.known += len(ids)
            left -= len(ids)
        if not parts:  # another thread has just written the last of them
            return
        try:
            places = self._sequences.read(parts)
        except BackendError as e:
            self._fail(e)
            return
        for row, place in zip(speaking, places, strict=True):
            if row.known == len(row.ids) and not row.written.ids:
                self._keep(row)
            if not row.pending:
                self._write(row, place)
        self.remove([row for row in self.rows if row.is_done])

    def _fail(self, failure: BackendError) -> None:
        """End all rows: what was read of them is not known any more."""
        for row in self.rows:
            row.is_done, row.failure = True, failure
        self.remove(self.rows)
        self._kept = []
        self._sequences.empty(self._sequences.cells)

    def _write(self, row: Row, place: int) -> None:
        """Have a row go on behind the token at a place of what was just read."""
        walk, own = row.walk, row.written
        move = walk.follow(self._sequences.pick(place, row.sampler))
        if move is None:
            move = walk.take(self._sequences.logits(place), row.pick)
        back = move.back
        while not move.tokens and not move.is_done and not walk.ids:  # back at the prompt
            move = walk.take(None, row.pick)
        own.ids = list(walk.ids)
        own.total_ms = (time.perf_counter() - row.began) * 1000
        own.first_token_ms = own.first_token_ms or own.total_ms
        if move.is_done or row.is_stopped(own.ids) or len(own.ids) >= row.most:
            own.stop = "end" if move.is_done else "stop" if row.is_stopped(own.ids) else "length"
            own.led, row.is_done = walk.led, True
            return
        again = not move.tokens  # what follows what is left must be asked again
        row.pending = walk.ids[-1:] if again else move.tokens
        row.known -= back + again
        if back or again:
            assert row.sequence is not None
            self._sequences.cut(row.sequence, row.known)

    def _begin(self, row: Row) -> None:
        """Give a row a sequence that begins as one that is kept, or leave it waiting."""
        read_now = max((common(other.ids, row.ids) for other in self.rows if other.is_reading), default=0)
        if not self._free or read_now >= self._longest_beginning(row)[1] + WORTH_SHARING or not self._has_room(row):
            return
        source, shared = self._longest_beginning(row)
        row.sequence = self._free.pop()
        if source is not None:
            if source in self._kept:
                self._kept.append(self._kept.pop(self._kept.index(source)))
            self._sequences.copy(source.sequence, row.sequence, shared)
        row.known, row.pending = shared, row.ids[shared:]

    def _longest_beginning(self, row: Row) -> tuple[Kept | None, int]:
        """Return what has a row's beginning, and its length; never all of it: the last token is to speak."""
        written = [Kept(r.sequence, r.ids) for r in self.rows if r.sequence is not None and not r.is_reading]
        sources = [*written, *self._kept]
        shares = [(min(common(source.ids, row.ids), len(row.ids) - 1), i) for i, source in enumerate(sources)]
        shared, at = max(shares, default=(0, 0))
        if shared < row.kept_on_disk and self._recall(row):
            return self._kept[-1], row.kept_on_disk
        return (sources[at], shared) if shared >= WORTH_SHARING else (None, 0)

    def _recall(self, row: Row) -> bool:
        """Have the beginning that another process wrote down."""
        ids = row.ids[: row.kept_on_disk]
        state = self._states.read(ids)
        if state is None:
            return False
        sequence = self._sequence_to_keep(ids)
        if self._sequences.restore(sequence, state, len(ids)):
            self._kept.append(Kept(sequence, ids))
            return True
        self._states.forget(ids)
        return False

    def _keep(self, row: Row) -> None:
        """Keep a prompt that was just read, in place of those that it extends."""
        assert row.sequence is not None
        sequence = self._sequence_to_keep(row.ids)
        self._sequences.copy(row.sequence, sequence, len(row.ids))
        self._kept.append(Kept(sequence, row.ids))
        ids = row.ids[: row.kept_on_disk]
        if ids and not self._states.has(ids):
            spare = SEQUENCES - 1
            self._sequences.copy(row.sequence, spare, len(ids))
            self._states.write(ids, self._sequences.state(spare))
            self._sequences.cut(spare, 0)

    def _sequence_to_keep(self, ids: Sequence[int]) -> int:
        """Return a sequence in which to keep a prompt; the one that was used the longest ago makes way."""
        replaced = [kept for kept in self._kept if kept.ids == ids[: len(kept.ids)]]
        self._drop(replaced or self._kept[: max(0, len(self._kept) - KEPT + 1)])
        return min(set(range(KEPT)) - {kept.sequence for kept in self._kept})

    def _drop(self, several: Sequence[Kept]) -> None:
        self._kept = [kept for kept in self._kept if kept not in several]
        for kept in several:
            self._sequences.cut(kept.sequence, 0)

    def _has_room(self, row: Row) -> bool:
        """Make room for a row, if need be by forgetting kept prompts; False: it must wait for others to end."""
        begun = [other for other in self.rows if other.sequence is not None]
        while self._cells([*begun, row]) > self._sequences.cells:
            if self._kept:
                self._drop(self._kept[:1])
            elif begun:
                return False
            else:
                self._sequences.empty(1 << (self._cells([row]) - 1).bit_length())
        return True

    def _cells(self, rows: Sequence[Row]) -> int:
        """Return how many tokens these rows and what is kept will be at most, equal beginnings counted once."""
        texts = sorted([*(kept.ids for kept in self._kept), *(row.ids for row in rows)])
        repeated = sum(common(a, b) for a, b in pairwise(texts))
        return sum(map(len, texts)) - repeated + sum(row.most + WORTH_SHARING for row in rows)
