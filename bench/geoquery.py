"""What tailoring to one real database is worth: `python bench/geoquery.py DATA [--base small] [--out DIR]`.

DATA holds GeoQuery (Zelle and Mooney 1996) in its published question split, with its database: `train.jsonl`,
`test.jsonl` (`question, sql` a line) and `geography.sqlite`. The journey of a user with a database: import, train,
evaluate. Prints execution and exact match before and after, with 95 % intervals and minutes, beside the published
figure. The same folder given again goes on from what is there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
from pathlib import Path

from sqltailor.data import import_data
from sqltailor.evaluate.by_recipe import evaluate_models
from sqltailor.recipe import load_recipe
from sqltailor.runs import Run
from sqltailor.train import train
from sqltailor.train.running.progress import live

PUBLISHED = "71 % exact match: Finegan-Dollak et al., ACL 2018, table 3, seq2seq with copying, question split"
RECIPE = {
    "prompt": {"hints": 6},
    "train": {
        "name": "geoquery",
        "epochs": 4,
        "learning_rate": 3e-4,
        "schedule": "cosine",
        "warmup_steps": 10,
        "batch": 8,
        "max_length": 1024,
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with train.jsonl, test.jsonl and geography.sqlite")
    parser.add_argument("--base", default="small")
    parser.add_argument("--out", type=Path, default=None, help="folder to keep; default: a temporary one")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a key of the recipe")
    args = parser.parse_args()
    data = args.data.resolve()
    with contextlib.ExitStack() as stack:
        folder = args.out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(contextlib.chdir(folder))
        tailor(data, args.base, args.set)


def tailor(data: Path, base: str, words: list[str]) -> None:
    """Import, train and evaluate in the working directory, and print the figures."""
    url = f"sqlite:///{data}/geography.sqlite"
    for name in ("train", "test"):
        made = import_data(
            [data / f"{name}.jsonl"], name, database=url, dialect="sqlite", validation_share=0, test_share=0, near=None
        )
        print(f"{name}: {made.kept} of {made.read} pairs kept, {dict(made.reasons)}")
    parts = {"train": ["train/train.jsonl"], "test": ["test/train.jsonl"]}
    recipe = {"database": {"url": url}, "dialect": "sqlite", "data": parts, "base": base, **RECIPE}
    Path("recipe.yaml").write_text(json.dumps(recipe, indent=2))  # JSON is YAML
    resolved = load_recipe("recipe.yaml", words)
    run = Run(Path("runs") / str(resolved.recipe.train.name))
    if not run.is_done:
        with live() as progress:
            train(resolved, progress=progress)
    scores = evaluate_models(resolved.recipe, models=[base, str(run.path)]).result.scores
    last = json.loads((run.path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    print(f"\nGeoQuery, {base}: {last['step']} steps in {last['elapsed_s'] / 60:.0f} minutes on {os.cpu_count()} cores")
    print("| | untuned | tuned |\n|---|---|---|")
    for metric in ("execution", "exact_match", "schema_valid"):
        rates = [scores["models"][model][metric] for model in (base, str(run.path))]
        cells = [f"{r['value']:.1%} [{r['low']:.1%}, {r['high']:.1%}]" for r in rates]
        print(f"| {metric} | {' | '.join(cells)} |")
    for pair in scores["paired"]:
        if pair["metric"] == "execution":
            print(f"{pair['fixed']} fixed, {pair['broken']} broken, p = {pair['p']:.2g} (exact McNemar)")
    print(f"published: {PUBLISHED}")


if __name__ == "__main__":
    main()
