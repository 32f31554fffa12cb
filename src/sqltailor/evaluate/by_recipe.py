"""Evaluate models, or files of predictions, by a recipe, and write the report."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from sqltailor.data.canonical import as_meant
from sqltailor.data.checks.execute import Databases
from sqltailor.errors import ConfigError
from sqltailor.evaluate import Evaluation, evaluate, read_answers, resume_or_new, score_predictions
from sqltailor.evaluate.beside import with_verdicts
from sqltailor.evaluate.compat import Sources, tables_beside
from sqltailor.evaluate.compat.as_written import as_written
from sqltailor.evaluate.confidence import calibrate, check_runs
from sqltailor.evaluate.report import write_report
from sqltailor.evaluate.scoring_options import ScoringOptions, scoring_of, stamp, with_databases
from sqltailor.evaluate.votes import with_votes
from sqltailor.generate import context_of, load, token_counter
from sqltailor.generate.calibration import Calibration
from sqltailor.project import Project, opened, read_parts
from sqltailor.recipe import Recipe
from sqltailor.runs import Run, find_run, newest_training, read_json
from sqltailor.sql.schema import to_ddl
from sqltailor.types import Completion, Example, Generate, OnProgress


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
    scoring_options: ScoringOptions = ScoringOptions(),  # noqa: B008
    compat: str | None = None,
    opened_models: Mapping[str, Generate] = MappingProxyType({}),
    on_progress: OnProgress = lambda model, done, total: None,
) -> Measured:
    """Ask the test questions of the recipe (or of `data`) and write predictions, scores and report.

    `votes` takes the place of `generate.candidates`. Without `models`, the newest training run and its base. Without
    `out`, the folder lies in the last model's run. Without a database, examples need their own schemas, and nothing
    runs but on databases made up for each. `compat` adds the verdicts of a benchmark. `opened_models` answer for the
    references that they have.
    """
    with opened(recipe) as project, scoring_of(project, scoring_options) as (scoring, databases):
        recipe = project.recipe
        chosen = list(models) if models else run_and_base(newest_training(Path(recipe.train.out)))
        for model in chosen:
            project.warn_of_drift(model)
        examples = with_databases(_examples(project, data, limit, _own_tests(chosen[-1])), scoring_options)
        if databases is not None:
            examples = [as_meant(_with_schema(example, databases)) for example in examples]
        how = recipe.generate
        generators = {
            m: opened_models.get(m) or load(m, examples=examples, batch=how.batch, engine=how.engine) for m in chosen
        }
        options = project.options if votes is None else dataclasses.replace(project.options, candidates=votes)
        result = evaluate(
            examples,
            {m: with_votes(g, project) for m, g in generators.items()},
            out_dir=Path(out) if out else resume_or_new(_home(recipe, chosen[-1])),
            scoring=dataclasses.replace(scoring, stamp=stamp(project, scoring_options, examples)),
            schema=project.schema if project.has_schema else None,
            prompt={m: project.prompts(m, token_counter(g), context=context_of(g)) for m, g in generators.items()},
            options=options,
            batch=recipe.generate.batch,
            on_progress=on_progress,
        )
        if compat is not None:
            result = _beside(result, examples, compat, recipe, scoring_options, data)
    return Measured(result, examples, write_report(result.run))


def calibrate_models(
    recipe: Recipe | Project, *, models: Sequence[str] | None = None, data: Sequence[str] | None = None, **how: Any
) -> tuple[Measured, dict[str, Calibration]]:
    """Ask runs the validation questions (or those of `data`), and keep in each what its confidence is worth.

    `how` are the other arguments of `evaluate_models`. Without `models`, the newest training run. Raises `ConfigError`
    where nothing would be learned: without votes, without validation questions, or of a model that is no run.
    """
    with opened(recipe) as project:
        settings = project.recipe
        chosen = list(models) if models else [str(newest_training(Path(settings.train.out)).path)]
        check_runs(chosen)
        votes = how.get("votes")
        if not (project.options.candidates if votes is None else votes):
            raise ConfigError(
                "Without votes there is no confidence to calibrate: add --votes 7, or generate.candidates."
            )
        files = list(data) if data else [settings.data.validation] if settings.data.validation else []
        if not files:
            raise ConfigError("There are no validation questions: name them in data.validation, or with --data FILE.")
        measured = evaluate_models(project, models=chosen, data=files, **how)
    return measured, calibrate(measured.result.run, measured.result.predictions)


def evaluate_predictions(
    recipe: Recipe | Project,
    files: Sequence[str],
    *,
    data: Sequence[str] | None = None,
    limit: int | None = None,
    out: str | Path | None = None,
    scoring_options: ScoringOptions = ScoringOptions(),  # noqa: B008
    compat: str | None = None,
    workers: int | None = None,
    engine: str = "processes",
    on_progress: OnProgress = lambda model, done, total: None,
) -> Measured:
    """Score files of predictions on the test questions of the recipe (or of `data`), and write scores and report.

    The files are called as they are written here; `read_answers` says what they may hold. SQL of SQLite is read as
    SQLite does, with text in double quotes. `compat` adds the verdicts of a benchmark, on the text of the files as it
    stands. `workers` None takes one process a core; `engine` is where they run: on this machine, or on `ray`.
    """
    with opened(recipe) as project, scoring_of(project, scoring_options) as (scoring, _):
        recipe = project.recipe
        known = read_parts(data or recipe.data.test, project, what="test", all_of_them=bool(data))
        examples = with_databases(_drawn(known, recipe, data, limit), scoring_options)
        asked = {example.id for example in examples}
        answers = {
            file: {i: answer for i, answer in read_answers(Path(file), known).items() if i in asked} for file in files
        }
        result = score_predictions(
            examples,
            answers,
            out_dir=Path(out) if out else resume_or_new(_evaluations(recipe)),
            scoring=dataclasses.replace(scoring, quoted_text=True, stamp=stamp(project, scoring_options, examples)),
            schema=project.schema if recipe.database.schema_file is not None else None,
            workers=workers,
            engine=engine,
            on_progress=on_progress,
        )
        if compat is not None:
            result = _beside(result, examples, compat, recipe, scoring_options, data, answers, workers)
    return Measured(result, examples, write_report(result.run))


def _beside(
    result: Evaluation,
    examples: Sequence[Example],
    benchmark: str,
    recipe: Recipe,
    scoring_options: ScoringOptions,
    data: Sequence[str] | None,
    answers: Mapping[str, Mapping[str, Completion]] | None = None,
    workers: int | None = None,
) -> Evaluation:
    """Return the evaluation with a benchmark's verdicts on the texts as they were handed in."""
    files, settings = data or recipe.data.test, recipe.data
    sources = Sources(scoring_options.folder or recipe.database.url, tables_beside(files), workers)
    golds = as_written(examples, files, format=settings.format, mapping=settings.mapping, dialect=recipe.dialect)
    texts = {model: {i: answer.text for i, answer in found.items()} for model, found in (answers or {}).items()}
    return with_verdicts(result, golds, benchmark, sources, answers=texts)


