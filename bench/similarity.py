"""What do wrong and right statements score by the metrics of similarity? `python bench/similarity.py [--limit N]`.

Each gold statement of the sample shop's test questions is compared with changed ones: with one thing wrong, of each
kind that can be changed in it; the gold of another question; and right ones in other words, all names written out, or
as a subquery. All of them run, and a changed one that happens to be right on the shop is left out. Prints the median
of each metric. Downloads the model of `embedding_similarity` on first use.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqltailor.demo
from sqltailor.data.examples import load_examples
from sqltailor.demo.database import build_database
from sqltailor.evaluate.answer_scorer import open_scorer
from sqltailor.sql.dialect import parse, write
from sqltailor.sql.schema import from_ddl
from sqltailor.synth.fuzz import mutants
from sqltailor.types import Example, Schema

SHOP = Path(str(sqltailor.demo.__file__)).parent
NAMES = ("token_f1", "ast_similarity", "embedding_similarity")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, help="gold statements; default: all 200")
    args = parser.parse_args()
    found = scored(args.limit)
    medians = {kind: [statistics.median(column) for column in zip(*rows, strict=True)] for kind, rows in found.items()}
    print(f"{'':24}{'n':>5}" + "".join(f"{name:>22}" for name in NAMES))
    for kind, row in sorted(medians.items(), key=lambda item: -item[1][-1]):
        print(f"{kind:24}{len(found[kind]):>5}" + "".join(f"{median:>22.3f}" for median in row))


def scored(limit: int | None) -> dict[str, list[list[float]]]:
    """Return the scores of changed statements, by what they are."""
    schema = from_ddl((SHOP / "shop.sql").read_text(encoding="utf-8"), "sqlite")
    files = (SHOP / "questions" / f"new_{name}.jsonl" for name in ("wordings", "shapes"))
    examples = [example for file in files for example in load_examples(file)][:limit]
    found: dict[str, list[list[float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        build_database(f"{folder}/shop.db")
        with open_scorer(f"{folder}/shop.db", metrics=("execution", *NAMES)) as score:
            for example in examples:
                for kind, sql in changed(example, examples, schema):
                    scores = score(sql, example.sql).scores
                    if scores["execution"] == kind.startswith("right"):
                        found[kind].append([scores[name] for name in NAMES])
    return found


def changed(example: Example, examples: Sequence[Example], schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield other statements for a gold one, each with what it is: one of each kind."""
    gold, rng = example.sql[0], random.Random(f"similarity {example.id}")
    by_kind: dict[str, list[str]] = defaultdict(list)
    for mutant in mutants(gold, schema=schema):
        by_kind[mutant.kind].append(mutant.sql)
    for kind, texts in by_kind.items():
        yield f"wrong: {kind}", rng.choice(texts)
    yield "wrong: another question", rng.choice([other.sql[0] for other in examples if other.sql != example.sql])
    yield "right: names written out", written_out(gold, schema)
    yield "right: as a subquery", f"SELECT * FROM ({gold}) AS answer"


def written_out(sql: str, schema: Schema) -> str:
    """Return a statement whose columns all say their table, and whose tables and results all have an alias."""
    from sqlglot.optimizer.qualify import qualify

    tables: dict[str, object] = {
        table.name: {column.name: column.type for column in table.columns} for table in schema.tables
    }
    return write(qualify(parse(sql, "sqlite"), schema=tables, dialect="sqlite"), "sqlite")


if __name__ == "__main__":
    main()
