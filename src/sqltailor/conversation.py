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


def read_conversation(path: Path) -> tuple[Message, ...]:
    """Return the last exchanges of a conversation; none where the file does not exist yet.

    Raises `DataError` for a file that holds something else.
    """
    if not path.exists():
        return ()
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


def add_to_conversation(path: Path, question: str, reply: Reply) -> None:
    """Add a question and its answer: the SQL, or why there is none. What was no answer is not added."""
    answer = f"{DECLINE} {reply.declined}" if reply.declined is not None else reply.sql
    if answer is not None and not reply.asks_back:
        append_jsonl(path, {"question": question, "answer": answer})
