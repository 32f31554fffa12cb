"""How commands ask before they spend money or delete something."""

from __future__ import annotations

import sys

import typer

from sqltailor.cli.output import note


def confirm(question: str, yes: bool, *, reason: str = "This costs money") -> None:
    """Return when the user agrees. Raises `ConfigError` where nobody can be asked, and ends the command on a no."""
    from sqltailor.errors import ConfigError

    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(f"{reason}, and this is not a terminal to confirm in. Read the plan above, then give --yes.")
    if not typer.confirm(question, err=True):
        note("nothing was done")
        raise typer.Exit(0)
