"""`sqltailor train` with a cloud backend: plan, confirm, wait."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from sqltailor.cli.confirming import confirm
from sqltailor.cli.output import note, print_json
from sqltailor.cli.watching import watching
from sqltailor.errors import counted

if TYPE_CHECKING:
    from sqltailor.cloud.cloud_plan import CloudPlan
    from sqltailor.recipe import Resolved


def train_in_cloud(
    resolved: Resolved, *, dry_run: bool, yes: bool, max_usd: float | None, overwrite: bool, json: bool
) -> None:
    """Train by a recipe elsewhere, or print what that would do and cost."""
    from sqltailor.cloud.cloud_plan import check_budget
    from sqltailor.cloud.cloud_training import plan, train

    if dry_run:
        planned = plan(resolved)
        print_json(planned.to_json()) if json else print(planned.text())
        return

    def on_plan(planned: CloudPlan) -> None:
        note(planned.text())
        check_budget(planned.usd, max_usd, "the training")
        confirm("Train?", yes)

    try:
        with watching() as on_status:
            result = train(resolved, confirm=on_plan, on_status=on_status, overwrite=overwrite)
    except KeyboardInterrupt:
        note("\nthe job, if created, keeps running: repeat the command to resume, or `sqltailor jobs stop` to end it")
        raise
    if json:
        print_json(dataclasses.asdict(result))
        return
    loss = "not reported" if result.train_loss is None else f"{result.train_loss:.4f}"
    print(f"{result.run}: {counted(result.steps, 'step')}, train loss {loss}, job {result.job}")
    note(f"next:\n  sqltailor deploy run {result.run}")
