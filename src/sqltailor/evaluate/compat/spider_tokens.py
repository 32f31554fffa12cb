"""Tokens as Spider's official script sees them, which is not how a database reads SQL.

The script gives a statement to NLTK's word tokenizer, made for English (taoyds/test-suite-sql-eval@e97acc5,
process_sql.py; nltk 3.10, tokenize/destructive.py). So `a=1` and `a,1` are one token each, `<>` is two, a text in
single quotes is one in double quotes, and a quote inside a text is the end of it.
"""

from __future__ import annotations

import re

from sqltailor.errors import SQLError

_RULES = (
    (re.compile(r"[«“‘„]|`+"), r" \g<0> "),
    (re.compile(r"([^.])\.([\])}>»”’ ]*)\s*$"), r"\1 . \2 "),
    (re.compile(r"([:,])(\D)"), r" \1 \2"),
    (re.compile(r"[:,]$"), r" \g<0> "),
    (re.compile(r"\.{2,}|[;@#$%&\u2012-\u2015?!*\[\](){}<>]|--|[»”’]"), r" \g<0> "),
)
"""What gets spaces around it."""
_TWO_WORDS = ("cannot", "gimme", "gonna", "gotta", "lemme", "wanna")
_CUT_IN_TWO = re.compile(
    r"\b(can)(not)\b|\b(gim)(me)\b|\b(gon)(na)\b|\b(got)(ta)\b|\b(lem)(me)\b|\b(wan)(na)(?=\s)", re.I
)
"""Words of English that NLTK cuts in two."""


def tokens(sql: str) -> list[str]:
    """Return the tokens of a statement, in lower case but for texts, which stay in double quotes.

    Raises `SQLError` for an odd number of quotes.

    >>> tokens("SELECT a FROM t WHERE b >= 'New York'")
    ['select', 'a', 'from', 't', 'where', 'b', '>=', '"New York"']
    """
    sql = sql.replace("'", '"')
    pieces = sql.split('"')
    if len(pieces) % 2 == 0:
        raise SQLError("Its quotes are not in pairs.")
    texts = {f"__val_{number}__": f'"{piece}"' for number, piece in enumerate(pieces) if number % 2}
    marked = "".join(f"__val_{number}__" if number % 2 else piece for number, piece in enumerate(pieces))
    return _with_operators([texts.get(word, word) for word in _words(marked)])


def _words(text: str) -> list[str]:
    for pattern, spaced in _RULES:
        text = pattern.sub(spaced, text)
    text = text.lower() + " "
    if any(word in text for word in _TWO_WORDS):
        text = _CUT_IN_TWO.sub(lambda m: " ".join(part for part in m.groups() if part), text)
    return text.split()


def _with_operators(words: list[str]) -> list[str]:
    """Return the words with `> =` and its like as one."""
    found: list[str] = []
    for word in words:
        if word == "=" and found and found[-1] in ("!", ">", "<"):
            found[-1] += "="
        else:
            found.append(word)
    return found
