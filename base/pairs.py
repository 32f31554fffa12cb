"""Question–SQL pairs of the public train splits, in canonical form, cut into pieces that can be replaced.

The data folder holds `wikisql.{train,dev}.jsonl.gz`, `spider.train.jsonl.gz` and `spider.tables.json.gz`: one JSON
object a line with `id, db_id, question, sql, context, schema` (the last two are CREATE TABLE text).
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from sqltailor.errors import SQLError
from sqltailor.sql.dialect import quote_name, relex
from sqltailor.sql.schema import find_column, find_table, from_ddl, names
from sqltailor.types import Column, Reference, Schema, Table

SPIDER_VAL_DATABASES = 15
"""Spider train databases held out to choose on: the last ones by name, every ninth."""


class Piece(NamedTuple):
    """A part of a statement: plain text, a column or table name, or a value (unquoted)."""

    kind: Literal["text", "column", "table", "string", "number"]
    text: str


class Pair(NamedTuple):
    """One question with its gold SQL; `schema` is everything known, `used` the columns that the SQL names."""

    source: str
    db_id: str
    question: str
    pieces: tuple[Piece, ...]
    schema: Schema
    context: Schema


def canonical_sql(pair: Pair) -> str:
    """Return the pair's gold SQL."""
    return "".join(piece_text(p) for p in pair.pieces)


def piece_text(piece: Piece) -> str:
    """Return a piece as a statement writes it."""
    if piece.kind in ("column", "table"):
        return quote_name(piece.text)
    return "'" + piece.text.replace("'", "''") + "'" if piece.kind == "string" else piece.text


def load_pairs(data: Path, split: Literal["train", "wikisql-dev", "spider-val"]) -> list[Pair]:
    """Return the pairs of a split; parsed once, then read from a cache beside the other outputs."""
    cache = Path("base/out") / f"pairs-{split}.pickle.gz"
    if cache.exists():
        return pickle.loads(gzip.decompress(cache.read_bytes()))  # type: ignore[no-any-return]
    if not (data / "wikisql.train.jsonl.gz").is_file():
        sys.exit(f"There is no wikisql.train.jsonl.gz in '{data}'. Give the folder: --data DIR (see base/README.md)")
    if split == "wikisql-dev":
        pairs = list(read_pairs(data / "wikisql.dev.jsonl.gz", "wikisql", {}))
    else:
        schemas = spider_schemas(data)
        spider = list(read_pairs(data / "spider.train.jsonl.gz", "spider", schemas))
        held_out = set(sorted({p.db_id for p in spider})[::9][:SPIDER_VAL_DATABASES])
        pairs = [p for p in spider if (p.db_id in held_out) == (split == "spider-val")]
        if split == "train":
            pairs += read_pairs(data / "wikisql.train.jsonl.gz", "wikisql", {})
    cache.parent.mkdir(parents=True, exist_ok=True)
    cache.write_bytes(gzip.compress(pickle.dumps(pairs), 6))
    return pairs


def spider_schemas(data: Path) -> dict[str, Schema]:
    """Return the schema of each Spider database, with keys, by its `db_id`."""
    with gzip.open(data / "spider.tables.json.gz", "rt") as f:
        return {d["db_id"]: _spider_schema(d) for d in json.load(f)}


def _spider_schema(d: dict) -> Schema:  # type: ignore[type-arg]
    columns = d["column_names_original"]
    tables = d["table_names_original"]
    references = {a: Reference(tables[columns[b][0]], columns[b][1]) for a, b in d["foreign_keys"]}
    kinds = {"number": "INTEGER", "text": "VARCHAR", "time": "DATE", "boolean": "BOOLEAN"}
    return Schema(
        tuple(
            Table(
                name,
                tuple(
                    Column(c, kinds.get(d["column_types"][i], "VARCHAR"), i in d["primary_keys"], references.get(i))
                    for i, (t, c) in enumerate(columns)
                    if t == index
                ),
            )
            for index, name in enumerate(tables)
        )
    )


def read_pairs(path: Path, source: str, schemas: dict[str, Schema]) -> Iterator[Pair]:
    """Yield the pairs of one file; `schemas` by `db_id` take the place of the schemas in the file."""
    skipped = 0
    with gzip.open(path, "rt") as f:
        for row in map(json.loads, f):
            context = from_ddl(row["context"], loose=True)
            schema = schemas.get(row["db_id"]) or from_ddl(row["schema"], loose=True)
            context = _spelled_like(context, schema)
            try:
                sql = relex(row["sql"], names(schema) | names(context))
            except SQLError:
                skipped += 1
                continue
            pieces = tuple(cut(sql, schema))
            yield Pair(source, row["db_id"], " ".join(row["question"].split()), pieces, schema, context)
    print(f"{path.name}: {skipped} statements that do not parse were left out")


def _spelled_like(context: Schema, schema: Schema) -> Schema:
    """Return the context's tables and columns with the names, types and keys that the schema gives them."""
    tables = []
    for table in context.tables:
        known = find_table(schema, table.name)
        columns = tuple((find_column(known, c.name) if known else None) or c for c in table.columns)
        tables.append(dataclasses.replace(known or table, columns=columns))
    return Schema(tuple(tables))


def cut(sql: str, schema: Schema) -> Iterator[Piece]:
    """Yield the pieces of a canonical statement; joined, they give it back."""
    from sqlglot.dialects.sqlite import SQLite

    # names are written as the schema spells them: what can be copied need not be remembered
    columns = {c.name.lower(): c.name for t in reversed(schema.tables) for c in t.columns}
    end, before = 0, ""
    for token in SQLite().tokenize(sql):
        if token.start > end:
            yield Piece("text", sql[end : token.start])
        raw = sql[token.start : token.end + 1]
        kind = token.token_type.name
        # a column called From does not make the keyword one: a name that needs quotes has them
        is_name = kind == "IDENTIFIER" or ((raw[0].isalpha() or raw[0] == "_") and quote_name(raw) == raw)
        table = find_table(schema, token.text) if is_name and before in ("FROM", "JOIN") else None
        if table:
            yield Piece("table", table.name)
        elif is_name and before != "AS" and token.text.lower() in columns:
            yield Piece("column", columns[token.text.lower()])
        elif kind == "STRING":
            yield Piece("string", token.text)
        elif kind == "NUMBER" and before != "LIMIT":
            yield Piece("number", token.text)
        else:
            yield Piece("text", raw)
        end, before = token.end + 1, raw.upper()
