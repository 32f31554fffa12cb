"""Kill a training ten times at random, continue each time, and compare its loss curve with an unbroken run's.

    python bench/kill_resume.py [--kills 10] [--seed 0] [--base nano]

Prints a table of the kills and the largest difference of any step's loss; exits with 1 above 1e-6.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

DDL = "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, city TEXT, country TEXT, created DATE)"
LIMIT = 1e-6


class Kill(NamedTuple):
    """When a training was killed: the step waited for, the steps it had made, and the last one in a checkpoint."""

    target: int
    made: int
    kept: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--base", default="nano")
    parser.add_argument("--steps", type=int, default=120)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_examples(work / "train.jsonl")
        base = str(Path(arguments.base).resolve()) if Path(arguments.base).exists() else arguments.base
        words = ["data.train=train.jsonl", f"base={base}", "prompt.name=compact", f"train.max_steps={arguments.steps}"]
        words += ["train.local.save_steps=5", "train.lora.dropout=0.1", "train.schedule=cosine", "train.warmup_steps=5"]
        start(words, "unbroken", work).wait()
        draw = random.Random(arguments.seed)
        targets = sorted(draw.sample(range(1, arguments.steps), arguments.kills))
        kills = killed_and_continued(words, work, targets, draw)
        unbroken, broken = losses(work / "runs" / "unbroken"), losses(work / "runs" / "broken")
    print("kill  steps made  steps kept")
    for number, kill in enumerate(kills, 1):
        print(f"{number:>4}  {kill.made:>10}  {kill.kept:>10}")
    apart = max(abs(a - b) for a, b in zip(unbroken, broken, strict=True))
    print(
        f"{len(unbroken)} steps, {len(kills)} kills: a step's loss differs by at most {apart:.1e} (limit {LIMIT:.0e})"
    )
    sys.exit(apart > LIMIT)


def killed_and_continued(words: list[str], work: Path, targets: list[int], draw: random.Random) -> list[Kill]:
    """Kill the training when it reaches each target step, and a little later; then let it end."""
    table = []
    run = work / "runs" / "broken"
    for target in targets:
        process = start(words, "broken", work)
        while process.poll() is None and steps(run) < target:
            time.sleep(0.002)
        time.sleep(draw.uniform(0.0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = max((int(p.parent.name.split("-")[1]) for p in run.glob("checkpoints/*/COMPLETE")), default=0)
        table.append(Kill(target, steps(run), kept))
    start(words, "broken", work).wait()
    if not (run / "DONE").exists():
        sys.exit("the last run failed: " + " ".join(words))
    return table


def start(words: list[str], name: str, work: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "sqltailor", "train", *words, f"train.name={name}"]
    return subprocess.Popen(
        command,
        cwd=work,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def steps(run: Path) -> int:
    metrics = run / "metrics.jsonl"
    return metrics.read_bytes().count(b'"loss"') if metrics.exists() else 0


def losses(run: Path) -> list[float]:
    return [row["loss"] for row in map(json.loads, (run / "metrics.jsonl").read_text().splitlines()) if "loss" in row]


def write_examples(path: Path) -> None:
    rows = []
    for i in range(64):
        city = f"City {i}"
        question, sql = f"How many customers live in {city}?", f"SELECT COUNT(*) FROM customer WHERE city = '{city}'"
        rows.append({"id": str(i), "question": question, "sql": [sql], "schema": DDL})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
