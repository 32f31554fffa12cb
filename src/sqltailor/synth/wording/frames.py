"""Sentence frames: text with `[a|b]` alternatives and `{slots}`, compiled once, filled at random."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_TOKEN = re.compile(r"[\[\]|]|\{\w+\}|[^\[\]|{}]+")

Slots = Mapping[str, str | Callable[[], str]]


@dataclass(frozen=True, slots=True)
class Slot:
    """A place to fill."""

    name: str


Frame = tuple["str | Slot | tuple[Frame, ...]", ...]


def compile_frame(text: str) -> Frame:
    """Return a frame in the form that `fill` reads; raises ValueError when brackets do not match.

    >>> fill(compile_frame("how many {np}[ are there]?"), {"np": "dogs"}, random.Random(0))
    'how many dogs are there?'
    """
    stack: list[list[list[str | Slot | tuple[Frame, ...]]]] = [[[]]]
    for token in _TOKEN.findall(text):
        if token == "[":
            stack.append([[]])
        elif token == "|" and len(stack) > 1:
            stack[-1].append([])
        elif token == "]" and len(stack) > 1:
            choices = tuple(tuple(choice) for choice in stack.pop())
            stack[-1][-1].append(choices)
        elif token.startswith("{"):
            stack[-1][-1].append(Slot(token[1:-1]))
        else:
            stack[-1][-1].append(token)
    if len(stack) != 1:
        raise ValueError(f"Unclosed bracket in frame: {text!r}")
    return tuple(stack[0][0])


def fill(frame: Frame, slots: Slots, rng: random.Random) -> str:
    """Return the frame as text; a slot's function is called only when the slot is used."""
    parts: list[str] = []
    _fill(frame, slots, rng, parts)
    return "".join(parts)


def _fill(frame: Frame, slots: Slots, rng: random.Random, parts: list[str]) -> None:
    for part in frame:
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(part, Slot):
            value = slots[part.name]
            parts.append(value if isinstance(value, str) else value())
        else:
            _fill(part[int(rng.random() * len(part))], slots, rng, parts)
