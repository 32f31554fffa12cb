"""One answer with everything that metrics look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.gold import GoldAnswer
from sqltailor.sql.dialect import parse
from sqltailor.types import QueryResult, Schema, Verdict

if TYPE_CHECKING:
    from sqlglot.expressions import Expression


@dataclass(frozen=True)
class Attempt:
    """One answer of a model, and what became of it.

    `predicted` is the SQL in it, None when there is none; `declined` is the model's reason for not answering.
    `gold` lists the accepted statements; `gold_declined` says that declining is the right answer. With a database,
    `answers` holds the results of the gold statements that run, `gold_failure` why none does, and either `result` or
    `failure` is set for a predicted statement that the guard let through (`verdict`). Without one all are empty.
    For a specification `compiled` is the compiler's statement, and `referee` its result where there is a database.
    `refusal` says why a guardrail stood in the answer's place. `examined` is the tree of `predicted` that the guard
    read, if it did.
    """

    gold: tuple[str, ...]
    predicted: str | None
    declined: str | None = None
    gold_declined: bool = False
    was_cut: bool = False
    refusal: str | None = None
    dialect: str = "sqlite"
    schema: Schema = field(default_factory=Schema)
    verdict: Verdict | None = None
    answers: tuple[GoldAnswer, ...] = ()
    gold_failure: str | None = None
    compiled: str | None = None
    referee: GoldAnswer | None = None
    result: QueryResult | None = None
    failure: SQLError | None = None
    examined: Expression | None = field(default=None, compare=False, repr=False)

    @property
    def tree(self) -> Expression | None:
        """The syntax tree of `predicted`, parsed once for all metrics: none may change it. None where there is none."""
        return self._parsed[0]

    @property
    def unparsed(self) -> SQLError | None:
        """Why `predicted` has no tree."""
        return self._parsed[1]

    @cached_property
    def _parsed(self) -> tuple[Expression | None, SQLError | None]:
        if self.examined is not None or self.predicted is None:
            return self.examined, None
        try:
            return parse(self.predicted, self.dialect), None
        except SQLError as e:
            return None, e
