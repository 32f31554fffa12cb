"""How fast pairs are made from the sample database, how many are kept, how varied they are, what fuzzing tells apart.

    python bench/synth_speed.py [-n 2000] [--database my.db]

Wall-clock figures depend on what else the machine does, so the processor seconds of this process are printed beside
them; statements run in a second process.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from importlib.resources import files
from pathlib import Path

from sqltailor.database import open_database
from sqltailor.demo.database import build_database
from sqltailor.sql.schema import from_ddl
from sqltailor.synth import Maker, invent_values, synthesise
from sqltailor.synth.fuzz import fuzz_database, read_constraints
from sqltailor.synth.to_sql import template


def sampling(count: int) -> dict[str, object]:
    ddl = files("sqltailor.demo").joinpath("shop.sql").read_text(encoding="utf-8")
    schema = from_ddl(ddl)
    maker, rng = Maker(schema, invent_values(schema, random.Random(0))), random.Random(0)
    for _ in range(200):
        maker.pair(rng)
    started = time.process_time()
    made = [maker.pair(rng) for _ in range(count)]
    seconds = time.process_time() - started
    return {
        "pairs": count,
        "pairs_per_cpu_s": round(count / seconds),
        "distinct_questions": len({pair.question for pair in made}),
        "distinct_statements": len({pair.sql for pair in made}),
        "distinct_templates": len({template(pair.query) for pair in made}),
    }


def synthesis(path: Path, n: int, kind: str) -> dict[str, object]:
    with open_database(str(path)) as database:
        cpu = time.process_time()
        made = synthesise(database, n, kind=kind, personal=True)  # type: ignore[arg-type]
        cpu = time.process_time() - cpu
    executed = made.kept + sum(made.dropped.get(r, 0) for r in ("empty", "constant", "whole table", "too long"))
    return {
        "kind": kind,
        "kept": made.kept,
        "executed": executed,
        "kept_per_s": round(made.kept / made.seconds),
        "executed_per_s": round(executed / made.seconds),
        "kept_per_cpu_s": round(made.kept / cpu),
        "share_kept": round(made.kept / made.made, 3),
        "templates": made.templates,
        "dropped": made.dropped,
    }


def fuzzing(folder: Path) -> dict[str, object]:
    demo = files("sqltailor.demo")
    ddl = demo.joinpath("shop.sql").read_text(encoding="utf-8")
    lines = demo.joinpath("questions/train.jsonl").read_text(encoding="utf-8").splitlines()
    gold = [json.loads(line)["sql"][0] for line in lines]
    started = time.monotonic()
    made = fuzz_database(from_ddl(ddl), gold, folder, constraints=read_constraints(ddl))
    report = made.to_json()
    return {"seconds": round(time.monotonic() - started, 1)} | {k: v for k, v in report.items() if k != "databases"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=2000, help="pairs to keep (default 2000)")
    parser.add_argument("--database", type=Path, help="measure synthesis on this SQLite file alone")
    given = parser.parse_args()
    n = given.n
    if given.database is not None:
        print(json.dumps({"synthesis": synthesis(given.database, n, "question")}))
        return
    print(json.dumps({"sampling": sampling(10_000)}))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop.db"
        build_database(path)
        for kind in ("question", "spec"):
            print(json.dumps({"synthesis": synthesis(path, n, kind)}))
        print(json.dumps({"fuzzing": fuzzing(Path(folder) / "fuzz")}))


if __name__ == "__main__":
    main()
