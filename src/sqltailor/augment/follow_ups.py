"""Follow-ups from a pair and the same about another value: `Stops in zone 1`, its SQL, then `and in zone 2?`."""

from __future__ import annotations

import dataclasses
import random

from sqltailor.naming.words import word_set
from sqltailor.prompt.text import completion_text
from sqltailor.types import Example, Message

_BEFORE = word_set("in for from of at by with since after before until during on to under over near")
"""Words that belong to the value after them."""
_WORDINGS = ("and {}?", "And {}?", "what about {}?", "What about {}?", "and the same {}", "now {} please", "{}?")
LONGEST = 6
"""Words of a value that people would say again."""


def follow_up(first: Example, second: Example, rng: random.Random) -> Example | None:
    """Return the second example as a question that follows the first; None where they differ in more than a value.

    >>> a, b = (Example("1", (f"SELECT {n}",), f"How many stops are in {n}?") for n in ("Oslo", "Bergen"))
    >>> made = follow_up(a, b, random.Random(0))
    >>> made.question.lower().strip("?"), made.history[1].content
    ('in bergen', 'SELECT Oslo')
    """
    said = _said_anew((first.question or "").split(), (second.question or "").split())
    if said is None:
        return None
    turns = (Message("user", first.question or ""), Message("assistant", completion_text(first)))
    question = rng.choice(_WORDINGS).format(said)
    return dataclasses.replace(second, question=question, history=(*first.history, *turns))


def _said_anew(before: list[str], now: list[str]) -> str | None:
    """Return the words that are new, with a preposition before them; None where little or too much is."""
    start = 0
    while start < min(len(before), len(now)) and before[start] == now[start]:
        start += 1
    end = 0
    while end < min(len(before), len(now)) - start and before[-1 - end] == now[-1 - end]:
        end += 1
    words = now[start : len(now) - end]
    told = " ".join(words).strip("?!.,;:")
    old = before[start : len(before) - end]
    if not told or not old or len(words) > LONGEST or set(words) & set(old):
        return None
    if start and now[start - 1].lower() in _BEFORE:
        return f"{now[start - 1].lower()} {told}"
    return None if told.isdigit() else told  # a bare number might be of anything
