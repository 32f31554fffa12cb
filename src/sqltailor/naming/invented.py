"""Invented values by kind: a person, a city, a title, a code; nearly every one is new."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from sqltailor.naming.pools import (
    ADJECTIVES,
    CITIES,
    COLORS,
    COUNTRIES,
    DAYS,
    DEPARTMENTS,
    FIRST,
    GENRES,
    JOBS,
    LANGUAGES,
    LAST,
    MONTHS,
    NATIONALITIES,
    NOUNS,
    PARTIES,
    PAYMENTS,
    REGIONS,
    RESULTS,
    STATES,
    STATUSES,
    SUBJECTS,
    SYLLABLES,
    TYPES,
)

Maker = Callable[[random.Random], str]


def person(rng: random.Random) -> str:
    """Return a person's name."""
    first, last = rng.choice(FIRST), rng.choice(LAST)
    return f"{first} {last}" if rng.random() < 0.9 else f"{first} {rng.choice('ABCDEFGHJKLMNPRSTW')}. {last}"


def city(rng: random.Random) -> str:
    """Return a city."""
    return rng.choice(CITIES)


def title(rng: random.Random) -> str:
    """Return what a book, a product or a company may be called."""
    pick = rng.random()
    if pick < 0.55:
        return f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"
    if pick < 0.7:
        return f"The {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"
    if pick < 0.8:
        return f"{rng.choice(NOUNS)} of {rng.choice(CITIES)}"
    return f"{rng.choice(NOUNS)} {rng.choice(NOUNS)}" if pick < 0.9 else f"{rng.choice(NOUNS)} {rng.randint(2, 99)}"


def word(rng: random.Random) -> str:
    """Return one ordinary word."""
    return rng.choice(rng.choice((STATUSES, TYPES, GENRES, NOUNS, ADJECTIVES)))


def phrase(rng: random.Random) -> str:
    """Return a few ordinary words in lower case."""
    link = rng.choice(("and", "of", "with"))
    return f"{rng.choice(ADJECTIVES)} {rng.choice(NOUNS)} {link} {rng.choice(NOUNS)}".lower()


def code(rng: random.Random) -> str:
    """Return a code such as `AB-123`."""
    letters = "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(rng.randint(1, 3)))
    return f"{letters}{rng.choice(('', '', '-'))}{rng.randint(1, 9999)}"


def invented(rng: random.Random) -> str:
    """Return a word that no language has."""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 4))).capitalize()


def email(rng: random.Random) -> str:
    """Return an e-mail address."""
    return f"{rng.choice(FIRST)}.{rng.choice(LAST)}@example.{rng.choice(('com', 'org', 'net'))}".lower().replace(
        "'", ""
    )


def phone(rng: random.Random) -> str:
    """Return a telephone number."""
    return f"{rng.randint(200, 999)}-{rng.randint(100, 999)}-{rng.randint(1000, 9999)}"


def address(rng: random.Random) -> str:
    """Return a street and number."""
    return f"{rng.randint(1, 999)} {rng.choice(LAST)} {rng.choice(('Street', 'Road', 'Avenue', 'Lane'))}"


def company(rng: random.Random) -> str:
    """Return a company's name."""
    first = rng.choice((rng.choice(LAST), rng.choice(ADJECTIVES), invented(rng)))
    return f"{first} {rng.choice(('Inc', 'Ltd', 'GmbH', 'Group', 'Labs', 'Foods', 'Media', 'Motors'))}"


def school(rng: random.Random) -> str:
    """Return a school's or university's name."""
    return rng.choice((f"{city(rng)} College", f"{city(rng)} State", f"University of {city(rng)}"))


def digits(rng: random.Random) -> str:
    """Return five digits."""
    return str(rng.randint(10000, 99999))


def score(rng: random.Random) -> str:
    """Return a result such as `3-1`."""
    return f"{rng.randint(0, 40)}-{rng.randint(0, 30)}"


def clock(rng: random.Random) -> str:
    """Return a time of day."""
    return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"


def season(rng: random.Random) -> str:
    """Return a season, written as a year or two."""
    year = rng.randint(1980, 2024)
    return str(year) if rng.random() < 0.6 else f"{year}-{(year + 1) % 100:02}"


def username(rng: random.Random) -> str:
    """Return a login name."""
    return invented(rng).lower() + str(rng.randint(1, 99))


def url(rng: random.Random) -> str:
    """Return a web address."""
    return f"https://{invented(rng).lower()}.example.com"


def _one_of(words: Sequence[str]) -> Maker:
    return lambda rng: rng.choice(words)


_MAKERS: tuple[tuple[str, Maker], ...] = (
    ("city town hometown location county", city),
    ("country nation citizenship", _one_of(COUNTRIES)),
    ("state province", _one_of(STATES)),
    ("region continent", _one_of(REGIONS)),
    ("nationality", _one_of(NATIONALITIES)),
    ("color colour", _one_of(COLORS)),
    ("status", _one_of(STATUSES)),
    ("subject major course", _one_of(SUBJECTS)),
    ("department division", _one_of(DEPARTMENTS)),
    ("language", _one_of(LANGUAGES)),
    ("genre", _one_of(GENRES)),
    ("category", _one_of(GENRES + TYPES)),
    ("type kind class", _one_of(TYPES)),
    ("job occupation profession role position", _one_of(JOBS)),
    ("method", _one_of(PAYMENTS)),
    ("gender sex", _one_of(("M", "F", "male", "female", "Male", "Female"))),
    ("currency", _one_of(("EUR", "USD", "GBP", "CHF", "JPY"))),
    ("email", email),
    ("phone fax mobile", phone),
    ("address street", address),
    ("company manufacturer supplier vendor brand publisher sponsor organization", company),
    ("code model", code),
    ("zip postcode isbn", digits),
    ("surname last", _one_of(LAST)),
    ("first middle", _one_of(FIRST)),
    ("author artist director player manager owner winner coach captain teacher instructor driver candidate", person),
    ("incumbent actor singer", person),
    ("title theme album song film movie team club venue", title),
    ("school college university", school),
    ("description note comment details remark reason", phrase),
    ("time", clock),
    ("result", _one_of(RESULTS)),
    ("score record", score),
    ("size", _one_of(("S", "M", "L", "XL", "small", "medium", "large"))),
    ("season", season),
    ("semester", _one_of(("Fall", "Spring", "Summer", "Winter"))),
    ("day", _one_of(DAYS)),
    ("month", _one_of(MONTHS)),
    ("party", _one_of(PARTIES)),
    ("priority", _one_of(("low", "medium", "high", "urgent"))),
    ("level", _one_of(("beginner", "intermediate", "advanced", "expert"))),
    ("password", invented),
    ("username login", username),
    ("url website", url),
)
MAKERS: dict[str, Maker] = {name: maker for names, maker in _MAKERS for name in names.split()}
"""What makes a value, by the last word of a column's name that is known."""
