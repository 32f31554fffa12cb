"""What synthetic and hand-written pairs are worth: `python bench/data_sources.py [--steps 240] [--out DIR]`.

Tunes nano on the sample database with synthetic pairs alone, hand-written ones alone, and both, under the demo's recipe
and with equal optimizer steps, and prints execution accuracy on the demo's two held-out parts with 95 % intervals.
`bench/demo_learning_curve.py` also varies the number of hand-written pairs.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from pathlib import Path

from demo_learning_curve import STEPS, show

from sqltailor.demo.run import prepare, synthesise_pairs
from sqltailor.recipe import load_recipe

HAND, SYNTHETIC = "data/train.jsonl", "data/synth.jsonl"
SOURCES = {
    "none (base)": [],
    "synthetic alone": [SYNTHETIC],
    "hand-written alone": [HAND],
    "both": [HAND, SYNTHETIC],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=None, help="folder to keep; default: a temporary one")
    parser.add_argument("--steps", type=int, default=STEPS, help="optimizer steps of every training")
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        out = args.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        out.mkdir(parents=True, exist_ok=True)
        stack.enter_context(contextlib.chdir(out))
        prepare(Path())
        synthesise_pairs(load_recipe("recipe.yaml", ["database.url=sqlite:///shop.db"]).recipe)
        print("| training data | pairs | new wordings | new shapes |\n|---|---|---|---|")
        for name, sources in SOURCES.items():
            show(name, sources, args.steps)


if __name__ == "__main__":
    main()
