"""Who asked what and what became of it, by hashes: `audit.jsonl` proves a statement without telling it."""

from __future__ import annotations

import datetime
import hashlib
from pathlib import Path
from typing import Any

from sqltailor.runs import append_jsonl


class Audit:
    """Adds a line to a file for each answer and each statement. It holds no question, no SQL and no value."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def note(
        self, *, request: str, key: str, action: str, question: str | None, sql: str | None, result: dict[str, Any]
    ) -> None:
        """Add one line; of `result` it keeps the verdict and the number of rows."""
        rows = result["rows"]
        append_jsonl(
            self._path,
            {
                "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
                "request": request,
                "key": key,
                "action": action,
                "question_sha256": sha256_of(question),
                "sql_sha256": sha256_of(sql),
                "allowed": result["allowed"],
                "layer": result["layer"],
                "rows": None if rows is None else len(rows),
            },
        )


def sha256_of(text: str | None) -> str | None:
    """Return the SHA-256 of a text as it was written.

    >>> sha256_of("SELECT 1")[:12], sha256_of(None)
    ('e004ebd5b553', None)
    """
    return None if text is None else hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
