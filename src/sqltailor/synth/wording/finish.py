"""The last touches of a question: prefixes, capitals, end marks, typing errors."""

from __future__ import annotations

import random
import re

from sqltailor.synth.wording.frame_texts import FRAMES
from sqltailor.synth.wording.frames import fill
from sqltailor.synth.wording.noun_phrases import strip_marks
from sqltailor.synth.wording.phrasebook import OPEN
from sqltailor.synth.wording.typos import with_typos


def finish(text: str, rng: random.Random, *, typo_rate: float) -> str:
    """Return the question as typed: prefixes, capitals, end marks, typos."""
    text = _spaced(text)
    is_question = text.endswith("?") or text.startswith(("which ", "what ", "how ", "who "))
    roll = rng.random()
    if roll < 0.07 and is_question:
        text = fill(rng.choice(FRAMES["prefixes_question"]), {}, rng) + " " + text
    elif roll < 0.12 and text.startswith(
        ("show", "list", "give", "find", "count", "tell", "return", "calculate", "get")
    ):
        text = fill(rng.choice(FRAMES["prefixes_command"]), {}, rng) + " " + text
    if rng.random() < 0.025:
        text = (
            text.rstrip("?")
            + rng.choice((" ", ", "))
            + fill(rng.choice(FRAMES["tails"]), {}, rng)
            + ("?" if is_question else "")
        )
    text = _spaced(text)
    if rng.random() < typo_rate:
        text = with_typos(text, rng)
    if rng.random() < 0.8:
        i = 1 if text.startswith(OPEN) else 0
        text = text[:i] + text[i : i + 1].upper() + text[i + 1 :]
    if text.endswith("?") and rng.random() < 0.12:
        text = text[:-1]
    elif not text.endswith("?") and (is_question or rng.random() < 0.4):
        text += "?" if is_question and rng.random() < 0.8 else "." if rng.random() < 0.7 else ""
    return strip_marks(text)


def _spaced(text: str) -> str:
    return re.sub(r" ([?,.;:])", r"\1", re.sub(r"\s+", " ", text)).strip()
