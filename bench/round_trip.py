"""How sharp are the filters of `data augment`? Queries of the sample shop with their own questions, and wrong ones.

    python bench/round_trip.py

The writer's and the checker's answers are canned: the checker answers every hand-written question right. So what is
kept of wrong pairs is what execution cannot tell apart, not what a model gets wrong.
"""

from __future__ import annotations

import contextlib
import json
import random
import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from sqltailor.augment import AugmentResult, augment
from sqltailor.data import load_examples
from sqltailor.database import open_database
from sqltailor.demo.database import build_database
from sqltailor.recipe import load_recipe
from sqltailor.sql.dialect import canonical, parse
from sqltailor.sql.schema import to_ddl
from sqltailor.synth.fuzz import fuzz_database, mutants
from sqltailor.synth.fuzz.random_rows import read_constraints
from sqltailor.types import Schema

ROUNDS = 3


def hand_written() -> dict[str, str]:
    """Return canonical SQL → question of all hand-written pairs."""
    folder = files("sqltailor.demo") / "questions"
    pairs: dict[str, str] = {}
    for name in ("train", "new_wordings", "new_shapes"):
        for example in load_examples(str(folder / f"{name}.jsonl")):
            pairs.setdefault(canonical(example.sql[0]), str(example.question))
    return pairs


def tables(sql: str) -> frozenset[str]:
    from sqlglot import exp

    return frozenset(table.name for table in parse(sql).find_all(exp.Table))


def of_another(pairs: Mapping[str, str], rng: random.Random) -> dict[str, str]:
    """Return each query with the question of another one, over the same tables where there is one left."""
    left, wrong = set(pairs), {}
    for sql in pairs:
        others = sorted(left - {sql})
        same = [other for other in others if tables(other) == tables(sql)]
        if chosen := same or others:
            other = rng.choice(chosen)
            left.discard(other)
            wrong[sql] = pairs[other]
    return wrong


def near_misses(pairs: Mapping[str, str], schema: Schema, rng: random.Random) -> dict[str, str]:
    """Return one mutant of each query with the question of the query itself."""
    found: dict[str, str] = {}
    for sql, question in pairs.items():
        changed = [canonical(mutant.sql) for mutant in mutants(sql, schema=schema)]
        if fresh := [sql for sql in changed if sql not in pairs and sql not in found]:
            found[rng.choice(fresh)] = question
    return found


def run(
    asked: Mapping[str, str], checker: str, *, also_on: Sequence[str] = (), out: str = "out.jsonl"
) -> AugmentResult:
    """Back-translate these queries by these questions."""
    Path("log.sql").write_text("".join(f"{sql}\n" for sql in asked), encoding="utf-8")
    Path("writer.json").write_text(json.dumps(asked), encoding="utf-8")
    recipe = load_recipe(None, ["database.url=sqlite:///shop.db", "database.sample_personal=true"]).recipe
    return augment(
        "back-translate", ["log.sql"], out, recipe=recipe, model="echo:writer.json", checker=checker, also_on=also_on
    )


def show(what: str, made: Sequence[AugmentResult]) -> None:
    kept, all_ = sum(m.kept for m in made), sum(m.made for m in made)
    print(f"{what:75} {kept:4} of {all_:5} kept ({kept / all_:.1%})")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        measure()


def measure() -> None:
    build_database(Path("shop.db"))
    with open_database("shop.db") as database:
        schema = database.read_schema()
    pairs = hand_written()
    Path("checker.json").write_text(json.dumps({question: sql for sql, question in pairs.items()}), encoding="utf-8")
    checker = "echo:checker.json"
    show("its own question", [run(pairs, checker, out="own.jsonl")])
    wrong = of_another(pairs, random.Random(0))
    show("the question of another query", [run(wrong, checker, out="other.jsonl")])
    plain, fuzzed = [], []
    ddl = to_ddl(schema)
    for number in range(ROUNDS):
        misses, out = near_misses(pairs, schema, random.Random(number)), f"near-{number}.jsonl"
        plain.append(run(misses, checker, out=out))
        gold = [sql for example in load_examples(out) for sql in example.sql]
        made = fuzz_database(schema, gold, f"fuzz-{number}", constraints=read_constraints(ddl, "sqlite"))
        fuzzed.append(run(misses, checker, also_on=[str(path) for path in made.paths], out=out))
    show("the question of a near miss", plain)
    show("the same, the round trip also held on three fuzzed databases", fuzzed)


if __name__ == "__main__":
    main()
