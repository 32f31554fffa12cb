"""Spoken forms of a stored value: as it is, grouped, as a word, a country, a month, or as a comment explains it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

from sqltailor.naming.phrases import COUNTRIES, MONTHS, NUMBER_WORDS
from sqltailor.naming.words import word_set
from sqltailor.types import Cell

Form = Literal["plain", "meaning", "grouped", "word", "country", "adjective", "month", "day", "us_day"]

LITTLE = word_set("""
    a an the of in on at to for from by with and or not no is are it as be do us me we my he if so up all any who how
    what which
""")
"""Words that stand in any question: no value is meant by them."""

_ISO_MONTH = re.compile(r"(\d{4})-(\d\d)")
_ISO_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")


def is_code(text: str) -> bool:
    """Tell whether a text names a value only as it is written: `IT` is Italy, "it" is not."""
    return len(text) < 3 or text.lower() in LITTLE


def forms(value: Cell, codes: Mapping[str, str]) -> Iterator[tuple[Form, str]]:
    """Yield how people write a value; `codes` say what stored codes mean.

    >>> dict(forms("2023-05", {})), dict(forms(1200, {})), dict(forms("V", {"V": "VIP"}))
    ({'plain': '2023-05', 'month': 'May 2023'}, {'plain': '1200', 'grouped': '1,200'}, {'meaning': 'VIP'})
    """
    text = str(value)
    if text in codes:
        yield "meaning", codes[text]
    elif not isinstance(value, str) or (len(text) > 1 and (text.isupper() or text.lower() not in LITTLE)):
        yield "plain", text
    if isinstance(value, int):
        if value >= 1000:
            yield "grouped", f"{value:,}"
        if 0 < value < len(NUMBER_WORDS):
            yield "word", NUMBER_WORDS[value]
    if text in COUNTRIES:
        yield from zip(("country", "adjective"), COUNTRIES[text], strict=True)
    if month := _ISO_MONTH.fullmatch(text):
        yield "month", f"{MONTHS[int(month[2]) - 1]} {month[1]}"
    if day := _ISO_DAY.fullmatch(text):
        name, number = MONTHS[int(day[2]) - 1], int(day[3])
        yield "day", f"{number} {name} {day[1]}"
        yield "us_day", f"{name} {number}, {day[1]}"
