"""Does the evaluation survive kills, and do its limits fire? `python bench/eval_engine.py [--predictions 10000]`.

Makes a folder of SQLite databases and predictions about them, right, wrong, endless and too large. Scores them once
undisturbed, and once killed (SIGKILL) five times and resumed: `scores.json` and the predictions must be equal byte by
byte. Then times each endless statement by itself against its limit.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from sqltailor.database import open_database
from sqltailor.errors import SQLError

DATABASES, KILLS, LIMIT_S = 10, 5, 2.0
ENDLESS = {
    "recursion": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n",
    "cross joins": "SELECT count(*) FROM sale a, sale b, sale c, sale d WHERE a.amount > d.amount",
    "big value": "SELECT length(group_concat(hex(randomblob(1000)) || a.id)) FROM sale a, sale b, sale c",
    "long text": "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM t) SELECT max(length(s)) FROM t",
    "patterns": "SELECT count(*) FROM sale a, sale b WHERE replace(hex(zeroblob(1000000)), '0', 'ab') LIKE '%a%b%c%'",
    "big sort": "SELECT a.id FROM sale a, sale b, sale c ORDER BY random() LIMIT 1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--predictions", type=int, default=10_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, args.predictions)
        before = digest(folder / "dbs")
        seconds = score(folder, "whole")
        print(f"{args.predictions:,} predictions in {seconds:.1f} s ({args.predictions / seconds:,.0f} a second)")
        for kill in range(KILLS):
            score(folder, "killed", kill_after=seconds * (kill + 1) / (KILLS + 1) / 3 + 1.0)
        score(folder, "killed")
        for file in ("scores.json", "predictions-said.jsonl.jsonl"):
            same = (folder / "whole" / file).read_bytes() == (folder / "killed" / file).read_bytes()
            print(f"{file} after {KILLS} kills: {'byte-identical' if same else 'DIFFERS'}")
        print(f"databases: {'unchanged' if digest(folder / 'dbs') == before else 'CHANGED'}")
        limits(folder / "dbs" / "db0" / "db0.sqlite")


def make(folder: Path, count: int) -> None:
    """Write databases, examples and predictions; one prediction in a thousand never ends."""
    draw = random.Random(0)
    for number in range(DATABASES):
        path = folder / "dbs" / f"db{number}" / f"db{number}.sqlite"
        path.parent.mkdir(parents=True)
        rows = [(i, draw.choice("abc"), draw.randint(1, 500)) for i in range(2_000)]
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("CREATE TABLE sale (id INTEGER PRIMARY KEY, shop TEXT, amount INTEGER)")
            db.executemany("INSERT INTO sale VALUES (?, ?, ?)", rows)
    with (folder / "gold.jsonl").open("w") as gold, (folder / "said.jsonl").open("w") as said:
        for i in range(count):
            least, about = draw.randint(1, 500), f"db{i * DATABASES // count}"
            sql = f"SELECT shop, count(*) FROM sale WHERE amount > {least} GROUP BY shop"
            row = {"id": f"q{i}", "question": f"How many above {least}?", "db_id": about, "sql": [sql]}
            gold.write(json.dumps(row) + "\n")
            wrong = draw.choice([sql, sql, sql.replace(">", ">="), f"{sql} ORDER BY 2", sql.replace("amount", "price")])
            endless = draw.choice(list(ENDLESS.values())[:2])
            said.write(json.dumps({"id": f"q{i}", "predicted": endless if i % 1000 == 500 else wrong}) + "\n")


def score(folder: Path, out: str, kill_after: float | None = None) -> float:
    """Score the predictions into a folder, and return the seconds; with `kill_after`, end the process before."""
    command = [sys.executable, "-m", "sqltailor", "eval", "--predictions", "said.jsonl", "--data", "gold.jsonl"]
    command += ["--database", "dbs", "--out", out, "--timeout", str(LIMIT_S), "--json"]
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        _, said = process.communicate(timeout=kill_after)
        assert process.returncode == 0, said.decode()
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        lines = sum(1 for _ in (folder / out).glob("predictions-*.jsonl") for _ in _.open())
        print(f"killed after {kill_after:.1f} s, {lines:,} predictions written")
    return time.monotonic() - began


def digest(folder: Path) -> str:
    """Return a hash of all files of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(f).encode() + f.read_bytes() for f in files)).hexdigest()


def limits(path: Path) -> None:
    """Print how long each endless statement took to be stopped, as a multiple of its limit."""
    print(f"| statement | stopped as | seconds | of the limit of {LIMIT_S:g} s |\n|---|---|---|---|")
    with open_database(str(path), timeout_s=LIMIT_S) as database:
        for name, sql in ENDLESS.items():
            began = time.monotonic()
            try:
                database.run(sql)
                told = "it ended"
            except SQLError as e:
                told = type(e).__name__
            seconds = time.monotonic() - began
            print(f"| {name} | {told} | {seconds:.2f} | {seconds / LIMIT_S:.2f} |")


if __name__ == "__main__":
    main()
