"""Measure a base model: `python -m base.evaluate --data DIR --model REF`.

Exact match, greedy, no constraint, with 95 % intervals.

The Spider sets also have Spider's exact-set match, in all and by the hardness of the gold statement. Its schema is the
whole database's in both shapes, as in the official script; a gold statement outside Spider's subset does not count.

Development sets by default: WikiSQL dev and `spider-val`, 15 databases held out of Spider's train split. `--final`
adds what nothing may be chosen on: `wikisql.test1000.jsonl.gz` and `spider.dev.jsonl.gz` of the data folder.

Two shapes of the schema: `context` has only the columns that the gold SQL uses, as in sql-create-context; `schema`
has every known column of the table, or every table of the database.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from base.pairs import Pair, canonical_sql, load_pairs, read_pairs, spider_schemas
from base.realise import plain
from sqltailor.evaluate.metrics import HARDNESS, exact_set_match
from sqltailor.evaluate.statistics import rate
from sqltailor.generate import load
from sqltailor.generate.bases import BASES
from sqltailor.prompt.extract import extract
from sqltailor.prompt.text import build_prompt
from sqltailor.recipe import Recipe
from sqltailor.sql.dialect import comparable
from sqltailor.sql.schema import names
from sqltailor.taught import prompt_name
from sqltailor.types import GenerateOptions


def main() -> None:
    """Print one line a set and shape, and write them beside the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the public sets")
    parser.add_argument("--model", default="base/out/run/nano", help="folder of the model, or any model reference")
    parser.add_argument("--limit", type=int, default=1000, help="rows of a set: every n-th, from the first")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--final", action="store_true", help="also the test sets")
    parser.add_argument(
        "--only", action="append", default=[], metavar="SET:SHAPE", help="may be repeated; default: all"
    )
    parser.add_argument("--wrong", type=int, default=0, help="print so many wrong answers a set")
    args = parser.parse_args()
    sets = {"wikisql-dev": load_pairs(args.data, "wikisql-dev"), "spider-val": load_pairs(args.data, "spider-val")}
    if args.final:
        sets["wikisql-test1000"] = list(read_pairs(args.data / "wikisql.test1000.jsonl.gz", "wikisql", {}))
        schemas = spider_schemas(args.data)
        sets["spider-dev"] = list(read_pairs(args.data / "spider.dev.jsonl.gz", "spider", schemas))
    results = []
    for name, pairs in sets.items():
        step = max(1, len(pairs) // args.limit)
        for shape in ("context", "schema"):
            if args.only and f"{name}:{shape}" not in args.only:
                continue
            results.append({"set": name, "shape": shape, **measure(pairs[::step], shape, args)})
            print(json.dumps(results[-1]), flush=True)
    if Path(args.model).is_dir():
        (Path(args.model) / "evaluation.json").write_text(json.dumps(results, indent=2) + "\n")


def measure(pairs: list[Pair], shape: str, args: argparse.Namespace) -> dict[str, object]:
    """Return the exact-match rate of a model on pairs in one shape; of Spider pairs the exact-set match, too."""
    asked = [plain(p, shape) for p in pairs]
    name = prompt_name(Recipe(), args.model) if args.model in BASES else "compact"
    prompts = [build_prompt(example, schema, name=name) for example, schema in asked]
    model = load(args.model, batch=args.batch)
    started = time.monotonic()
    completions = model(prompts, GenerateOptions(max_tokens=128))
    seconds = time.monotonic() - started
    answers = [extract(completion.text).sql or "" for completion in completions]
    right, wrong = [], []
    for pair, (_, schema), predicted in zip(pairs, asked, answers, strict=True):
        gold = canonical_sql(pair)
        same = comparable(predicted, names=names(schema)) == comparable(gold, names=names(schema))
        right.append(float(same))
        if not same:
            wrong.append((pair.question, gold, predicted))
    for question, gold, predicted in wrong[: args.wrong]:
        print(f"  {question}\n    gold      {gold}\n    predicted {predicted}")
    found = rate(right)
    assert found is not None
    tokens = sum(c.tokens_out or 0 for c in completions)
    return {
        "exact_match": found.to_json(),
        **(exact_sets(pairs, answers) if pairs[0].source == "spider" else {}),
        "tokens_per_s": round(tokens / seconds),
        "seconds": round(seconds, 1),
    }


def exact_sets(pairs: Sequence[Pair], answers: Sequence[str]) -> dict[str, Any]:
    """Return the rate of Spider's exact-set match, and one for each hardness; nothing where no gold can be read."""
    verdicts = [
        verdict
        for pair, predicted in zip(pairs, answers, strict=True)
        if (verdict := exact_set_match(predicted, canonical_sql(pair), pair.schema)) is not None
    ]
    found = rate(v.is_match for v in verdicts)
    by_hardness = {level: rate(v.is_match for v in verdicts if v.hardness == level) for level in HARDNESS}
    rates = {level: level_rate.to_json() for level, level_rate in by_hardness.items() if level_rate is not None}
    return {} if found is None else {"exact_set": found.to_json(), "exact_set_by_hardness": rates}


if __name__ == "__main__":
    main()
