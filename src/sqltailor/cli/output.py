"""Output and options that commands share: results go to stdout, progress and notes to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

    from sqltailor.types import OnProgress

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Recipe = Annotated[
    str | None, typer.Option("--recipe", metavar="RECIPE", help="A path or a shipped name. Default: recipe.yaml.")
]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="Database URL or file. Default: the recipe's.")
]
Unprotected = Annotated[
    bool,
    typer.Option(
        "--unprotected", help="Run on a warehouse, too: no read-only session, no limits that a server enforces."
    ),
]
Votes = Annotated[
    int | None,
    typer.Option(
        metavar="K",
        min=0,
        max=64,
        help="Draw K answers beside the greedy one and take what most of them return. Default: generate.candidates.",
    ),
]
Words = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Values that win over the recipe's.")]


def print_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def note(text: str) -> None:
    """Print a line for people on stderr."""
    print(text, file=sys.stderr)


def print_counts(counts: Mapping[str, int], what: str) -> None:
    """Print name → count, a line each, the most frequent first."""
    for name, count in sorted(counts.items(), key=lambda c: -c[1]):
        print(f"  {what} {count:,}: {name}")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, title: str | None = None) -> None:
    """Print rows as a table on stdout, no wider than the terminal; words are broken only where they do not fit."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(title=title, title_justify="left")
    numeric = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(columns))]
    shown = [[Text("NULL", "dim") if cell is None else Text(_shown(cell)) for cell in row] for row in rows]
    heads = [Text(str(name)) for name in columns]
    widths = _widths([[head, *cells] for head, *cells in zip(heads, *shown, strict=True)], console)
    for head, right, width in zip(heads, numeric, widths, strict=True):
        table.add_column(head, justify="right" if right else "left", overflow="fold", width=width)
    for row in shown:
        table.add_row(*row)
    console.print(table)


def _widths(columns: Sequence[Sequence[Text]], console: Console) -> list[int] | list[None]:
    """Return the width of each column, so that no word is broken; None, rich's own choice, where words do not fit."""
    measured = [[cell.__rich_measure__(console, console.options) for cell in cells] for cells in columns]
    widths = [max(size.minimum for size in sizes) for sizes in measured]
    wished = [max(size.maximum for size in sizes) for sizes in measured]
    room = console.width - 3 * len(columns) - 1 - sum(widths)
    if room < 0:
        return [None] * len(columns)
    while room and widths != wished:  # the narrowest column that wraps grows first
        i = min((i for i in range(len(widths)) if widths[i] < wished[i]), key=widths.__getitem__)
        widths[i] += 1
        room -= 1
    return widths


def _shown(cell: Any) -> str:
    text = cell.hex() if isinstance(cell, bytes) else str(cell)
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


@contextmanager
def progress() -> Iterator[Progress]:
    """Show progress bars on stderr while the block runs; nothing when stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield bars


@contextmanager
def answering(doing: str = "answering with", done_word: str = "answered") -> Iterator[OnProgress]:
    """Show a bar for each model while it answers; plain lines when stderr is not a terminal."""
    with progress() as bars:
        tasks: dict[str, Any] = {}

        def on_progress(model: str, done: int, total: int) -> None:
            if bars.disable:
                if done == total:
                    note(f"{model}: {done} of {total} {done_word}")
                return
            if model not in tasks:
                tasks[model] = bars.add_task(f"{doing} {model}", total=total)
            bars.update(tasks[model], completed=done)

        yield on_progress
