"""How many pairs are enough: `python bench/learning_curve.py [--base small] [--questions 50] [--out DIR]`.

Tunes a base on the sample database with 0, 20, 40, 80 and 160 hand-written pairs, alone, with their variants about
other values, and with synthetic pairs, too, under the demo's recipe and with equal optimizer steps, and prints
execution accuracy with 95 % intervals on the demo's two held-out parts and on synthetic questions of another seed, none
with SQL that training has.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqltailor.data import load_examples, write_examples
from sqltailor.demo.journey import TESTS, draw_questions, make_pairs, prepare
from sqltailor.evaluate.by_recipe import evaluate_models
from sqltailor.project import Project
from sqltailor.recipe import load_recipe
from sqltailor.sql.dialect import comparable
from sqltailor.synth import synthesise
from sqltailor.train import train

STEPS = 60
COUNTS = (20, 40, 80, 160)
PARTS = (*TESTS, "other_synthetic")
HEAD = "new wordings | new shapes | other synthetic"
TEST_DATA = f"data.test={json.dumps([f'data/{part}.jsonl' for part in PARTS])}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="small")
    parser.add_argument("--out", type=Path, default=None, help="folder to keep; default: a temporary one")
    parser.add_argument("--steps", type=int, default=STEPS, help="optimizer steps of every training")
    parser.add_argument("--questions", type=int, default=100, help="questions of each part to ask, a seeded sample")
    args = parser.parse_args()
    with sample_shop(args.out, args.base, args.questions):
        asked = [draw_questions(part, args.questions) for part in PARTS]
        print(f"| training data | pairs | {HEAD} |\n|---|---|---|---|---|")

        def show(name: str, files: list[str]) -> None:
            print(measured(name, files, args.base, args.steps, asked), flush=True)

        show("none", [])
        for count in COUNTS:
            hand = part_of("train", count)
            values = part_of("values", count)
            show(f"{count} hand-written", [hand])
            show(f"{count} + other values", [hand, values])
            show(f"{count} + other values + synthetic", [hand, values, "data/synth.jsonl"])
        show("synthetic alone", ["data/synth.jsonl"])


def part_of(name: str, count: int) -> str:
    """Return the file with every n-th hand-written pair, `count` in all, or with the variants of these."""
    chosen = load_examples("data/train.jsonl")[:: 160 // count]
    file = f"data/{name}-{count}.jsonl"
    if name == "values":
        kept = {example.id for example in chosen}
        chosen = [e for e in load_examples("data/values.jsonl") if e.id.partition("~")[0] in kept]
    write_examples(file, chosen)
    return file


@contextlib.contextmanager
def sample_shop(out: Path | None, base: str, synthetic: int = 200) -> Iterator[Project]:
    """Stand in a folder (none: a temporary one) with the sample database and its pairs, and yield its project."""
    with contextlib.ExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(contextlib.chdir(folder))
        prepare(Path(), base)
        recipe = load_recipe("recipe.yaml", ["database.url=sqlite:///shop.db", TEST_DATA]).recipe
        project = stack.enter_context(Project(recipe))
        make_pairs(project)
        synthesise_test(project, synthetic)
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


def measured(name: str, files: list[str], base: str, steps: int, asked: list[str]) -> str:
    """Train on the files (none: the base as it is), ask, and return a line of the table; a finished training stays."""
    words = ["database.url=sqlite:///shop.db", TEST_DATA]
    model = base
    if files:
        words += [f"data.train={json.dumps(files)}", f"train.max_steps={steps}", "train.local.watch=[]"]
        run = name.replace(" + ", "-").replace(" ", "-")
        words.append(f"train.name={run}")
        model = f"runs/{run}"
        if not (Path(model) / "DONE").is_file():
            train(load_recipe("recipe.yaml", words))
    scores = evaluate_models(load_recipe("recipe.yaml", words).recipe, models=[model], data=asked).result.scores
    rates = [scores["breakdowns"]["part"][part][model]["execution"] for part in PARTS]
    cells = [f"{r['value']:.0%} [{r['low']:.0%}, {r['high']:.0%}]" for r in rates]
    pairs = sum(len(load_examples(file)) for file in files)
    return f"| {' | '.join([name, str(pairs), *cells])} |"


if __name__ == "__main__":
    main()
