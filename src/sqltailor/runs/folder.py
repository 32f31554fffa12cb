"""The run folder: everything that one training or evaluation made.

A finished run holds `DONE`, written last.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqltailor.errors import ConfigError, DataError
from sqltailor.runs.environment import environment
from sqltailor.runs.files import data_hash, file_name, read_json, write_json_atomic, write_text_atomic
from sqltailor.runs.lock import lock


@dataclass(frozen=True, slots=True)
class Run:
    """The paths inside one run folder. Only `path` itself surely exists."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def adapter(self) -> Path:
        return self.path / "adapter"

    @property
    def model(self) -> Path:
        return self.path / "model"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def prompt(self) -> Path:
        return self.path / "prompt.json"

    @property
    def schema(self) -> Path:
        return self.path / "schema.json"

    @property
    def own_tests(self) -> Path:
        """The test examples that it took from its training files (`data.split.test_share`)."""
        return self.path / "data" / "test.jsonl"

    @property
    def joins(self) -> Path:
        """The columns that the statements it learned from join, and how often."""
        return self.path / "joins.json"

    @property
    def calibration(self) -> Path:
        """What the confidence of its answers is worth."""
        return self.path / "confidence.json"

    @property
    def scores(self) -> Path:
        return self.path / "scores.json"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def job(self) -> Path:
        """What is known of the job that a cloud runs for this run."""
        return self.path / "job.json"

    @property
    def deployment(self) -> Path:
        """Where the tuned model is served."""
        return self.path / "deployment.json"

    @property
    def has_weights(self) -> bool:
        """Whether what was trained is here: an adapter, or a whole model."""
        return self.adapter.is_dir() or self.model.is_dir()

    @property
    def is_done(self) -> bool:
        return (self.path / "DONE").is_file()

    @property
    def has_failed(self) -> bool:
        """A run that cannot be continued: its job ended without a model."""
        return (self.path / "FAILED").is_file()

    @property
    def is_training(self) -> bool:
        """A run of `train`, as opposed to an evaluation."""
        return (self.path / "hashes.json").is_file()

    def predictions(self, reference: str) -> Path:
        """Return the file of one model's predictions."""
        return self.path / f"predictions-{file_name(reference)}.jsonl"

    def training_files(self) -> list[str]:
        """Return the files of examples that its recipe trained on; the other keys may be of another version."""
        import yaml

        recipe = yaml.safe_load(self.recipe.read_text(encoding="utf-8")) if self.recipe.is_file() else None
        found = ((recipe or {}).get("data") or {}).get("train") or []
        return [found] if isinstance(found, str) else list(found)

    def hashes(self) -> dict[str, Any]:
        """Return what resuming compares: the recipe's hash and those of the data."""
        return read_json(self.path / "hashes.json") if self.is_training else {}

    def mark_done(self) -> None:
        """Write `DONE`: the last thing that a run does."""
        write_text_atomic(self.path / "DONE", datetime.now().astimezone().isoformat(timespec="seconds") + "\n")

    def mark_failed(self, why: str) -> None:
        """Write `FAILED`: the run is not continued any more."""
        write_text_atomic(self.path / "FAILED", f"{why}\n")


def create_run(
    root: Path,
    name: str,
    *,
    recipe_text: str,
    recipe_hash: str,
    data: Mapping[str, Mapping[str, Any]],
    exact: bool = False,
) -> Run:
    """Make the folder of a new training run, complete or not at all, and return it.

    The folder is `name` with date and time, and a number when that is taken; with `exact` it is `name`, which must be
    free. `data`: path → `{"sha256", "rows"}` as from `hash_data`. Writes recipe.yaml, data.json, environment.json.
    """
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix=".new-") as folder:
        new = Path(folder) / "run"
        new.mkdir()
        write_text_atomic(new / "recipe.yaml", recipe_text)
        write_json_atomic(new / "data.json", data)
        write_json_atomic(new / "environment.json", environment())
        write_json_atomic(new / "hashes.json", {"recipe": recipe_hash, "data": data_hash(data)})
        stem = file_name(name) if exact else f"{file_name(name)}-{datetime.now():%Y%m%d-%H%M%S}"
        for candidate in [stem] if exact else [stem, *(f"{stem}-{i}" for i in range(2, 1000))]:
            if _claim(new, root / candidate):
                return Run(root / candidate)
    raise ConfigError(f"{root / stem} already exists; a run is never overwritten. Give train.name another value.")


