"""Typing errors, never within a value."""

from __future__ import annotations

import random
import re

from sqltailor.synth.wording.phrasebook import CLOSE, OPEN

_VALUE = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")
_WORD = re.compile(r"[A-Za-z]{4,}")
_NEAR = {"a": "s", "s": "d", "e": "r", "r": "t", "t": "y", "i": "o", "o": "p", "n": "m", "m": "n", "l": "k", "c": "v"}


def with_typos(text: str, rng: random.Random) -> str:
    """Return the text with one or two misspelt words: letters swapped, lost, doubled or missed by a key."""
    values = [match.span() for match in _VALUE.finditer(text)]
    words = [m for m in _WORD.finditer(text) if not any(start <= m.start() < end for start, end in values)]
    for match in sorted(rng.sample(words, min(len(words), rng.choice((1, 1, 1, 2)))), key=lambda m: -m.start()):
        text = text[: match.start()] + _misspelt(match[0], rng) + text[match.end() :]
    return text


def _misspelt(word: str, rng: random.Random) -> str:
    i = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if kind == 1:
        return word[:i] + word[i + 1 :]
    if kind == 2:
        return word[:i] + word[i] + word[i:]
    return word[:i] + _NEAR.get(word[i].lower(), word[i] * 2) + word[i + 1 :]
