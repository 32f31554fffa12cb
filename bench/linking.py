"""Are the tables that a question needs among those shown? `python bench/linking.py DEV TABLES [--room 2000]`.

DEV and TABLES are Spider's (Yu et al. 2018): questions with gold SQL as JSON Lines (`db_id, question, sql`, may be
gzipped) and `tables.json`. All its schemas are taken as one, a namespace each; each question is linked in all of them,
within a room of tokens (a third of the characters). Prints the recall of gold tables and columns, of questions with all
of them, and milliseconds a question.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from sqltailor.evaluate.statistics import rate
from sqltailor.prompt.linking import SchemaLinker
from sqltailor.prompt.text import compact_schema
from sqltailor.sql.dialect import parse
from sqltailor.types import Column, Reference, Schema, Table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dev", type=Path)
    parser.add_argument("tables", type=Path)
    parser.add_argument("--room", type=int, action="append")
    args = parser.parse_args()
    schema = union(json.loads(text(args.tables)))
    rows = [json.loads(line) for line in text(args.dev).splitlines()]
    linker = SchemaLinker(schema)
    print(f"{len(schema.tables)} tables, {sum(len(t.columns) for t in schema.tables)} columns, {len(rows)} questions")
    print("| room | gold tables shown | questions with all tables | gold columns shown | ms a question |")
    print("|---|---|---|---|---|")
    for room in args.room or (1000, 2000, 4000):
        print(measured(linker, schema, rows, room), flush=True)


def text(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text(encoding="utf-8")


def union(databases: list[dict[str, Any]]) -> Schema:
    """Return all databases of Spider's tables.json as one schema, each in a namespace of its name."""
    tables = []
    for database in databases:
        columns: dict[int, list[Column]] = defaultdict(list)
        names = database["column_names_original"]
        targets = {a: names[b] for a, b in database["foreign_keys"]}
        for number, (table, name) in enumerate(names):
            if table < 0:
                continue
            target = targets.get(number)
            points = Reference(database["table_names_original"][target[0]], target[1]) if target else None
            columns[table].append(
                Column(name, "TEXT", primary_key=number in database["primary_keys"], references=points)
            )
        for number, name in enumerate(database["table_names_original"]):
            tables.append(Table(name, tuple(columns[number]), namespace=database["db_id"]))
    return Schema(tuple(tables))


def measured(linker: SchemaLinker, schema: Schema, rows: list[dict[str, Any]], room: int) -> str:
    """Return a line of the table."""
    sizes: dict[Table, int] = {}

    def size(part: Schema) -> int:
        (table,) = part.tables
        if table not in sizes:
            sizes[table] = -(-len(compact_schema(part)) // 3)
        return sizes[table]

    tables: list[float] = []
    columns: list[float] = []
    whole: list[float] = []
    seconds = 0.0
    for row in rows:
        began = time.perf_counter()
        shown = linker.link(row["question"], room, size)
        seconds += time.perf_counter() - began
        here = {
            t.name.lower(): {c.name.lower() for c in t.columns} for t in shown.tables if t.namespace == row["db_id"]
        }
        gold_tables, gold_columns = needed(schema, row)
        hits = [float(name in here) for name in gold_tables]
        tables += hits
        whole.append(float(all(hits)))
        columns += [float(column in here.get(table, ())) for table, column in gold_columns]
    cells = [
        f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}]" for s in (tables, whole, columns) if (found := rate(s))
    ]
    return f"| {room:,} | {' | '.join(cells)} | {1000 * seconds / len(rows):.0f} |"


def needed(schema: Schema, row: dict[str, Any]) -> tuple[set[str], set[tuple[str, str]]]:
    """Return the tables of a gold statement, and its columns where one of these tables alone has them."""
    from sqlglot import exp

    sql = row["sql"] if isinstance(row["sql"], str) else row["sql"][0]
    tree = parse(sql.rstrip("; "), "sqlite")
    tables = {node.name.lower() for node in tree.find_all(exp.Table)}
    own = {t.name.lower(): {c.name.lower() for c in t.columns} for t in schema.tables if t.namespace == row["db_id"]}
    columns = set()
    for node in tree.find_all(exp.Column):
        holders = [table for table in tables if node.name.lower() in own.get(table, ())]
        if len(holders) == 1:
            columns.add((holders[0], node.name.lower()))
    return tables & own.keys(), columns


if __name__ == "__main__":
    main()
