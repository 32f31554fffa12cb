"""Parse a model's answer into questions or pairs. Treated as hostile: cut, capped, and never run as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqltailor.prompt.chat_markup import without_thoughts

MAX_ANSWER = 20_000
"""A longer answer is not read: no task asks for so much."""

MAX_OBJECTS = 200

_FENCE = re.compile(r"^\s*```.*$", re.MULTILINE)
_LISTED = re.compile(r"(?:[-*•]\s+|\(?\d{1,3}[.)]\s+)?(?:\*\*)?(?:(?:question|q)\s?\d{0,3}:\s*)?", re.IGNORECASE)
_LABELLED = re.compile(r"question:\s*(.+?)\s*\n\s*sql:\s*(.+?)\s*(?=\n\s*question:|\Z)", re.IGNORECASE | re.DOTALL)
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»"}


class Pair(NamedTuple):
    """A question and its SQL, as the model wrote them."""

    question: str
    sql: str


def questions(text: str) -> list[str]:
    """Return the questions of an answer: one a line, or a JSON list; bullets, numbers and quotes around them go.

    >>> questions('Here are two:\\n1. How many stops?\\n- "Count the stops"')
    ['How many stops?', 'Count the stops']
    """
    text = _plain(text)
    listed = _parsed(text) if text.startswith(("[", "{")) else None
    if isinstance(listed, dict):
        listed = next((value for value in listed.values() if isinstance(value, list)), [*listed.values()])
    if isinstance(listed, list):
        return [" ".join(item.split()) for item in listed if isinstance(item, str) and item.strip()]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):
        lines = lines[1:]
    return [question for line in lines if (question := _unquoted(line[_listed(line) :].strip()))]


def pairs(text: str) -> list[Pair]:
    """Return the question–SQL pairs of an answer: JSON objects, or lines `Question: …` and `SQL: …`.

    >>> pairs('{"question": "How many?", "sql": "SELECT 1"}')
    [Pair(question='How many?', sql='SELECT 1')]
    """
    text = _plain(text)
    found = [pair for value in _objects(text) if (pair := _pair(value)) is not None]
    return found or [Pair(" ".join(question.split()), sql) for question, sql in _LABELLED.findall(text)]


def _plain(text: str) -> str:
    return _FENCE.sub("", without_thoughts(text)).strip()


def _listed(line: str) -> int:
    found = _LISTED.match(line)
    return found.end() if found else 0


def _unquoted(text: str) -> str:
    text = text.removesuffix("**").strip()
    closing = _QUOTES.get(text[:1])
    return text[1:-1].strip() if closing and len(text) > 1 and text.endswith(closing) else text


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _objects(text: str) -> Iterator[Any]:
    """Yield the JSON objects in a text, wherever they stand."""
    decode = json.JSONDecoder(strict=False).raw_decode
    at = text.find("{")
    for _ in range(MAX_OBJECTS):
        if at < 0:
            return
        try:
            value, end = decode(text, at)
            yield value
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)


def _pair(value: Any) -> Pair | None:
    if not isinstance(value, dict):
        return None
    question, sql = value.get("question"), value.get("sql", value.get("query"))
    if not isinstance(question, str) or not isinstance(sql, str):
        return None
    return Pair(" ".join(question.split()), sql.strip())
