"""Many clients at once on `sqltailor serve`: `python bench/load.py [--clients 200] [--seconds 60] [--model REF]`.

Serves the sample database in a process of its own and lets each client ask one question after the other, through our
own route, OpenAI's and Bedrock's in turn; one in twenty leaves before its answer. A client that is told 429 waits for
as long as `Retry-After` says. Prints what was answered, how long it took and the server's memory. Exit code 1 when a
response was a 5xx or a connection broke.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO

from sqltailor.data.examples import load_examples
from sqltailor.demo.database import build_database
from sqltailor.demo.journey import HERE, TESTS
from sqltailor.evaluate.statistics import percentile

LEAVES = 0.05
PATIENCE_S = 120
UNLIMITED = ("--rate", "0", "--at-once", "0")


@dataclass
class Seen:
    """What all clients saw together; appends and counts are atomic enough under one interpreter lock."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    left: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--model", default="nano", metavar="REF", help="what serve takes; default: nano")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        build_database(Path(folder) / "shop.db")
        command = [sys.executable, "-m", "sqltailor", "serve", "--port", "0", "--database", "shop.db", *UNLIMITED]
        with subprocess.Popen(
            [*command, "--model", args.model, "--name", "load"], cwd=folder, stderr=subprocess.PIPE, text=True
        ) as server:
            try:
                sys.exit(run(server, args.clients, args.seconds))
            finally:
                server.terminate()


def run(server: subprocess.Popen[str], clients: int, seconds: float) -> int:
    """Load a server that starts, print what came of it, and return the exit code."""
    assert server.stderr is not None
    port = port_of(server.stderr)
    threading.Thread(target=lambda log: [None for _ in log], args=[server.stderr], daemon=True).start()
    questions = [
        example.question or "" for part in TESTS for example in load_examples(HERE / "questions" / f"{part}.jsonl")
    ]
    ask(port, 0, questions[0])  # what is read once is read
    memory = [memory_mb(server.pid)]
    began = time.monotonic()
    seen, until = Seen(), began + seconds
    threads = [threading.Thread(target=client, args=(port, i, questions, until, seen)) for i in range(clients)]
    for thread in threads:
        thread.start()
    while time.monotonic() < until:
        time.sleep(max(0.1, min(seconds / 10, until - time.monotonic())))
        memory.append(memory_mb(server.pid))
    for thread in threads:
        thread.join()
    whole = time.monotonic() - began
    ask(port, 0, questions[0])
    memory.append(memory_mb(server.pid))
    return report(seen, memory, clients, whole)


def port_of(log: IO[str]) -> int:
    """Return the port that a server says it listens on, once it answers."""
    for line in log:
        found = re.search(r"serving at http://127\.0\.0\.1:(\d+)", line)
        if found:
            return int(found[1])
    raise SystemExit("the server did not start")


def client(port: int, number: int, questions: list[str], until: float, seen: Seen) -> None:
    """Ask until the time is up."""
    rng = random.Random(number)
    while time.monotonic() < until:
        leaves = rng.random() < LEAVES
        began = time.monotonic()
        try:
            status, wait_s = ask(port, rng.randrange(3), rng.choice(questions), leaves=leaves)
        except (OSError, HTTPException) as e:
            seen.broken.append(f"{type(e).__name__}: {e}")
            continue
        if leaves:
            seen.left += 1
            continue
        seen.statuses[status] += 1
        if status == 200:
            seen.seconds.append(time.monotonic() - began)
        elif status == 429:
            time.sleep(wait_s)


def ask(port: int, way: int, question: str, *, leaves: bool = False) -> tuple[int, float]:
    """Ask once, and return the status and how long to wait before asking again."""
    turn = {"role": "user", "content": question}
    path, body = (
        ("/ask", {"question": question, "stream": True}),
        ("/v1/chat/completions", {"model": "load", "messages": [turn], "stream": True}),
        ("/model/load/converse", {"messages": [turn | {"content": [{"text": question}]}]}),
    )[way]
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        if leaves:
            return 0, 0.0
        response = connection.getresponse()
        response.read()
        return response.status, float(response.headers.get("Retry-After", 0))
    finally:
        connection.close()


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


def report(seen: Seen, memory: list[float], clients: int, seconds: float) -> int:
    """Print the numbers, and return 1 when something failed."""
    failed = sum(count for status, count in seen.statuses.items() if status >= 500)
    print(f"{clients} clients, {seconds:.0f} s: {dict(sorted(seen.statuses.items()))}, {seen.left} left early")
    if seen.seconds:
        p50, p95, p99 = (percentile(seen.seconds, percent) for percent in (50, 95, 99))
        rate = len(seen.seconds) / seconds
        print(f"answered: {rate:.1f} a second; p50 {p50:.2f} s, p95 {p95:.2f} s, p99 {p99:.2f} s")
    first, *during, last = (f"{mb:.0f}" for mb in memory)
    print(f"memory in MB: {first} before; {' '.join(during)} at each tenth of the time; {last} after")
    print(f"5xx: {failed}; broken connections: {len(seen.broken)} {seen.broken[:3] or ''}")
    return int(failed > 0 or bool(seen.broken))


if __name__ == "__main__":
    main()