def _claim(new: Path, target: Path) -> bool:
    """Move a folder to a name that is free; False when it is not."""
    if target.exists():
        return False
    try:
        os.rename(new, target)
    except OSError:
        if target.exists():
            return False
        raise
    return True


def evaluation_folder(run: Run) -> Run:
    """Make and return a new `eval-DATE` folder inside a run."""
    stem = f"eval-{datetime.now():%Y%m%d-%H%M%S}"
    for candidate in [stem, *(f"{stem}-{i}" for i in range(2, 1000))]:
        with contextlib.suppress(FileExistsError):
            (run.path / candidate).mkdir(parents=True)
            return Run(run.path / candidate)
    raise DataError(f"No free name for an evaluation in {run.path}.")


def move_aside(folder: Run) -> Path:
    """Rename a folder that something else takes the place of, and return its new path: `NAME-1`, `NAME-2`, …

    Raises `BackendError` when another process has it locked.
    """
    path = folder.path.resolve()
    with lock(folder.path):
        for number in range(1, 1000):
            if _claim(path, aside := path.with_name(f"{path.name}-{number}")):
                return folder.path.with_name(aside.name)
    raise ConfigError(f"No free name to move {folder.path} aside.")


def all_runs(root: Path) -> list[Run]:
    """Return the runs in a folder and the evaluations inside them, newest first."""
    folders = [p for pattern in ("*", "*/eval-*") for p in root.glob(pattern) if p.is_dir() and p.name[0] != "."]
    return [Run(p) for p in sorted(folders, key=lambda p: (_made(p), p.name), reverse=True)]


def _made(folder: Path) -> float:
    """Return when a run was made: by the file that its making wrote, since the folder's own time moves."""
    marks = [folder / name for name in ("environment.json", "recipe.yaml") if (folder / name).exists()]
    return (marks[0] if marks else folder).stat().st_mtime


def newest_training(root: Path) -> Run:
    """Return the newest finished training run; DataError says how to make one."""
    found = [run for run in all_runs(root) if run.is_training and run.is_done]
    if not found:
        raise DataError(f"There is no finished training run in {root}. Make one: sqltailor train")
    return max(found, key=lambda run: (run.path / "DONE").stat().st_mtime)


def newest_with_predictions(root: Path) -> Run:
    """Return the newest folder that holds predictions; DataError says how to make them."""
    found = [(p.stat().st_mtime, run) for run in all_runs(root) for p in run.path.glob("predictions-*.jsonl")]
    if not found:
        raise DataError(f"There are no predictions in {root}. Make some: sqltailor eval")
    return max(found, key=lambda pair: pair[0])[1]


def find_run(root: Path, reference: str | Path) -> Run:
    """Return the run that a name or a path means."""
    for path in (Path(reference), root / reference):
        if path.is_dir():
            return Run(path)
    known = ", ".join(run.name for run in all_runs(root)[:8] if run.is_training) or "none"
    raise DataError(f"There is no run '{reference}'. Newest in {root}: {known}.")


def unfinished_run(root: Path, *, recipe_hash: str, data: Mapping[str, Mapping[str, Any]]) -> Run | None:
    """Return the newest unfinished training run made from an equal recipe and equal data, or None."""
    wanted = {"recipe": recipe_hash, "data": data_hash(data)}
    waiting = (run for run in all_runs(root) if run.is_training and not run.is_done and not run.has_failed)
    return next((run for run in waiting if run.hashes() == wanted), None)


@contextlib.contextmanager
def log_to(run: Run, level: int = logging.INFO) -> Iterator[None]:
    """Append what sqltailor logs to the run's log.txt; warnings go to standard error as before."""
    logger = logging.getLogger("sqltailor")
    handler = logging.FileHandler(run.path / "log.txt", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    before = logger.level
    # what Python writes warnings with where there is no handler, as there now is
    shown = None if logger.hasHandlers() else logging.lastResort
    logger.addHandler(handler)
    if shown is not None:
        logger.addHandler(shown)
    logger.setLevel(min(level, before) if before else level)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        if shown is not None:
            logger.removeHandler(shown)
        logger.setLevel(before)
        handler.close()
