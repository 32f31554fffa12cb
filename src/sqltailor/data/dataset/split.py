"""Train, validation and test parts that share no group, and the proof of it."""

from __future__ import annotations

import random
from array import array
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqltailor.data.dataset.deduplicate import Ledger
from sqltailor.errors import ConfigError, unknown

PARTS = ("train", "validation", "test")
WAYS = ("database", "schema", "template", "question")
"""What a split keeps together: `template` for one database, `database` for many."""

NOWHERE = 255


@dataclass(frozen=True)
class Split:
    """Which part each row is in (`parts[row]`, an index into `PARTS`; 255 for a row that was removed), and proof.

    `shared` counts, for each kind of key, the keys that stand in more than one part: 0 for the way of the split.
    """

    by: str
    seed: int
    parts: array[int]
    sizes: Mapping[str, int]
    shared: Mapping[str, int]


def split_rows(
    ledger: Ledger,
    *,
    by: str | None = None,
    seed: int = 0,
    validation_share: float = 0.1,
    test_share: float = 0.1,
    without: Container[int] = (),
) -> Split:
    """Assign each row of the ledger to a part; rows in `without` to none.

    Rows with the same key stay together. Groups go at random (by `seed`) to the part that lacks most rows of their
    level, so that shares hold within each level; no part that has a share stays empty while there are groups for it.
    `by` None means template with one database and database with several, or a finer way where that leaves a part empty.
    """
    if by is not None and by not in WAYS:
        raise ConfigError(unknown("way to split", by, WAYS))
    if validation_share < 0 or test_share < 0 or validation_share + test_share >= 1:
        raise ConfigError(
            f"validation_share {validation_share} and test_share {test_share} must leave a share for training."
        )
    shares = (1 - validation_share - test_share, validation_share, test_share)
    by, part_of = _divide(ledger, by, shares, seed, without)
    keys = ledger.columns[by]
    parts = array("B", (NOWHERE if row in without else part_of[keys[row]] for row in range(len(ledger))))
    counts = Counter(parts)
    sizes = {part: counts[i] for i, part in enumerate(PARTS)}
    shared = {way: shared_keys(ledger.columns[way], parts) for way in (*WAYS, "exact")}
    return Split(by, seed, parts, sizes, shared)


def _divide(
    ledger: Ledger, by: str | None, shares: Sequence[float], seed: int, without: Container[int]
) -> tuple[str, dict[int, int]]:
    """Return the way of the split, and key → part."""
    ways = [by] if by else ["template", "question"]
    if by is None and len(set(ledger.columns["database"])) > 1:
        ways.insert(0, "database")
    found = {}
    for way in ways:
        part_of = found[way] = _assign(_groups(ledger, way, without), shares, random.Random(seed))
        empty = {part for part, share in enumerate(shares) if share} - set(part_of.values())
        if not empty or _fill(empty, part_of, _groups(ledger, way, without), shares if by is None else None):
            return way, part_of
    return next(iter(found.items()))


def _fill(empty: set[int], part_of: dict[int, int], groups: Mapping[int, int], shares: Sequence[float] | None) -> bool:
    """Move the smallest groups of the training part to empty parts, the test part first; return whether all got one.

    With `shares` a group that is more than twice its part's share is not moved.
    """
    total = sum(packed >> 8 for packed in groups.values())
    training = sorted((key for key, part in part_of.items() if part == 0), key=lambda key: -(groups[key] >> 8))
    for part in sorted(empty, reverse=True):
        if len(training) < 2 or (shares and groups[training[-1]] >> 8 > max(1, 2 * shares[part] * total)):
            return False
        part_of[training.pop()] = part
    return True


def _groups(ledger: Ledger, by: str, without: Container[int]) -> dict[int, int]:
    """Return key → rows * 256 + level of its first row (packed: there may be a million), in order of first rows."""
    keys = ledger.columns[by]
    found: dict[int, int] = {}
    for row in range(len(ledger)):
        if row not in without:
            found[keys[row]] = found.get(keys[row], ledger.level[row]) + 256
    return found


def _assign(groups: dict[int, int], shares: Sequence[float], generator: random.Random) -> dict[int, int]:
    """Return key → part (in the same dict): each group to the part that lacks most of the group's level."""
    total = sum(packed >> 8 for packed in groups.values())
    order = list(groups)
    generator.shuffle(order)
    order.sort(key=lambda key: (groups[key] >> 8) * 20 > total, reverse=True)  # giants first, the others balance them
    have: dict[int, list[int]] = defaultdict(lambda: [0] * len(shares))
    for key in order:
        rows, level = groups[key] >> 8, groups[key] & 255
        part = _furthest_behind(rows, have[level], shares)
        if part and rows > 2 * shares[part] * total:
            part = 0  # it would fill the small part twice over
        have[level][part] += rows
        groups[key] = part
    return groups


def _furthest_behind(rows: int, have: Sequence[int], shares: Sequence[float]) -> int:
    seen = sum(have) + rows
    return max(range(len(shares)), key=lambda i: (share * seen - have[i] if (share := shares[i]) else -seen, -i))


def shared_keys(keys: Iterable[int], parts: Iterable[int]) -> int:
    """Return how many keys stand in more than one part."""
    first: dict[int, int] = {}
    several = set()
    for key, part in zip(keys, parts, strict=True):
        if part != NOWHERE and first.setdefault(key, part) != part:
            several.add(key)
    return len(several)
