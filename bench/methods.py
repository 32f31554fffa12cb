"""What each way of learning adds on the sample database: nano, tuned (sft), then dpo and grpo on top of that.

    python bench/methods.py [--out DIR] [--seed 0] [--set KEY=VALUE]...

The demo's data and recipe; both held-out parts and 200 other synthetic questions, by execution, with 95 % intervals;
and paired against the tuned model: questions that became right and wrong, and the exact McNemar p. Given again with
the same folder, what is trained stays. `--set` changes a key of all trainings: `--set train.max_steps=2` for a look at
the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from learning_curve import HEAD, PARTS, sample_shop

from sqltailor.evaluate.by_recipe import evaluate_models
from sqltailor.recipe import load_recipe
from sqltailor.train import train

LEARN = ("train.learning_rate=1e-4", "train.schedule=constant", "train.epochs=1")
METHODS = {
    "sft": (),
    "dpo": ("base=runs/sft", "train.method=dpo", *LEARN),
    "grpo": (
        "base=runs/sft",
        "train.method=grpo",
        *LEARN,
        "train.batch=32",  # four questions to a step, eight answers each
        "train.grpo.generations=8",
        "train.grpo.max_tokens=96",
    ),
}
"""Run → what it changes of the demo's recipe; dpo and grpo go on from what sft made."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=None, help="folder to keep; default: a temporary one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()
    with sample_shop(args.out, "nano") as project:
        runs = [learn(name, [f"train.seed={args.seed}", *args.set]) for name in METHODS]
        scores = evaluate_models(project, models=["nano", *runs], out="eval").result.scores
        print(table(scores, ["nano", *runs]))


def learn(name: str, words: Sequence[str]) -> str:
    """Train by one method, unless that is done, and return its run."""
    run = Path("runs") / name
    if not (run / "DONE").is_file():
        print(f"training: {name}", flush=True)
        own = ["database.url=sqlite:///shop.db", f"train.name={name}", *METHODS[name], *words]
        train(load_recipe("recipe.yaml", own))
    return str(run)


def table(scores: Mapping[str, Any], models: Sequence[str]) -> str:
    """Return the lines of the table."""
    lines = [f"| model | {HEAD} | fixed | broken | p |", "|---|---|---|---|---|---|---|"]
    compared = {
        pair["b"]: pair for pair in scores["paired"] if pair["a"] == models[1] and pair["metric"] == "execution"
    }
    for model in models:
        rates = [scores["breakdowns"]["part"][part][model]["execution"] for part in PARTS]
        cells = [f"{r['value']:.0%} [{r['low']:.0%}, {r['high']:.0%}]" for r in rates]
        pair = compared.get(model)
        cells += [str(pair["fixed"]), str(pair["broken"]), f"{pair['p']:.3f}"] if pair else [""] * 3
        lines.append(f"| {' | '.join([model, *cells])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
