"""How long a command takes to find the stored values that a question names, in a database of a million rows.

    python bench/hints.py

Each row is a process of its own, as `sqltailor ask` is: without what an earlier one kept; with it; after one row of
the file was changed, when all tables are read again, since SQLite does not know which one it was; and when a whole
table has other values. It prints milliseconds for the values, beside those for opening the database and its schema.
"""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

ROWS = 1_000_000
CITIES, PRODUCTS, FIRMS = 2_000, 15_000, 18_000
QUESTION = "How many orders of Firm Alba 77 went to Port Dorado 12?"
SCRIPT = """
CREATE TABLE firm (id INTEGER PRIMARY KEY, name TEXT, city TEXT, sector TEXT);
CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT, brand TEXT, colour TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, firm_id INTEGER, product_id INTEGER, status TEXT, port TEXT, remark TEXT);
"""
TIMED = """
import sys, time
from sqltailor.project import Project
from sqltailor.recipe import load_recipe
with Project(load_recipe(None, ["database.url=" + sys.argv[1]]).recipe) as project:
    started = time.monotonic()
    project.granted
    opened = time.monotonic()
    found = project.values_named(sys.argv[2])
    print(round(1000 * (opened - started)), round(1000 * (time.monotonic() - opened)), len(found))
"""


def build(path: Path) -> None:
    """Write the database."""
    rng = random.Random(1)
    cities = [f"Port {rng.choice(('Dorado', 'Verde', 'Nuevo'))} {i}" for i in range(CITIES)]
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SCRIPT)
        firms = ((i, f"Firm {rng.choice(('Alba', 'Brio'))} {i}", rng.choice(cities), "trade") for i in range(FIRMS))
        db.executemany("INSERT INTO firm VALUES (?, ?, ?, ?)", firms)
        products = ((i, f"Lamp {i}", f"Brand {i % 300}", rng.choice(("red", "blue"))) for i in range(PRODUCTS))
        db.executemany("INSERT INTO product VALUES (?, ?, ?, ?)", products)
        orders = (
            (i, rng.randrange(FIRMS), rng.randrange(PRODUCTS), "sent", rng.choice(cities), f"remark {i % 9_000}")
            for i in range(ROWS)
        )
        db.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", orders)
        db.commit()
    settle(path)


def settle(path: Path) -> None:
    """Let the file look as one that nobody has just written."""
    before = time.time() - 60
    os.utime(path, (before, before))


def main() -> None:
    """Print one row a process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.db"
        build(path)
        environment = os.environ | {"SQLTAILOR_CACHE": folder}
        print("| process | opening (ms) | values (ms) |\n|---|---|---|")

        def timed(what: str, change: str = "") -> None:
            if change:
                with closing(sqlite3.connect(path)) as db:
                    db.execute(change)
                    db.commit()
                settle(path)
            command = [sys.executable, "-c", TIMED, f"sqlite:///{path}", QUESTION]
            done = subprocess.run(command, env=environment, cwd=folder, text=True, capture_output=True, check=True)
            opening, values, _ = done.stdout.split()
            print(f"| {what} | {opening} | {values} |", flush=True)

        timed("the first")
        timed("the next")
        timed("after a row was changed, with the same values", "UPDATE orders SET firm_id = 1 WHERE id = 7")
        timed("after the smallest table got others", "UPDATE product SET name = name || ' B'")
        kept = sum(file.stat().st_size for file in Path(folder).glob("values/*"))
        print(f"\nThe database has {path.stat().st_size / 1e6:.0f} MB, what is kept {kept / 1e6:.1f} MB.")


if __name__ == "__main__":
    main()
