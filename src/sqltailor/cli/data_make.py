"""Commands that make data or give it to others: data synth, fuzz-db, split, export; compile."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sqltailor.cli.output import DatabaseUrl, Json, Recipe, note, print_json, progress
from sqltailor.errors import counted


def synth(
    url: Annotated[
        str | None, typer.Argument(metavar="URL", help="Database URL or file. Default: the recipe's.")
    ] = None,
    n: Annotated[int, typer.Option("-n", metavar="KEPT", min=1, help="Pairs to keep.")] = 2000,
    kind: Annotated[str, typer.Option(metavar="KIND", help="question, or spec for JSON specifications.")] = "question",
    out: Annotated[str, typer.Option(metavar="FILE", help="File to write.")] = "data/synth.jsonl",
    wordings: Annotated[int, typer.Option(metavar="N", min=1, help="Questions written for each statement.")] = 1,
    typos: Annotated[
        float, typer.Option(metavar="RATE", min=0, max=1, help="Share of questions with a typing error.")
    ] = 0.02,
    seed: Annotated[int, typer.Option(metavar="N", help="Same seed, same pairs.")] = 0,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Make question–SQL pairs from nothing but the database.

    Each one is guarded, executed, and kept only if its result says something.

    Example: sqltailor data synth sqlite:///shop.db -n 2000
    """
    from sqltailor.cli.models import recipe_for
    from sqltailor.data.examples import write_examples
    from sqltailor.project import dialect_for, grant_of, open_recipe_database, schema_of
    from sqltailor.synth.synthesis import synthesise

    found = recipe_for(recipe, url)
    with open_recipe_database(found) as database, progress() as bars:
        bar = bars.add_task("making pairs", total=n)
        made = synthesise(
            database,
            n,
            kind=kind,  # type: ignore[arg-type]
            seed=seed,
            schema=schema_of(found, database),
            grant=grant_of(found),
            glossary=found.glossary,
            dialect=dialect_for(found, database),
            wordings=wordings,
            typo_rate=typos,
            personal=found.database.sample_personal,
            progress=lambda kept: bars.update(bar, completed=kept),
        )
    Path(out).parent.mkdir(parents=True, exist_ok=True)
    write_examples(out, made.examples)
    if json:
        print_json({**made.to_json(), "out": out})
        return
    speed = made.kept / made.seconds if made.seconds else 0
    print(
        f"kept {made.kept:,} of {made.made:,} made, {made.templates:,} templates, {made.seconds:.1f} s ({speed:,.0f}/s)"
    )
    for reason, count in made.dropped.items():
        print(f"  dropped {count:,}: {reason}")
    if made.joins_guessed:
        note(f"note: joins that no foreign key declares, judged by names and values: {'; '.join(made.joins_guessed)}")
    if made.kept < n:
        note(f"note: the schema and its values gave {made.kept:,} pairs, not {n:,}")
    print(f"wrote {out}")


def fuzz_db(
    schema: Annotated[str, typer.Argument(metavar="SCHEMA", help="File of CREATE TABLE statements.")],
    gold: Annotated[str, typer.Option(metavar="FILE", help="Examples whose gold SQL the rows must tell apart.")],
    out: Annotated[str, typer.Option(metavar="DIR", help="Folder of the databases.")] = "fuzz",
    databases: Annotated[int, typer.Option(metavar="N", min=1, help="Databases to make.")] = 3,
    rows: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="About how many rows a table gets besides those that gold SQL asks for."),
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
    from sqltailor.data.examples import load_examples
    from sqltailor.project import read_schema_file
    from sqltailor.synth.fuzz import fuzz_database
    from sqltailor.synth.fuzz.rows import read_constraints

    known = read_schema_file(schema, dialect)
    statements = [sql for example in load_examples(gold) for sql in example.sql]
    constraints = read_constraints(Path(schema).read_text(encoding="utf-8-sig"), dialect)
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


