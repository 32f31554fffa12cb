"""`sqltailor compile`: a JSON specification → SQL, without a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sqltailor.cli.output import DatabaseUrl, Json, Recipe, print_json

if TYPE_CHECKING:
    from sqltailor.types import Schema


def compile_(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="File with a JSON specification, or - for stdin.")] = "-",
    dialect: Annotated[
        str | None,
        typer.Option(metavar="DIALECT", help="Dialect of the SQL. Default: the database's, else the recipe's."),
    ] = None,
    schema: Annotated[
        str | None, typer.Option(metavar="FILE", help="File, or folder, of CREATE TABLE statements.")
    ] = None,
    database: DatabaseUrl = None,
    recipe: Recipe = None,
    json_schema: Annotated[
        bool, typer.Option("--json-schema", help="Print the JSON Schema of specifications.")
    ] = False,
    json: Json = False,
) -> None:
    """Turn a JSON query specification into SQL, without a model.

    The same specification gives the same SQL. Unknown tables, columns and operators are errors; tables
    come from --schema or the database, named here or in the recipe. Without either, any name is accepted.

    Example: echo '{"table": "t", "cols": ["id"]}' | sqltailor compile -
    """
    from sqltailor.cli.defaults import project_for
    from sqltailor.cli.inputs import read_spec
    from sqltailor.data.schema_file import read_schema_file
    from sqltailor.sql.queryspec import compile_spec
    from sqltailor.sql.queryspec import json_schema as schema_of_specs

    if json_schema:
        print_json(schema_of_specs())
        return
    with project_for(recipe, database) as project:
        written = dialect or (project.dialect if schema is None else project.recipe.dialect)
        if schema is not None:
            known: Schema | None = read_schema_file(schema, written)
        else:
            known = project.granted if project.has_schema else None
    sql = compile_spec(read_spec(spec), written, known)
    print_json({"sql": sql}) if json else print(sql)
