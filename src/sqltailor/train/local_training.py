"""Training on this machine: the run folder, its stages one after the other, and continuing what was interrupted."""

from __future__ import annotations

import dataclasses
import importlib
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqltailor.errors import BackendError, ConfigError, DataError, require
from sqltailor.generate.quiet import quiet_libraries
from sqltailor.project import Project, opened
from sqltailor.recipe import Recipe, Resolved, stages
from sqltailor.recipe.plan import with_values
from sqltailor.runs import Run, log_to
from sqltailor.train.planning.preflight import Lengths, Plan, check, make_plan, measure_rows
from sqltailor.train.planning.ready import check_ready
from sqltailor.train.recording import record_prompt
from sqltailor.train.running.memory import give_back_memory
from sqltailor.train.running.opening import run_of
from sqltailor.train.running.processes import ctrl_c_stops_gently, first_process_first, is_first_process, wait_for_all
from sqltailor.train.running.stage import Job, Reward, Stage, StageResult, result_of

if TYPE_CHECKING:
    from sqltailor.train.rows.encoding import Rows
    from sqltailor.train.running.base_model import Setup
    from sqltailor.train.running.watch import Progress

logger = logging.getLogger(__name__)

METHODS = {"sft": "sft:tune", "pretrain": "sft:tune", "dpo": "dpo:tune", "grpo": "grpo:tune"}
"""Method → module and function that trains one stage by it."""


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What training made: the shape of `train --json`.

    `train_loss` is the mean over the last stage's steps; None where a service reported none.
    """

    run: str
    steps: int
    train_loss: float | None
    eval_loss: float | None
    tokens_per_s: float | None
    seconds: float
    job: str | None = None


@dataclass(frozen=True, slots=True)
class Plans:
    """The plan of each stage of a recipe."""

    stages: tuple[Plan, ...]

    @property
    def fits(self) -> bool:
        """Whether every stage fits into memory."""
        return all(plan.fits for plan in self.stages)

    def text(self) -> str:
        """Return the plans in a few lines each."""
        if len(self.stages) == 1:
            return self.stages[0].text()
        return "\n".join(f"stage {i}: {plan.text()}" for i, plan in enumerate(self.stages, 1))

    def to_json(self) -> dict[str, Any]:
        """Return the shape of `train --dry-run --json`."""
        return {"fits": self.fits, "stages": [plan.to_json() for plan in self.stages]}


def plan(resolved: Resolved) -> Plans:
    """Return what each stage of a recipe will take, without loading weights. Nothing is written or trained.

    Of a named base that is not here nothing is downloaded: the plan says how much that will be. Data of the Hub that
    cannot be reached is assumed to fill `train.max_length`, and the plan says so.
    """
    _check_backend(resolved.recipe)
    recipe = _without_downloads(resolved.recipe)
    with opened(recipe) as project, quiet_libraries(), tempfile.TemporaryDirectory() as folder:
        check_ready(resolved, project)
        stages_planned = _stages(recipe, Run(Path(folder)))
        return Plans(tuple(_plan(stage, project, downloads=False)[0] for stage in stages_planned))


def _without_downloads(recipe: Recipe) -> Recipe:
    """Return a recipe whose nearest pairs are found by words where what finds them by meaning is not here yet."""
    from sqltailor.generate.embedder import is_embedder_here

    if recipe.prompt.nearest == "words" or is_embedder_here():
        return recipe
    return with_values(recipe, {("prompt", "nearest"): "words"})


def _check_backend(recipe: Recipe) -> None:
    if recipe.train.backend != "local":
        raise ConfigError(f"train.backend is {recipe.train.backend}: train there with sqltailor train.")


def train(
    resolved: Resolved,
    *,
    project: Project | None = None,
    progress: Progress | None = None,
    on_plan: Callable[[Plan], None] = lambda plan: None,
    reward: Reward | None = None,
) -> TrainResult:
    """Train by a recipe, or continue the unfinished run of an equal recipe on equal data.

    `project` is the recipe's, where it is open already. `on_plan` is told what a stage will take before its weights
    are loaded, `progress` of every step. `reward` says what answers earn by `grpo`, in place of running them on the
    recipe's database. Raises `ConfigError` before any weight is loaded when the recipe cannot run here, `DataError` for
    unusable data, `BackendError` when training fails; `KeyboardInterrupt` after Ctrl-C, when a checkpoint is saved.
    """
    recipe = resolved.recipe
    _check_backend(recipe)
    if recipe.train.sweep:
        raise ConfigError("train.sweep asks for several trainings, of which each is one: use sqltailor.train.sweep.")
    require("torch", extra="train", feature="Local training")
    require("trl", extra="train", feature="Local training")
    if recipe.train.local.threads is not None:
        import torch

        torch.set_num_threads(recipe.train.local.threads)
    began = time.perf_counter()
    with opened(project or recipe) as project:
        check_ready(resolved, project, executes=reward is None)
        with quiet_libraries(), run_of(resolved) as run, log_to(run):
            _record_prompt(recipe, project, run)
            with ctrl_c_stops_gently() as interrupted:
                result = _train_stages(recipe, project, run, progress, interrupted, on_plan, reward)
                if interrupted():
                    raise KeyboardInterrupt(f"Saved step {result.steps} of {run.path}. Continue with the same command.")
            if is_first_process():
                run.mark_done()
    give_back_memory()
    steps, train_loss, eval_loss, rate = result
    return TrainResult(str(run.path), steps, train_loss, eval_loss, rate, round(time.perf_counter() - began, 1))


def _train_stages(
    recipe: Recipe,
    project: Project,
    run: Run,
    progress: Progress | None,
    interrupted: Callable[[], bool],
    on_plan: Callable[[Plan], None],
    reward: Reward | None,
) -> StageResult:
    all_stages = _stages(recipe, run)
    for stage in all_stages:
        if stage.output.is_dir():
            continue
        with first_process_first():
            planned, setup, rows = _plan(stage, project, downloads=True)
        check(planned)
        if is_first_process():
            on_plan(planned)
        module, _, function = METHODS[stage.recipe.train.method].partition(":")
        tune = getattr(importlib.import_module(f"sqltailor.train.methods.{module}"), function)
        job = Job(stage, project, rows, setup, planned.micro_batch, progress, interrupted, reward)
        result: StageResult = tune(job)
        wait_for_all()
        if interrupted():
            return result
    last = all_stages[-1]
    if last.folder != run.path and is_first_process():
        last.output.rename(run.path / last.output.name)
    return result_of(run.metrics, last)


def _stages(recipe: Recipe, run: Run) -> list[Stage]:
    """Return the stages of a recipe, each on what the one before makes."""
    if not recipe.train.stages:
        return [Stage(recipe, recipe.base, run.path, run.path)]
    found: list[Stage] = []
    for number, part in enumerate(stages(recipe), 1):
        base = str(found[-1].output) if found else recipe.base
        folder = run.path / "stages" / f"{number}-{part.train.method}"
        found.append(Stage(part, base, folder, run.path, number))
    return found


def _plan(stage: Stage, project: Project, *, downloads: bool) -> tuple[Plan, Setup, Rows | None]:
    """Return a stage's plan, what `auto` came to, and its rows unless the data cannot be reached from here.

    Without `downloads`, the rows of a base that is not here are cut into the tokens of nano, which always is.
    """
    from sqltailor.generate.bases import bytes_to_download
    from sqltailor.generate.references import resolve
    from sqltailor.generate.weights import open_tokenizer
    from sqltailor.train.methods.sft import read_rows, shares
    from sqltailor.train.planning.sizes import base_config, count
    from sqltailor.train.running.base_model import choose_setup, give_template, root_base

    recipe, section = stage.recipe, stage.recipe.train
    root = root_base(recipe.base)
    sizes = count(base_config(root), section)
    away = any(path.startswith("hf:") for path in recipe.data.train)
    setup = choose_setup(section, sizes.parameters, must_be_here=not away)
    waits_bytes = 0 if downloads else bytes_to_download(root)
    rows = None
    try:
        if waits_bytes:
            rows = _estimated_rows(stage, project)
        else:
            tokenizer = open_tokenizer(resolve(recipe.base))
            give_template(tokenizer, recipe)
            rows = read_rows(stage, project, tokenizer)
        lengths = measure_rows(
            rows.train,
            left_out=len(rows.too_long),
            batch=section.batch,
            share=shares(section, setup),
            prefix_steps=setup.prefix_steps,
        )
    except (BackendError, DataError) as e:
        if not away:
            raise
        logger.warning("%s", e)
        examples = recipe.data.train_samples or 10_000
        whole = examples * section.max_length
        lengths = Lengths(examples, 0, whole, whole, section.max_length, assumed=True)
    planned = make_plan(root, section, setup, sizes, lengths)
    return dataclasses.replace(planned, download_bytes=waits_bytes), setup, rows


def _estimated_rows(stage: Stage, project: Project) -> Rows:
    """Return a stage's rows in the tokens of nano, which are shorter than others; what is too long in them is cut."""
    from sqltailor.generate.references import resolve
    from sqltailor.generate.weights import open_tokenizer
    from sqltailor.train.methods.sft import read_rows
    from sqltailor.train.rows.encoding import shortened

    tokenizer = open_tokenizer(resolve("nano"))
    tokenizer.model_max_length = sys.maxsize
    section = stage.recipe.train
    if section.method == "pretrain":  # documents are divided, whatever a token is
        return read_rows(stage, project, tokenizer)
    whole = with_values(stage.recipe, {("train", "max_length"): sys.maxsize})
    rows = read_rows(stage._replace(recipe=whole), project, tokenizer)
    return rows._replace(train=[shortened(row, section.max_length) for row in rows.train])


def _record_prompt(recipe: Recipe, project: Project, run: Run) -> None:
    """Write which prompt and schema the model is taught with; checked when it is loaded."""
    from sqltailor.train.running.base_model import root_base

    if is_first_process():
        record_prompt(project, run, root_base(recipe.base))
