"""What comes of a question: the statement, the guard's verdict and the rows, as an object and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqltailor.prompt.known import Value
from sqltailor.types import Cell, Completion, Layer, QueryResult, Verdict


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `sql` is None when there is none; `result` is None unless the statement ran.

    `declined` says why the question cannot be answered, as the model, or the schema without the model, says.
    `agrees_with_compiler`: whether the answer to a specification returns what the compiled statement does; None where
    that is not known, or it is a question.
    `layer` is the guard's that refused it; None where it does not run because too few candidates agree. `pair` is the
    id of the known pair that answered without the model: the statement is verified; `values` are those of the question
    in it, which may be changed. With votes, `confidence` is the share of candidates that agree with it, `expected` how
    often such answers were right on validation questions, where the run was asked any, and `readings` the SQL of the
    next best; `asks_back` says that the votes are split, and nothing runs until someone says which reading is meant.
    """

    sql: str | None
    reason: str | None
    allowed: bool | None
    result: QueryResult | None
    completion: Completion
    model: str
    total_ms: float
    layer: Layer | None = None
    confidence: float | None = None
    expected: float | None = None
    readings: tuple[str, ...] = ()
    asks_back: bool = False
    declined: str | None = None
    agrees_with_compiler: bool | None = None
    pair: str | None = None
    values: tuple[Value, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the shape of `ask --json`."""
        return {
            "sql": self.sql,
            "allowed": self.allowed,
            "layer": self.layer,
            "reason": self.reason,
            **_result_json(self.result),
            "verified": self.pair is not None,
            "pair": self.pair,
            "values": [value._asdict() for value in self.values],
            "confidence": self.confidence,
            "expected": self.expected,
            "asks_back": self.asks_back,
            "declined": self.declined,
            "agrees_with_compiler": self.agrees_with_compiler,
            "readings": list(self.readings),
            "repairs": self.completion.repairs,
            "timings_ms": {"first_token": self.completion.first_token_ms, "total": round(self.total_ms, 1)},
            "model": self.model,
        }


class Ran(NamedTuple):
    """What became of a statement: the verdict, and its result where it ran."""

    verdict: Verdict
    result: QueryResult | None

    def to_json(self) -> dict[str, Any]:
        """Return the keys that a reply has, too."""
        allowed, layer, reason = self.verdict.allowed, self.verdict.layer, self.verdict.reason
        return {"allowed": allowed, "layer": layer, "reason": reason} | _result_json(self.result)


def _result_json(result: QueryResult | None) -> dict[str, Any]:
    if result is None:
        return {"columns": None, "rows": None, "truncated": None}
    rows = [[_plain(cell) for cell in row] for row in result.rows]
    return {"columns": list(result.columns), "rows": rows, "truncated": result.truncated}


def _plain(cell: Cell) -> Cell:
    """Return a cell as JSON has it: bytes in hexadecimal digits, and what is no finite number as text."""
    if isinstance(cell, float) and not math.isfinite(cell):
        return str(cell)
    return cell.hex() if isinstance(cell, bytes) else cell
