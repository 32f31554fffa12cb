"""Commands that answer or judge: ask, check-sql."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sqltailor.cli.output import DatabaseUrl, Json, Recipe, note, print_json, print_table

if TYPE_CHECKING:
    from sqltailor.asker import Reply
    from sqltailor.types import Grant, Schema


def ask(
    question: Annotated[str | None, typer.Argument(metavar="QUESTION", help="The question, in words.")] = None,
    spec: Annotated[
        str | None, typer.Option(metavar="FILE", help="A JSON query specification instead: a file, or - for stdin.")
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Run the statement, read-only, and print its rows.")] = False,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="REF", help="nano, runs/NAME, a folder or a Hub id. Default: the newest finished run, else nano."
        ),
    ] = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Write the SQL for a question; with --run, print its rows.

    Exit code 1 when there is no SQL, when it is not allowed, or when it did not run.

    Example: sqltailor ask "how many customers do we have?" --run
    """
    from sqltailor.asker import answer
    from sqltailor.cli.models import newest_model, recipe_for
    from sqltailor.errors import ConfigError
    from sqltailor.generate import load, token_counter
    from sqltailor.project import dialect_for, grant_of, open_recipe_database, prompt_builder, schema_of
    from sqltailor.types import Example, GenerateOptions

    if (question is None) == (spec is None) or (question is not None and not question.strip()):
        raise ConfigError('Give a question, as in: sqltailor ask "how many customers?" (or --spec FILE).')
    found = recipe_for(recipe, database)
    model = model or newest_model(found)
    with open_recipe_database(found, grant_of(found)) as opened:
        generate = load(model, batch=1)
        schema = schema_of(found, opened)
        example = Example("", ("",), question, read_spec(spec) if spec else None, dialect=dialect_for(found, opened))
        options = GenerateOptions(max_tokens=found.generate.max_tokens, temperature=found.generate.temperature)
        reply = answer(
            example,
            generate,
            model=model,
            prompt=prompt_builder(found, model, token_counter(generate)),
            schema=schema,
            grant=grant_of(found),
            database=opened if run else None,
            options=options,
        )
    print_json(reply.to_json()) if json else _print_reply(reply)
    sys.exit(0 if reply.allowed and (reply.result is not None or not run) else 1)


def _print_reply(reply: Reply) -> None:
    if reply.sql:
        print(reply.sql)
    if reply.reason:
        note(f"{'not allowed' if reply.allowed is False else 'note'}: {reply.reason}")
    if reply.result is not None:
        print_table(reply.result.columns, reply.result.rows)
        if reply.result.truncated:
            note(f"only the first {len(reply.result.rows):,} rows are shown (database.max_rows)")


def read_spec(source: str) -> dict[str, object]:
    """Return the JSON object in a file or, for `-`, on standard input."""
    import json

    from sqltailor.errors import DataError

    try:
        value = json.loads(_read_stdin() if source == "-" else Path(source).read_text(encoding="utf-8"))
    except OSError as e:
        raise DataError(f"The specification '{source}' cannot be read: {e.strerror}.") from e
    except ValueError as e:
        raise DataError(f"The specification is not JSON: {e}") from e
    if not isinstance(value, dict):
        raise DataError('The specification is not a JSON object, such as {"table": "t", "cols": ["a"]}.')
    return value


def _read_stdin() -> str:
    from sqltailor.errors import DataError

    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as e:
        raise DataError(f"Standard input is not UTF-8 text: {e}") from e


def check_sql(
    context: typer.Context,
    schema: Annotated[str | None, typer.Option(metavar="FILE", help="File of CREATE TABLE statements.")] = None,
    dialect: Annotated[
        str | None, typer.Option(metavar="DIALECT", help="sqlglot name or YAML file. Default: the database's.")
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="T[.C]", help="Only these tables T and columns T.C may be named.")
    ] = None,
    deny: Annotated[
        list[str] | None, typer.Option(metavar="T[.C]", help="These tables T and columns T.C may not be named.")
    ] = None,
    file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="Statements to check, one a line, or `id TAB … TAB sql` with \\n and \\xNN escapes."
        ),
    ] = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json: Json = False,
) -> None:
    """Say whether a statement may run, and which layer refuses it.

    The statement is an argument in quotes, or - for standard input. Nothing is run. Exit code 1 when it is refused.

    Example: sqltailor check-sql "DELETE FROM t" --dialect sqlite --schema s.sql
    """
    from sqltailor.sql.guard import check
    from sqltailor.sql.guard.corpus import Statement, read_statements

    statements = list(read_statements(Path(file))) if file else [Statement("1", _statement(context.args))]
    known, speaks, grant = _judged_by(schema, dialect, recipe, database, allow or [], deny or [])
    verdicts = [check(statement.sql, dialect=speaks, schema=known, grant=grant) for statement in statements]
    rows = [{"allowed": v.allowed, "layer": v.layer, "reason": v.reason} for v in verdicts]
    if file:
        named = [{"id": statement.id, **row} for statement, row in zip(statements, rows, strict=True)]
        print_json(named) if json else _print_verdicts(named)
    elif json:
        print_json(rows[0])
    else:
        [verdict] = verdicts
        print("allowed" if verdict.allowed else f"refused by {verdict.layer}: {verdict.reason}")
    sys.exit(0 if all(verdict.allowed for verdict in verdicts) else 1)


def _statement(arguments: list[str]) -> str:
    """Return the one statement among what was no option, or raise `ConfigError`."""
    from sqltailor.errors import ConfigError

    if len(arguments) != 1:
        if options := [a for a in arguments if re.fullmatch("-[a-z]|--[a-z-]+", a)]:
            raise ConfigError(f"check-sql has no option {options[0]}. See: sqltailor check-sql --help")
        raise ConfigError(
            f"{len(arguments)} statements are given. Give one, in quotes: "
            'sqltailor check-sql "SELECT 1" --schema s.sql (or - for standard input, or --file FILE)'
        )
    return _read_stdin() if arguments[0] == "-" else arguments[0]


def _judged_by(
    schema: str | None, dialect: str | None, recipe: str | None, database: str | None, allow: list[str], deny: list[str]
) -> tuple[Schema, str, Grant]:
    """Return schema, dialect and grant: of a schema file alone, or of the recipe and its database."""
    from sqltailor.cli.models import recipe_for
    from sqltailor.project import dialect_for, grant_of, open_recipe_database, read_schema_file, schema_of
    from sqltailor.types import Grant

    if schema is not None:
        speaks = dialect or "sqlite"
        return read_schema_file(schema, speaks), speaks, Grant(tuple(allow), tuple(deny))
    found = recipe_for(recipe, database)
    given = grant_of(found)
    with open_recipe_database(found) as opened:
        known, speaks = schema_of(found, opened), dialect or dialect_for(found, opened)
    return known, speaks, Grant(tuple(allow) or given.allow, (*given.deny, *deny))


def _print_verdicts(verdicts: list[dict[str, Any]]) -> None:
    rows = [(v["id"], "yes" if v["allowed"] else "no", v["layer"] or "", v["reason"] or "") for v in verdicts]
    print_table(("id", "allowed", "layer", "reason"), rows)
    allowed = sum(v["allowed"] for v in verdicts)
    note(f"{allowed:,} of {len(verdicts):,} allowed")


def add_to(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(ask)
    # SQL may begin with `--`: what is no option of ours is the statement
    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    app.command("check-sql", context_settings=settings, options_metavar="[OPTIONS] [SQL | -]")(check_sql)
