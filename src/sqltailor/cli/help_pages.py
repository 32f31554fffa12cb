"""The command reference: the help of every command, as docs/cli.md holds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

WIDTH = 100
"""Columns of the help in the reference, whatever terminal it is made in."""


def commands(app: typer.Typer) -> Iterator[tuple[str, str]]:
    """Yield the words of each command, such as `sqltailor data import`, and its help; groups stand before theirs."""
    yield from _helps(typer.main.get_command(app), None)


def _helps(command: Any, parent: Any) -> Iterator[tuple[str, str]]:
    context = command.make_context(command.name, [], parent=parent, resilient_parsing=True, terminal_width=WIDTH)
    yield context.command_path, context.get_help()
    for child in getattr(command, "commands", {}).values():
        yield from _helps(child, context)


def page(app: typer.Typer) -> str:
    """Return the reference as Markdown, a section for each command."""
    return "\n".join(f"## {words}\n\n```text\n{text.rstrip()}\n```\n" for words, text in commands(app))
