"""What constraint, votes, repair and known pairs are worth, alone and together: `python bench/choose.py [RUN]`.

Stands in the folder of a recipe (the demo's, for instance) and asks a run its test questions: free or constrained,
greedily, and asked again where a statement does not run; its base, also with the nearest known pairs in the prompt,
found by words or by meaning, and no training at all; and last, since it takes longest, the run with votes. Prints
execution by test part with 95 % intervals, schema validity, seconds a question, and how the surer half did.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from sqltailor.evaluate.by_recipe import evaluate_models, run_and_base
from sqltailor.recipe import load_recipe
from sqltailor.runs import Run, newest_training


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help="default: the newest run here")
    parser.add_argument("--votes", type=int, default=7)
    parser.add_argument("--repairs", type=int, default=1, help="times that a statement may be repaired")
    parser.add_argument("--examples", type=int, default=4, help="known pairs shown to the base")
    parser.add_argument("--data", action="append", help="test file; default: data.test of the recipe")
    args = parser.parse_args()
    run = Run(Path(args.run)) if args.run else newest_training(Path("runs"))
    base, tuned = run_and_base(run)
    near = [f"prompt.examples={args.examples}"]
    print("| | execution by part | names only what exists | surer half | s a question |\n|---|---|---|---|---|")
    for name, model, words, votes in (
        ("tuned, free, greedy", tuned, ["generate.constrain=false"], 0),
        ("tuned, constrained, greedy", tuned, [], 0),
        ("tuned, free, greedy, repair", tuned, ["generate.constrain=false", f"generate.repairs={args.repairs}"], 0),
        ("tuned, constrained, greedy, repair", tuned, [f"generate.repairs={args.repairs}"], 0),
        ("untuned, free, greedy", base, ["generate.constrain=false"], 0),
        ("untuned, free, greedy, repair", base, ["generate.constrain=false", f"generate.repairs={args.repairs}"], 0),
        ("untuned, constrained, greedy", base, [], 0),
        (f"untuned, constrained, {args.examples} pairs near by words", base, near, 0),
        (f"untuned, constrained, {args.examples} pairs near by meaning", base, [*near, "prompt.nearest=meaning"], 0),
        (f"tuned, free, {args.votes} votes", tuned, ["generate.constrain=false"], args.votes),
        (f"tuned, constrained, {args.votes} votes", tuned, [], args.votes),
    ):
        print(measured(name, model, words, votes, args.data), flush=True)


def measured(name: str, model: str, words: list[str], votes: int, data: list[str] | None) -> str:
    """Return a line of the table."""
    began = time.monotonic()
    recipe = load_recipe("recipe.yaml", words).recipe
    scores = evaluate_models(recipe, models=[model], data=data, votes=votes).result.scores
    seconds = (time.monotonic() - began) / scores["examples"]
    rates = scores["models"][model]
    parts = scores["breakdowns"].get("part", {})
    by_part = [f"{part} {shown(found[model]['execution'])}" for part, found in parts.items()]
    surer = scores.get("confidence", {}).get("surer half", {}).get(model)
    cells = [", ".join(by_part or [shown(rates["execution"])]), shown(rates["schema_valid"])]
    return f"| {name} | {' | '.join([*cells, shown(surer) if surer else '–'])} | {seconds:.2f} |"


def shown(rate: dict[str, float]) -> str:
    """Return a rate with its interval."""
    return f"{rate['value']:.0%} [{rate['low']:.0%}, {rate['high']:.0%}]"


if __name__ == "__main__":
    main()
