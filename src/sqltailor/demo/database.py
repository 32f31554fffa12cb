"""Build the sample SQLite database: four years of an outdoor shop, with the short names of an old company system.

Money is REAL, in euros. Every amount is a whole number of quarters (12.75), so sums are exact and no query's answer
depends on the order in which rows are added. Dates are ISO text; the newest order is from the last days of 2024.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path
from random import Random

from sqltailor.demo import goods, people, trade, word_lists
from sqltailor.demo.draws import Row
from sqltailor.runs import faults_name

DDL = Path(__file__).with_name("shop.sql")


def build_database(path: str | os.PathLike[str], seed: int = 0) -> None:
    """Write the sample database to `path`, replacing what is there only once it is complete.

    The same seed gives the same rows.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    tables = _make_tables(Random(seed))
    with faults_name(target):
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    try:
        connection = sqlite3.connect(draft)
        try:
            connection.executescript(
                "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + DDL.read_text(encoding="utf-8")
            )
            for name, rows in tables.items():
                marks = ", ".join("?" * len(rows[0]))
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
            connection.commit()
        finally:
            connection.close()
        Path(draft).chmod(0o644)
        Path(draft).replace(target)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _make_tables(rng: Random) -> dict[str, list[Row]]:
    cust = people.make_customers(rng)
    store: list[Row] = [(number, *row) for number, row in enumerate(word_lists.STORES, 1)]
    staff = people.make_staff(rng)
    numbers = {category.name: number for number, category in enumerate(word_lists.CATEGORIES, 1)}
    cat: list[Row] = [(numbers[c.name], c.name, numbers.get(c.parent or "")) for c in word_lists.CATEGORIES]
    item = goods.make_items(rng, numbers)
    vend, src = goods.make_vendors(rng, item)
    stk = goods.make_stock(rng, item)
    orders = trade.make_orders(rng, cust, staff)
    ordln = trade.make_lines(rng, orders, cust, item)
    dlv = trade.make_deliveries(rng, orders, ordln, cust)
    rev = trade.make_reviews(rng, orders, ordln)
    return {
        "cust": cust, "store": store, "staff": staff, "cat": cat, "item": item, "vend": vend, "src": src,
        "stk": stk, "ord": orders, "ordln": ordln, "dlv": dlv, "rev": rev,
    }  # fmt: skip
