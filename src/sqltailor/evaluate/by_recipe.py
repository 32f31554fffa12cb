"""Evaluate models by a recipe, and write the report."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sqltailor.evaluate import Evaluation, Scoring, evaluate, resume_or_new
from sqltailor.evaluate.metrics import metrics_without_database
from sqltailor.evaluate.report import write_report
from sqltailor.evaluate.votes import judge_of
from sqltailor.generate import load, token_counter
from sqltailor.generate.choose import choosing
from sqltailor.project import Project, opened, read_parts
from sqltailor.recipe import Recipe
from sqltailor.runs import Run, find_run, newest_training, read_json
from sqltailor.types import Example, OnProgress


class Measured(NamedTuple):
    """An evaluation, the examples that it asked, and its report."""

    result: Evaluation
    examples: list[Example]
    report: Path


def evaluate_models(
    recipe: Recipe | Project,
    *,
    models: Sequence[str] | None = None,
    data: Sequence[str] | None = None,
    limit: int | None = None,
    votes: int | None = None,
    out: str | Path | None = None,
    fuzz: int = 0,
    on_progress: OnProgress = lambda model, done, total: None,
) -> Measured:
    """Ask the test questions of the recipe (or of `data`) and write predictions, scores and report.

    `votes` takes the place of `generate.candidates`. Without `models`, the newest training run and its base. Without
    `out`, the folder lies in the last model's run. Without a database, examples need their own schemas, and nothing
    runs but on `fuzz` databases made up for each.
    """
    with opened(recipe) as project:
        recipe = project.recipe
        chosen = list(models) if models else run_and_base(newest_training(Path(recipe.train.out)))
        for model in chosen:
            project.warn_of_drift(model)
        examples = read_parts(data or recipe.data.test, recipe, what="test")
        examples = examples[: limit or recipe.evaluate.limit or len(examples)]
        folder = Path(out) if out else None
        generators = {m: load(m, examples=examples, batch=recipe.generate.batch) for m in chosen}
        judge = judge_of(project)
        options = project.options if votes is None else dataclasses.replace(project.options, candidates=votes)
        result = evaluate(
            examples,
            {m: choosing(g, judge) for m, g in generators.items()},
            out_dir=folder or resume_or_new(_home(recipe, chosen[-1])),
            scoring=_scoring(project, fuzz),
            schema=project.schema if project.has_schema else None,
            prompt={m: project.prompts(m, token_counter(g)) for m, g in generators.items()},
            options=options,
            batch=recipe.generate.batch,
            on_progress=on_progress,
        )
    return Measured(result, examples, write_report(result.run))


def _scoring(project: Project, fuzz: int) -> Scoring:
    """Return how answers are scored; without a database by every metric that needs none."""
    if project.has_database:
        return dataclasses.replace(Scoring.of(project), fuzz=fuzz)
    settings = project.recipe.evaluate
    metrics = metrics_without_database(made_up=fuzz > 0) if settings.metrics is None else settings.metrics
    return Scoring(None, project.grant, settings.timeout_s, metrics=metrics, fuzz=fuzz)


def run_and_base(run: Run) -> list[str]:
    """Return the references of a run's base model and of the run."""
    recorded = run.adapter / "base.json"
    base = read_json(recorded)["reference"] if recorded.is_file() else read_json(run.prompt).get("base")
    return [base, str(run.path)] if base else [str(run.path)]


def _home(recipe: Recipe, model: str) -> Run:
    """Return the run that an evaluation belongs to: the model's own, or a folder for models without a run."""
    folder = Path(model)
    if (folder / "prompt.json").is_file():
        return find_run(folder.parent, folder)
    home = Path(recipe.train.out) / "evaluations"
    home.mkdir(parents=True, exist_ok=True)
    return Run(home)
