"""What each named base is worth on the sample database: `python bench/bases.py [--base NAME]... [--out DIR]`.

Runs the demo with each base and all 200 test questions, and prints untuned, tuned and minutes with 95 % intervals.
The same folder given again goes on from what is there, and asks no base twice.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

from sqltailor.demo.journey import run_demo
from sqltailor.generate.bases import BASES
from sqltailor.runs import read_json, write_json_atomic
from sqltailor.train.running.progress import live

HEAD = "| base | new wordings | new shapes | all 200 | names only what exists | training | all |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", action="append", default=[], metavar="NAME", help="may be repeated; default: all")
    parser.add_argument("--out", type=Path, default=None, help="folder to keep; default: a temporary one")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = [measure(name, (args.out or Path(scratch)) / name) for name in args.base or BASES]
    print(f"\nExecution, untuned → tuned, on {os.cpu_count()} cores.\n{HEAD}\n|---|---|---|---|---|---|---|")
    print("\n".join(rows))


def measure(name: str, folder: Path) -> str:
    """Return a base's line of the table."""
    kept = folder / "measured.json"
    if not kept.is_file():
        write_json_atomic(kept, run_demo(folder, base=name, questions=100, on_step=print, show_training=live).to_json())
    done = read_json(kept)
    cells = [shown([models["execution"] for models in part.values()]) for part in done["parts"].values()]
    cells += [shown([models[metric] for models in done["models"].values()]) for metric in ("execution", "schema_valid")]
    return (
        f"| {' | '.join([name, *cells])} | {done['training_seconds'] / 60:.0f} min | {done['seconds'] / 60:.0f} min |"
    )


def shown(rates: list[dict[str, Any]]) -> str:
    """Return rates of the untuned and the tuned model, the latter with its interval."""
    before, after = rates
    return f"{before['value']:.1%} → {after['value']:.1%} [{after['low']:.1%}, {after['high']:.1%}]"


if __name__ == "__main__":
    main()
