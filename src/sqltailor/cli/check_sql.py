"""`sqltailor check-sql`: the guard's verdict on statements, without a model."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sqltailor.cli.inputs import read_stdin
from sqltailor.cli.output import DatabaseUrl, Json, Recipe, note, print_json, print_table

if TYPE_CHECKING:
    from sqltailor.types import Grant, Schema

SETTINGS: dict[str, Any] = {
    "context_settings": {"ignore_unknown_options": True, "allow_extra_args": True},
    "options_metavar": "[OPTIONS] [SQL | -]",
}
"""SQL may begin with `--`: an unknown option is the statement."""


def check_sql(
    context: typer.Context,
    schema: Annotated[
        str | None, typer.Option(metavar="FILE", help="File, or folder, of CREATE TABLE statements.")
    ] = None,
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
    """Check whether a statement may run, and which layer refuses it.

    The statement is an argument in quotes, or - for standard input. Nothing is run. Exit code 1 when it is refused.

    Example: sqltailor check-sql "DELETE FROM t" --dialect sqlite --schema s.sql
    """
    from sqltailor.sql.guard import check
    from sqltailor.sql.guard.statement_files import Statement, read_statements

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
    """Return the one statement among the arguments that are not options, or raise `ConfigError`."""
    from sqltailor.errors import ConfigError

    if len(arguments) != 1:
        if options := [a for a in arguments if re.fullmatch("-[a-z]|--[a-z-]+", a)]:
            raise ConfigError(f"check-sql has no option {options[0]}. See: sqltailor check-sql --help")
        raise ConfigError(
            f"{len(arguments)} statements are given. Give one, in quotes: "
            'sqltailor check-sql "SELECT 1" --schema s.sql (or - for standard input, or --file FILE)'
        )
    return read_stdin() if arguments[0] == "-" else arguments[0]


def _judged_by(
    schema: str | None, dialect: str | None, recipe: str | None, database: str | None, allow: list[str], deny: list[str]
) -> tuple[Schema, str, Grant]:
    """Return schema, dialect and grant: of a schema file alone, or of the recipe and its database."""
    from sqltailor.cli.defaults import project_for
    from sqltailor.data.schema_file import read_schema_file
    from sqltailor.types import Grant

    if schema is not None:
        speaks = dialect or "sqlite"
        return read_schema_file(schema, speaks), speaks, Grant(tuple(allow), tuple(deny))
    with project_for(recipe, database) as project:
        given = Grant(tuple(allow) or project.grant.allow, (*project.grant.deny, *deny))
        return project.schema, dialect or project.dialect, given


def _print_verdicts(verdicts: list[dict[str, Any]]) -> None:
    rows = [(v["id"], "yes" if v["allowed"] else "no", v["layer"] or "", v["reason"] or "") for v in verdicts]
    print_table(("id", "allowed", "layer", "reason"), rows)
    allowed = sum(v["allowed"] for v in verdicts)
    note(f"{allowed:,} of {len(verdicts):,} allowed")
