"""Recognise commented-out SQL, which says nothing about the column beside it."""

from __future__ import annotations

import re

_NAME = r"(?:\w+|\"[^\"]+\"|`[^`]+`|\[[^\]]+\])"
_PLAIN_TYPES = (
    r"(?:big|small|tiny|medium)?int(?:eger|[248]|64)?|n?varchar2?|character varying|numeric|decimal|float[48]?"
    r"|double precision|bool(?:ean)?|timestamp(?:tz|_ntz)?|datetime2?|bytea|jsonb?|uuid|serial|bigserial|[cb]lob"
)
_ALSO_ENGLISH = r"char|number|date|time|text|string|real|double|money|bit|year|binary|array\S*|struct\S*|map\S*"
_SIZE = r"(?:\s*\([^()]*\))?"
_FURTHER = (
    r"(?:\s+(?:not\s+null|null|default\s+\S+|unique|primary\s+key|auto_?increment|unsigned|collate\s+\S+"
    r"|references\s+\S+(?:\s*\([^()]*\))?|check\s*\(.*\)|identity(?:\s*\([^()]*\))?|generated\s.*|comment\s+'.*'"
    r"|constraint\s+\S+(?=\s)))"
)
_COLUMN = re.compile(rf"{_NAME}\s+(?:{_PLAIN_TYPES}|{_ALSO_ENGLISH}){_SIZE}{_FURTHER}*\s*", re.IGNORECASE)
_SURE_COLUMN = re.compile(
    rf"{_NAME}\s+(?:(?:{_PLAIN_TYPES}){_SIZE}{_FURTHER}*|(?:{_ALSO_ENGLISH})(?:\s*\([^()]*\){_FURTHER}*|{_FURTHER}+))\s*",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    rf"(?:constraint\s+{_NAME}\s+)?(?:primary\s+key|foreign\s+key|unique(?:\s+(?:key|index))?(?:\s+{_NAME})?"
    rf"|check|(?:unique\s+)?(?:key|index)\s+{_NAME})\s*\(.*"
    r"|(?:create|drop|alter|truncate)\s+(?:table|view|index|unique)\b.*|(?:insert\s+into|delete\s+from)\s.*",
    re.IGNORECASE,
)


def is_code(note: str) -> bool:
    """Tell whether the text of a comment reads as a part of DDL that has been commented out.

    >>> is_code("old_price float8 NULL,"), is_code("title varchar(80)"), is_code("birth date of the owner")
    (True, True, False)
    """
    if len(note) > 2_000 or (note[:1] == "'" or not re.search(r"\w", note)):
        return False
    text = note.strip(" ,;")
    if _CLAUSE.fullmatch(text):
        return True
    parts = _parts(text)
    is_list = note.rstrip().endswith(",") or note.lstrip().startswith(",") or len(parts) > 1
    pattern = _COLUMN if is_list else _SURE_COLUMN
    return all(pattern.fullmatch(part) or _CLAUSE.fullmatch(part) for part in parts)


def _parts(text: str) -> list[str]:
    """Return the parts between commas outside parentheses."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]
