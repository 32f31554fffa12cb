"""Open the run folder: a new one, or the unfinished one of an equal recipe on equal data, locked."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqltailor.errors import BackendError, ConfigError, DataError
from sqltailor.generate.weights import best_device
from sqltailor.recipe import Resolved, dump, recipe_hash
from sqltailor.runs import Run, create_run, data_hash, file_name, find_run, lock, unfinished_run
from sqltailor.train.rows.training_data import hash_material
from sqltailor.train.running.checkpoints import COMPLETE, step_of
from sqltailor.train.running.processes import check_launch, leave_at_exit
from sqltailor.train.running.settings import world_size

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def run_of(resolved: Resolved) -> Iterator[Run]:
    """Yield the run to train, held for this process: a new one, or the unfinished one that is continued."""
    if world_size() > 1:
        yield from _shared_run(resolved)
        return
    run = _open_run(resolved)
    with lock(run.path):
        _say_continued(run)
        yield run


def _say_continued(run: Run) -> None:
    if run.metrics.is_file():
        steps = [step_of(path) for path in run.path.glob("**/checkpoints/checkpoint-*") if (path / COMPLETE).is_file()]
        where = f"after step {max(steps):,}" if steps else "from its first step: no checkpoint was saved"
        logger.warning("continuing %s %s", run.path, where)


def _shared_run(resolved: Resolved) -> Iterator[Run]:
    """Yield one run to all processes of a launch: the first one opens and holds it."""
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    check_launch(resolved.recipe.train)
    state = PartialState(cpu=resolved.recipe.train.local.device == "cpu" or best_device() == "cpu")
    leave_at_exit()
    with contextlib.ExitStack() as held:
        found: list[Any] = [None, None]
        if state.is_main_process:
            try:
                run = _open_run(resolved)
                held.enter_context(lock(run.path))
                _say_continued(run)
                found[0] = str(run.path)
            except (ConfigError, DataError, BackendError) as e:
                found[1] = e
        broadcast_object_list(found)
        if found[1] is not None:
            raise found[1]
        yield Run(Path(found[0]))


def _open_run(resolved: Resolved) -> Run:
    recipe = resolved.recipe
    section, root, data = recipe.train, Path(recipe.train.out), hash_material(recipe)
    identity = recipe_hash(recipe)
    if section.resume == "auto":
        found = unfinished_run(root, recipe_hash=identity, data=data)
        if found is not None and section.name in (None, found.name):
            return found
    elif section.resume != "never":
        return _named_run(root, section.resume, identity, data_hash(data))
    name = section.name or resolved.name
    if section.name is not None:
        _refuse_other(Run(root / file_name(name)), resolved, data_hash(data))
    return create_run(
        root, name, recipe_text=dump(recipe), recipe_hash=identity, data=data, exact=section.name is not None
    )


def _refuse_other(run: Run, resolved: Resolved, data: str) -> None:
    """Raise `ConfigError` when a run of this name waits to be continued by another recipe or on other data."""
    recorded = run.hashes()
    if not run.recipe.is_file() or run.is_done or recorded == {"recipe": recipe_hash(resolved.recipe), "data": data}:
        return
    changed = {key for key, _ in _values(run.recipe.read_text()) ^ _values(dump(resolved.recipe))} - {"train.resume"}
    what = f"with another {', '.join(sorted(changed))}" if changed else "on other data"
    raise ConfigError(
        f"{run.path} is unfinished and was begun {what}. Restore that to continue it, or give train.name another value."
    )


def _values(text: str) -> set[tuple[str, str]]:
    """Return the keys of a recipe with their values, as `train.lora.r` and its text."""
    import yaml

    def walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(value, dict) and value:
            for key, inner in value.items():
                yield from walk(inner, f"{path}.{key}" if path else key)
        else:
            yield path, repr(value)

    return set(walk(yaml.safe_load(text), ""))


def _named_run(root: Path, reference: str, identity: str, data: str) -> Run:
    """Return the run that `train.resume` names, or raise `ConfigError` when it cannot be continued by this recipe."""
    path = Path(reference)
    run = find_run(root, path.parent.parent if path.name.startswith("checkpoint-") else reference)
    if run.is_done:
        raise ConfigError(f"{run.path} is finished. To train on from it: base={run.path}")
    recorded = run.hashes()
    for what, found, wanted in (("recipe", recorded.get("recipe"), identity), ("data", recorded.get("data"), data)):
        if found != wanted:
            raise ConfigError(f"{run.path} was begun with another {what}. Restore it, or use train.resume=never.")
    return run
