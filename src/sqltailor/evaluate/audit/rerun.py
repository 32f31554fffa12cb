"""One gold statement under trial: its answer, and reruns that are compared with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from sqltailor.database import Database
from sqltailor.errors import SQLError
from sqltailor.evaluate.metrics.difference import difference, loosened
from sqltailor.evaluate.metrics.gold import GoldAnswer
from sqltailor.evaluate.metrics.results import same_result
from sqltailor.sql.dialect import write
from sqltailor.types import QueryResult, Schema

if TYPE_CHECKING:
    from sqlglot.expressions import Expression


class Finding(NamedTuple):
    """A smell that fired: what the rerun showed, and the statement that was run."""

    smell: str
    says: str
    rerun: str


@dataclass
class Trial:
    """A gold statement that ran. `tree` must not be changed; `failed` counts reruns that gave no result."""

    sql: str
    dialect: str
    tree: Expression
    schema: Schema
    database: Database
    answer: GoldAnswer
    failed: int = field(default=0)

    def run(self, sql: str) -> QueryResult | None:
        """Return a result of the database within its usual limits; None where there is none."""
        try:
            return self.database.run(sql, exact=True)
        except SQLError:
            return None

    def changed(self, tree: Expression, *, loosely: bool = False) -> tuple[str, str] | None:
        """Rerun a changed statement; return how its answer differs, and its text, or None when it does not.

        Rows that tie may change places. `loosely`: 7 and '7' are the same here.
        """
        rerun = write(tree, self.dialect)
        found = self.run(rerun)
        if found is None:
            self.failed += 1
            return None
        gold, ordered = self.answer.result, self.answer.ordered
        if self.answer.matches(found):
            return None
        if loosely and same_result(loosened(gold), loosened(found), ordered=ordered):
            return None
        return difference(gold, found, ordered=ordered).says, rerun
