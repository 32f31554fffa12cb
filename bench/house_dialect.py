"""What tuning on synthetic pairs of a house dialect is worth: `python bench/house_dialect.py [--base small]`.

Tunes a base on pairs of the sample shop that `synthesise` makes for `examples/house-dialect.yaml`, then asks base and
tuned questions that need its functions. Their SQL templates are in no training pair. An answer is right when the guard
allows it and it calls the same house functions on the same arguments as the gold SQL. Prints shares with 95 %
intervals, and the exact McNemar test.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from sqltailor.asker import open_asker
from sqltailor.data import write_examples
from sqltailor.demo.journey import prepare
from sqltailor.errors import SQLError
from sqltailor.evaluate.statistics import paired, rate
from sqltailor.project import Project
from sqltailor.recipe import Recipe, load_recipe
from sqltailor.sql.dialect import load_dialect, parse, template
from sqltailor.synth import synthesise
from sqltailor.train import train
from sqltailor.types import Example

HOUSE = Path(__file__).parents[1] / "examples" / "house-dialect.yaml"
WEIGHTS = {"house_function": 90.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialect", type=Path, default=HOUSE, help="YAML file (default: the shipped example)")
    parser.add_argument("--base", default="small")
    parser.add_argument("--pairs", type=int, default=600, help="synthetic pairs to train on")
    parser.add_argument("--test", type=int, default=150, help="held-out questions")
    parser.add_argument("--steps", type=int, default=75, help="optimizer steps; nano needs 150")
    args = parser.parse_args()
    dialect = str(args.dialect.resolve())
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        prepare(Path(), args.base)
        words = ["database.url=sqlite:///shop.db", f"dialect={dialect}", f"train.max_steps={args.steps}"]
        recipe = load_recipe("recipe.yaml", [*words, 'data.train=["data/house.jsonl"]'])
        started = time.monotonic()
        made = make_pairs(recipe.recipe, dialect, args.pairs * 2)
        training, test = divide(made, dialect, args.test)
        training = training[: args.pairs]
        calls = sum(bool(house_calls(example.sql[0], dialect)) for example in training)
        write_examples("data/house.jsonl", training)
        print(f"{len(training)} training pairs, {calls} with a house function; {len(test)} test questions", flush=True)
        tuned = str(train(recipe).run)
        scores = {model: score(recipe.recipe, model, test, dialect) for model in (args.base, tuned)}
        show(scores, args.base, tuned, time.monotonic() - started)


def make_pairs(recipe: Recipe, dialect: str, count: int) -> list[Example]:
    """Return synthetic pairs, many of them with house functions, which the sample database does not have."""
    with Project(recipe) as project:
        made = synthesise(
            project.database, count, schema=project.schema, glossary=recipe.glossary, dialect=dialect,
            weights=WEIGHTS, personal=True,
        )  # fmt: skip
    return made.examples


def divide(examples: list[Example], dialect: str, count: int) -> tuple[list[Example], list[Example]]:
    """Return training pairs, and test pairs with house functions whose templates training does not have."""
    keys = {example.id: template(example.sql[0], load_dialect(dialect).base) for example in examples}
    using = [example for example in examples if house_calls(example.sql[0], dialect)]
    order = sorted({keys[example.id] for example in using})
    random.Random(0).shuffle(order)
    held: list[Example] = []
    out: set[str] = set()
    for key in order:
        if len(held) >= count:
            break
        out.add(key)
        held += [example for example in using if keys[example.id] == key]
    return [example for example in examples if keys[example.id] not in out], held[:count]


def house_calls(sql: str, dialect: str) -> set[str]:
    """Return the calls of house functions in a statement, each in canonical form without the names of tables."""
    from sqlglot import exp

    house = load_dialect(dialect)
    names = {function.name for function in house.functions}
    try:
        tree = parse(sql, dialect)
    except SQLError:
        return set()
    for column in tree.find_all(exp.Column):
        column.set("table", None)
    found = (node for node in tree.find_all(exp.Anonymous) if node.name.upper() in names)
    return {node.sql(house.base).lower() for node in found}


def score(recipe: Recipe, model: str, test: Iterable[Example], dialect: str) -> dict[str, float]:
    """Return, by question, whether a model's answer calls the gold's house functions as the gold does."""
    scores = {}
    with Project(recipe) as project:  # its dialect is the recipe's: one that extends the database's
        asker = open_asker(project, model)
        for example in test:
            reply = asker(str(example.question), run=False)
            calls = house_calls(example.sql[0], dialect)
            scores[example.id] = float(bool(reply.allowed) and house_calls(str(reply.sql), dialect) == calls)
    return scores


def show(scores: dict[str, dict[str, float]], base: str, tuned: str, seconds: float) -> None:
    print("| model | house functions used correctly | n |\n|---|---|---|")
    for model, found in scores.items():
        share = rate(found.values())
        assert share is not None
        name = f"{base}, tuned" if model == tuned else model
        print(f"| {name} | {share.value:.1%} [{share.low:.1%}, {share.high:.1%}] | {share.n} |")
    test = paired(scores[base], scores[tuned])
    assert test is not None
    print(f"fixed {test.fixed}, broken {test.broken}, p = {test.p:.2g}; {seconds:.0f} s in all")
    print(json.dumps({"base": sum(scores[base].values()), "tuned": sum(scores[tuned].values()), "n": test.n}))


if __name__ == "__main__":
    main()
