"""`sqltailor keys`: who may ask a server, and for what."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sqltailor.cli.output import Json, note, print_json, print_table

group = typer.Typer(name="keys", help="API keys of a server: add, list, remove.", no_args_is_help=True)

File = Annotated[str, typer.Option("--keys", metavar="FILE", help="File of API keys.")]


@group.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")],
    role: Annotated[
        str,
        typer.Option(
            "--role",
            metavar="ROLE",
            help="reader: rows, no SQL; writer: SQL, no rows; analyst: both, and SQL of their own; owner: all.",
        ),
    ] = "analyst",
    allow: Annotated[
        list[str] | None, typer.Option("--allow", metavar="T[.C]", help="Only these tables and columns; repeatable.")
    ] = None,
    deny: Annotated[
        list[str] | None, typer.Option("--deny", metavar="T[.C]", help="Not these tables and columns; repeatable.")
    ] = None,
    keys: File = "keys.json",
) -> None:
    """Make a key and print it, this once.

    The file holds its hash. A running server knows the key at once; one that ran without keys now asks for it.

    Example: sqltailor keys add ada --role reader --allow orders --allow product
    """
    from sqltailor.serve.api_keys import KeyFile

    print(KeyFile(Path(keys)).add(name, role, allow=tuple(allow or ()), deny=tuple(deny or ())))
    note(f"{keys} holds its hash; the key itself is not shown again")


@group.command("list")
def list_(keys: File = "keys.json", json: Json = False) -> None:
    """List names, roles and grants of the keys.

    Example: sqltailor keys list
    """
    from sqltailor.serve.api_keys import KeyFile

    found = KeyFile(Path(keys)).keys()
    if json:
        print_json([{"name": k.name, "role": k.role, "allow": k.allow, "deny": k.deny, "made": k.made} for k in found])
        return
    rows = [(k.name, k.role, ", ".join(k.allow) or "all", ", ".join(k.deny), k.made) for k in found]
    print_table(("name", "role", "allow", "deny", "made"), rows)


@group.command("remove")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is.")], keys: File = "keys.json"
) -> None:
    """Take a key away; a running server refuses it at once.

    Example: sqltailor keys remove ada
    """
    from sqltailor.serve.api_keys import KeyFile

    KeyFile(Path(keys)).remove(name)
    note(f"removed {name}")
