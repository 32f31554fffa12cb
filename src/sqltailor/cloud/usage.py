"""How much is trained and asked: what a run really took, or what a recipe's data will, in place of the article's."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqltailor.aws.bedrock_models import tunable
from sqltailor.cloud.cost import Usage
from sqltailor.cloud.material import write_material
from sqltailor.errors import SQLTailorError
from sqltailor.project import Project
from sqltailor.recipe import Recipe
from sqltailor.runs import Run, read_json, read_jsonl


class Known(NamedTuple):
    """A usage, and where its numbers are from. `machine_hours`: what a job on SageMaker took, of all its machines."""

    usage: Usage
    basis: str
    machine_hours: float | None = None


def of_recipe(recipe: Recipe, usage: Usage) -> Known:
    """Return the usage with examples and tokens of the recipe's data, where that is there and can be written out."""
    base = tunable(recipe.base)
    usage = dataclasses.replace(usage, epochs=recipe.train.epochs)
    if base is None or not any(Path(path).is_file() for path in recipe.data.train):
        return Known(usage, "from AWS's article: the recipe's data is not here")
    try:
        with tempfile.TemporaryDirectory() as folder, Project(recipe) as project:
            found = write_material(project, base.rules, Path(folder))
    except SQLTailorError as e:
        return Known(usage, f"from AWS's article: the recipe's data cannot be read ({str(e).splitlines()[0]})")
    each = round(found.tokens / found.examples)
    known = dataclasses.replace(usage, examples=found.examples, tokens_per_example=each)
    return Known(known, f"the recipe's {found.examples:,} examples; tokens are estimated")


def of_run(run: Run, usage: Usage) -> Known:
    """Return the usage with what a run was trained on, and the tokens that its model took and wrote when asked."""
    known = read_json(run.job) if run.job.is_file() else {}
    planned, paid_s = known.get("plan", {}), known.get("billable_seconds")
    words = []
    if planned:
        each = round(planned["tokens"] / planned["examples"])
        usage = dataclasses.replace(
            usage,
            examples=planned["examples"],
            tokens_per_example=each,
            epochs=float(planned["epochs"]),
        )
        words.append(f"{planned['examples']:,} examples of {run.name}")
    asked = [pair for pair in _asked(run) if None not in pair]
    if asked:
        means = [round(sum(counts) / len(asked)) for counts in zip(*asked, strict=True)]
        usage = dataclasses.replace(usage, tokens_in=means[0], tokens_out=means[1])
        words.append(f"the means of {len(asked):,} answers")
    basis = " and ".join(words) or f"from AWS's article: {run.name} records no tokens"
    return Known(usage, basis, None if paid_s is None else paid_s / 3600)


def _asked(run: Run) -> Iterator[tuple[int, int]]:
    """Yield tokens in and out of every answer that a run's own model gave in its evaluations."""
    for file in sorted(run.path.glob("eval-*/predictions-*.jsonl")):
        for row in read_jsonl(file):
            if Path(row["model"]).name == run.name:
                yield row["tokens_in"], row["tokens_out"]
