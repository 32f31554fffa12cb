"""One answer with everything that its metrics look at."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.gold import GoldAnswer
from sqltailor.types import QueryResult, Schema, Verdict


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer of a model, and what became of it.

    `predicted` is the SQL in it, None when there is none; `declined` is the model's reason for not answering.
    `gold` lists the accepted statements; `gold_declined` says that declining is the right answer. With a database,
    `answers` holds the results of the gold statements that run, `gold_failure` why none does, and either `result` or
    `failure` is set for a predicted statement that the guard let through (`verdict`). Without one all are empty.
    """

    gold: tuple[str, ...]
    predicted: str | None
    declined: str | None = None
    gold_declined: bool = False
    was_cut: bool = False
    dialect: str = "sqlite"
    schema: Schema = field(default_factory=Schema)
    verdict: Verdict | None = None
    answers: tuple[GoldAnswer, ...] = ()
    gold_failure: str | None = None
    result: QueryResult | None = None
    failure: SQLError | None = None
