"""`sqltailor eval --batch`: base models on Bedrock answer by one job each, planned with its cost and confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqltailor.cli.confirming import confirm
from sqltailor.cli.output import note
from sqltailor.cli.watching import watching
from sqltailor.errors import ConfigError

if TYPE_CHECKING:
    from sqltailor.cloud.bedrock.batch_plan import BatchPlan
    from sqltailor.recipe import Recipe
    from sqltailor.types import Generate


def quiet(model: str, done: int, total: int) -> None:
    """Show no bar: a job shows itself."""


def batch_models(
    recipe: Recipe, models: Sequence[str] | None, votes: int | None, *, yes: bool, max_usd: float | None
) -> tuple[Recipe, dict[str, Generate]]:
    """Return the recipe by which all questions are asked at once, and the models that are asked so."""
    from sqltailor.cloud.bedrock.batch_inference import BatchModel
    from sqltailor.cloud.bedrock.batch_plan import MOST
    from sqltailor.cloud.cloud_plan import check_budget

    if not models:
        raise ConfigError("--batch asks base models on Bedrock: name one, --model bedrock:amazon.nova-micro-v1:0.")
    if (recipe.generate.candidates if votes is None else votes) or recipe.generate.repairs:
        raise ConfigError("--batch asks each question once: give --votes 0 and generate.repairs=0.")

    def on_plan(planned: BatchPlan) -> None:
        note(planned.text())
        check_budget(planned.row.usd, max_usd, "the job")
        confirm("Ask?", yes)

    whole = recipe.model_copy(update={"generate": recipe.generate.model_copy(update={"batch": MOST})})
    return whole, {model: BatchModel(model, whole, confirm=on_plan, watch=watching) for model in models}
