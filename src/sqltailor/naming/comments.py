"""Parse a column's comment: another name for it, its unit, the meaning of its codes and of an empty cell."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqltailor.naming.words import word_set

_UNITS = """
euros a month|euros|euro|eur|dollars|usd|us dollars|pounds|gbp|kg|kilograms|grams|lbs|km|kilometers|kilometres|miles
meters|metres|feet|cm|mm|inches|square metres|square meters|square feet|minutes|seconds|hours|days|weeks|months|years
percent|degrees|liters|litres|millions|thousands|mb|gb|ms|milliseconds
"""
UNITS = tuple(unit for line in _UNITS.strip().splitlines() for unit in line.split("|"))
_UNIT = re.compile(
    rf"(?:^|\s*[\(,]?\s*\b(?:in|unit:?)\s+)({'|'.join(sorted(UNITS, key=len, reverse=True))})\)?\s*$", re.I
)
_CODE = re.compile(r"\s*['\"]?([A-Z0-9]{1,5}|\d{1,3})['\"]?\s*(?:=|:|-|–|is|means|\s)\s*([a-zA-Z][\w '/-]*?)\s*")
_EMPTY = re.compile(r"\b(?:empty|null|none|missing)\s*[:=]\s*([\w ]+)", re.I)
_PHRASE = re.compile(r"[A-Za-z][A-Za-z'-]*(?: [A-Za-z][A-Za-z'-]*){0,4}")
_NOT_A_NAME = word_set("""
    who what when where which how see not if always never iso is true gets this used todo deprecated for
""")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a comment says of its column. `codes` are (stored text, what it means) pairs."""

    phrase: str | None = None
    unit: str | None = None
    codes: tuple[tuple[str, str], ...] = ()
    empty: str | None = None


def read_comment(comment: str | None) -> Meaning:
    """Return what a comment says, as far as it can be read with confidence.

    >>> read_comment("P private, B business, V VIP").codes
    (('P', 'private'), ('B', 'business'), ('V', 'VIP'))
    >>> read_comment("list price in euros")
    Meaning(phrase='list price', unit='euros', codes=(), empty=None)
    """
    if not comment or len(comment) > 200:
        return Meaning()
    text = " ".join(comment.split()).rstrip(".")
    if match := _EMPTY.search(text):
        before = text[: match.start()].rstrip(" ,;(")
        return Meaning(_phrase(before), None, (), match[1].strip())
    head, colon, rest = text.partition(": ")
    codes = _codes(rest if colon else text)
    if codes or (colon and "," in rest):
        return Meaning(_phrase(head) if colon else None, None, codes)
    unit = _UNIT.search(text)
    return Meaning(_phrase(text[: unit.start()] if unit else text), unit[1].lower() if unit else None)


def _codes(text: str) -> tuple[tuple[str, str], ...]:
    pieces = [piece for piece in re.split(r"[,;|]", text) if piece.strip()]
    pairs = [(match[1], match[2]) for piece in pieces if (match := _CODE.fullmatch(piece))]
    pairs = [(code, meaning) for code, meaning in pairs if meaning.split()[0].lower() not in ("to", "of", "or", "and")]
    is_enough = len(pairs) > 1 or (len(pairs) == 1 and pairs[0][0] in ("0", "1"))
    return tuple(pairs) if is_enough and len(pairs) * 3 >= len(pieces) else ()


def _phrase(text: str) -> str | None:
    words = text.strip()
    for start in ("the ", "a ", "an "):
        words = words.removeprefix(start)
    if not _PHRASE.fullmatch(words) or words.split()[0].lower() in _NOT_A_NAME or "who" in words.split():
        return None
    return words[0].lower() + words[1:] if not words[:2].isupper() else words
