"""Read a model's answer: text → SQL, or the reason why the model declined."""

from __future__ import annotations

import re
from typing import NamedTuple

DECLINE = "-- cannot answer:"
"""How a completion says that the question cannot be answered from this database."""


class Answer(NamedTuple):
    """What a completion says: `sql`, or why not (`declined`); both None when it holds no SQL at all."""

    sql: str | None
    declined: str | None = None


_THINK = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[ \t]*([A-Za-z]*)[^\n]*\n(.*?)(?:```|\Z)", re.DOTALL)
_START = re.compile(r"^[ \t]*(?:\(\s*)*(?:SELECT|WITH|VALUES)\b", re.IGNORECASE | re.MULTILINE)


def extract(text: str) -> Answer:
    """Return the SQL in a completion.

    Thoughts in `<think>` are dropped. Of several fenced blocks the first that holds a query counts; without a fence,
    the text from the first line that begins a query. `-- cannot answer: REASON` is a declined answer.
    """
    text = _THINK.sub("", text).strip()
    if text.lower().startswith(DECLINE):
        return Answer(None, text[len(DECLINE) :].split("\n")[0].strip() or "no reason given")
    for language, block in _FENCE.findall(text):
        if language.lower() in ("", "sql", "sqlite", "postgresql", "mysql", "duckdb") and block.strip():
            return extract(block)
    start = _START.search(text)
    if start is None:
        # a statement that is no query (DELETE …) is still what the model wrote: the guard must see it
        bare = re.match(r"[A-Za-z]+\b", text)
        is_statement = bare is not None and bare.group().upper() in _STATEMENTS
        return Answer(text.rstrip(";").rstrip() if is_statement else None)
    sql = text[start.start() :].strip()
    return Answer(sql.split("\n\n")[0].rstrip().rstrip(";").rstrip())


_STATEMENTS = frozenset(
    ("INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "CREATE", "DROP", "ALTER", "TRUNCATE", "PRAGMA", "ATTACH",
     "COPY", "EXPLAIN", "SET", "CALL")
)  # fmt: skip
