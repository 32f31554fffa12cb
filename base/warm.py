"""Train the SQL adapter of the base `small`: `python -m base.warm --data DIR --base MODEL`.

One LoRA adapter on a pretrained model, so that tailoring starts from one that already writes our SQL from our prompts:
Spider's train split (databases of `spider-val` held out), tables of WikiSQL's with many questions, and synthetic pairs
over random schemas; stored values and glossary terms are shown at random, in both prompts. Rows of one schema make a
step, so that the schema is read once for all of them. Started again, it goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from base.pairs import Pair, load_pairs
from base.realise import Realised, hide_value, hints_of, make_pool, noise, plain
from base.schemas import sample_synthetic
from sqltailor.errors import DataError
from sqltailor.generate.references import resolve
from sqltailor.generate.weights import open_tokenizer
from sqltailor.project import Project
from sqltailor.prompt.text import build_prompt
from sqltailor.recipe import Recipe
from sqltailor.runs import read_json, write_json_atomic
from sqltailor.train.methods.sft import tune
from sqltailor.train.rows.encoding import Row, Rows, encode_example
from sqltailor.train.running.base_model import choose_setup
from sqltailor.train.running.stage import Job, Stage

TOGETHER = 16
"""Examples of one schema that make a step."""
COMPACT = 0.15
"""Share of groups that are asked with the compact prompt; the others with the reference prompt."""
HINTED = 0.6
"""Share of examples with text values whose prompt says where these are stored."""
SEED = 0
FILE = "adapter_model.safetensors"
OFFICIAL = "Qwen/Qwen2.5-Coder-0.5B-Instruct"


def main() -> None:
    """Train, or go on; the adapter lies in OUT/adapter afterwards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the public sets")
    parser.add_argument("--base", default="coder-0.5b", help="any model reference")
    parser.add_argument("--out", type=Path, default=Path("base/out/warm"))
    parser.add_argument("--spider", type=int, default=10**6, help="most groups of Spider")
    parser.add_argument("--wikisql", type=int, default=40, help="groups of WikiSQL")
    parser.add_argument("--synthetic", type=int, default=40, help="groups of synthetic pairs")
    parser.add_argument("--learning-rate", type=float, default=2e-4)
    parser.add_argument("--max-length", type=int, default=1536, help="a group with a longer example is left out")
    args = parser.parse_args()
    recipe = Recipe.model_validate(
        {
            "base": args.base,
            "train": {
                "epochs": 1,
                "learning_rate": args.learning_rate,
                "schedule": "cosine",
                "warmup_steps": 20,
                "batch": TOGETHER,
                "max_length": args.max_length,
                "local": {"micro_batch": TOGETHER, "save_steps": 20, "evaluate_steps": 100, "prefix_steps": 1},
            },
        }
    )
    tokenizer = open_tokenizer(resolve(args.base))
    rows = make_rows(args, tokenizer)
    tokens = sum(len(row.input_ids) - row.prompt_tokens for row in rows.train)
    print(f"{len(rows.train)} examples, {tokens} tokens of SQL, {len(rows.validation)} to validate", flush=True)
    args.out.mkdir(parents=True, exist_ok=True)
    stage = Stage(recipe, args.base, args.out, args.out)
    setup = choose_setup(recipe.train, 500_000_000)
    print(tune(Job(stage, Project(recipe), rows, setup, micro_batch=TOGETHER, progress=_show)))
    ship(args.out / "adapter", args.out / "small")


def ship(adapter: Path, folder: Path) -> None:
    """Write the adapter as the package holds it: in bf16, PEFT's two files alone, the base by its Hub id."""
    import torch
    from safetensors.torch import load_file, save_file

    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: weight.to(torch.bfloat16) for name, weight in load_file(adapter / FILE).items()}
    save_file(weights, folder / FILE, metadata={"format": "pt"})
    config = read_json(adapter / "adapter_config.json") | {"base_model_name_or_path": OFFICIAL}
    write_json_atomic(folder / "adapter_config.json", config)


def _show(row: Any, steps: int) -> None:
    print(row, "of", steps, flush=True)


def make_rows(args: argparse.Namespace, tokenizer: Any) -> Rows:
    """Return what is learned, and rows of held-out databases, the same for the same arguments."""
    rng = random.Random(SEED)
    pairs = load_pairs(args.data, "train")
    pool = make_pool(pairs)
    spider = [p for p in pairs if p.source == "spider"]
    groups = [*_chunks(spider, rng)][: args.spider]
    groups += [*_chunks([p for p in pairs if p.source == "wikisql"], rng)][: args.wikisql]
    schemas = list({p.db_id: p.schema for p in spider}.values())
    written = [[_realised(pair, rng) for pair in group] for group in groups]
    written += [sample_synthetic(schemas, pool, rng, TOGETHER) for _ in range(args.synthetic)]
    train = [row for group in written for row in _encoded(group, tokenizer, args.max_length, rng)]
    held_out = [*_chunks(load_pairs(args.data, "spider-val"), rng)][:5]
    validation = [
        r for g in held_out for r in _encoded([_realised(p, rng) for p in g], tokenizer, args.max_length, rng)
    ]
    return Rows(train, validation, [])


def _chunks(pairs: Sequence[Pair], rng: random.Random) -> Iterator[list[Pair]]:
    """Yield whole groups of one database, in random order; a rest of more than half a group is filled up."""
    by_database: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_database[pair.db_id].append(pair)
    groups = []
    for of_one in by_database.values():
        rng.shuffle(of_one)
        starts = range(0, len(of_one), TOGETHER)
        groups += [of_one[i : i + TOGETHER] for i in starts if len(of_one) - i > TOGETHER // 2]
    rng.shuffle(groups)
    yield from groups


def _realised(pair: Pair, rng: random.Random) -> Realised:
    """Return a pair as it is, with noise in its question, and at times stored values or a glossary term beside it."""
    example, schema = plain(pair, "schema")
    glossary, question = hide_value(pair.pieces, pair.question, rng)
    hints = hints_of(pair.pieces, schema) if rng.random() < HINTED else []
    asked = dataclasses.replace(example, question=noise(question, pair.pieces, rng))
    return Realised(asked, schema, glossary, hints)


def _encoded(group: Sequence[Realised], tokenizer: Any, limit: int, rng: random.Random) -> list[Row]:
    """Return a group as rows, or none where one is too long."""
    name = "compact" if rng.random() < COMPACT else "reference"
    rows = []
    for one in group:
        try:
            prompt = build_prompt(one.example, one.schema, name=name, glossary=one.glossary, hints=one.hints)
        except DataError:
            return []
        rows.append(encode_example(one.example, prompt, tokenizer))
    return rows if max(len(row.input_ids) for row in rows) <= limit else []


if __name__ == "__main__":
    main()
