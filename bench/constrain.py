"""What constrained decoding accepts, what it lets a model that knows nothing write, and what it costs.

    python bench/constrain.py [--gold NAME=FILE]... [--spider-tables FILE] [--sqlite FILE] [--tokenizer DIR] [-n 2000]

Without arguments: the sample database's questions, and random walks over its schema. `--gold` names JSON Lines, also
`.gz`, with `sql` and either `db_id`, of `--spider-tables`, or `schema`, as DDL; rows with neither are about the
database of `--sqlite`. Walks draw tokens at random: half of them of equal chances, half leaning towards an end.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np

import sqltailor
from sqltailor.database import open_database
from sqltailor.errors import SQLError
from sqltailor.sql.constrain.constraint import Constraint, Vocabulary
from sqltailor.sql.constrain.follow import refused
from sqltailor.sql.constrain.syntax import SYNTAXES
from sqltailor.sql.dialect import parse
from sqltailor.sql.dialect.loose import relex
from sqltailor.sql.guard import check
from sqltailor.sql.schema import from_ddl, names
from sqltailor.sql.schema.unknown_names import unknown_names
from sqltailor.types import Column, Schema, Table

BUDGET = 160


class Gold(NamedTuple):
    """A known statement and the schema that it is about."""

    schema: Schema
    sql: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gold", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--spider-tables", type=Path)
    parser.add_argument("--sqlite", type=Path)
    parser.add_argument("--tokenizer", type=Path, default=Path(sqltailor.__file__).parent / "nano")
    parser.add_argument("-n", type=int, default=2000, help="random walks")
    args = parser.parse_args()
    started = time.perf_counter()
    vocabulary = open_vocabulary(args.tokenizer)
    print(json.dumps({"tokenizer": args.tokenizer.name, "tokens": vocabulary.size, "seconds": since(started)}))
    spider = spider_schemas(args.spider_tables) if args.spider_tables else {}
    for name, rows in gold_sets(args, spider):
        print(json.dumps({"gold": name, **acceptance(vocabulary, rows)}, ensure_ascii=False))
    schemas = [sample_schema(), *list(spider.values())[::17]]
    for dialect in SYNTAXES:
        print(json.dumps({"walks": dialect, **walks(vocabulary, schemas, dialect, args.n // len(SYNTAXES))}))
    for tables in (30, 300):
        print(json.dumps({"columns": tables * 10, **compiling(vocabulary, tables)}))


def since(started: float) -> float:
    return round(time.perf_counter() - started, 4)


def open_vocabulary(folder: Path) -> Vocabulary:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    end = tokenizer.convert_tokens_to_ids("<|im_end|>") if "<|im_end|>" in tokenizer.get_vocab() else None
    return Vocabulary(tokenizer, len(tokenizer), [tokenizer.eos_token_id if end is None else end])


def sample_schema() -> Schema:
    return from_ddl(files("sqltailor.demo").joinpath("shop.sql").read_text(encoding="utf-8"))


def spider_schemas(path: Path) -> dict[str, Schema]:
    with open_text(path) as file:
        found = json.load(file)
    schemas = {}
    for one in found:
        columns: dict[int, list[Column]] = {}
        for table, column in one["column_names_original"]:
            columns.setdefault(table, []).append(Column(column))
        tables = enumerate(one["table_names_original"])
        schemas[one["db_id"]] = Schema(tuple(Table(name, tuple(columns.get(i, ()))) for i, name in tables))
    return schemas


def open_text(path: Path) -> gzip.GzipFile:
    return gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8")  # type: ignore


def gold_sets(args: argparse.Namespace, spider: dict[str, Schema]) -> Iterator[tuple[str, list[Gold]]]:
    shop = sample_schema()
    questions = files("sqltailor.demo").joinpath("questions")
    asked = (file for file in questions.iterdir() if file.name != "rewordings.jsonl")  # the same statements again
    lines = [line for file in asked for line in file.read_text(encoding="utf-8").splitlines() if line]
    yield "sample database", [Gold(shop, sql) for line in lines for sql in listed(json.loads(line)["sql"])]
    database = Schema()
    if args.sqlite:
        with open_database(f"sqlite:///{args.sqlite.resolve()}") as opened:
            database = opened.read_schema()
    for entry in args.gold:
        name, _, path = entry.partition("=")
        rows = []
        with open_text(Path(path)) as file:
            for line in file:
                row = json.loads(line)
                schema = spider.get(row.get("db_id", ""))
                if schema is None:
                    schema = from_ddl(row["schema"]) if row.get("schema") else database
                rows.append(Gold(schema, listed(row["sql"])[0]))
        yield name, rows


def listed(sql: str | list[str]) -> list[str]:
    return [sql] if isinstance(sql, str) else sql


def acceptance(vocabulary: Vocabulary, rows: list[Gold]) -> dict[str, object]:
    """Return how many gold statements that the guard allows could be written, in canonical form, and why others not."""
    reasons: Counter[str] = Counter()
    examples: dict[str, str] = {}
    allowed = tokens = 0
    seconds = 0.0
    for schema, text in rows:
        try:
            sql = relex(text, names(schema))
        except SQLError:
            continue
        if not check(sql, schema=schema).allowed:
            continue
        allowed += 1
        constraint = vocabulary.constraint(schema, "sqlite")
        started = time.perf_counter()
        reason = refused(constraint, sql)
        seconds += time.perf_counter() - started
        tokens += len(vocabulary.spell(sql.encode().decode("latin-1")))
        if reason:
            kind = reason.partition(":")[0]
            reasons[kind] += 1
            examples.setdefault(kind, sql)
    accepted = allowed - reasons.total()
    return {
        "rows": len(rows),
        "allowed_by_guard": allowed,
        "accepted": accepted,
        "share": round(accepted / max(allowed, 1), 4),
        "us_per_token": round(1e6 * seconds / max(tokens, 1)),
        "refused": dict(reasons.most_common(8)),
        "examples": dict(list(examples.items())[:4]),
    }


def walks(vocabulary: Vocabulary, schemas: list[Schema], dialect: str, count: int) -> dict[str, object]:
    """Return what became of statements that are drawn at random."""
    rng, lean = np.random.default_rng(0), leaning(vocabulary)
    found: Counter[str] = Counter()
    started = time.perf_counter()
    for number in range(count):
        schema = schemas[number % len(schemas)]
        text, kinds = walk(vocabulary.constraint(schema, dialect), rng, lean if number % 2 else 0)
        found += kinds
        if text.startswith("-- cannot answer:"):
            found["declined"] += 1
            continue
        found["refused_by_guard"] += not check(text, dialect=dialect, schema=schema).allowed
        found["unknown_names"] += bool(unknown_names(parse(text, dialect), schema))
    steps = found.pop("steps")
    return {"n": count, **dict(found), "us_per_step": round(1e6 * (time.perf_counter() - started) / max(steps, 1))}


def walk(constraint: Constraint, rng: np.random.Generator, lean: np.ndarray | int) -> tuple[str, Counter[str]]:
    vocabulary, one, steps, ids = constraint.vocabulary, constraint.walk(BUDGET), 0, list[int]()
    while True:
        steps += 1
        move = one.take(rng.standard_normal(vocabulary.size, dtype=np.float32) + lean, lambda row: int(row.argmax()))
        ids = ids[: len(ids) - move.back] + move.tokens
        if move.is_done:
            break
    kinds = Counter(
        steps=steps,
        tokens=len(ids),
        rejects=one.rejects,
        returns=one.returns,
        fell_back=int(one.fell_back),
        ended_early=int(one.ended_early),
        over_budget=int(len(ids) > BUDGET),
    )
    return vocabulary.tokens.decode_str(ids), kinds


def leaning(vocabulary: Vocabulary) -> np.ndarray:
    """Return logits (V,) of one who comes to an end where that is allowed."""
    logits = np.zeros(vocabulary.size, np.float32)
    for weight, texts in {2: " WHERE; GROUP; JOIN; COUNT; CASE; IN; OVER; (;.;'; T; =", 6: " FROM;SELECT;);'"}.items():
        for text in texts.split(";"):
            logits[vocabulary.spell(text)[0]] = weight
    logits[list(vocabulary.ends)] = 30
    return logits


def compiling(vocabulary: Vocabulary, tables: int) -> dict[str, object]:
    """Return how long a schema of ten columns a table takes until the first token can be written."""
    columns = tuple(Column(f"some column {number}" if number == 9 else f"column_{number}") for number in range(10))
    schema = Schema(tuple(Table(f"table_{number}", columns) for number in range(tables)))
    started = time.perf_counter()
    constraint = vocabulary.constraint(schema, "sqlite")
    ready = since(started)
    started = time.perf_counter()
    reason = refused(constraint, f"SELECT column_3 FROM table_{tables - 1} WHERE column_4 = 'x'")
    return {"ready_s": ready, "first_statement_s": since(started), "refused": reason}


if __name__ == "__main__":
    main()
