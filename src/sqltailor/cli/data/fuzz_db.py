"""`sqltailor data fuzz-db`: make databases that tell queries apart."""

from __future__ import annotations

from typing import Annotated

import typer

from sqltailor.cli.output import Json, note, print_json
from sqltailor.errors import counted


def fuzz_db(
    schema: Annotated[str, typer.Argument(metavar="SCHEMA", help="File, or folder, of CREATE TABLE statements.")],
    gold: Annotated[str, typer.Option(metavar="FILE", help="Examples whose gold SQL the rows must tell apart.")],
    out: Annotated[str, typer.Option(metavar="DIR", help="Folder of the databases.")] = "fuzz",
    databases: Annotated[int, typer.Option(metavar="N", min=1, help="Databases to make.")] = 3,
    rows: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Approximate rows per table, besides those that the gold SQL needs."),
    ] = 120,
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same rows.")] = 0,
    dialect: Annotated[str, typer.Option(metavar="DIALECT", help="Dialect of the schema and the gold SQL.")] = "sqlite",
    json: Json = False,
) -> None:
    """Make databases whose rows tell different queries apart.

    Their rows are made up, so no production data is needed. Reports the share of mutated gold queries that they tell
    apart.

    Example: sqltailor data fuzz-db schema.sql --gold data/test.jsonl --out fuzz
    """
    from sqltailor.data.readers import read_examples
    from sqltailor.data.schema_file import read_schema_file, schema_scripts
    from sqltailor.synth.fuzz import fuzz_database
    from sqltailor.synth.fuzz.random_rows import read_constraints
    from sqltailor.types import Example

    known = read_schema_file(schema, dialect)
    read = list(read_examples(gold, dialect=dialect))
    statements = [sql for example in read if isinstance(example, Example) for sql in example.sql]
    if left_out := sum(not isinstance(example, Example) for example in read):
        note(f"note: left out of {gold}, as no example: {counted(left_out, 'row')}")
    constraints = read_constraints("\n".join(text for _, text in schema_scripts(schema)), dialect)
    made = fuzz_database(
        known, statements, out, dialect=dialect, constraints=constraints, databases=databases, rows=rows, seed=seed
    )
    if json:
        print_json(made.to_json())
        return
    share = f"{made.share:.1%}" if made.share is not None else "none"
    print(f"wrote {counted(len(made.paths), 'database')} with {counted(made.rows, 'row')} to {out}")
    print(f"{share} of {made.distinguishable:,} distinguishable mutants of {made.gold:,} gold queries told apart")
    if made.gold_failed:
        note(f"note: {made.gold_failed:,} gold queries do not run on them")
