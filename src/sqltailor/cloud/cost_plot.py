"""The break-even plot: what a month costs by how many questions are asked, for each way to serve."""

from __future__ import annotations

from pathlib import Path

from sqltailor.cloud.cost import CostRow, Usage
from sqltailor.cloud.estimate import Estimate
from sqltailor.errors import require

POINTS = 60


def draw(estimate: Estimate, usage: Usage, out: Path) -> None:
    """Write the plot to a file whose ending says its format: .svg, .png or .pdf."""
    require("matplotlib", extra="report", feature="The plot")
    from matplotlib.figure import Figure

    even = estimate.break_even_queries_per_month
    most = max(usage.queries_per_month * 10, (even or 0) * 3, 1000)
    queries = [100 * (most / 100) ** (i / (POINTS - 1)) for i in range(POINTS)]
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for row in estimate.rows:
        costs = _a_month(row, queries, usage)
        if costs is not None:
            axes.plot(queries, costs, label=row.what.removesuffix(", a month"))
    if even:
        axes.axvline(even, linestyle=":", color="grey")
        axes.annotate(
            f"break-even: {even:,}", (even, 0.02), xycoords=("data", "axes fraction"), ha="right", rotation=90
        )
    axes.set(xscale="log", yscale="log", xlabel="questions a month", ylabel="US dollars a month")
    axes.legend(frameon=False)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)


def _a_month(row: CostRow, queries: list[float], usage: Usage) -> list[float] | None:
    """Return a row's cost for so many questions; None for what is paid once or has no price."""
    if not row.usd or not row.what.endswith(", a month") or row.what.startswith("storage"):
        return None
    if row.what.startswith("on-demand"):
        return [row.usd / usage.queries_per_month * count for count in queries] if usage.queries_per_month else None
    return [row.usd] * len(queries)