def split(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file of examples in any known format.")],
    by: Annotated[str, typer.Option(metavar="WHAT", help="database, schema, template or question.")] = "template",
    out: Annotated[str, typer.Option(metavar="DIR", help="Folder of the data set.")] = "data",
    validation: Annotated[float, typer.Option(metavar="SHARE", min=0, max=0.9, help="Share for validation.")] = 0.1,
    test: Annotated[float, typer.Option(metavar="SHARE", min=0, max=0.9, help="Share for testing.")] = 0.1,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the split.")] = 0,
    json: Json = False,
) -> None:
    """Divide a file into train, validation and test, without leaks.

    Example: sqltailor data split pairs.jsonl --by template --out data
    """
    from sqltailor.cli.data import print_summary
    from sqltailor.data.dataset.importing import import_data

    summary = import_data([file], out, by=by, seed=seed, validation_share=validation, test_share=test)
    print_summary(summary, json, validation=validation, test=test)


def export(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Training files in any known format.")],
    format: Annotated[
        str,
        typer.Option(
            metavar="FORMAT", help="bedrock, claude, prompt-completion, openai, sharegpt, alpaca, input-output or text."
        ),
    ],
    out: Annotated[str, typer.Option(metavar="PATH", help="Folder, or a file for a single FILE.")],
    validation: Annotated[str | None, typer.Option(metavar="FILE", help="Validation file.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Rules to check: nova, nova-2-lite, llama, claude-3-haiku.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out rows that break a rule by themselves.")
    ] = False,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Write examples for a trainer elsewhere.

    Lists every rule of the trainer that is broken, by line; exit code 1 when there is one.

    Example: sqltailor data export data/train.jsonl --format bedrock --out bedrock/
    """
    from sqltailor.cli.models import recipe_for
    from sqltailor.data.dataset.exporting import export
    from sqltailor.project import completer, granted_schema, schema_of

    found = recipe_for(recipe, database)
    has_schema = found.database.url or found.database.schema_file
    schema = granted_schema(found, schema_of(found)) if has_schema else None
    summary = export(
        files,
        format,
        out,
        validation=validation,
        schema=schema,
        model=model,
        skip_bad=skip_bad,
        complete=completer(found),
    )
    if json:
        print_json(summary.to_json())
    else:
        for path, count in summary.written.items():
            print(f"{path}: {counted(count, 'row')}")
        for violation in summary.violations:
            where = f"line {violation.line}" if violation.line else "the file"
            print(f"  {violation.file}, {where}: {violation.rule}: {violation.detail}")
    if summary.violations:
        sys.exit(1)


def compile_(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="File with a JSON specification, or - for stdin.")] = "-",
    dialect: Annotated[
        str | None,
        typer.Option(metavar="DIALECT", help="Dialect of the SQL. Default: the database's, else the recipe's."),
    ] = None,
    schema: Annotated[str | None, typer.Option(metavar="FILE", help="File of CREATE TABLE statements.")] = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json_schema: Annotated[
        bool, typer.Option("--json-schema", help="Print the JSON Schema of specifications.")
    ] = False,
    json: Json = False,
) -> None:
    """Turn a JSON query specification into SQL, without a model.

    The same specification gives the same SQL. Unknown tables, columns and operators are errors; the tables are those
    of --schema or the database, of the command line or the recipe. Without any, every name is taken.

    Example: echo '{"table": "t", "cols": ["id"]}' | sqltailor compile -
    """
    from sqltailor.cli.ask import read_spec
    from sqltailor.cli.models import recipe_for
    from sqltailor.project import schema_and_dialect
    from sqltailor.sql.queryspec import compile_spec
    from sqltailor.sql.queryspec import json_schema as schema_of_specs

    if json_schema:
        print_json(schema_of_specs())
        return
    known, written = schema_and_dialect(recipe_for(recipe, database), schema_file=schema, dialect=dialect)
    sql = compile_spec(read_spec(spec), written, known)
    print_json({"sql": sql}) if json else print(sql)


def add_to(app: typer.Typer) -> None:
    """Add this module's commands, most of them to the group `data`."""
    from sqltailor.cli.data import group

    for name, command in (("synth", synth), ("fuzz-db", fuzz_db), ("split", split), ("export", export)):
        group.command(name)(command)
    app.command("compile")(compile_)
