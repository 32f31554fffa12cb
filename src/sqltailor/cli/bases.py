"""Commands about pretrained models: bases, bases pull."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sqltailor.cli.output import Json, note, print_json, print_table

if TYPE_CHECKING:
    from sqltailor.generate.bases import Base
    from sqltailor.types import OnProgress


def bases(context: typer.Context, json: Json = False) -> None:
    """List the named bases and show which are already here.

    Size, licence, context, memory, and accuracy on the sample shop. A base is downloaded on first use, from the Hugging
    Face Hub or else the package index, and checked by its hash.

    Example: sqltailor bases
    """
    if context.invoked_subcommand is not None:
        return
    from sqltailor.generate.bases import BASES, cache_folder

    rows = [_described(base) for base in BASES.values()]
    if json:
        print_json({"cache": str(cache_folder()), "bases": rows})
        return
    columns = ("base", "size", "licence", "context", "memory", "download", "sample shop: untuned → tuned")
    print_table(columns, [_row(row) for row in rows])
    for row in rows:
        print(f"{row['name']}: {row['about']}")
    note(f"cache: {cache_folder()} (SQLTAILOR_CACHE names another folder)")


def _described(base: Base) -> dict[str, Any]:
    from sqltailor.generate.bases import is_here

    return {
        "name": base.name,
        "about": base.about,
        "parameters": base.parameters,
        "licence": base.licence,
        "context": base.context,
        "memory_gb": base.memory_gb,
        "download_bytes": base.bytes,
        "here": is_here(base),
        "source": f"https://huggingface.co/{base.hub_id}" if base.hub_id else "the package",
        "sha256": base.sha256,
        "prompt": base.prompt,
        "learning_rate": base.learning_rate,
        "accuracy": base.accuracy,
    }


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    accuracy = row["accuracy"]
    return (
        row["name"],
        f"{row['parameters'] / 1e6:.0f} M",
        row["licence"],
        f"{row['context']:,}",
        f"{row['memory_gb']:.2f} GB",
        "here" if row["here"] else f"{row['download_bytes'] / 1e6:.0f} MB",
        f"{accuracy[0]:.1%} → {accuracy[1]:.1%}" if accuracy else "unknown",
    )


def pull(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Named bases to download.")], json: Json = False
) -> None:
    """Download bases for offline use.

    Example: sqltailor bases pull small
    """
    from sqltailor.errors import ConfigError, unknown
    from sqltailor.generate.bases import BASES, folder_of

    if strange := [name for name in names if name not in BASES]:
        raise ConfigError(unknown("base", strange[0], BASES))
    with downloading() as on_progress:
        folders = {name: str(folder_of(BASES[name], on_progress)) for name in names}
    if json:
        print_json(folders)
        return
    for name, folder in folders.items():
        print(f"{name}: {folder}")


@contextmanager
def downloading() -> Iterator[OnProgress]:
    """Show a bar for each download and conversion; a line each when stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def on_progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
                if bars.disable:
                    note(what)
            bars.update(tasks[what], completed=done, total=total)

        yield on_progress


group = typer.Typer(help=bases.__doc__, rich_markup_mode=None, add_completion=False)
group.callback(invoke_without_command=True)(bases)
group.command()(pull)
