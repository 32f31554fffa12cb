"""Orders, order lines, deliveries and reviews of the sample database."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from sqltailor.demo import word_lists
from sqltailor.demo.draws import Row, day_between, pick, quarters

ORDERS = 12_400
LAST_DAY = date(2024, 12, 31)


def make_orders(rng: Random, cust: Sequence[Row], staff: Sequence[Row]) -> list[Row]:
    """Draw days first, then a customer who had joined by then; some stopped buying, a quarter never began."""
    months = (5, 5, 7, 8, 11, 12, 11, 9, 7, 6, 8, 13)
    shares = {(year, month): growth * months[month - 1] for year, growth in
              ((2021, 18), (2022, 22), (2023, 27), (2024, 33)) for month in range(1, 13)}  # fmt: skip
    drawn = rng.choices(list(shares), list(shares.values()), k=ORDERS)
    days = sorted(date(year, month, 1 + int(rng.random() * (30 if month == 12 else 28))) for year, month in drawn)
    joined = [row[5] for row in cust]
    keen = [0.0 if rng.random() < 0.25 else rng.paretovariate(1.35) * (2.2 if row[4] in "BV" else 1) for row in cust]
    reach = list(itertools.accumulate(min(weight, 18.0) for weight in keen))
    stopped = [day_between(rng, date(2021, 6, 1), date(2024, 1, 31)) if rng.random() < 0.3 else LAST_DAY for _ in cust]
    rows: list[Row] = []
    for day in days:
        known = bisect.bisect_right(joined, day.isoformat())
        while stopped[who := bisect.bisect(reach, rng.random() * reach[known - 1], hi=known - 1)] < day:
            pass
        sid = _visited_store(rng, cust[who], day)
        sellers = [e[0] for e in staff if sid and e[3] == sid and e[2] in ("SLS", "MGR") and e[5] <= day.isoformat()]
        eid = rng.choice(sellers) if sellers and rng.random() < 0.93 else None
        paid = _payment(rng, cust[who][4], in_store=sid is not None)
        rows.append((10001 + len(rows), cust[who][0], sid, eid, day.isoformat(), _status(rng, day), paid))
    return rows


def _visited_store(rng: Random, customer: Row, day: date) -> int | None:
    near = {
        sid: 14.0 if city == customer[2] else 1.0
        for sid, (city, ctry, opened, _) in enumerate(word_lists.STORES[:-1], 1)
        if ctry == customer[3] and opened <= day.isoformat()
    }
    return pick(rng, near) if near and rng.random() < 0.52 else None


def _payment(rng: Random, seg: str, *, in_store: bool) -> str:
    if seg in "BS" and rng.random() < 0.7:
        return "INV"
    return pick(rng, {"CC": 50, "CA": 38, "GV": 5} if in_store else {"CC": 44, "PP": 40, "INV": 9, "GV": 4})


def _status(rng: Random, day: date) -> str:
    age = (LAST_DAY - day).days
    if age < 7:
        return pick(rng, {"N": 5, "P": 4, "S": 2, "D": 2, "H": 0.5, "X": 1})
    if age < 25:
        return pick(rng, {"N": 0.5, "P": 1, "S": 5, "D": 9, "H": 0.5, "X": 1.2})
    return pick(rng, {"D": 90, "X": 8.5, "H": 0.6})


def make_lines(rng: Random, orders: Sequence[Row], cust: Sequence[Row], item: Sequence[Row]) -> list[Row]:
    """Return one to seven lines an order; few items sell most, some never sold, list prices rise a little each year."""
    love = [0.0 if rng.random() < (0.05 if row[6] else 0.2) else rng.paretovariate(1.1) for row in item]
    love = [min(weight, 25.0) * (1 if row[4] < 250 else 0.3) for weight, row in zip(love, item, strict=True)]
    reach = list(itertools.accumulate(love))
    rows: list[Row] = []
    for oid, cid, _, _, day, stat, _ in orders:
        seg = cust[cid - 1][4]
        count = pick(rng, {1: 34, 2: 27, 3: 17, 4: 10, 5: 7, 6: 3, 7: 2})
        chosen = {bisect.bisect(reach, rng.random() * reach[-1]) for _ in range(count)}
        drift = 0.85 + 0.05 * (int(day[:4]) - 2021)
        for index in sorted(chosen):
            qty = rng.randint(4, 24) if seg in "BS" and rng.random() < 0.4 else pick(rng, {1: 76, 2: 16, 3: 5, 4: 3})
            disc = pick(rng, {0: 71, 5: 5, 10: 12, 15: 3, 20: 6, 30: 2, 50: 1})
            price = quarters(item[index][4] * drift * (1 - disc / 100))
            size = 1.7 if item[index][3] in (15, 27, 28, 29, 34, 35) else 1.0  # boots, shoes and clothes come back most
            rtn = rng.randint(1, qty) if stat == "D" and rng.random() < 0.05 * size else 0
            why = (
                pick(rng, {"SZ": 60 if size > 1 else 3, "DM": 20, "NL": 17, "WR": 9, "LT": 5, None: 11})
                if rtn
                else None
            )
            rows.append((oid, item[index][0], qty, price, disc, rtn, why))
    return rows


def make_deliveries(rng: Random, orders: Sequence[Row], ordln: Sequence[Row], cust: Sequence[Row]) -> list[Row]:
    """Return the deliveries of orders that were sent; some are on their way, a few got lost."""
    value: dict[int, float] = {}
    for oid, _, qty, price, *_ in ordln:
        value[oid] = value.get(oid, 0) + qty * price
    rows: list[Row] = []
    for oid, cid, sid, _, day, stat, _ in orders:
        if stat not in "SD" or (sid and rng.random() > 0.12):
            continue
        ctry = cust[cid - 1][3]
        van = 9 if sid else 0
        carr = pick(rng, {"DHL": 40, "UPS": 17, "GLS": 19 if ctry != "GB" else 2, "PST": 15, "VAN": van})
        sent = date.fromisoformat(day) + timedelta(days=pick(rng, {0: 22, 1: 40, 2: 20, 3: 10, 4: 5, 6: 3}))
        way = 1 + int(rng.expovariate(1 / {"DHL": 1.6, "UPS": 1.3, "GLS": 2.4, "PST": 3.1, "VAN": 0.4}[carr]))
        arrived = sent + timedelta(days=way)
        lost = stat == "S" or rng.random() < 0.008
        base = {"DHL": 5.5, "UPS": 7.75, "GLS": 4.75, "PST": 4.25, "VAN": 9.5}[carr] + (3.5 if ctry != "DE" else 0)
        fee = 0.0 if value[oid] >= 150 else base + pick(rng, {0: 60, 1.25: 25, 4: 15})
        got = None if lost else min(arrived, LAST_DAY).isoformat()
        rows.append((oid, carr, min(sent, LAST_DAY).isoformat(), got, fee))
    return rows


def make_reviews(rng: Random, orders: Sequence[Row], ordln: Sequence[Row]) -> list[Row]:
    """Return reviews by people who bought the item, one each; every eleventh item has none."""
    bought = {order[0]: order for order in orders if order[5] == "D"}
    quality: dict[int, float] = {}
    rows: dict[tuple[int, int], Row] = {}
    for oid, sku, _, _, _, rtn, _ in ordln:
        if oid not in bought or sku % 11 == 4 or rng.random() > 0.15:
            continue
        taste = quality.setdefault(sku, 0.5 + rng.random()) * (0.35 if rtn else 1)
        stars = pick(rng, {5: 44 * taste, 4: 27 * taste, 3: 12, 2: 8, 1: 7 / taste})
        day = date.fromisoformat(bought[oid][4]) + timedelta(days=rng.randint(6, 70))
        note = rng.choice(word_lists.NOTES[stars]) if rng.random() < 0.38 else None
        if day <= LAST_DAY:
            rows.setdefault((bought[oid][1], sku), (bought[oid][1], sku, stars, day.isoformat(), note))
    return list(rows.values())
