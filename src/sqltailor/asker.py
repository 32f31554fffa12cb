"""Question or spec → SQL, the guard's verdict, and rows: what `ask` prints and `/ask` serves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from sqltailor.database import Database
from sqltailor.errors import Refused, SQLError, Timeout
from sqltailor.project import BuildPrompt
from sqltailor.prompt.extract import extract
from sqltailor.sql.guard import check
from sqltailor.types import Cell, Completion, Example, Generate, GenerateOptions, Grant, QueryResult, Schema, Verdict


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `sql` is None when the model declined or wrote none; `result` is None unless the statement ran."""

    sql: str | None
    reason: str | None
    allowed: bool | None
    result: QueryResult | None
    completion: Completion
    model: str
    total_ms: float

    def to_json(self) -> dict[str, Any]:
        """Return the shape of `ask --json`; `confidence` and `agrees_with_compiler` are null until they exist."""
        rows = None if self.result is None else [[_plain(c) for c in row] for row in self.result.rows]
        return {
            "sql": self.sql,
            "reason": self.reason,
            "allowed": self.allowed,
            "columns": None if self.result is None else list(self.result.columns),
            "rows": rows,
            "timings_ms": {"first_token": self.completion.first_token_ms, "total": round(self.total_ms, 1)},
            "model": self.model,
            "confidence": None,
            "agrees_with_compiler": None,
        }


def answer(
    example: Example,
    generate: Generate,
    *,
    model: str,
    prompt: BuildPrompt,
    schema: Schema,
    grant: Grant | None = None,
    database: Database | None = None,
    options: GenerateOptions | None = None,
) -> Reply:
    """Ask the model, judge its statement, and run it where a `database` is given and the guard allows it."""
    started = time.monotonic()
    [completion, *_] = generate([prompt(example, schema)], options or GenerateOptions(max_tokens=256))
    sql, declined = extract(completion.text)
    verdict = _checked(sql, declined, completion, example.dialect, schema, grant or Grant())
    result = None
    if database is not None and sql is not None and verdict.allowed:
        result, verdict = _run(database, sql, verdict)
    total_ms = (time.monotonic() - started) * 1000
    allowed = verdict.allowed if sql is not None else None
    return Reply(sql, verdict.reason, allowed, result, completion, model, total_ms)


def _checked(
    sql: str | None, declined: str | None, completion: Completion, dialect: str, schema: Schema, grant: Grant
) -> Verdict:
    if declined is not None:
        return Verdict(False, None, f"cannot answer: {declined}")
    if sql is None and completion.stop == "length" and completion.tokens_out == 0:
        return Verdict(
            False,
            "limits",
            f"the prompt has {completion.tokens_in:,} tokens, more than the model reads. "
            "Name the tables that questions are about in database.allow",
        )
    if sql is None:
        return Verdict(False, None, "the model wrote no SQL")
    if completion.stop == "length":
        return Verdict(False, "limits", "the answer was cut at generate.max_tokens")
    return check(sql, dialect=dialect, schema=schema, grant=grant)


def _run(database: Database, sql: str, verdict: Verdict) -> tuple[QueryResult | None, Verdict]:
    try:
        return database.run(sql), verdict
    except Refused as e:
        return None, Verdict(False, e.layer, str(e))
    except Timeout as e:
        return None, Verdict(True, "limits", str(e))
    except SQLError as e:
        return None, Verdict(True, None, f"the database says: {e}")


def _plain(cell: Cell) -> Cell:
    return cell.hex() if isinstance(cell, bytes) else cell
