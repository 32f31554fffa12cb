"""What `sqltailor eval` asks: the options that go into the recipe, and models asked with their progress shown."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqltailor.cli.data.options import mapping_of
from sqltailor.cli.output import answering, note
from sqltailor.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    from sqltailor.evaluate.by_recipe import Measured
    from sqltailor.recipe import Recipe


def moment(text: str | None) -> datetime | None:
    """Return the time in UTC that `--now` names. Raises `ConfigError`."""
    from datetime import UTC, datetime

    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as e:
        raise ConfigError(f"--now takes a day or a time, such as 2024-06-30 or 2024-06-30T12:00, not '{text}'.") from e
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def with_options(
    recipe: Recipe, metrics: list[str] | None, data: list[str] | None, format: str | None, map: str | None
) -> Recipe:
    """Return the recipe with the metrics of `--metric`, by which examples are read as `--format` and `--map` say."""
    from sqltailor.evaluate.metrics import metrics_called

    update: dict[str, Any] = {}
    if metrics is not None:
        metrics_called(metrics)
        update["evaluate"] = recipe.evaluate.model_copy(update={"metrics": metrics})
    if format is not None or map is not None:
        mapping = mapping_of(map, list(data or recipe.data.test), format) or recipe.data.mapping
        update["data"] = recipe.data.model_copy(update={"format": format, "mapping": mapping})
    return recipe.model_copy(update=update)


def ask_models(
    recipe: Recipe, models: list[str] | None, votes: int | None, *, is_batch: bool, yes: bool, max_usd: float | None,
    how: Mapping[str, Any],
) -> Measured:  # fmt: skip
    """Return the evaluation of models; `how` are the other arguments of `evaluate_models`."""
    from sqltailor.cli.eval_batch import batch_models, quiet
    from sqltailor.evaluate.by_recipe import evaluate_models

    whole, opened = batch_models(recipe, models, votes, yes=yes, max_usd=max_usd) if is_batch else (recipe, {})
    # a job has its own display
    with contextlib.nullcontext(quiet) if is_batch else answering() as on_progress:
        return evaluate_models(whole, models=models, votes=votes, opened_models=opened, on_progress=on_progress, **how)


def calibrate(recipe: Recipe, models: Sequence[str] | None, votes: int | None, how: Mapping[str, Any]) -> Measured:
    """Return the evaluation of runs on the validation questions, and say what their confidence is worth."""
    from sqltailor.evaluate.by_recipe import calibrate_models

    with answering() as on_progress:
        measured, calibrations = calibrate_models(recipe, models=models, votes=votes, on_progress=on_progress, **how)
    for name, calibration in calibrations.items():
        told = ", ".join(f"{share:.0%} agree: {rate:.0%} right" for share, rate in calibration.rates)
        note(f"{name}: {told}")
    return measured
