"""The harness certifies itself: every gold statement is scored as an answer would be, before answers are."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqltailor.errors import DataError
from sqltailor.evaluate.golds import Gold
from sqltailor.evaluate.statistics import rate
from sqltailor.types import Example

logger = logging.getLogger(__name__)


class GoldCheck(NamedTuple):
    """What is known of one example's gold: why no answer can be judged by it, whether it ran, whether it is empty."""

    failure: str | None = None
    ran: bool = False
    is_empty: bool = False

    @classmethod
    def of(cls, gold: Gold) -> GoldCheck:
        """Return what is kept of a certified gold."""
        empty = any(not answer.result.rows for answer in gold.answers)
        return cls(gold.failure, bool(gold.answers), empty and gold.failure is None)


def certificate(examples: Sequence[Example], checks: Sequence[GoldCheck], *, fuzz: int) -> dict[str, Any]:
    """Return what `scores.json` says of the gold statements, and warn of those by which nothing can be judged.

    `ceiling`: the share of examples, with its interval, whose gold is a right answer to itself: execution rates are of
    these alone. None where nothing ran.
    Raises `DataError` when no gold statement is right.
    """
    pairs = list(zip(examples, checks, strict=True))
    errors = [{"id": e.id, "sql": e.sql[0], "reason": c.failure} for e, c in pairs if c.failure is not None]
    if errors:
        first = f"the first is '{errors[0]['id']}': {errors[0]['reason']}"
        if not any(check.ran and check.failure is None for check in checks):
            raise DataError(f"None of the {len(errors)} gold statements runs. {_hint(examples, fuzz)} {first}")
        logger.warning(
            "%d of %d gold statements fail and count in no execution rate; %s", len(errors), len(pairs), first
        )
    ceiling = rate(float(check.failure is None) for check in checks) if any(check.ran for check in checks) else None
    return {
        "gold_errors": errors,
        "gold_empty": sum(check.is_empty for check in checks),
        "ceiling": ceiling.to_json() if ceiling else None,
    }


def _hint(examples: Sequence[Example], fuzz: int) -> str:
    if fuzz:
        return "Databases that are made up are SQLite's: is the SQL?"
    brings_schemas = all(example.schema is not None for example in examples)
    return "Is it the right database?" + " For rows with their own schema: --fuzz 3." * brings_schemas
