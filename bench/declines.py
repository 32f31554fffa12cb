"""What is declined without a model? `python bench/declines.py QUESTIONS [--limit 2000]`.

QUESTIONS is JSON Lines with `question`, `db_id` and `schema`, may be gzipped. Each question is looked at beside its own
schema, where declining is wrong, and beside one that is drawn at random, where it is right unless the two are about
the same. No stored values, comments, glossary or known questions help: it is the hardest case.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from pathlib import Path

from sqltailor.data.canonical import read_schema_text
from sqltailor.evaluate.statistics import Rate, rate
from sqltailor.prompt.about import Subject


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--limit", type=int)
    args = parser.parse_args()
    packed = args.questions.read_bytes()
    text = (gzip.decompress(packed) if args.questions.suffix == ".gz" else packed).decode()
    rows = [json.loads(line) for line in text.splitlines()][: args.limit]
    subjects = {row["db_id"]: Subject(read_schema_text(row["schema"]), {}) for row in rows}
    rng, names = random.Random(0), sorted(subjects)
    wrongly = rate(float(bool(subjects[row["db_id"]].strange(row["question"]))) for row in rows)
    other = {name: [n for n in names if n != name] for name in names} if len(names) < 500 else {}
    drawn = (rng.choice(other.get(row["db_id"], names)) for row in rows)
    rightly = rate(float(bool(subjects[name].strange(row["question"]))) for name, row in zip(drawn, rows, strict=True))
    assert wrongly is not None
    assert rightly is not None
    print(f"{len(rows)} questions, {len(subjects)} schemas")
    print(f"declined beside their own schema: {shown(wrongly)}; beside another: {shown(rightly)}")


def shown(found: Rate) -> str:
    """Return a rate with its interval."""
    return f"{found.value:.2%} [{found.low:.2%}, {found.high:.2%}]"


if __name__ == "__main__":
    main()
