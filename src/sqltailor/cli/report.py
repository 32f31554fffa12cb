"""`sqltailor report`: write the report of a run from its files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sqltailor.cli.output import Recipe


def report(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Run or evaluation folder. Default: the newest with answers.")
    ] = None,
    recipe: Recipe = None,
) -> None:
    """Rewrite report.html from the files of a run.

    Example: sqltailor report runs/shop
    """
    from sqltailor.cli.defaults import recipe_for
    from sqltailor.evaluate.report import write_report
    from sqltailor.runs import newest_with_predictions

    folder = Path(run) if run else newest_with_predictions(Path(recipe_for(recipe, None).train.out)).path
    print(write_report(folder))
