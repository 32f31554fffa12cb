"""Constrained SQL cut into lexemes while it is being written: what may go on waits as the rest."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

TO_LOWER = {i: i + 32 for i in range(ord("A"), ord("Z") + 1)}


def fold(name: str) -> str:
    """Return a name as it is compared: ASCII in lower case, everything else byte for byte.

    Texts here are UTF-8 read as Latin-1, one character a byte, since tokens may end inside a character.
    """
    return name.encode().decode("latin-1").translate(TO_LOWER)


class Lexeme(NamedTuple):
    """One piece: `kind` is word, typed (before a literal of that type), name (quoted), value or sign.

    `text` is as it is compared, without quotes, `raw` as it is written; what follows a word or name at once is `after`.
    """

    kind: str
    text: str
    start: int
    after: str = ""
    raw: str = ""


# words that begin a typed literal: DATE '2020-01-31', INTERVAL 2 DAY
_TYPED = frozenset({"date", "time", "timestamp", "datetime", "interval"})


@lru_cache
def _pattern(quotes: str) -> re.Pattern[str]:
    opens, closes = re.escape(quotes[0]), re.escape(quotes[-1])
    return re.compile(
        r"(?P<space>[ \n]+)|(?P<value>'(?:[^']|'')*+'|[0-9]+(?:\.[0-9]*)?)"
        rf"|(?P<name>{opens}(?:[^{closes}]|{closes * 2})*+{closes})"
        r"|(?P<word>[A-Za-z_\x80-\xff][\w\x80-\xff$]*)"
        rf"|(?P<sign>[^\w'\s{opens}])"
    )


def cut(
    text: str, start: int, quotes: str, *, keeps_case: bool = False, is_whole: bool = False
) -> tuple[list[Lexeme], str]:
    """Return the lexemes of a text that begins at `start`, and the rest, which may go on; all is cut where `is_whole`.

    `quotes` are those of names in the dialect; `keeps_case`: what stands in them counts in the case that it has.
    """
    found: list[Lexeme] = []
    place, pattern = 0, _pattern(quotes)
    while place < len(text):
        match = pattern.match(text, place)
        if match is None:  # a quote that is still open
            break
        end, kind = match.end(), match.lastgroup
        if kind == "space":
            place = end
            continue
        if end == len(text) and kind != "sign" and not is_whole:
            break
        raw = match[0]
        if kind == "sign":
            found.append(Lexeme("sign", raw, start + place))
        elif kind == "value":
            found.append(Lexeme("value", raw[0], start + place))
        elif kind == "name":
            inner = raw[1:-1].replace(quotes[-1] * 2, quotes[-1])
            compared = inner if keeps_case else inner.translate(TO_LOWER)
            found.append(Lexeme("name", compared, start + place, text[end : end + 1], inner))
        else:
            word = raw.translate(TO_LOWER)
            typed = _typed(word, text, end, is_whole)
            if typed is None:
                break
            found.append(Lexeme("typed" if typed else "word", word, start + place, text[end : end + 1], raw))
        place = end
    return found, text[place:]


def _typed(word: str, text: str, end: int, is_whole: bool) -> bool | None:
    """Tell whether a word begins a typed literal; None where what is written does not tell yet."""
    if word not in _TYPED or text[end : end + 1] not in (" ", "\n"):
        return False
    follows = text[end:].lstrip(" \n")[:1]
    if not follows:
        return False if is_whole else None
    return follows == "'" or (word == "interval" and follows.isdigit())
