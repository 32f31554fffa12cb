"""`sqltailor compare`: two evaluations side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sqltailor.cli.output import Json, note, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqltailor.evaluate.comparison import Change, Comparison


def compare(
    before: Annotated[str, typer.Argument(metavar="RUN", help="Run or evaluation folder to compare with.")],
    after: Annotated[str, typer.Argument(metavar="RUN", help="Run or evaluation folder that is to be better.")],
    metric: Annotated[
        str | None, typer.Option(metavar="NAME", help="Metric. Default: execution, else exact_match.")
    ] = None,
    show: Annotated[int, typer.Option(metavar="N", min=0, help="Print N questions on which they differ.")] = 5,
    only: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="Show only fixed, broken, other (both wrong), an outcome or a difference."),
    ] = None,
    find: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Show only those whose question or SQL holds a text.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown, for the summary of a CI job.")] = False,
    json: Json = False,
) -> None:
    """Compare two evaluations of the same questions.

    Takes the last model of each: what it fixed and broke, McNemar's test and a bootstrap interval, the slices that
    moved, and questions on which the two differ. Questions with other gold, or in one of them only, are left out.

    Example: sqltailor compare runs/A runs/B --only broken

    Example: sqltailor compare runs/A runs/B --markdown
    """
    from sqltailor.cli.scores import known_kind
    from sqltailor.evaluate.comparison import chosen, compare_runs, read_side
    from sqltailor.evaluate.markdown import comparison_markdown

    known_kind(only, "fixed", "broken", "other")
    found = compare_runs(read_side(Path(before)), read_side(Path(after)), metric)
    picked = chosen(found.changes, only=only, text=find)
    if json:
        print_json(found.to_json() | {"chosen": [change._asdict() for change in picked]})
    elif markdown:
        print(comparison_markdown(found), end="")
    else:
        print_comparison(found)
        print_changes(picked, show)


def print_comparison(found: Comparison) -> None:
    """Print two rates, what changed, and the slices that moved most."""
    from sqltailor.cli.scores import compared, rate_shown

    for warning in found.warnings:
        note(f"warning: {warning}")
    if found.left_out:
        note(f"note: {found.left_out:,} questions left out: in one of them only, or with other gold")
    rows = [(name, label, rate_shown(found.rates[name])) for name, label in (("a", found.a), ("b", found.b))]
    print_table(("", "run", found.metric), rows)
    print(f"{found.metric}: {compared(found.pair)}")
    moved = [
        (f"{kind}: {name}", int(s["n"]), f"{s['a']:.0%}", f"{s['b']:.0%}", int(s["fixed"]), int(s["broken"]))
        for kind, named in found.slices.items()
        for name, s in named.items()
        if s["fixed"] != s["broken"]
    ]
    if moved:
        largest = sorted(moved, key=lambda row: -abs(row[4] - row[5]))[:12]
        print_table(("slice", "questions", "a", "b", "fixed", "broken"), largest)


def print_changes(changes: Sequence[Change], show: int) -> None:
    """Print questions on which two runs differ."""
    for change in changes[:show]:
        sides = [(f"{s['outcome']}, {s['difference']}" if s.get("difference") else s["outcome"]) for s in change[4:]]
        print(f"\n{change.id} ({change.change}: {sides[0]} → {sides[1]})\n  question  {change.question}")
        print(f"  gold      {change.gold}\n  a         {change.before['predicted']}")
        print(f"  b         {change.after['predicted']}")
    if len(changes) > show:
        note(f"{show} of {len(changes):,} shown (--show N, --only KIND, --find TEXT)")
