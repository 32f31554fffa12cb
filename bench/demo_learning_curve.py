"""What each kind of training data is worth: `python bench/demo_learning_curve.py [--out DIR]`.

Tunes nano on the sample database with 0, 40, 80 and 160 hand-written pairs, these with their variants about other
values, synthetic pairs alone, and all of them, under the demo's recipe and with equal optimizer steps, and prints
execution accuracy on the demo's two held-out parts and on 200 synthetic questions of another seed, none with SQL that
training has.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqltailor.data import load_examples, write_examples
from sqltailor.demo.run import TESTS, make_pairs, prepare
from sqltailor.evaluate.by_recipe import evaluate_models
from sqltailor.project import Project
from sqltailor.recipe import load_recipe
from sqltailor.sql.dialect import comparable
from sqltailor.synth import synthesise
from sqltailor.train import train

STEPS = 240
PARTS = (*TESTS, "other_synthetic")
HEAD = "new wordings | new shapes | other synthetic"
TEST_DATA = f"data.test={json.dumps([f'data/{part}.jsonl' for part in PARTS])}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=None, help="folder to keep; default: a temporary one")
    parser.add_argument("--steps", type=int, default=STEPS, help="optimizer steps of every training")
    args = parser.parse_args()
    with sample_shop(args.out):
        hand = load_examples("data/train.jsonl")
        for count in (40, 80):
            write_examples(f"data/train-{count}.jsonl", hand[:: len(hand) // count])
        print(f"| training data | pairs | {HEAD} |\n|---|---|---|---|---|")
        show("none (base)", [], args.steps)
        for name, files in {
            "40 hand-written": ["data/train-40.jsonl"],
            "80 hand-written": ["data/train-80.jsonl"],
            "160 hand-written": ["data/train.jsonl"],
            "160 hand-written + other values": ["data/train.jsonl", "data/values.jsonl"],
            "synthetic": ["data/synth.jsonl"],
            "all three": ["data/train.jsonl", "data/values.jsonl", "data/synth.jsonl"],
        }.items():
            show(name, files, args.steps)


@contextlib.contextmanager
def sample_shop(out: Path | None) -> Iterator[Project]:
    """Stand in a folder (none: a temporary one) with the sample database and its pairs, and yield its project."""
    with contextlib.ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(contextlib.chdir(folder))
        prepare(Path())
        recipe = load_recipe("recipe.yaml", ["database.url=sqlite:///shop.db", TEST_DATA]).recipe
        project = stack.enter_context(Project(recipe))
        make_pairs(project)
        synthesise_test(project, 200)
        yield project


def synthesise_test(project: Project, count: int) -> None:
    """Write `data/other_synthetic.jsonl`: pairs of another seed, without the SQL of training; what is there stays."""
    out = Path("data/other_synthetic.jsonl")
    if out.is_file():
        return
    taught = {
        comparable(e.sql[0]) for file in ("train", "values", "synth") for e in load_examples(f"data/{file}.jsonl")
    }
    glossary = project.recipe.glossary
    made = synthesise(project.database, 2 * count, schema=project.schema, glossary=glossary, personal=True, seed=1)
    write_examples(out, [e for e in made.examples if comparable(e.sql[0]) not in taught][:count])


def show(name: str, files: list[str], steps: int) -> None:
    """Train on the files (none: the base as it is), and print a line of the table."""
    words = ["database.url=sqlite:///shop.db", TEST_DATA, f"data.train={json.dumps(files)}", f"train.max_steps={steps}"]
    resolved = load_recipe("recipe.yaml", words)
    model = str(train(resolved).run) if files else "nano"
    measured = evaluate_models(resolved.recipe, models=[model])
    parts = measured.result.scores["breakdowns"]["part"]
    rates = [parts[part][model]["execution"] for part in PARTS]
    cells = [f"{r['value']:.0%} [{r['low']:.0%}, {r['high']:.0%}]" for r in rates]
    pairs = sum(len(load_examples(file)) for file in files)
    print(f"| {' | '.join([name, str(pairs), *cells])} |", flush=True)


if __name__ == "__main__":
    main()
