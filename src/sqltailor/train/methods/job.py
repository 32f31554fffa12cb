"""A stage that is ready to train, as every method takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sqltailor.project import Project
    from sqltailor.train.rows.encoding import Rows
    from sqltailor.train.running.base_model import Setup
    from sqltailor.train.running.stage import Stage, StageResult
    from sqltailor.train.running.watch import Progress


class Job(NamedTuple):
    """What to train, on what, in batches of `micro_batch` rows at a time; whom to tell, and whether to stop.

    `rows` are for methods `sft` and `pretrain`; the others make their own of the recipe's examples.
    """

    stage: Stage
    project: Project
    rows: Rows | None
    setup: Setup
    micro_batch: int
    progress: Progress | None = None
    interrupted: Callable[[], bool] = lambda: False


Tune = Callable[[Job], "StageResult"]
"""A method: trains one stage, from its newest checkpoint if it has one, and saves what it learned."""
