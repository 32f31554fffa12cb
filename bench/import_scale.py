"""How fast are rows imported, checked and freed of near-duplicates, and in how much memory?

    python bench/import_scale.py [--rows 10000 100000 1000000] [--peer-rows 100000] [--keep DIR]

Makes sql-create-context rows (many schemas, values, wordings; 2 % near-duplicates, 1 % faults), imports them with
`sqltailor.data.import_data`, and does the same work written with pandas and sqlglot in the plain way: read the file
into a frame, parse each statement, drop exact duplicates, and find near-duplicates with a MinHash index in memory
(datasketch, where it is installed). Both run in processes of their own on the same file; peak memory is the largest
sum of resident memory of the process and its children, looked at ten times a second.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def words(text: str) -> list[str]:
    return text.split()


NOUNS = words("order customer product invoice employee city flight player team song ticket visit sensor asset claim")
COLUMNS = words("name price amount region status opened closed weight rating level owner model colour score rank")
VALUES = words("north south gold silver open late Oslo Bonn Lima Kyoto red blue urgent minor nightly")
ASK = ("What is the {c} of the {n} whose {d} is {v}?", "Show me {c} for every {n} where {d} equals {v}.",
       "Which {c} does the {n} with {d} {v} have?", "Give the {c} of {n} number {k} with {d} {v}")  # fmt: skip
COUNT = ("How many {n} records have {d} {v}?", "Count the {n} entries that are {v} in {d} please")


def make_rows(path: Path, rows: int, seed: int = 0) -> None:
    generator = random.Random(seed)
    choice = generator.choice
    last: dict[str, str] = {}
    with path.open("w", encoding="utf-8") as file:
        for i in range(rows):
            if last and generator.random() < 0.02:
                row = last | {"question": last["question"].replace("the", "teh", 1) + " "}
            else:
                noun, (c, d) = choice(NOUNS), generator.sample(COLUMNS, 2)
                table, value, k = (
                    f"{noun}_{generator.randrange(rows // 20 + 1)}",
                    choice(VALUES),
                    generator.randrange(10**6),
                )
                fill = {"n": noun, "c": c, "d": d, "v": f"{value} {k}", "k": k}
                is_count = generator.random() < 0.3
                select = "COUNT(*)" if is_count else c
                row = {
                    "question": choice(COUNT if is_count else ASK).format(**fill),
                    "context": f"CREATE TABLE {table} ({c} VARCHAR, {d} VARCHAR, id INTEGER)",
                    "answer": f'SELECT {select} FROM {table} WHERE {d} = "{value} {k}"',
                }
                if i % 100 == 99:
                    row["answer"] = row["answer"].replace("WHERE", choice(("WHER", "WHERE nothing_like_it AND")), 1)
            last = row
            file.write(json.dumps(row) + "\n")


def ours(source: str, out: str) -> dict[str, int]:
    from sqltailor.data import import_data

    summary = import_data([source], out)
    assert summary.read == summary.kept + summary.rejected
    return {"kept": summary.kept, **summary.reasons}


def peer(source: str, out: str) -> dict[str, int]:
    import pandas
    import sqlglot
    from sqlglot import exp

    frame = pandas.read_json(source, lines=True)
    read = len(frame)

    def canonical(row: pandas.Series) -> str | None:
        try:
            tree = sqlglot.parse_one(row["answer"], read="mysql")
            known = {c.name.lower() for c in sqlglot.parse_one(row["context"], read="mysql").find_all(exp.ColumnDef)}
        except sqlglot.errors.SqlglotError:
            return None
        ok = all(c.name.lower() in known for c in tree.find_all(exp.Column))
        return tree.sql("sqlite") if ok else None

    frame["sql"] = frame.apply(canonical, axis=1)
    frame = frame.dropna(subset=["sql"])
    checked = len(frame)
    frame["normal"] = frame["question"].str.lower().str.replace(r"[^\w\s]", "", regex=True).str.strip()
    frame = frame.drop_duplicates(["context", "normal", "sql"])
    exact = len(frame)
    frame = frame[[not copy for copy in near_duplicates(frame)]]
    frame.to_json(out + ".jsonl", orient="records", lines=True)
    return {
        "kept": len(frame),
        "faults": read - checked,
        "duplicate": checked - exact,
        "near_duplicate": exact - len(frame),
    }


def near_duplicates(frame) -> list[bool]:  # type: ignore[no-untyped-def]
    try:
        from datasketch import MinHash, MinHashLSH
    except ImportError:
        return [False] * len(frame)
    index = MinHashLSH(threshold=0.8, num_perm=32)
    copies = []
    for i, (question, sql) in enumerate(zip(frame["normal"], frame["sql"], strict=True)):
        sketch = MinHash(num_perm=32)
        sketch.update_batch([question[j : j + 3].encode() for j in range(max(1, len(question) - 2))])
        copies.append(any(key.endswith(sql) for key in index.query(sketch)))
        if not copies[-1]:
            index.insert(f"{i}:{sql}", sketch)
    return copies


def resident(pid: int) -> int:
    """Return the resident bytes of a process and its children; pages that a fork shares count once a process."""
    total = 0
    for folder in (pid, *children(pid)):
        try:
            total += int(Path(f"/proc/{folder}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def children(pid: int) -> list[int]:
    try:
        direct = [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return [*direct, *(grandchild for child in direct for grandchild in children(child))]


def cpu_seconds() -> float:
    """Return the seconds of processor time of all children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(name: str, source: Path, out: Path) -> dict[str, object]:
    code = f"import sys, json; sys.path.insert(0, {str(Path(__file__).parent)!r}); import import_scale; "
    code += f"print(json.dumps(import_scale.{name}({str(source)!r}, {str(out)!r})))"
    start, used = time.perf_counter(), cpu_seconds()
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, resident(process.pid))
        time.sleep(0.1)
    seconds = time.perf_counter() - start
    said = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{name} failed")
    return {"seconds": seconds, "cpu": cpu_seconds() - used, "peak_mib": peak / 2**20, "counts": json.loads(said)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--peer-rows", type=int, default=100_000, help="run the peer up to this many rows")
    options = parser.parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores")
    print(f"{'rows':>9}  {'what':9} {'seconds':>8} {'rows/s':>8} {'cpu s':>7} {'peak MiB':>9}  counts")
    with tempfile.TemporaryDirectory() as folder:
        for rows in options.rows:
            source = Path(folder) / f"{rows}.jsonl"
            make_rows(source, rows)
            results: dict[str, Any] = {}
            for name in ("ours", "peer") if rows <= options.peer_rows else ("ours",):
                results[name] = found = measure(name, source, Path(folder) / f"{name}-{rows}")
                speed, peak = rows / found["seconds"], found["peak_mib"]
                line = f"{rows:9,}  {name:9} {found['seconds']:8.1f} {speed:8,.0f} {found['cpu']:7.1f} {peak:9,.0f}"
                print(f"{line}  {found['counts']}", flush=True)
            if len(results) == 2:
                times = results["peer"]["seconds"] / results["ours"]["seconds"]
                memory = results["peer"]["peak_mib"] / results["ours"]["peak_mib"]
                print(f"{'':9}  ours is {times:.1f} x as fast, the peer takes {memory:.1f} x the memory", flush=True)
            source.unlink()


if __name__ == "__main__":
    main()
