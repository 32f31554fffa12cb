"""Collate rows into tensors: rows of similar length together, and a prefix that several share only once.

Examples of one database begin with the same long schema. Rows of a micro-batch that do are put behind one copy of it,
as branches of a tree: every token sees its own row's tokens and no others, at the positions it has in its own row. The
loss is that of separate rows, with a fraction of the tokens computed.

Shapes: B packed rows, T tokens of the longest, both after sharing.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqltailor.generate.batches import WORTH_SHARING, Batch, plan
from sqltailor.train.rows.encoding import IGNORE_INDEX, Row

if TYPE_CHECKING:
    from torch import Tensor

MULTIPLE = 32
"""Lengths are padded to multiples of it: kernels and buffers of a length that comes again are used again."""
WINDOW = 32
"""Batches of a window are sorted by what they begin with and their length; windows are drawn at random."""


@dataclass(frozen=True)
class Collator:
    """Turns rows into `input_ids`, `labels`, `position_ids` and `attention_mask`; with `share`, as trees."""

    pad_token_id: int
    share: bool = True
    apart: bool = False
    """Return a beginning that all rows share as `prefix_ids` (1, P), apart from what follows it."""

    def __call__(self, rows: Sequence[Row]) -> dict[str, Tensor]:
        branches = _groups(rows) if self.share else [Batch([i], 0) for i in range(len(rows))]
        packed = [_pack([rows[i] for i in branch.rows], branch.shared) for branch in branches]
        if self.apart and len(branches) == 1 and branches[0].shared >= WORTH_SHARING:
            return self._branches(packed[0], branches[0].shared)
        if all(len(branch.rows) == 1 for branch in branches):
            return self._padded(packed)
        return self._tree(packed)

    def _padded(self, packed: Sequence[_Packed]) -> dict[str, Tensor]:
        import torch

        length = padded_length(max(len(row.ids) for row in packed))
        mask = torch.zeros(len(packed), length, dtype=torch.long)
        for i, row in enumerate(packed):
            mask[i, : len(row.ids)] = 1
        return self._columns(packed, length) | {"attention_mask": mask}

    def _tree(self, packed: Sequence[_Packed]) -> dict[str, Tensor]:
        import torch

        length = padded_length(max(len(row.ids) for row in packed))
        branch = torch.full((len(packed), length), -1)
        for i, row in enumerate(packed):
            branch[i, : len(row.ids)] = torch.tensor(row.branch)
        key, query = branch[:, None, :], branch[:, :, None]
        # 0 is the shared beginning; padding (-1) sees itself, so that no query sees nothing
        mask = ((key == query) | (key == 0)) & torch.ones(length, length, dtype=torch.bool).tril()
        return self._columns(packed, length) | {"attention_mask": mask[:, None]}  # (B, 1, T, T)

    def _branches(self, packed: _Packed, shared: int) -> dict[str, Tensor]:
        """Return rows side by side without their beginning, which is `prefix_ids` (1, P), padded.

        `slots` (R, W): for each of R rows where its W tokens lie among the packed ones, -1 where it has fewer.
        `prefix_seen` (P): 1 for the tokens of the beginning, 0 for its padding.
        """
        import torch

        own = _Packed(*(values[shared:] for values in packed.values()))
        places: dict[int, list[int]] = {}
        for place, branch in enumerate(own.branch):
            places.setdefault(branch, []).append(place)
        width = padded_length(max(map(len, places.values())), multiple=8)
        padding = padded_length(shared) - shared
        return self._columns([own], padded_length(len(own.ids))) | {
            "slots": torch.tensor([of_one + [-1] * (width - len(of_one)) for of_one in places.values()]),
            "prefix_ids": torch.tensor([packed.ids[:shared] + [self.pad_token_id] * padding]),
            "prefix_seen": torch.tensor([1] * shared + [0] * padding),
        }

    def _columns(self, packed: Sequence[_Packed], length: int) -> dict[str, Tensor]:
        import torch

        def column(name: str, fill: int) -> Tensor:
            return torch.tensor([getattr(row, name) + [fill] * (length - len(row.ids)) for row in packed])

        return {
            "input_ids": column("ids", self.pad_token_id),
            "labels": column("labels", IGNORE_INDEX),
            "position_ids": column("positions", 0),
        }


def padded_length(length: int, multiple: int = MULTIPLE) -> int:
    """Return the multiple that holds this many tokens.

    >>> padded_length(32), padded_length(33)
    (32, 64)
    """
    return -(-length // multiple) * multiple


@dataclass(frozen=True)
class _Packed:
    """Rows behind their common beginning. `branch`: 0 in the beginning, then 1, 2, … for each row's own tokens."""

    ids: list[int]
    labels: list[int]
    positions: list[int]
    branch: list[int]

    def values(self) -> tuple[list[int], ...]:
        """Return the four lists, equally long."""
        return self.ids, self.labels, self.positions, self.branch