def _examples(
    project: Project, data: Sequence[str] | None, limit: int | None, own: Sequence[str] = ()
) -> list[Example]:
    """Return the examples of `data`; else of `data.test`, or of a run's `own` tests, drawn as the recipe says."""
    examples = read_parts(data or project.recipe.data.test or own, project, what="test", all_of_them=bool(data))
    return _drawn(examples, project.recipe, data, limit)


def _drawn(examples: list[Example], recipe: Recipe, data: Sequence[str] | None, limit: int | None) -> list[Example]:
    count = recipe.data.test_samples if not data else None
    if count is not None and count < len(examples):
        examples = random.Random(recipe.data.split.seed).sample(examples, count)
    return examples[: limit or recipe.evaluate.limit or len(examples)]


def _own_tests(model: str) -> list[str]:
    """Return the file of the test examples that a run kept aside, if the model is one that did."""
    file = Run(Path(model)).own_tests
    return [str(file)] if file.is_file() else []


def _with_schema(example: Example, databases: Databases) -> Example:
    if example.schema is not None:
        return example
    return dataclasses.replace(example, schema=to_ddl(databases.find(example.db_id)[1]))


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
    return _evaluations(recipe)


def _evaluations(recipe: Recipe) -> Run:
    home = Path(recipe.train.out) / "evaluations"
    home.mkdir(parents=True, exist_ok=True)
    return Run(home)
