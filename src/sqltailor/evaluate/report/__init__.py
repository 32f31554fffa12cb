"""The report: one self-contained page that says whether the tuned model is better, and where it fails."""

from __future__ import annotations

from pathlib import Path

from sqltailor.errors import require
from sqltailor.evaluate.report.read import read_run
from sqltailor.evaluate.report.view import view
from sqltailor.runs import Run, write_text_atomic

__all__ = ["write_report"]


def write_report(run_dir: Path) -> Path:
    """Write `report.html` into the folder of a training run or an evaluation, and return its path.

    Only files of the folder are read; what is missing is left out. The page loads nothing from anywhere: styles and
    plots are inside it. Raises `DataError` when there is nothing to report.
    """
    contents = read_run(run_dir)
    jinja2 = require("jinja2", extra="report", feature="The report")
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sqltailor.evaluate.report", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    path = Run(run_dir).report
    write_text_atomic(path, environment.get_template("report.html.j2").render(view(contents)))
    return path
