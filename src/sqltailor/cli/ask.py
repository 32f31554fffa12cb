"""Commands that answer or judge: ask, check-sql, compile."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sqltailor.cli.output import DatabaseUrl, Json, Recipe, note, print_json, print_table


def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in words.")] = None,
    spec: Annotated[
        str | None, typer.Option(help="A JSON query specification instead: a file, or - for stdin.")
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Run the statement, read-only, and print its rows.")] = False,
    model: Annotated[
        str | None, typer.Option(help="Model reference. Default: the newest finished training run, else nano.")
    ] = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Write the SQL for a question; with --run, run it and print the rows.

    Example: sqltailor ask "how many customers do we have?" --run
    """
    from sqltailor.answer import answer
    from sqltailor.cli.models import newest_model, recipe_for
    from sqltailor.errors import ConfigError
    from sqltailor.generate import load
    from sqltailor.types import Example, GenerateOptions
    from sqltailor.workspace import grant_of, open_recipe_database, prompt_builder, schema_of

    if (question is None) == (spec is None):
        raise ConfigError('Give a question, as in: sqltailor ask "how many customers?" (or --spec FILE).')
    found = recipe_for(recipe, database)
    model = model or newest_model(found)
    with open_recipe_database(found) as opened:
        schema = schema_of(found, opened)
        example = Example("", ("",), question, _read_spec(spec) if spec else None, dialect=opened.dialect)
        options = GenerateOptions(max_tokens=found.generate.max_tokens, temperature=found.generate.temperature)
        reply = answer(
            example,
            load(model, batch=1),
            model=model,
            prompt=prompt_builder(found, model),
            schema=schema,
            grant=grant_of(found),
            database=opened if run else None,
            options=options,
        )
    if json:
        print_json(reply.to_json())
        return
    if reply.sql:
        print(reply.sql)
    if reply.reason:
        note(f"{'not allowed' if reply.allowed is False else 'note'}: {reply.reason}")
    if reply.result is not None:
        print_table(reply.result.columns, reply.result.rows)
        if reply.result.truncated:
            note(f"only the first {len(reply.result.rows):,} rows are shown (database.max_rows)")


def _read_spec(source: str) -> dict[str, object]:
    import json

    from sqltailor.errors import DataError

    text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    try:
        value = json.loads(text)
    except json.JSONDecodeError as e:
        raise DataError(f"The specification is not JSON: {e}") from e
    if not isinstance(value, dict):
        raise DataError('The specification is not a JSON object, such as {"table": "t", "cols": ["a"]}.')
    return value


def check_sql(
    context: typer.Context,
    schema: Annotated[str | None, typer.Option(help="File of CREATE TABLE statements.")] = None,
    dialect: Annotated[str | None, typer.Option(help="sqlglot name or YAML file. Default: the database's.")] = None,
    allow: Annotated[list[str] | None, typer.Option(help="Only these tables T and columns T.C may be named.")] = None,
    deny: Annotated[list[str] | None, typer.Option(help="These tables T and columns T.C may not be named.")] = None,
    file: Annotated[
        str | None, typer.Option(help="Statements to check, one a line, or `id TAB … TAB sql` with \\n \\xNN escapes.")
    ] = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Say whether a statement may run, and if not, which layer refuses it; exit code 1 when refused.

    The statement is an argument, or - for standard input. Nothing is run.

    Example: sqltailor check-sql "DELETE FROM t" --dialect sqlite --schema s.sql
    """
    from sqltailor.cli.models import recipe_for
    from sqltailor.errors import ConfigError
    from sqltailor.guard import Grant, check
    from sqltailor.guard.corpus import read_statements
    from sqltailor.workspace import grant_of, open_recipe_database, read_schema_file, schema_of

    found = recipe_for(recipe, database)
    if schema is not None:
        known, speaks = read_schema_file(schema, dialect or "sqlite"), dialect or "sqlite"
    else:
        with open_recipe_database(found) as opened:
            known, speaks = schema_of(found, opened), dialect or opened.dialect
    grant = (
        Grant(tuple(allow or ()), tuple(deny or ())) if allow or deny else grant_of(found) if not schema else Grant()
    )
    if file is not None:
        verdicts = [
            (name, sql, check(sql, dialect=speaks, schema=known, grant=grant))
            for name, sql in read_statements(Path(file))
        ]
        if json:
            print_json([{"id": n, "allowed": v.allowed, "layer": v.layer, "reason": v.reason} for n, _, v in verdicts])
        else:
            print_table(
                ("id", "allowed", "layer", "reason"),
                [(n, "yes" if v.allowed else "no", v.layer or "", v.reason or "") for n, _, v in verdicts],
            )
        sys.exit(0 if all(v.allowed for _, _, v in verdicts) else 1)
    if len(context.args) != 1:
        raise ConfigError(
            'Give one statement in quotes, as in: sqltailor check-sql "SELECT 1" --schema s.sql, or --file.'
        )
    sql = sys.stdin.read() if context.args[0] == "-" else context.args[0]
    verdict = check(sql, dialect=speaks, schema=known, grant=grant)
    if json:
        print_json({"allowed": verdict.allowed, "layer": verdict.layer, "reason": verdict.reason})
    else:
        print("allowed" if verdict.allowed else f"refused by {verdict.layer}: {verdict.reason}")
    sys.exit(0 if verdict.allowed else 1)


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(ask)
    # SQL may begin with `--`: what is no option of ours is the statement
    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    app.command("check-sql", context_settings=settings)(check_sql)
