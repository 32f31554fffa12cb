"""Plots as inline SVG. Colours are CSS variables of the page, so that a plot follows its light or dark theme."""

from __future__ import annotations

import functools
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, ParamSpec, get_args

from sqltailor.errors import require
from sqltailor.types import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")

# matplotlib knows no CSS variables: it draws in these colours, which are then replaced by name.
INK, SOFT, LINE, PAPER = "#010101", "#010102", "#010103", "#010104"
MODELS = tuple(f"#0200{i:02x}" for i in range(6))
OUTCOMES = {outcome: f"#0300{i:02x}" for i, outcome in enumerate(get_args(Outcome))}
_VARIABLES = (
    {INK: "ink", SOFT: "soft", LINE: "line", PAPER: "card"}
    | {colour: f"m{i}" for i, colour in enumerate(MODELS)}
    | {colour: f"o-{outcome}" for outcome, colour in OUTCOMES.items()}
)
_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 9,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
}


class Bar(NamedTuple):
    """A share and its interval, all 0..1."""

    value: float
    low: float
    high: float


class Curve(NamedTuple):
    """Values over steps."""

    steps: Sequence[float]
    values: Sequence[float]


def _styled(draw: Callable[P, Figure]) -> Callable[P, str]:
    """Make a function that draws a figure, whose keyword `title` names it, one that returns an `<svg>` element."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> str:
        require("matplotlib", extra="report", feature="The report")
        from matplotlib import rc_context

        # the salt keeps the ids of several plots in one page apart, and the same from run to run
        with rc_context(_STYLE | {"svg.hashsalt": str(kwargs["title"])}):
            return _svg(draw(*args, **kwargs), str(kwargs["title"]))

    return drawn


@_styled
def bars(groups: Mapping[str, Sequence[Bar | None]], *, title: str) -> Figure:
    """Return horizontal bars in percent with their intervals: for each group one bar a model, in the models' order."""
    from matplotlib.ticker import PercentFormatter

    models = max(len(group) for group in groups.values())
    thick = 0.72 / models
    figure, (axes,) = _figure(height=0.45 + len(groups) * (0.24 + 0.22 * models))
    for row, group in enumerate(groups.values()):
        for i, bar in enumerate(group):
            if bar is None:
                continue
            y = row + (i - (models - 1) / 2) * thick
            axes.barh(y, bar.value, height=thick * 0.82, color=MODELS[i % len(MODELS)])
            axes.plot([bar.low, bar.high], [y, y], color=INK, linewidth=1, alpha=0.55, solid_capstyle="butt")
            axes.text(1.03, y, f"{100 * bar.value:.0f} %", va="center", ha="left")
    axes.set_yticks(range(len(groups)), [_short(name) for name in groups])
    axes.set_ylim(len(groups) - 0.45, -0.55)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
    _quiet(axes, grid="x")
    return figure


@_styled
def reliability(models: Sequence[Sequence[tuple[float, Bar]]], *, title: str) -> Figure:
    """Return how often answers of each confidence are right, for each model, beside the line where the two agree."""
    from matplotlib.ticker import PercentFormatter

    figure, (axes,) = _figure(height=3.2)
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
    for i, points in enumerate(models):
        colour = MODELS[i % len(MODELS)]
        axes.plot([x for x, _ in points], [bar.value for _, bar in points], "o-", color=colour, ms=5, linewidth=1.6)
        for x, bar in points:
            axes.plot([x, x], [bar.low, bar.high], color=colour, linewidth=1, alpha=0.55, solid_capstyle="butt")
    for axis, label in ((axes.xaxis, "confidence"), (axes.yaxis, "right")):
        axis.set_major_formatter(PercentFormatter(1, decimals=0, symbol=" %"))
        axis.set_label_text(label)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    _quiet(axes, grid="y")
    return figure


@_styled
def stack(rows: Mapping[str, Mapping[str, int]], *, title: str) -> Figure:
    """Return one bar a row, divided by outcome, in the page's colours `--o-OUTCOME`."""
    figure, (axes,) = _figure(height=0.2 + 0.36 * len(rows), width=7)
    for row, counts in enumerate(rows.values()):
        total, left = sum(counts.values()), 0.0
        for name, colour in OUTCOMES.items():
            share = counts.get(name, 0) / total if total else 0
            axes.barh(row, share, left=left, height=0.66, color=colour, edgecolor=PAPER, linewidth=1.2)
            if share >= 0.05:
                axes.text(left + share / 2, row, str(counts[name]), ha="center", va="center", color=PAPER)
            left += share
    axes.set_yticks(range(len(rows)), [_short(name, 24) for name in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    _quiet(axes, grid=None)
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return figure


@_styled
def curves(train: Curve, evaluation: Curve, rate: Curve, *, title: str) -> Figure:
    """Return loss over steps, training also smoothed, evaluation as points, and the learning rate below."""
    below = len(rate.steps) > 1
    figure, (loss, *more) = _figure(height=3.4 if below else 2.7, width=10, rows=2 if below else 1)
    loss.plot(train.steps, train.values, color=MODELS[1], linewidth=0.8, alpha=0.3)
    smooth = smoothed(train.values)
    loss.plot(train.steps, smooth, color=MODELS[1], linewidth=1.8, label="training loss")
    if evaluation.steps:
        loss.plot(
            evaluation.steps, evaluation.values, "o-", color=MODELS[2], ms=4, linewidth=1.4, label="evaluation loss"
        )
    if len(train.values) > 10:
        highest = max([*sorted(train.values)[: -max(1, len(train.values) // 50)], *evaluation.values])
        loss.set_ylim(0, highest * 1.08 or 1)
    loss.legend(frameon=False, fontsize=9, labelcolor=INK, loc="upper right")
    loss.set_ylabel("loss")
    _quiet(loss, grid="y")
    last = more[0] if more else loss
    if more:
        last.plot(rate.steps, rate.values, color=SOFT, linewidth=1.3)
        last.set_ylabel("learning rate")
        last.set_ylim(0, max(rate.values) * 1.15 or 1)
        last.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
        last.yaxis.get_offset_text().set_color(SOFT)
        _quiet(last, grid="y")
    last.set_xlabel("step")
    return figure


def smoothed(values: Sequence[float]) -> list[float]:
    """Return the running mean with a window of a twentieth of the values, centred, shorter at the ends.

    >>> smoothed([1, 2, 3])
    [1.0, 2.0, 3.0]
    """
    half = len(values) // 40
    windows = [values[max(0, i - half) : i + half + 1] for i in range(len(values))]
    return [math.fsum(window) / len(window) for window in windows]


def _figure(*, height: float, width: float = 5.0, rows: int = 1) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, 1, squeeze=False, sharex=True, height_ratios=[3, 1][:rows])[:, 0])


def _quiet(axes: Axes, *, grid: Literal["x", "y"] | None) -> None:
    if grid:
        axes.grid(axis=grid, color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)


def _short(name: str, longest: int = 22) -> str:
    return name if len(name) <= longest else "…" + name[1 - longest :]


def _svg(figure: Figure, title: str) -> str:
    """Return a figure as an `<svg>` element that grows with the page, its colours and font being the page's."""
    from html import escape

    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    for pattern, replacement in _CLEANED:
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)


_CLEANED = (
    (r"<metadata>.*?</metadata>|<style.*?</style>|\s*font-family: [^;]*;", ""),
    (r'<g id="[^"]*"', "<g"),
    (r'^(<svg[^>]*?) width="[^"]*"', r"\1"),
    (r'^(<svg[^>]*?) height="[^"]*"', r"\1"),
)
