"""What an evaluation says besides rates: mistakes with hints, Spider's tables by hardness, BIRD's time rewards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqltailor.cli.output import print_table


def print_mistakes(scores: Mapping[str, Any]) -> None:
    """Print what is wrong with each model's answers, by class, and what to do about it; nothing where nothing is."""
    for model, found in scores["mistakes"].items():
        if found:
            rows = [[mistake, told["count"], told["hint"]] for mistake, told in found.items()]
            print_table(("mistake", "answers", "what helps"), rows, title=f"{model}: what is wrong")


def print_benchmarks(scores: Mapping[str, Any]) -> None:
    """Print the verdicts that `eval --compat` added to an evaluation's scores; nothing without any."""
    for benchmark, models in scores.get("compat", {}).items():
        for model, told in models.items():
            if "hardness" in told:
                _print_spider(f"{model}: {benchmark}", told["hardness"])
            if "r_ves" in told:
                print(f"{model}: R-VES {told['r_ves']:.2f}, VES {told['ves']:.2f} (times of this machine, right now)")
            for metric, rows in told["disagreement"].items():
                counts = f"{rows['only_benchmark']:,} right here only, {rows['only_execution']:,} by our execution only"
                print(f"{model}: {metric}: {counts}")


def _print_spider(title: str, levels: Mapping[str, Any]) -> None:
    metrics = [name for name in levels["all"] if name not in ("count", "components")]
    rows: list[list[str]] = [["count", *(f"{level['count']:,}" for level in levels.values())]]
    rows += [[metric, *(f"{level.get(metric, 0):.3f}" for level in levels.values())] for metric in metrics]
    for component in levels["all"]["components"]:
        rows.append(
            [f"{component} (F1)", *(f"{level['components'][component]['f1']:.3f}" for level in levels.values())]
        )
    print_table(("", *levels), rows, title=title)
