"""A conversation in a file: what was asked before, so that the next question may follow it."""

from __future__ import annotations

from pathlib import Path

from sqltailor.errors import DataError
from sqltailor.reply import Reply
from sqltailor.runs import append_jsonl, read_jsonl
from sqltailor.sql.constrain.grammar import DECLINE
from sqltailor.types import Message

EXCHANGES = 4
"""Questions with their answers that a model is shown, the last ones: small models lose track of more."""


class Conversation:
    """The exchanges in a file, which need not exist yet; without a file there are none, and none is kept.

    Raises `DataError` for a file that holds something else.
    """

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path is not None else None
        self.history = () if self._path is None or not self._path.exists() else _read(self._path)

    def add(self, question: str, reply: Reply) -> None:
        """Add a question and its answer: the SQL, or why there is none. What was no answer is not added."""
        answer = f"{DECLINE} {reply.declined}" if reply.declined is not None else reply.sql
        if self._path is not None and answer is not None and not reply.asks_back:
            append_jsonl(self._path, {"question": question, "answer": answer})


def _read(path: Path) -> tuple[Message, ...]:
    """Return the last exchanges of a conversation."""
    rows = list(read_jsonl(path))
    if not all(isinstance(row, dict) and set(row) == {"question", "answer"} for row in rows):
        raise DataError(
            f"{path} is not a conversation: each row needs `question` and `answer`. Give --follow another file."
        )
    return tuple(
        message
        for row in rows[-EXCHANGES:]
        for message in (Message("user", str(row["question"])), Message("assistant", str(row["answer"])))
    )
