"""Items, vendors and stock of the sample database."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from sqltailor.demo import word_lists
from sqltailor.demo.draws import Row, pick, quarters


def make_items(rng: Random, numbers: dict[str, int]) -> list[Row]:
    """Return the items; `numbers` gives the key of each category by name."""
    rows: list[Row] = []
    for category in word_lists.CATEGORIES:
        names = [f"{series} {good}" for series in word_lists.SERIES for good in category.goods]
        rng.shuffle(names)
        for name in names[: category.size]:
            low, high = category.price
            price = quarters(low + (high - low) * rng.random() ** 1.8)
            brand = pick(rng, {b: 1 / (rank + 2) for rank, b in enumerate(word_lists.BRANDS)})
            weight = round(category.kg[0] + (category.kg[1] - category.kg[0]) * rng.random(), 2)
            known = rng.random() < 0.66
            live = int(rng.random() < 0.86)
            rows.append((1001 + len(rows), name, brand, numbers[category.name], price, weight if known else None, live))
    return rows


def make_vendors(rng: Random, item: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Return vendors, and who supplies which item at what cost; some vendors and items have no partner."""
    vend: list[Row] = []
    for vid, word in enumerate(word_lists.VENDOR_WORDS, 1):
        ctry = pick(rng, {code: 1 / (rank + 1) for rank, code in enumerate(word_lists.VENDOR_COUNTRIES)})
        days = rng.randint(3, 14) if ctry in ("DE", "IT", "PL", "SE", "PT") else rng.randint(24, 75)
        vend.append((vid, f"{word} {rng.choice(word_lists.VENDOR_KINDS)}", ctry, days))
    src: list[Row] = []
    for sku, _, _, _, price, _, _ in item:
        suppliers = {
            pick(rng, {v[0]: 1 / (v[0] + 3) for v in vend[:-3]}) for _ in range(rng.choice((0, 1, 1, 2, 2, 3)))
        }
        src += [(vid, sku, quarters(price * (0.38 + 0.3 * rng.random()))) for vid in sorted(suppliers)]
    return vend, src


def make_stock(rng: Random, item: Sequence[Row]) -> list[Row]:
    """Return what each store keeps: large stores keep more kinds, discontinued items are rarer."""
    rows: list[Row] = []
    for sid, (_, _, _, area) in enumerate(word_lists.STORES[:-1], 1):
        for sku, _, _, _, price, _, live in item:
            if rng.random() > (0.35 + area / 2200) * (1 if live else 0.4):
                continue
            low = rng.choice((2, 3, 4, 5, 8)) + (6 if price < 30 else 0)
            qty = 0 if rng.random() < 0.07 else int(rng.expovariate(1 / (2.2 * low)))
            rows.append((sid, sku, qty, low))
    return rows