def _pack(rows: Sequence[Row], shared: int) -> _Packed:
    first = rows[0]
    ids, labels = first.input_ids[:shared], first.labels[:shared]
    positions, branch = list(range(shared)), [0] * shared
    for number, row in enumerate(rows, 1):
        ids = ids + row.input_ids[shared:]
        labels = labels + row.labels[shared:]
        positions += range(shared, len(row.input_ids))
        branch += [number] * (len(row.input_ids) - shared)
    return _Packed(ids, labels, positions, branch)


def _groups(rows: Sequence[Row]) -> list[Batch]:
    """Divide rows by what they begin with; a row keeps a prompt token of its own, before its first label."""
    groups = []
    for group in plan([row.input_ids for row in rows], size=len(rows)):
        shared = min(group.shared, *(rows[i].prompt_tokens - 1 for i in group.rows))
        groups += [Batch(group.rows, shared)] if shared > 0 else [Batch([i], 0) for i in group.rows]
    return groups


def computed_tokens(rows: Sequence[Row]) -> int:
    """Return how many tokens are computed for rows that are read together, a shared beginning counted once."""
    return sum(
        sum(len(rows[i].input_ids) for i in group.rows) - group.shared * (len(group.rows) - 1)
        for group in _groups(rows)
    )


class Order:
    """The order in which rows are read: drawn anew each epoch from the seed, like rows side by side.

    The same seed, epoch and rows give the same order in any process: a resumed run reads what an unbroken one reads.
    """

    def __init__(self, rows: Sequence[Row], *, batch: int, seed: int) -> None:
        self.lengths = [len(row.input_ids) for row in rows]
        self.beginnings = _beginnings(rows)
        self.batch = batch
        self.seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        draw = random.Random(f"{self.seed}-{self.epoch}")
        order = list(range(len(self)))
        draw.shuffle(order)
        by_beginning: dict[int, list[int]] = {}
        for i in order:
            by_beginning.setdefault(self.beginnings[i], []).append(i)
        batches: list[list[int]] = []
        rest = by_beginning.pop(0, [])
        for same in by_beginning.values():
            whole = len(same) // self.batch * self.batch
            batches += [same[i : i + self.batch] for i in range(0, whole, self.batch)]
            rest += same[whole:]
        draw.shuffle(rest)
        window = WINDOW * self.batch
        for start in range(0, len(rest), window):
            near = sorted(rest[start : start + window], key=self._likeness)
            batches += [near[i : i + self.batch] for i in range(0, len(near), self.batch)]
        # the short batch, if any, stays last: all others must be whole
        short = [batch for batch in batches if len(batch) < self.batch]
        whole_ones = [batch for batch in batches if len(batch) == self.batch]
        draw.shuffle(whole_ones)
        return iter([i for batch in [*whole_ones, *short] for i in batch])

    def _likeness(self, i: int) -> tuple[int, int]:
        """What rows are sorted by: those behind a common beginning need no padding, and stay in drawn order."""
        return (self.beginnings[i], 0 if self.beginnings[i] else self.lengths[i])


def _beginnings(rows: Sequence[Row]) -> list[int]:
    """Return a number for each row, equal for rows that begin with the same schema, 0 for a schema of one row."""
    groups = plan([row.input_ids for row in rows], size=max(len(rows), 1))
    numbers = [0] * len(rows)
    for number, group in enumerate((group for group in groups if group.shared), 1):
        for i in group.rows:
            numbers[i] = number
    return numbers
