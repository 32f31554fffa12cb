"""What people say of answers: `feedback.jsonl`, in our own format of examples, to train on.

A correction, or an answer called right, is a pair once its SQL has run, for callers who may run SQL of their own. What
else is said is kept without SQL: training skips it and says so. Of several words on one question the last one counts.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from sqltailor.data.examples import json_line
from sqltailor.data.readers.recognise import FEEDBACK
from sqltailor.runs import read_jsonl, write_text_atomic
from sqltailor.serve.api_keys import ApiKey
from sqltailor.serve.audit import sha256_of
from sqltailor.serve.bodies import FeedbackBody
from sqltailor.serve.service import Service


async def keep(service: Service, body: FeedbackBody, key: ApiKey, *, request: str) -> dict[str, Any]:
    """Keep one word on an answer, and return whether it became a pair; if not, the layer and the reason."""
    may_teach = "edit" in key.rights  # who sends a statement has it run
    learned = (body.correction or (body.sql if body.good else None)) if may_teach else None
    said = {"good": body.good, "answered": body.sql, "by": key.name}
    if learned is None:
        _write(service.options.feedback, _row(body.question, None, service.recipe.dialect) | said)
        return {"kept": True, "pair": False, "reason": None, "layer": None}
    ran = await service.run(key, learned, body.question, request=request, action="feedback")
    if ran.result is None:
        return {"kept": False, "pair": False, "reason": ran.verdict.reason, "layer": ran.verdict.layer}
    _write(service.options.feedback, _row(body.question, learned, service.recipe.dialect) | said)
    return {"kept": True, "pair": True, "reason": None, "layer": None}


def _row(question: str, sql: str | None, dialect: str) -> dict[str, Any]:
    found = {
        "id": f"feedback-{(sha256_of(_asked(question)) or '')[:12]}",
        "question": question,
        "dialect": dialect,
        "source": FEEDBACK,
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    return found | ({"sql": [sql]} if sql is not None else {})


def _asked(question: str) -> str:
    return " ".join(question.casefold().split())


def _write(path: Path, row: dict[str, Any]) -> None:
    """Add a row in the place of what was said of its question before. Called in one thread only."""
    rows = [other for other in (read_jsonl(path) if path.is_file() else ()) if other.get("id") != row["id"]]
    write_text_atomic(path, "".join(map(json_line, [*rows, row])), mode=0o600)
