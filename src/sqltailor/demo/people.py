"""Customers and staff of the sample database."""

from __future__ import annotations

from datetime import date
from random import Random

from sqltailor.demo import word_lists
from sqltailor.demo.draws import Row, day_between, pick

CUSTOMERS = 3600


def make_customers(rng: Random) -> list[Row]:
    """Return customers in the order in which they joined, names all different."""
    people = [f"{first} {last}" for first in word_lists.FIRST_NAMES for last in word_lists.LAST_NAMES]
    rng.shuffle(people)
    joined = sorted(day_between(rng, date(2018, 1, 8), date(2024, 12, 29)) for _ in range(CUSTOMERS))
    rows: list[Row] = []
    taken: set[str] = set()
    for cid, day in enumerate(joined, 1):
        ctry = pick(rng, {code: country.weight for code, country in word_lists.COUNTRIES.items()})
        cities = word_lists.COUNTRIES[ctry].cities
        city = pick(rng, {name: 1 / (rank + 1.5) for rank, name in enumerate(cities)})
        seg = pick(rng, {"P": 80, "B": 11, "S": 5, "V": 4})
        name = people.pop()
        while seg in "BS" and ((name := _firm(rng, seg, city, ctry)) in taken):
            pass
        taken.add(name)
        news = int(rng.random() < (0.8 if seg == "V" else 0.46))
        via = rng.randint(1, cid - 1) if cid > 40 and rng.random() < 0.24 else None
        rows.append((cid, name, city if rng.random() > 0.03 else None, ctry, seg, day.isoformat(), news, via))
    return rows


def _firm(rng: Random, seg: str, city: str, ctry: str) -> str:
    last = rng.choice(word_lists.LAST_NAMES)
    if seg == "B":
        return f"{last} {rng.choice(word_lists.COMPANY_WORDS)} {word_lists.COUNTRIES[ctry].company}"
    return f"{last} {rng.choice(word_lists.CLUBS)} {city}"


def make_staff(rng: Random) -> list[Row]:
    """Return staff: one head, directors below, store managers below these, store staff below the managers."""
    names = [f"{first} {last}" for first in word_lists.FIRST_NAMES for last in word_lists.LAST_NAMES]
    rng.shuffle(names)
    rows: list[Row] = []

    def hire(role: str, sid: int | None, boss: int | None, pay: tuple[int, int], first: date) -> int:
        day = day_between(rng, first, date(2024, 9, 30))
        salary = round((pay[0] + rng.random() * (pay[1] - pay[0])) / 5) * 5.0
        rows.append((len(rows) + 1, names.pop(), role, sid, boss, day.isoformat(), salary))
        return len(rows)

    rows.append((1, names.pop(), "DIR", None, None, "2008-11-03", 11850.0))
    directors = [1]
    for role, low, high, count in word_lists.HEAD_OFFICE:
        for _ in range(count):
            eid = hire(role, None, 1 if role == "DIR" else rng.choice(directors[1:]), (low, high), date(2010, 1, 4))
            if role == "DIR":
                directors.append(eid)
    for sid, (_, _, opened, area) in enumerate(word_lists.STORES[:-1], 1):
        first = date.fromisoformat(opened)
        role, low, high = word_lists.STORE_ROLES[0]
        manager = hire(role, sid, directors[1 + sid % 3], (low, high), first)
        for role, low, high in word_lists.STORE_ROLES[1:]:
            for _ in range(round(area / (190 if role == "SLS" else 400)) + 1):
                hire(role, sid, manager, (low, high), first)
    return rows
