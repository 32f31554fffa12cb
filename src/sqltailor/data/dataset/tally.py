"""Counts for the data card, in memory that does not grow with the number of rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqltailor.data.rows import Reject

SHOWN_A_KIND = 3
MAX_COUNTED = 100_000
"""Distinct shapes or tables beyond this many are counted as `(other)`."""


class Traits(NamedTuple):
    """What is counted of a row that is taken."""

    shape: str
    tables: Sequence[str]
    level: str
    tokens: int
    warnings: Sequence[str]


class Tally:
    """What was read: rejects by reason, warnings by name with a few examples, shapes, tables, levels, lengths."""

    def __init__(self) -> None:
        self.read = 0
        self.reasons: Counter[str] = Counter()
        self.rejects_shown: dict[str, list[dict[str, Any]]] = {}
        self.warnings: Counter[str] = Counter()
        self.warnings_shown: dict[str, list[dict[str, Any]]] = {}
        self.shapes: Counter[str] = Counter()
        self.tables: Counter[str] = Counter()
        self.levels: Counter[str] = Counter()
        self.tokens: Counter[int] = Counter()
        self.longest = 0

    def reject(self, reject: Reject) -> None:
        """Count a row that is not taken."""
        self.reasons[reject.reason] += 1
        shown = self.rejects_shown.setdefault(reject.reason, [])
        if len(shown) < SHOWN_A_KIND:
            shown.append(
                {"source": reject.source, "line": reject.line, "detail": reject.detail, "raw": reject.raw[:300]}
            )

    def keep(self, traits: Traits) -> None:
        """Count a row that is taken."""
        _count(self.shapes, traits.shape)
        for table in traits.tables:
            _count(self.tables, table)
        self.levels[traits.level] += 1
        self.tokens[token_bin(traits.tokens)] += 1
        self.longest = max(self.longest, traits.tokens)

    def warn(self, name: str, line: str) -> None:
        """Count a warning about a row that is taken; `line` is its JSON."""
        self.warnings[name] += 1
        shown = self.warnings_shown.setdefault(name, [])
        if len(shown) < SHOWN_A_KIND:
            shown.append(example_shown(json.loads(line)))


def example_shown(example: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the card shows of an example."""
    asked = example.get("question") or json.dumps(example.get("spec"), ensure_ascii=False)
    return {"id": example["id"], "question": asked[:300], "sql": example["sql"][0][:500]}


def _count(counter: Counter[str], name: str) -> None:
    counter[name if name in counter or len(counter) < MAX_COUNTED else "(other)"] += 1


def token_bin(tokens: int) -> int:
    """Return the upper end of the histogram bar that a length falls in: 64, 96, 128, 192, 256, ...

    >>> token_bin(64), token_bin(65), token_bin(100), token_bin(900)
    (64, 96, 128, 1024)
    """
    top = max(64, 1 << (tokens - 1).bit_length())
    return top * 3 // 4 if top > 64 and tokens <= top * 3 // 4 else top
